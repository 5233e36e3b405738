/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The configuration of a WireGuard server as wg-quick(8) and wg(8) read it: what an office has
 * before it moves over.
 */
#ifndef ADMIN_CLI_WG_QUICK_H
#define ADMIN_CLI_WG_QUICK_H

#include "policy/model.h"

struct wg_quick_peer {
    unsigned line;               /* of its [Peer] */
    char name[NAME_SIZE];        /* from the comment at it, made a device's name; unique */
    struct wg_key key, preshared;
    bool has_preshared;
    struct ip_addr addr4, addr6; /* its /32 and /128; family 0 = none */
    unsigned others;             /* further AllowedIPs: networks behind it */
};

struct wg_quick {
    struct wg_key private_key;   /* secret */
    bool has_key;
    uint16_t port, mtu;          /* 0 = not said */
    struct ip_prefix net4, net6; /* Address; family 0 = none */
    struct wg_quick_peer *peers;  size_t n_peers;
    char ignored[256];           /* keys of [Interface] that have no meaning here, by comma */
    unsigned line;  char error[160];   /* after a failure */
};

/* Reads text[0..len]. 0, or -1 with line and error. wg_quick_clear() in any case: it wipes. */
int wg_quick_parse(const char *text, size_t len, struct wg_quick *out);
void wg_quick_clear(struct wg_quick *q);

#endif
