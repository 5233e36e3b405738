/* SPDX-License-Identifier: GPL-2.0-or-later */
/* GET /v1/status: how the gateway is. */
#include <sodium.h>
#include <string.h>

#include "gateway/clock.h"
#include "gateway/control.h"
#include "gateway/engine_console.h"
#include "gateway/leases.h"
#include "gateway/passkeys.h"
#include "policy/address.h"

static json_t *policy_status(struct engine *e)
{
    char sha[65];

    sodium_bin2hex(sha, sizeof sha, e->version.sha256, sizeof e->version.sha256);
    json_t *o = json_pack("{s:s,s:I,s:I,s:s,s:s}", "sha256", sha, "version",
                          (json_int_t)e->version.version, "applied_at",
                          (json_int_t)e->version.at.s, "applied_by", e->version.by, "company",
                          e->policy->company);
    if (e->version.confirm_until.s)
        json_object_set_new(o, "confirm_until", time_json(e->version.confirm_until));
    return o;
}

#define COMPARED_MS 30000        /* how long consoles take "as it should be" for an answer */

/* Comparing takes time with many devices, and a console asks again and again: it is told the last
 * time when all was well. At the control socket it is compared now. */
static int compare(struct engine *e, const struct request *q, char what[128])
{
    what[0] = '\0';
    if (q->console && e->well_until_ms > clock_boot_ms())
        return 0;
    int rc = kernel_verify(e, what);
    e->well_until_ms = rc == 0 && what[0] == '\0' ? clock_boot_ms() + COMPARED_MS : 0;
    return rc;
}

static json_t *kernel_status(struct engine *e, const struct request *q)
{
    char what[128];
    int rc = compare(e, q, what);

    return json_pack("{s:s,s:s,s:s}", "table", rc < 0 ? "unreadable" : "ours", "drift",
                     rc < 0 ? kernel_error(rc) : what, "backend",
                     e->backend == WG_USERSPACE ? "userspace" : "kernel");
}

static json_t *wireguard_status(struct engine *e)
{
    char key[KEY_TEXT];

    return json_pack("{s:s,s:i,s:s}", "public_key", wg_key_print(&e->public_key, key),
                     "listen_port", e->conf.tunnel.listen_port, "iface", e->conf.tunnel.iface);
}

static json_t *users_status(struct engine *e)
{
    int active = 0, revoked = 0;

    for (size_t i = 0; i < e->n_users; i++) {
        active += e->users[i].state == USER_ACTIVE;
        revoked += e->users[i].state == USER_REVOKED;
    }
    return json_pack("{s:i,s:i}", "active", active, "revoked", revoked);
}

static json_t *devices_status(struct engine *e, int *leases)
{
    int enrolled = 0, ended = 0, locked = 0, waiting = 0;

    *leases = 0;
    for (size_t i = 0; i < e->n_devs; i++) {
        const struct dev *d = &e->devs[i];
        if (!d->state)
            continue;
        bool is_enrolled = dev_should_enrol(e, d);
        enrolled += is_enrolled;
        ended += !is_enrolled;
        locked += is_enrolled && d->hold == HOLD_LOCK;
        waiting += is_enrolled && !d->approved;
        *leases += is_enrolled && lease_holds(d);
    }
    return json_pack("{s:i,s:i,s:i,s:i,s:i,s:i}", "enrolled", enrolled, "leased", *leases,
                     "quarantine", enrolled - *leases, "locked", locked, "waiting", waiting, "ended",
                     ended);
}

/* denied = kept + sampled + lost, exactly. */
static json_t *reason_status(const struct attempts *a, int i)
{
    uint64_t kept = a->kept[i], logged = a->logged[i], denied = a->denied[i];

    return json_pack("{s:I,s:I,s:I,s:I,s:I}", "denied", (json_int_t)denied, "logged",
                     (json_int_t)logged, "kept", (json_int_t)kept, "sampled",
                     (json_int_t)(denied - logged), "lost", (json_int_t)(logged - kept));
}

static json_t *denied_status(struct engine *e)
{
    json_t *o = json_object();

    attempts_read_counts(e);
    for (int i = 0; i < DENY_REASONS; i++)
        json_object_set_new(o, deny_reason_name((enum deny_reason)i),
                            reason_status(&e->attempts, i));
    return o;
}

/* seen = all the others added up: see engine_knock.h. */
static json_t *knocks_status(struct engine *e)
{
    uint64_t unheard;
    struct door_books b = knocks_books(e, &unheard);
    json_t *o = json_pack("{s:I}", "seen", (json_int_t)e->knocks.seen);

    for (int i = 0; i < HANDSHAKE_CLASSES; i++)
        json_object_set_new(o, handshake_class_name((enum handshake_class)i),
                            json_integer((json_int_t)b.class_[i]));
    json_object_set_new(o, "unread", json_integer((json_int_t)b.unread));
    json_object_set_new(o, "limited", json_integer((json_int_t)b.limited));
    json_object_set_new(o, "lost", json_integer((json_int_t)b.lost));
    json_object_set_new(o, "unheard", json_integer((json_int_t)unheard));
    return o;
}

static json_t *alarms_status(struct engine *e)
{
    json_t *list = json_array();

    for (size_t i = 0; i < e->n_alarms; i++)
        json_array_append_new(list, json_pack("{s:I,s:s}", "time",
                                              (json_int_t)e->alarms[i].time.s, "text",
                                              e->alarms[i].text));
    return list;
}

/* What TLS shows, while a door asks for it. */
static json_t *tls_status(struct engine *e)
{
    const struct tls_facts *f = &e->tls.facts;

    return e->tls.id.chain ? json_pack("{s:s,s:s,s:b,s:o}", "pin", f->pin, "sha256", f->sha256,
                                       "own", e->tls.own, "until", time_json(f->until))
                           : NULL;
}

static json_t *roles_status(struct engine *e)
{
    json_t *o = json_object();

    for (int r = ROLE_ENGINE; r < ROLES; r++)
        json_object_set_new(o, role_name((enum gateway_role)r),
                            json_pack("{s:I}", "restarts", (json_int_t)e->deaths[r]));
    return o;
}

struct reply control_status(struct engine *e, struct request *q)
{
    int leases;
    json_t *o = json_pack("{s:s,s:s,s:I,s:o,s:{s:b,s:s}}", "gateway", e->conf.name, "version", VERSION,
                          "uptime_s", (json_int_t)((clock_boot_ms() - e->started_ms) / 1000),
                          "policy", policy_status(e), "clock", "synchronised",
                          clock_synchronised(), "source", e->conf.clock_host ? "host" : "ntp");

    (void)q;
    json_object_set_new(o, "kernel", kernel_status(e, q));
    json_object_set_new(o, "wireguard", wireguard_status(e));
    json_object_set_new(o, "users", users_status(e));
    json_object_set_new(o, "admins", sessions_json(e));
    json_object_set_new(o, "devices", devices_status(e, &leases));
    json_object_set_new(o, "leases", json_integer(leases));
    json_object_set_new(o, "denied", denied_status(e));
    json_object_set_new(o, "knocks", knocks_status(e));
    json_object_set_new(o, "overflow", json_integer((json_int_t)e->attempts.overflow));
    json_object_set_new(o, "lost", json_integer((json_int_t)e->attempts.lost));
    json_object_set_new(o, "alarms", alarms_status(e));
    json_object_set_new(o, "roles", roles_status(e));
    json_object_set_new(o, "outlets", outlets_json(e));
    json_object_set_new(o, "tls", tls_status(e));
    json_object_set_new(o, "passkeys", passkeys_status(e));
    return (struct reply){200, o};
}
