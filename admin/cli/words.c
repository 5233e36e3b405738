/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The words that verbs take: dates, durations, destinations. Strict, no I/O.
 */
#include "admin/cli/call.h"

#include "admin/cli/term.h"
#include "policy/address.h"
#include "policy/zone.h"

#include <string.h>
#include <time.h>

enum cli_exit complain_usage(const char *what, const char *word, const char *hint)
{
    char safe[TERM_SAFE];
    fprintf(stderr, "portcullis: %s '%s'\n", what, term_safe(word, safe));
    if (hint)
        fprintf(stderr, "  hint: %s\n", hint);
    return CLI_USAGE;
}

/* ---- what an option may be ------------------------------------------------------------------ */

bool word_choice(const struct cli *c, const char *option, const char *list)
{
    const char *v = cli_option(c, option);
    char hint[128];
    size_t n = v ? strlen(v) : 0;
    for (const char *p = list; v && *p; p += strcspn(p, " "), p += *p == ' ')
        if (n > 0 && strncmp(p, v, n) == 0 && (p[n] == ' ' || p[n] == 0))
            return true;
    snprintf(hint, sizeof hint, "%s is one of: %s", option, list);
    if (v)
        complain_usage("this is none of the choices:", v, hint);
    return !v;
}

bool word_count(const struct cli *c, const char *option, int64_t most)
{
    const char *v = cli_option(c, option);
    char hint[64];
    int64_t n = 0;
    for (const char *p = v; v && *p; p++)
        n = *p >= '0' && *p <= '9' && n >= 0 && n <= most ? n * 10 + (*p - '0') : -1;
    if (!v || (n >= 1 && n <= most))
        return true;
    snprintf(hint, sizeof hint, "%s is a number from 1 to %lld", option, (long long)most);
    complain_usage("this is no such number:", v, hint);
    return false;
}

/* ---- times ---------------------------------------------------------------------------------- */

/* Exactly n digits. */
static bool digits(const char **s, size_t n, int *out)
{
    *out = 0;
    for (; n > 0; n--, (*s)++) {
        if (**s < '0' || **s > '9')
            return false;
        *out = *out * 10 + (**s - '0');
    }
    return true;
}

static bool skip(const char **s, char c)
{
    if (**s != c)
        return false;
    (*s)++;
    return true;
}

static bool parse_clock(const char **s, int64_t *seconds)
{
    int h, m, sec = 0;
    if (!skip(s, 'T') || !digits(s, 2, &h) || !skip(s, ':') || !digits(s, 2, &m))
        return false;
    if (**s == ':' && (!skip(s, ':') || !digits(s, 2, &sec)))
        return false;
    *seconds = h * 3600 + m * 60 + sec;
    return h < 24 && m < 60 && sec < 60;
}

/* That time by this machine's clock, as all times are shown. */
static bool local_date(int y, int m, int d, int64_t clock, int64_t *out)
{
    struct tm tm = {.tm_year = y - 1900, .tm_mon = m - 1, .tm_mday = d,
                    .tm_hour = (int)(clock / 3600), .tm_min = (int)(clock / 60 % 60),
                    .tm_sec = (int)(clock % 60), .tm_isdst = -1};
    *out = mktime(&tm);
    return *out != -1;
}

bool word_duration(const char *s, int64_t *out)
{
    int64_t v = 0;
    const char *p = s;
    for (; *p >= '0' && *p <= '9'; p++) {
        v = v * 10 + (*p - '0');
        if (v > INT32_MAX)
            return false;
    }
    if (p == s || v == 0 || (*p && p[1]))
        return false;
    switch (*p) {
    case 0:
    case 's': break;
    case 'm': v *= 60; break;
    case 'h': v *= 3600; break;
    case 'd': v *= 86400; break;
    default: return false;
    }
    *out = v;
    return true;
}

bool word_date(const char *s, int64_t now, int64_t *out)
{
    int y, m, d;
    int64_t span, clock = 0;
    if (*s == '+' || *s == '-') {
        if (!word_duration(s + 1, &span))
            return false;
        *out = *s == '+' ? now + span : now - span;
        return true;
    }
    if (!digits(&s, 4, &y) || !skip(&s, '-') || !digits(&s, 2, &m) || !skip(&s, '-') ||
        !digits(&s, 2, &d) || !civil_valid(y, m, d) || (*s && !parse_clock(&s, &clock)))
        return false;
    if (!*s)
        return local_date(y, m, d, clock, out);
    if (strcmp(s, "Z") != 0)
        return false;
    *out = civil_days(y, m, d) * 86400 + clock;
    return true;
}

/* ---- destinations --------------------------------------------------------------------------- */

static bool keep(char *out, size_t size, const char *s, size_t n)
{
    if (n == 0 || n >= size)
        return false;
    memcpy(out, s, n);
    out[n] = 0;
    return true;
}

static bool parse_port(const char *s, size_t n, char out[6])
{
    int v = 0;
    for (size_t i = 0; i < n && i < 6; i++)
        v = s[i] >= '0' && s[i] <= '9' ? v * 10 + (s[i] - '0') : 100000;
    return n > 0 && n < 6 && !(n > 1 && s[0] == '0') && v <= 65535 && keep(out, 6, s, n);
}

static bool parse_proto(const char *s, char out[16])
{
    for (const char *p = s; *p; p++)
        if (!(*p >= 'a' && *p <= 'z') && !(*p >= '0' && *p <= '9'))
            return false;
    return keep(out, 16, s, strlen(s));
}

static bool is_name(const char *s, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (!(s[i] >= 'a' && s[i] <= 'z') && !(s[i] >= '0' && s[i] <= '9') &&
            (i == 0 || !strchr("._-", s[i])))
            return false;
    return n > 0;
}

/* "[v6]" with or without ":port". */
static bool parse_bracketed(const char *s, size_t n, struct destination *out)
{
    struct ip_addr a;
    const char *close = memchr(s, ']', n);
    if (!close || !ip_parse(s + 1, (size_t)(close - s) - 1, &a) || a.family != 6)
        return false;
    size_t rest = n - (size_t)(close - s) - 1;
    return keep(out->to, sizeof out->to, s + 1, (size_t)(close - s) - 1) &&
           (rest == 0 || (close[1] == ':' && parse_port(close + 2, rest - 1, out->port)));
}

/* An address is reached at a port unless its protocol is said and has none; a resource may speak
 * for itself. */
static bool enough_said(const struct destination *d)
{
    static const char *const with_ports[] = {"tcp", "udp", "sctp", "dccp", "udplite"};
    struct ip_addr a;
    if (*d->port || !ip_parse(d->to, strlen(d->to), &a))
        return true;
    for (size_t i = 0; i < sizeof with_ports / sizeof with_ports[0]; i++)
        if (strcmp(d->proto, with_ports[i]) == 0)
            return false;
    return *d->proto != 0;
}

static bool read_destination(const char *s, struct destination *out)
{
    struct ip_addr a;
    const char *slash = strchr(s, '/');
    size_t n = slash ? (size_t)(slash - s) : strlen(s);

    *out = (struct destination){0};
    if (n == 0 || (slash && !parse_proto(slash + 1, out->proto)))
        return false;
    if (s[0] == '[')
        return parse_bracketed(s, n, out);
    if (ip_parse(s, n, &a))
        return keep(out->to, sizeof out->to, s, n);
    const char *colon = memchr(s, ':', n);
    size_t host = colon ? (size_t)(colon - s) : n;
    if (colon && !parse_port(colon + 1, n - host - 1, out->port))
        return false;
    if (ip_parse(s, host, &a))
        return keep(out->to, sizeof out->to, s, host);
    /* Four numbers that are no address are a slip, not a name. */
    return strspn(s, "0123456789.") < host && is_name(s, host) &&
           keep(out->to, sizeof out->to, s, host);
}

bool word_destination(const char *s, struct destination *out)
{
    return read_destination(s, out) && enough_said(out);
}
