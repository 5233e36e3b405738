/* SPDX-License-Identifier: GPL-2.0-or-later */
/* How often somebody outside may try to enrol. */
#include "gateway/enrol_limits.h"

#include "gateway/engine.h"
#include "policy/address.h"

static struct enrol_place *place_of(struct enrol_limits *l, const struct ip_addr *who)
{
    struct enrol_place *oldest = &l->v[0];

    for (size_t i = 0; i < ENROL_PLACES; i++) {
        if (ip_cmp(&l->v[i].who, who) == 0)
            return &l->v[i];
        if (l->v[i].tries.at_ms < oldest->tries.at_ms)
            oldest = &l->v[i];
    }
    *oldest = (struct enrol_place){.who = *who};
    return oldest;
}

bool enrol_limits_take(struct enrol_limits *l, const struct ip_addr *from, int64_t now_ms)
{
    struct ip_addr who = ip_owner(from);

    return bucket_take(&place_of(l, &who)->tries, now_ms, ENROL_BURST, ENROL_PER_MINUTE) &&
           bucket_take(&l->all, now_ms, ENROL_ALL_BURST, ENROL_ALL_PER_MINUTE);
}
