/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * One UTF-8 character (RFC 3629), strictly: no overlong forms, no surrogates, nothing above
 * U+10FFFF.
 */
#ifndef POLICY_UTF8_H
#define POLICY_UTF8_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Bytes of the character at s[0..n), its code point in *cp; 0 when there is no valid one. */
size_t utf8_char(const uint8_t *s, size_t n, uint32_t *cp);
bool utf8_valid(const uint8_t *s, size_t n);

#endif
