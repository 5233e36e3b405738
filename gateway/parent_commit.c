/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Changes of the data plane: staged, checked, written in one transaction, mirrored, and read back.
 *
 * The order is the safety: the nftables transaction alone decides what passes, so it goes first.
 * A new device's peer comes after its address is known (else its first packet would count as a
 * stranger's); a dropped device's peer goes after its lease is cut, allowed-ips before the peer.
 * Connections of a lease that only changed its class are left alone: the new grant judges each by
 * its next packet, and deleting idle ones would cut what is still permitted.
 */
#include "gateway/parent.h"

#include <errno.h>
#include <malloc.h>
#include <stdlib.h>
#include <string.h>

#include "gateway/clock.h"
#include "gateway/log.h"
#include "policy/address.h"

#define STAGED_MAX 600000u /* a device and a lease for each index, and every class */
#define STAGED_PERMITS_MAX 2000000u
#define AT_ONCE 32 /* devices whose connections are ended before the answer */
#define BURST 500  /* changes whose events may overflow the event socket */

/* ---- staging -----------------------------------------------------------------------------------
 */

static int stage(struct parent *p, struct change *c)
{
    size_t permits = c->kind == CHANGE_CLASS_PUT ? c->u.class_.n_permits : 0;
    if (p->staged.n < STAGED_MAX && permits <= STAGED_PERMITS_MAX - p->staged_permits &&
        changes_add(&p->staged, c) == 0) {
        p->staged_permits += permits;
        return 0;
    }
    if (c->kind == CHANGE_CLASS_PUT)
        free(c->u.class_.permits);
    return -1;
}

int request_changes(struct parent *p, struct reader *r, struct writer *answer)
{
    (void)answer;
    for (uint32_t n = get_u32(r); n > 0 && !r->failed; n--) {
        struct change c;
        get_change(r, &c);
        if (!r->failed && stage(p, &c) < 0)
            return MALFORMED;
    }
    return reader_done(r) ? 0 : MALFORMED;
}

static void unstage(struct parent *p)
{
    changes_clear(&p->staged);
    p->staged_permits = 0;
}

/* ---- what a commit drops, remembered before it is gone -------------------------------- */

struct dropped {
    struct device *v;
    size_t n, gone;
}; /* the first `gone` are dropped devices */

static void remember(const struct dataplane *wish, const struct changes *c, enum change_kind kind,
                     struct dropped *out)
{
    for (size_t i = 0; i < c->n; i++) {
        if (c->v[i].kind != kind)
            continue;
        uint32_t index =
            kind == CHANGE_DEVICE_DROP ? c->v[i].u.device.index : c->v[i].u.lease.device;
        const struct device *d = dataplane_device(wish, index);
        if (d)
            out->v[out->n++] = *d;
    }
}

static void find_dropped(const struct dataplane *wish, const struct changes *c, struct dropped *out)
{
    size_t n = 1;
    for (size_t i = 0; i < c->n; i++)
        n += c->v[i].kind == CHANGE_DEVICE_DROP || c->v[i].kind == CHANGE_LEASE_DROP;
    *out = (struct dropped){.v = calloc(n, sizeof *out->v)};
    if (!out->v)
        fatal("out of memory");
    remember(wish, c, CHANGE_DEVICE_DROP, out);
    out->gone = out->n;
    remember(wish, c, CHANGE_LEASE_DROP, out);
}

/* ---- after the cut: connections, peers ------------------------------------------------ */

/* One device is a walk through all connections: of a mass of them the rest is done afterwards, so
 * that a revocation does not wait for it. The rules have cut them all already. */
static void end_connections(struct parent *p, const struct dropped *d, struct commit_answer *a)
{
    for (size_t i = 0; i < d->n; i++) {
        struct ended e = {.left = 1};
        if (i < AT_ONCE)
            e = endings_now(p, &d->v[i]);
        else
            endings_later(p, &d->v[i]);
        a->connections += e.n;
        a->connections_left += i < d->gone ? e.left : 0;
    }
}

/* free(). */
static struct wg_key *keys_of(const struct dropped *d)
{
    struct wg_key *keys = calloc(d->gone, sizeof *keys);
    if (!keys)
        fatal("out of memory");
    for (size_t i = 0; i < d->gone; i++)
        keys[i] = d->v[i].key;
    return keys;
}

static void drop_peers(struct parent *p, const struct dropped *d)
{
    if (d->gone == 0)
        return;
    struct wg_key *keys = keys_of(d);
    int rc = wg_drop_peers(p->wg, keys, d->gone);
    free(keys);
    if (rc < 0)
        log_alarm("cannot remove WireGuard peers, will try again: %s", strerror(-rc));
}

static void put_peers(struct parent *p, const struct changes *c)
{
    size_t n = 0;
    struct device *put = calloc(c->n + 1, sizeof *put);
    if (!put)
        fatal("out of memory");
    for (size_t i = 0; i < c->n; i++)
        if (c->v[i].kind == CHANGE_DEVICE_PUT)
            put[n++] = c->v[i].u.device;
    int rc = n > 0 ? wg_put_peers(p->wg, put, n) : 0;
    free(put);
    if (rc < 0)
        log_alarm("cannot add WireGuard peers, will try again: %s", strerror(-rc));
}

/* ---- reading back: what cannot be read counts as left --------------------------------- */

static bool lease_left(struct parent *p, const struct device *d)
{
    struct nft_device_state s;
    return nft_device_read(p->nft, d, &s) < 0 || s.lease4 || s.lease6 || s.live;
}

static uint32_t peers_left(struct parent *p, const struct dropped *d)
{
    uint32_t left = 0;
    if (d->gone == 0)
        return 0;
    struct wg_key *keys = keys_of(d);
    if (wg_count_peers(p->wg, keys, d->gone, &left) < 0)
        left = (uint32_t)d->gone;
    free(keys);
    return left;
}

static void read_back(struct parent *p, const struct dropped *d, struct commit_answer *a)
{
    for (size_t i = 0; i < d->gone; i++)
        a->leases_left += lease_left(p, &d->v[i]);
    a->peers_left = peers_left(p, d);
}

/* ---- a list of changes ---------------------------------------------------------------- */

static int plan_refusal(enum plan_error e, size_t at, struct commit_answer *a)
{
    a->at = (uint32_t)at;
    log_warn("change %zu of the engine is refused: %s", at, plan_error_text(e));
    return -(1000 + (int)e);
}

/* Kernel and wish differ, or the answer was lost: the new wish is written as the difference from
 * what is read back; never the old one first, which could grant anew what goes. */
static int resynchronise(struct parent *p, int64_t now)
{
    char what[WHAT_SIZE];
    struct dataplane before;
    if (wish_copy(&p->wish, &before) < 0)
        return -ENOMEM;
    wish_apply(&p->wish, &p->staged, now);
    int rc = watch_tables(p, true, what);
    if (rc >= 0) {
        dataplane_clear(&before);
        return 0;
    }
    dataplane_clear(&p->wish);
    p->wish = before;
    return rc;
}

static bool worth_resynchronising(int rc)
{
    return rc == -ENOENT || rc == -EEXIST || rc == -ENOBUFS || rc == -ETIMEDOUT;
}

static int write_changes(struct parent *p, int64_t now, struct commit_answer *a)
{
    int rc = nft_apply(p->nft, &p->wish, &p->staged);
    a->kernel_ns = clock_mono_ns();
    if (rc == 0) {
        wish_apply(&p->wish, &p->staged, now);
    } else if (worth_resynchronising(rc)) {
        rc = resynchronise(p, now);
        a->kernel_ns = clock_mono_ns();
    }
    if (rc < 0)
        log_alarm("the kernel refused a change of the rules: %s", strerror(-rc));
    return rc;
}

static int commit_changes(struct parent *p, struct commit_answer *a)
{
    int64_t now = clock_boot_ms();
    struct dropped dropped;
    size_t at = 0;
    wish_prune_touched(&p->wish, &p->staged, now);
    enum plan_error e = plan_check(&p->wish, &p->staged, &at);
    if (e != PLAN_OK)
        return plan_refusal(e, at, a);
    find_dropped(&p->wish, &p->staged, &dropped);
    int rc = write_changes(p, now, a);
    if (rc == 0) {
        watch_flowtable(p);
        end_connections(p, &dropped, a);
        drop_peers(p, &dropped);
        put_peers(p, &p->staged);
        a->done_ns = clock_mono_ns();
        read_back(p, &dropped, a);
    }
    free(dropped.v);
    return rc;
}

/* ---- everything, at the start of an engine -------------------------------------------- */

/* Devices that had a lease in the old wish and have none in the new: their connections end. */
static void end_lost(struct parent *p, const struct dataplane *old)
{
    for (size_t i = 0; i < old->n_leases; i++) {
        const struct device *d = dataplane_device(old, old->leases[i].device);
        if (d && !dataplane_lease(&p->wish, d->index))
            endings_later(p, d);
    }
}

/* Where no table of ours stands, the marks of running connections are another one's: perhaps of
 * another state, where the same number named somebody else's grant. Not after the tables, as then
 * a packet might pass by such a mark before it is taken off. */
static int forget_grants(struct parent *p)
{
    enum nft_presence who;
    int rc = nft_owner(p->nft, &who);
    if (rc < 0 || who != NFT_ABSENT)
        return rc;
    return ct_forget_grants(p->ct, &p->tunnel.net4, &p->tunnel.net6);
}

static int commit_whole(struct parent *p, struct commit_answer *a)
{
    struct dataplane empty = {.tunnel = p->tunnel}, old = p->wish;
    char what[WHAT_SIZE];
    size_t at = 0;
    int64_t now = clock_boot_ms();
    enum plan_error e = plan_check(&empty, &p->staged, &at);
    if (e != PLAN_OK)
        return plan_refusal(e, at, a);
    p->wish = empty;
    wish_apply(&p->wish, &p->staged, now);
    int rc = forget_grants(p);
    if (rc == 0)
        rc = watch_tables(p, true, what);
    if (rc < 0) {
        log_alarm("cannot write the rules: %s", strerror(-rc));
        dataplane_clear(&p->wish);
        p->wish = old;
        return rc;
    }
    a->kernel_ns = clock_mono_ns();
    watch_flowtable(p);
    end_lost(p, &old);
    dataplane_clear(&old);
    rc = watch_peers(p, true, what);
    a->done_ns = clock_mono_ns();
    if (rc < 0)
        log_alarm("cannot set the WireGuard peers, will try again: %s", strerror(-rc));
    malloc_trim(0); /* what was read and staged is more than all that stays */
    return 0;
}

int request_commit(struct parent *p, struct reader *r, struct writer *answer)
{
    struct commit_answer a = {0};
    bool whole = get_bool(r);
    if (!reader_done(r) || (!whole && p->phase == PHASE_TUNNEL))
        return MALFORMED;
    p->burst = p->burst || p->staged.n > BURST;
    int rc = whole ? commit_whole(p, &a) : commit_changes(p, &a);
    unstage(p);
    if (rc == 0 && p->phase == PHASE_TUNNEL)
        p->phase = PHASE_LOADED;
    put_commit_answer(answer, &a);
    return rc;
}
