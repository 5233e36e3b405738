/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Between engine_portal.c (the portal's questions) and engine_posture.c (its tokens). */
#ifndef GATEWAY_ENGINE_PORTAL_H
#define GATEWAY_ENGINE_PORTAL_H

#include "gateway/control.h"

/* ---- engine_posture.c ----------------------------------------------------------------------- */

/* A posture token from this device: 200 and a lease, or 403 and which rules were not met. */
struct reply token_take(struct engine *e, struct dev *d, const uint8_t *token, size_t len);

/* What this answer and that to "who am I?" say alike: until when it is in, 0 = it is not; for how
 * many seconds; and what the person can do about a refusal. */
json_int_t lease_until(const struct dev *d);
json_int_t lease_seconds(const struct dev *d);
const char *fix_of(struct engine *e, const struct dev *d, enum refusal_code code);

#endif
