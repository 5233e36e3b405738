/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Text of a page while it grows, and times in words. A failure sticks; it is checked at the end.
 */
#ifndef GATEWAY_PAGE_TEXT_H
#define GATEWAY_PAGE_TEXT_H

#include "gateway/page.h"
#include "gateway/text.h"

#define PAGE_MAX (512u << 10) /* a page is never larger */
#define PAGE_TIME_SIZE 64

struct page {
    char *v;
    size_t n, size;
    bool failed;
};

void page_html(struct page *p, const char *ours); /* as it is: constants of ours only */
/* Escaped for text and for quoted attributes; control and direction-changing characters become
 * U+FFFD. s is UTF-8; NULL writes nothing. */
void page_text(struct page *p, const char *s);
/* page_html(before), page_text(s), page_html(after). */
void page_wrap(struct page *p, const char *before, const char *s, const char *after);
/* Words of the catalogue between pieces of HTML that hold none: page_say(p, "<p>", TEXT_UNTIL,
 * "</p>", time, span). {1} and so on are texts, escaped; one that is NULL or not given is empty. */
#define page_say(p, before, t, after, ...) \
    page_say_with(p, before, t, after, (const char *const[TEXT_ARGUMENTS]){__VA_ARGS__})
void page_say_with(struct page *p, const char *before, enum text t, const char *after,
                   const char *const args[TEXT_ARGUMENTS]);
char *page_take(struct page *p, size_t *len); /* NULL when it failed */

/* Words of the catalogue as plain text, cut to size: for attributes and pieces of others. */
const char *page_words(char *out, size_t size, enum text t, const char *one, const char *two,
                       const char *three);
/* "less than a minute", "1 minute", "3 hours 20 minutes", "2 days 5 hours". */
const char *page_span(int64_t seconds, char out[PAGE_TIME_SIZE]);
/* "14:35 CST", "tomorrow at 06:00 CST", "Fri 27 Nov at 06:00 CST". */
const char *page_time(int64_t at, const struct page_clock *c, char out[PAGE_TIME_SIZE]);

#endif
