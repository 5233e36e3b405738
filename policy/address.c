/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Addresses, prefixes and keys as text and back, strictly: one text for one value where the
 * standards allow several, because these texts are keys in files, stores and logs.
 */
#include "policy/address.h"

#include <string.h>

/* ---- numbers ---------------------------------------------------------------------------- */

/* Decimal without sign, space or leading zero, at most max. */
static bool decimal(const char *s, size_t len, unsigned max, unsigned *out)
{
    unsigned v = 0;

    if (len == 0 || len > 3 || (len > 1 && s[0] == '0'))
        return false;
    for (size_t i = 0; i < len; i++) {
        if (s[i] < '0' || s[i] > '9')
            return false;
        v = v * 10 + (unsigned)(s[i] - '0');
    }
    if (v > max)
        return false;
    *out = v;
    return true;
}

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    if (c >= 'A' && c <= 'F')
        return c - 'A' + 10;
    return -1;
}

static size_t span_until(const char *s, size_t len, char stop)
{
    size_t n = 0;

    while (n < len && s[n] != stop)
        n++;
    return n;
}

/* ---- addresses -------------------------------------------------------------------------- */

static bool ip4_parse(const char *s, size_t len, struct ip_addr *out)
{
    struct ip_addr a = {.family = 4};
    size_t at = 0;

    for (int i = 0; i < 4; i++) {
        size_t n = span_until(s + at, len - at, '.');
        unsigned v;

        if (!decimal(s + at, n, 255, &v))
            return false;
        a.b[i] = (uint8_t)v;
        at += n;
        if (i < 3 && at++ >= len)
            return false;
    }
    if (at != len)
        return false;
    *out = a;
    return true;
}

static bool hex_group(const char *s, size_t len, unsigned *out)
{
    unsigned v = 0;

    if (len == 0 || len > 4)
        return false;
    for (size_t i = 0; i < len; i++) {
        int d = hex_digit(s[i]);

        if (d < 0)
            return false;
        v = v << 4 | (unsigned)d;
    }
    *out = v;
    return true;
}

/* Reads groups of 16 bits separated by single colons; -1, or how many. */
static int hex_groups(const char *s, size_t len, uint16_t out[8])
{
    size_t at = 0;
    int n = 0;

    if (len == 0)
        return 0;
    for (;;) {
        size_t g = span_until(s + at, len - at, ':');
        unsigned v;

        if (n == 8 || !hex_group(s + at, g, &v))
            return -1;
        out[n++] = (uint16_t)v;
        at += g;
        if (at == len)
            return n;
        at++;
    }
}

/* Where "::" begins, or len. */
static size_t find_gap(const char *s, size_t len)
{
    for (size_t i = 0; i + 1 < len; i++)
        if (s[i] == ':' && s[i + 1] == ':')
            return i;
    return len;
}

static bool is_v4_mapped(const uint8_t b[16])
{
    static const uint8_t mapped[12] = {[10] = 0xff, [11] = 0xff};

    return memcmp(b, mapped, sizeof mapped) == 0;
}

static bool ip6_parse(const char *s, size_t len, struct ip_addr *out)
{
    uint16_t head[8], tail[8];
    struct ip_addr a = {.family = 6};
    size_t gap = find_gap(s, len);
    bool has_gap = gap < len;
    int n_head = hex_groups(s, gap, head);
    int n_tail = has_gap ? hex_groups(s + gap + 2, len - gap - 2, tail) : 0;

    if (n_head < 0 || n_tail < 0 || (has_gap ? n_head + n_tail > 7 : n_head != 8))
        return false;
    for (int i = 0; i < n_head; i++) {
        a.b[2 * i] = (uint8_t)(head[i] >> 8);
        a.b[2 * i + 1] = (uint8_t)head[i];
    }
    for (int i = 0; i < n_tail; i++) {
        a.b[16 - 2 * (n_tail - i)] = (uint8_t)(tail[i] >> 8);
        a.b[17 - 2 * (n_tail - i)] = (uint8_t)tail[i];
    }
    if (is_v4_mapped(a.b))
        return false;
    *out = a;
    return true;
}

bool ip_parse(const char *s, size_t len, struct ip_addr *out)
{
    if (len >= ADDR_TEXT)
        return false;
    return span_until(s, len, ':') < len ? ip6_parse(s, len, out) : ip4_parse(s, len, out);
}

bool prefix_parse(const char *s, size_t len, struct ip_prefix *out)
{
    size_t slash = span_until(s, len, '/');
    struct ip_addr a;
    unsigned bits;

    if (slash == len || !ip_parse(s, slash, &a))
        return false;
    if (!decimal(s + slash + 1, len - slash - 1, a.family == 4 ? 32 : 128, &bits))
        return false;
    *out = (struct ip_prefix){a, (uint8_t)bits};
    return true;
}

/* ---- printing --------------------------------------------------------------------------- */

static char *put_number(char *at, unsigned v, unsigned base)
{
    static const char digits[] = "0123456789abcdef";
    char tmp[8];
    int n = 0;

    do
        tmp[n++] = digits[v % base];
    while ((v /= base) != 0);
    while (n > 0)
        *at++ = tmp[--n];
    return at;
}

static const char *ip4_print(const struct ip_addr *a, char out[ADDR_TEXT])
{
    char *at = out;

    for (int i = 0; i < 4; i++) {
        if (i > 0)
            *at++ = '.';
        at = put_number(at, a->b[i], 10);
    }
    *at = '\0';
    return out;
}

static unsigned group_of(const struct ip_addr *a, int i)
{
    return (unsigned)a->b[2 * i] << 8 | a->b[2 * i + 1];
}

/* RFC 5952 4.2: the longest run of at least two zero groups, the first of equals. */
static int longest_zeros(const struct ip_addr *a, int *length)
{
    int best = -1, best_len = 1;

    for (int i = 0; i < 8; i++) {
        int n = 0;

        while (i + n < 8 && group_of(a, i + n) == 0)
            n++;
        if (n > best_len) {
            best = i;
            best_len = n;
        }
    }
    *length = best_len;
    return best;
}

static const char *ip6_print(const struct ip_addr *a, char out[ADDR_TEXT])
{
    int gap_len, gap = longest_zeros(a, &gap_len);
    char *at = out;

    for (int i = 0; i < 8; i++) {
        if (i == gap) {
            *at++ = ':';
            *at++ = ':';
            i += gap_len - 1;
            continue;
        }
        if (i > 0 && at[-1] != ':')
            *at++ = ':';
        at = put_number(at, group_of(a, i), 16);
    }
    *at = '\0';
    return out;
}

const char *ip_print(const struct ip_addr *a, char out[ADDR_TEXT])
{
    out[0] = '\0';
    if (a->family == 4)
        return ip4_print(a, out);
    return a->family == 6 ? ip6_print(a, out) : out;
}

/* ---- order and containment -------------------------------------------------------------- */

static size_t family_bytes(uint8_t family) { return family == 4 ? 4 : 16; }

int ip_cmp(const struct ip_addr *a, const struct ip_addr *b)
{
    if (a->family != b->family)
        return a->family < b->family ? -1 : 1;
    return memcmp(a->b, b->b, family_bytes(a->family));
}

struct ip_addr ip_owner(const struct ip_addr *a)
{
    struct ip_addr out = *a;

    if (out.family == 6)
        memset(out.b + 8, 0, 8);
    return out;
}

bool ip_in_range(const struct ip_addr *a, const struct ip_range *r)
{
    return ip_cmp(a, &r->first) >= 0 && ip_cmp(a, &r->last) <= 0;
}

struct ip_range prefix_range(const struct ip_prefix *p)
{
    struct ip_range r = {p->addr, p->addr};
    size_t bytes = family_bytes(p->addr.family);

    for (size_t i = 0; i < bytes; i++) {
        unsigned kept = p->len >= 8 * (i + 1) ? 8 : p->len <= 8 * i ? 0 : p->len - 8 * (unsigned)i;
        unsigned host = 0xffu >> kept;

        r.first.b[i] &= (uint8_t)~host;
        r.last.b[i] |= (uint8_t)host;
    }
    return r;
}

bool ip_in_prefix(const struct ip_addr *a, const struct ip_prefix *p)
{
    struct ip_range r = prefix_range(p);

    return ip_in_range(a, &r);
}

bool ip_next(struct ip_addr *a)
{
    struct ip_addr next = *a;

    for (size_t i = family_bytes(a->family); i-- > 0;)
        if (++next.b[i] != 0) {
            *a = next;
            return true;
        }
    return false;
}

/* ---- keys ------------------------------------------------------------------------------- */

static const char base64[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

static int base64_value(char c)
{
    const char *at = c ? strchr(base64, c) : NULL;

    return at ? (int)(at - base64) : -1;
}

/* 43 digits carry 258 bits: the last two must be zero, else two texts would name one key. */
bool wg_key_parse(const char *s, size_t len, struct wg_key *out)
{
    struct wg_key k;
    unsigned bits = 0, have = 0;
    size_t n = 0;

    if (len != 44 || s[43] != '=')
        return false;
    for (size_t i = 0; i < 43; i++) {
        int v = base64_value(s[i]);

        if (v < 0)
            return false;
        bits = (bits << 6 | (unsigned)v) & 0xffff;
        have += 6;
        if (have >= 8) {
            have -= 8;
            k.b[n++] = (uint8_t)(bits >> have);
        }
    }
    if (bits & 3)
        return false;
    *out = k;
    return true;
}

const char *wg_key_print(const struct wg_key *k, char out[KEY_TEXT])
{
    unsigned bits = 0, have = 0;
    size_t n = 0;

    for (size_t i = 0; i < sizeof k->b; i++) {
        bits = (bits << 8 | k->b[i]) & 0xffff;
        have += 8;
        while (have >= 6) {
            have -= 6;
            out[n++] = base64[bits >> have & 63];
        }
    }
    out[n++] = base64[bits << (6 - have) & 63];
    out[n++] = '=';
    out[n] = '\0';
    return out;
}

/* Takes the same time wherever the first difference is: the texts of secrets pass here too. */
bool wg_key_equal(const struct wg_key *a, const struct wg_key *b)
{
    unsigned differ = 0;

    for (size_t i = 0; i < sizeof a->b; i++)
        differ |= (unsigned)(a->b[i] ^ b->b[i]);
    return differ == 0;
}
