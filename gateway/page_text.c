/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Escaping, growing, and time in words. */
#include "gateway/page_text.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define MINUTE 60
#define HOUR (60 * MINUTE)
#define DAY (24 * HOUR)

static void append(struct page *p, const char *s, size_t n)
{
    if (p->failed)
        return;
    if (n >= PAGE_MAX - p->n) {
        p->failed = true;
        return;
    }
    if (p->n + n + 1 > p->size) {
        size_t size = (p->n + n + 1) * 2;
        char *bigger = realloc(p->v, size);
        if (!bigger) {
            p->failed = true;
            return;
        }
        p->v = bigger;
        p->size = size;
    }
    memcpy(p->v + p->n, s, n);
    p->n += n;
    p->v[p->n] = '\0';
}

void page_html(struct page *p, const char *ours) { append(p, ours, strlen(ours)); }

static const char *entity(char c)
{
    switch (c) {
    case '&':
        return "&amp;";
    case '<':
        return "&lt;";
    case '>':
        return "&gt;";
    case '"':
        return "&quot;";
    case '\'':
        return "&#39;";
    default:
        return NULL;
    }
}

/* Bytes of the character at s that must not be shown: C0, DEL, C1, line and paragraph separator,
 * and what turns the direction of writing. 0: show it. */
static size_t hidden(const unsigned char *s)
{
    if (*s < 0x20 || *s == 0x7f)
        return 1;
    if (*s == 0xc2 && s[1] >= 0x80 && s[1] <= 0x9f)
        return 2;
    if (*s != 0xe2)
        return 0;
    bool separator_or_embedding = s[1] == 0x80 && s[2] >= 0xa8 && s[2] <= 0xae;
    bool mark = s[1] == 0x80 && (s[2] == 0x8e || s[2] == 0x8f);
    bool isolate = s[1] == 0x81 && s[2] >= 0xa6 && s[2] <= 0xa9;
    return separator_or_embedding || mark || isolate ? 3 : 0;
}

void page_text(struct page *p, const char *s)
{
    while (s && *s != '\0') {
        const char *e = entity(*s);
        size_t skip = hidden((const unsigned char *)s);
        if (skip > 0)
            append(p, "\xef\xbf\xbd", 3);
        else if (e)
            page_html(p, e);
        else
            append(p, s, 1);
        s += skip > 0 ? skip : 1;
    }
}

void page_wrap(struct page *p, const char *before, const char *s, const char *after)
{
    page_html(p, before);
    page_text(p, s);
    page_html(p, after);
}

char *page_take(struct page *p, size_t *len)
{
    if (p->failed || !p->v) {
        free(p->v);
        return NULL;
    }
    *len = p->n;
    return p->v;
}

static int count(char *out, size_t size, int64_t n, const char *unit)
{
    return snprintf(out, size, "%lld %s%s", (long long)n, unit, n == 1 ? "" : "s");
}

static void two_units(int64_t seconds, int64_t large, const char *large_name, int64_t small,
                      const char *small_name, char out[PAGE_TIME_SIZE])
{
    int n = count(out, PAGE_TIME_SIZE, seconds / large, large_name);
    int64_t rest = seconds % large / small;
    if (rest > 0) {
        out[n] = ' ';
        count(out + n + 1, PAGE_TIME_SIZE - (size_t)n - 1, rest, small_name);
    }
}

const char *page_span(int64_t seconds, char out[PAGE_TIME_SIZE])
{
    if (seconds < MINUTE)
        snprintf(out, PAGE_TIME_SIZE, "less than a minute");
    else if (seconds < HOUR)
        count(out, PAGE_TIME_SIZE, seconds / MINUTE, "minute");
    else if (seconds < DAY)
        two_units(seconds, HOUR, "hour", MINUTE, "minute", out);
    else
        two_units(seconds, DAY, "day", HOUR, "hour", out);
    return out;
}

static int64_t day_of(int64_t local) { return local >= 0 ? local / DAY : (local - DAY + 1) / DAY; }

const char *page_time(int64_t at, const struct page_clock *c, char out[PAGE_TIME_SIZE])
{
    time_t local = (time_t)(at + c->utc_offset);
    struct tm tm;
    char day[32] = "", clock[16] = "";
    int64_t days = day_of(local) - day_of(c->now + c->utc_offset);
    if (!gmtime_r(&local, &tm))
        return strcpy(out, "?");
    strftime(clock, sizeof clock, "%H:%M", &tm);
    if (days == 1)
        snprintf(day, sizeof day, "tomorrow at ");
    else if (days == -1)
        snprintf(day, sizeof day, "yesterday at ");
    else if (days != 0)
        strftime(day, sizeof day, "%a %e %b at ", &tm);
    snprintf(out, PAGE_TIME_SIZE, "%s%s %.12s", day, clock, c->zone);
    return out;
}
