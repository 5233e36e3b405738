/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The portal's page about a person's passkeys. Pure: the engine's JSON in, HTML out. Scripts do what
 * only scripts can, on a page that was opened by the gateway's name; all else is forms.
 */
#ifndef GATEWAY_PAGE_PASSKEYS_H
#define GATEWAY_PAGE_PASSKEYS_H

#include <jansson.h>

#include "gateway/page_text.h"

#define PAGE_SCRIPT "/passkey.js"

char *page_passkeys(const uint8_t *json, size_t json_len, const struct page_clock *c, bool by_name,
                    size_t *len);
/* On the page for signing in: a button, or where there would be one. `sign_in` is that member of
 * the answer to "who am I?". */
void page_passkey_sign_in(struct page *p, const json_t *sign_in, bool by_name);

#endif
