/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A policy file read, parsed and given its time zones.
 */
#include "admin/cli/policy_file.h"

#include "admin/cli/term.h"

#include <stdlib.h>
#include <string.h>

#define ZONE_MAX 65536u          /* the largest TZif of tzdata has 3.6 kB */

bool zone_name_ok(const char *name)
{
    size_t n = strlen(name);
    for (size_t i = 0; i < n; i++)
        if (!(name[i] >= 'a' && name[i] <= 'z') && !(name[i] >= 'A' && name[i] <= 'Z') &&
            !(name[i] >= '0' && name[i] <= '9') && !strchr("/_+-", name[i]))
            return false;
    return n > 0 && name[0] != '/' && name[n - 1] != '/' && !strstr(name, "//");
}

static int load_zone(struct policy *p, const char *name)
{
    char path[128], safe[TERM_SAFE];
    size_t len;
    char *bytes = NULL;
    snprintf(path, sizeof path, "/usr/share/zoneinfo/%s", name);
    if (zone_name_ok(name))
        bytes = file_bytes(path, ZONE_MAX, &len);
    int rc = bytes ? policy_zone_set(p, name, (const uint8_t *)bytes, len) : -1;
    free(bytes);
    if (rc < 0)
        fprintf(stderr, "portcullis: there is no time zone '%s' on this machine\n"
                        "  hint: names are as in /usr/share/zoneinfo; Debian package tzdata\n",
                term_safe(name, safe));
    return rc;
}

int policy_file_load(struct policy_file *f, const char *name)
{
    const char *zone;
    memset(f, 0, sizeof *f);
    if (text_file_read(&f->file, name) < 0)
        return -1;
    f->policy = policy_parse(f->file.text, f->file.len, &f->diags);
    if (!f->policy)
        return -1;
    for (size_t i = 0; (zone = policy_zone_name(f->policy, i)); i++)
        if (load_zone(f->policy, zone) < 0)
            return -1;
    return 0;
}

void policy_file_close(struct policy_file *f)
{
    policy_free(f->policy);
    f->policy = NULL;
    text_file_close(&f->file);
}

/* diag_print() has made the source harmless; the file's name is ours to escape. */
void policy_file_complain(const struct policy_file *f)
{
    char shown[2048], name[TERM_SAFE];
    term_safe(f->file.name, name);
    for (size_t i = 0; i < f->diags.n; i++) {
        diag_print(&f->diags.v[i], name, f->file.text, f->file.len, shown, sizeof shown);
        fputs(term_colour(stderr, f->diags.v[i].warning ? YELLOW : RED), stderr);
        fputs(shown, stderr);
        fputs(term_colour(stderr, PLAIN), stderr);
    }
    if (f->diags.errors > f->diags.n)
        fprintf(stderr, "... and more: %zu errors in all\n", f->diags.errors);
}
