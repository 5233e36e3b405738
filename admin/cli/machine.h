/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What this machine is, for `setup`: its interfaces, and whether it has what the gateway needs.
 */
#ifndef ADMIN_CLI_MACHINE_H
#define ADMIN_CLI_MACHINE_H

#include "policy/model.h"

#define NICS_MAX 32

struct nic {
    char name[IFACE_SIZE];
    bool up, gateway;            /* gateway: the default route goes out here */
    struct ip_prefix net4;       /* family 0 = none */
};
struct machine { struct nic nics[NICS_MAX]; size_t n; };

/* Interfaces that could be the outside or an office: neither lo nor a tunnel. 0 or -errno. */
int machine_read(struct machine *m);
const struct nic *machine_nic(const struct machine *m, const char *name);
/* Is an address of this machine inside that network? */
bool machine_overlaps(const struct machine *m, const struct ip_prefix *net);

/* The first thing that is missing to run the gateway here, and what brings it; false when nothing. */
bool machine_lacks(const char **what, const char **hint);

#endif
