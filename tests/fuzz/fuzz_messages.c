/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Every body that one role decodes from another. What decodes must encode to the same bytes: no
 * two spellings of one message. The first byte picks the body.
 */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "gateway/messages.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static void must_equal(const struct writer *w, const uint8_t *data, size_t len)
{
    if (w->failed || w->n != len || memcmp(w->v, data, len) != 0)
        abort();
}

static void one_change(struct reader *r, struct writer *w)
{
    struct change c;
    get_change(r, &c);
    if (!r->failed)
        put_change(w, &c);
    if (c.kind == CHANGE_CLASS_PUT)
        free(c.u.class_.permits);
}

static void decode(uint8_t which, struct reader *r, struct writer *w)
{
    struct tunnel t;
    struct commit_answer a;
    struct inspect_answer i;
    char text[256];
    switch (which % 5) {
    case 0:
        get_tunnel(r, &t);
        if (!r->failed)
            put_tunnel(w, &t);
        return;
    case 1:
        while (!r->failed && r->n > 0)
            one_change(r, w);
        return;
    case 2:
        get_commit_answer(r, &a);
        put_commit_answer(w, &a);
        return;
    case 3:
        get_inspect_answer(r, &i);
        put_inspect_answer(w, &i);
        return;
    default:
        get_text(r, text, sizeof text);
        put_text(w, text);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    struct reader r;
    struct writer w;
    if (len == 0)
        return 0;
    reader_init(&r, data + 1, len - 1);
    writer_init(&w, len);
    decode(data[0], &r, &w);
    if (reader_done(&r))
        must_equal(&w, data + 1, len - 1);
    writer_clear(&w);
    return 0;
}
