/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Records to rows and rows to records: invitations. */
#include "gateway/invites.h"
#include "gateway/store_parts.h"

int64_t store_add_invite(struct store *s, const struct invite *x)
{
    return store_run_id(s, store_bind(s, Q_INVITE_ADD, "ittbbiiiii", I(x->user), x->name, x->by,
                                      (struct bytes){x->token, INVITE_HASH},
                                      (struct bytes){x->code, INVITE_HASH}, I(x->state),
                                      x->made.s, x->until.s, x->end_boot_ms, I(x->corp)));
}

void store_put_invite(struct store *s, const struct invite *x)
{
    store_run(s, store_bind(s, Q_INVITE_PUT, "iiiii", I(x->device), I(x->state), I(x->wrong),
                            x->ended.s, x->id));
}

static void read_invite(sqlite3_stmt *q, struct invite *x)
{
    *x = (struct invite){
        .id = store_number(q, 0, 1, INT64_MAX),
        .user = (uint32_t)store_number(q, 1, 1, USER_MAX),
        .state = (enum invite_state)store_number(q, 6, INVITE_OPEN, INVITE_VOID),
        .made = WALL(q, 7), .until = WALL(q, 8),
        .end_boot_ms = store_number(q, 9, 0, STORE_BOOT_MAX),
        .wrong = (unsigned)store_number(q, 10, 0, INVITE_TRIES), .ended = WALL(q, 11),
        .device = (uint32_t)store_number(q, 12, 0, DEVICE_MAX),
        .corp = FLAG(q, 13)};
    store_text(q, 2, x->name, sizeof x->name);
    store_text(q, 3, x->by, sizeof x->by);
    store_bytes(q, 4, x->token, sizeof x->token);
    store_bytes(q, 5, x->code, sizeof x->code);
}

static bool one(struct store *s, sqlite3_stmt *q, struct invite *out)
{
    bool found = store_row(s, q);

    if (found)
        read_invite(q, out);
    sqlite3_reset(q);
    return found;
}

bool store_get_invite(struct store *s, int64_t id, struct invite *out)
{
    return one(s, store_bind(s, Q_INVITE_GET, "i", id), out);
}

bool store_find_invite(struct store *s, const uint8_t token[INVITE_HASH], struct invite *out)
{
    return one(s, store_bind(s, Q_INVITE_FIND, "b", (struct bytes){token, INVITE_HASH}), out);
}

void store_each_invite(struct store *s, int64_t after, uint32_t user,
                       void (*each)(void *arg, const struct invite *x), void *arg)
{
    sqlite3_stmt *q = store_bind(s, Q_INVITES, "ii", after, I(user));
    struct invite x;

    while (store_row(s, q)) {
        read_invite(q, &x);
        each(arg, &x);
    }
}

int64_t store_count_invites(struct store *s, uint32_t user, struct wall now)
{
    sqlite3_stmt *q = store_bind(s, Q_INVITE_COUNT, "ii", I(user), now.s);
    int64_t n = store_row(s, q) ? store_number(q, 0, 0, INT64_MAX) : 0;

    sqlite3_reset(q);
    return n;
}

void store_void_invites(struct store *s, uint32_t user, struct wall now)
{
    store_run(s, store_bind(s, Q_INVITE_VOID, "ii", I(user), now.s));
}

void store_prune_invites(struct store *s, struct wall before)
{
    store_run(s, store_bind(s, Q_INVITE_PRUNE, "i", before.s));
}
