/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The cage of each process, in the order in which its parts lock: see role.h. */
#include "gateway/role.h"

#include <cap-ng.h>
#include <errno.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

#include "gateway/log.h"
#include "gateway/sandbox_parts.h"

#define FILES_MAX 2048   /* descriptors of a process */
#define LOCKED_MAX 65536 /* keys */

/* Limits are only ever lowered: raising one takes a capability. */
static void limit(int what, rlim_t value, const char *name)
{
    struct rlimit r;
    if (getrlimit((__rlimit_resource_t)what, &r) == 0 && r.rlim_max < value)
        value = r.rlim_max;
    r = (struct rlimit){value, value};
    if (setrlimit((__rlimit_resource_t)what, &r) < 0)
        fatal("cannot limit %s: %s", name, strerror(errno));
}

static void no_new_privileges(void)
{
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
        fatal("cannot set no_new_privs: %s", strerror(errno));
    if (prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) < 0)
        fatal("cannot forbid dumps: %s", strerror(errno));
}

/* ---- roles --------------------------------------------------------------------------------------
 */

static void check_identity(void)
{
    if (getuid() == 0 || geteuid() == 0 || getgid() == 0 || getegid() == 0)
        fatal("a role does not run as root: it is started by portcullisd, not by hand");
}

static void limit_role(bool writes)
{
    limit(RLIMIT_CORE, 0, "core dumps");
    limit(RLIMIT_NOFILE, FILES_MAX, "descriptors");
    limit(RLIMIT_MEMLOCK, LOCKED_MAX, "locked memory");
    if (!writes)
        limit(RLIMIT_FSIZE, 0, "file sizes");
}

/* From every set, the bounding and the ambient one included where it still can be: a role has no
 * CAP_SETPCAP, its bounding set was emptied before it was exec'd. */
static void drop_capabilities(void)
{
    capng_clear(CAPNG_SELECT_BOTH);
    if (capng_apply(CAPNG_SELECT_CAPS) < 0 ||
        prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0))
        fatal("cannot give up capabilities: %s", strerror(errno));
    if (capng_get_caps_process() < 0 || capng_have_capabilities(CAPNG_SELECT_CAPS) != CAPNG_NONE)
        fatal("capabilities are left");
}

static void enter(enum syscalls which, bool writes, const struct opening *o, size_t n)
{
    check_identity();
    limit_role(writes);
    no_new_privileges(); /* landlock asks for it */
    drop_capabilities();
    landlock_enter(o, n, which == SYSCALLS_COURIER ? REACH_CONNECT : REACH_NOTHING);
    seccomp_enter(which);
}

void sandbox_enter(enum gateway_role r)
{
    static const struct opening engine[] = {{.fd = FD_DIR, .write = true},
                                            {.path = "/usr/share/zoneinfo"}};
    static const struct opening capture[] = {{.fd = FD_DIR, .write = true}};
    /* To look a name up, and to know whom to trust. */
    static const struct opening courier[] = {
        {.path = "/etc/hosts"},    {.path = "/etc/host.conf"},     {.path = "/etc/resolv.conf"},
        {.path = "/etc/gai.conf"}, {.path = "/etc/nsswitch.conf"}, {.path = "/etc/ssl/certs"}};
    switch (r) {
    case ROLE_ENGINE:
        enter(SYSCALLS_ENGINE, true, engine, 2);
        return;
    case ROLE_PORTAL:
        enter(SYSCALLS_PORTAL, false, NULL, 0);
        return;
    case ROLE_API:
        enter(SYSCALLS_API, false, NULL, 0);
        return;
    case ROLE_CAPTURE:
        enter(SYSCALLS_CAPTURE, true, capture, 1);
        return;
    case ROLE_COURIER:
        enter(SYSCALLS_COURIER, false, courier, sizeof courier / sizeof *courier);
        return;
    case ROLE_ENROL:
        enter(SYSCALLS_ENROL, false, NULL, 0);
        return;
    case ROLE_CONSOLE:
        enter(SYSCALLS_CONSOLE, false, NULL, 0);
        return;
    case ROLE_PARENT:
    case ROLES:
        break;
    }
    fatal("no cage is made for this role");
}

void sandbox_enter_keeper(void) { enter(SYSCALLS_KEEPER, false, NULL, 0); }

/* ---- the parent ----------------------------------------------------------------------- */

/* What it needs to start roles under their own uid, to end them, and to write netlink. */
static void keep_parent_capabilities(void)
{
    capng_clear(CAPNG_SELECT_BOTH);
    if (capng_updatev(CAPNG_ADD, CAPNG_EFFECTIVE | CAPNG_PERMITTED | CAPNG_BOUNDING_SET,
                      CAP_NET_ADMIN, CAP_SETUID, CAP_SETGID, CAP_SETPCAP, CAP_KILL, CAP_CHOWN,
                      CAP_NET_BIND_SERVICE, -1) < 0 ||
        capng_apply(CAPNG_SELECT_BOTH) < 0)
        fatal("cannot give up capabilities: %s", strerror(errno));
}

void sandbox_enter_parent(const struct sandbox_path *paths, size_t n)
{
    struct opening o[32];
    if (n > sizeof o / sizeof *o)
        fatal("too many paths for the cage");
    for (size_t i = 0; i < n; i++)
        o[i] = (struct opening){paths[i].path, -1, paths[i].write, paths[i].execute};
    limit(RLIMIT_CORE, 0, "core dumps");
    limit(RLIMIT_NOFILE, FILES_MAX, "descriptors");
    no_new_privileges();
    landlock_enter(o, n, REACH_ALL);
    keep_parent_capabilities();
    seccomp_enter(SYSCALLS_PARENT);
}
