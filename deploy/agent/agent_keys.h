/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The agent's three secrets in one folder: wireguard.key (as `wg genkey` writes it, for the
 * tunnel), signing.key (an Ed25519 seed, base64) and ueid (this machine's random name).
 */
#ifndef AGENT_KEYS_H
#define AGENT_KEYS_H

#include <stdbool.h>
#include <stdint.h>

#define AGENT_KEY_TEXT 45     /* 32 bytes as base64, with padding, and a NUL */
#define AGENT_KID_TEXT 21     /* "dev-" and 16 hexadecimal digits, and a NUL */
#define AGENT_UEID_TEXT 24    /* 17 bytes as base64url and a NUL */
#define AGENT_LINE_TEXT 80    /* "KID:Ed25519:KEY" and a NUL */

struct agent_keys {
    uint8_t wg_public[32];
    uint8_t sign_public[32];
    uint8_t sign_secret[64];          /* libsodium's form; wiped by agent_keys_clear() */
    char kid[AGENT_KID_TEXT];         /* from the public key: nothing to choose, nothing to clash */
    char ueid[AGENT_UEID_TEXT];
};

/* 0, or -1 with a sentence in `why`. */
int agent_keys_load(const char *dir, struct agent_keys *out, char why[160]);
/* Makes those that are missing (and the folder, 0700); keeps those that are there. */
int agent_keys_make(const char *dir, char why[160]);
void agent_keys_clear(struct agent_keys *k);

/* What the three files hold, and their names. Wiped by agent_key_files_clear(). */
enum agent_key_file { AGENT_KEY_WG, AGENT_KEY_SIGN, AGENT_KEY_UEID, AGENT_KEY_FILES };
struct agent_key_files { char text[AGENT_KEY_FILES][AGENT_KEY_TEXT + 1]; };
extern const char *const agent_key_file_name[AGENT_KEY_FILES];

/* New keys, nothing written yet; the ueid is that of the folder when it has one. 0, or -1. */
int agent_keys_fresh(const char *dir, struct agent_key_files *files, struct agent_keys *out,
                     char why[160]);
void agent_key_files_clear(struct agent_key_files *files);
/* Does the folder hold a tunnel key already? */
bool agent_keys_there(const char *dir);

const char *agent_wg_text(const struct agent_keys *k, char out[AGENT_KEY_TEXT]);
/* What an administrator registers for the device: "KID:Ed25519:KEY", the key as base64url. */
const char *agent_issuer_line(const struct agent_keys *k, char out[AGENT_LINE_TEXT]);

#endif
