/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Numbers in paths, and lists in answers: so many items, and behind which of them there are more. */
#include <stdlib.h>
#include <string.h>

#include "gateway/control.h"

struct reply reply_bad_query(void)
{
    return reply_error(400, "bad_query", "A value behind '?' is not of its form.",
                       "limit and last are 1 to 5000; after, since and until are numbers; kind and reason "
                       "are those that the list itself shows.");
}

int64_t path_number(const struct request *q)
{
    size_t n = strlen(q->name);

    return n <= 18 && strspn(q->name, "0123456789") == n ? strtoll(q->name, NULL, 10) : 0;
}

void list_add(struct item_list *l, json_t *item)
{
    size_t n = json_array_size(l->items);

    if (n < (size_t)l->limit) {
        json_array_append_new(l->items, item);
        return;
    }
    if (!l->next && n > 0)
        l->next = json_incref(json_object_get(json_array_get(l->items, n - 1), l->key));
    json_decref(item);
}

struct reply list_reply(struct item_list *l)
{
    json_t *o = json_pack("{s:o}", "items", l->items);

    if (l->next)
        json_object_set_new(o, "next", l->next);
    return (struct reply){200, o};
}
