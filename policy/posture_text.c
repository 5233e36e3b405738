/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Conditions and rules as text: canonical for the policy, in words for the person. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "policy/posture_parts.h"

#define RULE_WHOLE 8192  /* two conditions with all their literals quoted */
#define HASH_TEXT 10     /* "~", eight hexadecimal digits and a NUL */

struct shown shown_start(char *s, size_t size)
{
    s[0] = '\0';
    return (struct shown){s, size, 0};
}

void shown_put(struct shown *o, const char *s)
{
    size_t len = strlen(s), n = len;

    if (o->len < o->size) {
        if (n > o->size - 1 - o->len)
            n = o->size - 1 - o->len;
        while (n < len && n > 0 && ((uint8_t)s[n] & 0xc0) == 0x80)
            n--; /* cut between characters */
        memcpy(o->s + o->len, s, n);
        o->s[o->len + n] = '\0';
    }
    o->len += len;
}

void shown_number(struct shown *o, int64_t n)
{
    char text[24];

    snprintf(text, sizeof text, "%" PRId64, n);
    shown_put(o, text);
}

static const struct unit { int64_t s; const char *letter, *word; } units[] = {
    {86400, "d", " day"}, {3600, "h", " hour"}, {60, "m", " minute"}, {1, "s", " second"},
};

static void unit_put(struct shown *o, int64_t n, const struct unit *u, bool words)
{
    shown_number(o, n);
    shown_put(o, words ? u->word : u->letter);
    if (words && n != 1)
        shown_put(o, "s");
}

void shown_duration(struct shown *o, int64_t s, bool words)
{
    const struct unit *u = units;

    while (u->s > 1 && (s % u->s != 0 || (s == 0)))
        u++;
    unit_put(o, s / u->s, u, words);
}

void shown_age(struct shown *o, int64_t age, int64_t limit)
{
    const struct unit *u = units;
    int64_t s = age < 0 ? 0 : age;

    while (u->s > 1 && s < 2 * u->s)
        u++;
    if (s > limit && s / u->s * u->s <= limit)
        shown_put(o, "over ");
    unit_put(o, s / u->s, u, true);
}

static void day_put(struct shown *o, int64_t s)
{
    struct local_time t = local_time(NULL, (struct wall){s});
    char text[48];

    if (s % 86400 != 0) {
        shown_number(o, s);
        return;
    }
    snprintf(text, sizeof text, "%04d-%02d-%02d", t.year, t.month, t.day);
    shown_put(o, text);
}

static bool is_bare(const char *s)
{
    static const char inner[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-";

    return *s && *s != '.' && *s != '-' && *s != '_' && s[strspn(s, inner)] == '\0';
}

static void literal_put(struct shown *o, const char *s)
{
    if (is_bare(s)) {
        shown_put(o, s);
        return;
    }
    shown_put(o, "\"");
    for (; *s; s++) {
        char one[2] = {*s, '\0'};

        if (*s == '"' || *s == '\\')
            shown_put(o, "\\");
        shown_put(o, one);
    }
    shown_put(o, "\"");
}

static const char *operator_sign(enum operator op)
{
    static const char *const sign[] = {
        [OP_EQ] = "==", [OP_NE] = "!=", [OP_LT] = "<",        [OP_LE] = "<=", [OP_GT] = ">",
        [OP_GE] = ">=", [OP_IN] = "in", [OP_NOT_IN] = "not in",
    };

    return op <= OP_NOT_IN && sign[op] ? sign[op] : "?";
}

static bool is_text_type(enum fact_type t) { return t == FACT_STRING || t == FACT_VERSION; }

/* Behind the sign of a comparison that is no `in`. */
static void value_put(struct shown *o, const struct condition *c, bool words)
{
    enum fact_type type = fact_type(c->fact);

    if (c->age)
        shown_duration(o, c->n, words);
    else if (is_text_type(type))
        literal_put(o, c->n_text > 0 ? c->text[0] : "");
    else if (type == FACT_DATE)
        day_put(o, c->n);
    else
        shown_number(o, c->n);
}

static bool is_in(const struct condition *c) { return c->op == OP_IN || c->op == OP_NOT_IN; }

static void condition_put(struct shown *o, const struct condition *c)
{
    if (c->op == OP_FALSE)
        shown_put(o, "not ");
    shown_put(o, c->age ? "age(" : "");
    shown_put(o, fact_name(c->fact));
    shown_put(o, c->age ? ")" : "");
    if (c->op == OP_TRUE || c->op == OP_FALSE)
        return;
    shown_put(o, " ");
    shown_put(o, operator_sign(c->op));
    shown_put(o, is_in(c) ? " {" : " ");
    if (!is_in(c)) {
        value_put(o, c, false);
        return;
    }
    for (unsigned i = 0; i < c->n_text && i < LITERALS_MAX; i++) {
        shown_put(o, " ");
        literal_put(o, c->text[i]);
    }
    shown_put(o, " }");
}

/* FNV-1a: tells two long rules of one policy apart, no more. */
static uint32_t text_hash(const char *s)
{
    uint32_t h = 2166136261u;

    for (; *s; s++)
        h = (h ^ (uint8_t)*s) * 16777619u;
    return h;
}

void rule_print(const struct posture_rule *r, char out[RULE_TEXT])
{
    char whole[RULE_WHOLE], hash[HASH_TEXT];
    struct shown o = shown_start(whole, sizeof whole), cut;

    shown_put(&o, "require ");
    condition_put(&o, &r->require);
    if (r->has_when) {
        shown_put(&o, " when ");
        condition_put(&o, &r->when);
    }
    if (o.len < RULE_TEXT) {
        memcpy(out, whole, o.len + 1);
        return;
    }
    snprintf(hash, sizeof hash, "~%08" PRIx32, text_hash(whole));
    cut = shown_start(out, RULE_TEXT - sizeof hash + 1);
    shown_put(&cut, whole);
    memcpy(out + strlen(out), hash, sizeof hash);
}

/* "windows, macos, ubuntu": an end that does not fit becomes "..". */
static void words_put(struct shown *o, const struct condition *c)
{
    for (unsigned i = 0; i < c->n_text && i < LITERALS_MAX; i++) {
        if (o->len + strlen(c->text[i]) + sizeof ", , .." > o->size) {
            shown_put(o, i > 0 ? ", .." : "..");
            return;
        }
        shown_put(o, i > 0 ? ", " : "");
        shown_put(o, c->text[i]);
    }
}

void condition_expected(const struct condition *c, char out[SHOWN_TEXT])
{
    struct shown o = shown_start(out, SHOWN_TEXT);

    switch (c->op) {
    case OP_TRUE:
    case OP_FALSE:
        shown_put(&o, c->op == OP_TRUE ? "yes" : "no");
        return;
    case OP_IN:
    case OP_NOT_IN:
        shown_put(&o, c->op == OP_IN ? "one of " : "none of ");
        words_put(&o, c);
        return;
    default:
        shown_put(&o, operator_sign(c->op));
        shown_put(&o, " ");
        value_put(&o, c, true);
    }
}

/* "2 (winrar, teamviewer)" */
static void list_put(struct shown *o, const struct fact *v)
{
    shown_number(o, v->n);
    if (v->n == 0)
        return;
    shown_put(o, " (");
    shown_put(o, v->text);
    shown_put(o, ")");
}

void condition_received(const struct condition *c, const struct facts *f, struct wall now,
                        char out[SHOWN_TEXT])
{
    struct shown o = shown_start(out, SHOWN_TEXT);
    const struct fact *v = &f->v[c->fact < FACT_COUNT ? c->fact : 0];

    if (condition_truth(c, f, now) == TRUTH_UNKNOWN) {
        shown_put(&o, "unknown");
        return;
    }
    switch (fact_type(c->fact)) {
    case FACT_BOOL:
        shown_put(&o, v->n ? "yes" : "no");
        return;
    case FACT_INT:
        shown_number(&o, v->n);
        return;
    case FACT_LIST:
        list_put(&o, v);
        return;
    case FACT_DATE:
        if (c->age)
            shown_age(&o, now.s - v->n, c->n);
        else
            day_put(&o, v->n);
        return;
    case FACT_STRING:
    case FACT_VERSION:
        shown_put(&o, v->text);
        return;
    }
}
