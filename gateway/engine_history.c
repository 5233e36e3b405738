/* SPDX-License-Identifier: GPL-2.0-or-later */
/* GET /v1/history: how many were in, and how much was denied, minute by minute of the last day. */
#include "gateway/clock.h"
#include "gateway/control.h"
#include "gateway/leases.h"

#define SAMPLE_S 60

static uint64_t denied_so_far(struct engine *e)
{
    uint64_t n = 0;

    attempts_read_counts(e);
    for (int i = 0; i < DENY_REASONS; i++)
        n += e->attempts.denied[i];
    return n;
}

void history_sample(struct engine *e)
{
    struct history *h = &e->history;
    uint64_t denied = denied_so_far(e);
    struct history_sample s = {.time = clock_wall(), .denied = h->next > 0 ? denied - h->denied : 0};

    for (size_t i = 0; i < e->n_devs; i++) {
        const struct dev *d = &e->devs[i];
        if (!d->state || !dev_should_enrol(e, d))
            continue;
        s.leases += lease_holds(d);
        s.quarantine += !lease_holds(d);
    }
    h->denied = denied;
    h->v[h->next++ % HISTORY_SAMPLES] = s;
}

void history_tick(struct engine *e)
{
    if (e->ticks % SAMPLE_S == 1)
        history_sample(e);
}

struct reply control_history(struct engine *e, struct request *q)
{
    const struct history *h = &e->history;
    json_t *items = json_array();
    uint64_t first = h->next > HISTORY_SAMPLES ? h->next - HISTORY_SAMPLES : 0;

    (void)q;
    for (uint64_t i = first; i < h->next; i++) {
        const struct history_sample *s = &h->v[i % HISTORY_SAMPLES];
        json_array_append_new(items, json_pack("{s:I,s:I,s:I,s:I}", "time", (json_int_t)s->time.s,
                                               "leases", (json_int_t)s->leases, "quarantine",
                                               (json_int_t)s->quarantine, "denied",
                                               (json_int_t)s->denied));
    }
    return (struct reply){200, json_pack("{s:o}", "items", items)};
}
