/* SPDX-License-Identifier: GPL-2.0-or-later */
/* See http_static.h. */
#include "gateway/http_static.h"

#include <string.h>

const struct http_static *http_static_find(const struct http_static *table, const char *path)
{
    for (; table->path; table++)
        if (strcmp(table->path, path) == 0)
            return table;
    return NULL;
}

void http_static_answer(struct http_request *r, const struct http_static *f)
{
    const struct http_extra extra = {.cache = "no-cache", .etag = f->etag};
    const char *has = NULL;
    bool same = http_header(r, "If-None-Match", &has) == 1 && strcmp(has, f->etag) == 0;

    http_answer_constant(r, same ? 304 : 200, f->type, f->from,
                         same ? 0 : (size_t)(f->to - f->from), &extra);
}
