/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The engine's loop: who may say what to it, and what happens each second. */
#include "gateway/engine.h"

#include <errno.h>
#include <poll.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/stat.h>
#include <unistd.h>

#include "gateway/clock.h"
#include "gateway/control.h"
#include "gateway/fido_library.h"
#include "gateway/leases.h"
#include "gateway/log.h"
#include "gateway/respond.h"
#include "gateway/role.h"
#include "gateway/visits.h"

#define ROUND 64                /* messages of one peer in a row */
#define JTI_PRUNE_S 60

/* ---- from the parent ------------------------------------------------------------------------ */

static void peer_events(void *arg, uint32_t events);
struct peer_watch { struct engine *e; enum gateway_role role; };
static struct peer_watch watches[ROLES];

static void peer_close(struct engine *e, enum gateway_role role)
{
    if (!e->peer[role])
        return;
    loop_unwatch(e->loop, channel_fd(e->peer[role]));
    channel_free(e->peer[role]);
    e->peer[role] = NULL;
}

static int on_channel(struct engine *e, const struct message *m, struct reader *r)
{
    unsigned role = get_u8(r);

    if (!reader_done(r) || role <= ROLE_ENGINE || role >= ROLES || m->fd < 0)
        return -1;
    peer_close(e, (enum gateway_role)role);
    e->peer[role] = channel_new(m->fd);
    if (!e->peer[role])
        fatal("out of memory");
    watches[role] = (struct peer_watch){e, (enum gateway_role)role};
    loop_watch(e->loop, m->fd, EPOLLIN, peer_events, &watches[role]);
    tls_tell(e, (enum gateway_role)role);
    if (role == ROLE_COURIER)
        outlets_courier(e);
    if (role == ROLE_API || role == ROLE_CONSOLE || role == ROLE_CAPTURE)
        evidence_reset(e, (enum gateway_role)role);
    return 0;
}

static int on_reload(struct engine *e, struct reader *r)
{
    size_t len;
    const uint8_t *text = get_blob(r, &len, POLICY_TEXT_MAX);

    if (!reader_done(r))
        return -1;
    /* Requests to the parent overwrite what it sent. */
    char *copy = malloc(len + 1);
    if (!copy)
        fatal("out of memory");
    memcpy(copy, text, len);
    policy_reload(e, copy, len, "policy.reload");
    free(copy);
    tls_reload(e);
    return 0;
}

static int on_foreign(struct engine *e, struct reader *r)
{
    char what[256];

    get_text(r, what, sizeof what);
    uint64_t ns = get_u64(r);
    bool repaired = get_u8(r) != 0;
    if (!reader_done(r))
        return -1;
    alarm_raise(e, "somebody else changed our rules: %s; %s %llu us after it was noticed", what,
                repaired ? "repaired" : "not repaired", (unsigned long long)(ns / 1000));
    audit_note(e, "engine", ENGINE_UID, "kernel.foreign", "",
               json_pack("{s:s,s:b}", "what", what, "repaired", repaired));
    return 0;
}

static int on_role_died(struct engine *e, struct reader *r)
{
    unsigned role = get_u8(r);
    unsigned status = get_u32(r);

    if (!reader_done(r) || role >= ROLES)
        return -1;
    e->deaths[role]++;
    alarm_raise(e, "the role %s ended (wait status %u)", role_name((enum gateway_role)role),
                status);
    return 0;
}

static int on_stop(struct engine *e)
{
    e->stopping = true;
    loop_stop(e->loop);
    return 0;
}

static int from_parent(struct engine *e, const struct message *m)
{
    struct reader r;

    if (!message_allowed(m->type, ROLE_PARENT, ROLE_ENGINE, (uint32_t)m->len))
        return -1;
    reader_init(&r, m->body, m->len);
    if (m->type == MSG_STOP)
        return on_stop(e);
    if (m->type == MSG_START && !e->serving)
        return engine_start(e, m);
    if (!e->serving)
        return -1;
    switch (m->type) {
    case MSG_CHANNEL:
        return on_channel(e, m, &r);
    case MSG_RELOAD:
        return on_reload(e, &r);
    case MSG_FOREIGN:
        return on_foreign(e, &r);
    case MSG_ROLE_DIED:
        return on_role_died(e, &r);
    default:
        return -1;
    }
}

/* A role without a lawful parent exits. */
static void parent_drain(struct engine *e)
{
    struct message m;
    int rc = channel_flush(e->parent);

    while (rc == 0 && !e->stopping && (rc = channel_receive(e->parent, &m)) > 0)
        rc = from_parent(e, &m);
    if (rc < 0)
        e->failed = true;
    if (rc < 0)
        loop_stop(e->loop);
    else
        loop_events(e->loop, channel_fd(e->parent),
                    EPOLLIN | (channel_wants_write(e->parent) ? EPOLLOUT : 0u));
}

static void parent_events(void *arg, uint32_t events)
{
    (void)events;
    parent_drain(arg);
}

/* ---- from portal, api and capture ----------------------------------------------------------- */

static int from_peer(struct engine *e, enum gateway_role role, const struct message *m)
{
    if (m->fd >= 0)
        close(m->fd);
    if (m->fd >= 0 || !message_allowed(m->type, role, ROLE_ENGINE, (uint32_t)m->len))
        return -1;
    switch (m->type) {
    case MSG_PORTAL:
        return portal_message(e, m);
    case MSG_CONTROL:
        return control_message(e, m);
    case MSG_EVIDENCE_FILE:
        return evidence_message(e, m);
    case MSG_ENROL:
        return enrol_message(e, m);
    case MSG_CONSOLE:
        return console_message(e, m);
    case MSG_DELIVERED:
        return outlets_message(e, m);
    case MSG_METRICS:
        return metrics_message(e, m);
    case MSG_DENIED:
    case MSG_LOST:
        return attempts_message(e, m);
    case MSG_KNOCKS:
    case MSG_KNOCK_COUNTS:
        return knocks_message(e, m);
    default:
        return -1;
    }
}

/* Its process is there and speaks, but not as it should. */
static bool peer_is_there(const struct engine *e, enum gateway_role role)
{
    struct pollfd p = {.fd = channel_fd(e->peer[role]), .events = POLLIN};

    return poll(&p, 1, 0) >= 0 && !(p.revents & (POLLHUP | POLLERR));
}

static void peer_lost(struct engine *e, enum gateway_role role)
{
    bool lawless = peer_is_there(e, role);

    log_warn("the channel of the role %s %s", role_name(role),
             lawless ? "is closed: it said what it may not" : "ended");
    peer_close(e, role);
    if (lawless)
        kernel_end_role(e, role);
}

static void peer_events(void *arg, uint32_t events)
{
    struct peer_watch *w = arg;
    struct engine *e = w->e;
    struct message m;
    int rc = channel_flush(e->peer[w->role]);

    (void)events;
    for (int i = 0; rc == 0 && i < ROUND && (rc = channel_receive(e->peer[w->role], &m)) > 0; i++)
        rc = from_peer(e, w->role, &m);
    respond_act(e);
    if (rc < 0) {
        peer_lost(e, w->role);
    } else {
        loop_events(e->loop, channel_fd(e->peer[w->role]),
                    EPOLLIN | (channel_wants_write(e->peer[w->role]) ? EPOLLOUT : 0u));
    }
    parent_drain(e);   /* what came while it answered us */
}

/* ---- each second ---------------------------------------------------------------------------- */

static void prune_jtis(struct engine *e)
{
    struct wall now = clock_wall();

    if (now.s - e->jti_pruned.s < JTI_PRUNE_S && now.s >= e->jti_pruned.s)
        return;
    e->jti_pruned = now;
    store_begin(e->store);
    store_prune_jti(e->store, now);
    store_prune_visits(e->store, (struct wall){now.s - VISITS_KEPT_S}, VISITS_KEPT);
    (void)store_commit(e->store);
    e->n_jtis = store_count_jti(e->store);
}

static void tick(void *arg, uint32_t events)
{
    struct engine *e = arg;

    (void)events;
    if (!e->serving)
        return;
    e->ticks++;
    (void)lease_clock(e);
    leases_tick(e);
    policy_tick(e);
    respond_tick(e);
    attempts_tick(e);
    outlets_tick(e);
    history_tick(e);
    prune_jtis(e);
    sessions_tick(e);
    tls_tick(e);
    audit_tick(e);
    parent_drain(e);
}

/* ---- life ----------------------------------------------------------------------------------- */

/* From the parent's first message until MSG_STOP or a broken parent. */
static void engine_run(struct engine *e, const struct message *first)
{
    e->started_ms = clock_boot_ms();
    loop_watch(e->loop, channel_fd(e->parent), EPOLLIN, parent_events, e);
    (void)loop_timer(e->loop, 1000, 1000, tick, e);
    e->failed = from_parent(e, first) < 0;
    parent_drain(e);
    if (!e->failed)
        loop_run(e->loop);
    if (e->serving) {
        attempts_keep(e);   /* the parent answers no questions any more */
        audit_settle(e);
    }
}

bool engine_clock_good(const struct engine *e)
{
    return e->conf.clock_host || clock_synchronised();
}

void engine_free(struct engine *e)
{
    for (int r = 0; r < ROLES; r++)
        channel_free(e->peer[r]);
    channel_free(e->parent);
    audit_close(e->audit);
    audit_close(e->batches);
    store_close(e->store);
    policy_free(e->policy);
    classes_clear(&e->classes);
    attempts_clear(&e->attempts);
    outlets_clear(e);
    knocks_clear(e);
    people_clear(e);
    tls_clear(e);
    events_clear(e);
    holds_clear(e);
    free(e->reports);
    json_decref(e->receipts);
    free(e->peers);
    loop_free(e->loop);
    free(e);
}

/* The parent's, which holds gateway.conf. False: it has none any more. */
static bool first_message(struct engine *e, struct message *m)
{
    struct pollfd p = {.fd = channel_fd(e->parent), .events = POLLIN};
    int rc;

    while ((rc = channel_receive(e->parent, m)) == 0)
        if (poll(&p, 1, -1) < 0 && errno != EINTR)
            fatal("cannot wait for the parent: %s", strerror(errno));
    return rc > 0;
}

/* What checks passkeys comes as a library with a library of its own: it is loaded outside the cage,
 * in which no program is readable, and only by a gateway that may have passkeys. Without it there
 * are none, and status says why. */
static void load_passkeys(const struct message *m)
{
    char why[200];

    if (engine_start_names_tls(m) && fido_open(why) < 0)
        log_warn("there are no passkeys: %s", why);
}

int engine_main(void)
{
    struct engine *e = calloc(1, sizeof *e);
    struct message first;

    if (!e || sodium_init() < 0)
        fatal("out of memory");
    json_object_seed(0);
    if (fchdir(FD_DIR) < 0)
        fatal("the state directory: %s", strerror(errno));
    (void)umask(077);
    e->loop = loop_new();
    e->parent = channel_new(FD_PARENT);
    if (!e->parent)
        fatal("out of memory");
    if (!first_message(e, &first))
        return 1;
    load_passkeys(&first);
    sandbox_enter(ROLE_ENGINE);
    engine_run(e, &first);
    int status = e->failed ? 1 : 0;
    (void)channel_drain(e->parent, 1000);
    engine_free(e);
    return status;
}
