/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The files of admin/console, admin/enrol and admin/portal, part of the program: a role opens
 * none. The tables are made by gateway/embed.
 */
#ifndef GATEWAY_HTTP_STATIC_H
#define GATEWAY_HTTP_STATIC_H

#include "gateway/http_server.h"

struct http_static {
    const char *path, *type, *etag;      /* path NULL: the end */
    const uint8_t *from, *to;
};
extern const struct http_static console_files[], enrol_files[], portal_files[];

/* The file of exactly this path, or NULL. */
const struct http_static *http_static_find(const struct http_static *table, const char *path);
/* With its ETag, so that a browser that has it hears 304. */
void http_static_answer(struct http_request *r, const struct http_static *f);

#endif
