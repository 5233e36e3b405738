/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Signed notes. What is read is written again and compared: there is one form of each. */
#include "policy/note.h"

#include <sodium.h>
#include <stdio.h>
#include <string.h>

#define ED25519 0x01             /* the signature type, c2sp.org/signed-note */
#define DASH "\xe2\x80\x94 "     /* U+2014 and a blank */
#define SIGNED (4 + crypto_sign_BYTES)
#define STANDARD sodium_base64_VARIANT_ORIGINAL

bool note_base64(const char *s, size_t len, void *out, size_t n)
{
    size_t got;

    return len == NOTE_BASE64(n) - 1 &&
           sodium_base642bin(out, n, s, len, NULL, &got, NULL, STANDARD) == 0 && got == n;
}

/* ---- keys ----------------------------------------------------------------------------------- */

static bool name_fits(const char *name, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (name[i] <= ' ' || name[i] >= 0x7f || name[i] == '+')
            return false;
    return n > 0 && n < NOTE_NAME_SIZE;
}

static void set_id(struct note_key *k)
{
    static const uint8_t between[] = {'\n', ED25519};
    crypto_hash_sha256_state h;
    uint8_t hash[crypto_hash_sha256_BYTES];

    crypto_hash_sha256_init(&h);
    crypto_hash_sha256_update(&h, (const uint8_t *)k->name, strlen(k->name));
    crypto_hash_sha256_update(&h, between, sizeof between);
    crypto_hash_sha256_update(&h, k->public, sizeof k->public);
    crypto_hash_sha256_final(&h, hash);
    memcpy(k->id, hash, sizeof k->id);
}

int note_key_make(struct note_key *k, const char *name, const uint8_t public[32])
{
    size_t n = strlen(name);

    if (!name_fits(name, n))
        return -1;
    memset(k, 0, sizeof *k);
    memcpy(k->name, name, n);
    memcpy(k->public, public, sizeof k->public);
    set_id(k);
    return 0;
}

char *note_key_print(const struct note_key *k, char out[NOTE_KEY_TEXT])
{
    uint8_t typed[33] = {ED25519};
    char hex[9], key[NOTE_BASE64(33)];

    memcpy(typed + 1, k->public, sizeof k->public);
    sodium_bin2hex(hex, sizeof hex, k->id, sizeof k->id);
    sodium_bin2base64(key, sizeof key, typed, sizeof typed, STANDARD);
    snprintf(out, NOTE_KEY_TEXT, "%s+%s+%s", k->name, hex, key);
    return out;
}

int note_key_parse(const char *s, size_t n, struct note_key *k)
{
    const char *plus = memchr(s, '+', n);
    size_t name = plus ? (size_t)(plus - s) : 0;
    char copy[NOTE_NAME_SIZE] = "", again[NOTE_KEY_TEXT];
    uint8_t typed[33];

    if (!plus || !name_fits(s, name) || n - name < 10 ||
        !note_base64(s + name + 10, n - name - 10, typed, sizeof typed) || typed[0] != ED25519)
        return -1;
    memcpy(copy, s, name);
    if (note_key_make(k, copy, typed + 1) < 0)
        return -1;
    note_key_print(k, again);
    return strlen(again) == n && memcmp(again, s, n) == 0 ? 0 : -1;
}

bool note_key_same(const struct note_key *a, const struct note_key *b)
{
    return strcmp(a->name, b->name) == 0 && memcmp(a->public, b->public, sizeof a->public) == 0;
}

/* ---- signatures ----------------------------------------------------------------------------- */

static int line_print(const struct note_key *k, const uint8_t signature[crypto_sign_BYTES],
                      char line[NOTE_LINE_MAX])
{
    uint8_t bytes[SIGNED];
    char text[NOTE_BASE64(SIGNED)];

    memcpy(bytes, k->id, sizeof k->id);
    memcpy(bytes + sizeof k->id, signature, crypto_sign_BYTES);
    sodium_bin2base64(text, sizeof text, bytes, sizeof bytes, STANDARD);
    return snprintf(line, NOTE_LINE_MAX, DASH "%s %s\n", k->name, text);
}

size_t note_sign(const char *text, size_t n, const struct note_key *k, const uint8_t secret[64],
                 char *out, size_t size)
{
    uint8_t signature[crypto_sign_BYTES];
    char line[NOTE_LINE_MAX];

    crypto_sign_detached(signature, NULL, (const uint8_t *)text, n, secret);
    size_t more = (size_t)line_print(k, signature, line);
    if (n > size || size - n < more + 2)
        return 0;
    memmove(out, text, n);
    out[n] = '\n';
    memcpy(out + n + 1, line, more + 1);
    return n + 1 + more;
}

/* Where the first text ends: behind the '\n' before the first empty line. 0: nowhere. */
static size_t text_length(const char *note, size_t n)
{
    for (size_t i = 1; i < n; i++)
        if (note[i] == '\n' && note[i - 1] == '\n')
            return i;
    return 0;
}

size_t note_length(const char *notes, size_t n)
{
    size_t text = text_length(notes, n);
    const char *end = text ? memchr(notes + text + 1, '\n', n - text - 1) : NULL;

    return end ? (size_t)(end - notes) + 1 : 0;
}

size_t note_open(const char *note, size_t n, const struct note_key *k)
{
    size_t text = text_length(note, n), name = strlen(k->name);
    size_t head = text + 1 + sizeof DASH - 1 + name + 1, base64 = NOTE_BASE64(SIGNED) - 1;
    uint8_t bytes[SIGNED];
    char again[NOTE_LINE_MAX];

    if (text == 0 || n != head + base64 + 1 || !note_base64(note + head, base64, bytes, SIGNED))
        return 0;
    line_print(k, bytes + 4, again);
    if (memcmp(note + text + 1, again, n - text - 1) != 0)
        return 0;
    return crypto_sign_verify_detached(bytes + 4, (const uint8_t *)note, text, k->public) == 0
               ? text : 0;
}
