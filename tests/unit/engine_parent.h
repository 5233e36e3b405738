/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A parent for the engine's tests and for fuzzing: a thread that keeps what it is told in a struct
 * dataplane, checked and applied by plan_check() and plan_apply(). A kernel without a kernel.
 */
#ifndef TESTS_ENGINE_PARENT_H
#define TESTS_ENGINE_PARENT_H

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "gateway/clock.h"
#include "gateway/engine.h"
#include "policy/plan.h"

#define LAB_GATEWAY "gateway hq { tunnel wg0 { listen 51820 address 10.77.0.1/16, fd77:acc::1/64 " \
                    "mtu 1420 portal 80 } outside eth0 office eth1 { masquerade } " \
                    "log { group 77 rate 100 } clock host }\n"
#define LAB_POLICY "company \"Lab\"\n" \
                   "resource db { 10.20.0.9 tcp 5432 }\n" \
                   "resource web { 10.20.0.10 tcp 80, 443 }\n" \
                   "resource wms { 10.20.0.22 tcp 8081 }\n" \
                   "resource updates { 10.20.0.40 tcp 443 }\n" \
                   "remediation { updates }\n" \
                   "posture baseline { lease 15m evidence <= 8h assurance >= PA1\n" \
                   "  require fde.sys\n  require pend.crit == 0 grace 3d\n }\n" \
                   "role filing { reach db, web posture baseline }\n" \
                   "role warehouse { reach wms posture baseline }\n" \
                   "test \"t\" { role warehouse cannot reach db }\n"

#define LAB_ENDS 64

struct lab {
    char dir[64];
    struct engine *e;
    pthread_t parent;
    int parent_fd;
    pthread_mutex_t lock;
    const char *drift;               /* what a comparison says; NULL: nothing */
    unsigned verified;               /* comparisons asked for */
    /* of the parent, under the lock */
    struct dataplane dp;
    struct changes staged;
    int64_t lease_end_ms[LAB_ENDS];   /* by CLOCK_BOOTTIME, of the lease put last; by device */
    unsigned commits, wholes, lease_puts;
    uint64_t commit_ns;
    int refuse;                       /* the next commit answers this */
    struct { uint32_t leases, connections, peers; } left;  /* what its commits read back */
    const char *outlet_file;          /* what every file beside gateway.conf holds; NULL: none */
    char failed[2048];                /* what MSG_FAILED said */
    bool ready;
    uint64_t denied, knocks, knocks_logged;
};

/* ---- the parent ----------------------------------------------------------------------------- */

static inline void lab_stage(struct lab *l, struct reader *r)
{
    for (uint32_t n = get_u32(r); n > 0 && !r->failed; n--) {
        struct change c;
        get_change(r, &c);
        if (r->failed)
            break;
        l->lease_puts += c.kind == CHANGE_LEASE_PUT;
        changes_add(&l->staged, &c);
    }
}

static inline void lab_note_ends(struct lab *l)
{
    for (size_t i = 0; i < l->staged.n; i++) {
        const struct change *c = &l->staged.v[i];
        if (c->kind == CHANGE_LEASE_PUT && c->u.lease.device < LAB_ENDS)
            l->lease_end_ms[c->u.lease.device] = clock_boot_ms() + c->u.lease.left_ms;
    }
}

static inline int lab_commit(struct lab *l, bool whole, struct commit_answer *a)
{
    size_t at = 0;
    int rc = l->refuse;

    l->refuse = 0;
    if (rc == 0) {
        struct dataplane empty = {.tunnel = l->dp.tunnel};
        enum plan_error e = plan_check(whole ? &empty : &l->dp, &l->staged, &at);
        if (e != PLAN_OK) {
            fprintf(stderr, "lab: change %zu: %s\n", at, plan_error_text(e));
            rc = -(1000 + (int)e);
        } else {
            if (whole) {
                dataplane_clear(&l->dp);
                l->dp = empty;
            }
            lab_note_ends(l);
            plan_apply(&l->dp, &l->staged);
        }
    }
    changes_clear(&l->staged);
    l->commits++;
    l->wholes += whole;
    a->kernel_ns = l->commit_ns = clock_mono_ns();
    a->done_ns = clock_mono_ns();
    a->leases_left = l->left.leases;
    a->connections_left = l->left.connections;
    a->peers_left = l->left.peers;
    return rc;
}

static inline int lab_inspect(struct lab *l, struct reader *r, struct writer *w)
{
    struct inspect_answer a = {0};
    uint32_t index = get_u32(r);
    struct ip_addr dst = get_addr(r);
    uint8_t proto = get_u8(r);
    uint16_t port = get_u16(r);
    const struct device *d = dataplane_device(&l->dp, index);
    enum deny_reason why;

    if (!d)
        return -ENOENT;
    a.enrolled = a.peer = true;
    a.lease = a.live = dataplane_lease(&l->dp, index) != NULL;
    a.permitted = dataplane_verdict(&l->dp, &d->addr4, &dst, proto, port, &why) == VERDICT_PERMIT;
    put_inspect_answer(w, &a);
    return 0;
}

/* It believes what it reads: a class, a key and a time, one after another. */
static inline int lab_open(struct reader *r, struct writer *w)
{
    uint8_t message[HANDSHAKE_BYTES];

    for (unsigned n = get_u8(r); n > 0; n--) {
        get_raw(r, message, sizeof message);
        put_raw(w, message, 1 + 32 + HANDSHAKE_TIME);
    }
    return reader_done(r) ? 0 : -EBADMSG;
}

static inline int lab_serve(struct lab *l, const struct message *m, struct writer *w)
{
    struct commit_answer a = {0};
    struct reader r;
    int rc = 0;

    reader_init(&r, m->body, m->len);
    switch (m->type) {
    case MSG_TUNNEL:
        get_tunnel(&r, &l->dp.tunnel);
        for (int i = 0; i < 32; i++)
            put_u8(w, 7);
        put_u8(w, 1);
        break;
    case MSG_CHANGES:
        lab_stage(l, &r);
        return 1;
    case MSG_COMMIT:
        rc = lab_commit(l, get_u8(&r) != 0, &a);
        if (rc == 0)
            put_commit_answer(w, &a);
        break;
    case MSG_INSPECT:
        return lab_inspect(l, &r, w);
    case MSG_COUNTS:
        for (int i = 0; i < 2 * DENY_REASONS; i++)
            put_u64(w, l->denied);
        put_u64(w, l->knocks);
        put_u64(w, l->knocks_logged);
        break;
    case MSG_OPEN:
        return lab_open(&r, w);
    case MSG_PEERS:
        put_u32(w, 0);
        break;
    case MSG_READY:
        l->ready = true;
        break;
    case MSG_END_ROLE:
        return 1;
    case MSG_COURIER:
    case MSG_DOOR:
        break;
    case MSG_OUTLET_FILE:
        if (!l->outlet_file)
            return -ENOENT;
        put_blob(w, l->outlet_file, strlen(l->outlet_file));
        break;
    case MSG_VERIFY:
        l->verified++;
        put_text(w, l->drift ? l->drift : "");
        break;
    case MSG_FAILED:
        get_text(&r, l->failed, sizeof l->failed);
        return 1;
    default:
        abort();
    }
    return rc;
}

static inline void *lab_parent(void *arg)
{
    struct lab *l = arg;
    struct channel *c = channel_new(l->parent_fd);
    struct message m;
    int rc;

    while ((rc = channel_receive(c, &m)) >= 0) {
        struct pollfd p = {.fd = l->parent_fd, .events = POLLIN};
        struct writer body, w;
        if (rc == 0) {
            poll(&p, 1, -1);
            continue;
        }
        writer_init(&body, 65536);
        writer_init(&w, 65536);
        pthread_mutex_lock(&l->lock);
        int result = lab_serve(l, &m, &body);
        pthread_mutex_unlock(&l->lock);
        put_u32(&w, (uint32_t)result);
        put_raw(&w, body.v, body.n);
        if (result <= 0 && channel_send(c, MSG_ANSWER, m.seq, &w, -1) < 0)
            break;
        writer_clear(&body);
        writer_clear(&w);
    }
    channel_free(c);
    return NULL;
}

/* ---- the engine's side ---------------------------------------------------------------------- */

/* An engine in the working directory, started with these texts: what engine_start() said. */
static inline int lab_launch(struct lab *l, const char *gateway, const char *policy,
                             const char *boot_id)
{
    int sv[2];
    struct writer w;

    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, sv) < 0)
        abort();
    l->failed[0] = '\0';
    l->ready = false;
    l->parent_fd = sv[1];
    if (pthread_create(&l->parent, NULL, lab_parent, l) != 0)
        abort();
    l->e = calloc(1, sizeof *l->e);
    l->e->loop = loop_new();
    l->e->parent = channel_new(sv[0]);
    l->e->started_ms = clock_boot_ms();
    writer_init(&w, 4u << 20);
    put_text(&w, l->dir);
    put_text(&w, "gateway.conf");
    put_blob(&w, gateway, strlen(gateway));
    put_text(&w, "policy.conf");
    put_blob(&w, policy, strlen(policy));
    put_text(&w, boot_id);
    struct message m = {.type = MSG_START, .body = w.v, .len = w.n, .fd = -1};
    int rc = engine_start(l->e, &m);
    writer_clear(&w);
    return rc;
}

static inline void lab_stop(struct lab *l)
{
    if (!l->e)
        return;
    engine_free(l->e);
    pthread_join(l->parent, NULL);
    l->e = NULL;
}

#endif
