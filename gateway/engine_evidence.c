/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Asking the capture role for packets, and carrying what it answers. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>

#include "gateway/clock.h"
#include "gateway/control.h"
#include "gateway/evidence.h"

#define WAIT_MS 25000            /* less than the api waits for us */

/* ---- asking --------------------------------------------------------------------------------- */

static struct evidence_wait *free_slot(struct engine *e)
{
    for (size_t i = 0; i < EVIDENCE_WAITING; i++)
        if (e->evidence[i].seq == 0 || e->evidence[i].until_ms < clock_boot_ms())
            return &e->evidence[i];
    return NULL;
}

static struct evidence_query query_of(const struct engine *e, const struct attempt *a)
{
    struct evidence_query q = {.reason = (enum deny_reason)a->reason, .src = a->source,
                               .dst = a->destination, .proto = a->proto, .port = a->port,
                               .first = a->first.s, .last = a->last.s};
    char text[ATTEMPT_TEXT];

    snprintf(q.comment, sizeof q.comment, "attempt %lld of %s: %.400s", (long long)a->id,
             e->conf.name, attempt_text(a, text));
    return q;
}

static int send_query(struct engine *e, uint32_t seq, const struct evidence_query *q)
{
    struct channel *c = e->peer[ROLE_CAPTURE];
    struct writer w;

    writer_init(&w, 1024);
    put_evidence_query(&w, q);
    int rc = channel_send(c, MSG_EVIDENCE, seq, &w, -1);
    writer_clear(&w);
    if (rc == 0)
        loop_events(e->loop, channel_fd(c), EPOLLIN | (channel_wants_write(c) ? EPOLLOUT : 0u));
    return rc;
}

static struct reply no_packets(void)
{
    return reply_error(404, "no_packets", "No packet of this attempt was kept.",
                       "Only a sample of the denied packets is kept, and the oldest give way.");
}

static struct reply not_now(void)
{
    return reply_error(503, "busy", "The packets cannot be read at this moment.",
                       "Try again in a few seconds.");
}

struct reply evidence_ask(struct engine *e, struct request *q, const struct attempt *a)
{
    struct evidence_wait *slot = free_slot(e);
    struct evidence_query query = query_of(e, a);

    if (a->kind != ATTEMPT_PACKET)
        return no_packets();
    if (!slot || !e->peer[ROLE_CAPTURE] || send_query(e, e->evidence_seq + 1, &query) < 0)
        return not_now();
    *slot = (struct evidence_wait){++e->evidence_seq, q->seq,
                                   q->console ? ROLE_CONSOLE : ROLE_API, clock_boot_ms() + WAIT_MS};
    audit_note(e, q->actor, q->uid, "attempt.export", "", json_pack("{s:I}", "attempt",
                                                                   (json_int_t)a->id));
    return (struct reply){0, NULL};
}

/* ---- answering ------------------------------------------------------------------------------ */

/* Taken over: the answer's body. */
static void answer(struct engine *e, const struct evidence_wait *wait, struct writer *w)
{
    struct channel *c = e->peer[wait->asker];
    enum message_type type = wait->asker == ROLE_API ? MSG_CONTROL_REPLY : MSG_CONSOLE_REPLY;

    if (c && channel_send(c, type, wait->control_seq, w, -1) == 0)
        loop_events(e->loop, channel_fd(c), EPOLLIN | (channel_wants_write(c) ? EPOLLOUT : 0u));
    writer_clear(w);
}

static void answer_file(struct engine *e, const struct evidence_wait *wait, const uint8_t *file,
                        size_t n)
{
    struct writer w;

    writer_init(&w, CHANNEL_MESSAGE_MAX);
    put_u16(&w, 200);
    if (wait->asker == ROLE_CONSOLE)
        put_text(&w, "");
    put_blob(&w, file, n);
    answer(e, wait, &w);
}

static void answer_refusal(struct engine *e, const struct evidence_wait *wait, struct reply r)
{
    struct writer w;

    reply_write(&w, CHANNEL_MESSAGE_MAX, wait->asker == ROLE_CONSOLE ? "" : NULL, &r);
    answer(e, wait, &w);
}

int evidence_message(struct engine *e, const struct message *m)
{
    struct reader r;
    size_t n;

    reader_init(&r, m->body, m->len);
    uint32_t packets = get_u32(&r);
    const uint8_t *file = get_blob(&r, &n, EVIDENCE_BYTES);
    if (!reader_done(&r))
        return -1;
    for (size_t i = 0; i < EVIDENCE_WAITING; i++) {
        struct evidence_wait w = e->evidence[i];
        if (w.seq == 0 || w.seq != m->seq)
            continue;
        e->evidence[i].seq = 0;
        if (packets > 0)
            answer_file(e, &w, file, n);
        else
            answer_refusal(e, &w, no_packets());
    }
    return 0;
}

void evidence_reset(struct engine *e, enum gateway_role role)
{
    for (size_t i = 0; i < EVIDENCE_WAITING; i++) {
        struct evidence_wait w = e->evidence[i];
        if (role != ROLE_CAPTURE && role != w.asker)
            continue;
        e->evidence[i].seq = 0;
        if (w.seq != 0 && role == ROLE_CAPTURE)
            answer_refusal(e, &w, not_now());
    }
}
