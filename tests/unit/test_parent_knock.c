/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The parent opens handshakes with the key that it keeps: the right answers in the right order, and
 * no more of them than one request may ask for. Needs root: the key must be root's.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "gateway/handshake.h"
#include "gateway/parent.h"

/* As in test_handshake.c. */
static const char gateway_private[] =
    "c53e2ca22c96ec02910f38ef50ca14ca56f2269b5718fea9988b0afcf8401aaa";
static const char laptop_public[] =
    "415877712ca75af2c77cd8fca87c99e5da8f00b8a5b426f52931e2f9c383416c";
static const char message_hex[] =
    "0100000009abe22f867ac5cf8c59125829a14f6f5952e63ccb0681fb6e79313d94f1af13f62735432f3b39f3f899"
    "bc4dc30b7208e512b1f0db2978b065b5611a2796bd4bf214a856659a231a7ad74db7d7f05c8c893eb86fee309fcb"
    "a8f2be972b73cbd90362b32a0f63a556066b3624028952299db7912260871f1e4007d92bc7f19f7c000000000000"
    "00000000000000000000";

static struct parent P;
static char dir[] = "/tmp/pcknock-XXXXXX";
static uint8_t message[HANDSHAKE_BYTES];

static void unhex(const char *text, uint8_t *out, size_t n)
{
    assert_int_equal(sodium_hex2bin(out, n, text, strlen(text), NULL, NULL, NULL), 0);
}

static int begin(void **state)
{
    uint8_t key[32];

    (void)state;
    assert_true(sodium_init() >= 0);
    unhex(message_hex, message, sizeof message);
    unhex(gateway_private, key, sizeof key);
    assert_int_equal(crypto_scalarmult_base(P.public_key.b, key), 0);
    assert_non_null(mkdtemp(dir));
    P.opt.state = dir;
    P.state_dir = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    int fd = openat(P.state_dir, "wireguard.key", O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    assert_int_equal(write(fd, key, sizeof key), sizeof key);
    return close(fd);
}

static int end(void **state)
{
    (void)state;
    (void)unlinkat(P.state_dir, "wireguard.key", 0);
    close(P.state_dir);
    return rmdir(dir);
}

static int ask(uint8_t n, const uint8_t *messages, size_t len, struct writer *answer)
{
    struct writer w;
    struct reader r;

    writer_init(&w, 4096);
    put_u8(&w, n);
    put_raw(&w, messages, len);
    writer_init(answer, 4096);
    reader_init(&r, w.v, w.n);
    int rc = request_open(&P, &r, answer);
    writer_clear(&w);
    return rc;
}

static void answers_each_in_order(void **state)
{
    uint8_t three[3 * HANDSHAKE_BYTES], laptop[32], key[32], time[HANDSHAKE_TIME];
    static const enum handshake_class want[] = {HANDSHAKE_BAD_MAC, HANDSHAKE_UNKNOWN_KEY,
                                                HANDSHAKE_BAD_MAC};
    struct writer answer;
    struct reader r;

    (void)state;
    if (geteuid() != 0)
        skip();
    unhex(laptop_public, laptop, sizeof laptop);
    for (size_t i = 0; i < 3; i++)
        memcpy(three + i * HANDSHAKE_BYTES, message, sizeof message);
    three[20] ^= 1;
    three[2 * HANDSHAKE_BYTES + 116] ^= 1;
    assert_int_equal(ask(3, three, sizeof three, &answer), 0);
    reader_init(&r, answer.v, answer.n);
    for (size_t i = 0; i < 3; i++) {
        assert_int_equal(get_u8(&r), want[i]);
        get_raw(&r, key, sizeof key);
        get_raw(&r, time, sizeof time);
        assert_int_equal(sodium_is_zero(time, sizeof time), i != 1);
        if (i == 1)
            assert_memory_equal(key, laptop, sizeof key);
    }
    assert_true(reader_done(&r));
    writer_clear(&answer);
}

static void refuses_what_is_not_agreed(void **state)
{
    static uint8_t many[(OPEN_MAX + 1) * HANDSHAKE_BYTES];
    static const struct { const char *what; uint8_t n; size_t len; } cases[] = {
        {"none", 0, 0},
        {"one too many", OPEN_MAX + 1, sizeof many},
        {"fewer than promised", 2, HANDSHAKE_BYTES},
        {"a byte behind them", 1, HANDSHAKE_BYTES + 1},
    };
    struct writer answer;

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        print_message("%s\n", cases[i].what);
        assert_int_equal(ask(cases[i].n, many, cases[i].len, &answer), MALFORMED);
        assert_int_equal(answer.n, 0);
        writer_clear(&answer);
    }
}

static void without_its_key_it_says_nothing(void **state)
{
    struct writer answer;

    (void)state;
    if (geteuid() != 0)
        skip();
    assert_int_equal(fchmodat(P.state_dir, "wireguard.key", 0644, 0), 0);
    assert_int_equal(ask(1, message, sizeof message, &answer), -EACCES);
    assert_int_equal(answer.n, 0);
    writer_clear(&answer);
    assert_int_equal(fchmodat(P.state_dir, "wireguard.key", 0600, 0), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(answers_each_in_order),
        cmocka_unit_test(refuses_what_is_not_agreed),
        cmocka_unit_test(without_its_key_it_says_nothing),
    };
    return cmocka_run_group_tests(tests, begin, end);
}
