/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The parent's life: one ordered list of steps, stopped in reverse.
 */
#include "gateway/parent.h"

#include <cap-ng.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "gateway/log.h"
#include "kernel_rules/link.h"

/* ---- steps ------------------------------------------------------------------------------------
 */

static int check_privileges(struct parent *p)
{
    static const struct {
        unsigned cap;
        const char *name;
    } needed[] = {{CAP_NET_ADMIN, "CAP_NET_ADMIN"},
                  {CAP_SETUID, "CAP_SETUID"},
                  {CAP_SETGID, "CAP_SETGID"},
                  {CAP_SETPCAP, "CAP_SETPCAP"},
                  {CAP_KILL, "CAP_KILL"},
                  {CAP_CHOWN, "CAP_CHOWN"},
                  {CAP_NET_BIND_SERVICE, "CAP_NET_BIND_SERVICE"}};
    (void)p;
    if (geteuid() != 0) {
        log_warn("must be started by root (it gives up all but a few rights at once)");
        return -1;
    }
    for (size_t i = 0; i < sizeof needed / sizeof *needed; i++)
        if (!capng_have_capability(CAPNG_EFFECTIVE, needed[i].cap)) {
            log_warn("%s is missing: is this a container without it?", needed[i].name);
            return -1;
        }
    return 0;
}

static int check_kernel(struct parent *p)
{
    struct kernel_features f = {0};
    (void)p;
    int rc = kernel_features(&f);
    if (rc < 0) {
        log_warn("cannot ask the kernel what it has: %s", strerror(-rc));
        return -1;
    }
    if (!f.nf_tables)
        log_warn("the kernel has no nf_tables: load it with modprobe nf_tables, or use a kernel "
                 "with CONFIG_NF_TABLES and CONFIG_NF_TABLES_INET");
    else if (!f.owner_tables)
        log_warn("the kernel has no owner flag for tables: 5.12 or newer is needed");
    else if (!f.conntrack)
        log_warn(
            "the kernel has no connection tracking over netlink: modprobe nf_conntrack_netlink");
    else if (!f.nflog)
        log_warn("the kernel has no NFLOG: modprobe nfnetlink_log nft_log nf_log_syslog");
    return f.nf_tables && f.owner_tables && f.conntrack && f.nflog ? 0 : -1;
}

static int read_configs(struct parent *p)
{
    return files_read_config(p->opt.config, &p->gateway_text) < 0 ||
                   files_read_config(p->opt.policy, &p->policy_text) < 0
               ? -1
               : 0;
}

static void free_configs(struct parent *p)
{
    free(p->gateway_text.bytes);
    free(p->policy_text.bytes);
}

static void close_state_dir(struct parent *p) { close(p->state_dir); }

static void unlock(struct parent *p) { close(p->lock); }

static int open_self(struct parent *p)
{
    p->exe = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
    if (p->exe < 0)
        log_warn("cannot open /proc/self/exe: %s: is /proc mounted?", strerror(errno));
    return p->exe < 0 ? -1 : 0;
}

/* Asks for the key now, so that a bad one is told before anything is changed. */
static int check_key(struct parent *p)
{
    struct wg_key key;
    if (files_private_key(p, &key) < 0)
        return -1;
    sodium_munlock(&key, sizeof key);
    return 0;
}

static void close_kernel(struct parent *p)
{
    offload_stop(p);
    if (!p->failed)
        keeper_leave(p);
    wireguard_go_release(p);
    if (p->wg)
        wg_close(p->wg);
    if (p->ct)
        ct_close(p->ct);
    if (p->events)
        nft_events_close(p->events);
    if (p->nft)
        nft_close(p->nft);
    if (p->keeper >= 0)
        close(p->keeper);
    dataplane_clear(&p->wish);
    changes_clear(&p->staged);
    free(p->endings.v);
}

/* Asked before anything is changed: the other daemon's key and guard are not ours to set. */
static int check_owner(struct parent *p)
{
    enum nft_presence who;
    char what[WHAT_SIZE];
    int rc = nft_owner(p->nft, &who);
    return rc == 0 && who != NFT_OURS && who != NFT_ABSENT ? watch_foreign_owner(who, what) : rc;
}

static int open_kernel(struct parent *p)
{
    int table = keeper_take(p);
    int rc = nft_open(&p->nft, table);
    if (rc == 0)
        rc = check_owner(p);
    if (rc == 0)
        rc = nft_events_open(&p->events);
    if (rc == 0)
        rc = ct_open(&p->ct);
    if (rc < 0 && rc != -EEXIST)
        log_warn("cannot open the netlink sockets: %s", strerror(-rc));
    if (rc < 0)
        close_kernel(p);
    return rc;
}

static void reload(void *arg, uint32_t events)
{
    struct parent *p = arg;
    struct writer w;
    (void)events;
    if (p->phase != PHASE_OPEN || files_read_config(p->opt.policy, &p->policy_text) < 0)
        return;
    log_info("reading %s again", p->opt.policy);
    writer_init(&w, CHANNEL_MESSAGE_MAX);
    put_blob(&w, p->policy_text.bytes, p->policy_text.len);
    engine_tell(p, MSG_RELOAD, &w, -1);
    writer_clear(&w);
}

static void on_stop(void *arg, uint32_t signo)
{
    struct parent *p = arg;
    if (p->stopping)
        return;
    log_info("stopping: signal %u", signo);
    notify_supervisor("STOPPING=1");
    loop_stop(p->loop);
}

static int make_loop(struct parent *p)
{
    p->loop = loop_new();
    loop_signal(p->loop, SIGTERM, on_stop, p);
    loop_signal(p->loop, SIGINT, on_stop, p);
    loop_signal(p->loop, SIGHUP, reload, p);
    signal(SIGPIPE, SIG_IGN);
    return 0;
}

static void free_loop(struct parent *p) { loop_free(p->loop); }

/* The directory of a path, "." when it has none. malloc'd. */
static char *dir_of(const char *path)
{
    const char *slash = strrchr(path, '/');
    char *dir = slash ? strndup(path, slash == path ? 1 : (size_t)(slash - path)) : strdup(".");
    if (!dir)
        fatal("out of memory");
    return dir;
}

/* What this process and all that it starts may still open by name. */
static int enter_cage(struct parent *p)
{
    char *policy = dir_of(p->opt.policy), *control = dir_of(p->opt.control);
    char *config = dir_of(p->opt.config);
    (void)mkdir("/var/run/wireguard", 0755);
    (void)mkdir(control, 0755);
    const struct sandbox_path paths[] = {{p->opt.state, true, false},
                                         {policy, false, false},
                                         {config, false, false},
                                         {control, true, false},
                                         {"/var/run/wireguard", true, false},
                                         {"/proc", false, false},
                                         {"/proc/sys/net", true, false},
                                         {"/dev/null", true, false},
                                         {"/dev/net/tun", true, false},
                                         {"/dev/urandom", false, false},
                                         {"/sys/kernel/mm/transparent_hugepage", false, false},
                                         {"/proc/self/exe", false, true},
                                         {"/usr", false, true},
                                         {"/lib", false, true},
                                         {"/lib64", false, true},
                                         {"/etc/ld.so.cache", false, false},
                                         {"/etc/passwd", false, false},
                                         {"/etc/group", false, false},
                                         {"/etc/nsswitch.conf", false, false},
                                         {"/etc/hosts", false, false},
                                         {"/etc/host.conf", false, false},
                                         {"/etc/resolv.conf", false, false},
                                         {"/etc/gai.conf", false, false},
                                         {"/etc/ssl/certs", false, false}};
    sandbox_enter_parent(paths, sizeof paths / sizeof *paths);
    free(policy);
    free(config);
    free(control);
    return 0;
}

static int start_engine(struct parent *p)
{
    roles_start_engine(p);
    pulse_start(p);
    return 0;
}

static void stop_roles(struct parent *p)
{
    roles_stop(p);
    doors_close(p);
}

static const struct step {
    const char *name;
    int (*start)(struct parent *p); /* 0, or said why not */
    void (*stop)(struct parent *p);
} steps[] = {
    {"privileges", check_privileges, NULL},
    {"kernel features", check_kernel, NULL},
    {"users", roles_ids, NULL},
    {"this program", open_self, NULL},
    {"configuration", read_configs, free_configs},
    {"boot id", files_boot_id, NULL},
    {"state directory", files_state_dir, close_state_dir},
    {"lock", files_lock, unlock},
    {"directories of the roles", files_role_dirs, NULL},
    {"private key", check_key, NULL},
    {"event loop", make_loop, free_loop},
    {"kernel sockets", open_kernel, close_kernel},
    {"cage", enter_cage, NULL},
    {"engine", start_engine, stop_roles},
};

int parent_main(const struct parent_options *o)
{
    struct parent p = {.opt = *o,
                       .exe = -1,
                       .state_dir = -1,
                       .lock = -1,
                       .listen4 = -1,
                       .listen6 = -1,
                       .control = -1,
                       .keeper = -1,
                       .compare_timer = -1,
                       .offload_timer = -1,
                       .wgo = {.pidfd = -1, .timer = -1},
                       .endings = {.timer = -1}};
    const size_t n = sizeof steps / sizeof *steps;
    size_t started = 0;
    for (size_t r = 0; r < ROLES; r++) {
        p.dirs[r] = p.doors[r].fd[0] = p.doors[r].fd[1] = -1;
        p.role[r].timer = -1;
    }
    while (started < n && steps[started].start(&p) == 0)
        started++;
    if (started == n) {
        loop_run(p.loop);
    } else {
        log_warn("cannot start: %s", steps[started].name);
        p.failed = true;
    }
    while (started-- > 0)
        if (steps[started].stop)
            steps[started].stop(&p);
    return p.failed ? 1 : 0;
}
