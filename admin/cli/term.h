/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What reaches the terminal: text from outside made harmless, colours, tables, times.
 */
#ifndef ADMIN_CLI_TERM_H
#define ADMIN_CLI_TERM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#define TERM_SAFE 1024

/* Writes s[0..len) with everything that could steer a terminal or turn the order of reading
 * around as \xNN (bytes) or \u{N} (characters): C0, DEL, C1, bytes that are not UTF-8, bidi
 * controls, line separators, invisible characters. Cut with ".." when it does not fit. Returns
 * out. A backslash stays one. */
const char *term_escape(const char *s, size_t len, char *out, size_t size);
/* The same for a string (NULL: ""). */
const char *term_safe(const char *s, char out[TERM_SAFE]);
/* Text of many lines: '\n' and '\t' are kept. */
void term_lines(FILE *out, const char *s);

enum colour { PLAIN, GREEN, RED, YELLOW, BOLD, FAINT };
/* The escape sequence, or "" when `out` is no terminal or NO_COLOR is set. */
const char *term_colour(FILE *out, enum colour c);

const char *term_time(int64_t t, char out[32]);           /* 2026-11-22 04:36:12, local */
const char *term_span(int64_t seconds, char out[32]);     /* 3h 12m */

/* A table: columns wide enough, the last one cut at the terminal's edge. */
#define TABLE_COLUMNS 10
struct table { size_t columns; char **cells; size_t n, room; };
void table_begin(struct table *t, size_t columns, const char *const *heads);
void table_cell(struct table *t, const char *text);       /* made harmless here */
void table_print(struct table *t, FILE *out);             /* and freed */

#endif
