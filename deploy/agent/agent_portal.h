/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The gateway's portal as the agent sees it: requests over HTTP inside the tunnel. No proxy,
 * no redirect, no name look-up; answers are bounded.
 */
#ifndef AGENT_PORTAL_H
#define AGENT_PORTAL_H

#include <jansson.h>
#include <stdbool.h>

#define AGENT_GATEWAY_TEXT 80       /* "[ADDRESS]:PORT" and a NUL */
#define AGENT_AUDIENCE_TEXT 128
#define AGENT_NONCE_TEXT 44         /* 32 bytes as base64url and a NUL */

/* "10.77.0.1", "10.77.0.1:8080", "fd77::1" or "[fd77::1]:8080" to the form a URL wants. False
 * for anything that is not an address with an optional port. */
bool agent_gateway_parse(const char *text, char out[AGENT_GATEWAY_TEXT]);

struct agent_nonce { char nonce[AGENT_NONCE_TEXT]; char audience[AGENT_AUDIENCE_TEXT]; };

/* All: 0 when the gateway answered in its own language (also when it refused: the JSON says
 * so), or -1 with a sentence in why. *answer is a new reference to an object. */
int agent_portal_nonce(const char *gateway, json_t **answer, char why[160]);
int agent_portal_me(const char *gateway, json_t **answer, char why[160]);
int agent_portal_post(const char *gateway, const char *token, json_t **answer, char why[160]);

/* False when the answer is not one to GET /v1/nonce. */
bool agent_nonce_read(const json_t *answer, struct agent_nonce *out);

#endif
