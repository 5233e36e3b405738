/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The queues of the outlets. */
#include "gateway/store_parts.h"
#include "policy/outlets.h"

void store_add_delivery(struct store *s, const char *outlet, const void *event, size_t n)
{
    store_run(s, store_bind(s, Q_DELIVERY_ADD, "tb", outlet, (struct bytes){event, n}));
}

void store_each_delivery(struct store *s, const char *outlet, int64_t after, int64_t limit,
                         void (*each)(void *arg, int64_t id, const void *event, size_t n),
                         void *arg)
{
    sqlite3_stmt *q = store_bind(s, Q_DELIVERIES, "tii", outlet, after, limit);

    while (store_row(s, q))
        each(arg, sqlite3_column_int64(q, 0), sqlite3_column_blob(q, 1),
             (size_t)sqlite3_column_bytes(q, 1));
}

/* The one number of a question's first row; 0 when it has none. */
static int64_t number(struct store *s, sqlite3_stmt *q)
{
    int64_t n = 0;

    if (store_row(s, q)) {
        n = sqlite3_column_int64(q, 0);
        sqlite3_reset(q);
    }
    return n;
}

uint64_t store_count_deliveries(struct store *s, const char *outlet)
{
    return (uint64_t)number(s, store_bind(s, Q_DELIVERY_COUNT, "t", outlet));
}

void store_drop_deliveries(struct store *s, const char *outlet, int64_t up_to)
{
    store_run(s, store_bind(s, Q_DELIVERY_DROP, "ti", outlet, up_to));
}

int64_t store_nth_delivery(struct store *s, const char *outlet, uint64_t n)
{
    return n == 0 ? 0 : number(s, store_bind(s, Q_DELIVERY_NTH, "ti", outlet, I(n - 1)));
}

void store_each_outlet(struct store *s, void (*each)(void *arg, const char *outlet), void *arg)
{
    sqlite3_stmt *q = store_bind(s, Q_DELIVERY_OUTLETS, "");
    char name[OUTLET_NAME];

    while (store_row(s, q)) {
        store_text(q, 0, name, sizeof name);
        each(arg, name);
    }
}

struct outlet_books store_get_outlet(struct store *s, const char *outlet)
{
    sqlite3_stmt *q = store_bind(s, Q_OUTLET_GET, "t", outlet);
    struct outlet_books b = {0};

    if (store_row(s, q)) {
        b = (struct outlet_books){(uint64_t)sqlite3_column_int64(q, 0),
                                  (uint64_t)sqlite3_column_int64(q, 1)};
        sqlite3_reset(q);
    }
    return b;
}

void store_put_outlet(struct store *s, const char *outlet, const struct outlet_books *b)
{
    store_run(s, store_bind(s, Q_OUTLET_PUT, "tii", outlet, I(b->delivered), I(b->dropped)));
}
