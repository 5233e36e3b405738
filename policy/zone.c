/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * TZif (RFC 8536) from bytes, and what it says about a moment: the table of changes, and after
 * its end the POSIX TZ string of the footer.
 *
 * Zones that count leap seconds ("right/...") are refused: our times do not.
 */
#include "policy/zone.h"

#include <stdlib.h>
#include <string.h>

#define HEADER_BYTES 44
#define CHANGES_MAX 8192
#define OFFSET_MAX (26 * 3600)
#define DAY 86400

/* ---- the parsed zone ---------------------------------------------------------------------- */

enum rule_kind { RULE_JULIAN, RULE_DAY, RULE_MONTH }; /* Jn, n, Mm.w.d of POSIX TZ */

struct rule {
    enum rule_kind kind;
    int month, week, day;
    int32_t time;
};

/* "CST6CDT,M3.2.0,M11.1.0": offsets are east of UTC here. */
struct footer {
    bool present, has_dst;
    int32_t std, dst;
    struct rule to_dst, to_std;
};

struct zone {
    int64_t *at;     /* moments of change, ascending */
    int32_t *offset; /* from that moment on */
    size_t n;
    int32_t before; /* until the first change */
    struct footer footer;
};

/* ---- civil dates -------------------------------------------------------------------------- */

static bool leap_year(int64_t y) { return y % 4 == 0 && (y % 100 != 0 || y % 400 == 0); }

static int month_days(int64_t year, int month)
{
    static const int days[13] = {0, 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};

    return days[month] + (month == 2 && leap_year(year));
}

bool civil_valid(int year, int month, int day)
{
    return year >= 1 && year <= 9999 && month >= 1 && month <= 12 && day >= 1 &&
           day <= month_days(year, month);
}

static int64_t floor_div(int64_t a, int64_t b) { return a / b - (a % b < 0); }

/* Years are counted from March, so that the leap day is the last of its year. */
int64_t civil_days(int year, int month, int day)
{
    int64_t y = (int64_t)year - (month <= 2), era = floor_div(y, 400), of_era = y - era * 400;
    int64_t of_year = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;

    return era * 146097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719468;
}

static int64_t year_of(int64_t days)
{
    int64_t z = days + 719468, era = floor_div(z, 146097), doe = z - era * 146097;
    int64_t yoe = (doe - doe / 1460 + doe / 36524 - doe / 146096) / 365;
    int64_t doy = doe - (365 * yoe + yoe / 4 - yoe / 100);

    return yoe + era * 400 + (doy >= 306);
}

/* ---- the footer's rules ------------------------------------------------------------------- */

struct text {
    const char *s, *end;
};

static bool take(struct text *t, char c)
{
    if (t->s == t->end || *t->s != c)
        return false;
    t->s++;
    return true;
}

static bool take_int(struct text *t, int max, int *out)
{
    int v = 0, digits = 0;

    while (t->s < t->end && *t->s >= '0' && *t->s <= '9' && digits < 4) {
        v = v * 10 + (*t->s++ - '0');
        digits++;
    }
    *out = v;
    return digits > 0 && v <= max;
}

/* "CST" or "<+03>": at least three characters. */
static bool take_abbreviation(struct text *t)
{
    bool quoted = take(t, '<');
    int n = 0;

    for (; t->s < t->end; t->s++, n++) {
        bool letter = (*t->s >= 'a' && *t->s <= 'z') || (*t->s >= 'A' && *t->s <= 'Z');
        bool more = (*t->s >= '0' && *t->s <= '9') || *t->s == '+' || *t->s == '-';

        if (!letter && !(quoted && more))
            break;
    }
    return n >= 3 && (!quoted || take(t, '>'));
}

/* [+-]hh[:mm[:ss]] in seconds. */
static bool take_time(struct text *t, int max_hours, int32_t *out)
{
    bool negative = take(t, '-');
    int h, m = 0, s = 0;

    if (!negative)
        take(t, '+');
    if (!take_int(t, max_hours, &h))
        return false;
    if (take(t, ':') && (!take_int(t, 59, &m) || (take(t, ':') && !take_int(t, 59, &s))))
        return false;
    *out = (negative ? -1 : 1) * (h * 3600 + m * 60 + s);
    return true;
}

static bool take_date(struct text *t, struct rule *r)
{
    if (take(t, 'J')) {
        r->kind = RULE_JULIAN;
        return take_int(t, 365, &r->day) && r->day >= 1;
    }
    if (!take(t, 'M')) {
        r->kind = RULE_DAY;
        return take_int(t, 365, &r->day);
    }
    r->kind = RULE_MONTH;
    return take_int(t, 12, &r->month) && r->month >= 1 && take(t, '.') &&
           take_int(t, 5, &r->week) && r->week >= 1 && take(t, '.') && take_int(t, 6, &r->day);
}

static bool take_rule(struct text *t, struct rule *r)
{
    r->time = 2 * 3600;
    return take(t, ',') && take_date(t, r) && (!take(t, '/') || take_time(t, 167, &r->time));
}

static bool footer_parse(struct text t, struct footer *f)
{
    if (t.s == t.end)
        return true;
    f->present = true;
    if (!take_abbreviation(&t) || !take_time(&t, 24, &f->std))
        return false;
    f->std = -f->std;
    if (t.s == t.end)
        return true;
    f->has_dst = true;
    f->dst = f->std + 3600;
    if (!take_abbreviation(&t))
        return false;
    if (t.s < t.end && *t.s != ',') {
        if (!take_time(&t, 24, &f->dst))
            return false;
        f->dst = -f->dst;
    }
    return take_rule(&t, &f->to_dst) && take_rule(&t, &f->to_std) && t.s == t.end;
}

/* ---- the file ----------------------------------------------------------------------------- */

struct counts {
    size_t isut, isstd, leap, time, type, chars;
};

static uint32_t be32(const uint8_t *p)
{
    return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

static int64_t be_time(const uint8_t *p, size_t width)
{
    if (width == 4)
        return (int32_t)be32(p);
    return (int64_t)((uint64_t)be32(p) << 32 | be32(p + 4));
}

static bool header_parse(const uint8_t *h, size_t len, struct counts *c)
{
    if (len < HEADER_BYTES || memcmp(h, "TZif", 4) != 0)
        return false;
    if (h[4] != 0 && (h[4] < '2' || h[4] > '3'))
        return false;
    *c = (struct counts){be32(h + 20), be32(h + 24), be32(h + 28),
                         be32(h + 32), be32(h + 36), be32(h + 40)};
    return c->time <= CHANGES_MAX && c->type <= 256 && c->chars >= 1 && c->chars <= 4096 &&
           c->leap <= 256 && (c->isut == 0 || c->isut == c->type) &&
           (c->isstd == 0 || c->isstd == c->type);
}

static size_t block_bytes(const struct counts *c, size_t width)
{
    return c->time * (width + 1) + c->type * 6 + c->chars + c->leap * (width + 4) + c->isstd +
           c->isut;
}

static bool type_offset(const uint8_t *types, size_t n_types, size_t i, int32_t *out)
{
    if (i >= n_types)
        return false;
    *out = (int32_t)be32(types + 6 * i);
    return *out >= -OFFSET_MAX && *out <= OFFSET_MAX;
}

static bool block_parse(struct zone *z, const uint8_t *b, const struct counts *c, size_t width)
{
    const uint8_t *index = b + c->time * width, *types = index + c->time;

    z->at = calloc(c->time + 1, sizeof *z->at);
    z->offset = calloc(c->time + 1, sizeof *z->offset);
    if (!z->at || !z->offset || c->leap > 0 || !type_offset(types, c->type, 0, &z->before))
        return false;
    for (z->n = 0; z->n < c->time; z->n++) {
        z->at[z->n] = be_time(b + z->n * width, width);
        if (z->n > 0 && z->at[z->n] <= z->at[z->n - 1])
            return false;
        if (!type_offset(types, c->type, index[z->n], &z->offset[z->n]))
            return false;
    }
    return true;
}

/* The text between two newlines at the end of a version 2+ file. */
static bool footer_find(const uint8_t *b, size_t len, struct text *t)
{
    const uint8_t *end;

    if (len < 2 || b[0] != '\n')
        return false;
    end = memchr(b + 1, '\n', len - 1);
    if (!end)
        return false;
    *t = (struct text){(const char *)b + 1, (const char *)end};
    return true;
}

static bool zone_fill(struct zone *z, const uint8_t *b, size_t len)
{
    struct counts c;
    struct text footer;
    size_t block;

    if (!header_parse(b, len, &c))
        return false;
    block = block_bytes(&c, 4);
    if (block > len - HEADER_BYTES)
        return false;
    if (b[4] == 0)
        return block_parse(z, b + HEADER_BYTES, &c, 4);
    b += HEADER_BYTES + block;
    len -= HEADER_BYTES + block;
    if (!header_parse(b, len, &c) || b[4] == 0)
        return false;
    block = block_bytes(&c, 8);
    b += HEADER_BYTES;
    len -= HEADER_BYTES;
    return block <= len && block_parse(z, b, &c, 8) &&
           footer_find(b + block, len - block, &footer) && footer_parse(footer, &z->footer);
}

struct zone *zone_parse(const uint8_t *bytes, size_t len)
{
    struct zone *z = calloc(1, sizeof *z);

    if (z && !zone_fill(z, bytes, len)) {
        zone_free(z);
        z = NULL;
    }
    return z;
}

void zone_free(struct zone *z)
{
    if (!z)
        return;
    free(z->at);
    free(z->offset);
    free(z);
}

/* ---- offsets ------------------------------------------------------------------------------ */

/* Day number (since 1970) on which a rule falls in a year. */
static int64_t rule_day(const struct rule *r, int year)
{
    int64_t first, day;

    if (r->kind == RULE_DAY)
        return civil_days(year, 1, 1) + r->day;
    if (r->kind == RULE_JULIAN)
        return civil_days(year, 1, 1) + r->day - 1 + (r->day >= 60 && leap_year(year));
    first = civil_days(year, r->month, 1);
    day = (r->day - (first + 4) % 7 + 7) % 7 + 7 * (r->week - 1);
    if (day >= month_days(year, r->month))
        day -= 7;
    return first + day;
}

/* The moment of the rule's change: its wall time is told in the offset in force before. */
static int64_t rule_moment(const struct rule *r, int year, int32_t offset_before)
{
    return rule_day(r, year) * DAY + r->time - offset_before;
}

/* Beyond these years no rule is asked: times there have the standard offset. */
static bool year_in_reach(int64_t y) { return y >= 1900 && y <= 9000; }

static int32_t footer_offset(const struct footer *f, int64_t t)
{
    int64_t year = year_of(floor_div(t + f->std, DAY)), start, end;

    if (!f->has_dst || !year_in_reach(year))
        return f->std;
    start = rule_moment(&f->to_dst, (int)year, f->std);
    end = rule_moment(&f->to_std, (int)year, f->dst);
    if (start < end)
        return t >= start && t < end ? f->dst : f->std;
    return t >= end && t < start ? f->std : f->dst;
}

/* footer_offset() asks the rules of one year at a time, so the year's end may be a change, too. */
static int64_t footer_next(const struct footer *f, int64_t t)
{
    int64_t year = year_of(floor_div(t + f->std, DAY)), next;

    if (!f->has_dst || !year_in_reach(year))
        return INT64_MAX;
    int64_t moments[2] = {rule_moment(&f->to_dst, (int)year, f->std),
                          rule_moment(&f->to_std, (int)year, f->dst)};
    next = civil_days((int)year + 1, 1, 1) * DAY - f->std;
    for (int i = 0; i < 2; i++)
        if (moments[i] > t && moments[i] < next)
            next = moments[i];
    return next;
}

/* How many changes lie at or before t. */
static size_t changes_until(const struct zone *z, int64_t t)
{
    size_t low = 0, high = z->n;

    while (low < high) {
        size_t mid = low + (high - low) / 2;

        if (z->at[mid] <= t)
            low = mid + 1;
        else
            high = mid;
    }
    return low;
}

struct span zone_offset(const struct zone *z, struct wall t)
{
    size_t n = z ? changes_until(z, t.s) : 0;

    if (!z)
        return (struct span){0};
    if (n == z->n && z->footer.present)
        return (struct span){footer_offset(&z->footer, t.s)};
    return (struct span){n > 0 ? z->offset[n - 1] : z->before};
}

struct wall zone_next_change(const struct zone *z, struct wall t)
{
    size_t n = z ? changes_until(z, t.s) : 0;

    if (z && n < z->n)
        return (struct wall){z->at[n]};
    if (z && z->footer.present)
        return (struct wall){footer_next(&z->footer, t.s)};
    return (struct wall){INT64_MAX};
}

struct local_time local_time(const struct zone *z, struct wall t)
{
    int64_t local = t.s + zone_offset(z, t).s, days = floor_div(local, DAY);
    int64_t second = local - days * DAY, year = year_of(days);
    int64_t of_year = days - civil_days((int)year, 1, 1), weekday = (days + 3) % 7;
    int month = 1;

    while (of_year >= month_days(year, month))
        of_year -= month_days(year, month++);
    return (struct local_time){(int)year,
                               month,
                               (int)of_year + 1,
                               (int)(weekday < 0 ? weekday + 7 : weekday),
                               (int)(second / 3600),
                               (int)(second / 60 % 60),
                               (int)(second % 60)};
}
