/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The courier's life: outlets and items from the engine, answers back. */
#include <gnutls/gnutls.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>

#include "gateway/courier_parts.h"
#include "gateway/log.h"
#include "gateway/role.h"

/* ---- to the engine -------------------------------------------------------------------------- */

static void watch_engine(struct courier *c)
{
    loop_events(c->loop, channel_fd(c->engine),
                EPOLLIN | (channel_wants_write(c->engine) ? EPOLLOUT : 0u));
}

void courier_tell(struct door *d, uint64_t id, enum delivery what, uint16_t status)
{
    const struct item i = {d->index, d->round, id};
    struct writer w;

    d->failed = what != DELIVERY_DELIVERED;
    writer_init(&w, 32);
    put_item(&w, &i);
    put_u8(&w, (uint8_t)what);
    put_u16(&w, status);
    if (channel_send(d->c->engine, MSG_DELIVERED, 0, &w, -1) < 0)
        loop_stop(d->c->loop);
    else
        watch_engine(d->c);
    writer_clear(&w);
}

/* ---- from the engine ------------------------------------------------------------------------ */

static int on_outlet(struct courier *c, struct reader *r)
{
    const uint8_t *ca;
    size_t len;
    unsigned index = get_u8(r);
    struct outlet o;

    get_outlet(r, &o, &ca, &len);
    if (!reader_done(r) || index >= OUTLETS_MAX || c->doors[index].known)
        return -1;
    struct door *d = &c->doors[index];
    *d = (struct door){.c = c, .o = o, .known = true, .index = (uint8_t)index, .fd = -1,
                       .timer = -1};
    if (o.kind == OUTLET_WEBHOOK && o.tls && webhook_trust(d, ca, len) < 0)
        log_warn("the certificate authorities of webhook %s cannot be read", o.host);
    return 0;
}

/* What is left of an earlier round is the engine's again. */
static void begin_round(struct door *d, uint32_t round)
{
    if (d->round == round)
        return;
    d->round = round;
    d->failed = false;
    if (d->o.kind == OUTLET_TCP)
        stream_close(d);
    else if (d->o.kind == OUTLET_WEBHOOK)
        webhook_close(d);
}

static int on_deliver(struct courier *c, struct reader *r)
{
    char signature[SIGNATURE_TEXT];
    size_t n;
    struct item i = get_item(r);

    get_text(r, signature, sizeof signature);
    const uint8_t *body = get_blob(r, &n, COURIER_ITEM_MAX);
    if (!reader_done(r) || !c->doors[i.outlet].known)
        return -1;
    struct door *d = &c->doors[i.outlet];
    begin_round(d, i.round);
    if (d->failed)
        return 0;
    if (d->o.kind == OUTLET_WEBHOOK)
        webhook_send(d, i.id, signature, body, n);
    else if (d->o.kind == OUTLET_TCP)
        stream_send(d, i.id, body, n);
    else
        datagram_send(d, i.id, body, n);
    return 0;
}

static int on_message(struct courier *c, const struct message *m)
{
    struct reader r;

    if (m->fd >= 0 ||
        !message_allowed(m->type, ROLE_ENGINE, ROLE_COURIER, (uint32_t)m->len))
        return -1;
    reader_init(&r, m->body, m->len);
    return m->type == MSG_OUTLET ? on_outlet(c, &r) : on_deliver(c, &r);
}

static void on_engine(void *arg, uint32_t events)
{
    struct courier *c = arg;
    struct message m;
    int rc = channel_flush(c->engine);

    (void)events;
    while (rc == 0 && (rc = channel_receive(c->engine, &m)) > 0)
        rc = on_message(c, &m);
    if (rc < 0)
        loop_stop(c->loop);
    else
        watch_engine(c);
}

int courier_main(void)
{
    static struct courier c;

    if (gnutls_global_init() < 0)
        fatal("out of memory");
    c.loop = loop_new();
    c.engine = channel_new(FD_PARENT);
    if (!c.engine)
        fatal("out of memory");
    sandbox_enter(ROLE_COURIER);
    loop_watch(c.loop, channel_fd(c.engine), EPOLLIN, on_engine, &c);
    loop_run(c.loop);
    for (size_t i = 0; i < OUTLETS_MAX; i++) {
        stream_close(&c.doors[i]);
        webhook_close(&c.doors[i]);
    }
    channel_free(c.engine);
    return 0;
}
