/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The handle that denied packets come from: libpcap on a group of nfnetlink_log, tuned so that
 * bursts are held in the kernel, single packets arrive at once, and every loss can be counted.
 */
#ifndef GATEWAY_CAPTURE_SOURCE_H
#define GATEWAY_CAPTURE_SOURCE_H

#include <stddef.h>
#include <stdint.h>

struct source; /* opaque */

/* One message of the kernel, as LINKTYPE_NFLOG; valid during the call. */
typedef void source_cb(void *arg, int64_t read_us, const uint8_t *nflog, size_t len);

/* Needs CAP_NET_ADMIN (in this network namespace's user namespace); nothing after it does.
 * receive_bytes: the kernel's queue. Dies saying what is missing. */
struct source *source_open(uint16_t group, int receive_bytes, source_cb *cb, void *arg);
void source_close(struct source *s); /* NULL-safe */
int source_fd(const struct source *s);
/* Hands over what one read gives: number of messages, 0 none there, -1 broken. */
int source_read(struct source *s);

#endif
