/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * An attempt as a syslog message, RFC 5424, with its fields as structured data. Pure.
 *
 * <84>1 2026-11-22T06:49:00Z hq-edge-1 portcullisd - not-permitted [attempt@32473 id="7" ...] text
 *
 * PRI is authpriv.warning. MSGID is the reason. The element's name ends in the enterprise number
 * that RFC 5612 sets aside for those who have none. In parameters `"`, `\` and `]` are escaped
 * (6.3.3). A text that is not ASCII begins with the BOM (6.4). Characters that could end a line
 * or steer a terminal never leave: see text_clean().
 */
#ifndef GATEWAY_SYSLOG_FORMAT_H
#define GATEWAY_SYSLOG_FORMAT_H

#include <stddef.h>

#include "gateway/attempts.h"

#define SYSLOG_LINE 4096           /* no line is longer: every field has its bound */

/* s with what is not UTF-8, C0, DEL, C1, line and paragraph separators, bidi controls and zero
 * width characters each replaced by U+FFFD; cut at a character's end to fit. Returns out. */
const char *text_clean(const char *s, char *out, size_t size);

/* The line, without an end: its length. seq as in ecs_event(). */
size_t syslog_attempt(const char *gateway, const struct attempt *a, uint64_t seq,
                      char out[SYSLOG_LINE]);
/* What stands before a line of n bytes on a stream (RFC 6587, 3.4.1): "123 ". Its length. */
size_t syslog_frame(size_t n, char out[24]);

#endif
