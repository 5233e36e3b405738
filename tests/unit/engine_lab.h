/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A whole engine in a temporary directory with a parent of engine_parent.h: people, laptops and
 * tokens to try it with.
 */
#ifndef TESTS_ENGINE_LAB_H
#define TESTS_ENGINE_LAB_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include <ftw.h>
#include <sodium.h>

#include "deploy/agent/token_encode.h"
#include "gateway/control.h"
#include "gateway/engine_console.h"
#include "gateway/leases.h"
#include "policy/address.h"
#include "tests/unit/engine_parent.h"

/* ---- life ----------------------------------------------------------------------------------- */

static inline int lab_remove_one(const char *path, const struct stat *st, int flag, struct FTW *f)
{
    (void)st, (void)flag, (void)f;
    return remove(path);
}

static inline int lab_try(struct lab *l, const char *gateway, const char *policy,
                          const char *boot_id)
{
    assert_int_equal(chdir(l->dir), 0);
    return lab_launch(l, gateway, policy, boot_id);
}

static inline void lab_start(struct lab *l, const char *policy)
{
    assert_int_equal(lab_try(l, LAB_GATEWAY, policy, "boot-1"), 0);
    assert_true(l->ready);
}

/* The engine ends and starts anew, with a kernel that has lost all. */
static inline void lab_restart(struct lab *l, const char *policy)
{
    lab_stop(l);
    dataplane_clear(&l->dp);
    lab_start(l, policy);
}

static inline void lab_new(struct lab *l)
{
    memset(l, 0, sizeof *l);
    pthread_mutex_init(&l->lock, NULL);
    snprintf(l->dir, sizeof l->dir, "/tmp/pcengine-XXXXXX");
    assert_non_null(mkdtemp(l->dir));
    assert_true(sodium_init() >= 0);
}

static inline void lab_end(struct lab *l)
{
    lab_stop(l);
    dataplane_clear(&l->dp);
    assert_int_equal(chdir("/"), 0);
    nftw(l->dir, lab_remove_one, 8, FTW_DEPTH | FTW_PHYS);
}

/* ---- asking --------------------------------------------------------------------------------- */

/* A verb as the api role would bring it. The body is owned by the caller. */
static inline json_t *lab_ask(struct lab *l, enum control_method method, const char *path,
                              const char *query, const char *body, int *status)
{
    static struct request q;

    memset(&q, 0, sizeof q);
    q.method = method;
    snprintf(q.path, sizeof q.path, "%s", path);
    snprintf(q.actor, sizeof q.actor, "anna");
    q.uid = 1000;
    q.body = (const uint8_t *)body;
    q.body_len = body ? strlen(body) : 0;
    struct reply r = control_answer(l->e, &q, query);
    control_after(l->e);
    *status = r.status;
    assert_non_null(r.body);
    return r.body;
}

/* The same, with the status it must have; "" or the text at a.b of the answer. */
static inline json_t *lab_must(struct lab *l, enum control_method method, const char *path,
                               const char *body, int want)
{
    int status;
    json_t *o = lab_ask(l, method, path, "", body, &status);

    if (status != want) {
        char *text = json_dumps(o, 0);
        fail_msg("%s answered %d, not %d: %s", path, status, want, text);
    }
    return o;
}

static inline void lab_do(struct lab *l, enum control_method method, const char *path,
                          const char *body, int want)
{
    json_decref(lab_must(l, method, path, body, want));
}

static inline const char *lab_text(const json_t *o, const char *name)
{
    const char *s = json_string_value(json_object_get(o, name));

    return s ? s : "";
}

/* A person of this role; "": of none. */
static inline void lab_person(struct lab *l, const char *name, const char *role)
{
    const char *quote = role[0] ? "\"" : "";
    char body[256];

    snprintf(body, sizeof body, "{\"name\":\"%s\",\"roles\":[%s%s%s]}", name, quote, role, quote);
    lab_do(l, CONTROL_POST, "/v1/users", body, 201);
}

/* A browser at the console: from where, and the cookie that it keeps. */
struct browser { const char *from; char token[SESSION_MAX + 1]; };

static inline struct reply lab_browse(struct lab *l, struct browser *b, enum control_method method,
                                      const char *path, const char *query, const char *body)
{
    static struct request q;

    memset(&q, 0, sizeof q);
    q.method = method;
    snprintf(q.path, sizeof q.path, "%s", path);
    assert_true(ip_parse(b->from, strlen(b->from), &q.peer));
    q.body = (const uint8_t *)body;
    q.body_len = body ? strlen(body) : 0;
    struct reply r = console_answer(l->e, &q, b->token, query);
    control_after(l->e);
    if (q.new_session[0])
        snprintf(b->token, sizeof b->token, "%s",
                 strcmp(q.new_session, "-") == 0 ? "" : q.new_session);
    return r;
}

/* ---- devices with keys ---------------------------------------------------------------------- */

struct laptop {
    char name[NAME_SIZE];
    uint8_t secret[64], wg[32];
    uint64_t jti;
};

static inline void lab_enrol(struct lab *l, struct laptop *t, const char *name, const char *user)
{
    uint8_t public[32], seed[32];
    char wg[64], key[64], body[1024];

    memset(t, 0, sizeof *t);
    snprintf(t->name, sizeof t->name, "%s", name);
    crypto_generichash(seed, sizeof seed, (const uint8_t *)name, strlen(name), NULL, 0);
    crypto_sign_seed_keypair(public, t->secret, seed);
    crypto_scalarmult_base(t->wg, seed);
    sodium_bin2base64(wg, sizeof wg, t->wg, 32, sodium_base64_VARIANT_ORIGINAL);
    sodium_bin2base64(key, sizeof key, public, 32, sodium_base64_VARIANT_URLSAFE_NO_PADDING);
    snprintf(body, sizeof body,
             "{\"name\":\"%s\",\"user\":\"%s\",\"wireguard_key\":\"%s\",\"own\":\"corp\","
             "\"issuer\":{\"kid\":\"%s\",\"alg\":\"Ed25519\",\"key\":\"%s\"}}",
             name, user, wg, name, key);
    lab_do(l, CONTROL_POST, "/v1/devices", body, 201);
}

/* The portal's question; the answer is owned by the caller. */
static inline json_t *lab_portal(struct lab *l, const struct laptop *t, enum portal_verb verb,
                                 const char *body, int *status)
{
    struct dev *d = dev_by_name(l->e, t->name);
    struct writer w;
    struct message m = {.type = MSG_PORTAL, .seq = 9, .fd = -1}, answer;
    struct reader r;
    int sv[2];
    size_t n;

    assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, sv), 0);
    l->e->peer[ROLE_PORTAL] = channel_new(sv[0]);
    struct channel *portal = channel_new(sv[1]);
    writer_init(&w, 16384);
    put_u8(&w, (uint8_t)verb);
    put_addr(&w, &d->k.addr4);
    put_blob(&w, body, strlen(body));
    m.body = w.v;
    m.len = w.n;
    assert_int_equal(portal_message(l->e, &m), 0);
    assert_int_equal(channel_receive(portal, &answer), 1);
    reader_init(&r, answer.body, answer.len);
    *status = get_u16(&r);
    const uint8_t *text = get_blob(&r, &n, 65536);
    json_t *o = json_loadb((const char *)text, n, 0, NULL);
    assert_non_null(o);
    channel_free(portal);
    channel_free(l->e->peer[ROLE_PORTAL]);
    l->e->peer[ROLE_PORTAL] = NULL;
    writer_clear(&w);
    return o;
}

struct report { bool encrypted; int pending, life; const char *sub, *jti; const uint8_t *wg; };

/* A token with a fresh nonce, malloc'd. */
static inline char *lab_token(struct lab *l, struct laptop *t, const struct report *say)
{
    int status;
    json_t *nonce = lab_portal(l, t, PORTAL_NONCE, "", &status);
    char jti[TOKEN_JTI_TEXT];

    assert_int_equal(status, 200);
    token_jti(jti);
    int64_t now = clock_wall().s;
    json_t *pst = json_pack("{s:i,s:I,s:s,s:{s:s,s:s},s:{s:b},s:{s:i}}", "v", 1, "at",
                            (json_int_t)now, "own", "corp", "os", "family", "debian", "ver", "12.7",
                            "fde", "sys", say->encrypted, "pend", "crit", say->pending);
    struct token_fields f = {.iss = t->name, .sub = say->sub ? say->sub : t->name, .aud = "hq",
                             .ueid = "AQIDBAUGBwgJCgsMDQ4PEBE", .jti = say->jti ? say->jti : jti,
                             .nonce = lab_text(nonce, "nonce"), .iat = now,
                             .exp = now + (say->life ? say->life : 600),
                             .wg_public = say->wg ? say->wg : t->wg, .pst = pst};
    json_t *claims = token_claims(&f);
    char *token = token_seal(t->name, claims, t->secret);
    assert_non_null(token);
    json_decref(claims);
    json_decref(pst);
    json_decref(nonce);
    return token;
}

static inline json_t *lab_report(struct lab *l, struct laptop *t, const struct report *say,
                                 int *status)
{
    char *token = lab_token(l, t, say);
    json_t *o = lab_portal(l, t, PORTAL_POSTURE, token, status);

    free(token);
    return o;
}

/* Healthy, and in. */
static inline void lab_in(struct lab *l, struct laptop *t)
{
    int status;
    json_t *o = lab_report(l, t, &(struct report){.encrypted = true}, &status);

    if (status != 200)
        fail_msg("%s is not in: %s", t->name, json_dumps(o, 0));
    json_decref(o);
}

/* The verdict of the kernel that is none, for a new packet. */
static inline bool lab_reaches(struct lab *l, const struct laptop *t, const char *dst, uint16_t port)
{
    struct dev *d = dev_by_name(l->e, t->name);
    struct ip_addr a;
    enum deny_reason why;

    assert_true(ip_parse(dst, strlen(dst), &a));
    pthread_mutex_lock(&l->lock);
    bool yes = dataplane_verdict(&l->dp, &d->k.addr4, &a, 6, port, &why) == VERDICT_PERMIT;
    pthread_mutex_unlock(&l->lock);
    return yes;
}

#endif
