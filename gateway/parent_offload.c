/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Our flowtable, where gateway.conf asks for one. Its connections pass by the rules, so that the
 * kernel does not end them with their lease: while there is one, this does, each second, whatever
 * becomes of the engine. If the parent dies the table goes with it, and the flowtable with that;
 * before another process holds the table the flowtable is taken off.
 */
#include <errno.h>
#include <string.h>

#include "gateway/clock.h"
#include "gateway/log.h"
#include "gateway/parent.h"

#define TICK_MS 1000

static void keep(struct parent *p)
{
    int rc = nft_flowtable_keep(p->nft, &p->tunnel);
    if (rc < 0 && rc != p->offload_fault)
        log_alarm("no flowtable: %s; each packet goes by the rules",
                  rc == -ENOENT || rc == -EOPNOTSUPP ? "this kernel has none" : strerror(-rc));
    p->offload_fault = rc;
}

static void tick(void *arg, uint32_t events)
{
    struct parent *p = arg;
    (void)events;
    size_t leases = p->wish.n_leases;
    wish_prune(&p->wish, clock_boot_ms());
    if (p->wish.n_leases < leases)
        watch_end_offloaded(p);
    keep(p);
}

void offload_start(struct parent *p)
{
    if (p->tunnel.flowtable && p->offload_timer < 0)
        p->offload_timer = loop_timer(p->loop, TICK_MS, TICK_MS, tick, p);
}

void offload_stop(struct parent *p)
{
    int rc = p->tunnel.flowtable && p->nft ? nft_flowtable_drop(p->nft) : 0;
    if (rc < 0)
        log_alarm("cannot take the flowtable off: %s", strerror(-rc));
}
