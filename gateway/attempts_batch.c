/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What a second refused as one record of the log of attempts: each attempt as the control contract
 * has it, and the exact counts of everything there was, kept or not.
 */
#include <stdlib.h>
#include <string.h>

#include "gateway/control.h"

#define BATCH_BYTES (RECORD_BATCH_MAX - 65536)   /* of attempts; the rest of a second is counted */

static json_t *by_reason(const uint64_t counts[DENY_REASONS])
{
    json_t *o = json_object();

    for (int i = 0; i < DENY_REASONS; i++)
        if (counts[i] > 0)
            json_object_set_new(o, deny_reason_name((enum deny_reason)i),
                                json_integer((json_int_t)counts[i]));
    return o;
}

/* As many as fit into a record, and how many more there were. */
static json_t *list(const struct attempts *a, size_t *left)
{
    json_t *v = json_array();
    size_t bytes = 0, i;

    for (i = 0; i < a->n; i++) {
        json_t *one = attempt_json(&a->v[i]);
        size_t n = json_dumpb(one, NULL, 0, JSON_COMPACT) + 1;
        if (bytes + n > BATCH_BYTES) {
            json_decref(one);
            break;
        }
        bytes += n;
        json_array_append_new(v, one);
    }
    *left = a->n - i;
    return v;
}

json_t *attempts_batch(const struct attempts *a)
{
    size_t left;
    json_t *v = list(a, &left);

    /* denied = logged + sampled away; logged = kept + lost; of those kept some are only counted. */
    return json_pack("{s:o,s:I,s:o,s:o,s:o,s:I,s:I}", "attempts", v, "more", (json_int_t)left,
                     "denied", by_reason(a->denied), "logged", by_reason(a->logged), "kept",
                     by_reason(a->kept), "lost", (json_int_t)a->lost, "only_counted",
                     (json_int_t)a->overflow);
}
