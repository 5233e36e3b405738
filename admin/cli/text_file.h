/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A file that is named on the command line, whole in memory: a policy, a wg-quick configuration, a
 * list of staff.
 */
#ifndef ADMIN_CLI_TEXT_FILE_H
#define ADMIN_CLI_TEXT_FILE_H

#include <stddef.h>

#define TEXT_FILE_MAX (1u << 20)     /* bytes */

struct text_file {
    const char *name;            /* as typed; "-" is standard input */
    char *text;  size_t len;     /* with a NUL behind it; text NULL: it was not read */
};

/* 0, or -1 after a complaint on stderr. text_file_close() in any case. */
int text_file_read(struct text_file *f, const char *name);
/* Wipes it, too: it may hold keys. */
void text_file_close(struct text_file *f);

/* At most `max` bytes, malloc'd, with a NUL behind them; "-" is standard input. NULL with errno,
 * EFBIG when it is longer. */
char *file_bytes(const char *path, size_t max, size_t *len);

#endif
