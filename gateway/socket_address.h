/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Addresses as sockets take and give them. */
#ifndef GATEWAY_SOCKET_ADDRESS_H
#define GATEWAY_SOCKET_ADDRESS_H

#include <sys/socket.h>

#include "policy/model.h"

/* Of family 4 or 6; its length. */
socklen_t socket_address(const struct ip_addr *a, uint16_t port, struct sockaddr_storage *out);
/* Of family 0, and *port as it was, when it is neither IPv4 nor IPv6. */
struct ip_addr socket_ip(const struct sockaddr_storage *a, uint16_t *port);

#endif
