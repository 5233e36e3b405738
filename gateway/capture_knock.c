/* SPDX-License-Identifier: GPL-2.0-or-later */
/* From a logged packet to a knock, and which knocks go on: see capture_knock.h. */
#include "gateway/capture_knock.h"

#include <netinet/in.h>
#include <string.h>

#include "gateway/capture.h"
#include "gateway/capture_nflog.h"
#include "gateway/capture_packet.h"

#define UDP_HEADER 8

/* ---- messages ------------------------------------------------------------------------------- */

void put_knock(struct writer *w, const struct knock *k)
{
    put_i64(w, k->time_us);
    put_addr(w, &k->source);
    put_u16(w, k->port);
    put_u8(w, k->good);
    if (k->good)
        put_raw(w, k->message, sizeof k->message);
}

void get_knock(struct reader *r, struct knock *k)
{
    *k = (struct knock){.time_us = get_captured_us(r), .source = get_addr(r), .port = get_u16(r)};
    k->good = get_bool(r);
    if (k->good)
        get_raw(r, k->message, sizeof k->message);
    if (k->source.family == 0)
        r->failed = true;
}

void put_knock_counts(struct writer *w, const struct knock_counts *c)
{
    put_u64(w, c->bad_mac);
    put_u64(w, c->unread);
    put_u64(w, c->limited);
    put_u64(w, c->lost);
}

void get_knock_counts(struct reader *r, struct knock_counts *c)
{
    c->bad_mac = get_u64(r);
    c->unread = get_u64(r);
    c->limited = get_u64(r);
    c->lost = get_u64(r);
}

/* ---- decoding ------------------------------------------------------------------------------- */

static bool is_ours(const struct nflog *m)
{
    static const char prefix[] = LOG_PREFIX_KNOCK;

    return m->prefix_len == sizeof prefix - 1 && memcmp(m->prefix, prefix, m->prefix_len) == 0;
}

int knock_decode(const uint8_t *nflog, size_t len, struct knock *out)
{
    struct denied_packet p = {0};
    struct upper u;
    struct nflog m;

    *out = (struct knock){0};
    if (nflog_parse(nflog, len, &m) < 0)
        return -1;
    if (!is_ours(&m))
        return 0;
    if (packet_decode(m.payload, m.payload_len, &p, &u) < 0 || p.proto != IPPROTO_UDP ||
        u.n < UDP_HEADER + HANDSHAKE_BYTES)
        return -1;
    out->time_us = m.time_us;
    out->source = p.src;
    out->port = p.sport;
    memcpy(out->message, u.p + UDP_HEADER, sizeof out->message);
    return 1;
}

/* ---- limits --------------------------------------------------------------------------------- */

/* Whole ones come back with the time; what is left over of a millisecond is not forgotten. */
static bool take(struct knock_bucket *b, int64_t now_ms, uint32_t burst, uint32_t per_second)
{
    int64_t back = (now_ms - b->at_ms) * per_second / 1000;

    if (back > 0) {
        bool full = back >= burst - b->left;
        b->left = full ? burst : b->left + (uint32_t)back;
        b->at_ms = full ? now_ms : b->at_ms + back * 1000 / per_second;
    }
    if (b->left == 0)
        return false;
    b->left--;
    return true;
}

void knock_sieve_set(struct knock_sieve *s, const struct wg_key *public_key, int64_t now_ms)
{
    *s = (struct knock_sieve){.good = {KNOCK_BURST, now_ms}, .bad = {SCANNER_BURST, now_ms}};
    handshake_gate_set(&s->gate, public_key);
}

bool knock_sieve_pass(struct knock_sieve *s, struct knock *k, int64_t now_ms)
{
    k->good = handshake_mac1_good(&s->gate, k->message);
    if (!k->good) {
        s->counts.bad_mac++;
        return take(&s->bad, now_ms, SCANNER_BURST, SCANNER_RATE);
    }
    if (take(&s->good, now_ms, KNOCK_BURST, KNOCK_RATE))
        return true;
    s->counts.limited++;
    return false;
}
