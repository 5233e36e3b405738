/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What gateway.conf says of the doors besides the tunnel, and what devices are told of the tunnel.
 *
 *     tunnel wg0 { ... endpoint access.example.com:51820   dns 10.20.0.53, fd20::53 }
 *     tls { name access.example.com   certificate access.pem   key access.key }
 *     enrol { listen 8443 }
 *     console eth1 { listen 10.20.0.1:8443   from 10.20.0.0/24 }
 *     metrics eth1 { listen 10.20.0.1:9100   from 10.20.0.5 }
 */
#ifndef POLICY_DOORS_H
#define POLICY_DOORS_H

#include "policy/model.h"

#define HOST_SIZE 128              /* the name of a host with its NUL */
#define DOOR_FROM_MAX 8
#define HANDOUT_DNS_MAX 4

/* A TCP port on one address of an office interface, for some alone. */
struct door_conf {
    char iface[IFACE_SIZE];        /* "" = no such door; one of the office interfaces */
    struct ip_addr addr;
    uint16_t port;
    struct ip_prefix from[DOOR_FROM_MAX];     /* of the address's family; at least one */
    uint32_t n_from;
};

/* What a new device is told besides the keys and its addresses. */
struct handout {
    char endpoint[HOST_SIZE];      /* host or address without brackets; "" = not said */
    uint16_t endpoint_port;        /* the tunnel's own unless said */
    struct ip_addr dns[HANDOUT_DNS_MAX];
    uint32_t n_dns;
};

/* The names of files that lie beside gateway.conf; both or neither. */
struct tls_conf {
    char name[HOST_SIZE];          /* a domain name, never an address; "" = not said */
    char certificate[NAME_SIZE];   /* *.pem; "" = the gateway makes its own */
    char key[NAME_SIZE];           /* *.key */
};

#endif
