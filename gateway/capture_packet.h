/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The headers of an IP packet as far as they are there. Pure; private to the capture role. */
#ifndef GATEWAY_CAPTURE_PACKET_H
#define GATEWAY_CAPTURE_PACKET_H

#include <stddef.h>

#include "gateway/capture.h"

/* What follows the IP headers and extension headers: bytes within the packet given. n is 0 for a
 * later fragment. */
struct upper { const uint8_t *p; size_t n; };

/* Addresses, protocol, ports and length into *out. 0, or -1: no IP header that can be read. */
int packet_decode(const uint8_t *p, size_t n, struct denied_packet *out, struct upper *u);

#endif
