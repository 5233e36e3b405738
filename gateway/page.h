/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The portal's page for a person, made from the engine's answer to GET /v1/me. Pure: text in,
 * HTML out. No script; every text that is not ours goes through page_text().
 */
#ifndef GATEWAY_PAGE_H
#define GATEWAY_PAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The moment of reading, and how the gateway's wall clock shows it. */
struct page_clock {
    int64_t now;
    long utc_offset;
    const char *zone;
};

/* The page of a device; malloc'd HTML. NULL: json is not an object, or memory. */
char *page_me(const uint8_t *json, size_t json_len, const struct page_clock *c, size_t *len);
/* The page that says why there is none; texts may be NULL. It leads `back` to the form that
 * was refused, or, NULL, to the person's page. NULL: memory. */
char *page_sorry(const char *code, const char *message, const char *hint, const char *back,
                 size_t *len);
/* The same from the engine's {"error": {...}}; anything else becomes a general apology. */
char *page_error(const uint8_t *json, size_t json_len, const char *back, size_t *len);

/* The style sheet that each page holds, for the hash in Content-Security-Policy. */
extern const char PAGE_STYLE[];

#endif
