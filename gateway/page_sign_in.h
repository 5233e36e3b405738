/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The portal's pages for signing in and for choosing what one signs in with. Pure: the engine's
 * JSON in, HTML out; NULL: it is not of its form, or memory. No script.
 */
#ifndef GATEWAY_PAGE_SIGN_IN_H
#define GATEWAY_PAGE_SIGN_IN_H

#include "gateway/page.h"

/* The forms; json is the answer to "who am I?". */
char *page_sign_in(const uint8_t *json, size_t json_len, bool by_name, size_t *len);
char *page_set_up(const uint8_t *json, size_t json_len, size_t *len);
/* Signed in. */
char *page_signed_in(const uint8_t *json, size_t json_len, size_t *len);
/* The second factor's secret, and the form that wants a code of it; `code` is the one-time code
 * that was typed, carried along. */
char *page_factor(const uint8_t *json, size_t json_len, const char *code, size_t *len);
/* The form for a device that is lost, and what comes after it. */
char *page_lost(const uint8_t *json, size_t json_len, size_t *len);
char *page_gone(const uint8_t *json, size_t json_len, size_t *len);
/* It holds: the codes to recover, shown this once. */
char *page_recovery(const uint8_t *json, size_t json_len, size_t *len);

#endif
