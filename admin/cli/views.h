/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Answers shown to a person, shared by several verbs.
 */
#ifndef ADMIN_CLI_VIEWS_H
#define ADMIN_CLI_VIEWS_H

#include "admin/cli/call.h"

/* The receipt of a revocation; CLI_REFUSED when the kernel could not be read back as empty. */
enum cli_exit show_receipt(const json_t *r);
void show_device(const json_t *d);
void show_user(const json_t *u);

/* "label      text": one line of a list of properties; text made harmless. */
void show_line(const char *label, const char *text);
/* Numbers from an array of the answer, "none" when it is empty. */
void show_ids(const char *label, const json_t *array);
void show_linef(const char *label, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* The time of a member, or `none` when it is absent. */
const char *time_of(const json_t *o, const char *key, const char *none, char out[32]);
/* Each event of the daemon as it happens; ends with the terminal, by a signal, or with the daemon. */
enum cli_exit events_follow(struct cli *c, void (*show)(struct cli *c, const json_t *event));
/* "there is more: --after X" when a list was cut. */
void show_more(const json_t *answer);

#endif
