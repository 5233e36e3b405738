/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Running one of the system's own programs: found in the system's folders and nowhere else, given
 * its arguments one by one (no shell), a small environment, nothing on standard input, and a time.
 */
#ifndef AGENT_EXEC_H
#define AGENT_EXEC_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

struct agent_command {
    const char *root;            /* the program is looked for below it; "" = this machine */
    const char *const *argv;     /* argv[0] a bare name, NULL at the end */
    const char *const *env;      /* further NAME=VALUE, NULL at the end; NULL = none */
    bool as_user;                /* become this user and group first */
    uid_t uid;
    gid_t gid;
    int seconds;                 /* then it is killed */
};

enum agent_exec { AGENT_EXEC_ENDED = 0, AGENT_EXEC_ABSENT, AGENT_EXEC_FAILED, AGENT_EXEC_SLOW,
                  AGENT_EXEC_LONG };

/* Is the program there? */
bool agent_exec_there(const char *root, const char *name);

/* Runs it and takes its standard output, with a NUL, into out (malloc'd, *out may be NULL when it
 * did not end); more than max bytes is AGENT_EXEC_LONG. *status is its exit code, -1 for a signal.
 * With out NULL it writes where we write. */
enum agent_exec agent_exec(const struct agent_command *c, char **out, size_t max, int *status);

#endif
