/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Installed packages are read into a sorted array, the lists are streamed past it. What apt would
 * not install by itself (backports, experimental) does not count as an update.
 */
#include "deploy/agent/agent_updates.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "deploy/agent/agent_file.h"

#define LISTS "/var/lib/apt/lists"
#define STATUS "/var/lib/dpkg/status"
#define INSTALLED_MAX 100000
#define NAME_TEXT 160          /* "package:architecture" */
#define VERSION_TEXT 128

/* ---- the order of versions ---- */

static bool is_digit(char c) { return c >= '0' && c <= '9'; }
static bool is_alpha(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }

/* "~" sorts before the end, the end before letters, letters before the rest. */
static int order(const char *s, const char *end)
{
    if (s == end || is_digit(*s))
        return 0;
    if (*s == '~')
        return -1;
    return is_alpha(*s) ? *s : *s + 256;
}

/* Pieces that are no numbers, then numbers, in turns. */
static int part_cmp(const char *a, const char *a_end, const char *b, const char *b_end)
{
    while (a < a_end || b < b_end) {
        int first = 0;

        while ((a < a_end && !is_digit(*a)) || (b < b_end && !is_digit(*b))) {
            int d = order(a, a_end) - order(b, b_end);

            if (d != 0)
                return d;
            a++;
            b++;
        }
        while (a < a_end && *a == '0')
            a++;
        while (b < b_end && *b == '0')
            b++;
        while (a < a_end && b < b_end && is_digit(*a) && is_digit(*b)) {
            if (first == 0)
                first = *a - *b;
            a++;
            b++;
        }
        if (a < a_end && is_digit(*a))
            return 1;
        if (b < b_end && is_digit(*b))
            return -1;
        if (first != 0)
            return first;
    }
    return 0;
}

struct version { const char *epoch, *epoch_end, *upstream, *upstream_end, *revision, *end; };

static struct version version_split(const char *s)
{
    const char *colon = strchr(s, ':'), *end = s + strlen(s);
    const char *upstream = colon ? colon + 1 : s, *dash = strrchr(upstream, '-');

    return (struct version){s,        colon ? colon : s,     upstream,
                            dash ? dash : end, dash ? dash + 1 : end, end};
}

int agent_deb_version_cmp(const char *a, const char *b)
{
    struct version x = version_split(a), y = version_split(b);
    int d = part_cmp(x.epoch, x.epoch_end, y.epoch, y.epoch_end);

    if (d == 0)
        d = part_cmp(x.upstream, x.upstream_end, y.upstream, y.upstream_end);
    return d != 0 ? d : part_cmp(x.revision, x.end, y.revision, y.end);
}

/* ---- stanzas ---- */

struct package {
    char name[NAME_TEXT], version[VERSION_TEXT];
    bool installed;         /* Status: ... installed */
    bool newer, security;   /* a list has a newer one; the security archive has */
};

/* The value of "Field: value\n", NULL when the line is another. */
static const char *field(const char *line, const char *name)
{
    size_t len = strlen(name);

    return strncmp(line, name, len) == 0 && strncmp(line + len, ": ", 2) == 0 ? line + len + 2
                                                                            : NULL;
}

static void take(char *out, size_t size, const char *value)
{
    snprintf(out, size, "%.*s", (int)strcspn(value, "\n"), value);
}

static void take_line(const char *line, struct package *p, char arch[32])
{
    const char *v;

    if ((v = field(line, "Package")))
        take(p->name, 120, v);
    else if ((v = field(line, "Version")))
        take(p->version, sizeof p->version, v);
    else if ((v = field(line, "Architecture")))
        take(arch, 32, v);
    else if ((v = field(line, "Status")))
        p->installed = strstr(v, " installed") != NULL;
}

/* The next stanza of the file; false at its end. */
static bool next_package(FILE *f, char **line, size_t *room, struct package *p)
{
    char arch[32] = "";
    bool any = false;

    memset(p, 0, sizeof *p);
    while (getline(line, room, f) > 0) {
        if ((*line)[0] == '\n' && any)
            break;
        any = any || (*line)[0] != '\n';
        take_line(*line, p, arch);
    }
    strcat(p->name, ":");
    strcat(p->name, arch);
    return any;
}

static FILE *open_below(const char *root, const char *path)
{
    char whole[AGENT_PATH];

    return agent_path(root, path, whole) ? fopen(whole, "re") : NULL;
}

/* ---- what is installed ---- */

struct installed { struct package *v; size_t n, room; };

static int package_cmp(const void *a, const void *b)
{
    const struct package *x = a, *y = b;

    return strcmp(x->name, y->name);
}

static bool installed_add(struct installed *all, const struct package *p)
{
    if (all->n == all->room) {
        size_t room = all->room ? all->room * 2 : 1024;
        struct package *v =
            room <= INSTALLED_MAX ? realloc(all->v, room * sizeof *v) : NULL;

        if (!v)
            return false;
        all->v = v;
        all->room = room;
    }
    all->v[all->n++] = *p;
    return true;
}

static bool installed_read(const char *root, struct installed *all)
{
    FILE *f = open_below(root, STATUS);
    struct package p;
    char *line = NULL;
    size_t room = 0;
    bool ok = f != NULL;

    while (ok && next_package(f, &line, &room, &p))
        if (p.installed)
            ok = installed_add(all, &p);
    free(line);
    if (f)
        fclose(f);
    if (ok && all->n > 0)
        qsort(all->v, all->n, sizeof *all->v, package_cmp);
    return ok && all->n > 0;
}

/* ---- the lists ---- */

static void list_read(FILE *f, struct installed *all, bool security)
{
    struct package p, *mine;
    char *line = NULL;
    size_t room = 0;

    while (next_package(f, &line, &room, &p)) {
        mine = bsearch(&p, all->v, all->n, sizeof p, package_cmp);
        if (!mine || agent_deb_version_cmp(p.version, mine->version) <= 0)
            continue;
        mine->newer = true;
        mine->security = mine->security || security;
    }
    free(line);
}

static bool is_list(const char *name)
{
    size_t len = strlen(name), end = strlen("_Packages");

    return len > end && strcmp(name + len - end, "_Packages") == 0 &&
           !strstr(name, "backports") && !strstr(name, "experimental");
}

/* True when a list of the security archive was among them. */
static bool lists_read(const char *root, struct installed *all)
{
    char folder[AGENT_PATH], path[AGENT_PATH];
    DIR *d = agent_path(root, LISTS, folder) ? opendir(folder) : NULL;
    bool any_security = false;
    struct dirent *e;

    while (d && (e = readdir(d)) != NULL) {
        bool security = strstr(e->d_name, "security") != NULL;
        FILE *f;

        if (!is_list(e->d_name) ||
            snprintf(path, sizeof path, "%s/%s", LISTS, e->d_name) >= (int)sizeof path)
            continue;
        f = open_below(root, path);
        if (!f)
            continue;
        list_read(f, all, security);
        any_security = any_security || security;
        fclose(f);
    }
    if (d)
        closedir(d);
    return any_security;
}

bool agent_updates_security(const char *root)
{
    char folder[AGENT_PATH];
    DIR *d = agent_path(root, LISTS, folder) ? opendir(folder) : NULL;
    bool found = false;
    struct dirent *e;

    while (d && !found && (e = readdir(d)) != NULL)
        found = strstr(e->d_name, "security") && strstr(e->d_name, "_Packages");
    if (d)
        closedir(d);
    return found;
}

/* apt puts files into lists/partial at each update; what it fetches keeps the server's times. */
bool agent_updates_fresh(const char *root, int64_t now)
{
    int64_t a = agent_file_changed(root, LISTS "/partial"),
            b = agent_file_changed(root, "/var/lib/apt/periodic/update-success-stamp");

    return (a > b ? a : b) > now - AGENT_LISTS_AGE;
}

bool agent_updates_pending(const char *root, int64_t now, int64_t *all, int64_t *security,
                           const char **from)
{
    struct installed have = {NULL, 0, 0};
    bool known = agent_updates_fresh(root, now) && installed_read(root, &have) && lists_read(root, &have);

    *all = *security = 0;
    for (size_t i = 0; known && i < have.n; i++) {
        *all += have.v[i].newer;
        *security += have.v[i].security;
    }
    free(have.v);
    *from = LISTS;
    return known;
}
