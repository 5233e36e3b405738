/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the engine may ask without changing anything, and the two words that begin and end it. */
#include "gateway/parent.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "gateway/log.h"
#include "policy/address.h"

/* ---- one device, for explain ---------------------------------------------------------- */

/* By the sets as they are in the kernel now, not by the wish. */
static int kernel_permits(struct parent *p, uint16_t class_id, const struct ip_addr *dst,
                          uint8_t proto, uint16_t port, bool *out)
{
    struct dataplane report;
    int rc = nft_snapshot(p->nft, &report);
    if (rc < 0)
        return rc;
    const struct access_class *c = dataplane_class(&report, class_id);
    *out = c && class_permits(c, dst, proto, port) == VERDICT_PERMIT;
    dataplane_clear(&report);
    return 0;
}

static int has_peer(struct parent *p, const struct wg_key *key, bool *out)
{
    uint32_t there = 0;
    int rc = wg_count_peers(p->wg, key, 1, &there);
    *out = rc == 0 && there > 0;
    return rc;
}

static int inspect(struct parent *p, const struct device *d, const struct ip_addr *dst,
                   uint8_t proto, uint16_t port, struct inspect_answer *a)
{
    struct nft_device_state s;
    int rc = nft_device_read(p->nft, d, &s);
    if (rc < 0)
        return rc;
    a->enrolled = s.enrolled4 || s.enrolled6;
    a->lease = s.lease4 || s.lease6;
    a->live = s.live;
    a->mark = s.mark;
    a->left_ms = s.left_ms;
    uint16_t class_id = a->lease && a->live ? mark_class(s.mark) : 0;
    rc = ct_count_device(p->ct, d, &a->connections);
    if (rc == 0)
        rc = has_peer(p, &d->key, &a->peer);
    if (rc == 0)
        rc = kernel_permits(p, class_id, dst, proto, port, &a->permitted);
    a->permitted = a->permitted && a->enrolled;
    return rc;
}

int request_inspect(struct parent *p, struct reader *r, struct writer *answer)
{
    struct inspect_answer a = {0};
    const struct device *d = dataplane_device(&p->wish, get_u32(r));
    struct ip_addr dst = get_addr(r);
    uint8_t proto = get_u8(r);
    uint16_t port = get_u16(r);
    if (!reader_done(r))
        return MALFORMED;
    int rc = d ? inspect(p, d, &dst, proto, port, &a) : -ENOENT;
    if (rc == 0)
        put_inspect_answer(answer, &a);
    return rc;
}

/* ---- counts and peers ---------------------------------------------------------------------------
 */

int request_counts(struct parent *p, struct reader *r, struct writer *answer)
{
    struct rule_counts c;
    if (!reader_done(r))
        return MALFORMED;
    int rc = nft_counts(p->nft, &c);
    for (unsigned i = 0; rc == 0 && i < DENY_REASONS; i++) {
        put_u64(answer, c.denied[i]);
        put_u64(answer, c.logged[i]);
    }
    if (rc == 0) {
        put_u64(answer, c.knocks);
        put_u64(answer, c.knocks_logged);
    }
    return rc;
}

static int by_key(const void *a, const void *b)
{
    const struct device *const *x = a, *const *y = b;
    return memcmp((*x)->key.b, (*y)->key.b, sizeof(*x)->key.b);
}

static const struct device **devices_by_key(const struct dataplane *dp)
{
    const struct device **v = calloc(dp->n_devices + 1, sizeof *v);
    if (!v)
        return NULL;
    for (size_t i = 0; i < dp->n_devices; i++)
        v[i] = &dp->devices[i];
    qsort(v, dp->n_devices, sizeof *v, by_key);
    return v;
}

static void put_peer(struct writer *w, uint32_t device, const struct wg_peer *peer)
{
    put_u32(w, device);
    put_addr(w, &peer->endpoint);
    put_u16(w, peer->endpoint_port);
    put_i64(w, peer->last_handshake.s);
    put_u64(w, peer->rx_bytes);
    put_u64(w, peer->tx_bytes);
}

/* Both lists are sorted by key. Peers that never spoke have nothing to tell. */
static uint32_t put_known(struct writer *w, const struct wg_state *s, const struct device **d,
                          size_t n)
{
    uint32_t count = 0;
    for (size_t i = 0, k = 0; i < s->n_peers && k < n;) {
        int order = memcmp(s->peers[i].key.b, d[k]->key.b, sizeof d[k]->key.b);
        if (order == 0 && s->peers[i].last_handshake.s != 0) {
            put_peer(w, d[k]->index, &s->peers[i]);
            count++;
        }
        i += order <= 0;
        k += order >= 0;
    }
    return count;
}

int request_peers(struct parent *p, struct reader *r, struct writer *answer)
{
    struct wg_state s;
    struct writer list;
    if (!reader_done(r))
        return MALFORMED;
    int rc = wg_read(p->wg, &s);
    if (rc < 0)
        return rc;
    const struct device **sorted = devices_by_key(&p->wish);
    writer_init(&list, CHANNEL_MESSAGE_MAX - 16);
    if (sorted) {
        put_u32(answer, put_known(&list, &s, sorted, p->wish.n_devices));
        put_raw(answer, list.v, list.n);
    }
    rc = sorted && !list.failed ? 0 : -ENOMEM;
    writer_clear(&list);
    free(sorted);
    wg_state_clear(&s);
    return rc;
}

int request_verify(struct parent *p, struct reader *r, struct writer *answer)
{
    char what[WHAT_SIZE] = "";
    if (!reader_done(r))
        return MALFORMED;
    int rc = watch_tables(p, false, what);
    if (rc == 0)
        rc = watch_peers(p, false, what);
    if (rc == 0)
        rc = watch_interface(p, false, what);
    if (rc == 0)
        rc = watch_forwarding(p, false, what);
    if (rc < 0)
        return rc;
    put_text(answer, rc > 0 ? what : "");
    return 0;
}

/* ---- ready, failed -------------------------------------------------------------------- */

int request_ready(struct parent *p, struct reader *r, struct writer *answer)
{
    (void)answer;
    if (!reader_done(r))
        return MALFORMED;
    if (p->stopping)
        return -ECANCELED;
    if (doors_open(p) < 0) {
        p->failed = true;
        loop_stop(p->loop);
        return -EADDRNOTAVAIL;
    }
    p->phase = PHASE_OPEN;
    p->was_open = true;
    keeper_dismiss(p);
    roles_open_doors(p);
    watch_start(p);
    offload_start(p);
    notify_supervisor("READY=1");
    log_info("ready");
    return 0;
}

/* The engine's words have lines (a policy with its errors): each is one of ours. At the first start
 * this ends the daemon. Later the engine is started again and again, while what it decided before
 * stays in force and ends in its time. */
int request_failed(struct parent *p, struct reader *r, struct writer *answer)
{
    char text[2048];
    (void)answer;
    get_text(r, text, sizeof text);
    if (!reader_done(r))
        return MALFORMED;
    for (char *rest = text, *line; (line = strsep(&rest, "\n"));)
        if (*line)
            log_warn("%s", line);
    if (p->was_open)
        return 0;
    p->failed = true;
    loop_stop(p->loop);
    return 0;
}
