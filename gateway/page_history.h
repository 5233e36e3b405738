/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The portal's pages of the last days: when a person's devices were in, and what was refused to
 * them. Pure: the engine's JSON in, HTML out; NULL: it is not of its form, or memory. No script.
 */
#ifndef GATEWAY_PAGE_HISTORY_H
#define GATEWAY_PAGE_HISTORY_H

#include "gateway/page.h"

char *page_sessions(const uint8_t *json, size_t json_len, const struct page_clock *c, size_t *len);
char *page_denials(const uint8_t *json, size_t json_len, const struct page_clock *c, size_t *len);

#endif
