/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What `setup` writes into gateway.conf of the doors besides the tunnel: in force where the person
 * said so, and otherwise as comments that want only their '#' taken away.
 */
#ifndef ADMIN_CLI_SETUP_DOORS_H
#define ADMIN_CLI_SETUP_DOORS_H

#include <stdio.h>

#include "admin/cli/machine.h"

struct doors {
    const char *endpoint;        /* HOST[:PORT]; "" = not known yet */
    const char *enrol;           /* TCP port; "" = shut */
    bool console;                /* on the office's address */
    const char *port;            /* of the tunnel */
    const struct nic *office;
};

/* The address as an endpoint, when the internet can reach it; "" otherwise. */
const char *doors_public(const struct nic *outside, char out[46]);
/* NULL, or why this is no endpoint. */
const char *doors_endpoint_fault(const char *endpoint, char why[192]);

void doors_tunnel(const struct doors *d, FILE *f);     /* lines of the block `tunnel` */
void doors_blocks(const struct doors *d, FILE *f);     /* tls, enrol, console */

#endif
