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

const char *const agent_key_file_name[AGENT_KEY_FILES] = {"wireguard.key", "signing.key", "ueid"};

static bool file_path(const char *dir, int which, char out[AGENT_PATH])
{
    int n = snprintf(out, AGENT_PATH, "%s/%s", dir, agent_key_file_name[which]);

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
    size_t n = which == AGENT_KEY_UEID ? UEID_BYTES : 32;

    randombytes_buf(bytes, sizeof bytes);
    if (which == AGENT_KEY_WG)
        random_wg(bytes);
    if (which == AGENT_KEY_UEID)
        bytes[0] = UEID_RAND;
    sodium_bin2base64(out, size - 1, bytes, n, which == AGENT_KEY_UEID ? URLSAFE : ORIGINAL);
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
    for (int i = 0; i < AGENT_KEY_FILES; i++)
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

static int read_one(const char *dir, int which, char out[AGENT_KEY_TEXT + 1], char why[WHY])
{
    char path[AGENT_PATH], *text = NULL;
    size_t len = 0;

    if (file_path(dir, which, path))
        text = agent_file_read("", path, FILE_MAX, &len);
    if (!text) {
        snprintf(why, WHY, "cannot read %.80s/%s: %s (portcullis-agent keygen makes it)", dir,
                 agent_key_file_name[which], strerror(errno));
        return -1;
    }
    snprintf(out, AGENT_KEY_TEXT + 1, "%s", len <= AGENT_KEY_TEXT ? text : "");
    sodium_memzero(text, len);
    free(text);
    return 0;
}

static void name_key(struct agent_keys *k)
{
    uint8_t hash[crypto_hash_sha256_BYTES];
    char hex[17];

    crypto_hash_sha256(hash, k->sign_public, sizeof k->sign_public);
    sodium_bin2hex(hex, sizeof hex, hash, 8);
    snprintf(k->kid, sizeof k->kid, "dev-%s", hex);
}

static bool keys_from(struct agent_key_files *f, struct agent_keys *out, char why[WHY])
{
    uint8_t secret[AGENT_KEY_FILES][32] = {{0}};
    static const size_t size[AGENT_KEY_FILES] = {32, 32, UEID_BYTES};
    int bad = 0;

    memset(out, 0, sizeof *out);
    while (bad < AGENT_KEY_FILES && decode_line(f->text[bad], bad == AGENT_KEY_UEID ? URLSAFE
                                                : ORIGINAL, secret[bad], size[bad]))
        bad++;
    if (bad < AGENT_KEY_FILES) {
        snprintf(why, WHY, "%s does not hold a key", agent_key_file_name[bad]);
    } else {
        crypto_scalarmult_base(out->wg_public, secret[AGENT_KEY_WG]);
        crypto_sign_seed_keypair(out->sign_public, out->sign_secret, secret[AGENT_KEY_SIGN]);
        sodium_bin2base64(out->ueid, sizeof out->ueid, secret[AGENT_KEY_UEID], UEID_BYTES, URLSAFE);
        name_key(out);
    }
    sodium_memzero(secret, sizeof secret);
    return bad == AGENT_KEY_FILES;
}

int agent_keys_load(const char *dir, struct agent_keys *out, char why[WHY])
{
    struct agent_key_files f = {.text = {""}};
    int rc = 0;

    memset(out, 0, sizeof *out);
    for (int i = 0; rc == 0 && i < AGENT_KEY_FILES; i++)
        rc = read_one(dir, i, f.text[i], why);
    if (rc == 0 && !keys_from(&f, out, why))
        rc = -1;
    agent_key_files_clear(&f);
    return rc;
}

int agent_keys_fresh(const char *dir, struct agent_key_files *files, struct agent_keys *out,
                     char why[WHY])
{
    char path[AGENT_PATH];

    for (int i = 0; i < AGENT_KEY_FILES; i++)
        make_text(i, files->text[i], sizeof files->text[i]);
    if (file_path(dir, AGENT_KEY_UEID, path) && agent_file_exists("", path) &&
        read_one(dir, AGENT_KEY_UEID, files->text[AGENT_KEY_UEID], why) != 0)
        return -1;
    return keys_from(files, out, why) ? 0 : -1;
}

bool agent_keys_there(const char *dir)
{
    char path[AGENT_PATH];

    return file_path(dir, AGENT_KEY_WG, path) && agent_file_exists("", path);
}

void agent_key_files_clear(struct agent_key_files *f) { sodium_memzero(f, sizeof *f); }
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
