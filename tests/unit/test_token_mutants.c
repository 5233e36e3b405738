/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A thousand mutants of a good token: none is accepted. The seed is printed; SEED=n repeats it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <time.h>

#include "tests/unit/token_maker.h"

#define MUTANTS 1000

static struct maker m;
static uint64_t seed;

static uint64_t rnd(void)   /* xorshift64* */
{
    seed ^= seed >> 12;
    seed ^= seed << 25;
    seed ^= seed >> 27;
    return seed * UINT64_C(2685821657736338717);
}

static size_t pick(size_t n) { return (size_t)(rnd() % n); }

static char any_base64url(void)
{
    return "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"[pick(64)];
}

/* Each changes t (room for twice its length) by one step; the text stays NUL-terminated. */
static void flip_bit(char *t) { t[pick(strlen(t))] ^= (char)(1u << pick(8)); }
static void change_char(char *t) { t[pick(strlen(t))] = any_base64url(); }
static void cut_end(char *t) { t[pick(strlen(t))] = '\0'; }
static void drop_char(char *t)
{
    size_t at = pick(strlen(t));

    memmove(t + at, t + at + 1, strlen(t + at));
}
static void insert_char(char *t)
{
    size_t at = pick(strlen(t) + 1);

    memmove(t + at + 1, t + at, strlen(t + at) + 1);
    t[at] = any_base64url();
}
static void swap_two(char *t)
{
    size_t a = pick(strlen(t)), b = pick(strlen(t));
    char c = t[a];

    t[a] = t[b];
    t[b] = c;
}
static void double_piece(char *t)
{
    size_t len = strlen(t), at = pick(len), n = 1 + pick(len - at);

    memmove(t + at + n, t + at, len - at + 1);
}

static void mutate(char *t)
{
    static void (*const step[])(char *) = {flip_bit, change_char, cut_end,     drop_char,
                                           insert_char, swap_two, double_piece};

    step[pick(sizeof step / sizeof step[0])](t);
}

static void one_mutant(const char *good, char *t)
{
    struct claims c;
    enum refusal_code code;

    strcpy(t, good);
    do
        mutate(t);
    while (strcmp(t, good) == 0);
    code = maker_open(&m, t, &c);
    if (code == CODE_NONE)
        fail_msg("accepted: %s", t);
}

static void no_mutant_is_accepted(void **state)
{
    char *good = maker_seal(&m, K_DEVICE, maker_claims(&m, K_DEVICE));
    char *t = malloc(strlen(good) * 2 + 2);
    struct claims c;

    (void)state;
    assert_int_equal(maker_open(&m, good, &c), CODE_NONE);
    for (int i = 0; i < MUTANTS; i++)
        one_mutant(good, t);
    free(t);
    free(good);
}

/* Every bit of a P-256 token but those of the signature's twin (r, n - s): that one is as good a
 * signature by RFC 7518, and no bit flip makes it. */
static void no_flipped_bit_of_es256_is_accepted(void **state)
{
    char *t = maker_seal(&m, K_P256, maker_claims(&m, K_P256));
    size_t len = strlen(t);
    struct claims c;

    (void)state;
    for (size_t i = 0; i < MUTANTS / 4; i++) {
        size_t at = pick(len);
        char bit = (char)(1u << pick(8));

        t[at] ^= bit;
        assert_int_not_equal(token_open((const uint8_t *)t, len, &m.trust,
                                        (struct wall){MAKER_NOW}, &c),
                             CODE_NONE);
        t[at] ^= bit;
    }
    assert_int_equal(maker_open(&m, t, &c), CODE_NONE);
    free(t);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(no_mutant_is_accepted),
        cmocka_unit_test(no_flipped_bit_of_es256_is_accepted),
    };
    const char *given = getenv("SEED");

    seed = given ? strtoull(given, NULL, 10) : (uint64_t)time(NULL);
    printf("# seed %llu\n", (unsigned long long)seed);
    seed = (seed + 1) * UINT64_C(0x9e3779b97f4a7c15);
    maker_start(&m);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
