/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * How much JSON is in these bytes? Asked before a parser sees them, so that what is deep, wide or
 * long is refused at the cost of one pass and no memory.
 */
#ifndef POLICY_JSON_BOUNDS_H
#define POLICY_JSON_BOUNDS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define JSON_DEPTH_MAX 6        /* arrays and objects within each other */
#define JSON_MEMBERS_MAX 200    /* members of all objects together */
#define JSON_STRING_MAX 256     /* bytes of one string; an escape \uXXXX counts for 4 */
#define JSON_ARRAY_MAX 32       /* values of one array */

/* True when no limit is passed. Says nothing about whether it is JSON: the parser does. */
bool json_bounded(const uint8_t *text, size_t len);

/* A text fit to be stored and shown: valid UTF-8 is given (the parser saw to it), and it holds no
 * control character (C0, DEL, C1), no line or paragraph separator and no change of direction. */
bool text_printable(const char *s, size_t len);

#endif
