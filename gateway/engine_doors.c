/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The doors of gateway.conf. A gateway without one of them is a gateway: an alarm, no end. */
#include <string.h>

#include "gateway/engine.h"

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
