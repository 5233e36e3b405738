/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Records to rows and rows to records: what attempts have brought on devices. */
#include <string.h>

#include "gateway/store_parts.h"

#define COL(q, i) sqlite3_column_int64(q, i)

void store_put_hold(struct store *s, const struct hold *h)
{
    store_run(s, store_bind(s, Q_HOLD_PUT, "iiiiiiiiiitb", I(h->device), I(h->kind), I(h->withheld),
                            I(h->pattern), I(h->rule.count), h->rule.within.s, h->rule.time.s,
                            h->since.s, h->until.s, h->end_boot_ms, h->by,
                            (struct bytes){h->attempts, sizeof h->attempts}));
}

void store_drop_hold(struct store *s, uint32_t device)
{
    store_run(s, store_bind(s, Q_HOLD_DROP, "i", I(device)));
}

static void read_hold(sqlite3_stmt *q, struct hold *h)
{
    *h = (struct hold){
        .device = (uint32_t)store_number(q, 0, 1, DEVICE_MAX),
        .kind = (enum hold_kind)store_number(q, 1, HOLD_QUARANTINE, HOLD_LOCK),
        .withheld = FLAG(q, 2),
        .pattern = (enum pattern)store_number(q, 3, 0, PATTERNS - 1),
        .rule = {.count = (uint16_t)store_number(q, 4, 0, PATTERN_COUNT_MAX),
                 .within = {store_number(q, 5, 0, PATTERN_WITHIN_MAX)},
                 .time = {store_number(q, 6, 0, STORE_TIME_MAX)}},
        .since = WALL(q, 7),
        .until = WALL(q, 8),
        .end_boot_ms = store_number(q, 9, 0, STORE_BOOT_MAX)};
    h->rule.action = h->kind == HOLD_LOCK ? ACTION_LOCK : ACTION_QUARANTINE;
    store_text(q, 10, h->by, sizeof h->by);
    store_bytes(q, 11, h->attempts, sizeof h->attempts);
}

void store_each_hold(struct store *s, void (*each)(void *arg, const struct hold *h), void *arg)
{
    sqlite3_stmt *q = store_bind(s, Q_HOLDS, "");
    struct hold h;

    while (store_row(s, q)) {
        read_hold(q, &h);
        each(arg, &h);
    }
}

void store_newest_attempts(struct store *s, const char *device, enum attempt_kind kind, int reason,
                           struct wall since, int64_t out[HOLD_ATTEMPTS])
{
    sqlite3_stmt *q = store_bind(s, Q_ATTEMPT_NEWEST, "tiiii", device, I(kind), since.s, I(reason),
                                 I(HOLD_ATTEMPTS));
    size_t n = 0;

    memset(out, 0, HOLD_ATTEMPTS * sizeof *out);
    while (store_row(s, q))
        out[n++] = COL(q, 0);
}
