/* SPDX-License-Identifier: GPL-2.0-or-later */
/* One-time codes, by liboath. */
#include "gateway/totp.h"

#include <liboath/oath.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "gateway/log.h"

#define STEP_S 30
#define DIGITS 6

bool totp_accept(const uint8_t secret[TOTP_SECRET], const char *code, int64_t now, int64_t *last)
{
    char right[DIGITS + 1];

    if (strlen(code) != DIGITS)
        return false;
    for (int64_t step = now / STEP_S - 1; step <= now / STEP_S + 1; step++) {
        if (step <= *last)
            continue;
        if (oath_hotp_generate((const char *)secret, TOTP_SECRET, (uint64_t)step, DIGITS, false,
                               OATH_HOTP_DYNAMIC_TRUNCATION, right) != OATH_OK)
            return false;
        if (sodium_memcmp(right, code, DIGITS) == 0) {
            *last = step;
            return true;
        }
    }
    return false;
}

const char *totp_text(const uint8_t secret[TOTP_SECRET], char out[TOTP_TEXT])
{
    char *text = NULL;

    if (oath_base32_encode((const char *)secret, TOTP_SECRET, &text, NULL) != OATH_OK)
        fatal("out of memory");
    snprintf(out, TOTP_TEXT, "%s", text);
    sodium_memzero(text, strlen(text));
    free(text);
    return out;
}

/* Percent-encodes what is not unreserved (RFC 3986, section 2.3). */
static void encode(char *out, size_t size, const char *s)
{
    size_t n = strlen(out);

    for (; *s && n + 4 < size; s++) {
        bool plain = (*s >= 'a' && *s <= 'z') || (*s >= 'A' && *s <= 'Z') ||
                     (*s >= '0' && *s <= '9') || strchr("-._~", *s);
        n += (size_t)snprintf(out + n, size - n, plain ? "%c" : "%%%02X", (unsigned char)*s);
    }
}

static void add(char *out, const char *ours)
{
    size_t n = strlen(out);

    snprintf(out + n, TOTP_URI - n, "%s", ours);
}

const char *totp_uri(const uint8_t secret[TOTP_SECRET], const char *issuer, const char *name,
                     char out[TOTP_URI])
{
    char text[TOTP_TEXT];

    snprintf(out, TOTP_URI, "otpauth://totp/");
    encode(out, 200, issuer);
    add(out, ":");
    encode(out, 300, name);
    add(out, "?secret=");
    add(out, totp_text(secret, text));
    add(out, "&issuer=");
    encode(out, TOTP_URI, issuer);
    sodium_memzero(text, sizeof text);
    return out;
}
