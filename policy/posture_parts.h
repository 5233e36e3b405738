/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Conditions in three-valued logic, and as text: shared by the files of the posture judge.
 */
#ifndef POLICY_POSTURE_PARTS_H
#define POLICY_POSTURE_PARTS_H

#include "policy/posture.h"

enum truth { TRUTH_UNKNOWN = 0, TRUTH_FALSE, TRUTH_TRUE };

/* Unknown when the fact is, when its date lies ahead, and for an operator its type has not. */
enum truth condition_truth(const struct condition *c, const struct facts *f, struct wall now);

/* When the truth of an age() that is now known changes by itself; 0 = never. */
struct wall condition_changes_at(const struct condition *c, const struct facts *f,
                                 struct wall now);

/* "<= 30 days", "yes", "one of windows, macos" */
void condition_expected(const struct condition *c, char out[SHOWN_TEXT]);
/* "41 days", "no", "unknown" */
void condition_received(const struct condition *c, const struct facts *f, struct wall now,
                        char out[SHOWN_TEXT]);

/* A text of fixed size that is cut, never overrun, and always ends in NUL; len is what the whole
 * would have taken. */
struct shown { char *s; size_t size, len; };
struct shown shown_start(char *s, size_t size);
void shown_put(struct shown *o, const char *s);
void shown_number(struct shown *o, int64_t n);
/* In the largest unit that divides it: "30d", "90m"; or in words: "30 days", "90 minutes". */
void shown_duration(struct shown *o, int64_t s, bool words);
/* Rounded down to a unit of which there are at least two; "over" when that hides by how much the
 * limit was passed: "41 days", "over 30 days". */
void shown_age(struct shown *o, int64_t age, int64_t limit);

#endif
