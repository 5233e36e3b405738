/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What a role finds when it starts (it was exec'd afresh: argv[0] "portcullisd: engine",
 * arguments `--role NAME`), and its cage.
 */
#ifndef GATEWAY_ROLE_H
#define GATEWAY_ROLE_H

#include "gateway/channel.h"

/* Descriptors at exec, fixed numbers; everything else is closed. */
enum role_fd {
    FD_PARENT = 3,      /* engine: channel to the parent. Others: channel to the engine */
    FD_LISTEN = 4,      /* listening socket: TCP of portal, enrol, console; unix of api */
    FD_LISTEN6 = 5,     /* TCP by IPv6 of portal, enrol; of api the metrics'. Absent without */
    FD_DIR = 6,         /* engine: its state directory; capture: its ring directory */
    FD_BEAT = 7,        /* an eventfd: the role's loop adds one to it each second */
    FD_TLS = 8,         /* portal: listening TCP sockets for TLS, v4 and v6 (absent without) */
    FD_TLS6 = 9
};

/* Runs the role of that name ("engine"; "capture" with its nflog group and the gateway's public
 * key, "77,KEY", as argument; "keeper" with the milliseconds it has to live) and returns its exit
 * status; 2 for a name it does not know. */
int role_main(const char *name, const char *argument);

/* The mains of the roles: return the exit status. */
int engine_main(void);
int portal_main(void);
int api_main(void);
int capture_main(const char *argument);
int courier_main(void);
int enrol_main(void);
int console_main(void);
int keeper_main(int64_t life_ms);

/*
 * The cage, entered by each role once its own handles are open; dies with a message naming what is
 * missing when any part cannot be had. A role is exec'd under its own uid, without capabilities
 * (capture keeps CAP_NET_ADMIN until here) and without environment; here follow rlimits, no new
 * privileges, the last capabilities, landlock, and a seccomp filter with default kill.
 */
void sandbox_enter(enum gateway_role r);
void sandbox_enter_keeper(void);
/* The parent's: it keeps CAP_NET_ADMIN and what starting roles needs, and may open only what is
 * beneath these paths (one that does not exist is left out). All that it starts inherits this. */
struct sandbox_path { const char *path; bool write, execute; };
void sandbox_enter_parent(const struct sandbox_path *paths, size_t n);

#endif
