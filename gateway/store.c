/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The connection: opening, migrating, transactions, and one way to run each statement.
 *
 * SQLite 3.40 has a race between several WAL connections: there is one, it locks the file for
 * itself, and with locking_mode=EXCLUSIVE the WAL index lives in our memory and not in a file.
 */
#include "gateway/store.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "gateway/log.h"
#include "gateway/store_parts.h"
#include "policy/json_bounds.h"

#define RESERVE_FILE "reserve"
#define RESERVE_BYTES (4 << 20)
#define VERSIONS ((int)(sizeof store_migrations / sizeof store_migrations[0]))

static const char *const sql_text[Q_COUNT] = {
#define X(name, text) [name] = text,
    STATEMENTS(X)
#undef X
};

/* ---- failures ------------------------------------------------------------------------------- */

/* A full disk and a taken name are the caller's; all else means that what was promised durable
 * may not be: the engine ends, and enforcement goes on without it. */
static enum store_result failure(struct store *s, int rc)
{
    switch (rc & 0xff) {
    case SQLITE_FULL:
        return STORE_FULL;
    case SQLITE_CONSTRAINT:
        return STORE_TAKEN;
    }
    fatal("the database: %s (%s)", sqlite3_errmsg(s->db), sqlite3_errstr(rc));
}

static void stick(struct store *s, enum store_result r)
{
    if (s->failed == STORE_OK)
        s->failed = r;
}

/* ---- statements ----------------------------------------------------------------------------- */

sqlite3_stmt *store_bind(struct store *s, enum sql q, const char *types, ...)
{
    sqlite3_stmt *st = s->q[q];
    va_list args;

    sqlite3_reset(st);
    sqlite3_clear_bindings(st);
    va_start(args, types);
    for (int i = 1; types[i - 1]; i++) {
        int rc = SQLITE_MISUSE;
        if (types[i - 1] == 'i') {
            rc = sqlite3_bind_int64(st, i, va_arg(args, int64_t));
        } else if (types[i - 1] == 't') {
            rc = sqlite3_bind_text(st, i, va_arg(args, const char *), -1, SQLITE_STATIC);
        } else if (types[i - 1] == 'b') {
            struct bytes b = va_arg(args, struct bytes);
            rc = sqlite3_bind_blob64(st, i, b.n ? b.p : "", b.n, SQLITE_STATIC);
        }
        if (rc != SQLITE_OK)
            fatal("the database: cannot bind value %d of '%s'", i, sql_text[q]);
    }
    va_end(args);
    return st;
}

void store_run(struct store *s, sqlite3_stmt *q)
{
    if (s->failed != STORE_OK) {
        sqlite3_reset(q);
        return;
    }
    int rc = sqlite3_step(q);
    if (rc != SQLITE_DONE && rc != SQLITE_ROW)
        stick(s, failure(s, rc));
    sqlite3_reset(q);
}

int64_t store_run_id(struct store *s, sqlite3_stmt *q)
{
    int rc = s->failed == STORE_OK ? sqlite3_step(q) : SQLITE_ABORT;
    int64_t id = rc == SQLITE_ROW ? sqlite3_column_int64(q, 0) : 0;

    if (s->failed == STORE_OK && rc != SQLITE_ROW)
        stick(s, failure(s, rc));
    sqlite3_reset(q);
    return id;
}

bool store_row(struct store *s, sqlite3_stmt *q)
{
    int rc = sqlite3_step(q);

    if (rc == SQLITE_ROW)
        return true;
    if (rc != SQLITE_DONE)
        (void)failure(s, rc);
    sqlite3_reset(q);
    return false;
}

noreturn void store_damaged(sqlite3_stmt *q, int col)
{
    fatal("the database is damaged: '%s' column %d", sqlite3_sql(q), col);
}

int64_t store_number(sqlite3_stmt *q, int col, int64_t least, int64_t most)
{
    int type = sqlite3_column_type(q, col);
    int64_t v = sqlite3_column_int64(q, col);

    if ((type != SQLITE_INTEGER && type != SQLITE_NULL) || v < least || v > most)
        store_damaged(q, col);
    return v;
}

void store_text(sqlite3_stmt *q, int col, char *out, size_t size)
{
    const unsigned char *t = sqlite3_column_text(q, col);
    size_t n = (size_t)sqlite3_column_bytes(q, col);

    if (n >= size || (n > 0 && !text_printable((const char *)t, n)))
        store_damaged(q, col);
    if (n > 0)
        memcpy(out, t, n);
    out[n] = '\0';
}

void store_bytes(sqlite3_stmt *q, int col, void *out, size_t n)
{
    const void *p = sqlite3_column_blob(q, col);

    if (!p || (size_t)sqlite3_column_bytes(q, col) != n)
        store_damaged(q, col);
    memcpy(out, p, n);
}

/* ---- transactions --------------------------------------------------------------------------- */

void store_begin(struct store *s)
{
    if (s->open)
        fatal("a transaction inside a transaction");
    s->failed = STORE_OK;
    s->open = true;
    store_run(s, store_bind(s, Q_BEGIN, ""));
}

void store_rollback(struct store *s)
{
    if (s->open && !sqlite3_get_autocommit(s->db)) {
        s->failed = STORE_OK;
        store_run(s, store_bind(s, Q_ROLLBACK, ""));
    }
    s->open = false;
}

enum store_result store_commit(struct store *s)
{
    store_run(s, store_bind(s, Q_COMMIT, ""));

    enum store_result r = s->failed;
    if (r != STORE_OK)
        store_rollback(s);
    s->open = false;
    s->failed = STORE_OK;
    return r;
}

/* ---- hard times ----------------------------------------------------------------------------- */

static void keep_reserve(void)
{
    int fd = open(RESERVE_FILE, O_WRONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);

    if (fd < 0 || posix_fallocate(fd, 0, RESERVE_BYTES) != 0)
        log_warn("no space can be kept in reserve for a full disk");
    if (fd >= 0)
        close(fd);
}

bool store_release_reserve(struct store *s)
{
    (void)s;
    return unlink(RESERVE_FILE) == 0;
}

/* ---- opening -------------------------------------------------------------------------------- */

static int explain(struct store *s, int rc, char why[256])
{
    switch (rc & 0xff) {
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
        snprintf(why, 256, "the state directory is in use by another portcullisd");
        break;
    case SQLITE_CANTOPEN:
    case SQLITE_READONLY:
        snprintf(why, 256, "the database portcullis.db cannot be opened: it must be a file, no link, "
                 "that this role's user may read and write");
        break;
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
        snprintf(why, 256, "the database portcullis.db is damaged (%s): put the state directory "
                 "back from a copy", sqlite3_errmsg(s->db));
        break;
    default:
        snprintf(why, 256, "the database portcullis.db: %s", sqlite3_errmsg(s->db));
    }
    return -1;
}

static int configure(struct store *s, char why[256])
{
    static const char pragmas[] =
        "PRAGMA locking_mode=EXCLUSIVE; PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL;"
        "PRAGMA temp_store=MEMORY; PRAGMA mmap_size=0; PRAGMA foreign_keys=ON;"
        "PRAGMA cache_size=-2000; PRAGMA trusted_schema=OFF; PRAGMA journal_size_limit=4194304;"
        "BEGIN EXCLUSIVE; COMMIT;";
    int rc = sqlite3_exec(s->db, pragmas, NULL, NULL, NULL);

    return rc == SQLITE_OK ? 0 : explain(s, rc, why);
}

static int one_text(void *arg, int n, char **v, char **names)
{
    (void)names;
    if (n == 1 && v[0])
        snprintf(arg, 200, "%s", v[0]);
    return 0;
}

static int check_integrity(struct store *s, char why[256])
{
    char found[200] = "";
    int rc = sqlite3_exec(s->db, "PRAGMA quick_check(1)", one_text, found, NULL);

    if (rc != SQLITE_OK)
        return explain(s, rc, why);
    if (strcmp(found, "ok") == 0)
        return 0;
    for (char *c = found; *c; c++)
        if (*c == '\n')
            *c = ' ';
    snprintf(why, 256, "the database portcullis.db is damaged (%.150s): put the state directory back "
             "from a copy", found);
    return -1;
}

static int migrate(struct store *s, char why[256])
{
    char text[200] = "", done[64];
    int rc = sqlite3_exec(s->db, "PRAGMA user_version", one_text, text, NULL);
    long version = strtol(text, NULL, 10);

    if (version > VERSIONS) {
        snprintf(why, 256, "portcullis.db was written by a newer portcullisd (schema %ld, this one "
                 "knows %d): install that version again", version, VERSIONS);
        return -1;
    }
    for (; rc == SQLITE_OK && version < VERSIONS; version++) {
        snprintf(done, sizeof done, "PRAGMA user_version=%ld; COMMIT;", version + 1);
        rc = sqlite3_exec(s->db, "BEGIN IMMEDIATE", NULL, NULL, NULL);
        if (rc == SQLITE_OK)
            rc = sqlite3_exec(s->db, store_migrations[version], NULL, NULL, NULL);
        if (rc == SQLITE_OK)
            rc = sqlite3_exec(s->db, done, NULL, NULL, NULL);
    }
    return rc == SQLITE_OK ? 0 : explain(s, rc, why);
}

static int prepare(struct store *s, char why[256])
{
    for (int i = 0; i < Q_COUNT; i++) {
        int rc = sqlite3_prepare_v3(s->db, sql_text[i], -1, SQLITE_PREPARE_PERSISTENT, &s->q[i],
                                    NULL);
        if (rc != SQLITE_OK)
            return explain(s, rc, why);
    }
    return 0;
}

int store_open(struct store **out, const char *file, char why[256])
{
    struct store *s = calloc(1, sizeof *s);

    if (!s)
        fatal("out of memory");
    int rc = sqlite3_open_v2(file, &s->db,
                             SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX |
                                 SQLITE_OPEN_NOFOLLOW, NULL);
    if (rc != SQLITE_OK)
        explain(s, rc, why);
    if (rc != SQLITE_OK || configure(s, why) < 0 || check_integrity(s, why) < 0 ||
        migrate(s, why) < 0 || prepare(s, why) < 0) {
        store_close(s);
        return -1;
    }
    keep_reserve();
    *out = s;
    return 0;
}

void store_close(struct store *s)
{
    if (!s)
        return;
    for (int i = 0; i < Q_COUNT; i++)
        sqlite3_finalize(s->q[i]);
    sqlite3_close(s->db);
    free(s);
}
