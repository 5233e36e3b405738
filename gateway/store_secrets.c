/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Records to rows and rows to records: what people sign in with. */
#include <stdio.h>
#include <string.h>

#include "gateway/secrets.h"
#include "gateway/store_parts.h"

#define COL(q, i) sqlite3_column_int64(q, i)

static void read_secret(sqlite3_stmt *q, int col, struct secret *x)
{
    store_text(q, col, x->hash, sizeof x->hash);
    store_bytes(q, col + 1, x->totp, sizeof x->totp);
    x->step = COL(q, col + 2);
    x->made = (struct wall){COL(q, col + 3)};
}

bool store_get_secret(struct store *s, uint32_t user, struct secret *out)
{
    sqlite3_stmt *q = store_bind(s, Q_SECRET_GET, "i", I(user));
    bool found = store_row(s, q);

    if (found)
        read_secret(q, 0, out);
    sqlite3_reset(q);
    return found;
}

void store_put_secret(struct store *s, uint32_t user, const struct secret *x)
{
    store_run(s, store_bind(s, Q_SECRET_PUT, "itbii", I(user), x->hash,
                            (struct bytes){x->totp, sizeof x->totp}, x->step, x->made.s));
}

void store_drop_secret(struct store *s, uint32_t user)
{
    store_run(s, store_bind(s, Q_SECRET_DROP, "i", I(user)));
    store_run(s, store_bind(s, Q_RECOVERY_CLEAR, "i", I(user)));
}

bool store_get_setup(struct store *s, uint32_t user, struct sign_in_setup *out)
{
    sqlite3_stmt *q = store_bind(s, Q_SETUP_GET, "i", I(user));
    bool found = store_row(s, q);

    if (found) {
        store_bytes(q, 0, out->code, sizeof out->code);
        out->ends = (struct wall){COL(q, 1)};
        out->begun = COL(q, 2) != 0;
        read_secret(q, 3, &out->chosen);
    }
    sqlite3_reset(q);
    return found;
}

void store_put_setup(struct store *s, uint32_t user, const struct sign_in_setup *x)
{
    store_run(s, store_bind(s, Q_SETUP_PUT, "ibiitbii", I(user),
                            (struct bytes){x->code, sizeof x->code}, x->ends.s, I(x->begun),
                            x->chosen.hash, (struct bytes){x->chosen.totp, sizeof x->chosen.totp},
                            x->chosen.step, x->chosen.made.s));
}

void store_drop_setup(struct store *s, uint32_t user)
{
    store_run(s, store_bind(s, Q_SETUP_DROP, "i", I(user)));
}

void store_add_recovery(struct store *s, uint32_t user, const uint8_t hash[CODE_HASH])
{
    store_run(s, store_bind(s, Q_RECOVERY_ADD, "ib", I(user), (struct bytes){hash, CODE_HASH}));
}

bool store_has_recovery(struct store *s, uint32_t user, const uint8_t hash[CODE_HASH])
{
    sqlite3_stmt *q = store_bind(s, Q_RECOVERY_GET, "ib", I(user), (struct bytes){hash, CODE_HASH});
    bool found = store_row(s, q);

    sqlite3_reset(q);
    return found;
}

void store_drop_recovery(struct store *s, uint32_t user, const uint8_t hash[CODE_HASH])
{
    store_run(s, store_bind(s, Q_RECOVERY_DROP, "ib", I(user), (struct bytes){hash, CODE_HASH}));
}

int64_t store_count_recovery(struct store *s, uint32_t user)
{
    sqlite3_stmt *q = store_bind(s, Q_RECOVERY_COUNT, "i", I(user));
    int64_t n = store_row(s, q) ? COL(q, 0) : 0;

    sqlite3_reset(q);
    return n;
}
