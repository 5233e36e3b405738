/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The certificate at hand. See http_tls.h. */
#include "gateway/http_tls.h"

#include <stdlib.h>
#include <string.h>

#include "gateway/clock.h"

#define RETIRED_MS (300 * 1000)    /* longer than any connection lasts that began with it */

struct shown {
    gnutls_pcert_st chain[TLS_CHAIN_MAX];
    unsigned n;
    gnutls_privkey_t key;
    int64_t retired_ms;
    struct shown *next;            /* the one before it */
};
static struct shown *current;

static void forget(struct shown *s)
{
    for (unsigned i = 0; i < s->n; i++)
        gnutls_pcert_deinit(&s->chain[i]);
    gnutls_privkey_deinit(s->key);
    free(s);
}

/* A handshake that goes on holds pointers into the one it began with. */
static void forget_old(int64_t now)
{
    struct shown **at = current ? &current->next : &current;

    while (*at) {
        struct shown *s = *at;
        if (s->retired_ms + RETIRED_MS > now) {
            at = &s->next;
            continue;
        }
        *at = s->next;
        forget(s);
    }
}

static struct shown *read_identity(const struct tls_identity *t)
{
    struct shown *s = calloc(1, sizeof *s);
    const gnutls_datum_t chain = {(unsigned char *)t->chain, (unsigned)t->chain_len};
    const gnutls_datum_t key = {(unsigned char *)t->key, (unsigned)t->key_len};
    unsigned n = TLS_CHAIN_MAX;

    if (!s)
        return NULL;
    if (gnutls_pcert_list_import_x509_raw(s->chain, &n, &chain, GNUTLS_X509_FMT_PEM, 0) == 0)
        s->n = n;
    if (s->n > 0 && gnutls_privkey_init(&s->key) == 0 &&
        gnutls_privkey_import_x509_raw(s->key, &key, GNUTLS_X509_FMT_PEM, NULL, 0) == 0)
        return s;
    forget(s);
    return NULL;
}

int http_tls_use(const struct tls_identity *t)
{
    struct shown *s = read_identity(t);
    int64_t now = clock_boot_ms();

    if (!s)
        return -1;
    if (current)
        current->retired_ms = now;
    s->next = current;
    current = s;
    forget_old(now);
    return 0;
}

int http_tls_retrieve(gnutls_session_t session, const gnutls_datum_t *issuers, int n_issuers,
                      const gnutls_pk_algorithm_t *algorithms, int n_algorithms,
                      gnutls_pcert_st **chain, unsigned int *n, gnutls_privkey_t *key)
{
    (void)session, (void)issuers, (void)n_issuers, (void)algorithms, (void)n_algorithms;
    if (!current)
        return -1;
    *chain = current->chain;
    *n = current->n;
    *key = current->key;
    return 0;
}
