/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Ending connections of devices that were cut: the second line behind the rules, which let nothing
 * of theirs through any more.
 */
#include "gateway/parent.h"

#include <stdlib.h>
#include <string.h>

#include "gateway/log.h"

#define PAUSE_MS 1          /* other events have their turn */
#define LIST_MAX DEVICE_MAX /* beyond it connections end by their own time-outs */

/* A device that stays enrolled keeps its connection to the portal: it hears there why. */
struct ended endings_now(struct parent *p, const struct device *d)
{
    struct ended e = {0};
    bool stays = dataplane_device(&p->wish, d->index) != NULL;
    int rc = stays ? ct_end_grants(p->ct, d, &e.n) : ct_end_device(p->ct, d, &e.n, &e.left);
    if (rc < 0) {
        log_alarm("cannot end the connections of device %u: %s", d->index, strerror(-rc));
        e.left = 1;
    }
    return e;
}

static void one(void *arg, uint32_t events)
{
    struct parent *p = arg;
    (void)events;
    const struct device *d = &p->endings.v[p->endings.done++];
    if (!dataplane_lease(&p->wish, d->index))
        (void)endings_now(p, d);
    if (p->endings.done < p->endings.n)
        loop_timer_set(p->loop, p->endings.timer, PAUSE_MS, 0);
    else
        p->endings.n = p->endings.done = 0;
}

static void make_room(struct parent *p)
{
    if (p->endings.n < p->endings.size)
        return;
    size_t size = p->endings.size ? p->endings.size * 2 : 64;
    struct device *v = reallocarray(p->endings.v, size, sizeof *v);
    if (!v)
        fatal("out of memory");
    p->endings.v = v;
    p->endings.size = size;
}

void endings_later(struct parent *p, const struct device *d)
{
    if (p->endings.n >= LIST_MAX)
        return;
    make_room(p);
    p->endings.v[p->endings.n++] = *d;
    if (p->endings.n > 1)
        return;
    if (p->endings.timer < 0)
        p->endings.timer = loop_timer(p->loop, PAUSE_MS, 0, one, p);
    else
        loop_timer_set(p->loop, p->endings.timer, PAUSE_MS, 0);
}
