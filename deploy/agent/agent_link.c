/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Links and codes read strictly: they are pasted from mails, and typed from a telephone. */
#include "deploy/agent/agent_link.h"

#include <sodium.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#define SCHEME "https://"
#define PATH "/enrol#"
#define TOKEN_CHARS (AGENT_TOKEN_TEXT - 1)
#define PIN_CHARS 43
#define CODE_DIGITS 8
#define URLSAFE sodium_base64_VARIANT_URLSAFE_NO_PADDING

static bool all_of(const char *s, size_t len, const char *set)
{
    for (size_t i = 0; i < len; i++)
        if (s[i] == '\0' || !strchr(set, s[i]))
            return false;
    return len > 0;
}

#define DIGITS "0123456789"
#define LETTERS "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"

static bool port_good(const char *s, size_t len)
{
    unsigned port = 0;

    if (len > 5 || !all_of(s, len, DIGITS))
        return false;
    for (size_t i = 0; i < len; i++)
        port = port * 10 + (unsigned)(s[i] - '0');
    return port >= 1 && port <= 65535;
}

/* A name, an IPv4 address, or an IPv6 address in brackets; a port may follow. */
static bool where_good(const char *s, size_t len)
{
    const char *end = s + len, *close;
    size_t host;

    if (*s == '[') {
        close = memchr(s, ']', len);
        host = close ? (size_t)(close - s) + 1 : 0;
        if (host < 4 || !all_of(s + 1, host - 2, DIGITS "abcdefABCDEF:."))
            return false;
    } else {
        host = strspn(s, LETTERS DIGITS ".-");
        if (host > len || host == 0 || *s == '-' || *s == '.')
            return false;
    }
    s += host;
    return s == end || (*s == ':' && port_good(s + 1, (size_t)(end - s) - 1));
}

/* base64url as a URL has it to base64 as libcurl has it. */
static bool pin_read(const char *s, char out[AGENT_PIN_TEXT])
{
    uint8_t hash[32];
    const char *end;
    size_t n;

    out[0] = '\0';
    if (*s == '\0')
        return true;
    if (*s != '.' || strlen(s + 1) != PIN_CHARS ||
        sodium_base642bin(hash, sizeof hash, s + 1, PIN_CHARS, NULL, &n, &end, URLSAFE) != 0 ||
        n != sizeof hash || *end != '\0')
        return false;
    memcpy(out, "sha256//", 9);
    sodium_bin2base64(out + 8, AGENT_PIN_TEXT - 8, hash, sizeof hash,
                      sodium_base64_VARIANT_ORIGINAL);
    return true;
}

bool agent_link_parse(const char *text, struct agent_link *out)
{
    const char *where = text + strlen(SCHEME), *path = strstr(text, PATH), *token;
    size_t len;

    memset(out, 0, sizeof *out);
    if (strncmp(text, SCHEME, strlen(SCHEME)) != 0 || !path || path <= where)
        return false;
    len = (size_t)(path - where);
    token = path + strlen(PATH);
    if (len >= AGENT_WHERE_TEXT || !where_good(where, len) ||
        !all_of(token, TOKEN_CHARS, LETTERS DIGITS))
        return false;
    memcpy(out->where, where, len);
    memcpy(out->token, token, TOKEN_CHARS);
    return pin_read(token + TOKEN_CHARS, out->pin);
}

bool agent_code_parse(const char *text, char out[AGENT_CODE_TEXT])
{
    char digits[CODE_DIGITS + 1];
    size_t n = 0;

    for (; *text; text++) {
        if (strchr(" -\r\n\t", *text))
            continue;
        if (*text < '0' || *text > '9' || n == CODE_DIGITS)
            return false;
        digits[n++] = *text;
    }
    digits[n] = '\0';
    snprintf(out, AGENT_CODE_TEXT, "%.4s-%.4s", digits, n == CODE_DIGITS ? digits + 4 : "");
    return n == CODE_DIGITS;
}
