/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Comma-separated values (RFC 4180), as spreadsheets write them: a line a row, fields that hold a
 * separator, a quote or a line break in quotes. The separator is what the first line uses: a
 * comma, a semicolon or a tab. A byte order mark before the text is passed over.
 */
#ifndef ADMIN_CLI_CSV_H
#define ADMIN_CLI_CSV_H

#include <stdbool.h>
#include <stddef.h>

#define CSV_COLUMNS_MAX 32

struct csv { char *at, *end; char sep; unsigned line; const char *error; };
struct csv_row { char *field[CSV_COLUMNS_MAX]; size_t n; unsigned line; };

/* Reads text[0..len], text[len] being NUL; rows point into it and it is changed on the way. */
void csv_begin(struct csv *c, char *text, size_t len);
/* The next row that is not empty; its fields are strings without the spaces around them. False
 * at the end, or with c->error (c->line says where). */
bool csv_next(struct csv *c, struct csv_row *row);

#endif
