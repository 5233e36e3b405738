/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What every page of the portal has around it, and the members of JSON it is made from.
 */
#ifndef GATEWAY_PAGE_FRAME_H
#define GATEWAY_PAGE_FRAME_H

#include <jansson.h>

#include "gateway/page_text.h"

/* No page renews itself: that takes the place away from who reads it aloud, or types. */
void page_begin(struct page *p, const char *title);
void page_end(struct page *p);

/* The text of a member, or NULL when it is absent, empty or no text. */
const char *page_member(const json_t *object, const char *key);

/* The cards of rules that did not pass, worst first; then, folded, those that did. */
void page_rules(struct page *p, const json_t *rules, const struct page_clock *c);
/* How many of the rules have this result. */
size_t page_count(const json_t *rules, const char *result);

#endif
