/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Time zones from TZif bytes (RFC 8536) that the caller has read; this library opens no file.
 */
#ifndef POLICY_ZONE_H
#define POLICY_ZONE_H

#include "policy/model.h"

struct zone;   /* opaque, owned by the caller: zone_free() */

/* NULL when the bytes are not a well-formed TZif (version 1, 2 or 3) or memory is out. The
 * footer's POSIX TZ string governs times after the last transition. */
struct zone *zone_parse(const uint8_t *bytes, size_t len);
void zone_free(struct zone *z);
struct span zone_offset(const struct zone *z, struct wall t);   /* east of UTC; 0 when z is NULL */
/* The first moment after t at which the offset may change; INT64_MAX when it never does. */
struct wall zone_next_change(const struct zone *z, struct wall t);

/* Days of the week are Monday = 0 .. Sunday = 6. */
struct local_time { int year, month, day, weekday, hour, minute, second; };
struct local_time local_time(const struct zone *z, struct wall t);
/* Civil date to days since 1970-01-01 (proleptic Gregorian), and validity of a date. */
int64_t civil_days(int year, int month, int day);
bool civil_valid(int year, int month, int day);

#endif
