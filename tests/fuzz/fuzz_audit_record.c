/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the verifiers of a log read. The first byte picks what the rest is: a record; notes; a
 * bundle; the files of a directory (u16 lengths, the last takes the rest). A record that is taken
 * has one form; what was not signed by the harness's key is never sound under it.
 */
#include <sodium.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "policy/bundle.h"
#include "policy/ledger.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct note_key mine;     /* its secret signs nothing */

static void must(bool b)
{
    if (!b)
        abort();
}

static void start(void)
{
    uint8_t seed[32] = "a key that signs nothing", public[32], secret[64];

    if (mine.name[0])
        return;
    must(sodium_init() >= 0);
    crypto_sign_seed_keypair(public, secret, seed);
    must(note_key_make(&mine, "portcullis/fuzz/audit", public) == 0);
}

static void try_record(const uint8_t *data, size_t size)
{
    static uint8_t again[RECORD_MAX];
    struct record r;

    if (record_decode(data, size, &r) < 0)
        return;
    must(record_encode(&r, again, sizeof again) == size && memcmp(again, data, size) == 0);
}

static void try_notes(const char *text, size_t size)
{
    struct keychain keys;
    struct checkpoint c;
    struct note_key k;
    char again[CHECKPOINT_MAX], key[NOTE_KEY_TEXT];
    size_t at, n = checkpoint_parse(text, size, &c);

    must(n == 0 || (checkpoint_print(&c, again, sizeof again) == n && memcmp(again, text, n) == 0));
    if (note_key_parse(text, size, &k) == 0)
        must(strlen(note_key_print(&k, key)) == size && memcmp(key, text, size) == 0);
    must(note_open(text, size, &mine) == 0);
    must(keychain_begin(&keys, &mine) == 0);
    must(keychain_read(&keys, text, size, &at) < 0 || size == 0);
    must(keychain_open(&keys, text, size, &c) < 0);
    keychain_clear(&keys);
}

static void try_bundle(const char *text, size_t size)
{
    struct bundle_report r;
    json_t *doc = json_loadb(text, size, JSON_REJECT_DUPLICATES, NULL);

    (void)bundle_check(doc, NULL, NULL, NULL, &r);
    must(!bundle_check(doc, &mine, NULL, NULL, &r));
    json_decref(doc);
}

/* ---- a directory ---------------------------------------------------------------------------- */

#define FILES 6
static const char *const names[FILES] = {LEDGER_ORIGIN, LEDGER_KEYS, LEDGER_CHECKPOINT,
                                         LEDGER_HASHES, "records-00000000000000000001",
                                         "records-00000000000000000003"};
struct files { const uint8_t *v[FILES]; size_t n[FILES]; };

static long read_file(void *arg, const char *file, uint64_t offset, void *out, size_t n)
{
    const struct files *f = arg;

    for (size_t i = 0; i < FILES; i++) {
        if (strcmp(names[i], file) != 0 || !f->v[i])
            continue;
        if (offset >= f->n[i])
            return 0;
        n = n < f->n[i] - offset ? n : f->n[i] - (size_t)offset;
        memcpy(out, f->v[i] + offset, n);
        return (long)n;
    }
    return -1;
}

static uint64_t next_segment(void *arg, uint64_t after)
{
    const struct files *f = arg;

    return after < 1 && f->v[4] ? 1 : after < 3 && f->v[5] ? 3 : 0;
}

static void try_directory(const uint8_t *data, size_t size)
{
    struct files f = {0};
    struct ledger_files files = {&f, read_file, next_segment};
    struct ledger_report r;

    for (size_t i = 0; i < FILES && size >= 2; i++) {
        size_t n = (size_t)data[0] << 8 | data[1];
        n = n > size - 2 || i + 1 == FILES ? size - 2 : n;
        f.v[i] = data + 2;
        f.n[i] = n;
        data += 2 + n;
        size -= 2 + n;
    }
    (void)ledger_verify(&files, NULL, NULL, NULL, &r);
    must(!ledger_verify(&files, &mine, NULL, NULL, &r) && r.text[0]);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    start();
    if (size == 0)
        return 0;
    const uint8_t *rest = data + 1;
    switch (data[0] % 4) {
    case 0:
        try_record(rest, size - 1);
        break;
    case 1:
        try_notes((const char *)rest, size - 1);
        break;
    case 2:
        try_bundle((const char *)rest, size - 1);
        break;
    default:
        try_directory(rest, size - 1);
    }
    return 0;
}
