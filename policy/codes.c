/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The closed list of refusals as a table, and its look-ups. */
#include "policy/codes.h"

#include <stddef.h>

struct refusal {
    enum refusal_code code;
    const char *id, *name, *sentence, *fix;
};

static const struct refusal table[] = {
#define X(kind, number, name, sentence, fix) {kind##number, #kind #number, #name, sentence, fix},
    REFUSALS(X)
#undef X
};

static const struct refusal none = {CODE_NONE, "", "", "", ""};

static const struct refusal *refusal_find(enum refusal_code c)
{
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++)
        if (table[i].code == c)
            return &table[i];
    return &none;
}

const char *code_id(enum refusal_code c) { return refusal_find(c)->id; }
const char *code_name(enum refusal_code c) { return refusal_find(c)->name; }
const char *code_sentence(enum refusal_code c) { return refusal_find(c)->sentence; }
const char *code_fix(enum refusal_code c) { return refusal_find(c)->fix; }

bool code_is_misuse(enum refusal_code c)
{
    switch (c) {
    case PT208:
    case PT402:
    case PT403:
    case PT404:
    case PT405:
    case PT502:
    case PT504:
    case PT507:
        return true;
    default:
        return false;
    }
}
