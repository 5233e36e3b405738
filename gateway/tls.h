/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What a TLS server shows of itself: the engine makes or reads it, the roles with a TLS door are
 * given it by MSG_TLS_ENROL, MSG_TLS_CONSOLE and MSG_TLS_PORTAL.
 */
#ifndef GATEWAY_TLS_H
#define GATEWAY_TLS_H

#include "gateway/wire.h"
#include "policy/doors.h"

#define TLS_PEM_MAX (64u << 10)    /* of a chain, and of a key */
#define TLS_CHAIN_MAX 8            /* certificates */
#define TLS_PIN 44                 /* base64url of a SHA-256, with its NUL */

struct tls_identity {
    char *chain;  size_t chain_len;        /* PEM, malloc'd, with a NUL behind it */
    char *key;    size_t key_len;
    char name[HOST_SIZE];                  /* tls.name of gateway.conf, "" = none */
    char host[HOST_SIZE];                  /* of the endpoint: another name for enrolment */
};

/* Wipes and frees what it holds. */
void tls_identity_clear(struct tls_identity *t);
void put_tls_identity(struct writer *w, const struct tls_identity *t);
/* The texts are copied; a failed read leaves none. */
void get_tls_identity(struct reader *r, struct tls_identity *t);

/* Whom a certificate of our own names. */
struct tls_names {
    char host[2][HOST_SIZE];               /* "" = none; a name, or an address as text */
    struct ip_addr addr[8];                /* family 0 = none */
};
/* A key on P-256 as PEM, malloc'd; NULL: it cannot be made. */
char *tls_make_key(size_t *len);
/* A certificate that this key signs for itself, from now on for TLS_LIFE_S; malloc'd, or NULL. */
#define TLS_LIFE_S (397 * 86400LL)
char *tls_make_certificate(const char *key, size_t key_len, const struct tls_names *names,
                           struct wall now, size_t *len);
/* Of the first certificate of a chain. */
struct tls_facts {
    struct wall from, until;
    char pin[TLS_PIN];                     /* of its public key, for agents: base64url of SHA-256 */
    char sha256[65];                       /* of all of it, as browsers show it, in hexadecimal */
    bool named;                            /* it names the host that was asked for */
};
/* Chain and key belong together and are what a server can show; else a sentence why not, and *f is
 * not written. host "" is named by each. */
const char *tls_check(const struct tls_identity *t, const char *host, struct tls_facts *f);

#endif
