/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Opening handshakes for the engine. The private key is read for each request and wiped after it;
 * what goes back is a class, a public key and a time, which the sender has put there.
 */
#include "gateway/parent.h"

#include <errno.h>
#include <sodium.h>

#include "gateway/handshake.h"

static int read_messages(struct reader *r, uint8_t messages[OPEN_MAX][HANDSHAKE_BYTES])
{
    unsigned n = get_u8(r);

    if (n == 0 || n > OPEN_MAX)
        return MALFORMED;
    for (unsigned i = 0; i < n; i++)
        get_raw(r, messages[i], HANDSHAKE_BYTES);
    return reader_done(r) ? (int)n : MALFORMED;
}

static void answer_one(const struct handshake_gate *gate, const struct wg_key *key,
                       const uint8_t message[HANDSHAKE_BYTES], struct writer *answer)
{
    struct handshake_opened o;

    put_u8(answer, (uint8_t)handshake_open(gate, key, message, &o));
    put_raw(answer, o.key.b, sizeof o.key.b);
    put_raw(answer, o.time, sizeof o.time);
}

int request_open(struct parent *p, struct reader *r, struct writer *answer)
{
    uint8_t messages[OPEN_MAX][HANDSHAKE_BYTES];
    struct handshake_gate gate;
    struct wg_key key;
    int n = read_messages(r, messages);

    if (n < 0)
        return n;
    if (files_private_key(p, &key) < 0)
        return -EACCES;
    handshake_gate_set(&gate, &p->public_key);
    for (int i = 0; i < n; i++)
        answer_one(&gate, &key, messages[i], answer);
    sodium_munlock(&key, sizeof key); /* wipes it */
    return 0;
}
