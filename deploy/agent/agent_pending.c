/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * How many updates wait: from the distribution's own count, apt's lists, apt, or dnf's cache. None
 * of them is asked to fetch anything.
 */
#include "deploy/agent/agent_pending.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "deploy/agent/agent_exec.h"
#include "deploy/agent/agent_file.h"
#include "deploy/agent/agent_gather.h"
#include "deploy/agent/agent_updates.h"

#define SMALL 65536
#define WHY 160
#define STAMP "/var/lib/update-notifier/updates-available"
#define DNF_PENDING 100      /* dnf's exit code when there are updates */
#define LINE_MAX_TEXT 512
#define KEPT_S 3600

static const char *line_copy(const char *s, char out[LINE_MAX_TEXT])
{
    size_t len = strcspn(s, "\n");

    snprintf(out, LINE_MAX_TEXT, "%.*s", (int)(len < LINE_MAX_TEXT ? len : LINE_MAX_TEXT - 1), s);
    return s[len] == '\n' ? s + len + 1 : s + len;
}

/* "Inst openssl [3.0.14-1] (3.0.15-1 Debian-Security:12/stable-security [amd64])"; a package that
 * would only come new has no version in brackets. */
void agent_pending_apt(const char *text, int64_t *all, int64_t *security)
{
    char line[LINE_MAX_TEXT];

    *all = *security = 0;
    while (*text) {
        text = line_copy(text, line);
        if (strncmp(line, "Inst ", 5) != 0 || !strstr(line, " ["))
            continue;
        const char *open = strchr(line, '('), *old = strstr(line, " [");

        if (!open || old > open)
            continue;
        (*all)++;
        *security += strstr(open, "-security") || strstr(open, "Security:") ? 1 : 0;
    }
}

/* "openssl.x86_64    1:3.0.7-28.el9    baseos", up to the packages that replace others. */
int64_t agent_pending_dnf(const char *text)
{
    char line[LINE_MAX_TEXT], name[128], version[128], repo[128], more;
    int64_t n = 0;

    while (*text) {
        text = line_copy(text, line);
        if (strncmp(line, "Obsoleting", 10) == 0)
            break;
        if (line[0] != ' ' &&
            sscanf(line, "%127s %127s %127s %c", name, version, repo, &more) == 3 &&
            strchr(name, '.'))
            n++;
    }
    return n;
}

static void put_pending(struct agent_gather *g, int64_t all, int64_t security, const char *from)
{
    agent_put(g, "pend.crit", json_integer(security), from);
    agent_put(g, "pend.imp", json_integer(all > security ? all - security : 0), from);
}

static void put_none(struct agent_gather *g, const char *why)
{
    agent_put_unknown(g, "pend.crit", why);
    agent_put_unknown(g, "pend.imp", why);
}

/* Ubuntu counts by itself. */
static bool by_stamp(struct agent_gather *g)
{
    char *text = agent_file_read(g->root, STAMP, SMALL, NULL);
    int64_t all = 0, security = 0;
    bool known = text && agent_read_updates(text, &all, &security);

    if (known)
        put_pending(g, all, security, STAMP);
    free(text);
    return known;
}

static bool by_lists(struct agent_gather *g)
{
    int64_t all, security;
    const char *from;

    if (!agent_updates_pending(g->root, g->now, &all, &security, &from))
        return false;
    put_pending(g, all, security, from);
    return true;
}

/* Lists that are compressed only apt reads. It is asked what it would do, and does nothing. */
static void by_apt(struct agent_gather *g)
{
    static const char *const argv[] = {"apt-get", "-s", "-qq", "-o", "Debug::NoLocking=1",
                                       "dist-upgrade", NULL};
    char why[WHY], *text;
    int64_t all, security;

    if (!agent_updates_fresh(g->root, g->now)) {
        put_none(g, "apt has not fetched its package lists within a week (apt update)");
        return;
    }
    if (!agent_updates_security(g->root)) {
        put_none(g, "apt has no list of a security archive");
        return;
    }
    text = agent_ask(g, argv, NULL, why);
    if (text) {
        agent_pending_apt(text, &all, &security);
        put_pending(g, all, security, "apt-get -s dist-upgrade");
    } else {
        put_none(g, why);
    }
    free(text);
}

/* -C: from the cache alone. -1 when it does not say. */
static int64_t dnf_count(struct agent_gather *g, bool security, char why[WHY])
{
    const char *const argv[] = {"dnf", "-q", "-C", "check-update", security ? "--security" : NULL,
                                NULL};
    int status = 0;
    char *text = agent_ask(g, argv, &status, why);
    int64_t n = !text ? -1 : status == 0 ? 0 : status == DNF_PENDING ? agent_pending_dnf(text) : -1;

    if (text && n < 0)
        snprintf(why, WHY, "dnf -C check-update ended with %d", status);
    free(text);
    return n;
}

static int64_t dnf_fetched(struct agent_gather *g)
{
    static const char *const stamps[] = {"/var/cache/dnf/last_makecache", "/var/cache/dnf",
                                         "/var/cache/libdnf5"};
    int64_t newest = -1;

    for (size_t i = 0; i < sizeof stamps / sizeof *stamps; i++) {
        int64_t at = agent_file_changed(g->root, stamps[i]);

        newest = at > newest ? at : newest;
    }
    return newest;
}

static void by_dnf(struct agent_gather *g)
{
    char why[WHY];
    int64_t all, security;

    if (dnf_fetched(g) <= g->now - AGENT_LISTS_AGE) {
        put_none(g, "dnf's cache is older than a week (dnf makecache)");
        return;
    }
    all = dnf_count(g, false, why);
    security = all < 0 ? -1 : dnf_count(g, true, why);
    if (security >= 0)
        put_pending(g, all, security, "dnf -C check-update");
    else
        put_none(g, why);
}

/* ---- kept ---- */

/* The answer takes a second or two and comes of these files alone: while none of them changes it is
 * not worked out again, for an hour. What is not known is asked each time. */
static const char *const MADE_OF[] = {
    STAMP, "/var/lib/dpkg/status", "/var/lib/apt/lists", "/var/lib/apt/lists/partial",
    "/var/lib/apt/periodic/update-success-stamp", "/var/lib/rpm/rpmdb.sqlite",
    "/usr/lib/sysimage/rpm/rpmdb.sqlite", "/var/cache/dnf/last_makecache"};
#define FILES (sizeof MADE_OF / sizeof *MADE_OF)

static struct {
    int64_t changed[FILES], until, all, security;
    char root[AGENT_PATH], from[64];
} kept;

static bool kept_put(struct agent_gather *g)
{
    bool same = g->now < kept.until && strcmp(g->root, kept.root) == 0;

    for (size_t i = 0; same && i < FILES; i++)
        same = agent_file_changed(g->root, MADE_OF[i]) == kept.changed[i];
    if (same)
        put_pending(g, kept.all, kept.security, kept.from);
    return same;
}

static void keep(struct agent_gather *g, int64_t all, int64_t security, const char *from)
{
    for (size_t i = 0; i < FILES; i++)
        kept.changed[i] = agent_file_changed(g->root, MADE_OF[i]);
    kept.until = g->now + KEPT_S;
    kept.all = all;
    kept.security = security;
    snprintf(kept.from, sizeof kept.from, "%.63s", from);
    snprintf(kept.root, sizeof kept.root, "%.*s", AGENT_PATH - 1, g->root);
}

static void keep_put(struct agent_gather *g)
{
    const json_t *pend = json_object_get(g->f->pst, "pend");
    int64_t crit = json_integer_value(json_object_get(pend, "crit"));

    if (pend)
        keep(g, crit + json_integer_value(json_object_get(pend, "imp")), crit,
             json_string_value(json_object_get(g->f->from, "pend.crit")));
}

/* ---- asked in turn ---- */

static void ask(struct agent_gather *g)
{
    if (by_stamp(g) || by_lists(g))
        return;
    if (agent_exec_there(g->root, "apt-get"))
        by_apt(g);
    else if (agent_exec_there(g->root, "dnf"))
        by_dnf(g);
    else
        put_none(g, "neither apt nor dnf is here");
}

void agent_gather_updates(struct agent_gather *g)
{
    if (kept_put(g))
        return;
    ask(g);
    keep_put(g);
}
