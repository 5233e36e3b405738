/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What came to the tunnel's port: as the kernel logs it, to the capture role; and the message
 * itself, to the parent, once as it is and once with a first MAC that holds.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <blake2.h>
#include <sodium.h>

#include "gateway/capture_knock.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static void must(bool ok)
{
    if (!ok)
        abort();
}

/* Opened or empty-handed, and by the MAC alone whether it was tried. */
static void check_open(const struct handshake_gate *g, const struct wg_key *key,
                       const uint8_t *message, bool mac_holds)
{
    struct handshake_opened o;
    enum handshake_class c = handshake_open(g, key, message, &o);

    must((c == HANDSHAKE_BAD_MAC) == !mac_holds && c <= HANDSHAKE_UNKNOWN_KEY);
    must(c == HANDSHAKE_UNKNOWN_KEY || sodium_is_zero((const uint8_t *)&o, sizeof o));
}

static void fuzz_message(const uint8_t *data)
{
    static const struct wg_key key = {{0x40, [31] = 0x40}};
    static struct handshake_gate g;
    static bool ready;
    uint8_t m[HANDSHAKE_BYTES];
    struct wg_key public_key;

    if (!ready) {
        must(crypto_scalarmult_base(public_key.b, key.b) == 0);
        handshake_gate_set(&g, &public_key);
        ready = true;
    }
    memcpy(m, data, sizeof m);
    check_open(&g, &key, m, handshake_mac1_good(&g, m));
    memcpy(m, "\1\0\0\0", 4);
    blake2s(m + 116, m, g.mac1_key, 16, 116, sizeof g.mac1_key);
    check_open(&g, &key, m, true);
}

static void fuzz_packet(const uint8_t *data, size_t len)
{
    struct knock in, out;
    struct writer w;
    struct reader r;

    if (knock_decode(data, len, &in) != 1)
        return;
    must(in.source.family == 4 || in.source.family == 6);
    in.good = true;
    writer_init(&w, 4096);
    put_knock(&w, &in);
    reader_init(&r, w.v, w.n);
    get_knock(&r, &out);
    must(!w.failed && reader_done(&r) && in.port == out.port && in.time_us == out.time_us);
    must(memcmp(in.message, out.message, sizeof in.message) == 0);
    writer_clear(&w);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    if (len >= HANDSHAKE_BYTES)
        fuzz_message(data);
    fuzz_packet(data, len);
    return 0;
}
