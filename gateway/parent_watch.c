/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Noticing that somebody else changed our tables or peers, and putting it right: at once when the
 * kernel reports it, and every ten seconds whatever it reports.
 */
#include "gateway/parent.h"

#include <errno.h>
#include <malloc.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>

#include "gateway/clock.h"
#include "gateway/log.h"
#include "kernel_rules/link.h"
#include "policy/address.h"

#define SLACK_MS 2000 /* clocks of kernel and wish are read at different moments */
#define COMPARE_MS 10000
#define DOORS_MS 1000
#define COMPARE_JITTER_MS 2000
#define COMPARE_SHARE 50 /* comparing takes at most a fiftieth of our time */
#define COMPARE_PAUSE_MAX_MS 30000 /* but a comparison that was held up does not put off the next */

/* ---- the first difference, in words --------------------------------------------------- */

static void say_change(const struct change *c, char what[WHAT_SIZE])
{
    switch (c->kind) {
    case CHANGE_DEVICE_PUT:
        snprintf(what, WHAT_SIZE, "device %u is missing", c->u.device.index);
        return;
    case CHANGE_DEVICE_DROP:
        snprintf(what, WHAT_SIZE, "device %u is there and should not be", c->u.device.index);
        return;
    case CHANGE_LEASE_PUT:
        snprintf(what, WHAT_SIZE, "the lease of device %u is missing or another",
                 c->u.lease.device);
        return;
    case CHANGE_LEASE_DROP:
        snprintf(what, WHAT_SIZE, "device %u has a lease that it should not have",
                 c->u.lease.device);
        return;
    case CHANGE_CLASS_PUT:
        snprintf(what, WHAT_SIZE, "access class %u is missing or another", c->u.class_.id);
        return;
    case CHANGE_CLASS_DROP:
        snprintf(what, WHAT_SIZE, "access class %u is there and should not be", c->u.class_.id);
        return;
    }
}

/* ---- the tables ----------------------------------------------------------------------- */

/* The kernel's tables know no keys: those of the wish stand in where the addresses agree. */
static void lend_keys(struct dataplane *report, const struct dataplane *want)
{
    report->tunnel = want->tunnel;
    for (size_t i = 0; i < report->n_devices; i++) {
        struct device *have = &report->devices[i];
        const struct device *d = dataplane_device(want, have->index);
        if (d && ip_cmp(&d->addr4, &have->addr4) == 0 && ip_cmp(&d->addr6, &have->addr6) == 0)
            have->key = d->key;
    }
}

/* The content: 1 differs, 0 equal, -errno. */
static int compare_content(struct parent *p, const struct dataplane *want, bool repair,
                           char what[WHAT_SIZE])
{
    struct dataplane report;
    struct changes diff = {0};
    int rc = nft_snapshot(p->nft, &report);
    if (rc < 0)
        return rc;
    lend_keys(&report, want);
    rc = plan_diff(&report, want, SLACK_MS, &diff) == PLAN_OK ? 0 : -ENOMEM;
    if (rc == 0 && diff.n > 0) {
        say_change(&diff.v[0], what);
        rc = repair ? nft_apply(p->nft, &report, &diff) : 0;
        rc = rc < 0 ? rc : 1;
    }
    changes_clear(&diff);
    dataplane_clear(&report);
    return rc;
}

/* The guard first, and alone if that was all: the main table's counters live as long as it does. */
static int repair_static(struct parent *p, const struct dataplane *want)
{
    char left[WHAT_SIZE];
    int rc = nft_guard_install(p->nft, &p->tunnel);
    if (rc < 0)
        return rc;
    rc = nft_verify_static(p->nft, want, left);
    return rc > 0 ? nft_install(p->nft, want) : rc;
}

int watch_foreign_owner(enum nft_presence who, char what[WHAT_SIZE])
{
    snprintf(what, WHAT_SIZE, "the table inet " NFT_TABLE_NAME " belongs to %s",
             who == NFT_FOREIGN_OWNER ? "another process" : "nobody");
    log_alarm("%s: %s", what,
              who == NFT_FOREIGN_OWNER
                  ? "another portcullisd runs in this network namespace, or the keeper of one that "
                    "was stopped, on another --state, with leases that have not ended"
                  : "remove it with: nft delete table inet " NFT_TABLE_NAME);
    return -EEXIST;
}

/* Ours and there: its rules, then its content. */
static int compare_ours(struct parent *p, const struct dataplane *want, bool repair,
                        char what[WHAT_SIZE])
{
    int rc = nft_verify_static(p->nft, want, what);
    if (rc > 0 && repair)
        rc = repair_static(p, want);
    else if (rc > 0)
        return 1;
    if (rc == 0)
        rc = compare_content(p, want, repair, what);
    if (rc < 0 && repair)
        rc = nft_install(p->nft, want); /* not to be mended piece by piece */
    return rc < 0 ? rc : what[0] != '\0';
}

static int compare_tables(struct parent *p, const struct dataplane *want, bool repair,
                          char what[WHAT_SIZE])
{
    enum nft_presence who;
    int rc = nft_owner(p->nft, &who);
    if (rc < 0)
        return rc;
    if (who == NFT_OURS)
        return compare_ours(p, want, repair, what);
    if (who != NFT_ABSENT)
        return watch_foreign_owner(who, what);
    snprintf(what, WHAT_SIZE, "the table inet " NFT_TABLE_NAME " is missing");
    rc = repair ? nft_guard_install(p->nft, &p->tunnel) : 0;
    if (rc == 0 && repair)
        rc = nft_install(p->nft, want);
    return rc < 0 ? rc : 1;
}

int watch_tables(struct parent *p, bool repair, char what[WHAT_SIZE])
{
    struct dataplane want;
    what[0] = '\0';
    int rc = wish_view(&p->wish, clock_boot_ms(), &want);
    if (rc < 0)
        return rc;
    rc = compare_tables(p, &want, repair, what);
    wish_view_end(&want);
    return rc;
}

/* ---- the peers ------------------------------------------------------------------------ */

static int repair_peers(struct parent *p, const struct wg_diff *d)
{
    int rc = d->n_drop > 0 ? wg_drop_peers(p->wg, d->drop, d->n_drop) : 0;
    if (rc < 0 || d->n_put == 0)
        return rc;
    struct device *put = calloc(d->n_put, sizeof *put);
    if (!put)
        return -ENOMEM;
    for (size_t i = 0; i < d->n_put; i++)
        put[i] = *d->put[i];
    rc = wg_put_peers(p->wg, put, d->n_put);
    free(put);
    return rc;
}

static void say_peers(const struct wg_diff *d, char what[WHAT_SIZE])
{
    if (d->n_put > 0)
        snprintf(what, WHAT_SIZE, "the WireGuard peer of device %u is missing or another",
                 d->put[0]->index);
    else
        snprintf(what, WHAT_SIZE, "%zu WireGuard peers are there and should not be", d->n_drop);
}

/* The interface's own key and port: 1 differs, 0, -errno. */
static int compare_interface(struct parent *p, const struct wg_state *s, bool repair,
                             char what[WHAT_SIZE])
{
    if (wg_key_equal(&s->public_key, &p->public_key) && s->listen_port == p->tunnel.listen_port &&
        s->fwmark == 0)
        return 0;
    snprintf(what, WHAT_SIZE, "the %s of %s is another", s->fwmark ? "firewall mark" : "key or port",
             p->tunnel.iface);
    int rc = repair ? tunnel_set_key(p) : 0;
    return rc < 0 ? rc : 1;
}

static int compare_peers(struct parent *p, const struct wg_state *s, bool repair,
                         char what[WHAT_SIZE])
{
    struct wg_diff d;
    int rc = wg_diff(s, p->wish.devices, p->wish.n_devices, &d);
    if (rc < 0)
        return rc;
    if (d.n_put > 0 || d.n_drop > 0) {
        say_peers(&d, what);
        rc = repair ? repair_peers(p, &d) : 0;
        rc = rc < 0 ? rc : 1;
    }
    wg_diff_clear(&d);
    return rc;
}

/* The kernel's interface is deleted: made again, with all its peers. (That of wireguard-go goes and
 * comes with its process.) */
static int bring_back(struct parent *p, bool repair, char what[WHAT_SIZE])
{
    snprintf(what, WHAT_SIZE, "the interface %s is missing", p->tunnel.iface);
    if (!repair)
        return 1;
    int rc = tunnel_make(p);
    if (rc == 0)
        rc = wg_put_peers(p->wg, p->wish.devices, p->wish.n_devices);
    if (rc < 0)
        return rc;
    if (doors_portal_again(p) < 0)
        return -EADDRNOTAVAIL;
    roles_kill(p, ROLE_PORTAL, "it listens on the interface that is gone, and starts anew");
    return 1;
}

int watch_peers(struct parent *p, bool repair, char what[WHAT_SIZE])
{
    struct wg_state s;
    what[0] = '\0';
    int rc = wg_read(p->wg, &s);
    if (rc == -ENODEV && p->backend == WG_KERNEL)
        return bring_back(p, repair, what);
    if (rc < 0)
        return rc;
    rc = compare_interface(p, &s, repair, what);
    if (rc == 0 || (rc > 0 && repair)) {
        int peers = compare_peers(p, &s, repair, what);
        rc = peers != 0 ? peers : rc;
    }
    wg_state_clear(&s);
    return rc;
}

/* ---- the interface, forwarding ---------------------------------------------------------- */

int watch_interface(struct parent *p, bool repair, char what[WHAT_SIZE])
{
    what[0] = '\0';
    int rc = link_verify(&p->tunnel, what);
    if (rc > 0 && repair && link_configure(&p->tunnel) < 0)
        return -EIO;
    return rc;
}

int watch_forwarding(struct parent *p, bool repair, char what[WHAT_SIZE])
{
    bool v6 = p->tunnel.net6.addr.family == 6, on4, on6;
    what[0] = '\0';
    int rc = link_forwarding(&on4, &on6);
    if (rc < 0 || (on4 && (on6 || !v6)))
        return rc;
    snprintf(what, WHAT_SIZE, "forwarding is switched off");
    rc = repair ? link_set_forwarding(v6) : 0;
    return rc < 0 ? rc : 1;
}

/* ---- when
 * -----------------------------------------------------------------------------------------------
 */

static void tell_foreign(struct parent *p, const char *what, uint64_t ns, bool repaired)
{
    struct writer w;
    writer_init(&w, 512);
    put_text(&w, what);
    put_u64(&w, ns);
    put_u8(&w, repaired);
    engine_tell(p, MSG_FOREIGN, &w, -1);
    writer_clear(&w);
}

static void report(struct parent *p, const char *what, int rc, uint64_t since)
{
    uint64_t ns = clock_mono_ns() - since;
    if (rc < 0)
        log_alarm("%s; cannot repair it: %s",
                  what[0] ? what : "the rules were touched by somebody else", strerror(-rc));
    else
        log_alarm("%s; repaired in %llu us",
                  what[0] ? what
                          : "the rules were touched by somebody else, "
                            "nothing differs now",
                  (unsigned long long)ns / 1000);
    if (p->phase >= PHASE_LOADED)
        tell_foreign(p, what[0] ? what : "touched, no difference", ns, rc >= 0);
}

/* Lost events may have been somebody's or our own: they mean nothing until a difference is found.
 * After a burst of our own the same goes for all. */
static void on_event(void *arg, uint32_t events)
{
    struct parent *p = arg;
    char what[WHAT_SIZE];
    uint64_t since = clock_mono_ns();
    bool own = p->burst;
    (void)events;
    p->burst = false;
    int heard = nft_events_read(p->events, p->nft);
    if (heard == 0)
        return;
    own = own || heard == 2;
    if (!own)
        log_alarm("somebody else touched the rules of this gateway");
    int rc = watch_tables(p, true, what);
    if (!own || rc != 0)
        report(p, what, rc, since);
}

/* Is this mark the grant of a lease that the wish holds? */
static bool in_force(const void *arg, uint32_t mark)
{
    const struct lease *l = dataplane_lease(arg, mark_device(mark));
    return l && l->class_id == mark_class(mark);
}

/* Connections in somebody's flowtable pass by every forward chain until conntrack ends them: those
 * that have lost their grant are ended here, after each commit and, when a lease has lapsed, with
 * the next comparison. The alarm is raised once for each time that a flowtable appears. */
void watch_flowtable(struct parent *p)
{
    char what[WHAT_SIZE];
    bool there = nft_flowtable_over(p->nft, &p->tunnel, what) > 0;
    if (there && !p->flowtable_there) {
        log_alarm("%s: its connections bypass the rules; remove it", what);
        tell_foreign(p, what, 0, false);
    }
    p->flowtable_there = there;
    if (there || p->tunnel.flowtable)
        watch_end_offloaded(p);
}

void watch_end_offloaded(struct parent *p)
{
    uint32_t ended = 0;
    int rc = ct_end_offloaded(p->ct, in_force, &p->wish, &ended);
    if (rc < 0)
        log_alarm("cannot end the connections in a flowtable: %s", strerror(-rc));
}

static const struct {
    int (*look)(struct parent *p, bool repair, char what[WHAT_SIZE]);
    const char *unreadable;
} looks[] = {
    {watch_tables, ""},
    {watch_peers, "the WireGuard peers cannot be read"},
    {watch_interface, "the interface cannot be read"},
    {watch_forwarding, "whether forwarding is on cannot be read"},
};

static void on_compare(void *arg, uint32_t events)
{
    struct parent *p = arg;
    char what[WHAT_SIZE];
    uint64_t since = clock_mono_ns();
    (void)events;
    wish_prune(&p->wish, clock_boot_ms());
    for (size_t i = 0; i < sizeof looks / sizeof *looks; i++) {
        uint64_t began = clock_mono_ns();
        int rc = looks[i].look(p, true, what);
        if (rc != 0)
            report(p, what[0] ? what : looks[i].unreadable, rc, began);
    }
    watch_flowtable(p);
    malloc_trim(0); /* what was read to be compared is more than all that stays */
    int64_t pause_ms = COMPARE_SHARE * (int64_t)((clock_mono_ns() - since) / 1000000);
    if (pause_ms > COMPARE_PAUSE_MAX_MS)
        pause_ms = COMPARE_PAUSE_MAX_MS;
    loop_timer_set(p->loop, p->compare_timer,
                   COMPARE_MS + randombytes_uniform(COMPARE_JITTER_MS) + pause_ms, 0);
}

/* Cheap, and people wait before a door: each second, but a door that cannot be opened as seldom as
 * all else. */
static void on_doors(void *arg, uint32_t events)
{
    struct parent *p = arg;
    char what[WHAT_SIZE];
    uint64_t began = clock_mono_ns();
    (void)events;
    int rc = watch_doors(p, true, what);
    if (rc != 0)
        report(p, what[0] ? what : "a door cannot be opened again", rc, began);
    loop_timer_set(p->loop, p->doors_timer, rc < 0 ? COMPARE_MS : DOORS_MS, 0);
}

void watch_start(struct parent *p)
{
    if (p->compare_timer >= 0)
        return;
    p->doors_timer = loop_timer(p->loop, DOORS_MS, 0, on_doors, p);
    loop_watch(p->loop, nft_events_fd(p->events), EPOLLIN, on_event, p);
    p->compare_timer = loop_timer(p->loop, COMPARE_MS, 0, on_compare, p);
}
