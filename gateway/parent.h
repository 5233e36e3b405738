/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Private to the parent: its state, shared by its files and by nobody else.
 *
 * Files: parent (start, stop, loop), parent_files (state directory, lock, config files, key),
 * parent_roles and parent_spawn (starting and watching roles), parent_pulse (ending those that do
 * not go on), parent_doors (listening sockets), parent_door (those that the engine asks for),
 * parent_requests (the table of what the engine may ask), parent_tunnel, parent_commit,
 * parent_query, parent_courier and parent_knock (its handlers), parent_wish (the mirror of what the
 * kernel should hold), parent_endings (ending connections), parent_watch (noticing others and
 * repairing), parent_offload (our flowtable), parent_keeper (handing the table to the next daemon),
 * parent_notify (the supervisor), wireguard_go.
 */
#ifndef GATEWAY_PARENT_H
#define GATEWAY_PARENT_H

#include <sys/types.h>

#include "gateway/channel.h"
#include "gateway/loop.h"
#include "gateway/role.h"
#include "gateway/source_filter.h"
#include "kernel_rules/conntrack.h"
#include "kernel_rules/nft.h"
#include "kernel_rules/wireguard.h"

struct parent_options { const char *config, *policy, *state, *control; };

/* Runs until a signal or a failure ends it: the exit status. */
int parent_main(const struct parent_options *o);

struct file_text { char *bytes; size_t len; };

struct role_process {
    pid_t pid;                 /* 0 = not running */
    int pidfd;
    int64_t started_ms;
    int64_t delay_ms;          /* before the next start; 0 = at once */
    uint32_t restarts;
    bool killed;               /* by us: nothing more is heard of it */
    int beat;                  /* the eventfd that it adds to each second */
    bool beats;                /* it has begun to */
    unsigned silent, stopped;  /* for how many ticks in a row it has not, and was seen stopped */
    int timer;                 /* of the next start; -1 = none made yet */
};

/* What the engine has done so far decides what it may ask: a bit each, for the request table. */
enum phase {
    PHASE_STARTED = 1,         /* it got MSG_START */
    PHASE_TUNNEL = 2,          /* interface and guard are there */
    PHASE_LOADED = 4,          /* the kernel holds the first whole commit */
    PHASE_OPEN = 8             /* the doors are open */
};

struct wireguard_go { pid_t pid; int pidfd; int timer; int attempts; };

/* A listening TCP socket beyond the portal's, as the engine asked for it. */
struct door_wish {
    char iface[IFACE_SIZE];
    struct ip_addr addr;       /* family 0: every address of the interface, v4 and v6 */
    uint16_t port;
    struct ip_prefix from[SOURCE_FILTER_NETS];   /* who may connect; none: whoever reaches it */
    uint32_t n_from;
};
struct door { struct door_wish wish; int fd[2]; };   /* -1 = none */

struct parent {
    struct parent_options opt;
    struct loop *loop;
    bool stopping, failed;
    bool was_open;             /* the doors were open once */
    bool courier;              /* the engine has something for it */
    /* who the roles are */
    struct { uid_t uid; gid_t gid; } ids[ROLES];
    gid_t admin_gid;
    /* descriptors held from start to stop */
    int exe, state_dir, lock, dirs[ROLES];
    int listen4, listen6, control;
    struct door doors[ROLES];  /* those that the engine asked for: by whose they are */
    int keeper;                /* the keeper that still holds the table we took over; -1 = none */
    struct file_text gateway_text, policy_text;
    char boot_id[64];
    /* the kernel */
    struct nft *nft;
    struct nft_events *events;
    struct ct *ct;
    struct wg *wg;
    enum wg_backend backend;
    struct wireguard_go wgo;
    struct tunnel tunnel;
    struct wg_key public_key;
    /* what it should hold; a lease's left_ms is the CLOCK_BOOTTIME in ms at which it ends */
    struct dataplane wish;
    struct changes staged;
    size_t staged_permits;
    struct { struct device *v; size_t n, size, done; int timer; } endings;
    /* the roles */
    enum phase phase;
    struct channel *engine;
    struct role_process role[ROLES];
    int compare_timer, doors_timer;
    bool flowtable_there;      /* somebody's, over our interfaces, already told */
    int offload_timer;
    int offload_fault;         /* why our own cannot be had, already told; 0 = it is there */
    bool burst;                /* we wrote more than the event socket may have taken */
};

/* ---- parent_files.c ---------------------------------------------------------------------- */

/* Each says what is wrong and returns -1. */
int files_state_dir(struct parent *p);
int files_lock(struct parent *p);
int files_role_dirs(struct parent *p);
int files_read_config(const char *path, struct file_text *out);
int files_boot_id(struct parent *p);
/* The tunnel's private key, made at the first start. The caller wipes it. 0 or -1. */
int files_private_key(struct parent *p, struct wg_key *out);
/* The keys that peers of an imported configuration share with the gateway; none when there is no
 * such file. *v is malloc'd, to be wiped. */
int files_preshared(struct parent *p, struct wg_preshared **v, size_t *n);

/* ---- parent_roles.c ----------------------------------------------------------------------- */

int roles_ids(struct parent *p);
void roles_start_engine(struct parent *p);
void roles_open_doors(struct parent *p);          /* all but the engine that have something to do */
void roles_kill(struct parent *p, enum gateway_role r, const char *why);
void roles_channel_broken(struct parent *p);      /* the engine's: it is ending, or is ended */
void roles_stop(struct parent *p);                /* at most 5 s for the engine, then SIGKILL */
/* To the engine, unasked; a broken channel ends it. w may be NULL; fd -1 = none. */
void engine_tell(struct parent *p, enum message_type t, const struct writer *w, int fd);

/* ---- parent_spawn.c ------------------------------------------------------------------------ */

/* Forks and execs this program as `--role name argument`; fds[i] goes to descriptor 3 + i, -1 =
 * closed. Returns the pid or -1. keep_net_admin: as an ambient capability. detached: it outlives us. */
#define SPAWN_FDS 7
struct spawn {
    const char *name, *argument;
    uid_t uid;
    gid_t gid;
    int fds[SPAWN_FDS];
    bool keep_net_admin, detached;
    int nice;                  /* how far it stands back; 0: as far as the daemon does */
};
pid_t spawn_role(const struct parent *p, const struct spawn *s);

/* ---- parent_pulse.c ------------------------------------------------------------------------- */

#define PULSE_STOPPED_MAX 2   /* ticks: two looks at a role that somebody is just letting go on */
#define PULSE_SILENT_MAX 60   /* the longest that the engine may work at one thing, on a slow box */
void pulse_start(struct parent *p);               /* a tick each second */
void pulse_tick(struct parent *p);

/* ---- parent_doors.c ------------------------------------------------------------------------- */

int doors_open(struct parent *p);                 /* 0, or -1 and said why */
/* The portal's sockets anew, on an interface that is another one under the old name. 0 or -1. */
int doors_portal_again(struct parent *p);
void doors_close(struct parent *p);
/* Bound to the interface, whose address it need not be yet. A descriptor or a negative errno. */
int door_listen(const char *iface, const struct ip_addr *a, uint16_t port,
                const struct ip_prefix *from, uint32_t n_from);

/* ---- parent_door.c -------------------------------------------------------------------------- */

/* The sockets of this role's door anew, if it has one. 0 or -1, and said why. */
int door_again(struct parent *p, enum gateway_role r);
/* Likewise of each door whose interface is another one under the old name: as watch_tables(). */
int watch_doors(struct parent *p, bool repair, char what[]);

/* ---- parent_requests.c ---------------------------------------------------------------------- */

/* A handler reads its body to the end, or returns MALFORMED: that ends the engine. */
#define MALFORMED INT32_MIN
typedef int request_handler(struct parent *p, struct reader *r, struct writer *answer);
request_handler request_tunnel, request_changes, request_commit, request_inspect, request_counts,
    request_peers, request_ready, request_verify, request_failed, request_open,
    request_door, request_end_role, request_courier, request_outlet_file;
void requests_serve(void *parent, uint32_t events);   /* loop_cb on the engine's channel */

/* ---- parent_tunnel.c ------------------------------------------------------------------------- */

bool tunnel_sound(const struct tunnel *t, const char **why);
/* The guard, the interface (one that is there is taken over), its key and addresses, forwarding. */
int tunnel_make(struct parent *p);
int tunnel_set_key(struct parent *p);             /* key and port. 0 or negative errno */
/* Key, port, addresses, up. 0 or negative errno. */
int tunnel_configure(struct parent *p);

/* ---- parent_wish.c --------------------------------------------------------------------------- */

void wish_prune(struct dataplane *wish, int64_t now_ms);
/* Only those leases that the changes touch: cheap beside a large wish. */
void wish_prune_touched(struct dataplane *wish, const struct changes *c, int64_t now_ms);
int64_t wish_last_end(const struct dataplane *wish);     /* 0 = no lease */
/* The wish as of now: leases that run, with what is left of them. Borrows all but the leases;
 * wish_view_end(). 0 or -ENOMEM. */
int wish_view(const struct dataplane *wish, int64_t now_ms, struct dataplane *view);
void wish_view_end(struct dataplane *view);
/* Applies a checked list that was given at now_ms. Dies when memory is out. */
void wish_apply(struct dataplane *wish, struct changes *c, int64_t now_ms);
int wish_copy(const struct dataplane *wish, struct dataplane *out);   /* 0 or -ENOMEM */

/* ---- parent_watch.c -------------------------------------------------------------------------- */

#define WHAT_SIZE 128
/* Brings the kernel's tables to the wish: 1 and what was different, 0 nothing was, or negative
 * errno. repair false: only looks. */
int watch_tables(struct parent *p, bool repair, char what[WHAT_SIZE]);
int watch_foreign_owner(enum nft_presence who, char what[WHAT_SIZE]);   /* says so; -EEXIST */
/* Likewise the interface's key and port, and its peers. */
int watch_peers(struct parent *p, bool repair, char what[WHAT_SIZE]);
/* Likewise the interface's addresses, its MTU and whether it is up; and whether we forward. */
int watch_interface(struct parent *p, bool repair, char what[WHAT_SIZE]);
int watch_forwarding(struct parent *p, bool repair, char what[WHAT_SIZE]);
void watch_flowtable(struct parent *p);   /* somebody's, over our interfaces; and what is in any */
/* Ends connections in a flowtable whose grant has ended. */
void watch_end_offloaded(struct parent *p);
void watch_start(struct parent *p);

/* ---- parent_offload.c ------------------------------------------------------------------------ */

/* Keeps the flowtable that gateway.conf asks for, and ends its connections with their grants. */
void offload_start(struct parent *p);
void offload_stop(struct parent *p);              /* before somebody else holds the table */

/* ---- parent_endings.c ------------------------------------------------------------------------ */

/* How many were ended, and of a device that is gone how many are left (1: cannot be told). */
struct ended { uint32_t n, left; };
struct ended endings_now(struct parent *p, const struct device *d);
/* One a turn of the loop; dropped when the device has a lease again by then. */
void endings_later(struct parent *p, const struct device *d);

/* ---- parent_keeper.c ------------------------------------------------------------------------- */

/* The table's socket from a keeper, or -1: there is none. */
int keeper_take(struct parent *p);
void keeper_dismiss(struct parent *p);            /* we hold and have filled the table */
void keeper_leave(struct parent *p);              /* at an orderly stop, while leases run */

/* ---- wireguard_go.c -------------------------------------------------------------------------- */

/* Adopts the one that serves this interface or starts one; waits until it answers. 0, or -errno. */
int wireguard_go_run(struct parent *p);
void wireguard_go_release(struct parent *p);      /* it keeps running */

/* ---- parent_notify.c ------------------------------------------------------------------------- */

void notify_supervisor(const char *state);        /* systemd's NOTIFY_SOCKET, if there is one */

#endif
