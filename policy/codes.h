/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The closed list of refusals (posture.md). A code is stable for ever: it is printed to people,
 * stored in decision records and matched by other programs. PT = the token, PL = the policy.
 */
#ifndef POLICY_CODES_H
#define POLICY_CODES_H

#include <stdbool.h>

/* number, short name, sentence for the person, how to fix it */
#include "policy/codes.def"

enum refusal_code {
    CODE_NONE = 0,
#define X(kind, number, name, sentence, fix) kind##number = number,
    REFUSALS(X)
#undef X
};

/* "PT208", "PL703"; "" for CODE_NONE and unknown numbers. */
const char *code_id(enum refusal_code c);
const char *code_name(enum refusal_code c);       /* "signature_invalid" */
const char *code_sentence(enum refusal_code c);   /* one plain sentence for the person */
const char *code_fix(enum refusal_code c);        /* what to do about it */
/* PT208, PT402..405, PT502, PT504, PT507: goes to the attempts log. */
bool code_is_misuse(enum refusal_code c);

#endif
