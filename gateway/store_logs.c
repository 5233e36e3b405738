/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Records to rows and rows to records: access classes, policies, attempts, the audit outbox. */
#include <stdlib.h>
#include <string.h>

#include "gateway/log.h"
#include "gateway/store_parts.h"
#include "policy/address.h"

#define COL(q, i) sqlite3_column_int64(q, i)

void store_put_class(struct store *s, uint16_t id, const void *permits, size_t n)
{
    store_run(s, store_bind(s, Q_CLASS_PUT, "ib", I(id), (struct bytes){permits, n}));
}

void store_drop_class(struct store *s, uint16_t id)
{
    store_run(s, store_bind(s, Q_CLASS_DROP, "i", I(id)));
}

void store_each_class(struct store *s,
                      void (*each)(void *arg, uint16_t id, const uint8_t *permits, size_t n),
                      void *arg)
{
    sqlite3_stmt *q = store_bind(s, Q_CLASSES, "");

    while (store_row(s, q))
        each(arg, (uint16_t)store_number(q, 0, 1, CLASS_MAX), sqlite3_column_blob(q, 1),
             (size_t)sqlite3_column_bytes(q, 1));
}

/* ---- policies ------------------------------------------------------------------------------- */

int64_t store_add_policy(struct store *s, const struct policy_version *v, const char *text,
                         size_t len)
{
    store_run(s, store_bind(s, Q_POLICY_ADD, "bitb", (struct bytes){v->sha256, sizeof v->sha256},
                            v->at.s, v->by, (struct bytes){text, len}));
    return s->failed == STORE_OK ? sqlite3_last_insert_rowid(s->db) : 0;
}

static void copy_text(sqlite3_stmt *q, int col, char **text, size_t *len)
{
    *len = (size_t)sqlite3_column_bytes(q, col);
    *text = malloc(*len + 1);
    if (!*text)
        fatal("out of memory");
    if (*len > 0)
        store_bytes(q, col, *text, *len);
    (*text)[*len] = '\0';
}

enum store_result store_get_policy(struct store *s, int64_t version, struct policy_version *out,
                                   char **text, size_t *len)
{
    int64_t in_force = store_get(s, "policy", 0);
    sqlite3_stmt *q = store_bind(s, Q_POLICY_GET, "i", version ? version : in_force);

    if (!store_row(s, q))
        return STORE_NONE;
    *out = (struct policy_version){.version = COL(q, 0), .at = WALL(q, 2)};
    store_bytes(q, 1, out->sha256, sizeof out->sha256);
    store_text(q, 3, out->by, sizeof out->by);
    if (text)
        copy_text(q, 4, text, len);
    sqlite3_reset(q);
    if (out->version == in_force) {
        out->confirm_until.s = store_get(s, "policy_confirm_until", 0);
        out->previous = store_get(s, "policy_previous", 0);
    }
    return STORE_OK;
}

void store_policy_in_force(struct store *s, int64_t version, struct wall confirm_until,
                           int64_t previous)
{
    store_set(s, "policy", version);
    store_set(s, "policy_confirm_until", confirm_until.s);
    store_set(s, "policy_previous", previous);
}

/* ---- attempts ------------------------------------------------------------------------------- */

int64_t store_add_attempt(struct store *s, const struct attempt *a)
{
    sqlite3_stmt *q = store_bind(s, Q_ATTEMPT_ADD, "itttttbbiiiiiiiiii", I(a->kind), a->actor,
                                 a->user, a->device, a->role, a->resource,
                                 (struct bytes){&a->source, sizeof a->source},
                                 (struct bytes){&a->destination, sizeof a->destination},
                                 I(a->proto), I(a->port), I(a->reason), I(a->code), I(a->why),
                                 a->first.s, a->last.s, I(a->count), I(a->file), a->ended.s);

    return store_run_id(s, q);
}

void store_prune_attempts(struct store *s, int64_t keep)
{
    store_run(s, store_bind(s, Q_ATTEMPT_PRUNE, "i", keep));
}

void store_prune_old_attempts(struct store *s, struct wall before)
{
    store_run(s, store_bind(s, Q_ATTEMPT_PRUNE_OLD, "i", before.s));
}

static void read_address(sqlite3_stmt *q, int col, struct ip_addr *a)
{
    store_bytes(q, col, a, sizeof *a);
    if (a->family != 0 && a->family != 4 && a->family != 6)
        store_damaged(q, col);
}

static void read_attempt(sqlite3_stmt *q, struct attempt *a)
{
    *a = (struct attempt){
        .id = COL(q, 0), .kind = (enum attempt_kind)store_number(q, 1, 0, ATTEMPT_KINDS - 1),
        .proto = (uint8_t)store_number(q, 9, 0, UINT8_MAX),
        .port = (uint16_t)store_number(q, 10, 0, UINT16_MAX),
        .reason = (uint8_t)store_number(q, 11, 0, UINT8_MAX),
        .code = (uint16_t)store_number(q, 12, 0, UINT16_MAX),
        .why = (uint8_t)store_number(q, 13, 0, UINT8_MAX), .first = WALL(q, 14),
        .last = WALL(q, 15), .count = (uint64_t)store_number(q, 16, 0, INT64_MAX),
        .file = (uint32_t)store_number(q, 17, 0, UINT32_MAX), .ended = WALL(q, 18)};
    store_text(q, 2, a->actor, sizeof a->actor);
    store_text(q, 3, a->user, sizeof a->user);
    store_text(q, 4, a->device, sizeof a->device);
    store_text(q, 5, a->role, sizeof a->role);
    store_text(q, 6, a->resource, sizeof a->resource);
    read_address(q, 7, &a->source);
    read_address(q, 8, &a->destination);
}

enum store_result store_get_attempt(struct store *s, int64_t id, struct attempt *out)
{
    sqlite3_stmt *q = store_bind(s, Q_ATTEMPT_GET, "i", id);

    if (!store_row(s, q))
        return STORE_NONE;
    read_attempt(q, out);
    sqlite3_reset(q);
    return STORE_OK;
}

void store_each_attempt(struct store *s, const struct attempt_filter *f,
                        void (*each)(void *arg, const struct attempt *a), void *arg)
{
    struct ip_addr at = {0};
    bool placed = f->q && ip_parse(f->q, strlen(f->q), &at);
    sqlite3_stmt *q = store_bind(s, f->newest ? Q_ATTEMPTS_BACK : Q_ATTEMPTS,
                                 f->newest ? "iiitttiiiitbii" : "iiitttiiiitb", f->after, f->since,
                                 f->until, f->user, f->device, f->role, I(f->kind), I(f->reason),
                                 I(f->code), f->limit, f->q,
                                 (struct bytes){&at, placed ? sizeof at : 0}, f->before_last,
                                 f->before_id);
    struct attempt a;

    while (store_row(s, q)) {
        read_attempt(q, &a);
        each(arg, &a);
    }
}

void store_each_attempt_of(struct store *s, const char *device, const char *user, struct wall since,
                           int64_t last, int64_t id, int64_t limit,
                           void (*each)(void *arg, const struct attempt *a), void *arg)
{
    sqlite3_stmt *q = store_bind(s, Q_ATTEMPTS_OF, "ttiiii", device, user, since.s, last, id, limit);
    struct attempt a;

    while (store_row(s, q)) {
        read_attempt(q, &a);
        each(arg, &a);
    }
}

/* ---- handshakes ------------------------------------------------------------------------------ */

void store_put_handshake(struct store *s, uint32_t device, const uint8_t time[HANDSHAKE_TIME])
{
    store_run(s, store_bind(s, Q_HANDSHAKE_PUT, "ib", I(device),
                            (struct bytes){time, HANDSHAKE_TIME}));
}

void store_each_handshake(struct store *s,
                          void (*each)(void *arg, uint32_t device,
                                       const uint8_t time[HANDSHAKE_TIME]), void *arg)
{
    sqlite3_stmt *q = store_bind(s, Q_HANDSHAKES, "");
    uint8_t time[HANDSHAKE_TIME];

    while (store_row(s, q)) {
        store_bytes(q, 1, time, sizeof time);
        each(arg, (uint32_t)store_number(q, 0, 1, DEVICE_MAX), time);
    }
}

/* ---- audit outbox --------------------------------------------------------------------------- */

void store_put_outbox(struct store *s, uint64_t seq, const void *record, size_t n)
{
    store_run(s, store_bind(s, Q_OUTBOX_PUT, "ib", I(seq), (struct bytes){record, n}));
}

void store_drop_outbox(struct store *s, uint64_t up_to)
{
    store_run(s, store_bind(s, Q_OUTBOX_DROP, "i", I(up_to)));
}

void store_each_outbox(struct store *s, void (*each)(void *arg, const uint8_t *record, size_t n),
                       void *arg)
{
    sqlite3_stmt *q = store_bind(s, Q_OUTBOX, "");

    while (store_row(s, q))
        each(arg, sqlite3_column_blob(q, 0), (size_t)sqlite3_column_bytes(q, 0));
}
