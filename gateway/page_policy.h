/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The portal's page of the policy that a person reads and signs. Pure: the engine's JSON in, HTML
 * out; NULL: it is not of its form, or memory. No script.
 */
#ifndef GATEWAY_PAGE_POLICY_H
#define GATEWAY_PAGE_POLICY_H

#include "gateway/page_frame.h"

/* The text, what is new in it, until when to sign, and the button. */
char *page_policy(const uint8_t *json, size_t json_len, const struct page_clock *c, size_t *len);
/* It is signed. */
char *page_acknowledged(const uint8_t *json, size_t json_len, size_t *len);
/* On the person's page: that there is something to sign, and until when; nothing otherwise. */
void page_policy_hint(struct page *p, const json_t *me, const struct page_clock *c);

#endif
