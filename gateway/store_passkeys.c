/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Records to rows and rows to records: passkeys. */
#include <string.h>

#include "gateway/passkeys.h"
#include "gateway/store_parts.h"

static void read_id(sqlite3_stmt *q, int col, struct credential *c)
{
    size_t n = (size_t)sqlite3_column_bytes(q, col);

    if (n < CREDENTIAL_MIN || n > CREDENTIAL_MAX)
        store_damaged(q, col);
    store_bytes(q, col, c->id, n);
    c->id_len = (uint16_t)n;
}

static void read_passkey(sqlite3_stmt *q, struct passkey *k)
{
    *k = (struct passkey){.id = store_number(q, 0, 1, INT64_MAX),
                          .user = (uint32_t)store_number(q, 1, 1, USER_MAX),
                          .stopped = FLAG(q, 7), .made = WALL(q, 9), .used = WALL(q, 10)};
    read_id(q, 2, &k->c);
    k->c.alg = (enum fido_alg)store_number(q, 3, FIDO_ES256, FIDO_EDDSA);
    store_bytes(q, 4, k->c.key, sizeof k->c.key);
    k->c.counter = (uint32_t)store_number(q, 5, 0, UINT32_MAX);
    k->c.synced = FLAG(q, 6);
    store_text(q, 8, k->name, sizeof k->name);
}

size_t store_get_passkeys(struct store *s, uint32_t user, struct passkey *out, size_t max)
{
    sqlite3_stmt *q = store_bind(s, Q_PASSKEYS, "ii", I(user), I(max));
    size_t n = 0;

    while (n < max && store_row(s, q))
        read_passkey(q, &out[n++]);
    sqlite3_reset(q);
    return n;
}

bool store_find_passkey(struct store *s, const uint8_t *credential, size_t n, struct passkey *out)
{
    sqlite3_stmt *q = store_bind(s, Q_PASSKEY_FIND, "b", (struct bytes){credential, n});
    bool found = store_row(s, q);

    if (found)
        read_passkey(q, out);
    sqlite3_reset(q);
    return found;
}

void store_add_passkey(struct store *s, const struct passkey *k)
{
    store_run(s, store_bind(s, Q_PASSKEY_ADD, "ibibiiitii", I(k->user),
                            (struct bytes){k->c.id, k->c.id_len}, I(k->c.alg),
                            (struct bytes){k->c.key, sizeof k->c.key}, I(k->c.counter),
                            I(k->c.synced), I(k->stopped), k->name, k->made.s, k->used.s));
}

void store_put_passkey(struct store *s, const struct passkey *k)
{
    store_run(s, store_bind(s, Q_PASSKEY_PUT, "iitii", I(k->c.counter), I(k->stopped), k->name,
                            k->used.s, k->id));
}

void store_drop_passkey(struct store *s, int64_t id)
{
    store_run(s, store_bind(s, Q_PASSKEY_DROP, "i", id));
}

void store_drop_passkeys(struct store *s, uint32_t user)
{
    store_run(s, store_bind(s, Q_PASSKEYS_DROP, "i", I(user)));
}
