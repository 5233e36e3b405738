/* SPDX-License-Identifier: GPL-2.0-or-later */
/* For the tests of roles that serve by TLS: what the engine shows them, and a client. */
#ifndef TESTS_TLS_PEER_H
#define TESTS_TLS_PEER_H

#include "tests/unit/http_peer.h"

#include <gnutls/gnutls.h>

#include "gateway/clock.h"
#include "gateway/tls.h"

#define TLS_NAME "access.example.com"
#define TLS_HOST "198.51.100.7"

static inline void tls_identity_for_tests(struct tls_identity *t)
{
    const struct tls_names names = {.host = {TLS_NAME, TLS_HOST}};
    *t = (struct tls_identity){.name = TLS_NAME, .host = TLS_HOST};
    t->key = tls_make_key(&t->key_len);
    assert_non_null(t->key);
    t->chain = tls_make_certificate(t->key, t->key_len, &names, clock_wall(), &t->chain_len);
    assert_non_null(t->chain);
}

static inline void tls_show(struct role_under_test *t, enum message_type type,
                            const struct tls_identity *id)
{
    struct writer w;
    writer_init(&w, 1u << 18);
    put_tls_identity(&w, id);
    assert_return_code(channel_send(t->channel, type, 0, &w, -1), 0);
    writer_clear(&w);
}

struct tls_client { int fd; gnutls_session_t s; gnutls_certificate_credentials_t cred; };

/* Connected, no word said yet. */
static inline void tls_client_new(struct tls_client *c, int fd, const char *priorities)
{
    c->fd = fd;
    assert_int_equal(gnutls_certificate_allocate_credentials(&c->cred), 0);
    assert_int_equal(gnutls_init(&c->s, GNUTLS_CLIENT), 0);
    assert_int_equal(gnutls_priority_set_direct(c->s, priorities, NULL), 0);
    gnutls_credentials_set(c->s, GNUTLS_CRD_CERTIFICATE, c->cred);
    gnutls_transport_set_int(c->s, fd);
    gnutls_handshake_set_timeout(c->s, WAIT_MS);
    gnutls_record_set_timeout(c->s, WAIT_MS);
}

static inline void tls_client_end(struct tls_client *c)
{
    gnutls_deinit(c->s);
    gnutls_certificate_free_credentials(c->cred);
    close(c->fd);
}

/* 0 or GnuTLS's error. */
static inline int tls_handshake(struct tls_client *c)
{
    int rc;
    do
        rc = gnutls_handshake(c->s);
    while (rc == GNUTLS_E_AGAIN || rc == GNUTLS_E_INTERRUPTED || rc == GNUTLS_E_WARNING_ALERT_RECEIVED);
    return rc;
}

static inline void tls_dial(struct tls_client *c, const struct role_under_test *t)
{
    tls_client_new(c, dial(t), "NORMAL");
    assert_int_equal(tls_handshake(c), 0);
}

static inline void tls_say(struct tls_client *c, const void *text, size_t len)
{
    const char *p = text;
    while (len > 0) {
        ssize_t n = gnutls_record_send(c->s, p, len);
        if (n == GNUTLS_E_AGAIN || n == GNUTLS_E_INTERRUPTED)
            continue;
        if (n <= 0)
            return; /* cut off: what was answered is read by tls_hear() */
        p += n;
        len -= (size_t)n;
    }
}

/* Until `last` was heard ("" = until the end); malloc'd, with a NUL. */
static inline char *tls_hear_until(struct tls_client *c, const char *last)
{
    size_t n = 0, size = 1u << 21;
    char *text = malloc(size);
    assert_non_null(text);
    text[0] = '\0';
    while (n < size - 1 && (!*last || !strstr(text, last))) {
        ssize_t got = gnutls_record_recv(c->s, text + n, size - 1 - n);
        if (got == GNUTLS_E_AGAIN || got == GNUTLS_E_INTERRUPTED)
            continue;
        if (got <= 0)
            break;
        n += (size_t)got;
        text[n] = '\0';
    }
    return text;
}

static inline char *tls_ask(const struct role_under_test *t, const char *request)
{
    struct tls_client c;
    tls_dial(&c, t);
    tls_say(&c, request, strlen(request));
    char *answer = tls_hear_until(&c, "");
    tls_client_end(&c);
    return answer;
}

#endif
