/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What a web form sends: application/x-www-form-urlencoded (WHATWG URL, section 5.1). Pure.
 */
#ifndef GATEWAY_FORM_H
#define GATEWAY_FORM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The value of the one field of this name, decoded into out[size]; its length in *n. False: there
 * is none, there are two, it is too long, or its escapes are none. */
bool form_get(const uint8_t *body, size_t len, const char *name, char *out, size_t size, size_t *n);

#endif
