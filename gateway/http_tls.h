/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The certificate that a role's TLS listeners show: one for all of them, that can be another from
 * one handshake to the next.
 */
#ifndef GATEWAY_HTTP_TLS_H
#define GATEWAY_HTTP_TLS_H

#include <gnutls/abstract.h>

#include "gateway/tls.h"

/* TLS 1.2 and 1.3, ephemeral keys and authenticated ciphers only; no way back to anything else. */
#define HTTP_TLS_PRIORITIES                                                                        \
    "NONE:+VERS-TLS1.3:+VERS-TLS1.2:+ECDHE-ECDSA:+ECDHE-RSA:+AES-256-GCM:+CHACHA20-POLY1305:"      \
    "+AES-128-GCM:+AEAD:+GROUP-X25519:+GROUP-SECP256R1:+GROUP-SECP384R1:+COMP-NULL:"               \
    "+SIGN-ECDSA-SHA256:+SIGN-ECDSA-SHA384:+SIGN-ECDSA-SHA512:+SIGN-ECDSA-SECP256R1-SHA256:"       \
    "+SIGN-ECDSA-SECP384R1-SHA384:+SIGN-RSA-PSS-RSAE-SHA256:+SIGN-RSA-PSS-RSAE-SHA384:"            \
    "+SIGN-RSA-SHA256:+SIGN-RSA-SHA384:+SIGN-EDDSA-ED25519:+CTYPE-X509:%SERVER_PRECEDENCE"

/* From the next handshake on. 0, or -1: it cannot be read, and the one before stays. */
int http_tls_use(const struct tls_identity *t);
/* For libmicrohttpd. */
gnutls_certificate_retrieve_function2 http_tls_retrieve;

#endif
