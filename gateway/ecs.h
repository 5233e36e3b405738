/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * An attempt in the names of the Elastic Common Schema, version 8.11
 * (https://www.elastic.co/guide/en/ecs/8.11/ecs-field-reference.html). Pure.
 *
 * Used: @timestamp, ecs.version, message, tags; event.{kind, category, type, action, outcome,
 * reason, code, dataset, module, start, end, id, sequence}; source.ip, destination.{ip, port};
 * network.{transport, iana_number, type}; user.{name, roles}; host.name and device.id (the staff
 * device; the gateway is observer.{type, vendor, product, version, hostname}); rule.{name,
 * ruleset}; related.{ip, user, hosts}. What the schema has no field for is below `portcullis.`,
 * and no other root field is ours.
 */
#ifndef GATEWAY_ECS_H
#define GATEWAY_ECS_H

#include <jansson.h>

#include "gateway/attempts.h"

#define ECS_VERSION "8.11.0"

/* An attempt as the store has it: added up since `first`. Owned by the caller. Text that is not
 * UTF-8 is shown with U+FFFD. */
json_t *ecs_attempt(const char *gateway, const struct attempt *a);
/* One event to be sent: the same, with a number that no other event of this gateway has. */
json_t *ecs_event(const char *gateway, const struct attempt *a, uint64_t seq);
/* One line of ASCII without its end: whatever the texts hold, it stays one line, and steers no
 * terminal. malloc'd; dies without memory. */
char *ecs_line(const json_t *event);

/* "2026-11-22T06:49:00Z" */
#define TIME_TEXT 32
const char *time_text(struct wall t, char out[TIME_TEXT]);

#endif
