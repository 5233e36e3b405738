/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Records to rows and rows to records: who administers. */
#include "gateway/store_parts.h"

void store_put_admin(struct store *s, uint32_t user, const struct admin *a)
{
    store_run(s, store_bind(s, Q_ADMIN_PUT, "iiit", I(user), I(a->right), a->since.s,
                            a->by));
}

void store_drop_admin(struct store *s, uint32_t user)
{
    store_run(s, store_bind(s, Q_ADMIN_DROP, "i", I(user)));
}

void store_each_admin(struct store *s, void (*each)(void *arg, uint32_t user, const struct admin *a),
                      void *arg)
{
    sqlite3_stmt *q = store_bind(s, Q_ADMINS, "");
    struct admin a;

    while (store_row(s, q)) {
        uint32_t user = (uint32_t)store_number(q, 0, 1, USER_MAX);
        a = (struct admin){.right = (enum right)store_number(q, 1, RIGHT_READ, RIGHT_OWN),
                           .since = WALL(q, 2)};
        store_text(q, 3, a.by, sizeof a.by);
        each(arg, user, &a);
    }
}
