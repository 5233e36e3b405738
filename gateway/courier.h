/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The courier: the one role that speaks to machines beyond. It gets ready lines and bodies from the
 * engine and says what became of them; it holds no database, no key and no capability, decides
 * nothing and repeats nothing. What is to be sent again the engine sends again.
 *
 * An outlet's items go in order. An answer speaks for its item and all before it. The first
 * failure ends a round: what was behind it is forgotten here, and the engine begins a new round
 * with it when it likes; answers to items of an earlier round mean nothing.
 */
#ifndef GATEWAY_COURIER_H
#define GATEWAY_COURIER_H

#include "gateway/wire.h"
#include "policy/outlets.h"

#define COURIER_WINDOW 64            /* items of one outlet at once; of a webhook: 1 */
#define COURIER_ITEM_MAX (384u << 10)
#define COURIER_CA_MAX (64u << 10)

/* What became of an item. A number never changes its meaning. */
enum delivery {
    DELIVERY_REFUSED = 0,             /* webhook: answered with a status that is not 2xx */
    DELIVERY_DELIVERED,               /* a stream: their TCP has it; a datagram: it is sent */
    DELIVERY_UNREACHABLE,             /* no name, no route, nobody listens */
    DELIVERY_NOT_TRUSTED,             /* TLS: no handshake, or another's certificate */
    DELIVERY_TIMEOUT,
    DELIVERY_BROKEN,                  /* the connection ended before the item was through */
    DELIVERY_OUTCOMES
};
const char *delivery_text(enum delivery o);     /* "nobody answers there" */

struct item { uint8_t outlet; uint32_t round; uint64_t id; };
void put_item(struct writer *w, const struct item *i);
struct item get_item(struct reader *r);
void put_outlet(struct writer *w, const struct outlet *o, const char *ca);   /* ca: PEM, or "" */
/* The text of the CA points into the message, *len bytes. */
void get_outlet(struct reader *r, struct outlet *o, const uint8_t **ca, size_t *len);

/* What stands beside a webhook's body: "Portcullis-Signature: t=1795330000,v1=<64 hex digits>",
 * where v1 = HMAC-SHA256(key, t "." body). */
#define SIGNATURE_TEXT 100

#endif
