/* SPDX-License-Identifier: GPL-2.0-or-later */
/* One wrapper for each request to the parent, with an ordinary function's signature. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "gateway/clock.h"
#include "gateway/capture_knock.h"
#include "gateway/engine.h"
#include "gateway/leases.h"
#include "gateway/log.h"
#include "policy/plan.h"

#define CHANGES_FLUSH (1u << 20)   /* a MSG_CHANGES is sent when it has grown to this */
#define PEERS_AGE_MS 2000

/* The answer's body after its result, which is returned. */
static int ask(struct engine *e, enum message_type type, const struct writer *w, struct reader *r)
{
    struct message m;

    if (channel_call(e->parent, type, w, &m, PARENT_TIMEOUT_MS) != 1)
        fatal("the parent does not answer");
    if (m.type != MSG_ANSWER)
        fatal("the parent answers with message %d", (int)m.type);
    reader_init(r, m.body, m.len);
    int result = (int)get_u32(r);
    if (r->failed)
        fatal("the parent's answer cannot be read");
    return result;
}

/* An answer that was read must have been read to its end. */
static int checked(int result, const struct reader *r)
{
    if (result == 0 && !reader_done(r))
        fatal("the parent's answer is not of the agreed form");
    return result;
}

const char *kernel_error(int rc)
{
    static char text[160];

    if (rc <= -1000)
        return plan_error_text((enum plan_error)(-rc - 1000));
    snprintf(text, sizeof text, "%s", strerror(-rc));
    return text;
}

/* ---- changes -------------------------------------------------------------------------------- */

void kernel_begin(struct kernel_changes *k)
{
    k->n = 0;
    k->sent = false;
    writer_init(&k->body, CHANNEL_MESSAGE_MAX - 16);
}

static void send_changes(struct engine *e, struct kernel_changes *k)
{
    struct writer w;

    if (k->n == 0)
        return;
    writer_init(&w, CHANNEL_MESSAGE_MAX);
    put_u32(&w, k->n);
    put_raw(&w, k->body.v, k->body.n);
    if (k->body.failed || channel_send(e->parent, MSG_CHANGES, 0, &w, -1) < 0)
        fatal("changes cannot be sent to the parent");
    writer_clear(&w);
    writer_clear(&k->body);
    k->n = 0;
    k->sent = true;
}

void kernel_add(struct engine *e, struct kernel_changes *k, const struct change *c)
{
    put_change(&k->body, c);
    k->n++;
    if (k->body.n > CHANGES_FLUSH)
        send_changes(e, k);
}

int kernel_commit(struct engine *e, struct kernel_changes *k, bool whole,
                  struct commit_answer *out)
{
    struct writer w;
    struct reader r;

    send_changes(e, k);
    writer_clear(&k->body);
    writer_init(&w, 16);
    put_u8(&w, whole);
    int rc = ask(e, MSG_COMMIT, &w, &r);
    get_commit_answer(&r, out);
    writer_clear(&w);
    return checked(rc, &r);
}

static void add_class(struct engine *e, struct kernel_changes *k, struct class_entry *c)
{
    struct change put = {.kind = CHANGE_CLASS_PUT, .u.class_ = c->c};

    if (c->c.id != 0 && !c->known)
        return;
    kernel_add(e, k, &put);
}

static void add_device(struct engine *e, struct kernel_changes *k, const struct dev *d)
{
    struct change device = {.kind = CHANGE_DEVICE_PUT, .u.device = d->k};
    struct change lease = {.kind = CHANGE_LEASE_PUT,
                           .u.lease = {d->k.index, d->lease.class_id, grant_left_ms(&d->lease)}};

    if (!dev_should_enrol(e, d))
        return;
    kernel_add(e, k, &device);
    if (d->lease.class_id != 0 && lease.u.lease.left_ms > 0)
        kernel_add(e, k, &lease);
}

int kernel_whole(struct engine *e)
{
    struct kernel_changes k;
    struct commit_answer answer;

    kernel_begin(&k);
    for (unsigned id = 0; id <= CLASS_MAX; id++)
        if (e->classes.v[id])
            add_class(e, &k, e->classes.v[id]);
    for (size_t i = 0; i < e->n_devs; i++)
        if (e->devs[i].state)
            add_device(e, &k, &e->devs[i]);
    return kernel_commit(e, &k, true, &answer);
}

/* ---- questions ------------------------------------------------------------------------------ */

int kernel_tunnel(struct engine *e)
{
    struct writer w;
    struct reader r;

    writer_init(&w, 1024);
    put_tunnel(&w, &e->conf.tunnel);
    int rc = ask(e, MSG_TUNNEL, &w, &r);
    writer_clear(&w);
    if (rc < 0)
        return rc;
    get_raw(&r, e->public_key.b, sizeof e->public_key.b);
    e->backend = get_u8(&r);
    return checked(rc, &r);
}

int kernel_inspect(struct engine *e, uint32_t device, const struct ip_addr *dst, uint8_t proto,
                   uint16_t port, struct inspect_answer *out)
{
    struct writer w;
    struct reader r;

    writer_init(&w, 64);
    put_u32(&w, device);
    put_addr(&w, dst);
    put_u8(&w, proto);
    put_u16(&w, port);
    int rc = ask(e, MSG_INSPECT, &w, &r);
    writer_clear(&w);
    if (rc < 0)
        return rc;
    get_inspect_answer(&r, out);
    return checked(rc, &r);
}

int kernel_counts(struct engine *e, struct rule_counts *out)
{
    struct reader r;
    int rc = ask(e, MSG_COUNTS, NULL, &r);

    if (rc < 0)
        return rc;
    for (int i = 0; i < DENY_REASONS; i++) {
        out->denied[i] = get_u64(&r);
        out->logged[i] = get_u64(&r);
    }
    out->knocks = get_u64(&r);
    out->knocks_logged = get_u64(&r);
    return checked(rc, &r);
}

static void get_opened(struct reader *r, struct opened *x)
{
    x->class_ = (enum handshake_class)get_u8(r);
    get_raw(r, x->o.key.b, sizeof x->o.key.b);
    get_raw(r, x->o.time, sizeof x->o.time);
    if (x->class_ > HANDSHAKE_UNKNOWN_KEY)
        r->failed = true;
}

int kernel_open(struct engine *e, const struct knock *const *v, unsigned n, struct opened *out)
{
    struct writer w;
    struct reader r;

    writer_init(&w, 2048);
    put_u8(&w, (uint8_t)n);
    for (unsigned i = 0; i < n; i++)
        put_raw(&w, v[i]->message, sizeof v[i]->message);
    int rc = ask(e, MSG_OPEN, &w, &r);
    writer_clear(&w);
    if (rc < 0)
        return rc;
    for (unsigned i = 0; i < n; i++)
        get_opened(&r, &out[i]);
    return checked(rc, &r);
}

int kernel_verify(struct engine *e, char what[128])
{
    struct reader r;
    int rc = ask(e, MSG_VERIFY, NULL, &r);

    what[0] = '\0';
    if (rc < 0)
        return rc;
    get_text(&r, what, 128);
    return checked(rc, &r);
}

static void read_peers(struct engine *e)
{
    struct reader r;
    size_t least = 4 + 1 + 2 + 8 + 8 + 8;

    e->peers_at_ms = clock_boot_ms();
    e->n_peers = 0;
    int rc = ask(e, MSG_PEERS, NULL, &r);
    if (rc < 0)
        return;
    size_t n = get_u32(&r);
    if (n > r.n / least)
        fatal("the parent's answer is not of the agreed form");
    free(e->peers);
    e->peers = calloc(n ? n : 1, sizeof *e->peers);
    if (!e->peers)
        fatal("out of memory");
    for (; e->n_peers < n; e->n_peers++) {
        struct peer_state *p = &e->peers[e->n_peers];
        p->device = get_u32(&r);
        p->endpoint = get_addr(&r);
        p->port = get_u16(&r);
        p->handshake = get_i64(&r);
        p->rx = get_u64(&r);
        p->tx = get_u64(&r);
    }
    (void)checked(rc, &r);
}

const struct peer_state *kernel_peer(struct engine *e, uint32_t device)
{
    if (e->peers_at_ms == 0 || clock_boot_ms() - e->peers_at_ms > PEERS_AGE_MS)
        read_peers(e);
    for (size_t i = 0; i < e->n_peers; i++)
        if (e->peers[i].device == device)
            return &e->peers[i];
    return NULL;
}

int kernel_door(struct engine *e, enum gateway_role role, const struct door_conf *d)
{
    struct reader r;
    struct writer w;

    writer_init(&w, 512);
    put_u8(&w, (uint8_t)role);
    put_text(&w, d->iface);
    put_addr(&w, &d->addr);
    put_u16(&w, d->port);
    put_u8(&w, (uint8_t)d->n_from);
    for (uint32_t i = 0; i < d->n_from; i++) {
        put_addr(&w, &d->from[i].addr);
        put_u8(&w, d->from[i].len);
    }
    int rc = ask(e, MSG_DOOR, &w, &r);
    writer_clear(&w);
    return checked(rc, &r);
}

char *kernel_outlet_file(struct engine *e, const char *name, size_t *n)
{
    struct reader r;
    struct writer w;

    *n = 0;
    writer_init(&w, 128);
    put_text(&w, name);
    int rc = ask(e, MSG_OUTLET_FILE, &w, &r);
    writer_clear(&w);
    if (rc < 0) {
        log_warn("%s: %s", name, kernel_error(rc));
        return NULL;
    }
    const uint8_t *bytes = get_blob(&r, n, CHANNEL_MESSAGE_MAX);
    (void)checked(rc, &r);
    char *text = malloc(*n + 1);
    if (!text)
        fatal("out of memory");
    memcpy(text, bytes, *n);
    text[*n] = '\0';
    return text;
}

void kernel_courier(struct engine *e)
{
    struct reader r;
    int rc = ask(e, MSG_COURIER, NULL, &r);

    (void)checked(rc, &r);
}

void kernel_end_role(struct engine *e, enum gateway_role r)
{
    struct writer w;

    writer_init(&w, 4);
    put_u8(&w, (uint8_t)r);
    if (channel_send(e->parent, MSG_END_ROLE, 0, &w, -1) < 0)
        fatal("the parent cannot be told of a role");
    writer_clear(&w);
}

void kernel_ready(struct engine *e)
{
    struct reader r;
    int rc = ask(e, MSG_READY, NULL, &r);

    if (checked(rc, &r) < 0)
        fatal("the parent cannot open its doors: %s", kernel_error(rc));
}
