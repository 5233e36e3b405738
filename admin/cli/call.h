/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Asking the daemon: targets, bodies, refusals; and the words that verbs take (names, dates,
 * durations, destinations).
 */
#ifndef ADMIN_CLI_CALL_H
#define ADMIN_CLI_CALL_H

#include "admin/cli/cli.h"

#include <jansson.h>
#include <stdint.h>

/* A path and its query. Names in a path are checked, values in a query percent-encoded. */
struct target { char s[1536]; bool query, bad; };
void target_begin(struct target *t, const char *path);
void target_name(struct target *t, const char *name);      /* appends "/NAME" */
void target_word(struct target *t, const char *fixed);     /* appends fixed text, "/revoke" */
void target_query(struct target *t, const char *key, const char *value);  /* value NULL: nothing */
/* Each option that was given, as key=value: "--user" becomes user=. */
void target_options(struct target *t, const struct cli *c, const char *const *names);

/* One request. NULL after a refusal or failure that has been told, then *rc is the exit code.
 * body (taken over) is sent as JSON when not NULL; text as text/plain. With --json a refusal is
 * printed as JSON. */
json_t *call(struct cli *c, const char *method, const struct target *t, json_t *body,
             enum cli_exit *rc);
json_t *call_text(struct cli *c, const struct target *t, const char *text, size_t len,
                  enum cli_exit *rc);
/* Bytes of an answer that is not JSON: malloc'd, *len of them. NULL as above. */
char *call_bytes(struct cli *c, const struct target *t, size_t *len, enum cli_exit *rc);
/* A list to its end, page by page, behind `after` (NULL: from the beginning); with --limit one page
 * of that length. */
json_t *call_list(struct cli *c, const struct target *t, const char *after, enum cli_exit *rc);
/* call() and call_list() with their answer printed: by `show`, or with --json as it is. */
enum cli_exit call_show(struct cli *c, const char *method, const struct target *t, json_t *body,
                        void (*show)(const json_t *answer));
enum cli_exit call_list_show(struct cli *c, const struct target *t,
                             void (*show)(const json_t *answer));
/* Prints an answer as JSON. */
enum cli_exit print_json(const json_t *v);

/* Members, with defaults for what is absent or of another type. */
const char *text_of(const json_t *o, const char *key);
int64_t int_of(const json_t *o, const char *key);
double real_of(const json_t *o, const char *key);
/* The names in an array, divided by ", ". */
const char *names_of(const json_t *array, char *out, size_t size);

/* One usage complaint with an optional hint; CLI_USAGE. */
enum cli_exit complain_usage(const char *what, const char *word, const char *hint);

/* Is this option absent, or one of the words of `list` ("a b c")? Else complains. */
bool word_choice(const struct cli *c, const char *option, const char *list);
/* Is it absent, or a number from 1 to most? Else complains. */
bool word_count(const struct cli *c, const char *option, int64_t most);
/* 2027-01-31, 2027-01-31T18:00[:30] by this machine's clock, the same with Z in UTC; +30d, -2h
 * relative to now. */
bool word_date(const char *s, int64_t now, int64_t *out);
/* 90, 90s, 5m, 12h, 30d; whole seconds, more than 0. */
bool word_duration(const char *s, int64_t *out);

/* ADDR:PORT[/PROTO], [V6]:PORT[/PROTO], ADDR/PROTO for a protocol without ports,
 * RESOURCE[:PORT][/PROTO]. Empty port or proto: not said. */
struct destination { char to[64], port[6], proto[16]; };
bool word_destination(const char *s, struct destination *out);

#endif
