/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Words to values, strictly: what is not wholly a number, a duration, an address is an error that
 * says which part is wrong. No reader here ever takes the beginning of a word for the whole.
 */
#include <stdio.h>
#include <string.h>

#include "policy/address.h"
#include "policy/lang.h"

/* ---- numbers ------------------------------------------------------------------------------ */

bool number_read(const char *s, size_t len, int64_t *out)
{
    int64_t v = 0;

    if (len == 0 || len > 15 || (len > 1 && s[0] == '0'))
        return false;
    for (size_t i = 0; i < len; i++) {
        if (s[i] < '0' || s[i] > '9')
            return false;
        v = v * 10 + (s[i] - '0');
    }
    *out = v;
    return true;
}

static bool number_token(struct parser *p, const struct token *t, size_t len, const char *what,
                         int64_t min, int64_t max, int64_t *out)
{
    char shown[QUOTED];

    if (!number_read(t->s, len, out))
        return parse_fail_at(p, t, "", "'%s' is not a number", diag_quote(t->s, t->len, shown));
    if (*out < min || *out > max)
        return parse_fail_at(p, t, "", "%s must be %lld to %lld", what, (long long)min,
                             (long long)max);
    return true;
}

bool parse_number(struct parser *p, const char *what, int64_t min, int64_t max, int64_t *out)
{
    struct token t = p->tok;

    if (t.kind != TOK_WORD)
        return parse_fail(p, "", "%s expected", what);
    if (!number_token(p, &t, t.len, what, min, max, out))
        return false;
    parse_advance(p);
    return true;
}

static size_t find_byte(const char *s, size_t len, char c)
{
    const char *at = memchr(s, c, len);

    return at ? (size_t)(at - s) : len;
}

bool parse_ports(struct parser *p, uint16_t *first, uint16_t *last)
{
    struct token t = p->tok;
    size_t dash = find_byte(t.s, t.len, '-');
    struct token low = t, high = t;
    int64_t from, to;

    if (t.kind != TOK_WORD || t.s[0] < '0' || t.s[0] > '9')
        return parse_fail(p, "", "a port (1-65535) expected");
    low.len = dash;
    if (dash < t.len) {
        high.s += dash + 1;
        high.len -= dash + 1;
        high.pos.col += (int)dash + 1;
    }
    if (!number_token(p, &low, low.len, "a port", 1, 65535, &from) ||
        !number_token(p, &high, high.len, "a port", 1, 65535, &to))
        return false;
    if (from > to)
        return parse_fail_at(p, &t, "write the lower port first", "this range of ports is empty");
    *first = (uint16_t)from;
    *last = (uint16_t)to;
    parse_advance(p);
    return true;
}

/* ---- time --------------------------------------------------------------------------------- */

static int64_t unit_seconds(char c)
{
    switch (c) {
    case 's':
        return 1;
    case 'm':
        return 60;
    case 'h':
        return 3600;
    case 'd':
        return 86400;
    case 'w':
        return 604800;
    default:
        return 0;
    }
}

static void duration_text(int64_t s, char out[24])
{
    static const struct {
        int64_t seconds;
        char unit;
    } units[] = {{86400, 'd'}, {3600, 'h'}, {60, 'm'}, {1, 's'}};
    size_t i = 0;

    while (s % units[i].seconds != 0)
        i++;
    snprintf(out, 24, "%lld%c", (long long)(s / units[i].seconds), units[i].unit);
}

bool parse_duration(struct parser *p, const char *what, int64_t min, int64_t max, struct span *out)
{
    static const char hint[] = "a number and one of s m h d w: 90s, 15m, 12h, 7d, 2w";
    struct token t = p->tok;
    char shown[QUOTED], low[24], high[24];
    int64_t n, unit;

    if (t.kind != TOK_WORD)
        return parse_fail(p, hint, "%s expected", what);
    unit = unit_seconds(t.s[t.len - 1]);
    if (unit == 0 || !number_read(t.s, t.len - 1, &n))
        return parse_fail_at(p, &t, hint, "'%s' is not a duration", diag_quote(t.s, t.len, shown));
    if (n > max / unit || n * unit < min) {
        duration_text(min, low);
        duration_text(max, high);
        return parse_fail_at(p, &t, "", "%s must be %s to %s", what, low, high);
    }
    out->s = n * unit;
    parse_advance(p);
    return true;
}

static bool digits_read(const char *s, size_t len, int *out)
{
    *out = 0;
    for (size_t i = 0; i < len; i++) {
        if (s[i] < '0' || s[i] > '9')
            return false;
        *out = *out * 10 + (s[i] - '0');
    }
    return true;
}

bool parse_date(struct parser *p, int64_t *seconds)
{
    struct token t = p->tok;
    char shown[QUOTED];
    int y, m, d;

    if (t.kind != TOK_WORD)
        return parse_fail(p, "", "a date (YYYY-MM-DD) expected");
    if (t.len != 10 || t.s[4] != '-' || t.s[7] != '-' || !digits_read(t.s, 4, &y) ||
        !digits_read(t.s + 5, 2, &m) || !digits_read(t.s + 8, 2, &d) || y < 1970 ||
        !civil_valid(y, m, d))
        return parse_fail_at(p, &t, "dates are written YYYY-MM-DD", "'%s' is not a date",
                             diag_quote(t.s, t.len, shown));
    *seconds = civil_days(y, m, d) * 86400;
    parse_advance(p);
    return true;
}

/* ---- names and texts ---------------------------------------------------------------------- */

static bool name_byte(char c, bool first)
{
    if ((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9'))
        return true;
    return !first && (c == '.' || c == '_' || c == '-');
}

bool parse_name(struct parser *p, const char *what, char out[NAME_SIZE])
{
    struct token t = p->tok;
    char shown[QUOTED];

    if (t.kind != TOK_WORD)
        return parse_fail(p, "", "the name of %s expected", what);
    if (t.len >= NAME_SIZE)
        return parse_fail_at(p, &t, "", "a name has at most %d characters", NAME_SIZE - 1);
    for (size_t i = 0; i < t.len; i++)
        if (!name_byte(t.s[i], i == 0))
            return parse_fail_at(p, &t, "small letters, digits, and . _ - after the first",
                                 "'%s' is not a name", diag_quote(t.s, t.len, shown));
    memcpy(out, t.s, t.len);
    out[t.len] = '\0';
    parse_advance(p);
    return true;
}

bool parse_string(struct parser *p, const char *what, char *out, size_t size)
{
    struct token t = p->tok;
    size_t at = 0, n = 0;

    if (t.kind != TOK_STRING)
        return parse_fail(p, "", "%s in quotes expected", what);
    while (at < t.len) {
        if (t.s[at] == '\\' && at + 1 < t.len && (t.s[at + 1] == '"' || t.s[at + 1] == '\\'))
            at++;
        size_t bytes = printable_utf8(t.s + at, t.len - at);
        if (bytes == 0)
            return parse_fail_at(p, &t, "", "%s holds a control character or is not UTF-8", what);
        if (n + bytes >= size)
            return parse_fail_at(p, &t, "", "%s has at most %zu bytes", what, size - 1);
        memcpy(out + n, t.s + at, bytes);
        n += bytes;
        at += bytes;
    }
    out[n] = '\0';
    parse_advance(p);
    return true;
}

/* ---- addresses ---------------------------------------------------------------------------- */

bool looks_like_address(const struct token *t)
{
    return t->kind == TOK_WORD && ((t->s[0] >= '0' && t->s[0] <= '9') || t->s[0] == ':' ||
                                   memchr(t->s, ':', t->len) != NULL);
}

/* Which of the usual slips is it? */
static const char *address_hint(const struct token *t)
{
    unsigned long dots = 0;
    int64_t n;

    if (memchr(t->s, '[', t->len))
        return "an address without brackets";
    for (size_t i = 0, part = 0; i <= t->len; i++)
        if (i == t->len || t->s[i] == '.' || t->s[i] == '/' || t->s[i] == '-') {
            if (number_read(t->s + part, i - part, &n) && n > 255)
                return "each part of an IPv4 address is 0 to 255";
            if (i > part + 1 && t->s[part] == '0')
                return "no leading zeros";
            dots += i < t->len && t->s[i] == '.';
            part = i + 1;
        }
    if (memchr(t->s, ':', t->len))
        return "like fd20::10, fd20::/64 or fd20::1-fd20::9 (no IPv4 inside)";
    return dots == 3 || memchr(t->s, '/', t->len) ? "like 10.20.0.9 or 10.20.0.0/24"
                                                  : "an IPv4 address has four parts";
}

static bool bad_address(struct parser *p, const struct token *t, const char *hint)
{
    char shown[QUOTED];

    return parse_fail_at(p, t, hint, "'%s' is not an address", diag_quote(t->s, t->len, shown));
}

static bool range_of_prefix(struct parser *p, const struct token *t, struct ip_range *out)
{
    struct ip_prefix prefix;
    char shown[QUOTED], net[ADDR_TEXT], hint[96];

    if (!prefix_parse(t->s, t->len, &prefix))
        return bad_address(p, t, address_hint(t));
    *out = prefix_range(&prefix);
    if (ip_cmp(&out->first, &prefix.addr) == 0)
        return true;
    snprintf(hint, sizeof hint, "the network is %s/%u", ip_print(&out->first, net), prefix.len);
    return parse_fail_at(p, t, hint, "'%s' has bits set beyond its prefix",
                         diag_quote(t->s, t->len, shown));
}

static bool range_of_two(struct parser *p, const struct token *t, size_t dash, struct ip_range *out)
{
    const char *high = t->s + dash + 1;
    size_t high_len = t->len - dash - 1;
    int64_t n;

    if (!ip_parse(t->s, dash, &out->first))
        return bad_address(p, t, address_hint(t));
    if (!ip_parse(high, high_len, &out->last))
        return bad_address(p, t,
                           number_read(high, high_len, &n)
                               ? "write both ends in full: 10.20.0.30-10.20.0.39"
                               : address_hint(t));
    if (out->first.family != out->last.family)
        return parse_fail_at(p, t, "", "a range has both ends in IPv4 or both in IPv6");
    if (ip_cmp(&out->first, &out->last) > 0)
        return parse_fail_at(p, t, "write the lower address first",
                             "this range of addresses is empty");
    return true;
}

bool parse_range(struct parser *p, struct ip_range *out)
{
    struct token t = p->tok;
    size_t dash = find_byte(t.s, t.len, '-');
    bool ok;

    if (t.kind != TOK_WORD)
        return parse_fail(p, "", "an address expected");
    if (memchr(t.s, '/', t.len))
        ok = range_of_prefix(p, &t, out);
    else if (dash < t.len)
        ok = range_of_two(p, &t, dash, out);
    else if ((ok = ip_parse(t.s, t.len, &out->first)))
        out->last = out->first;
    else
        ok = bad_address(p, &t, address_hint(&t));
    if (ok)
        parse_advance(p);
    return ok;
}
