/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The file of known gateways, by several commands at once. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "admin/cli/known.h"

#define AT_ONCE 16

static char folder[] = "/tmp/portcullis-known-XXXXXX";

/* A visit to the log of that name, which has this many records, signed by key number `key`. */
static bool visit(const char *origin, uint8_t key, uint64_t size)
{
    uint8_t seed[32] = {key}, public[32], secret[64];
    char note[CHECKPOINT_MAX], text[NOTE_KEY_TEXT];
    struct checkpoint at = {.size = size};
    struct note_key k;

    assert_int_equal(crypto_sign_seed_keypair(public, secret, seed), 0);
    assert_int_equal(note_key_make(&k, origin, public), 0);
    snprintf(at.origin, sizeof at.origin, "%s", origin);
    assert_true(checkpoint_sign(&at, &k, secret, note) > 0);
    return known_keep(origin, note_key_print(&k, text), note);
}

static uint64_t records_of(const char *origin)
{
    struct known k;

    assert_true(known_find(origin, &k));
    return k.found ? k.at.size : 0;
}

static void the_later_of_two_stays(void **state)
{
    (void)state;
    assert_true(visit("hq", 1, 5));
    assert_int_equal(records_of("hq"), 5);
    assert_true(visit("hq", 1, 3));                       /* a slow command comes last */
    assert_int_equal(records_of("hq"), 5);
    assert_true(visit("hq", 1, 9));
    assert_int_equal(records_of("hq"), 9);
    assert_true(visit("hq", 2, 1));                       /* another key: forgotten, and seen anew */
    assert_int_equal(records_of("hq"), 1);
    assert_true(known_forget("hq"));
    assert_int_equal(records_of("hq"), 0);
    assert_false(known_forget("hq"));
}

static void many_at_once_lose_nothing(void **state)
{
    char origin[16];
    int status;

    (void)state;
    for (unsigned i = 0; i < AT_ONCE; i++) {
        snprintf(origin, sizeof origin, "hq-%u", i);
        if (fork() == 0)
            _exit(visit(origin, 1, i + 1) ? 0 : 1);
    }
    for (unsigned i = 0; i < AT_ONCE; i++) {
        assert_true(wait(&status) > 0);
        assert_int_equal(status, 0);
    }
    for (unsigned i = 0; i < AT_ONCE; i++) {
        snprintf(origin, sizeof origin, "hq-%u", i);
        assert_int_equal(records_of(origin), i + 1);
    }
}

static int begin(void **state)
{
    (void)state;
    return sodium_init() < 0 || !mkdtemp(folder) || setenv("XDG_STATE_HOME", folder, 1) < 0 ? -1 : 0;
}

static int end(void **state)
{
    char path[512];

    (void)state;
    (void)unlink(known_path(path));
    *strrchr(path, '/') = '\0';
    return rmdir(path) < 0 || rmdir(folder) < 0 ? -1 : 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_later_of_two_stays),
        cmocka_unit_test(many_at_once_lose_nothing),
    };

    return cmocka_run_group_tests(tests, begin, end);
}
