/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Looking through the ring for the packets of one attempt. */
#include "gateway/evidence.h"
#include "gateway/ring.h"
#include "policy/address.h"

#define LINKTYPE_NFLOG 239               /* as the ring has them: unaltered, with the rule's mark */

void put_evidence_query(struct writer *w, const struct evidence_query *q)
{
    put_u8(w, (uint8_t)q->reason);
    put_addr(w, &q->src);
    put_addr(w, &q->dst);
    put_u8(w, q->proto);
    put_u16(w, q->port);
    put_i64(w, q->first);
    put_i64(w, q->last);
    put_text(w, q->comment);
}

void get_evidence_query(struct reader *r, struct evidence_query *q)
{
    q->reason = (enum deny_reason)get_u8(r);
    q->src = get_addr(r);
    q->dst = get_addr(r);
    q->proto = get_u8(r);
    q->port = get_u16(r);
    q->first = get_i64(r);
    q->last = get_i64(r);
    get_text(r, q->comment, sizeof q->comment);
}

static bool belongs(const struct evidence_query *q, const struct denied_packet *p)
{
    int64_t second = p->time_us / 1000000;

    return p->reason == q->reason && p->proto == q->proto && p->dport == q->port &&
           ip_cmp(&p->src, &q->src) == 0 && ip_cmp(&p->dst, &q->dst) == 0 && second >= q->first &&
           second <= q->last;
}

struct collecting { const struct evidence_query *q; struct writer *file; uint32_t n; bool more; };

static void take(void *arg, int64_t time_us, const uint8_t *nflog, size_t len)
{
    struct collecting *c = arg;
    struct denied_packet p;

    if (denied_decode(nflog, len, &p) < 0)
        return;
    p.time_us = time_us;
    if (!belongs(c->q, &p))
        return;
    if (c->n == EVIDENCE_PACKETS ||
        c->file->n + pcapng_size(len, c->q->comment) > EVIDENCE_BYTES) {
        c->more = true;
        return;
    }
    pcapng_packet(c->file, time_us, nflog, len, c->q->comment);
    c->n++;
}

uint32_t evidence_collect(struct ring *r, const struct evidence_query *q, struct writer *file,
                          bool *more)
{
    struct collecting c = {.q = q, .file = file};

    pcapng_begin(file, LINKTYPE_NFLOG, "nflog", q->comment);
    ring_each(r, take, &c);
    *more = c.more;
    return c.n;
}
