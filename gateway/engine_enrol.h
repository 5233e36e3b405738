/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Enrolment by invitation: the questions of the enrol role, and what a new device is told.
 */
#ifndef GATEWAY_ENGINE_ENROL_H
#define GATEWAY_ENGINE_ENROL_H

#include "gateway/invites.h"

/* ---- engine_enrol.c ------------------------------------------------------------------------- */

/* The same without a channel, for tests and fuzzing: {token, code, wireguard_key, name?, issuer?}
 * from there. 201 and the device is enrolled, or a refusal and nothing has changed but what is
 * counted. Who asks is not known: the words are the same for whatever is not an open invitation. */
struct reply enrol_answer(struct engine *e, const struct ip_addr *from, const uint8_t *body,
                          size_t len);

/* ---- handout.c ------------------------------------------------------------------------------ */

#define HANDOUT_LINK (HOST_SIZE + INVITE_TOKEN + TLS_PIN + 40)

/* "https://HOST:PORT/enrol#TOKEN.PIN": what is behind '#' is in no request. False: gateway.conf
 * does not say enough; then *no says what to write. */
bool handout_link(struct engine *e, const char *token, char out[HANDOUT_LINK], struct reply *no);
/* What its WireGuard needs: {address, dns, mtu, keepalive, gateway_key, endpoint, allowed_ips}. */
json_t *handout_config(struct engine *e, const struct dev *d);
/* The same as wg-quick reads it, without the private key, which is not ours. */
json_t *handout_wg_quick(const json_t *config);

control_verb control_device_config;

#endif
