/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Is a condition true, false, or can nobody say? */
#include <string.h>

#include "policy/posture_parts.h"

#define DAY 86400

static enum truth truth(bool b) { return b ? TRUTH_TRUE : TRUTH_FALSE; }

/* cmp is the fact against the literal: below 0, 0, above 0. */
static enum truth compared(enum operator op, int cmp)
{
    switch (op) {
    case OP_EQ:
        return truth(cmp == 0);
    case OP_NE:
        return truth(cmp != 0);
    case OP_LT:
        return truth(cmp < 0);
    case OP_LE:
        return truth(cmp <= 0);
    case OP_GT:
        return truth(cmp > 0);
    case OP_GE:
        return truth(cmp >= 0);
    default:
        return TRUTH_UNKNOWN;
    }
}

static enum truth number_truth(enum operator op, int64_t fact, int64_t literal)
{
    return compared(op, fact < literal ? -1 : fact > literal);
}

static enum truth bool_truth(enum operator op, bool fact, int64_t literal)
{
    switch (op) {
    case OP_TRUE:
        return truth(fact);
    case OP_FALSE:
        return truth(!fact);
    case OP_EQ:
        return truth(fact == (literal != 0));
    case OP_NE:
        return truth(fact != (literal != 0));
    default:
        return TRUTH_UNKNOWN;
    }
}

static int text_cmp(enum fact_type type, const char *fact, const char *literal)
{
    return type == FACT_VERSION ? version_cmp(fact, literal) : strcmp(fact, literal);
}

static bool text_among(const struct condition *c, enum fact_type type, const char *fact)
{
    for (unsigned i = 0; i < c->n_text && i < LITERALS_MAX; i++)
        if (text_cmp(type, fact, c->text[i]) == 0)
            return true;
    return false;
}

/* Words have no order: only versions may be less or greater. */
static enum truth text_truth(const struct condition *c, enum fact_type type, const char *fact)
{
    if (c->op == OP_IN || c->op == OP_NOT_IN)
        return truth(text_among(c, type, fact) == (c->op == OP_IN));
    if (c->n_text == 0 || (type == FACT_STRING && c->op != OP_EQ && c->op != OP_NE))
        return TRUTH_UNKNOWN;
    return compared(c->op, text_cmp(type, fact, c->text[0]));
}

static enum truth date_truth(const struct condition *c, int64_t date, struct wall now)
{
    if (date > now.s + DAY)
        return TRUTH_UNKNOWN;
    return number_truth(c->op, c->age ? now.s - date : date, c->n);
}

enum truth condition_truth(const struct condition *c, const struct facts *f, struct wall now)
{
    enum fact_type type = fact_type(c->fact);
    const struct fact *v;

    if (c->fact >= FACT_COUNT || !f->v[c->fact].known || (c->age && type != FACT_DATE))
        return TRUTH_UNKNOWN;
    v = &f->v[c->fact];
    switch (type) {
    case FACT_BOOL:
        return bool_truth(c->op, v->n != 0, c->n);
    case FACT_INT:
    case FACT_LIST:
        return number_truth(c->op, v->n, c->n);
    case FACT_DATE:
        return date_truth(c, v->n, now);
    case FACT_STRING:
    case FACT_VERSION:
        return text_truth(c, type, v->text);
    }
    return TRUTH_UNKNOWN;
}

/* The age at which the comparison turns; an age only grows. -1 when it never turns again. */
static int64_t age_turns_at(enum operator op, int64_t age, int64_t limit)
{
    switch (op) {
    case OP_LT:
    case OP_GE:
        return age < limit ? limit : -1;
    case OP_LE:
    case OP_GT:
        return age <= limit ? limit + 1 : -1;
    case OP_EQ:
    case OP_NE:
        return age < limit ? limit : age == limit ? limit + 1 : -1;
    default:
        return -1;
    }
}

struct wall condition_changes_at(const struct condition *c, const struct facts *f,
                                 struct wall now)
{
    int64_t date, turn;

    if (!c->age || condition_truth(c, f, now) == TRUTH_UNKNOWN)
        return (struct wall){0};
    date = f->v[c->fact].n;
    turn = age_turns_at(c->op, now.s - date, c->n);
    return (struct wall){turn < 0 ? 0 : date + turn};
}
