/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Sessions by loginctl(1); programs in them with the variables that a desktop needs. */
#include "deploy/agent/agent_session.h"

#include <ctype.h>
#include <pwd.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "deploy/agent/agent_exec.h"

#define WHY 160
#define LIST_MAX 65536
#define SESSIONS_MAX 32
#define PATIENCE_S 5

/* "NAME=value\n": the value, "" when there is none. */
static void property(const char *text, const char *name, char *out, size_t size)
{
    size_t len = strlen(name);

    out[0] = '\0';
    for (const char *s = text; *s; s += strcspn(s, "\n"), s += *s == '\n')
        if (strncmp(s, name, len) == 0 && s[len] == '=') {
            snprintf(out, size, "%.*s", (int)strcspn(s + len + 1, "\n"), s + len + 1);
            return;
        }
}

static bool is(const char *text, const char *name, const char *value)
{
    char got[64];

    property(text, name, got, sizeof got);
    return strcmp(got, value) == 0;
}

static bool uid_read(const char *text, uid_t *out)
{
    char got[64], *end;
    unsigned long n;

    property(text, "User", got, sizeof got);
    n = strtoul(got, &end, 10);
    *out = (uid_t)n;
    return got[0] >= '0' && got[0] <= '9' && *end == '\0' && n < UINT32_MAX;
}

bool agent_session_read(const char *text, struct agent_session *out, bool *active)
{
    memset(out, 0, sizeof *out);
    if (!is(text, "Class", "user") || !is(text, "Remote", "no") || !uid_read(text, &out->uid) ||
        (!is(text, "Type", "x11") && !is(text, "Type", "wayland")))
        return false;
    property(text, "Desktop", out->desktop, sizeof out->desktop);
    for (char *c = out->desktop; *c; c++)
        *c = (char)tolower((unsigned char)*c);
    *active = is(text, "Active", "yes");
    return true;
}

static char *ask(const char *root, const char *const *argv)
{
    struct agent_command c = {.root = root, .argv = argv, .seconds = PATIENCE_S};
    char *out = NULL;
    int status;

    if (agent_exec(&c, &out, LIST_MAX, &status) == AGENT_EXEC_ENDED && status == 0)
        return out;
    free(out);
    return NULL;
}

static bool look(const char *root, const char *id, struct agent_session *out, bool *active)
{
    const char *const argv[] = {"loginctl", "show-session", id, "-p", "User", "-p", "Type", "-p",
                                "Class", "-p", "Remote", "-p", "Active", "-p", "Desktop", NULL};
    char *text = ask(root, argv);
    bool good = text && agent_session_read(text, out, active) &&
                (geteuid() == 0 || geteuid() == out->uid);

    free(text);
    return good;
}

static bool place(struct agent_session *s)
{
    char room[4096];
    struct passwd pw, *got = NULL;

    if (getpwuid_r(s->uid, &pw, room, sizeof room, &got) != 0 || !got)
        return false;
    s->gid = got->pw_gid;
    return snprintf(s->home, sizeof s->home, "%s", got->pw_dir) < (int)sizeof s->home;
}

/* Ids are the first word of each line. */
static bool find_in(const char *root, const char *list, struct agent_session *out)
{
    struct agent_session s;
    bool found = false, active = false;
    char id[64];

    for (int i = 0; *list && !active && i < SESSIONS_MAX; i++) {
        if (sscanf(list, " %63[A-Za-z0-9_]", id) == 1 && look(root, id, &s, &active) &&
            (active || !found) && place(&s)) {
            *out = s;
            found = true;
        }
        list += strcspn(list, "\n");
        list += *list == '\n';
    }
    return found;
}

bool agent_session_find(const char *root, struct agent_session *out, char why[WHY])
{
    static const char *const argv[] = {"loginctl", "list-sessions", "--no-legend", "--no-pager",
                                       NULL};
    char *list = ask(root, argv);
    bool found = list && find_in(root, list, out);

    snprintf(why, WHY, "%s", !list             ? "loginctl does not say who is logged in"
                             : geteuid() == 0 ? "nobody is logged in at a screen"
                                              : "you are not logged in at a screen");
    free(list);
    return found;
}

char *agent_session_ask(const char *root, const struct agent_session *s, const char *const *argv)
{
    char runtime[64], bus[128], home[AGENT_HOME_TEXT + 8], *out = NULL;
    const char *const env[] = {runtime, bus, home, NULL};
    struct agent_command c = {.root = root, .argv = argv, .env = env, .uid = s->uid, .gid = s->gid,
                              .as_user = geteuid() != s->uid, .seconds = PATIENCE_S};
    int status;

    snprintf(runtime, sizeof runtime, "XDG_RUNTIME_DIR=/run/user/%u", s->uid);
    snprintf(bus, sizeof bus, "DBUS_SESSION_BUS_ADDRESS=unix:path=/run/user/%u/bus", s->uid);
    snprintf(home, sizeof home, "HOME=%s", s->home);
    if (agent_exec(&c, &out, LIST_MAX, &status) == AGENT_EXEC_ENDED && status == 0)
        return out;
    free(out);
    return NULL;
}
