/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A log in memory, and everything that somebody may do to it: each bit of each file of a log of
 * 1,000 records, and each tampering that has a name.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "policy/ledger.h"

/* ---- a log in memory ------------------------------------------------------------------------ */

#define FILES 8
#define EPOCHS 3
#define PLACES 1100

struct file { char name[LEDGER_NAME_SIZE]; uint8_t *v; size_t n, room; };
struct log {
    struct file files[FILES];
    size_t n_files;
    struct merkle_tree tree;
    struct keychain keys;
    uint8_t secret[64];
    unsigned salt;
    struct { struct file *file; size_t at, n; } places[PLACES];   /* of record i + 1 */
};

static struct file *file_of(struct log *l, const char *name)
{
    for (size_t i = 0; i < l->n_files; i++)
        if (strcmp(l->files[i].name, name) == 0)
            return &l->files[i];
    assert_true(l->n_files < FILES);
    struct file *f = &l->files[l->n_files++];
    snprintf(f->name, sizeof f->name, "%s", name);
    return f;
}

static void append(struct file *f, const void *p, size_t n)
{
    if (f->n + n > f->room) {
        f->room = 2 * (f->n + n);
        f->v = realloc(f->v, f->room);
        assert_non_null(f->v);
    }
    memcpy(f->v + f->n, p, n);
    f->n += n;
}

static long read_memory(void *arg, const char *file, uint64_t offset, void *out, size_t n)
{
    struct log *l = arg;

    for (size_t i = 0; i < l->n_files; i++) {
        const struct file *f = &l->files[i];
        if (strcmp(f->name, file) != 0)
            continue;
        if (offset >= f->n)
            return 0;
        n = n < f->n - offset ? n : f->n - (size_t)offset;
        memcpy(out, f->v + offset, n);
        return (long)n;
    }
    return -1;
}

static uint64_t next_segment(void *arg, uint64_t after)
{
    struct log *l = arg;
    uint64_t next = 0;

    for (size_t i = 0; i < l->n_files; i++) {
        uint64_t first = ledger_segment_first(l->files[i].name);
        if (first > after && (next == 0 || first < next))
            next = first;
    }
    return next;
}

static int read_hashes(void *arg, uint64_t position, struct merkle_hash *out)
{
    return read_memory(arg, LEDGER_HASHES, position * MERKLE_HASH, out->b, MERKLE_HASH) ==
                   MERKLE_HASH ? 0 : -1;
}

static void make_key(struct log *l, unsigned epoch, struct note_key *k)
{
    uint8_t seed[32] = {(uint8_t)epoch, (uint8_t)l->salt}, public[32];

    crypto_sign_seed_keypair(public, l->secret, seed);
    assert_int_equal(note_key_make(k, "portcullis/hq/audit", public), 0);
}

static void begin(struct log *l, unsigned salt)
{
    struct note_key k;
    char text[NOTE_KEY_TEXT];

    memset(l, 0, sizeof *l);
    l->salt = salt;
    make_key(l, 0, &k);
    assert_int_equal(keychain_begin(&l->keys, &k), 0);
    note_key_print(&k, text);
    append(file_of(l, LEDGER_ORIGIN), text, strlen(text));
    append(file_of(l, LEDGER_ORIGIN), "\n", 1);
    file_of(l, LEDGER_KEYS);
}

static void clear(struct log *l)
{
    for (size_t i = 0; i < l->n_files; i++)
        free(l->files[i].v);
    keychain_clear(&l->keys);
}

static void add_hashes(struct log *l, const uint8_t *bytes, size_t n)
{
    struct merkle_hash leaf, made[MERKLE_LEVELS];

    merkle_leaf(bytes, n, &leaf);
    size_t more = merkle_append(&l->tree, &leaf, made);
    append(file_of(l, LEDGER_HASHES), made, more * sizeof *made);
}

static void add_record(struct log *l, uint64_t segment, const struct record *r)
{
    uint8_t bytes[RECORD_FRAME + 256];
    char name[LEDGER_NAME_SIZE];
    size_t n = record_encode(r, bytes + RECORD_FRAME, sizeof bytes - RECORD_FRAME);
    struct file *f = file_of(l, ledger_segment_name(segment, name));

    assert_true(n > 0);
    record_frame((uint32_t)n, bytes);
    if (l->tree.size < PLACES)
        l->places[l->tree.size].file = f;
    l->places[l->tree.size].at = f->n;
    l->places[l->tree.size].n = n + RECORD_FRAME;
    append(f, bytes, n + RECORD_FRAME);
    add_hashes(l, bytes + RECORD_FRAME, n);
}

static void add(struct log *l, uint64_t segment, const char *act, const char *object)
{
    add_record(l, segment, &(struct record){.type = RECORD_ACT, .number = l->tree.size + 1,
                                            .time_us = 1700000000000000 + (int64_t)l->tree.size,
                                            .uid = 1, .actor = "anna", .act = act,
                                            .object = object, .detail = "{}"});
}

static struct checkpoint now(struct log *l)
{
    struct checkpoint c = {.size = l->tree.size};

    snprintf(c.origin, sizeof c.origin, "%s", l->keys.v[0].key.name);
    merkle_root(&l->tree, &c.root);
    return c;
}

static void sign(struct log *l)
{
    struct checkpoint c = now(l);
    char note[CHECKPOINT_MAX];
    size_t n = checkpoint_sign(&c, &keychain_last(&l->keys)->key, l->secret, note);

    file_of(l, LEDGER_CHECKPOINT)->n = 0;
    append(file_of(l, LEDGER_CHECKPOINT), note, n);
}

static void hand_over(struct log *l)
{
    const struct epoch *last = keychain_last(&l->keys);
    struct handover h = {.at = now(l), .epoch = l->keys.n, .from = last->size, .time = 1700000000};
    uint8_t secret[64];
    char note[HANDOVER_MAX];

    memcpy(secret, l->secret, sizeof secret);
    make_key(l, (unsigned)l->keys.n, &h.next);
    assert_int_equal(merkle_consistency(h.from, h.at.size, read_hashes, l, &h.proof), 0);
    size_t n = handover_sign(&h, &last->key, secret, note);
    append(file_of(l, LEDGER_KEYS), note, n);
    assert_int_equal(keychain_add(&l->keys, note, n), 0);
}

/* n records with handovers after two fifths and four fifths, in segments of n / 3. */
static void fill(struct log *l, size_t n, unsigned salt)
{
    char object[32];
    uint64_t segment = 1;

    begin(l, salt);
    for (size_t i = 0; i < n; i++) {
        if (i > 0 && i % (n / 3) == 0)
            segment = i + 1;
        snprintf(object, sizeof object, "u%zu-%u", i, salt);
        add(l, segment, "user.add", object);
        if ((i + 1) % (2 * n / 5) == 0)
            hand_over(l);
    }
    sign(l);
}

static struct ledger_report verify(struct log *l, const struct log *key,
                                   const struct checkpoint *known)
{
    struct ledger_files f = {l, read_memory, next_segment};
    struct ledger_report r;

    (void)ledger_verify(&f, key ? &key->keys.v[0].key : NULL, known, NULL, &r);
    return r;
}

static void assert_sound(struct log *l)
{
    struct ledger_report r = verify(l, NULL, NULL);

    if (!r.sound)
        fail_msg("not sound: %s", r.text);
}

#define assert_wrong(l, key, known, part)                                                          \
    do {                                                                                           \
        struct ledger_report r_ = verify(l, key, known);                                           \
        if (r_.sound || !strstr(r_.text, part))                                                    \
            fail_msg("%d: %s", r_.sound, r_.text);                                                 \
    } while (0)

/* ---- each bit of 1,000 records -------------------------------------------------------------- */

static struct log L;

static int begin_large(void **state)
{
    (void)state;
    fill(&L, 1000, 1);
    return 0;
}
static int end_large(void **state)
{
    (void)state;
    clear(&L);
    return 0;
}

static void a_log_verifies(void **state)
{
    struct ledger_report r = verify(&L, &L, NULL);

    (void)state;
    assert_true(r.sound);
    assert_int_equal(r.records, 1000);
    assert_int_equal(r.epochs, EPOCHS);
    assert_string_equal(r.text, "1000 records: each is there, unchanged and in order, as signed by "
                        "the key portcullis/hq/audit+41e215ea and the 2 that followed it");
}

/* The walk as ledger_verify() does it, from the state before record i, for that record alone. */
static bool noticed(const struct ledger_check *before, size_t i)
{
    const uint8_t *p = L.places[i].file->v + L.places[i].at;
    size_t left = L.places[i].file->n - L.places[i].at;
    uint32_t n = record_length(p);
    struct ledger_check c = *before;

    if (n > RECORD_MAX || n + RECORD_FRAME > left)
        return true;
    return !ledger_record(&c, p + RECORD_FRAME, n) || c.odd != 0;
}

static size_t flip_all(const struct ledger_check *before, size_t i, uint8_t *p, size_t n)
{
    size_t flips = 0;

    for (size_t at = 0; at < n; at++)
        for (unsigned bit = 0; bit < 8; bit++, flips++) {
            p[at] ^= (uint8_t)(1u << bit);
            if (!noticed(before, i))
                fail_msg("record %zu: bit %u of byte %zu does not count", i + 1, bit, at);
            p[at] ^= (uint8_t)(1u << bit);
        }
    return flips;
}

static void every_bit_of_records_and_hashes_counts(void **state)
{
    struct file *hashes = file_of(&L, LEDGER_HASHES);
    struct checkpoint at = now(&L);
    struct ledger_check c;
    size_t flips = 0;

    (void)state;
    ledger_begin(&c, &L.keys, &at, NULL, read_hashes, &L);
    for (size_t i = 0; i < 1000; i++) {
        uint8_t *p = L.places[i].file->v + L.places[i].at;
        uint64_t from = merkle_stored(i) * MERKLE_HASH, to = merkle_stored(i + 1) * MERKLE_HASH;
        assert_false(noticed(&c, i));
        flips += flip_all(&c, i, p, L.places[i].n);
        flips += flip_all(&c, i, hashes->v + from, (size_t)(to - from));
        assert_true(ledger_record(&c, p + RECORD_FRAME, L.places[i].n - RECORD_FRAME));
    }
    assert_int_equal(ledger_end(&c), LEDGER_SOUND);
    size_t bytes = hashes->n;
    for (uint64_t first = 0; (first = next_segment(&L, first)) != 0;)
        bytes += L.places[first - 1].file->n;
    assert_int_equal(flips, 8 * bytes);
}

static void every_bit_of_keys_checkpoint_and_origin_counts(void **state)
{
    static const char *const names[] = {LEDGER_KEYS, LEDGER_CHECKPOINT, LEDGER_ORIGIN};

    (void)state;
    for (size_t k = 0; k < sizeof names / sizeof *names; k++) {
        struct file *f = file_of(&L, names[k]);
        for (size_t i = 0; i < f->n; i++)
            for (unsigned bit = 0; bit < 8; bit++) {
                f->v[i] ^= (uint8_t)(1u << bit);
                if (verify(&L, NULL, NULL).sound)
                    fail_msg("%s: bit %u of byte %zu does not count", f->name, bit, i);
                f->v[i] ^= (uint8_t)(1u << bit);
            }
    }
    assert_sound(&L);
}

/* A small log, and the check as a whole: each bit and each length of each file. */
static void every_bit_and_every_length_of_a_whole_log_counts(void **state)
{
    struct log s;

    (void)state;
    fill(&s, 9, 3);
    assert_sound(&s);
    for (size_t k = 0; k < s.n_files; k++) {
        struct file *f = &s.files[k];
        for (size_t i = 0; i < f->n; i++) {
            size_t n = f->n;
            f->n = i;
            assert_false(verify(&s, NULL, NULL).sound);
            f->n = n;
            for (unsigned bit = 0; bit < 8; bit++) {
                f->v[i] ^= (uint8_t)(1u << bit);
                if (verify(&s, NULL, NULL).sound)
                    fail_msg("%s: bit %u of byte %zu does not count", f->name, bit, i);
                f->v[i] ^= (uint8_t)(1u << bit);
            }
        }
        append(f, "\0", 1);
        assert_false(verify(&s, NULL, NULL).sound);
        f->n--;
    }
    assert_sound(&s);
    clear(&s);
}

/* ---- what has a name ------------------------------------------------------------------------ */

static struct log S;
static int begin_small(void **state)
{
    (void)state;
    fill(&S, 30, 5);
    return 0;
}
static int end_small(void **state)
{
    (void)state;
    clear(&S);
    return 0;
}

/* Hashes and tree anew from the records, as one who knows the form would make them. */
static void rehash(struct log *l)
{
    uint64_t first = 0;
    char name[LEDGER_NAME_SIZE];

    l->tree.size = 0;
    file_of(l, LEDGER_HASHES)->n = 0;
    while ((first = next_segment(l, first)) != 0) {
        struct file *f = file_of(l, ledger_segment_name(first, name));
        for (size_t at = 0; at < f->n; at += RECORD_FRAME + record_length(f->v + at))
            add_hashes(l, f->v + at + RECORD_FRAME, record_length(f->v + at));
    }
}

static uint8_t *record_at(struct log *l, size_t i) { return l->places[i].file->v + l->places[i].at; }

static void an_edited_record_is_named(void **state)
{
    uint8_t *p = record_at(&S, 16);

    (void)state;
    p[S.places[16].n - 9] ^= 1;          /* a letter of its object */
    assert_wrong(&S, NULL, NULL, "record 17 is not the one that was signed");
    rehash(&S);
    assert_wrong(&S, NULL, NULL, "the first 24 records are not those that were signed when the key");
}

static void an_edited_last_record_is_seen_by_the_root(void **state)
{
    (void)state;
    record_at(&S, 29)[S.places[29].n - 9] ^= 1;
    rehash(&S);
    assert_wrong(&S, NULL, NULL, "these 30 records are not those that were signed");
}

static void a_deleted_record_leaves_a_gap(void **state)
{
    struct file *f = S.places[13].file;
    size_t at = S.places[13].at, n = S.places[13].n;

    (void)state;
    memmove(f->v + at, f->v + at + n, f->n - at - n);
    f->n -= n;
    assert_wrong(&S, NULL, NULL, "another record than number 14, whose turn it is");
    rehash(&S);
    assert_wrong(&S, NULL, NULL, "another record than number 14, whose turn it is");
}

static void an_inserted_record_is_seen(void **state)
{
    struct file *f = S.places[13].file;
    size_t at = S.places[13].at, n = S.places[13].n;
    uint8_t copy[256];

    (void)state;
    memcpy(copy, f->v + at, n);
    append(f, copy, n);
    memmove(f->v + at + n, f->v + at, f->n - at - n);
    memcpy(f->v + at, copy, n);
    assert_wrong(&S, NULL, NULL, "another record than number 15, whose turn it is");
}

static void swapped_records_are_seen(void **state)
{
    uint8_t copy[256], *p = record_at(&S, 13);
    size_t n = S.places[13].n;

    (void)state;
    assert_int_equal(n, S.places[14].n);
    memcpy(copy, p, n);
    memmove(p, p + n, n);
    memcpy(p + n, copy, n);
    assert_wrong(&S, NULL, NULL, "another record than number 14, whose turn it is");
}

static void a_cut_tail_is_seen(void **state)
{
    struct file *f = S.places[29].file;

    (void)state;
    f->n = S.places[29].at;
    assert_wrong(&S, NULL, NULL, "end with number 29, but more were signed (30 in the checkpoint");
    rehash(&S);
    assert_wrong(&S, NULL, NULL, "end with number 29, but more were signed (30 in the checkpoint");
    f->n -= 3;
    assert_wrong(&S, NULL, NULL, "record 29, at byte ");
}

static void cut_and_continued_is_seen(void **state)
{
    (void)state;
    S.places[29].file->n = S.places[29].at;
    rehash(&S);
    add(&S, 21, "user.add", "mallory");
    assert_wrong(&S, NULL, NULL, "these 30 records are not those that were signed");
    add(&S, 21, "user.add", "mallory");
    assert_wrong(&S, NULL, NULL, "the records from number 31 on are not signed");
}

static void what_is_not_signed_is_said_so(void **state)
{
    (void)state;
    add(&S, 21, "user.add", "mallory");
    assert_wrong(&S, NULL, NULL, "the records from number 31 on are not signed");
    assert_true(verify(&S, NULL, NULL).unsigned_tail);
    record_at(&S, 16)[S.places[16].n - 9] ^= 1;
    assert_false(verify(&S, NULL, NULL).unsigned_tail);
}

static void another_whole_log_is_not_this_one(void **state)
{
    struct log other;
    struct checkpoint known = now(&S);

    (void)state;
    fill(&other, 40, 6);
    assert_sound(&other);
    assert_wrong(&other, &S, NULL, "another key than the one that was given");
    assert_wrong(&other, NULL, &known, "not those of the checkpoint seen earlier");
    clear(&other);
}

/* All files of yesterday: sound in themselves, and less than what was seen. */
static void a_roll_back_is_seen_by_what_is_known(void **state)
{
    struct log old;
    struct checkpoint known = now(&S);

    (void)state;
    fill(&old, 29, 5);                   /* the same keys */
    assert_sound(&old);
    assert_true(verify(&old, &S, NULL).sound);
    assert_false(verify(&old, &S, &known).sound);
    clear(&old);
    add(&S, 21, "user.add", "zoe");
    sign(&S);
    assert_true(verify(&S, &S, &known).sound);
}

/* Today's key cannot sign what the key before it signed. */
static void a_stolen_key_does_not_rewrite_earlier_epochs(void **state)
{
    (void)state;
    record_at(&S, 3)[S.places[3].n - 9] ^= 1;
    rehash(&S);
    sign(&S);
    assert_wrong(&S, NULL, NULL, "the first 12 records are not those that were signed when the key");
}

static void remove_file(struct log *l, struct file *f)
{
    free(f->v);
    *f = l->files[--l->n_files];
}

static void old_records_go_only_by_a_record(void **state)
{
    struct log l;

    (void)state;
    fill(&l, 30, 7);
    add_record(&l, 21, &(struct record){.type = RECORD_REMOVED, .number = 31, .actor = "engine",
                                        .act = "records.remove", .object = "10", .detail = "{}"});
    sign(&l);
    assert_sound(&l);
    remove_file(&l, l.places[0].file);
    struct ledger_report r = verify(&l, NULL, NULL);
    assert_true(r.sound);
    assert_int_equal(r.first, 11);
    assert_non_null(strstr(r.text, "31 records, of which 1 to 10 were removed by retention"));
    /* A hash of what was removed still counts. */
    file_of(&l, LEDGER_HASHES)->v[64] ^= 1;
    assert_false(verify(&l, NULL, NULL).sound);
    file_of(&l, LEDGER_HASHES)->v[64] ^= 1;
    /* A segment more than was told. */
    char name[LEDGER_NAME_SIZE];
    remove_file(&l, file_of(&l, ledger_segment_name(11, name)));
    assert_wrong(&l, NULL, NULL, "record 11 and others are missing, and no record tells of their removal");
    clear(&l);
}

static void a_missing_segment_is_seen(void **state)
{
    char name[LEDGER_NAME_SIZE];

    (void)state;
    remove_file(&S, file_of(&S, ledger_segment_name(11, name)));
    assert_wrong(&S, NULL, NULL, "should be the one that begins with record 11");
}

static void a_damaged_hash_is_told_from_a_damaged_record(void **state)
{
    (void)state;
    file_of(&S, LEDGER_HASHES)->v[merkle_stored(16) * MERKLE_HASH] ^= 1;
    assert_wrong(&S, NULL, NULL, "the records are those that were signed, but the file hashes is "
                 "wrong where record 17 stands");
}

static void an_empty_log_verifies(void **state)
{
    struct log l;

    (void)state;
    begin(&l, 8);
    sign(&l);
    assert_sound(&l);
    hand_over(&l);
    hand_over(&l);
    sign(&l);
    assert_sound(&l);
    clear(&l);
}

static void names_of_segments_have_one_form(void **state)
{
    static const char *const bad[] = {"", "records-", "records-1", "records-0000000000000000001",
                                      "records-000000000000000000001", "records-99999999999999999999",
                                      "records-0000000000000000000x", "record-00000000000000000001"};
    char name[LEDGER_NAME_SIZE];

    (void)state;
    assert_string_equal(ledger_segment_name(17, name), "records-00000000000000000017");
    assert_int_equal(ledger_segment_first(name), 17);
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        assert_int_equal(ledger_segment_first(bad[i]), 0);
}

#define SMALL(f) cmocka_unit_test_setup_teardown(f, begin_small, end_small)
int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_log_verifies, begin_large, end_large),
        cmocka_unit_test_setup_teardown(every_bit_of_records_and_hashes_counts, begin_large, end_large),
        cmocka_unit_test_setup_teardown(every_bit_of_keys_checkpoint_and_origin_counts, begin_large,
                                        end_large),
        cmocka_unit_test(every_bit_and_every_length_of_a_whole_log_counts),
        SMALL(an_edited_record_is_named),
        SMALL(an_edited_last_record_is_seen_by_the_root),
        SMALL(a_deleted_record_leaves_a_gap),
        SMALL(an_inserted_record_is_seen),
        SMALL(swapped_records_are_seen),
        SMALL(a_cut_tail_is_seen),
        SMALL(cut_and_continued_is_seen),
        SMALL(what_is_not_signed_is_said_so),
        SMALL(another_whole_log_is_not_this_one),
        SMALL(a_roll_back_is_seen_by_what_is_known),
        SMALL(a_stolen_key_does_not_rewrite_earlier_epochs),
        cmocka_unit_test(old_records_go_only_by_a_record),
        SMALL(a_missing_segment_is_seen),
        SMALL(a_damaged_hash_is_told_from_a_damaged_record),
        cmocka_unit_test(an_empty_log_verifies),
        cmocka_unit_test(names_of_segments_have_one_form),
    };

    return sodium_init() < 0 ? 1 : cmocka_run_group_tests(tests, NULL, NULL);
}
