/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A whole engine in a temporary directory, and a parent that keeps what it is told in a struct
 * dataplane: checked and applied by plan_check() and plan_apply(), a kernel without a kernel.
 */
#ifndef TESTS_ENGINE_LAB_H
#define TESTS_ENGINE_LAB_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <poll.h>
#include <pthread.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "deploy/agent/token_encode.h"
#include "gateway/clock.h"
#include "gateway/control.h"
#include "gateway/leases.h"
#include "policy/address.h"
#include "policy/plan.h"

#define LAB_GATEWAY "gateway hq { tunnel wg0 { listen 51820 address 10.77.0.1/16, fd77:acc::1/64 " \
                    "mtu 1420 portal 80 } outside eth0 office eth1 { masquerade } "                \
                    "log { group 77 rate 100 } clock host }\n"
#define LAB_POLICY "company \"Lab\"\n"                                                              \
                   "resource db { 10.20.0.9 tcp 5432 }\n"                                           \
                   "resource web { 10.20.0.10 tcp 80, 443 }\n"                                      \
                   "resource wms { 10.20.0.22 tcp 8081 }\n"                                         \
                   "resource updates { 10.20.0.40 tcp 443 }\n"                                      \
                   "remediation { updates }\n"                                                      \
                   "posture baseline { lease 15m evidence <= 8h assurance >= PA1\n"                 \
                   "  require fde.sys\n  require pend.crit == 0 grace 3d\n }\n"                      \
                   "role filing { reach db, web posture baseline }\n"                               \
                   "role warehouse { reach wms posture baseline }\n"                                \
                   "test \"t\" { role warehouse cannot reach db }\n"

struct lab {
    char dir[64];
    struct engine *e;
    pthread_t parent;
    int parent_fd;
    pthread_mutex_t lock;
    /* of the parent, under the lock */
    struct dataplane dp;
    struct changes staged;
    unsigned commits, wholes;
    uint64_t commit_ns;
    int refuse;                       /* the next commit answers this */
    char failed[2048];                /* what MSG_FAILED said */
    bool ready;
    uint64_t denied;
};

/* ---- the parent ----------------------------------------------------------------------------- */

static inline void lab_stage(struct lab *l, struct reader *r)
{
    for (uint32_t n = get_u32(r); n > 0 && !r->failed; n--) {
        struct change c;
        get_change(r, &c);
        if (!r->failed)
            changes_add(&l->staged, &c);
    }
}

static inline int lab_commit(struct lab *l, bool whole, struct commit_answer *a)
{
    size_t at = 0;
    int rc = l->refuse;

    l->refuse = 0;
    if (rc == 0) {
        struct dataplane empty = {.tunnel = l->dp.tunnel};
        enum plan_error e = plan_check(whole ? &empty : &l->dp, &l->staged, &at);
        if (e != PLAN_OK) {
            fprintf(stderr, "lab: change %zu: %s\n", at, plan_error_text(e));
            rc = -(1000 + (int)e);
        } else {
            if (whole) {
                dataplane_clear(&l->dp);
                l->dp = empty;
            }
            plan_apply(&l->dp, &l->staged);
        }
    }
    changes_clear(&l->staged);
    l->commits++;
    l->wholes += whole;
    a->kernel_ns = l->commit_ns = clock_mono_ns();
    a->done_ns = clock_mono_ns();
    return rc;
}

static inline int lab_inspect(struct lab *l, struct reader *r, struct writer *w)
{
    struct inspect_answer a = {0};
    uint32_t index = get_u32(r);
    struct ip_addr dst = get_addr(r);
    uint8_t proto = get_u8(r);
    uint16_t port = get_u16(r);
    const struct device *d = dataplane_device(&l->dp, index);
    enum deny_reason why;

    if (!d)
        return -ENOENT;
    a.enrolled = a.peer = true;
    a.lease = a.live = dataplane_lease(&l->dp, index) != NULL;
    a.permitted = dataplane_verdict(&l->dp, &d->addr4, &dst, proto, port, &why) == VERDICT_PERMIT;
    put_inspect_answer(w, &a);
    return 0;
}

static inline int lab_serve(struct lab *l, const struct message *m, struct writer *w)
{
    struct commit_answer a = {0};
    struct reader r;
    int rc = 0;

    reader_init(&r, m->body, m->len);
    switch (m->type) {
    case MSG_TUNNEL:
        get_tunnel(&r, &l->dp.tunnel);
        for (int i = 0; i < 32; i++)
            put_u8(w, 7);
        put_u8(w, 1);
        break;
    case MSG_CHANGES:
        lab_stage(l, &r);
        return 1;
    case MSG_COMMIT:
        rc = lab_commit(l, get_u8(&r) != 0, &a);
        if (rc == 0)
            put_commit_answer(w, &a);
        break;
    case MSG_INSPECT:
        return lab_inspect(l, &r, w);
    case MSG_COUNTS:
        for (int i = 0; i < 2 * DENY_REASONS; i++)
            put_u64(w, l->denied);
        break;
    case MSG_PEERS:
        put_u32(w, 0);
        break;
    case MSG_READY:
        l->ready = true;
        break;
    case MSG_VERIFY:
        put_text(w, "");
        break;
    case MSG_FAILED:
        get_text(&r, l->failed, sizeof l->failed);
        return 1;
    default:
        abort();
    }
    return rc;
}

static inline void *lab_parent(void *arg)
{
    struct lab *l = arg;
    struct channel *c = channel_new(l->parent_fd);
    struct message m;
    int rc;

    while ((rc = channel_receive(c, &m)) >= 0) {
        struct pollfd p = {.fd = l->parent_fd, .events = POLLIN};
        struct writer body, w;
        if (rc == 0) {
            poll(&p, 1, -1);
            continue;
        }
        writer_init(&body, 65536);
        writer_init(&w, 65536);
        pthread_mutex_lock(&l->lock);
        int result = lab_serve(l, &m, &body);
        pthread_mutex_unlock(&l->lock);
        put_u32(&w, (uint32_t)result);
        put_raw(&w, body.v, body.n);
        if (result <= 0 && channel_send(c, MSG_ANSWER, m.seq, &w, -1) < 0)
            break;
        writer_clear(&body);
        writer_clear(&w);
    }
    channel_free(c);
    return NULL;
}

/* ---- life ------------------------------------------------------------------------------------- */

static inline int lab_remove_one(const char *path, const struct stat *st, int flag, struct FTW *f)
{
    (void)st, (void)flag, (void)f;
    return remove(path);
}

static inline int lab_try(struct lab *l, const char *gateway, const char *policy,
                          const char *boot_id)
{
    int sv[2];
    struct writer w;

    assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, sv), 0);
    assert_int_equal(chdir(l->dir), 0);
    l->failed[0] = '\0';
    l->ready = false;
    l->parent_fd = sv[1];
    assert_int_equal(pthread_create(&l->parent, NULL, lab_parent, l), 0);
    l->e = calloc(1, sizeof *l->e);
    l->e->loop = loop_new();
    l->e->parent = channel_new(sv[0]);
    l->e->started_ms = clock_boot_ms();
    writer_init(&w, 4u << 20);
    put_text(&w, l->dir);
    put_text(&w, "gateway.conf");
    put_blob(&w, gateway, strlen(gateway));
    put_text(&w, "policy.conf");
    put_blob(&w, policy, strlen(policy));
    put_text(&w, boot_id);
    struct message m = {.type = MSG_START, .body = w.v, .len = w.n, .fd = -1};
    int rc = engine_start(l->e, &m);
    writer_clear(&w);
    return rc;
}

static inline void lab_stop(struct lab *l)
{
    if (!l->e)
        return;
    engine_free(l->e);
    pthread_join(l->parent, NULL);
    l->e = NULL;
}

static inline void lab_start(struct lab *l, const char *policy)
{
    assert_int_equal(lab_try(l, LAB_GATEWAY, policy, "boot-1"), 0);
    assert_true(l->ready);
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

/* ---- asking ------------------------------------------------------------------------------------- */

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

/* ---- devices with keys ---------------------------------------------------------------------------- */

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
