/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the gateway's servers show by TLS: the files that gateway.conf names, read through the
 * parent at the start and at SIGHUP; or a certificate of its own, whose key stays the same for
 * good, since agents know it by its pin, and which is signed anew before it ends.
 */
#include <sodium.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>

#include "gateway/clock.h"
#include "gateway/engine.h"
#include "gateway/log.h"

#define DAY_S 86400LL
#define RENEW_S (30 * DAY_S)       /* before a certificate of our own ends */
#define TELL_S (14 * DAY_S)        /* before one in a file ends, each day */
#define LOOK_S 3600

static bool wanted(const struct engine *e)
{
    return e->conf.enrol_port || e->conf.console.iface[0] || e->conf.tls.name[0];
}

/* ---- our own -------------------------------------------------------------------------------- */

/* As it is in the database; what is behind the texts is zero. */
struct kept {
    uint32_t key_len, chain_len;
    uint8_t names[crypto_hash_sha256_BYTES];   /* of whom the certificate names */
    char key[1024], chain[4096];
};
#define KEPT "tls"

static void own_names(const struct engine *e, struct tls_names *n)
{
    *n = (struct tls_names){.addr = {e->conf.console.addr, e->conf.tunnel.net4.addr,
                                     e->conf.tunnel.net6.addr}};
    memcpy(n->host[0], e->conf.tls.name, sizeof n->host[0]);
    if (strcmp(e->conf.handout.endpoint, e->conf.tls.name) != 0)
        memcpy(n->host[1], e->conf.handout.endpoint, sizeof n->host[1]);
}

static char *copy(const char *text, size_t n)
{
    char *out = malloc(n + 1);

    if (!out)
        fatal("out of memory");
    memcpy(out, text, n);
    out[n] = '\0';
    return out;
}

static bool kept_sound(const struct kept *k)
{
    return k->key_len > 0 && k->key_len <= sizeof k->key && k->chain_len > 0 &&
           k->chain_len <= sizeof k->chain;
}

static void keep(struct engine *e, const struct tls_identity *t, const uint8_t names[32])
{
    struct kept k = {.key_len = (uint32_t)t->key_len, .chain_len = (uint32_t)t->chain_len};

    if (t->key_len > sizeof k.key || t->chain_len > sizeof k.chain)
        return;
    memcpy(k.names, names, sizeof k.names);
    memcpy(k.key, t->key, t->key_len);
    memcpy(k.chain, t->chain, t->chain_len);
    store_begin(e->store);
    store_set_blob(e->store, KEPT, &k, sizeof k);
    (void)store_commit(e->store);      /* on a full disk it is for this run alone */
    sodium_memzero(&k, sizeof k);
}

/* It has begun, and does not end soon: also not when it was made by a clock that was wrong. */
static bool fresh(struct wall until)
{
    int64_t left = until.s - clock_wall().s;

    return left > RENEW_S && left <= TLS_LIFE_S;
}

static const char *sign_anew(struct engine *e, struct tls_identity *t,
                             const struct tls_names *names, const uint8_t hash[32])
{
    free(t->chain);
    t->chain = NULL;
    if (!t->key)
        t->key = tls_make_key(&t->key_len);
    if (t->key)
        t->chain = tls_make_certificate(t->key, t->key_len, names, clock_wall(), &t->chain_len);
    const char *why = t->chain ? tls_check(t, "", &e->tls.facts)
                               : "a certificate cannot be made";
    if (!why)
        keep(e, t, hash);
    return why;
}

/* The one that is kept, while it is good for these names; its key in any case. */
static const char *own(struct engine *e, struct tls_identity *t)
{
    uint8_t hash[crypto_hash_sha256_BYTES];
    struct tls_names names;
    struct kept k;

    own_names(e, &names);
    crypto_hash_sha256(hash, (const uint8_t *)&names, sizeof names);
    if (store_get_blob(e->store, KEPT, &k, sizeof k) != STORE_OK || !kept_sound(&k))
        return sign_anew(e, t, &names, hash);
    *t = (struct tls_identity){.key = copy(k.key, k.key_len), .key_len = k.key_len,
                               .chain = copy(k.chain, k.chain_len), .chain_len = k.chain_len};
    bool same = memcmp(k.names, hash, sizeof hash) == 0;
    sodium_memzero(&k, sizeof k);
    if (same && !tls_check(t, "", &e->tls.facts) && fresh(e->tls.facts.until))
        return NULL;
    return sign_anew(e, t, &names, hash);
}

/* ---- the files ------------------------------------------------------------------------------ */

static const char *from_files(struct engine *e, struct tls_identity *t)
{
    t->chain = kernel_outlet_file(e, e->conf.tls.certificate, &t->chain_len);
    t->key = kernel_outlet_file(e, e->conf.tls.key, &t->key_len);
    return t->chain && t->key ? tls_check(t, e->conf.tls.name, &e->tls.facts)
                              : "the files cannot be read";
}

/* What people will stumble over. */
static void tell_faults(struct engine *e)
{
    const char *file = e->conf.tls.certificate;
    int64_t now = clock_wall().s, left = e->tls.facts.until.s - now;

    if (!e->tls.facts.named)
        alarm_raise(e, "the certificate %s does not name %s: no browser trusts it", file,
                    e->conf.tls.name);
    if (e->tls.facts.from.s > now)
        alarm_raise(e, "the certificate %s is not good yet: no browser trusts it", file);
    else if (left <= 0)
        alarm_raise(e, "the certificate %s has ended: no browser trusts it", file);
    else if (left < TELL_S)
        alarm_raise(e, "the certificate %s ends in %lld days", file, (long long)(left / DAY_S));
}

/* ---- which one ------------------------------------------------------------------------------ */

/* Who finds another key than the one before asks why: the log says since when it is there. */
static void record(struct engine *e)
{
    char before[TLS_PIN] = "";
    json_t *until;

    if (store_get_blob(e->store, "tls_pin", before, sizeof before) == STORE_OK &&
        memcmp(before, e->tls.facts.pin, sizeof before) == 0)
        return;
    store_begin(e->store);
    store_set_blob(e->store, "tls_pin", e->tls.facts.pin, sizeof e->tls.facts.pin);
    until = time_json(e->tls.facts.until);
    (void)audit_act(e, "engine", ENGINE_UID, "tls.key", e->conf.tls.name,
                    json_pack("{s:s,s:b,s:o}", "pin", e->tls.facts.pin, "own", e->tls.own, "until",
                              until));
    (void)audit_commit(e);
}

static void use(struct engine *e, struct tls_identity *t)
{
    memcpy(t->name, e->conf.tls.name, sizeof t->name);
    memcpy(t->host, e->conf.handout.endpoint, sizeof t->host);
    tls_identity_clear(&e->tls.id);
    e->tls.id = *t;
    log_info("TLS shows a certificate %s, pin %s",
             e->tls.own ? "of the gateway's own" : "from its file", e->tls.facts.pin);
    record(e);
}

static bool use_files(struct engine *e)
{
    struct tls_identity t = {0};
    const char *why = from_files(e, &t);

    if (why) {
        alarm_raise(e, "%s and %s: %s", e->conf.tls.certificate, e->conf.tls.key, why);
        tls_identity_clear(&t);
        return false;
    }
    e->tls.own = false;
    use(e, &t);
    tell_faults(e);
    return true;
}

static void use_own(struct engine *e)
{
    struct tls_identity t = {0};
    const char *why = own(e, &t);

    if (why) {
        alarm_raise(e, "there is nothing to show by TLS: %s", why);
        tls_identity_clear(&t);
        return;
    }
    e->tls.own = true;
    use(e, &t);
}

void tls_start(struct engine *e)
{
    if (!wanted(e))
        return;
    e->tls.looked_s = clock_boot_ms() / 1000;
    if (e->conf.tls.certificate[0] == '\0' || !use_files(e))
        use_own(e);
}

static void tell_all(struct engine *e)
{
    tls_tell(e, ROLE_ENROL);
    tls_tell(e, ROLE_CONSOLE);
    tls_tell(e, ROLE_PORTAL);
}

void tls_reload(struct engine *e)
{
    if (wanted(e) && e->conf.tls.certificate[0] && use_files(e))
        tell_all(e);
}

void tls_tick(struct engine *e)
{
    int64_t now = clock_boot_ms() / 1000;

    if (!e->tls.id.chain || now - e->tls.looked_s < (e->tls.own ? LOOK_S : DAY_S))
        return;
    e->tls.looked_s = now;
    if (!e->tls.own) {
        tell_faults(e);
    } else if (!fresh(e->tls.facts.until)) {
        use_own(e);
        tell_all(e);
    }
}

/* ---- to others ------------------------------------------------------------------------------ */

void tls_tell(struct engine *e, enum gateway_role r)
{
    static const struct { enum gateway_role role; enum message_type type; } all[] = {
        {ROLE_ENROL, MSG_TLS_ENROL},
        {ROLE_CONSOLE, MSG_TLS_CONSOLE},
        {ROLE_PORTAL, MSG_TLS_PORTAL}};
    struct writer w;

    for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
        if (all[i].role != r || !e->peer[r] || !e->tls.id.chain ||
            (r == ROLE_PORTAL && e->conf.tunnel.portal_tls_port == 0))
            continue;
        writer_init(&w, 1u << 18);
        put_tls_identity(&w, &e->tls.id);
        if (channel_send(e->peer[r], all[i].type, 0, &w, -1) == 0 &&
            channel_wants_write(e->peer[r]))
            loop_events(e->loop, channel_fd(e->peer[r]), EPOLLIN | EPOLLOUT);
        writer_clear(&w);
    }
}

bool tls_pin(const struct engine *e, char out[TLS_PIN])
{
    memcpy(out, e->tls.facts.pin, TLS_PIN);
    return e->tls.id.chain != NULL;
}

void tls_clear(struct engine *e) { tls_identity_clear(&e->tls.id); }
