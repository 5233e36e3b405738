/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Packets as a pcapng file (draft-ietf-opsawg-pcapng), for Wireshark: one section, one interface,
 * times in nanoseconds, a comment on each packet. Pure. What does not fit into the writer fails it.
 */
#ifndef GATEWAY_PCAPNG_H
#define GATEWAY_PCAPNG_H

#include "gateway/wire.h"

#define PCAPNG_COMMENT 512               /* bytes, with the NUL; longer ones are cut */

/* The section header and the interface. link: a LINKTYPE_ number. */
void pcapng_begin(struct writer *w, uint16_t link, const char *interface, const char *comment);
/* Bytes that pcapng_packet() will take. */
size_t pcapng_size(size_t len, const char *comment);
void pcapng_packet(struct writer *w, int64_t time_us, const void *packet, size_t len,
                   const char *comment);

#endif
