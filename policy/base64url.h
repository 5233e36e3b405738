/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Strict base64url without padding (RFC 7515 section 2, RFC 4648 section 5): no '=', no
 * whitespace, no other alphabet, unused trailing bits zero, so that one value has one spelling.
 */
#ifndef POLICY_BASE64URL_H
#define POLICY_BASE64URL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* True, and *n bytes in out, when the text is clean and decodes to at most `size` bytes. The
 * empty text is no bytes. On false out may hold rubbish and *n is unchanged. */
bool base64url_decode(const char *s, size_t len, uint8_t *out, size_t size, size_t *n);

#endif
