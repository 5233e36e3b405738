/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the engine and the courier must agree on. */
#include <string.h>

#include "gateway/courier.h"

const char *delivery_text(enum delivery o)
{
    static const char *const texts[DELIVERY_OUTCOMES] = {
        [DELIVERY_REFUSED] = "it was refused there",
        [DELIVERY_DELIVERED] = "it is delivered",
        [DELIVERY_UNREACHABLE] = "nobody answers there",
        [DELIVERY_NOT_TRUSTED] = "TLS failed: no handshake, or a certificate that is not theirs",
        [DELIVERY_TIMEOUT] = "it took too long",
        [DELIVERY_BROKEN] = "the connection ended within it",
    };

    return o < DELIVERY_OUTCOMES ? texts[o] : "";
}

void put_item(struct writer *w, const struct item *i)
{
    put_u8(w, i->outlet);
    put_u32(w, i->round);
    put_u64(w, i->id);
}

struct item get_item(struct reader *r)
{
    struct item i = {.outlet = get_u8(r)};

    i.round = get_u32(r);
    i.id = get_u64(r);
    if (i.outlet >= OUTLETS_MAX)
        r->failed = true;
    return i;
}

void put_outlet(struct writer *w, const struct outlet *o, const char *ca)
{
    put_u8(w, (uint8_t)o->kind);
    put_addr(w, &o->addr);
    put_u16(w, o->port);
    put_text(w, o->path);
    put_text(w, o->host);
    put_text(w, o->target);
    put_u8(w, o->tls);
    put_blob(w, ca, strlen(ca));
}

void get_outlet(struct reader *r, struct outlet *o, const uint8_t **ca, size_t *len)
{
    unsigned kind = get_u8(r);

    *o = (struct outlet){.kind = (enum outlet_kind)kind};
    o->addr = get_addr(r);
    o->port = get_u16(r);
    get_text(r, o->path, sizeof o->path);
    get_text(r, o->host, sizeof o->host);
    get_text(r, o->target, sizeof o->target);
    o->tls = get_bool(r);
    *ca = get_blob(r, len, COURIER_CA_MAX);
    if (kind < OUTLET_UNIX || kind > OUTLET_WEBHOOK)
        r->failed = true;
}
