/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The portal's page about a person's passkeys. Pure: the engine's JSON in, HTML out. A script does
 * what only scripts can, on a page that was opened by the gateway's name; all else is forms.
 */
#ifndef GATEWAY_PAGE_PASSKEYS_H
#define GATEWAY_PAGE_PASSKEYS_H

#include <jansson.h>

#include "gateway/page_text.h"

#define PAGE_SCRIPT "/passkey.js"

char *page_passkeys(const uint8_t *json, size_t json_len, const struct page_clock *c, bool by_name,
                    size_t *len);
/* On the page for signing in; `sign_in` is that member of the answer to "who am I?". Before the
 * form, for who has one: a button, or where there would be one. Behind it, for who has none: that
 * it is better. */
void page_passkey_first(struct page *p, const json_t *sign_in, bool by_name);
void page_passkey_hint(struct page *p, const json_t *sign_in);

#endif
