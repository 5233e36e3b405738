/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Typed fields of a message, and the model's structs made of them. */
#include "gateway/wire.h"

#include <stdlib.h>
#include <string.h>

#include "policy/utf8.h"

/* ---- writing --------------------------------------------------------------------------- */

void writer_init(struct writer *w, size_t max) { *w = (struct writer){.max = max}; }

/* A message may carry a key, a passphrase or a session: nothing of it stays behind. */
static void drop(uint8_t *v, size_t n)
{
    if (v)
        explicit_bzero(v, n);
    free(v);
}

void writer_clear(struct writer *w)
{
    drop(w->v, w->n);
    writer_init(w, w->max);
}

static bool make_room(struct writer *w, size_t n)
{
    if (w->failed || n > w->max - w->n) {
        w->failed = true;
        return false;
    }
    if (w->n + n <= w->size)
        return true;
    size_t size = w->size ? w->size : 256;
    while (size < w->n + n)
        size *= 2;
    uint8_t *v = malloc(size);
    if (!v) {
        w->failed = true;
        return false;
    }
    if (w->n > 0)
        memcpy(v, w->v, w->n);
    drop(w->v, w->n);
    w->v = v;
    w->size = size;
    return true;
}

static void put_le(struct writer *w, uint64_t v, size_t bytes)
{
    if (!make_room(w, bytes))
        return;
    for (size_t i = 0; i < bytes; i++)
        w->v[w->n++] = (uint8_t)(v >> 8 * i);
}

void put_u8(struct writer *w, uint8_t v) { put_le(w, v, 1); }
void put_u16(struct writer *w, uint16_t v) { put_le(w, v, 2); }
void put_u32(struct writer *w, uint32_t v) { put_le(w, v, 4); }
void put_u64(struct writer *w, uint64_t v) { put_le(w, v, 8); }
void put_i64(struct writer *w, int64_t v) { put_le(w, (uint64_t)v, 8); }

void put_raw(struct writer *w, const void *p, size_t n)
{
    if (n == 0 || !make_room(w, n))
        return;
    memcpy(w->v + w->n, p, n);
    w->n += n;
}

void put_blob(struct writer *w, const void *p, size_t n)
{
    if (n > UINT32_MAX)
        w->failed = true;
    put_u32(w, (uint32_t)n);
    put_raw(w, p, n);
}

void put_text(struct writer *w, const char *s) { put_blob(w, s, strlen(s)); }

/* ---- reading --------------------------------------------------------------------------- */

void reader_init(struct reader *r, const void *p, size_t n)
{
    *r = (struct reader){.v = p, .n = n};
}

bool reader_done(const struct reader *r) { return !r->failed && r->n == 0; }

/* The next n bytes, or NULL. */
static const uint8_t *take(struct reader *r, size_t n)
{
    if (r->failed || n > r->n) {
        r->failed = true;
        return NULL;
    }
    const uint8_t *p = r->v;
    r->v += n;
    r->n -= n;
    return p;
}

static uint64_t get_le(struct reader *r, size_t bytes)
{
    const uint8_t *p = take(r, bytes);
    uint64_t v = 0;
    for (size_t i = 0; p && i < bytes; i++)
        v |= (uint64_t)p[i] << 8 * i;
    return v;
}

uint8_t get_u8(struct reader *r) { return (uint8_t)get_le(r, 1); }
uint16_t get_u16(struct reader *r) { return (uint16_t)get_le(r, 2); }
uint32_t get_u32(struct reader *r) { return (uint32_t)get_le(r, 4); }
uint64_t get_u64(struct reader *r) { return get_le(r, 8); }
int64_t get_i64(struct reader *r) { return (int64_t)get_le(r, 8); }

bool get_bool(struct reader *r)
{
    uint8_t v = get_u8(r);
    if (v > 1)
        r->failed = true;
    return v == 1;
}

void get_raw(struct reader *r, void *out, size_t n)
{
    const uint8_t *p = take(r, n);
    if (p && n > 0)
        memcpy(out, p, n);
    else if (!p)
        memset(out, 0, n);
}

const uint8_t *get_blob(struct reader *r, size_t *n, size_t max)
{
    static const uint8_t nothing[1];
    size_t len = get_u32(r);
    if (len > max)
        r->failed = true;
    const uint8_t *p = take(r, len);
    *n = p ? len : 0;
    return p ? p : nothing;
}

void get_text(struct reader *r, char *out, size_t size)
{
    size_t n;
    const uint8_t *p = get_blob(r, &n, size - 1);
    if (memchr(p, 0, n) || !utf8_valid(p, n)) {
        r->failed = true;
        n = 0;
    }
    memcpy(out, p, n);
    out[n] = '\0';
}

/* ---- the model -------------------------------------------------------------------------- */

static size_t addr_bytes(uint8_t family)
{
    if (family == 4)
        return 4;
    return family == 6 ? 16 : 0;
}

static bool addr_family_known(uint8_t family) { return family == 0 || family == 4 || family == 6; }

void put_addr(struct writer *w, const struct ip_addr *a)
{
    if (!addr_family_known(a->family))
        w->failed = true;
    put_u8(w, a->family);
    put_raw(w, a->b, addr_bytes(a->family));
}

struct ip_addr get_addr(struct reader *r)
{
    struct ip_addr a = {.family = get_u8(r)};
    if (!addr_family_known(a.family)) {
        r->failed = true;
        a.family = 0;
    }
    get_raw(r, a.b, addr_bytes(a.family));
    return a;
}

static void put_prefix(struct writer *w, const struct ip_prefix *p)
{
    put_addr(w, &p->addr);
    put_u8(w, p->len);
}

static void get_prefix(struct reader *r, struct ip_prefix *p)
{
    p->addr = get_addr(r);
    p->len = get_u8(r);
    if (p->len > 8 * addr_bytes(p->addr.family))
        r->failed = true;
}

void put_tunnel(struct writer *w, const struct tunnel *t)
{
    put_text(w, t->iface);
    put_u16(w, t->listen_port);
    put_u16(w, t->mtu);
    put_prefix(w, &t->net4);
    put_prefix(w, &t->net6);
    put_text(w, t->outside);
    if (t->n_office > OFFICE_MAX)
        w->failed = true;
    put_u8(w, (uint8_t)t->n_office);
    for (uint32_t i = 0; !w->failed && i < t->n_office; i++) {
        put_text(w, t->office[i].name);
        put_u8(w, t->office[i].masquerade);
    }
    put_u16(w, t->portal_port);
    put_u16(w, t->portal_tls_port);
    put_u16(w, t->nflog_group);
    put_u32(w, t->log_rate);
    put_u8(w, t->flowtable);
}

void get_tunnel(struct reader *r, struct tunnel *t)
{
    memset(t, 0, sizeof *t);
    get_text(r, t->iface, sizeof t->iface);
    t->listen_port = get_u16(r);
    t->mtu = get_u16(r);
    get_prefix(r, &t->net4);
    get_prefix(r, &t->net6);
    get_text(r, t->outside, sizeof t->outside);
    t->n_office = get_u8(r);
    if (t->n_office > OFFICE_MAX) {
        r->failed = true;
        t->n_office = 0;
    }
    for (uint32_t i = 0; i < t->n_office; i++) {
        get_text(r, t->office[i].name, sizeof t->office[i].name);
        t->office[i].masquerade = get_bool(r);
    }
    t->portal_port = get_u16(r);
    t->portal_tls_port = get_u16(r);
    t->nflog_group = get_u16(r);
    t->log_rate = get_u32(r);
    t->flowtable = get_bool(r);
}

void put_device(struct writer *w, const struct device *d)
{
    put_u32(w, d->index);
    put_addr(w, &d->addr4);
    put_addr(w, &d->addr6);
    put_raw(w, d->key.b, sizeof d->key.b);
}

void get_device(struct reader *r, struct device *d)
{
    d->index = get_u32(r);
    d->addr4 = get_addr(r);
    d->addr6 = get_addr(r);
    get_raw(r, d->key.b, sizeof d->key.b);
}

void put_lease(struct writer *w, const struct lease *l)
{
    put_u32(w, l->device);
    put_u16(w, l->class_id);
    put_i64(w, l->left_ms);
}

void get_lease(struct reader *r, struct lease *l)
{
    l->device = get_u32(r);
    l->class_id = get_u16(r);
    l->left_ms = get_i64(r);
}

void put_permit(struct writer *w, const struct permit *p)
{
    put_addr(w, &p->dst.first);
    put_addr(w, &p->dst.last);
    put_u8(w, p->proto);
    put_u16(w, p->port_first);
    put_u16(w, p->port_last);
}

void get_permit(struct reader *r, struct permit *p)
{
    p->dst.first = get_addr(r);
    p->dst.last = get_addr(r);
    p->proto = get_u8(r);
    p->port_first = get_u16(r);
    p->port_last = get_u16(r);
}
