/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the engine may ask, and when: this table is all of it. Anything else ends the engine.
 */
#include "gateway/parent.h"

#include <errno.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "gateway/log.h"

#define ROUND 64 /* requests in a row before other events have their turn */

static const struct request {
    enum message_type type;
    unsigned phases;
    request_handler *handle;
    bool answered;
} requests[] = {
    {MSG_TUNNEL, PHASE_STARTED, request_tunnel, true},
    {MSG_CHANGES, PHASE_TUNNEL | PHASE_LOADED | PHASE_OPEN, request_changes, false},
    {MSG_COMMIT, PHASE_TUNNEL | PHASE_LOADED | PHASE_OPEN, request_commit, true},
    {MSG_INSPECT, PHASE_LOADED | PHASE_OPEN, request_inspect, true},
    {MSG_COUNTS, PHASE_LOADED | PHASE_OPEN, request_counts, true},
    {MSG_PEERS, PHASE_TUNNEL | PHASE_LOADED | PHASE_OPEN, request_peers, true},
    {MSG_READY, PHASE_LOADED, request_ready, true},
    {MSG_OPEN, PHASE_OPEN, request_open, true},
    {MSG_VERIFY, PHASE_LOADED | PHASE_OPEN, request_verify, true},
    {MSG_COURIER, PHASE_LOADED, request_courier, true},
    {MSG_OUTLET_FILE, PHASE_LOADED | PHASE_OPEN, request_outlet_file, true},
    {MSG_DOOR, PHASE_LOADED, request_door, true},
    {MSG_END_ROLE, PHASE_OPEN, request_end_role, false},
    {MSG_FAILED, PHASE_STARTED | PHASE_TUNNEL | PHASE_LOADED, request_failed, false},
};

static const struct request *find_request(const struct parent *p, const struct message *m)
{
    if (m->fd >= 0 || !message_allowed(m->type, ROLE_ENGINE, ROLE_PARENT, (uint32_t)m->len))
        return NULL;
    for (size_t i = 0; i < sizeof requests / sizeof *requests; i++)
        if (requests[i].type == m->type && (requests[i].phases & p->phase))
            return &requests[i];
    return NULL;
}

static int send_answer(struct parent *p, uint32_t seq, int result, const struct writer *body)
{
    struct writer w;
    writer_init(&w, CHANNEL_MESSAGE_MAX);
    put_u32(&w, body->failed ? (uint32_t)-EMSGSIZE : (uint32_t)result);
    if (!body->failed)
        put_raw(&w, body->v, body->n);
    int rc = channel_send(p->engine, MSG_ANSWER, seq, &w, -1);
    writer_clear(&w);
    return rc;
}

enum served { REFUSED = 0, SERVED, UNHEARD };   /* UNHEARD: the engine is gone before the answer */

static enum served serve_one(struct parent *p, const struct message *m)
{
    const struct request *q = find_request(p, m);
    struct reader r;
    struct writer body;
    if (!q)
        return REFUSED;
    reader_init(&r, m->body, m->len);
    writer_init(&body, CHANNEL_MESSAGE_MAX - 4);
    int result = q->handle(p, &r, &body);
    enum served served = result == MALFORMED ? REFUSED : SERVED;
    if (served && q->answered && p->engine && send_answer(p, m->seq, result, &body) < 0)
        served = UNHEARD;
    writer_clear(&body);
    return served;
}

static void refuse(struct parent *p, const struct message *m)
{
    log_warn("the engine sent message %u with %zu bytes in phase %u", (unsigned)m->type, m->len,
             (unsigned)p->phase);
    roles_kill(p, ROLE_ENGINE, "it asked for what it may not");
}

void requests_serve(void *parent, uint32_t events)
{
    struct parent *p = parent;
    struct message m;
    if (p->role[ROLE_ENGINE].killed)
        return;
    int rc = (events & EPOLLOUT) ? channel_flush(p->engine) : 0;
    for (int i = 0; rc == 0 && i < ROUND; i++) {
        int got = channel_receive(p->engine, &m);
        if (got <= 0) {
            rc = got;
            break;
        }
        enum served served = serve_one(p, &m);
        rc = served == UNHEARD ? -1 : 0;
        if (served == REFUSED) {
            if (m.fd >= 0)
                close(m.fd);
            refuse(p, &m);
            return;
        }
    }
    if (rc < 0)
        roles_channel_broken(p);
    else
        loop_events(p->loop, channel_fd(p->engine),
                    EPOLLIN | (channel_wants_write(p->engine) ? EPOLLOUT : 0u));
}
