/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Files read whole, within bounds. Every path is looked for below a root, "" for the machine
 * itself, so that tests can show the agent another machine.
 */
#ifndef AGENT_FILE_H
#define AGENT_FILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define AGENT_PATH 512

/* root and path as one, in out. False when that is too long. */
bool agent_path(const char *root, const char *path, char out[AGENT_PATH]);

/* The file's text with a NUL behind it, malloc'd; NULL when it cannot be read or is longer than
 * max. *len may be NULL. */
char *agent_file_read(const char *root, const char *path, size_t max, size_t *len);

/* At most size - 1 bytes of its beginning, with a NUL. How many; 0 when it cannot be read. */
size_t agent_file_head(const char *root, const char *path, char *out, size_t size);

/* Does the path exist? */
bool agent_file_exists(const char *root, const char *path);

/* Seconds since 1970 of its last change; -1 when it does not exist. */
int64_t agent_file_changed(const char *root, const char *path);

/* Creates it with mode 0600; it must not exist. 0, or -1 with errno. Durable when it returns. */
int agent_file_create(const char *path, const char *text, size_t len);

#endif
