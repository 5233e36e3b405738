/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What every page of the portal has around it, and the members of JSON it is made from.
 */
#ifndef GATEWAY_PAGE_FRAME_H
#define GATEWAY_PAGE_FRAME_H

#include <jansson.h>

#include "gateway/page_text.h"

/* Around a page stand whose gateway this is, the way to the other pages, and whom to call: as the
 * last answer said that page_load() saw with a `gateway`. No page renews itself: that takes the
 * place away from who reads it aloud, or types. */
void page_begin(struct page *p, enum text title);
/* The same for a page that the way to the others calls by another name than its title. */
void page_begin_in(struct page *p, enum text name, enum text title);

/* What the engine answered, an object to be released; NULL: it is none. */
json_t *page_load(const uint8_t *json, size_t len);
/* Its end, json_decref and page_take. */
char *page_finish(struct page *p, json_t *o, size_t *len);
/* The link to the person's own page. */
void page_back(struct page *p);
/* A field that must be filled in, under its label; type_and_more are attributes. */
void page_field(struct page *p, enum text label, const char *name, const char *type_and_more);

/* The text of a member, or NULL when it is absent, empty or no text. */
const char *page_member(const json_t *object, const char *key);

#define PAGE_NUMBER 24
/* A member that is a number, in digits; one that is a time, in words. Absent is 0. */
const char *page_number(const json_t *object, const char *key, char out[PAGE_NUMBER]);
const char *page_when(const json_t *object, const char *key, const struct page_clock *c,
                      char out[PAGE_TIME_SIZE]);

/* The cards of rules that did not pass, worst first; then, folded, those that did. */
void page_rules(struct page *p, const json_t *rules, const struct page_clock *c);
/* How many of the rules have this result. */
size_t page_count(const json_t *rules, const char *result);

#endif
