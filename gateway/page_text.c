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

void page_say_with(struct page *p, const char *before, enum text t, const char *after,
                   const char *const args[TEXT_ARGUMENTS])
{
    const char *s = text_of(t), *next;

    page_html(p, before);
    for (; (next = strchr(s, '{')); s = next + 3) {
        append(p, s, (size_t)(next - s));
        page_text(p, args[next[1] - '1']);
    }
    page_html(p, s);
    page_html(p, after);
}

const char *page_words(char *out, size_t size, enum text t, const char *one, const char *two,
                       const char *three)
{
    const char *const args[TEXT_ARGUMENTS] = {one, two, three};
    const char *s = text_of(t), *next;
    size_t n = 0;

    for (; n < size && (next = strchr(s, '{')); s = next + 3)
        n += (size_t)snprintf(out + n, size - n, "%.*s%s", (int)(next - s), s, args[next[1] - '1']);
    if (n < size)
        snprintf(out + n, size - n, "%s", s);
    return out;
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

static const char *count(char out[PAGE_TIME_SIZE], int64_t n, enum text one, enum text many)
{
    char digits[24];

    snprintf(digits, sizeof digits, "%lld", (long long)n);
    return page_words(out, PAGE_TIME_SIZE, n == 1 ? one : many, digits, NULL, NULL);
}

static const char *minutes(char out[PAGE_TIME_SIZE], int64_t n)
{
    return count(out, n, TEXT_ONE_MINUTE, TEXT_MINUTES);
}

static const char *hours(char out[PAGE_TIME_SIZE], int64_t n)
{
    return count(out, n, TEXT_ONE_HOUR, TEXT_HOURS);
}

static void and_rest(char out[PAGE_TIME_SIZE], const char *rest)
{
    size_t n = strlen(out);

    snprintf(out + n, PAGE_TIME_SIZE - n, " %s", rest);
}

const char *page_span(int64_t seconds, char out[PAGE_TIME_SIZE])
{
    char rest[PAGE_TIME_SIZE];

    if (seconds < MINUTE)
        return page_words(out, PAGE_TIME_SIZE, TEXT_LESS_THAN_A_MINUTE, NULL, NULL, NULL);
    if (seconds < HOUR)
        return minutes(out, seconds / MINUTE);
    if (seconds < DAY) {
        hours(out, seconds / HOUR);
        if (seconds % HOUR >= MINUTE)
            and_rest(out, minutes(rest, seconds % HOUR / MINUTE));
        return out;
    }
    count(out, seconds / DAY, TEXT_ONE_DAY, TEXT_DAYS);
    if (seconds % DAY >= HOUR)
        and_rest(out, hours(rest, seconds % DAY / HOUR));
    return out;
}

static int64_t day_of(int64_t local) { return local >= 0 ? local / DAY : (local - DAY + 1) / DAY; }

/* The i-th of words that blanks part. */
static const char *word(enum text list, int i, char out[PAGE_TIME_SIZE])
{
    const char *s = text_of(list);

    for (; i > 0 && *s != '\0'; s++)
        i -= *s == ' ';
    snprintf(out, PAGE_TIME_SIZE, "%.*s", (int)strcspn(s, " "), s);
    return out;
}

static const char *date(const struct tm *tm, char out[PAGE_TIME_SIZE])
{
    char weekday[PAGE_TIME_SIZE], day[16], month[PAGE_TIME_SIZE];

    snprintf(day, sizeof day, "%d", tm->tm_mday);
    return page_words(out, PAGE_TIME_SIZE, TEXT_DATE, word(TEXT_WEEKDAYS, tm->tm_wday, weekday),
                      day, word(TEXT_MONTHS, tm->tm_mon, month));
}

static enum text day_in_words(int64_t days)
{
    if (days == 0)
        return TEXT_TODAY_AT;
    if (days == 1)
        return TEXT_TOMORROW_AT;
    return days == -1 ? TEXT_YESTERDAY_AT : TEXT_DAY_AT;
}

const char *page_time(int64_t at, const struct page_clock *c, char out[PAGE_TIME_SIZE])
{
    time_t local = (time_t)(at + c->utc_offset);
    char clock[16] = "", zone[16], day[PAGE_TIME_SIZE];
    int64_t days = day_of(local) - day_of(c->now + c->utc_offset);
    struct tm tm;

    if (!gmtime_r(&local, &tm))
        return strcpy(out, "?");
    strftime(clock, sizeof clock, "%H:%M", &tm);
    snprintf(zone, sizeof zone, "%.12s", c->zone);
    return page_words(out, PAGE_TIME_SIZE, day_in_words(days), clock, zone, date(&tm, day));
}
