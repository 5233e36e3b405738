/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Holds in memory, and their time: by the clock that nobody sets while the machine runs. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "gateway/clock.h"
#include "gateway/log.h"
#include "gateway/respond.h"

/* ---- the list ------------------------------------------------------------------------------- */

/* The place of a device in the list: where it is, or where it would be. */
static size_t place_of(const struct engine *e, uint32_t device)
{
    size_t low = 0, high = e->n_holds;

    while (low < high) {
        size_t mid = (low + high) / 2;
        if (e->holds[mid].device < device)
            low = mid + 1;
        else
            high = mid;
    }
    return low;
}

static bool held_at(const struct engine *e, size_t i, uint32_t device)
{
    return i < e->n_holds && e->holds[i].device == device;
}

struct hold *hold_of(struct engine *e, const struct dev *d)
{
    size_t i = place_of(e, d->k.index);

    return held_at(e, i, d->k.index) ? &e->holds[i] : NULL;
}

struct hold *hold_put(struct engine *e, const struct hold *h)
{
    size_t i = place_of(e, h->device);

    if (!held_at(e, i, h->device)) {
        e->holds = reallocarray(e->holds, e->n_holds + 1, sizeof *e->holds);
        if (!e->holds)
            fatal("out of memory");
        memmove(e->holds + i + 1, e->holds + i, (e->n_holds - i) * sizeof *e->holds);
        e->n_holds++;
    }
    e->holds[i] = *h;
    dev_by_index(e, h->device)->hold = h->withheld ? HOLD_NONE : h->kind;
    return &e->holds[i];
}

void hold_drop(struct engine *e, struct dev *d)
{
    size_t i = place_of(e, d->k.index);

    d->hold = HOLD_NONE;
    if (!held_at(e, i, d->k.index))
        return;
    memmove(e->holds + i, e->holds + i + 1, (e->n_holds - i - 1) * sizeof *e->holds);
    e->n_holds--;
}

void holds_clear(struct engine *e) { free(e->holds); }

/* ---- time ----------------------------------------------------------------------------------- */

int64_t hold_left_ms(const struct hold *h)
{
    if (h->until.s == 0)
        return INT64_MAX;
    int64_t left = h->end_boot_ms - clock_boot_ms();
    return left > 0 ? left : 0;
}

struct wall hold_until(struct engine *e, const struct dev *d)
{
    const struct hold *h = d->hold == HOLD_QUARANTINE ? hold_of(e, d) : NULL;
    int64_t left = h ? hold_left_ms(h) : 0;

    return (struct wall){left > 0 ? clock_wall().s + (left + 999) / 1000 : 0};
}

/* Of another boot: the wall clock says what is left, and never more than the whole. */
static void bind_to_boot(struct hold *h)
{
    int64_t left = (h->until.s - clock_wall().s) * 1000, whole = h->rule.time.s * 1000;

    if (h->until.s == 0 || h->end_boot_ms != 0 || h->withheld)
        return;
    left = left < whole ? left : whole;
    h->end_boot_ms = clock_boot_ms() + (left > 0 ? left : 0);
}

static void restore(void *arg, const struct hold *stored)
{
    struct engine *e = arg;
    struct hold h = *stored;
    bool ends = h.withheld ? h.rule.time.s != 0 : h.until.s != 0;

    if (!dev_by_index(e, h.device) || ends != (h.kind == HOLD_QUARANTINE))
        fatal("the database is damaged: a hold of device %u", h.device);
    bind_to_boot(&h);
    hold_put(e, &h);
}

void holds_restore(struct engine *e) { store_each_hold(e->store, restore, e); }

/* ---- the share ------------------------------------------------------------------------------ */

uint32_t holds_own(struct engine *e, uint32_t *most)
{
    uint32_t own = 0, devices = 0;

    for (size_t i = 0; i < e->n_devs; i++)
        devices += e->devs[i].state && dev_should_enrol(e, &e->devs[i]);
    for (size_t i = 0; i < e->n_holds; i++)
        own += !e->holds[i].withheld && strcmp(e->holds[i].by, "engine") == 0 &&
               hold_left_ms(&e->holds[i]) > 0 &&
               dev_should_enrol(e, dev_by_index(e, e->holds[i].device));
    *most = respond_share(&e->policy->respond, devices);
    return own;
}

/* ---- shown ---------------------------------------------------------------------------------- */

json_t *hold_json(struct engine *e, const struct hold *h)
{
    const struct dev *d = dev_by_index(e, h->device);
    json_t *ids = json_array(),
           *o = json_pack("{s:s,s:s,s:s,s:s,s:i,s:I,s:I,s:s,s:s,s:o}", "device", d->name, "user",
                          dev_user(e, d)->name, "action", pattern_action_name(h->rule.action),
                          "pattern", pattern_name(h->pattern), "count", h->rule.count, "within_s",
                          (json_int_t)h->rule.within.s, "since", (json_int_t)h->since.s, "by",
                          h->by, "why", pattern_sentence(h->pattern), "attempts", ids);

    for (size_t i = 0; i < HOLD_ATTEMPTS && h->attempts[i]; i++)
        json_array_append_new(ids, json_integer(h->attempts[i]));
    if (h->rule.action == ACTION_QUARANTINE)
        json_object_set_new(o, "time_s", json_integer(h->rule.time.s));
    if (h->until.s && !h->withheld)
        json_object_set_new(o, "until",
                            json_integer(clock_wall().s + (hold_left_ms(h) + 999) / 1000));
    return o;
}
