/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The packets themselves: a ring of pcap files of bounded size (LINKTYPE_NFLOG, 239), for
 * `tcpdump -r` and Wireshark. Files are numbered upwards for ever, also over restarts; the oldest
 * gives way. All files are opened at the start: later ones are reused and renamed, so that the
 * role that writes them needs to open nothing.
 */
#ifndef GATEWAY_RING_H
#define GATEWAY_RING_H

#include <stddef.h>
#include <stdint.h>

#define RING_FILES 8
#define RING_FILE_BYTES (4u << 20)

struct ring; /* opaque */

/* The ring in this directory, which stays open and is not taken. More files of ours than `files`
 * are removed, oldest first. NULL: errno says why. files: 1..RING_FILES. */
struct ring *ring_open(int dir, unsigned int files, size_t file_bytes);
/* Keeps one packet: the number of the file, or 0 when it could not be kept. It is on the disk
 * after ring_flush(). now_ms: CLOCK_BOOTTIME. */
uint32_t ring_put(struct ring *r, int64_t now_ms, int64_t time_us, const void *packet, size_t len);
/* 0, or -1: what was put since the last flush may be missing in the files. */
int ring_flush(struct ring *r, int64_t now_ms);
/* Every packet that is in the files, oldest first. What is damaged ends its file. */
void ring_each(struct ring *r, void (*each)(void *arg, int64_t time_us, const uint8_t *packet,
                                            size_t len), void *arg);
/* Flushes, closes. NULL-safe. */
void ring_close(struct ring *r);

#endif
