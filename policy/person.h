/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The part of the policy that concerns one person, in sentences, for them to read and sign.
 *
 * It says what the person can notice: what their roles reach, when, what their devices must be
 * like, how often they sign in, what follows on attempts, what is recorded. What it does not say
 * (addresses, ports, the length of leases, other roles) may change without asking anybody to sign
 * again; the same roles under the same sentences always give the same bytes.
 */
#ifndef POLICY_PERSON_H
#define POLICY_PERSON_H

#include "policy/posture.h"

#define PERSON_TEXT_MAX (24u << 10)    /* bytes, its NUL included */

/* One sentence a line, in a fixed order; lines that end in ':' are the headings. "" without a role.
 * A text that would be longer is cut between lines and says so, with a mark of the whole.
 * malloc'd, NULL when memory is out. */
char *policy_person_text(const struct policy *p, uint64_t roles);

/* "Its last system update is at most 30 days old. You have 7 days to mend it.", without line end. */
#define PERSON_RULE 2048
void person_rule(const struct posture_rule *r, char out[PERSON_RULE]);

/* The lines of `to`, and where they stood those of `from` that are not in it any more. */
enum line_change { LINE_SAME = 0, LINE_NEW, LINE_GONE };
void text_diff(const char *from, const char *to,
               void (*line)(void *arg, enum line_change c, const char *s, size_t len), void *arg);

#endif
