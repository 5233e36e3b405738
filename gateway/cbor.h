/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What of CBOR (RFC 8949) an authenticator writes: integers, byte and text strings, arrays, maps
 * and the three simple values, all of definite length. Read item by item, without memory. Pure.
 */
#ifndef GATEWAY_CBOR_H
#define GATEWAY_CBOR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum cbor_major { CBOR_UNSIGNED = 0, CBOR_NEGATIVE, CBOR_BYTES, CBOR_TEXT, CBOR_ARRAY, CBOR_MAP };

#define CBOR_DEPTH 4             /* arrays and maps within each other */

struct cbor { const uint8_t *at, *end; };

/* Each reads one thing of this kind and goes behind it; false: there is something else, or it is
 * cut off. A string's bytes stay where they are; of arrays and maps, *n is the number of members
 * (pairs), which follow. */
bool cbor_string(struct cbor *c, enum cbor_major kind, const uint8_t **v, size_t *n);
bool cbor_members(struct cbor *c, enum cbor_major kind, size_t *n);
bool cbor_negative(struct cbor *c, int64_t *v);
/* Any whole item. */
bool cbor_skip(struct cbor *c);
bool cbor_done(const struct cbor *c);

#endif
