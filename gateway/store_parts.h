/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Between store.c (the connection) and those that know what its rows mean; nobody else's. */
#ifndef GATEWAY_STORE_PARTS_H
#define GATEWAY_STORE_PARTS_H

#include <sqlite3.h>
#include <stdnoreturn.h>

#include "gateway/store.h"
#include "gateway/store_sql.h"

struct store {
    sqlite3 *db;
    sqlite3_stmt *q[Q_COUNT];
    bool open;                   /* a transaction is */
    enum store_result failed;    /* the first failure in it */
};

struct bytes { const void *p; size_t n; };

/* Binds by letters: i int64_t, t text (NULL allowed), b struct bytes. The statement is reset. */
sqlite3_stmt *store_bind(struct store *s, enum sql q, const char *types, ...);
/* A change: runs to the end; a failure sticks to the transaction. */
void store_run(struct store *s, sqlite3_stmt *q);
/* A change that answers with the id of its row (RETURNING); 0 when it failed. */
int64_t store_run_id(struct store *s, sqlite3_stmt *q);
/* A question: true while there is a row. */
bool store_row(struct store *s, sqlite3_stmt *q);
/* What a row holds, checked: a value that the engine cannot have written means that the database
 * is damaged, and ends the process. A number within bounds (NULL: 0, when that is); text that can
 * be shown and fits (NULL: ""); bytes, exactly n. */
noreturn void store_damaged(sqlite3_stmt *q, int col);
int64_t store_number(sqlite3_stmt *q, int col, int64_t least, int64_t most);
#define STORE_TIME_MAX INT64_C(253402300799)     /* seconds: 9999-12-31 */
#define STORE_BOOT_MAX (INT64_C(1) << 52)        /* milliseconds */
void store_text(sqlite3_stmt *q, int col, char *out, size_t size);
void store_bytes(sqlite3_stmt *q, int col, void *out, size_t n);

/* As rows are written and read: a number of any type as store_bind() wants it; a time, a flag. */
#define I(x) ((int64_t)(x))
#define WALL(q, col) ((struct wall){store_number(q, col, 0, STORE_TIME_MAX)})
#define FLAG(q, col) (store_number(q, col, 0, 1) != 0)

#endif
