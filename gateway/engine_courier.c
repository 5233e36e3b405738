/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the courier gets, and what its answers mean for an outlet. */
#include <sodium.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>

#include "gateway/clock.h"
#include "gateway/engine.h"
#include "gateway/engine_outlets_parts.h"
#include "gateway/log.h"

#define BATCH_BYTES (256u << 10)     /* no further event is taken into a POST beyond */
#define PAUSE_SYSLOG_S 60            /* the longest between two tries */
#define PAUSE_WEBHOOK_S 300
#define TRIES_BEFORE_ALARM 3

const char *outlet_signature(const uint8_t *key, size_t key_len, int64_t now, const void *body,
                             size_t n, char out[SIGNATURE_TEXT])
{
    uint8_t mac[crypto_auth_hmacsha256_BYTES];
    crypto_auth_hmacsha256_state st;
    char hex[2 * sizeof mac + 1], stamp[32];
    size_t len = (size_t)snprintf(stamp, sizeof stamp, "%lld.", (long long)now);

    crypto_auth_hmacsha256_init(&st, key, key_len);
    crypto_auth_hmacsha256_update(&st, (const uint8_t *)stamp, len);
    crypto_auth_hmacsha256_update(&st, body, n);
    crypto_auth_hmacsha256_final(&st, mac);
    sodium_memzero(&st, sizeof st);
    snprintf(out, SIGNATURE_TEXT, "t=%lld,v1=%s", (long long)now,
             sodium_bin2hex(hex, sizeof hex, mac, sizeof mac));
    return out;
}

int64_t outlet_pause(unsigned tries, int64_t most)
{
    int64_t s = tries == 0 ? 0 : tries > 20 ? most : (int64_t)(1u << (tries - 1));

    return s < most ? s : most;
}

/* ---- to the courier ------------------------------------------------------------------------- */

void outlet_call_back(struct outlet_state *s)
{
    s->round++;
    s->n_flying = 0;
    s->sent = s->done > s->drop_to ? s->done : s->drop_to;
}

static void send_it(struct engine *e, enum message_type type, struct writer *w)
{
    struct channel *c = e->peer[ROLE_COURIER];

    /* A broken channel is noticed where it is read. */
    if (channel_send(c, type, 0, w, -1) == 0)
        loop_events(e->loop, channel_fd(c), EPOLLIN | (channel_wants_write(c) ? EPOLLOUT : 0u));
    writer_clear(w);
}

static void send_item(struct engine *e, size_t index, int64_t id, const char *signature,
                      const void *body, size_t n)
{
    const struct item i = {(uint8_t)index, e->outlets.v[index].round, (uint64_t)id};
    struct writer w;

    writer_init(&w, 1u << 19);
    put_item(&w, &i);
    put_text(&w, signature);
    put_blob(&w, body, n);
    send_it(e, MSG_DELIVER, &w);
}

static void fly(struct outlet_state *s, int64_t id)
{
    s->flying[s->n_flying++] = id;
    s->sent = id;
}

struct pumping { struct engine *e; size_t index; struct writer body; };

static void send_line(void *arg, int64_t id, const void *line, size_t n)
{
    struct pumping *p = arg;

    fly(&p->e->outlets.v[p->index], id);
    send_item(p->e, p->index, id, "", line, n);
}

static void add_to_body(void *arg, int64_t id, const void *event, size_t n)
{
    struct pumping *p = arg;
    struct outlet_state *s = &p->e->outlets.v[p->index];

    if (p->body.n > BATCH_BYTES)
        return;
    if (s->n_flying > 0)
        put_u8(&p->body, ',');
    put_raw(&p->body, event, n);
    fly(s, id);
}

static void post(struct pumping *p)
{
    struct outlet_state *s = &p->e->outlets.v[p->index];
    char head[NAME_SIZE + 40], signature[SIGNATURE_TEXT];
    int n = snprintf(head, sizeof head, "{\"gateway\":\"%s\",\"events\":[", p->e->conf.name);

    writer_init(&p->body, COURIER_ITEM_MAX);
    put_raw(&p->body, head, (size_t)n);
    store_each_delivery(p->e->store, s->name, s->sent, OUTLET_BATCH, add_to_body, p);
    put_raw(&p->body, "]}\n", 3);
    if (s->n_flying > 0) {
        outlet_signature(s->key, s->key_len, clock_wall().s, p->body.v, p->body.n, signature);
        send_item(p->e, p->index, s->sent, signature, p->body.v, p->body.n);
    }
    writer_clear(&p->body);
}

void outlet_pump(struct engine *e, size_t index)
{
    struct outlet_state *s = &e->outlets.v[index];
    struct pumping p = {.e = e, .index = index};

    if (!e->peer[ROLE_COURIER] || s->mute || s->queued == s->n_flying ||
        clock_boot_ms() < s->retry_ms)
        return;
    if (e->conf.outlets[index].kind != OUTLET_WEBHOOK)
        store_each_delivery(e->store, s->name, s->sent, COURIER_WINDOW - (int64_t)s->n_flying,
                            send_line, &p);
    else if (s->n_flying == 0)
        post(&p);
}

void outlets_courier(struct engine *e)
{
    for (size_t i = 0; i < e->outlets.n; i++) {
        struct outlet_state *s = &e->outlets.v[i];
        struct writer w;
        writer_init(&w, 1u << 17);
        put_u8(&w, (uint8_t)i);
        put_outlet(&w, &e->conf.outlets[i], s->ca ? s->ca : "");
        send_it(e, MSG_OUTLET, &w);
        outlet_call_back(s);
        outlet_pump(e, i);
    }
}

/* ---- from the courier ----------------------------------------------------------------------- */

static void delivered(struct engine *e, struct outlet_state *s, size_t n)
{
    s->done = s->flying[n - 1];
    s->n_flying -= n;
    memmove(s->flying, s->flying + n, s->n_flying * sizeof *s->flying);
    s->books.delivered += n;
    s->queued -= n;
    if (s->tries >= TRIES_BEFORE_ALARM)
        event_add(e, "act", "attempts are sent to %.300s again", s->name);
    s->tries = 0;
}

static void not_delivered(struct engine *e, size_t index, enum delivery why, unsigned status)
{
    struct outlet_state *s = &e->outlets.v[index];
    bool webhook = e->conf.outlets[index].kind == OUTLET_WEBHOOK;
    char code[32] = "";

    s->failures++;
    s->tries++;
    s->last = why;
    s->retry_ms = clock_boot_ms() +
                  1000 * outlet_pause(s->tries, webhook ? PAUSE_WEBHOOK_S : PAUSE_SYSLOG_S);
    outlet_call_back(s);
    if (status)
        snprintf(code, sizeof code, " (status %u)", status);
    if (s->tries == TRIES_BEFORE_ALARM)
        alarm_raise(e, "attempts cannot be sent to %.90s: %s%s; %llu wait", s->name,
                    delivery_text(why), code, (unsigned long long)s->queued);
}

/* How many of those on their way this id speaks for; 0: none, a lie. */
static size_t spoken_for(const struct outlet_state *s, uint64_t id)
{
    for (size_t i = 0; i < s->n_flying; i++)
        if ((uint64_t)s->flying[i] == id)
            return i + 1;
    return 0;
}

int outlets_message(struct engine *e, const struct message *m)
{
    struct reader r;

    reader_init(&r, m->body, m->len);
    struct item i = get_item(&r);
    unsigned what = get_u8(&r), status = get_u16(&r);
    if (!reader_done(&r) || what >= DELIVERY_OUTCOMES || i.outlet >= e->outlets.n)
        return -1;
    struct outlet_state *s = &e->outlets.v[i.outlet];
    if (i.round != s->round)
        return 0;
    size_t n = spoken_for(s, i.id);
    if (n == 0)
        return -1;
    if (what == DELIVERY_DELIVERED)
        delivered(e, s, n);
    else
        not_delivered(e, i.outlet, (enum delivery)what, status);
    outlet_pump(e, i.outlet);
    return 0;
}
