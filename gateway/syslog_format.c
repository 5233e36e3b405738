/* SPDX-License-Identifier: GPL-2.0-or-later */
/* RFC 5424 lines; and texts made harmless for any record. */
#include "gateway/syslog_format.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "gateway/ecs.h"
#include "policy/address.h"
#include "policy/utf8.h"

#define PRI_AUTHPRIV_WARNING 84    /* 10 * 8 + 4 */
#define PEN "32473"
#define REPLACEMENT "\xef\xbf\xbd"
#define BOM "\xef\xbb\xbf"

/* ---- texts ---------------------------------------------------------------------------------- */

static bool harmless(uint32_t c)
{
    if (c < 0x20 || (c >= 0x7f && c < 0xa0) || c == 0xfeff)
        return false;
    return !(c >= 0x200b && c <= 0x200f) && !(c >= 0x2028 && c <= 0x202e) &&
           !(c >= 0x2060 && c <= 0x206f) && c != 0x061c;
}

const char *text_clean(const char *s, char *out, size_t size)
{
    const uint8_t *p = (const uint8_t *)s;
    size_t left = strlen(s), n = 0;
    uint32_t c = 0;

    while (left > 0) {
        size_t len = utf8_char(p, left, &c), used = len ? len : 1;
        const void *from = len && harmless(c) ? (const void *)p : REPLACEMENT;
        size_t bytes = from == p ? len : sizeof REPLACEMENT - 1;
        if (n + bytes >= size)
            break;
        memcpy(out + n, from, bytes);
        n += bytes;
        p += used;
        left -= used;
    }
    out[n] = '\0';
    return out;
}

/* ---- the line ------------------------------------------------------------------------------- */

struct line { char *s; size_t n; };

__attribute__((format(printf, 2, 3))) static void addf(struct line *l, const char *fmt, ...)
{
    va_list args;

    va_start(args, fmt);
    int n = vsnprintf(l->s + l->n, SYSLOG_LINE - l->n, fmt, args);
    va_end(args);
    l->n = n > 0 && (size_t)n < SYSLOG_LINE - l->n ? l->n + (size_t)n : SYSLOG_LINE - 1;
}

static void add_char(struct line *l, char c)
{
    if (l->n + 1 < SYSLOG_LINE)
        l->s[l->n++] = c;
    l->s[l->n] = '\0';
}

/* ` name="value"`; nothing when there is no value. */
static void param(struct line *l, const char *name, const char *value)
{
    char clean[3 * ACTOR_SIZE];

    if (!value || !value[0])
        return;
    addf(l, " %s=\"", name);
    for (const char *p = text_clean(value, clean, sizeof clean); *p; p++) {
        if (*p == '"' || *p == '\\' || *p == ']')
            add_char(l, '\\');
        add_char(l, *p);
    }
    add_char(l, '"');
}

static void number(struct line *l, const char *name, uint64_t n)
{
    if (n)
        addf(l, " %s=\"%llu\"", name, (unsigned long long)n);
}

static void address(struct line *l, const char *name, const struct ip_addr *a)
{
    char s[ADDR_TEXT];

    if (a->family)
        param(l, name, ip_print(a, s));
}

static void when(struct line *l, const char *name, struct wall t)
{
    char s[TIME_TEXT];

    param(l, name, time_text(t, s));
}

static void params(struct line *l, const struct attempt *a)
{
    char proto[8];

    param(l, "kind", attempt_kind_name(a->kind));
    param(l, "user", a->user);
    param(l, a->kind == ATTEMPT_KNOCK ? "key" : "actor", a->actor);
    param(l, "device", a->device);
    param(l, "role", a->role);
    address(l, "src", &a->source);
    address(l, "dst", &a->destination);
    if (a->kind == ATTEMPT_PACKET)
        param(l, "proto", proto_name(a->proto, proto));
    number(l, "port", a->port);
    param(l, "resource", a->resource);
    param(l, "code", code_id((enum refusal_code)a->code));
    param(l, "why", attempt_why_name(a));
    if (a->ended.s)
        when(l, "ended", a->ended);
    number(l, "count", a->count);
    when(l, "first", a->first);
    when(l, "last", a->last);
}

/* HOSTNAME and MSGID hold printable ASCII only (6): a name of ours does, "-" stands for none. */
static const char *word(const char *s, char out[NAME_SIZE])
{
    size_t n = 0;

    for (; s[n] && n + 1 < NAME_SIZE; n++)
        out[n] = s[n] > 0x20 && s[n] < 0x7f ? s[n] : '_';
    out[n] = '\0';
    return n ? out : "-";
}

static void message(struct line *l, const struct attempt *a)
{
    char said[ATTEMPT_TEXT], clean[ATTEMPT_TEXT];
    bool ascii = true;

    for (const char *p = text_clean(attempt_text(a, said), clean, sizeof clean); *p; p++)
        ascii = ascii && !((unsigned char)*p & 0x80);
    addf(l, " %s%s", ascii ? "" : BOM, clean);
}

size_t syslog_attempt(const char *gateway, const struct attempt *a, uint64_t seq,
                      char out[SYSLOG_LINE])
{
    char stamp[TIME_TEXT], host[NAME_SIZE], id[NAME_SIZE];
    struct line l = {.s = out};

    addf(&l, "<%d>1 %s %s portcullisd - %.32s [attempt@" PEN, PRI_AUTHPRIV_WARNING,
         time_text(a->last, stamp), word(gateway, host), word(attempt_reason_name(a), id));
    number(&l, "id", (uint64_t)a->id);
    number(&l, "seq", seq);
    params(&l, a);
    add_char(&l, ']');
    message(&l, a);
    return l.n;
}

size_t syslog_frame(size_t n, char out[24]) { return (size_t)snprintf(out, 24, "%zu ", n); }
