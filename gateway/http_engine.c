/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Questions to the engine and its answers. */
#include "gateway/http_engine.h"

#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>

#include "gateway/http_tls.h"
#include "gateway/log.h"
#include "gateway/role.h"

/* Below CHANNEL_QUEUE_MAX: an engine that does not read costs refusals, not the channel. */
#define QUEUED_MAX (12u << 20)

static void watch(struct http_engine *e)
{
    bool writes = channel_wants_write(e->channel);
    if (!writes)
        e->queued = 0;
    loop_events(e->loop, channel_fd(e->channel), writes ? EPOLLIN | EPOLLOUT : EPOLLIN);
}

static bool is_tls(enum message_type t)
{
    return t == MSG_TLS_ENROL || t == MSG_TLS_CONSOLE || t == MSG_TLS_PORTAL;
}

static int on_tls(struct http_engine *e, struct reader *r)
{
    struct tls_identity t;
    bool first = !e->has_tls;
    get_tls_identity(r, &t);
    int rc = reader_done(r) && e->secured && http_tls_use(&t) == 0 ? 0 : -1;
    if (rc == 0) {
        memcpy(e->name, t.name, sizeof e->name);
        memcpy(e->host, t.host, sizeof e->host);
        e->has_tls = true;
        e->secured(e, first);
    }
    tls_identity_clear(&t);
    return rc;
}

/* 0, or -1: the message is not what the table promises. */
static int on_message(struct http_engine *e, const struct message *m)
{
    if (!message_allowed(m->type, ROLE_ENGINE, e->self, (uint32_t)m->len))
        return -1;
    struct reader r;
    size_t len = 0;
    reader_init(&r, m->body, m->len);
    if (is_tls(m->type))
        return on_tls(e, &r);
    unsigned int status = get_u16(&r);
    if (m->type == MSG_CONSOLE_REPLY)
        get_text(&r, e->session, sizeof e->session);
    const uint8_t *json = get_blob(&r, &len, CHANNEL_MESSAGE_MAX);
    if (!reader_done(&r) || status < 200 || status > 599)
        return -1;
    struct http_request *request = http_waiting(e->server, m->seq);
    if (request)
        e->reply(e, request, status, json, len);
    else if (e->other)
        e->other(e, m->seq, status, json, len);
    return 0;
}

static int receive_all(struct http_engine *e)
{
    struct message m;
    int got;
    while ((got = channel_receive(e->channel, &m)) == 1)
        if (on_message(e, &m) < 0) {
            log_alarm("the engine sent message %d, which it may not", (int)m.type);
            return -1;
        }
    return got;
}

static void on_engine(void *arg, uint32_t events)
{
    (void)events;
    struct http_engine *e = arg;
    if (channel_flush(e->channel) < 0 || receive_all(e) < 0)
        loop_stop(e->loop);
    else
        watch(e);
    http_server_run(e->server);
}

void http_engine_open(struct http_engine *e, struct loop *l, enum gateway_role self,
                      http_engine_reply *reply)
{
    *e = (struct http_engine){.loop = l, .self = self, .reply = reply};
    e->channel = channel_new(FD_PARENT);
    if (!e->channel)
        fatal("out of memory");
}

void http_engine_watch(struct http_engine *e)
{
    loop_watch(e->loop, channel_fd(e->channel), EPOLLIN, on_engine, e);
}

void http_engine_close(struct http_engine *e)
{
    loop_unwatch(e->loop, channel_fd(e->channel));
    channel_free(e->channel);
}

void http_engine_ask(struct http_engine *e, struct http_request *r, enum message_type type,
                     const struct writer *w)
{
    if (w->failed) {
        http_refuse(r, &HTTP_INTERNAL);
        return;
    }
    if (w->n > QUEUED_MAX - e->queued) {
        http_refuse(r, &HTTP_BUSY);
        return;
    }
    e->queued += w->n;
    if (channel_send(e->channel, type, http_wait(r), w, -1) < 0)
        loop_stop(e->loop);
    else
        watch(e);
}

int http_engine_ask_aside(struct http_engine *e, enum message_type type, const struct writer *w,
                          uint32_t *seq)
{
    if (w->failed || w->n > QUEUED_MAX - e->queued)
        return -1;
    *seq = http_next_seq(e->server);
    e->queued += w->n;
    if (channel_send(e->channel, type, *seq, w, -1) < 0)
        loop_stop(e->loop);
    else
        watch(e);
    return 0;
}

void http_engine_pass(struct http_engine *e, struct http_request *r, unsigned int status,
                      const uint8_t *json, size_t len)
{
    (void)e;
    char *text = malloc(len + 1);
    if (!text) {
        http_refuse(r, &HTTP_BUSY);
        return;
    }
    memcpy(text, json, len);
    text[len] = '\0';
    http_answer(r, status, "application/json", text, len);
}
