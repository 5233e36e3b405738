/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The capture role: takes the sample of denied packets that the kernel logs, keeps the packets in
 * the ring and tells the engine what they were; takes the knocks at the tunnel's port from a group
 * of their own and passes on those that are worth the engine's while. All handles are opened before
 * the cage; a packet that nobody can take in time is dropped and counted, never queued without
 * bound.
 */
#include "gateway/capture.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>

#include "gateway/capture_knock.h"
#include "gateway/capture_nflog.h"
#include "gateway/capture_source.h"
#include "gateway/channel.h"
#include "gateway/clock.h"
#include "gateway/evidence.h"
#include "gateway/log.h"
#include "gateway/loop.h"
#include "gateway/ring.h"
#include "gateway/role.h"
#include "policy/address.h"

#define RECEIVE_BYTES (32 << 20)
#define KNOCK_RECEIVE_BYTES (16 << 20)
#define READS_MAX 32           /* before the loop's other events get a turn */
#define FLUSH_MS 50            /* the longest that a decoded packet waits for company */
#define BACKLOG_MAX (2u << 20) /* bytes that the engine has not taken; beyond: dropped */
#define GAP_MAX 0x80000000u    /* a larger step back in sequence is a new beginning */

struct capture {
    struct loop *loop;
    struct channel *engine;
    struct source *source;
    struct ring *ring;
    struct denied_packet batch[DENIED_BATCH];
    uint16_t n;
    bool timer_set;
    int timer;
    uint32_t next_seq;
    struct source *door;
    struct knock_sieve sieve;
    struct knock knocks[KNOCK_BATCH];
    uint16_t n_knocks;
    uint32_t next_knock;
    size_t backlog; /* bytes sent since the channel was last empty */
    uint64_t lost, undecodable;
};

/* ---- to the engine ----------------------------------------------------------------------------
 */

static void send_or_stop(struct capture *c, enum message_type type, const struct writer *w)
{
    c->backlog += w->n;
    if (channel_send(c->engine, type, 0, w, -1) < 0)
        loop_stop(c->loop);
}

static void send_batch(struct capture *c)
{
    struct writer w;
    writer_init(&w, CHANNEL_MESSAGE_MAX);
    put_u16(&w, c->n);
    for (uint16_t i = 0; i < c->n; i++)
        put_denied(&w, &c->batch[i]);
    send_or_stop(c, MSG_DENIED, &w);
    writer_clear(&w);
}

static void send_lost(struct capture *c)
{
    struct writer w;
    writer_init(&w, CHANNEL_MESSAGE_MAX);
    put_u64(&w, c->lost);
    send_or_stop(c, MSG_LOST, &w);
    writer_clear(&w);
    c->lost = 0;
}

static void send_knocks(struct capture *c)
{
    struct writer w;
    writer_init(&w, CHANNEL_MESSAGE_MAX);
    put_u16(&w, c->n_knocks);
    for (uint16_t i = 0; i < c->n_knocks; i++)
        put_knock(&w, &c->knocks[i]);
    send_or_stop(c, MSG_KNOCKS, &w);
    writer_clear(&w);
}

static void send_knock_counts(struct capture *c)
{
    struct writer w;
    writer_init(&w, CHANNEL_MESSAGE_MAX);
    put_knock_counts(&w, &c->sieve.counts);
    send_or_stop(c, MSG_KNOCK_COUNTS, &w);
    writer_clear(&w);
    c->sieve.counts = (struct knock_counts){0};
}

/* What the engine is too slow for is not opened, and counted as that. */
static void drop_knocks(struct capture *c)
{
    for (uint16_t i = 0; i < c->n_knocks; i++)
        c->sieve.counts.limited += c->knocks[i].good;
}

static void flush_knocks(struct capture *c)
{
    static const struct knock_counts none;
    if (c->backlog > BACKLOG_MAX) {
        drop_knocks(c);
    } else {
        if (c->n_knocks > 0)
            send_knocks(c);
        if (memcmp(&c->sieve.counts, &none, sizeof none) != 0)
            send_knock_counts(c);
    }
    c->n_knocks = 0;
}

static void watch_engine(struct capture *c)
{
    bool writes = channel_wants_write(c->engine);
    if (!writes)
        c->backlog = 0;
    loop_events(c->loop, channel_fd(c->engine), writes ? EPOLLIN | EPOLLOUT : EPOLLIN);
}

/* An engine too slow for what was sent already does not get this batch. */
static void flush_batch(struct capture *c)
{
    if (ring_flush(c->ring, clock_boot_ms()) < 0)
        for (uint16_t i = 0; i < c->n; i++)
            c->batch[i].file = 0;
    if (c->backlog > BACKLOG_MAX) {
        c->lost += c->n;
    } else {
        if (c->n > 0)
            send_batch(c);
        if (c->lost > 0)
            send_lost(c);
    }
    c->n = 0;
    watch_engine(c);
}

static void on_timer(void *arg, uint32_t events)
{
    (void)events;
    struct capture *c = arg;
    c->timer_set = false;
    flush_knocks(c);
    flush_batch(c);
}

static void flush_soon(struct capture *c)
{
    if (!c->timer_set)
        loop_timer_set(c->loop, c->timer, FLUSH_MS, 0);
    c->timer_set = true;
}

/* Which packets of an attempt are there? -1: that was not asked. */
static int answer_evidence(struct capture *c, const struct message *m)
{
    struct evidence_query q;
    struct reader r;
    struct writer w, file;
    bool more;

    reader_init(&r, m->body, m->len);
    get_evidence_query(&r, &q);
    if (m->fd >= 0 || !message_allowed(m->type, ROLE_ENGINE, ROLE_CAPTURE, (uint32_t)m->len) ||
        !reader_done(&r))
        return -1;
    (void)ring_flush(c->ring, clock_boot_ms());
    writer_init(&file, EVIDENCE_BYTES);
    writer_init(&w, EVIDENCE_BYTES + 16);
    put_u32(&w, evidence_collect(c->ring, &q, &file, &more));
    put_blob(&w, file.v, file.n);
    c->backlog += w.n;
    int rc = channel_send(c->engine, MSG_EVIDENCE_FILE, m->seq, &w, -1);
    writer_clear(&w);
    writer_clear(&file);
    return rc;
}

/* Anything else from the engine, or its end, ends this role. */
static void on_engine(void *arg, uint32_t events)
{
    struct capture *c = arg;
    struct message m;
    int rc = channel_flush(c->engine);
    while (rc == 0 && (rc = channel_receive(c->engine, &m)) > 0)
        rc = answer_evidence(c, &m);
    if (rc < 0) {
        loop_stop(c->loop);
        return;
    }
    if (events & EPOLLOUT)
        flush_soon(c);
    watch_engine(c);
}

/* ---- from the kernel ---------------------------------------------------------------------------
 */

/* How many did not arrive before this one. */
static uint32_t gap_before(uint32_t *next, const uint8_t *nflog, size_t len)
{
    struct nflog m;
    if (nflog_parse(nflog, len, &m) < 0 || !m.has_seq)
        return 0;
    uint32_t gap = m.seq - *next;
    *next = m.seq + 1;
    return gap < GAP_MAX ? gap : 0;
}

/* It does not come to the engine, and so is lost to it. Said at the first and then ever more
 * rarely: 1, 2, 4, 8 ... */
static void count_undecodable(struct capture *c, enum deny_reason reason)
{
    c->lost += reason < DENY_REASONS;
    c->undecodable++;
    if ((c->undecodable & (c->undecodable - 1)) == 0)
        log_warn("%llu logged packets could not be decoded", (unsigned long long)c->undecodable);
}

static void on_packet(void *arg, int64_t read_us, const uint8_t *nflog, size_t len)
{
    struct capture *c = arg;
    struct denied_packet p;
    c->lost += gap_before(&c->next_seq, nflog, len);
    flush_soon(c);
    int rc = denied_decode(nflog, len, &p);
    if (p.time_us == 0)
        p.time_us = read_us;
    p.file = ring_put(c->ring, clock_boot_ms(), p.time_us, nflog, len);
    if (rc < 0) {
        count_undecodable(c, p.reason);
        return;
    }
    c->batch[c->n++] = p;
    if (c->n == DENIED_BATCH)
        flush_batch(c);
}

static void on_knock(void *arg, int64_t read_us, const uint8_t *nflog, size_t len)
{
    struct capture *c = arg;
    struct knock *k = &c->knocks[c->n_knocks];
    c->sieve.counts.lost += gap_before(&c->next_knock, nflog, len);
    flush_soon(c);
    int rc = knock_decode(nflog, len, k);
    if (rc <= 0) {
        c->sieve.counts.unread += rc < 0;
        return;
    }
    if (k->time_us == 0)
        k->time_us = read_us;
    c->n_knocks += knock_sieve_pass(&c->sieve, k, clock_boot_ms());
    if (c->n_knocks == KNOCK_BATCH)
        flush_knocks(c);
}

static void read_source(struct source *s)
{
    int n = 1;
    for (int i = 0; i < READS_MAX && n > 0; i++)
        n = source_read(s);
    if (n < 0)
        fatal("the capture handle broke");
}

static void on_source(void *arg, uint32_t events)
{
    (void)events;
    read_source(((struct capture *)arg)->source);
}

static void on_door(void *arg, uint32_t events)
{
    (void)events;
    read_source(((struct capture *)arg)->door);
}

static struct ring *open_ring(void)
{
    struct ring *r = ring_open(FD_DIR, RING_FILES, RING_FILE_BYTES);
    if (!r)
        fatal("cannot use the capture directory (descriptor %d): %s", FD_DIR, strerror(errno));
    return r;
}

/* "77,<public key in base64>": the group of denied packets, the next one is that of knocks. */
static uint16_t read_argument(const char *argument, struct wg_key *key)
{
    char *end = NULL;
    unsigned long group = argument ? strtoul(argument, &end, 10) : 0;
    if (group == 0 || group >= UINT16_MAX || *end != ',' ||
        !wg_key_parse(end + 1, strlen(end + 1), key))
        fatal("this role needs a log group and a public key");
    return (uint16_t)group;
}

int capture_main(const char *argument)
{
    static struct capture c;
    struct wg_key key;
    uint16_t group = read_argument(argument, &key);
    c = (struct capture){.loop = loop_new(), .engine = channel_new(FD_PARENT)};
    if (!c.engine)
        fatal("out of memory");
    c.ring = open_ring();
    c.source = source_open(group, RECEIVE_BYTES, on_packet, &c);
    c.door = source_open((uint16_t)(group + 1), KNOCK_RECEIVE_BYTES, on_knock, &c);
    knock_sieve_set(&c.sieve, &key, clock_boot_ms());
    c.timer = loop_timer(c.loop, FLUSH_MS, 0, on_timer, &c);
    sandbox_enter(ROLE_CAPTURE);
    loop_watch(c.loop, channel_fd(c.engine), EPOLLIN, on_engine, &c);
    loop_watch(c.loop, source_fd(c.source), EPOLLIN, on_source, &c);
    loop_watch(c.loop, source_fd(c.door), EPOLLIN, on_door, &c);
    loop_run(c.loop);
    source_close(c.door);
    source_close(c.source);
    ring_close(c.ring);
    channel_free(c.engine);
    return 0;
}
