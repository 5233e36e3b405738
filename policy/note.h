/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Signed notes: https://c2sp.org/signed-note, with Ed25519 (RFC 8032). A note is a text of lines,
 * an empty line, and here exactly one signature line:
 *
 *     U+2014 " " name " " base64(key id || signature) "\n"
 *
 * The key id is SHA-256(name || 0x0A || 0x01 || public key)[:4]. A verifier key, as other tools
 * take it, is name "+" 8 hex digits of the id "+" base64(0x01 || public key).
 */
#ifndef POLICY_NOTE_H
#define POLICY_NOTE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define NOTE_NAME_SIZE 128       /* with its NUL */
#define NOTE_KEY_TEXT 192        /* a verifier key with its NUL */
#define NOTE_LINE_MAX 256        /* a signature line */

struct note_key { char name[NOTE_NAME_SIZE]; uint8_t id[4], public[32]; };

/* 0, or -1: not a name (empty, too long, a blank, '+', not printable ASCII). */
int note_key_make(struct note_key *k, const char *name, const uint8_t public[32]);
/* A verifier key, n bytes of it and nothing else. 0 or -1. */
int note_key_parse(const char *s, size_t n, struct note_key *k);
char *note_key_print(const struct note_key *k, char out[NOTE_KEY_TEXT]);
bool note_key_same(const struct note_key *a, const struct note_key *b);

/* Text (n bytes, ending in '\n', no empty line in it) with its signature into out, with a NUL: the
 * length, 0 when there is no room. `secret` is libsodium's 64 bytes. */
size_t note_sign(const char *text, size_t n, const struct note_key *k, const uint8_t secret[64],
                 char *out, size_t size);
/* The length of the text in a note that is signed by k and by nobody else; 0: it is not. */
size_t note_open(const char *note, size_t n, const struct note_key *k);
/* Of several notes one behind the other: the length of the first; 0 when there is no whole one. */
size_t note_length(const char *notes, size_t n);

/* base64 (RFC 4648, section 4) of n bytes, with a NUL; and back, of exactly this many bytes. */
#define NOTE_BASE64(n) (((n) + 2) / 3 * 4 + 1)
bool note_base64(const char *s, size_t len, void *out, size_t n);

#endif
