/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Records to rows and rows to records: what people have signed. */
#include <sodium.h>
#include <string.h>

#include "gateway/acknowledge.h"
#include "gateway/store_parts.h"
#include "policy/person.h"

void store_put_asked(struct store *s, uint32_t user, struct wall asked)
{
    static const uint8_t none[crypto_hash_sha256_BYTES];

    store_run(s, store_bind(s, Q_ASKED_PUT, "iib", I(user), asked.s,
                            (struct bytes){none, sizeof none}));
}

void store_put_signed(struct store *s, uint32_t user, const struct acknowledgement *a,
                      const char *device, const char *text, size_t len)
{
    store_run(s, store_bind(s, Q_SIGNED_PUT, "iiiibtb", I(user), a->asked.s, a->at.s, a->version,
                            (struct bytes){a->sha256, sizeof a->sha256}, device,
                            (struct bytes){text, len}));
}

void store_each_signed(struct store *s, void (*each)(void *arg, uint32_t user,
                                                     const struct acknowledgement *a), void *arg)
{
    sqlite3_stmt *q = store_bind(s, Q_SIGNED, "");

    while (store_row(s, q)) {
        struct acknowledgement a = {.asked = WALL(q, 1), .at = WALL(q, 2),
                                    .version = store_number(q, 3, 0, INT64_MAX)};
        store_bytes(q, 4, a.sha256, sizeof a.sha256);
        each(arg, (uint32_t)store_number(q, 0, 1, USER_MAX), &a);
    }
}

char *store_get_signed(struct store *s, uint32_t user)
{
    sqlite3_stmt *q = store_bind(s, Q_SIGNED_TEXT, "i", I(user));
    uint8_t sha256[crypto_hash_sha256_BYTES], kept[sizeof sha256];
    char *text = NULL;

    if (!store_row(s, q))
        return NULL;
    const void *p = sqlite3_column_blob(q, 0);
    size_t n = (size_t)sqlite3_column_bytes(q, 0);
    if (n >= PERSON_TEXT_MAX)
        store_damaged(q, 0);
    crypto_hash_sha256(sha256, p ? p : "", n);
    store_bytes(q, 1, kept, sizeof kept);
    if (memcmp(sha256, kept, sizeof kept) != 0)
        store_damaged(q, 0);
    text = strndup(p ? p : "", n);
    sqlite3_reset(q);
    return text;
}
