/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The doors of gateway.conf beyond the tunnel, and what the servers behind them show by TLS. A
 * gateway without one of its doors is a gateway: that is an alarm, and no end.
 */
#include <stdlib.h>
#include <string.h>

#include "gateway/clock.h"
#include "gateway/engine.h"

/* ---- doors ---------------------------------------------------------------------------------- */

static void open_door(struct engine *e, enum gateway_role r, const char *what,
                      const struct door_conf *d)
{
    int rc = kernel_door(e, r, d);

    if (rc < 0)
        alarm_raise(e, "%s cannot be reached: nothing listens on %s port %u: %s", what, d->iface,
                    d->port, kernel_error(rc));
}

void doors_start(struct engine *e)
{
    struct door_conf enrol = {.port = e->conf.enrol_port};

    struct door_conf portal = {.port = e->conf.tunnel.portal_tls_port};

    memcpy(enrol.iface, e->conf.tunnel.outside, sizeof enrol.iface);
    memcpy(portal.iface, e->conf.tunnel.iface, sizeof portal.iface);
    if (e->conf.metrics.iface[0])
        open_door(e, ROLE_API, "the metrics", &e->conf.metrics);
    tls_start(e);
    if (!e->tls.id.chain)
        return;
    if (e->conf.console.iface[0])
        open_door(e, ROLE_CONSOLE, "the console", &e->conf.console);
    if (enrol.port)
        open_door(e, ROLE_ENROL, "enrolment", &enrol);
    if (portal.port)
        open_door(e, ROLE_PORTAL, "the portal by TLS", &portal);
}

/* ---- the certificate ------------------------------------------------------------------------ */

static bool tls_wanted(const struct engine *e)
{
    return e->conf.enrol_port || e->conf.console.iface[0] || e->conf.tls.name[0];
}

static void own_names(const struct engine *e, struct tls_names *n)
{
    *n = (struct tls_names){.addr = {e->conf.console.addr, e->conf.tunnel.net4.addr,
                                     e->conf.tunnel.net6.addr}};
    memcpy(n->host[0], e->conf.tls.name, sizeof n->host[0]);
    if (strcmp(e->conf.handout.endpoint, e->conf.tls.name) != 0)
        memcpy(n->host[1], e->conf.handout.endpoint, sizeof n->host[1]);
}

static const char *make_own(struct engine *e, struct tls_identity *t)
{
    struct tls_names names;

    own_names(e, &names);
    t->key = tls_make_key(&t->key_len);
    if (t->key)
        t->chain = tls_make_certificate(t->key, t->key_len, &names, clock_wall(), &t->chain_len);
    return t->chain ? NULL : "a certificate cannot be made";
}

void tls_start(struct engine *e)
{
    struct tls_identity t = {0};

    if (!tls_wanted(e))
        return;
    const char *why = make_own(e, &t);
    if (!why)
        why = tls_check(&t, &e->tls.until, e->tls.pin);
    if (why) {
        alarm_raise(e, "there is nothing to show by TLS: %s", why);
        tls_identity_clear(&t);
        return;
    }
    memcpy(t.name, e->conf.tls.name, sizeof t.name);
    memcpy(t.host, e->conf.handout.endpoint, sizeof t.host);
    tls_identity_clear(&e->tls.id);
    e->tls.id = t;
}

void tls_tell(struct engine *e, enum gateway_role r)
{
    static const struct { enum gateway_role role; enum message_type type; } all[] = {
        {ROLE_ENROL, MSG_TLS_ENROL}, {ROLE_CONSOLE, MSG_TLS_CONSOLE}, {ROLE_PORTAL, MSG_TLS_PORTAL}};
    struct writer w;

    for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
        if (all[i].role != r || !e->peer[r] || !e->tls.id.chain)
            continue;
        writer_init(&w, 1u << 18);
        put_tls_identity(&w, &e->tls.id);
        (void)channel_send(e->peer[r], all[i].type, 0, &w, -1);
        writer_clear(&w);
    }
}

bool tls_pin(const struct engine *e, char out[TLS_PIN])
{
    memcpy(out, e->tls.pin, TLS_PIN);
    return e->tls.id.chain != NULL;
}

void tls_clear(struct engine *e) { tls_identity_clear(&e->tls.id); }
