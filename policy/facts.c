/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The table of facts, and the comparison of versions. */
#include "policy/facts.h"

#include <string.h>

static const struct {
    const char *name;
    size_t len;
    enum fact_type type;
} table[FACT_COUNT] = {
#define X(id, name, type) [FACT_##id] = {name, sizeof name - 1, type},
    FACTS(X)
#undef X
};

const char *fact_name(enum fact_id id) { return id < FACT_COUNT ? table[id].name : ""; }
enum fact_type fact_type(enum fact_id id) { return id < FACT_COUNT ? table[id].type : FACT_BOOL; }

enum fact_id fact_by_name(const char *name, size_t len)
{
    for (unsigned i = 0; i < FACT_COUNT; i++)
        if (table[i].len == len && memcmp(table[i].name, name, len) == 0)
            return (enum fact_id)i;
    return FACT_COUNT;
}

static bool is_digit(char c) { return c >= '0' && c <= '9'; }

/* The digits at *s without leading zeros; *s moves past them and past one dot. */
static size_t version_part(const char **s, const char **digits)
{
    while (**s == '0')
        (*s)++;
    *digits = *s;
    while (is_digit(**s))
        (*s)++;
    size_t len = (size_t)(*s - *digits);
    if (**s == '.')
        (*s)++;
    return len;
}

/* Parts are compared as strings of digits, so that no number is too long. */
int version_cmp(const char *a, const char *b)
{
    while (*a || *b) {
        const char *da, *db, *start_a = a, *start_b = b;
        size_t la = version_part(&a, &da), lb = version_part(&b, &db);

        if (la != lb)
            return la < lb ? -1 : 1;
        int cmp = memcmp(da, db, la);
        if (cmp != 0)
            return cmp < 0 ? -1 : 1;
        if (a == start_a && b == start_b)
            return 0; /* neither moved: not versions */
    }
    return 0;
}

bool version_valid(const char *s)
{
    bool digit = false;

    for (; *s; s++) {
        if (is_digit(*s))
            digit = true;
        else if (*s == '.' && digit)
            digit = false;
        else
            return false;
    }
    return digit;
}
