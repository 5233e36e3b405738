/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Signs that somebody else was root here. A short list: a sign makes the fact true, none makes it
 * false, and false does not prove that nobody was.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "deploy/agent/agent_file.h"
#include "deploy/agent/agent_gather.h"

#define SMALL (1u << 20)
#define SIGN 160

/* A library that every program is made to load. */
static bool preload(struct agent_gather *g, char sign[SIGN])
{
    char *text = agent_file_read(g->root, "/etc/ld.so.preload", SMALL, NULL);
    bool any = text && text[strspn(text, " \t\r\n")] != '\0';

    free(text);
    snprintf(sign, SIGN, "/etc/ld.so.preload makes every program load a library");
    return any;
}

static bool environment(struct agent_gather *g, char sign[SIGN])
{
    char *text = agent_file_read(g->root, "/etc/environment", SMALL, NULL);
    bool any = false;

    for (const char *s = text; s && *s; s += strcspn(s, "\n"), s += *s == '\n')
        any = any || strncmp(s, "LD_PRELOAD=", 11) == 0;
    free(text);
    snprintf(sign, SIGN, "/etc/environment sets LD_PRELOAD");
    return any;
}

/* What only root may write, and is root's. */
static bool open_path(struct agent_gather *g, char sign[SIGN])
{
    static const char *const paths[] = {
        "/etc",        "/usr",          "/usr/bin",     "/usr/sbin",   "/usr/lib",
        "/usr/local/bin", "/boot",      "/etc/passwd",  "/etc/shadow", "/etc/sudoers",
        "/etc/crontab", "/etc/ssh",     "/etc/systemd/system"};
    char path[AGENT_PATH];
    struct stat st;

    for (size_t i = 0; i < sizeof paths / sizeof *paths; i++) {
        if (!agent_path(g->root, paths[i], path) || stat(path, &st) != 0)
            continue;
        snprintf(sign, SIGN, "%s is %s", paths[i],
                 st.st_uid != 0 ? "not root's" : "open for everybody to write");
        if (st.st_uid != 0 || (st.st_mode & 002))
            return true;
    }
    return false;
}

/* "name:x:0:..." of another name than root. */
static bool second_root(struct agent_gather *g, char sign[SIGN])
{
    char *text = agent_file_read(g->root, "/etc/passwd", SMALL, NULL);
    bool any = false;

    for (const char *s = text; s && *s && !any; s += strcspn(s, "\n"), s += *s == '\n') {
        const char *two = strchr(s, ':'), *three = two ? strchr(two + 1, ':') : NULL;

        any = three && three < s + strcspn(s, "\n") && strncmp(three, ":0:", 3) == 0 &&
              strncmp(s, "root:", 5) != 0;
    }
    free(text);
    snprintf(sign, SIGN, "/etc/passwd has a second account of number 0");
    return any;
}

void agent_gather_tamper(struct agent_gather *g)
{
    static bool (*const look[])(struct agent_gather *, char *) = {preload, environment, open_path,
                                                                  second_root};
    char sign[SIGN];

    if (!agent_file_exists(g->root, "/etc/passwd")) {
        agent_put_unknown(g, "tamper.rooted", "/etc/passwd cannot be read");
        return;
    }
    for (size_t i = 0; i < sizeof look / sizeof *look; i++)
        if (look[i](g, sign)) {
            agent_put(g, "tamper.rooted", json_true(), sign);
            return;
        }
    agent_put(g, "tamper.rooted", json_false(),
              "no sign in ld.so.preload, environment, passwd, rights of /etc and /usr");
}
