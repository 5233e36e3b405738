/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * WireGuard's first message, opened by its receiver. The messages were taken from the wire of a
 * wireguard-go 0.0.20220316 (Debian 12) that was given the private key below by `wg set` and sent
 * them to a bare UDP socket; the third with a preshared key. Public keys are those of `wg pubkey`,
 * mac1 is Python's: blake2s(message[:116], key=blake2s(b"mac1----" + public).digest(), 16 bytes).
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>
#include <sodium.h>

#include <blake2.h>

#include "gateway/handshake.h"

#define MAC1_AT 116
#define MAC2_AT 132

static const char gateway_private[] =
    "c53e2ca22c96ec02910f38ef50ca14ca56f2269b5718fea9988b0afcf8401aaa";
static const char gateway_public[] =
    "0b3e900f4bba06685735de2c88b5bc53148526df695c3dded49575fae3b20d09";
static const char laptop_public[] =
    "415877712ca75af2c77cd8fca87c99e5da8f00b8a5b426f52931e2f9c383416c";

static const struct {
    const char *what, *mac1, *message;
} recorded[] = {
    {"its first message", "9db7912260871f1e4007d92bc7f19f7c",
     "0100000009abe22f867ac5cf8c59125829a14f6f5952e63ccb0681fb6e79313d94f1af13f62735432f3b39f3f899"
     "bc4dc30b7208e512b1f0db2978b065b5611a2796bd4bf214a856659a231a7ad74db7d7f05c8c893eb86fee309fcb"
     "a8f2be972b73cbd90362b32a0f63a556066b3624028952299db7912260871f1e4007d92bc7f19f7c000000000000"
     "00000000000000000000"},
    {"tried again", "4b7cd9349ef252068762b2a163b86519",
     "0100000087d9785780f455176ba34f148f014e19671391faa7df61890e11fdfee57ce10cab6565410cf4a52609cd"
     "c6e26ef38c6739ea6a2c560bec4f989054fd0d33efe53d667ebb46a2e38f75bb54a8869d540834d2b0f2bccc8427"
     "2da9c09247ee69e417754a2b7e7aa6e8c20f8ae5d7b24ef04b7cd9349ef252068762b2a163b86519000000000000"
     "00000000000000000000"},
    {"with a preshared key", "2988d107a339d8710c698eb6683c03f6",
     "01000000a7d6b5509113a2cb01f68dfa6712cec8594fafdc94468d2807d88284bcfe8f452b2d921aa1c51537937b"
     "0b4863486432bc4e9ede9f031c68923417d2f12ffea5abc656ad6584365fecd274bb20359350d938b03a0e986f26"
     "4ad693091b1286ab1677838d63dcb23dab3d69a5a0fdff172988d107a339d8710c698eb6683c03f6000000000000"
     "00000000000000000000"},
};
#define RECORDED (sizeof recorded / sizeof recorded[0])

static struct handshake_gate gate;
static struct wg_key private_key;

static void unhex(const char *text, uint8_t *out, size_t n)
{
    size_t got;

    assert_int_equal(sodium_hex2bin(out, n, text, strlen(text), NULL, &got, NULL), 0);
    assert_int_equal(got, n);
}

static int begin(void **state)
{
    struct wg_key public_key;

    (void)state;
    assert_true(sodium_init() >= 0);
    unhex(gateway_public, public_key.b, sizeof public_key.b);
    unhex(gateway_private, private_key.b, sizeof private_key.b);
    handshake_gate_set(&gate, &public_key);
    return 0;
}

static void opens_what_wireguard_go_sends(void **state)
{
    uint8_t m[RECORDED][HANDSHAKE_BYTES], mac1[16], laptop[32];
    struct handshake_opened o[RECORDED];

    (void)state;
    unhex(laptop_public, laptop, sizeof laptop);
    for (size_t i = 0; i < RECORDED; i++) {
        print_message("%s\n", recorded[i].what);
        unhex(recorded[i].message, m[i], HANDSHAKE_BYTES);
        unhex(recorded[i].mac1, mac1, sizeof mac1);
        assert_memory_equal(m[i] + MAC1_AT, mac1, sizeof mac1);
        assert_true(handshake_mac1_good(&gate, m[i]));
        assert_int_equal(handshake_open(&gate, &private_key, m[i], &o[i]), HANDSHAKE_UNKNOWN_KEY);
        assert_memory_equal(o[i].key.b, laptop, sizeof laptop);
        if (i > 0)   /* TAI64N is big-endian: later is larger */
            assert_true(memcmp(o[i].time, o[i - 1].time, HANDSHAKE_TIME) > 0);
    }
    /* Recorded on 2026-11-22 at 06:52 UTC, by the sender's clock. */
    assert_int_equal(o[0].time[0], 0x40);
    uint64_t seconds = 0;
    for (int i = 1; i < 8; i++)
        seconds = seconds << 8 | o[0].time[i];
    assert_in_range(seconds - 10, 1795330200, 1795330400);
}

/* The second MAC belongs to WireGuard's cookies: nothing here depends on it. */
static void every_flipped_bit_is_noticed(void **state)
{
    uint8_t m[HANDSHAKE_BYTES];
    struct handshake_opened o;

    (void)state;
    for (size_t i = 0; i < RECORDED; i++) {
        unhex(recorded[i].message, m, sizeof m);
        for (size_t bit = 0; bit < HANDSHAKE_BYTES * 8; bit++) {
            m[bit / 8] ^= (uint8_t)(1u << bit % 8);
            enum handshake_class want =
                bit < MAC2_AT * 8 ? HANDSHAKE_BAD_MAC : HANDSHAKE_UNKNOWN_KEY;
            assert_int_equal(handshake_open(&gate, &private_key, m, &o), want);
            assert_int_equal(sodium_is_zero(o.key.b, sizeof o.key.b),
                             want != HANDSHAKE_UNKNOWN_KEY);
            m[bit / 8] ^= (uint8_t)(1u << bit % 8);
        }
    }
}

static void make_mac1(uint8_t m[HANDSHAKE_BYTES])
{
    blake2s(m + MAC1_AT, m, gate.mac1_key, 16, MAC1_AT, sizeof gate.mac1_key);
}

/* Who knows the public key can make the first MAC, and gets no further. The sender's index
 * (bytes 4 to 7) means something to the sender only. */
static void nothing_else_opens(void **state)
{
    uint8_t m[HANDSHAKE_BYTES];
    struct handshake_opened o;

    (void)state;
    unhex(recorded[0].message, m, sizeof m);
    for (size_t bit = 8 * 8; bit < MAC1_AT * 8; bit++) {
        m[bit / 8] ^= (uint8_t)(1u << bit % 8);
        make_mac1(m);
        assert_int_equal(handshake_open(&gate, &private_key, m, &o), HANDSHAKE_UNDECRYPTABLE);
        assert_true(sodium_is_zero((const uint8_t *)&o, sizeof o));
        m[bit / 8] ^= (uint8_t)(1u << bit % 8);
    }
    make_mac1(m);
    assert_int_equal(handshake_open(&gate, &private_key, m, &o), HANDSHAKE_UNKNOWN_KEY);
}

static void a_point_of_small_order_opens_nothing(void **state)
{
    uint8_t m[HANDSHAKE_BYTES] = {1};
    struct handshake_opened o;

    (void)state;
    for (uint8_t low = 0; low < 2; low++) {
        m[8] = low;
        make_mac1(m);
        assert_int_equal(handshake_open(&gate, &private_key, m, &o), HANDSHAKE_UNDECRYPTABLE);
    }
}

static void another_gateways_message_is_a_scanners(void **state)
{
    struct wg_key other;
    struct handshake_gate theirs;
    uint8_t m[HANDSHAKE_BYTES];
    struct handshake_opened o;

    (void)state;
    unhex(laptop_public, other.b, sizeof other.b);
    handshake_gate_set(&theirs, &other);
    unhex(recorded[0].message, m, sizeof m);
    assert_int_equal(handshake_open(&theirs, &private_key, m, &o), HANDSHAKE_BAD_MAC);
}

static void classes_have_names(void **state)
{
    (void)state;
    assert_string_equal(handshake_class_name(HANDSHAKE_BAD_MAC), "bad-mac");
    assert_string_equal(handshake_class_name(HANDSHAKE_KNOWN_KEY), "known-key");
    assert_string_equal(handshake_class_name(HANDSHAKE_CLASSES), "");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(opens_what_wireguard_go_sends),
        cmocka_unit_test(every_flipped_bit_is_noticed),
        cmocka_unit_test(nothing_else_opens),
        cmocka_unit_test(a_point_of_small_order_opens_nothing),
        cmocka_unit_test(another_gateways_message_is_a_scanners),
        cmocka_unit_test(classes_have_names),
    };
    return cmocka_run_group_tests(tests, begin, NULL);
}
