/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Private to sandbox*.c: the parts of the cage. */
#ifndef GATEWAY_SANDBOX_PARTS_H
#define GATEWAY_SANDBOX_PARTS_H

#include "gateway/role.h"

/* A directory or file that stays usable: by path, or by descriptor when path is NULL. */
struct opening { const char *path; int fd; bool write, execute; };

/* How far a process reaches beyond itself: everywhere; or, where the kernel can forbid it, without
 * signals and abstract sockets to the outside, and without TCP (bind; or bind and connect). */
enum reach { REACH_NOTHING = 0, REACH_CONNECT, REACH_ALL };
/* Nothing beyond these is opened, made, removed or run any more (landlock(7)). Dies when the
 * kernel has no landlock. */
void landlock_enter(const struct opening *o, size_t n, enum reach reach);

enum syscalls { SYSCALLS_PARENT, SYSCALLS_ENGINE, SYSCALLS_PORTAL, SYSCALLS_API, SYSCALLS_CAPTURE,
                SYSCALLS_COURIER, SYSCALLS_ENROL, SYSCALLS_CONSOLE, SYSCALLS_KEEPER };
/* From here on any system call that is not in the table of this role kills the process. */
void seccomp_enter(enum syscalls which);

#endif
