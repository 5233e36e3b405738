/* SPDX-License-Identifier: GPL-2.0-or-later */
/* TZif bytes: whatever they are, offsets stay small and changes go forward. */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include "policy/zone.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static void walk(const struct zone *z)
{
    static const int64_t starts[] = {-62135596800, -2500000000, 0,
                                     1700000000,   4200000000,  253402300799};

    for (size_t i = 0; i < sizeof starts / sizeof starts[0]; i++) {
        struct wall t = {starts[i]};

        for (int step = 0; step < 8; step++) {
            struct wall next = zone_next_change(z, t);
            struct local_time l = local_time(z, t);

            if (next.s <= t.s || zone_offset(z, t).s > 100000 || zone_offset(z, t).s < -100000)
                abort();
            if (l.month < 1 || l.month > 12 || l.day < 1 || l.day > 31 || l.weekday < 0 ||
                l.weekday > 6 || l.hour < 0 || l.hour > 23)
                abort();
            if (next.s == INT64_MAX || next.s > 253402300799)
                break;
            t = next;
        }
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    struct zone *z = zone_parse(data, len);

    if (z)
        walk(z);
    zone_free(z);
    return 0;
}
