/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * One-time codes of an authenticator app: TOTP (RFC 6238) with HMAC-SHA-1, 30 seconds and six
 * digits, which is what every app takes.
 */
#ifndef GATEWAY_TOTP_H
#define GATEWAY_TOTP_H

#include <stdbool.h>
#include <stdint.h>

#define TOTP_SECRET 20           /* bytes; RFC 4226, section 4, R6 */
#define TOTP_TEXT 33             /* the secret in base32, with a NUL */
#define TOTP_URI 512

/* Is this the code of a step that is at most one away from now and newer than *last? Then that
 * step is *last: no code is taken twice. */
bool totp_accept(const uint8_t secret[TOTP_SECRET], const char *code, int64_t now, int64_t *last);

const char *totp_text(const uint8_t secret[TOTP_SECRET], char out[TOTP_TEXT]);
/* "otpauth://totp/Gateway:name?secret=...&issuer=Gateway", for a QR code. */
const char *totp_uri(const uint8_t secret[TOTP_SECRET], const char *issuer, const char *name,
                     char out[TOTP_URI]);

#endif
