/* SPDX-License-Identifier: GPL-2.0-or-later */
/* GET /metrics: what the engine knows, counted now. */
#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#include "gateway/clock.h"
#include "gateway/engine.h"
#include "gateway/leases.h"

static enum metric_device state_of(struct engine *e, const struct dev *d)
{
    if (d->state == DEV_LOST)
        return METRIC_LOST;
    if (d->state == DEV_RETIRED)
        return METRIC_RETIRED;
    if (d->state == DEV_REVOKED || dev_user(e, d)->state == USER_REVOKED)
        return METRIC_REVOKED;
    if (d->hold == HOLD_LOCK)
        return METRIC_LOCKED;
    return lease_holds(d) ? METRIC_IN : METRIC_QUARANTINE;
}

static void count_people(struct engine *e, struct metrics *m)
{
    for (size_t i = 0; i < e->n_devs; i++) {
        const struct dev *d = &e->devs[i];
        if (!d->state)
            continue;
        m->devices[state_of(e, d)]++;
        m->leases += dev_should_enrol(e, d) && lease_holds(d);
    }
    for (size_t i = 0; i < e->n_users; i++) {
        m->users_active += e->users[i].state == USER_ACTIVE;
        m->users_revoked += e->users[i].state == USER_REVOKED;
    }
}

static void count_attempts(struct engine *e, struct metrics *m)
{
    attempts_read_counts(e);
    memcpy(m->denied, e->attempts.denied, sizeof m->denied);
    memcpy(m->logged, e->attempts.logged, sizeof m->logged);
    memcpy(m->kept, e->attempts.kept, sizeof m->kept);
    m->lost = e->attempts.lost;
    m->overflow = e->attempts.overflow;
}

static void count_handshakes(struct engine *e, struct metrics *m)
{
    uint64_t unheard;
    struct door_books b = knocks_books(e, &unheard);

    memcpy(m->handshakes, b.class_, sizeof m->handshakes);
    m->unread = b.unread;
    m->limited = b.limited;
    m->unheard = b.lost;
}

static char *text_now(struct engine *e, size_t *len)
{
    struct metric_outlet outlets[OUTLETS_MAX];
    char sha[65];
    struct metrics m = {.gateway = e->conf.name,
                        .started = clock_wall().s - (clock_boot_ms() - e->started_ms) / 1000,
                        .clock_synchronised = engine_clock_good(e),
                        .policy_version = e->version.version,
                        .policy_applied = e->version.at.s,
                        .policy_sha256 = sha,
                        .audit_records = audit_last(e->audit),
                        .counts = &e->metrics,
                        .outlets = outlets};

    sodium_bin2hex(sha, sizeof sha, e->version.sha256, sizeof e->version.sha256);
    count_people(e, &m);
    count_attempts(e, &m);
    count_handshakes(e, &m);
    m.n_outlets = outlets_metrics(e, outlets);
    for (int r = 0; r < ROLES; r++)
        m.restarts[r] = e->deaths[r];
    return metrics_text(&m, len);
}

int metrics_message(struct engine *e, const struct message *m)
{
    struct writer w;
    size_t len;
    char *text = text_now(e, &len);

    writer_init(&w, CHANNEL_MESSAGE_MAX);
    put_u16(&w, 200);
    put_blob(&w, text, len);
    free(text);
    int rc = channel_send(e->peer[ROLE_API], MSG_CONTROL_REPLY, m->seq, &w, -1);
    writer_clear(&w);
    return rc;
}
