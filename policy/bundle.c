/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Checking a bundle: the chain of keys, the checkpoint, each record's place in its tree. */
#include "policy/bundle.h"

#include <sodium.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

__attribute__((format(printf, 2, 3))) static bool wrong(struct bundle_report *out,
                                                        const char *fmt, ...)
{
    va_list args;

    va_start(args, fmt);
    vsnprintf(out->text, sizeof out->text, fmt, args);
    va_end(args);
    return false;
}

/* ---- members -------------------------------------------------------------------------------- */

static const char *text_member(const json_t *o, const char *name, size_t *n)
{
    const json_t *v = json_object_get(o, name);

    *n = json_string_length(v);
    return json_string_value(v);
}

bool bundle_proof(const json_t *array, struct merkle_proof *out)
{
    out->n = json_array_size(array);
    if (!json_is_array(array) || out->n > MERKLE_LEVELS)
        return false;
    for (size_t i = 0; i < out->n; i++) {
        const json_t *v = json_array_get(array, i);
        if (!json_is_string(v) || !note_base64(json_string_value(v), json_string_length(v),
                                               out->v[i].b, MERKLE_HASH))
            return false;
    }
    return true;
}

bool bundle_keys(const json_t *array, const struct note_key *origin, struct keychain *out)
{
    if (keychain_begin(out, origin) < 0 || !json_is_array(array))
        return false;
    for (size_t i = 0; i < json_array_size(array); i++) {
        const json_t *v = json_array_get(array, i);
        if (!json_is_string(v) ||
            keychain_add(out, json_string_value(v), json_string_length(v)) < 0)
            return false;
    }
    return true;
}

static bool has_form(const json_t *doc)
{
    static const char *const names[] = {"portcullis", "origin", "keys", "checkpoint", "consistency",
                                        "records"};
    const char *form = json_string_value(json_object_get(doc, names[0]));
    size_t n = sizeof names / sizeof *names;

    for (size_t i = 0; i < n; i++)
        if (!json_object_get(doc, names[i]))
            return false;
    return json_object_size(doc) == n && form && strcmp(form, BUNDLE_FORM) == 0;
}

/* ---- what is signed ------------------------------------------------------------------------- */

static bool check_signed(const json_t *doc, const struct note_key *want, struct keychain *keys,
                         struct bundle_report *out)
{
    struct merkle_proof p;
    size_t n;
    const char *text = text_member(doc, "origin", &n);

    if (!text || note_key_parse(text, n, &out->origin) < 0)
        return wrong(out, "its origin is not a verifier key");
    if (want && !note_key_same(want, &out->origin))
        return wrong(out, "it is of another log than that of the key that was given");
    if (!bundle_keys(json_object_get(doc, "keys"), &out->origin, keys))
        return wrong(out, "its chain of keys is broken at epoch %zu", keys->n);
    out->epochs = keys->n;
    text = text_member(doc, "checkpoint", &n);
    if (!text || keychain_open(keys, text, n, &out->at) < 0)
        return wrong(out, "its checkpoint is not signed by the key in force");
    const struct epoch *last = keychain_last(keys);
    if (!bundle_proof(json_object_get(doc, "consistency"), &p) ||
        !merkle_consistent(last->size, &last->root, out->at.size, &out->at.root, &p))
        return wrong(out, "its checkpoint does not continue what earlier keys signed");
    return true;
}

/* ---- records -------------------------------------------------------------------------------- */

/* The bytes of base64; malloc'd, NULL when it is none. */
static uint8_t *decode(const json_t *v, size_t *n)
{
    size_t len = json_string_length(v), room = len / 4 * 3;
    bool fits = json_is_string(v) && len > 0 && room <= RECORD_MAX + 3;
    uint8_t *bytes = fits ? malloc(room + 1) : NULL;

    if (bytes && sodium_base642bin(bytes, room, json_string_value(v), len, NULL, n, NULL,
                                   sodium_base64_VARIANT_ORIGINAL) == 0)
        return bytes;
    free(bytes);
    return NULL;
}

static bool check_record(const json_t *item, struct bundle_report *out, bundle_each *each,
                         void *arg)
{
    struct merkle_hash leaf;
    struct merkle_proof p;
    struct record r;
    size_t n;
    const json_t *text = json_object_size(item) == 2 ? json_object_get(item, "record") : NULL;
    uint8_t *bytes = text ? decode(text, &n) : NULL;
    unsigned long long where = out->records + 1;

    if (!bytes || !bundle_proof(json_object_get(item, "proof"), &p) ||
        record_decode(bytes, n, &r) < 0) {
        free(bytes);
        return wrong(out, "the %llu. record in it is damaged", where);
    }
    merkle_leaf(bytes, n, &leaf);
    uint64_t number = r.number;          /* r's texts go with the bytes */
    bool fits = r.number > out->last && merkle_included(&leaf, r.number - 1, out->at.size,
                                                        &out->at.root, &p);
    if (fits) {
        out->first = out->first ? out->first : r.number;
        out->last = r.number;
        out->records++;
    }
    if (fits && each)
        each(arg, &r, bytes, n);
    free(bytes);
    return fits || wrong(out, "the %llu. record in it, which says it is number %llu, was not "
                         "signed as such", where, (unsigned long long)number);
}

bool bundle_check(const json_t *doc, const struct note_key *origin, bundle_each *each, void *arg,
                  struct bundle_report *out)
{
    const json_t *records = json_object_get(doc, "records");
    struct keychain keys = {0};

    memset(out, 0, sizeof *out);
    bool sound = has_form(doc) && json_is_array(records);
    if (!sound)
        wrong(out, "it is not a bundle of log records");
    sound = sound && check_signed(doc, origin, &keys, out);
    for (size_t i = 0; sound && i < json_array_size(records); i++)
        sound = check_record(json_array_get(records, i), out, each, arg);
    keychain_clear(&keys);
    if (sound)
        snprintf(out->text, sizeof out->text, "%zu records of %llu, each as signed by the key "
                 "%s+%02x%02x%02x%02x%s", out->records, (unsigned long long)out->at.size,
                 out->origin.name, out->origin.id[0], out->origin.id[1], out->origin.id[2],
                 out->origin.id[3], out->epochs > 1 ? " and those that followed it" : "");
    return sound;
}
