/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Handshakes classed per second of one processor, beside bare X25519 operations of libsodium in
 * the same run. What each class costs: a bad MAC no operation on the curve, one that cannot be
 * opened one, one that opens two.
 *
 *   knock RUNS MILLISECONDS
 */
#include "tests/bench/bench.h"

#include <blake2.h>
#include <sodium.h>

#include "gateway/handshake.h"

/* A gateway and a message of wireguard-go's to it: see tests/unit/test_handshake.c. */
static const char private_hex[] =
    "c53e2ca22c96ec02910f38ef50ca14ca56f2269b5718fea9988b0afcf8401aaa";
static const char message_hex[] =
    "0100000009abe22f867ac5cf8c59125829a14f6f5952e63ccb0681fb6e79313d94f1af13f62735432f3b39f3f899"
    "bc4dc30b7208e512b1f0db2978b065b5611a2796bd4bf214a856659a231a7ad74db7d7f05c8c893eb86fee309fcb"
    "a8f2be972b73cbd90362b32a0f63a556066b3624028952299db7912260871f1e4007d92bc7f19f7c000000000000"
    "00000000000000000000";

static struct handshake_gate gate;
static struct wg_key private_key;
static uint8_t good[HANDSHAKE_BYTES], closed[HANDSHAKE_BYTES], bad[HANDSHAKE_BYTES];
static uint8_t point[32];

static void unhex(const char *hex, uint8_t *out, size_t n)
{
    need(sodium_hex2bin(out, n, hex, strlen(hex), NULL, NULL, NULL) == 0, "hexadecimal");
}

static void prepare(void)
{
    struct wg_key public_key;

    need(sodium_init() >= 0, "libsodium");
    unhex(private_hex, private_key.b, sizeof private_key.b);
    unhex(message_hex, good, sizeof good);
    need(crypto_scalarmult_base(public_key.b, private_key.b) == 0, "the public key");
    handshake_gate_set(&gate, &public_key);
    memcpy(closed, good, sizeof closed);
    closed[60] ^= 1;
    blake2s(closed + 116, closed, gate.mac1_key, 16, 116, sizeof gate.mac1_key);
    memcpy(bad, good, sizeof bad);
    bad[120] ^= 1;
    memcpy(point, good + 8, sizeof point);
}

static void bare(void)
{
    uint8_t shared[32];

    need(crypto_scalarmult(shared, private_key.b, point) == 0, "X25519");
}

static void class_as(const uint8_t *message, enum handshake_class want)
{
    struct handshake_opened o;

    need(handshake_open(&gate, &private_key, message, &o) == want, handshake_class_name(want));
}

static void opens(void) { class_as(good, HANDSHAKE_UNKNOWN_KEY); }
static void does_not_open(void) { class_as(closed, HANDSHAKE_UNDECRYPTABLE); }
static void has_a_bad_mac(void) { class_as(bad, HANDSHAKE_BAD_MAC); }

/* How often in a second of processor time. */
static double rate(void (*act)(void), size_t ms)
{
    const int64_t start = cpu_ns(), end = start + (int64_t)ms * 1000000;
    int64_t now;
    size_t n = 0;

    do {
        for (int i = 0; i < 16; i++, n++)
            act();
        now = cpu_ns();
    } while (now < end);
    return (double)n * 1e9 / (double)(now - start);
}

int main(int argc, char **argv)
{
    static const struct { const char *labels; void (*act)(void); } forms[] = {
        {"\"form\":\"bare X25519\"", bare},
        {"\"form\":\"opened\"", opens},
        {"\"form\":\"undecryptable\"", does_not_open},
        {"\"form\":\"bad mac\"", has_a_bad_mac},
    };

    need(argc == 3, "usage: knock RUNS MILLISECONDS");
    const unsigned runs = (unsigned)number(argv[1], 1000);
    const size_t ms = number(argv[2], 10000);
    prepare();
    stay_on_processor(0);
    for (unsigned run = 0; run < runs; run++)
        for (size_t f = 0; f < sizeof forms / sizeof forms[0]; f++)
            tell("knock", forms[f].labels, run, rate(forms[f].act, ms), "a second");
    return 0;
}
