/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Signed notes, checkpoints and the chain of keys: one form of each, and no bit may be another. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include <sodium.h>
#include <stdio.h>
#include <string.h>

#include "policy/keychain.h"

/* The example of golang.org/x/mod/sumdb/note, from which the format comes. */
static const char peter_key[] =
    "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW";
static const char peter_note[] =
    "If you think cryptography is the answer to your problem,\n"
    "then you don't know what your problem is.\n"
    "\n"
    "\xe2\x80\x94 PeterNeumann x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXg"
    "KvqfqdngotpRZb6KE6RyyBwJnAM=\n";

static struct note_key keys[4];
static uint8_t secrets[4][64];

static int make_keys(void **state)
{
    uint8_t seed[32] = {0}, public[32];

    (void)state;
    if (sodium_init() < 0)
        return -1;
    for (uint8_t i = 0; i < 4; i++) {
        seed[0] = i;
        crypto_sign_seed_keypair(public, secrets[i], seed);
        if (note_key_make(&keys[i], "portcullis/hq/audit", public) < 0)
            return -1;
    }
    return 0;
}

static void a_note_of_others_is_read(void **state)
{
    struct note_key k;
    char again[NOTE_KEY_TEXT];
    size_t n = sizeof peter_note - 1;

    (void)state;
    assert_int_equal(note_key_parse(peter_key, sizeof peter_key - 1, &k), 0);
    assert_string_equal(k.name, "PeterNeumann");
    assert_string_equal(note_key_print(&k, again), peter_key);
    assert_int_equal(note_open(peter_note, n, &k), strstr(peter_note, "\n\n") + 1 - peter_note);
    assert_int_equal(note_length(peter_note, n), n);
    assert_int_equal(note_open(peter_note, n, &keys[0]), 0);
}

static void keys_have_one_form(void **state)
{
    static const char *const bad[] = {
        "", "+", "PeterNeumann", "PeterNeumann+c74f20a3",
        "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10T",
        "PeterNeumann+c74f20a4+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW",
        "PeterNeumann+C74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW",
        "PeterNeumanN+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW",
        "PeterNeumann+c74f20a3+AhpcZQcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW",
        "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW ",
        "Peter Neumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW"};
    static const char *const names[] = {"", "a b", "a+b", "a\nb", "\xc3\xa4", "a\x7f"};
    struct note_key k;

    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        if (note_key_parse(bad[i], strlen(bad[i]), &k) == 0)
            fail_msg("read as a key: %s", bad[i]);
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        assert_int_equal(note_key_make(&k, names[i], keys[0].public), -1);
}

/* Every bit of the note is signed or is of the form. */
static void assert_each_bit_counts(const char *note, size_t n, const struct note_key *k,
                                   int (*open)(const char *, size_t, const struct note_key *))
{
    char copy[HANDOVER_MAX];

    assert_int_equal(open(note, n, k), 0);
    for (size_t i = 0; i < n; i++)
        for (unsigned bit = 0; bit < 8; bit++) {
            memcpy(copy, note, n);
            copy[i] = (char)(copy[i] ^ 1 << bit);
            if (open(copy, n, k) == 0)
                fail_msg("bit %u of byte %zu does not count", bit, i);
        }
    for (size_t i = 0; i < n; i++)
        assert_int_equal(open(note, i, k), -1);
    memcpy(copy, note, n);
    copy[n] = '\n';
    assert_int_equal(open(copy, n + 1, k), -1);
}

static int open_checkpoint(const char *note, size_t n, const struct note_key *k)
{
    struct checkpoint c;

    return checkpoint_open(note, n, k, &c);
}

static int open_handover(const char *note, size_t n, const struct note_key *k)
{
    struct handover h;

    return handover_open(note, n, k, &h);
}

static struct checkpoint some(uint64_t size)
{
    struct checkpoint c = {.size = size};

    snprintf(c.origin, sizeof c.origin, "portcullis/hq/audit");
    memset(c.root.b, (int)size, sizeof c.root.b);
    return c;
}

static void a_checkpoint_has_one_form(void **state)
{
    struct checkpoint c = some(20852163), back;
    char note[CHECKPOINT_MAX];
    size_t n = checkpoint_sign(&c, &keys[0], secrets[0], note);

    (void)state;
    assert_int_equal(strlen(note), n);
    assert_int_equal(checkpoint_open(note, n, &keys[0], &back), 0);
    assert_memory_equal(&back, &c, sizeof c);
    assert_each_bit_counts(note, n, &keys[0], open_checkpoint);
    assert_int_equal(checkpoint_open(note, n, &keys[1], &back), -1);
    size_t text = note_open(note, n, &keys[0]);
    assert_int_equal(checkpoint_print(&c, note, sizeof note), text);
}

static void sizes_and_roots_have_one_form(void **state)
{
    static const char *const bad[] = {
        "o\n01\nAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\n",
        "o\n+1\nAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\n",
        "o\n\nAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\n",
        "o\n1\nAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAB=\n",
        "o\n1\nAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\n",
        "o\n999999999999999\nAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\n",
        "o\n1\nAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="};
    static const char good[] = "o\n1\nAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\n";
    struct checkpoint c;

    (void)state;
    assert_int_equal(checkpoint_parse(good, sizeof good - 1, &c), sizeof good - 1);
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        if (checkpoint_parse(bad[i], strlen(bad[i]), &c) != 0)
            fail_msg("read as a checkpoint: %s", bad[i]);
}

/* ---- the chain ------------------------------------------------------------------------------ */

struct grown { struct merkle_hash stored[64]; struct merkle_hash roots[33]; size_t n; };

static int read_grown(void *arg, uint64_t position, struct merkle_hash *out)
{
    const struct grown *g = arg;

    *out = g->stored[position];
    return position < g->n ? 0 : -1;
}

static void grow(struct grown *g)
{
    struct merkle_tree t = {0};
    struct merkle_hash leaf, made[MERKLE_LEVELS];

    g->n = 0;
    merkle_root(&t, &g->roots[0]);
    for (unsigned i = 1; i <= 32; i++) {
        merkle_leaf(&i, sizeof i, &leaf);
        size_t n = merkle_append(&t, &leaf, made);
        memcpy(&g->stored[g->n], made, n * sizeof *made);
        g->n += n;
        merkle_root(&t, &g->roots[i]);
    }
}

/* The handover of epoch i - 1 to i at a size. */
static struct handover hand_over(struct grown *g, uint64_t i, uint64_t from, uint64_t size)
{
    struct handover h = {.at = some(size), .epoch = i, .from = from, .time = 1700000000,
                         .next = keys[i]};

    h.at.root = g->roots[size];
    assert_int_equal(merkle_consistency(from, size, read_grown, g, &h.proof), 0);
    return h;
}

static void a_handover_has_one_form(void **state)
{
    struct grown g;
    char note[HANDOVER_MAX];

    (void)state;
    grow(&g);
    struct handover h = hand_over(&g, 1, 5, 13), back;
    assert_true(h.proof.n > 2);
    size_t n = handover_sign(&h, &keys[0], secrets[0], note);
    assert_int_equal(handover_open(note, n, &keys[0], &back), 0);
    assert_int_equal(back.from, 5);
    assert_int_equal(back.time, 1700000000);
    assert_true(note_key_same(&back.next, &keys[1]));
    assert_each_bit_counts(note, n, &keys[0], open_handover);
}

static size_t chain_text(struct grown *g, char *text)
{
    struct handover a = hand_over(g, 1, 0, 7), b = hand_over(g, 2, 7, 7), c = hand_over(g, 3, 7, 20);
    size_t n = handover_sign(&a, &keys[0], secrets[0], text);

    n += handover_sign(&b, &keys[1], secrets[1], text + n);
    return n + handover_sign(&c, &keys[2], secrets[2], text + n);
}

static void a_chain_leads_from_the_first_key_to_the_last(void **state)
{
    struct keychain c;
    struct grown g;
    char text[3 * HANDOVER_MAX];
    size_t at;

    (void)state;
    grow(&g);
    size_t n = chain_text(&g, text);
    assert_int_equal(keychain_begin(&c, &keys[0]), 0);
    assert_int_equal(keychain_read(&c, text, n, &at), 0);
    assert_int_equal(c.n, 4);
    assert_true(note_key_same(&keychain_last(&c)->key, &keys[3]));
    keychain_clear(&c);
    for (size_t i = 0; i < n; i++)
        for (unsigned bit = 0; bit < 8; bit++) {
            text[i] = (char)(text[i] ^ 1 << bit);
            assert_int_equal(keychain_begin(&c, &keys[0]), 0);
            if (keychain_read(&c, text, n, &at) == 0)
                fail_msg("bit %u of byte %zu does not count", bit, i);
            keychain_clear(&c);
            text[i] = (char)(text[i] ^ 1 << bit);
        }
}

static void a_chain_takes_only_what_follows(void **state)
{
    static const struct { const char *what; uint64_t epoch, from, size, root; unsigned by; } cases[] = {
        {"by another key", 1, 0, 7, 7, 1},    {"an epoch left out", 2, 0, 7, 7, 0},
        {"from another size", 1, 3, 7, 7, 0}, {"another root", 1, 0, 7, 8, 0}};
    struct keychain c;
    struct grown g;
    char note[HANDOVER_MAX];

    (void)state;
    grow(&g);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct handover h = hand_over(&g, cases[i].epoch, cases[i].from, cases[i].size);
        h.at.root = g.roots[cases[i].root];
        size_t n = handover_sign(&h, &keys[cases[i].by], secrets[cases[i].by], note);
        assert_int_equal(keychain_begin(&c, &keys[0]), 0);
        /* From nothing any tree follows; what it is shows at the next handover. */
        int rc = keychain_add(&c, note, n);
        if (rc == 0 && cases[i].root != cases[i].size) {
            h = hand_over(&g, 2, 7, 20);
            n = handover_sign(&h, &keys[1], secrets[1], note);
            rc = keychain_add(&c, note, n);
        }
        if (rc == 0)
            fail_msg("taken: %s", cases[i].what);
        keychain_clear(&c);
    }
}

/* Epoch 0 signs sizes up to 7, epoch 1 only 7, epoch 2 from 7 to 20, epoch 3 from 20. */
static void a_checkpoint_counts_under_the_key_of_its_time(void **state)
{
    static const struct { unsigned by; uint64_t size; int want; } cases[] = {
        {0, 0, 0}, {0, 7, 0}, {0, 8, -1}, {1, 6, -1}, {1, 7, 0}, {1, 8, -1}, {2, 6, -1}, {2, 7, 0},
        {2, 20, 0}, {2, 21, -1}, {3, 19, -1}, {3, 20, 0}, {3, 32, 0}};
    struct keychain c;
    struct grown g;
    char text[3 * HANDOVER_MAX], note[CHECKPOINT_MAX];
    size_t at;

    (void)state;
    grow(&g);
    size_t n = chain_text(&g, text);
    assert_int_equal(keychain_begin(&c, &keys[0]), 0);
    assert_int_equal(keychain_read(&c, text, n, &at), 0);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct checkpoint p = some(cases[i].size), back;
        p.root = g.roots[cases[i].size];
        n = checkpoint_sign(&p, &keys[cases[i].by], secrets[cases[i].by], note);
        assert_int_equal(keychain_open(&c, note, n, &back), cases[i].want);
    }
    struct checkpoint forged = some(20), back;
    n = checkpoint_sign(&forged, &keys[3], secrets[3], note);
    assert_int_equal(keychain_open(&c, note, n, &back), -1);
    keychain_clear(&c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_note_of_others_is_read),
        cmocka_unit_test(keys_have_one_form),
        cmocka_unit_test(a_checkpoint_has_one_form),
        cmocka_unit_test(sizes_and_roots_have_one_form),
        cmocka_unit_test(a_handover_has_one_form),
        cmocka_unit_test(a_chain_leads_from_the_first_key_to_the_last),
        cmocka_unit_test(a_chain_takes_only_what_follows),
        cmocka_unit_test(a_checkpoint_counts_under_the_key_of_its_time),
    };

    return cmocka_run_group_tests(tests, make_keys, NULL);
}
