/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Records to rows and rows to records: visits. */
#include "gateway/store_parts.h"
#include "gateway/visits.h"

void store_begin_visit(struct store *s, uint32_t device, uint32_t user, const char *roles,
                       struct wall now)
{
    store_run(s, store_bind(s, Q_VISIT_BEGIN, "iiti", I(device), I(user), roles, now.s));
}

void store_end_visit(struct store *s, uint32_t device, struct wall now, enum decide_reason why)
{
    store_run(s, store_bind(s, Q_VISIT_END, "iii", I(device), now.s, I(why)));
}

static void read_visit(sqlite3_stmt *q, struct visit *v)
{
    *v = (struct visit){
        .id = store_number(q, 0, 1, INT64_MAX),
        .device = (uint32_t)store_number(q, 1, 1, DEVICE_MAX),
        .user = (uint32_t)store_number(q, 2, 0, USER_MAX),
        .began = WALL(q, 4), .ended = WALL(q, 5),
        .why = (enum decide_reason)store_number(q, 6, 0, DECIDE_REASONS - 1)};
    store_text(q, 3, v->roles, sizeof v->roles);
}

void store_each_visit(struct store *s, uint32_t user, int64_t before, struct wall since,
                      int64_t limit, void (*each)(void *arg, const struct visit *v), void *arg)
{
    sqlite3_stmt *q = store_bind(s, Q_VISITS, "iiii", I(user), before, since.s, limit);
    struct visit v;

    while (store_row(s, q)) {
        read_visit(q, &v);
        each(arg, &v);
    }
}

void store_prune_visits(struct store *s, struct wall before, int64_t keep)
{
    store_run(s, store_bind(s, Q_VISIT_PRUNE, "ii", before.s, keep));
}
