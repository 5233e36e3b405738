/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What a gateway offers to a device that redeems an invitation, and the files made of it. It comes
 * from the network: each field is read into a struct of numbers, addresses and checked names, and
 * every line of a file is written anew from that struct, so that no text of the gateway's reaches
 * a file that root's programs read.
 */
#ifndef AGENT_OFFER_H
#define AGENT_OFFER_H

#include <jansson.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stdint.h>

#define AGENT_NAME_TEXT 64        /* a device's or person's name and a NUL */
#define AGENT_OFFER_ADDRESSES 4
#define AGENT_OFFER_DNS 4
#define AGENT_OFFER_NETWORKS 256
#define AGENT_CONF_TEXT 16384     /* the longest configuration */

struct agent_net { int family; uint8_t b[16]; unsigned bits; };

struct agent_offer {
    char user[AGENT_NAME_TEXT], device[AGENT_NAME_TEXT];
    bool waiting;                 /* for an administrator's approval */
    char portal[INET6_ADDRSTRLEN];
    uint8_t gateway_key[32];
    char endpoint[280];           /* HOST:PORT */
    struct agent_net address[AGENT_OFFER_ADDRESSES], dns[AGENT_OFFER_DNS],
        network[AGENT_OFFER_NETWORKS];
    size_t n_address, n_dns, n_network;
    unsigned mtu, keepalive;      /* 0 = not given */
};

/* 0, or -1 with the name of the member that is not as it must be in why. */
int agent_offer_read(const json_t *answer, struct agent_offer *out, char why[160]);

/* Is all traffic of the machine to go by the gateway? */
bool agent_offer_takes_all(const struct agent_offer *o);

/* wg-quick(8)'s file. `key` is the private key as base64. Without `dns` the servers are named in a
 * comment only (wg-quick fails where there is no resolvconf). The length, 0 = it does not fit. */
size_t agent_offer_conf(const struct agent_offer *o, const char *key, bool dns,
                        char out[AGENT_CONF_TEXT]);

/* GATEWAY= and DEVICE= for the unit. The length, 0 = it does not fit. */
size_t agent_offer_environment(const struct agent_offer *o, char *out, size_t size);

#endif
