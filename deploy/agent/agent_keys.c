/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Keys made, kept and read. Private parts are wiped from memory as soon as they were used. */
#include "deploy/agent/agent_keys.h"

#include <errno.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "deploy/agent/agent_file.h"

#define URLSAFE sodium_base64_VARIANT_URLSAFE_NO_PADDING
#define ORIGINAL sodium_base64_VARIANT_ORIGINAL
#define WHY 160
#define FILE_MAX 128
#define UEID_RAND 0x01     /* RFC 9711 section 4.2.1.1: random, 16 bytes */
#define UEID_BYTES 17

enum { KEY_WG, KEY_SIGN, KEY_UEID, KEY_FILES };
static const char *const file_name[KEY_FILES] = {"wireguard.key", "signing.key", "ueid"};

static bool file_path(const char *dir, int which, char out[AGENT_PATH])
{
    int n = snprintf(out, AGENT_PATH, "%s/%s", dir, file_name[which]);

    return n > 0 && n < AGENT_PATH;
}

/* ---- making ---- */

/* A Curve25519 secret as `wg genkey` makes it: clamped. */
static void random_wg(uint8_t key[32])
{
    randombytes_buf(key, 32);
    key[0] &= 248;
    key[31] = (uint8_t)((key[31] & 127) | 64);
}

static void make_text(int which, char *out, size_t size)
{
    uint8_t bytes[32];
    size_t n = which == KEY_UEID ? UEID_BYTES : 32;

    randombytes_buf(bytes, sizeof bytes);
    if (which == KEY_WG)
        random_wg(bytes);
    if (which == KEY_UEID)
        bytes[0] = UEID_RAND;
    sodium_bin2base64(out, size - 1, bytes, n, which == KEY_UEID ? URLSAFE : ORIGINAL);
    strcat(out, "\n");
    sodium_memzero(bytes, sizeof bytes);
}

static int make_one(const char *dir, int which, char why[WHY])
{
    char path[AGENT_PATH], text[64];
    int rc;

    if (!file_path(dir, which, path)) {
        snprintf(why, WHY, "the name of the folder is too long");
        return -1;
    }
    if (agent_file_exists("", path))
        return 0;
    make_text(which, text, sizeof text);
    rc = agent_file_create(path, text, strlen(text));
    if (rc != 0)
        snprintf(why, WHY, "cannot write %.80s: %s", path, strerror(errno));
    sodium_memzero(text, sizeof text);
    return rc;
}

int agent_keys_make(const char *dir, char why[WHY])
{
    if (mkdir(dir, 0700) != 0 && errno != EEXIST) {
        snprintf(why, WHY, "cannot make %.80s: %s", dir, strerror(errno));
        return -1;
    }
    for (int i = 0; i < KEY_FILES; i++)
        if (make_one(dir, i, why) != 0)
            return -1;
    return 0;
}

/* ---- reading ---- */

/* One line of base64, nothing before or behind it. */
static bool decode_line(char *text, int variant, uint8_t *out, size_t size)
{
    size_t len = strcspn(text, "\n"), n = 0;
    const char *end = NULL;

    if (text[len] == '\n' && text[len + 1] != '\0')
        return false;
    return sodium_base642bin(out, size, text, len, NULL, &n, &end, variant) == 0 && n == size &&
           end == text + len;
}

static int load_one(const char *dir, int which, uint8_t *out, size_t size, char why[WHY])
{
    char path[AGENT_PATH], *text = NULL;
    bool ok;

    if (file_path(dir, which, path))
        text = agent_file_read("", path, FILE_MAX, NULL);
    if (!text) {
        snprintf(why, WHY, "cannot read %.80s/%s: %s (portcullis-agent keygen makes it)", dir,
                 file_name[which], strerror(errno));
        return -1;
    }
    ok = decode_line(text, which == KEY_UEID ? URLSAFE : ORIGINAL, out, size);
    sodium_memzero(text, strlen(text));
    free(text);
    if (!ok)
        snprintf(why, WHY, "%.80s/%s does not hold a key", dir, file_name[which]);
    return ok ? 0 : -1;
}

static void name_key(struct agent_keys *k)
{
    uint8_t hash[crypto_hash_sha256_BYTES];
    char hex[17];

    crypto_hash_sha256(hash, k->sign_public, sizeof k->sign_public);
    sodium_bin2hex(hex, sizeof hex, hash, 8);
    snprintf(k->kid, sizeof k->kid, "dev-%s", hex);
}

int agent_keys_load(const char *dir, struct agent_keys *out, char why[WHY])
{
    uint8_t secret[32], ueid[UEID_BYTES];
    int rc = load_one(dir, KEY_WG, secret, sizeof secret, why);

    memset(out, 0, sizeof *out);
    if (rc == 0)
        crypto_scalarmult_base(out->wg_public, secret);
    if (rc == 0)
        rc = load_one(dir, KEY_SIGN, secret, sizeof secret, why);
    if (rc == 0)
        rc = load_one(dir, KEY_UEID, ueid, sizeof ueid, why);
    if (rc == 0) {
        crypto_sign_seed_keypair(out->sign_public, out->sign_secret, secret);
        sodium_bin2base64(out->ueid, sizeof out->ueid, ueid, sizeof ueid, URLSAFE);
        name_key(out);
    }
    sodium_memzero(secret, sizeof secret);
    return rc;
}

void agent_keys_clear(struct agent_keys *k) { sodium_memzero(k, sizeof *k); }

const char *agent_wg_text(const struct agent_keys *k, char out[AGENT_KEY_TEXT])
{
    return sodium_bin2base64(out, AGENT_KEY_TEXT, k->wg_public, 32, ORIGINAL);
}

const char *agent_issuer_line(const struct agent_keys *k, char out[AGENT_LINE_TEXT])
{
    char key[AGENT_KEY_TEXT];

    sodium_bin2base64(key, sizeof key, k->sign_public, 32, URLSAFE);
    snprintf(out, AGENT_LINE_TEXT, "%s:Ed25519:%s", k->kid, key);
    return out;
}
