/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Who sits at this machine's screen, and programs run as that person. */
#ifndef AGENT_SESSION_H
#define AGENT_SESSION_H

#include <stdbool.h>
#include <sys/types.h>

#define AGENT_HOME_TEXT 256

struct agent_session {
    uid_t uid;
    gid_t gid;
    char home[AGENT_HOME_TEXT], desktop[64];   /* desktop in small letters, "" = not said */
};

/* Of what `loginctl show-session` prints: a person's session at a local screen. */
bool agent_session_read(const char *text, struct agent_session *out, bool *active);

/* The active one, or the first. False with why not: nobody is there, or logind is not. Who is not
 * root sees the own session alone. */
bool agent_session_find(const char *root, struct agent_session *out, char why[160]);

/* Runs argv in the session as its person; its output, malloc'd, or NULL when it did not end well.
 * A NULL in argv ends it. */
char *agent_session_ask(const char *root, const struct agent_session *s, const char *const *argv);

#endif
