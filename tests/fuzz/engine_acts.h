/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Operations on people, devices and tokens: on the engine, then on the model. */
#ifndef TESTS_FUZZ_ENGINE_ACTS_H
#define TESTS_FUZZ_ENGINE_ACTS_H

#include "gateway/acknowledge.h"
#include "tests/fuzz/engine_compare.h"

/* ---- people --------------------------------------------------------------------------------- */

static void roles_body(char *out, size_t size, const char *head, unsigned roles, bool *known)
{
    size_t n = (size_t)snprintf(out, size, "{%s\"roles\":[", head);

    *known = true;
    for (unsigned r = 0, any = 0; r < MODEL_ROLES; r++)
        if (roles >> r & 1) {
            n += (size_t)snprintf(out + n, size - n, "%s\"%s\"", any++ ? "," : "",
                                  model_role_names[r]);
            *known = *known && model_policies[M.policy].role[r].there;
        }
    snprintf(out + n, size - n, "]}");
}

static void user_add_one(int u, unsigned b)
{
    struct model_user *m = &M.user[u];
    int64_t end = b & 8 ? M.wall + 60 + (b >> 4) * 120 : 0;
    char head[64], body[160];
    bool known;

    say("\nadd u%d roles %u end %+lld", u, b & 7, (long long)(end ? end - M.wall : 0));
    if (end)
        snprintf(head, sizeof head, "\"name\":\"u%d\",\"end\":%lld,", u, (long long)end);
    else
        snprintf(head, sizeof head, "\"name\":\"u%d\",", u);
    roles_body(body, sizeof body, head, b & 7, &known);
    if (!done(act(CONTROL_POST, "/v1/users", "", body), !known ? 400 : m->there ? 409 : 201))
        return;
    *m = (struct model_user){
        .there = true, .active = true, .active_disk = true, .roles = b & 7, .end = end};
    model_review(&M, u);
}

static void user_roles(int u, unsigned b)
{
    char path[64], body[160];
    bool known;

    say("\nroles u%d %u", u, b & 7);
    snprintf(path, sizeof path, "/v1/users/u%d/roles", u);
    roles_body(body, sizeof body, "", b & 7, &known);
    int want = !M.user[u].there ? 404 : known ? 200 : 400;
    if (!done(act(CONTROL_PUT, path, "", body), want))
        return;
    M.user[u].roles = b & 7;
    model_review(&M, u);
    model_write_user(&M, u);
}

/* Cut in any case; when the disk is full it may not be written. */
static void user_revoke(int u)
{
    char path[64];

    say("\nrevoke u%d", u);
    snprintf(path, sizeof path, "/v1/users/u%d/revoke", u);
    bool written = cut_written(act(CONTROL_POST, path, "", NULL), M.user[u].there ? 200 : 404);
    if (M.user[u].there)
        model_revoke_user(&M, u, written);
}

static void user_restore(int u)
{
    char path[64];

    say("\nrestore u%d", u);
    snprintf(path, sizeof path, "/v1/users/u%d/restore", u);
    int want = !M.user[u].there ? 404 : M.user[u].active ? 409 : 200;
    if (done(act(CONTROL_POST, path, "", NULL), want))
        model_restore_user(&M, u);
}

static void user_sign_in(int u)
{
    char path[64];

    say("\nsign-in u%d", u);
    snprintf(path, sizeof path, "/v1/users/u%d/sign-in", u);
    int want = !M.user[u].there ? 404 : M.user[u].active ? 200 : 409;
    if (!done(act(CONTROL_POST, path, "", NULL), want))
        return;
    M.user[u].signed_in = M.wall;
    model_decide_user(&M, u);
}

/* The person signs what they are shown, on the first device of theirs. */
static void user_acknowledge(int u)
{
    struct model_user *m = &M.user[u];
    struct dev *d = NULL;
    char name[8];

    for (int i = 0; i < MODEL_DEVICES && !d; i++) {
        snprintf(name, sizeof name, "d%d", i);
        d = M.dev[i].there && M.dev[i].active && M.dev[i].user == u ? dev_by_name(L.e, name) : NULL;
    }
    if (!d)
        return;
    say("\nu%d signs", u);
    struct reply shown = acknowledge_show(L.e, d), r;
    struct writer w;
    writer_init(&w, 256);
    put_text(&w, text(shown.body, "sha256"));
    r = acknowledge_sign(L.e, d, w.v, w.n);
    writer_clear(&w);
    json_decref(shown.body);
    json_decref(r.body);
    if (!done(r.status, !m->active ? 403 : model_sign_by(&M, m) ? 200 : 409))
        return;
    m->signed_roles = model_text(&M, m);
    m->asked = 0;
    model_decide_user(&M, u);
}

/* ---- devices -------------------------------------------------------------------------------- */

static void device_add(int i, int u)
{
    struct model_device *d = &M.dev[i];
    struct laptop *t = &laptop[i];
    char wg[64], key[64], body[512];

    say("\nadd d%d of u%d", i, u);
    sodium_bin2base64(wg, sizeof wg, t->wg, 32, sodium_base64_VARIANT_ORIGINAL);
    sodium_bin2base64(key, sizeof key, t->public, 32, sodium_base64_VARIANT_URLSAFE_NO_PADDING);
    snprintf(body, sizeof body,
             "{\"name\":\"d%d\",\"user\":\"u%d\",\"wireguard_key\":\"%s\",\"own\":\"corp\","
             "\"issuer\":{\"kid\":\"d%d\",\"alg\":\"Ed25519\",\"key\":\"%s\"}}",
             i, u, wg, i, key);
    const struct model_user *m = &M.user[u];
    int want = !m->there ? 404 : d->there || !m->active ? 409 : 201;
    if (!done(act(CONTROL_POST, "/v1/devices", "", body), want))
        return;
    *d = (struct model_device){.there = true,
                               .active = true,
                               .active_disk = true,
                               .user = u,
                               .key_good = true,
                               .key_good_disk = true,
                               .index = ++M.devices};
    t->address = (struct ip_addr){.family = 4, .b = {10, 77, 0, (uint8_t)(d->index + 1)}};
    model_decide(&M, d);
}

static void device_end(int i, unsigned b)
{
    static const char *const ways[] = {"revoke", "lost", "retire"};
    char path[64];

    say("\n%s d%d", ways[b % 3], i);
    snprintf(path, sizeof path, "/v1/devices/d%d/%s", i, ways[b % 3]);
    bool written = cut_written(act(CONTROL_POST, path, "", NULL), M.dev[i].there ? 200 : 404);
    if (M.dev[i].there)
        model_end_device(&M, &M.dev[i], written);
}

/* The device's signing key goes, and what was granted on its word. */
static void key_revoke(int i)
{
    struct model_device *d = &M.dev[i];
    char path[64];

    say("\nrevoke the key of d%d", i);
    snprintf(path, sizeof path, "/v1/issuers/d%d/revoke", i);
    bool written = cut_written(act(CONTROL_POST, path, "", NULL), d->there ? 200 : 404);
    if (!d->there)
        return;
    d->key_good = false;
    if (written)
        d->key_good_disk = false;
    model_void(d, written);
    model_decide(&M, d);
}

/* ---- tokens --------------------------------------------------------------------------------- */

static bool get_nonce(struct laptop *t, char out[64])
{
    int status;
    json_t *o = ask_portal(&t->address, PORTAL_NONCE, "", &status);

    snprintf(out, 64, "%s", text(o, "nonce"));
    json_decref(o);
    return status == 200;
}

static int deliver(const struct laptop *by, const char *token, char code[8])
{
    int status;
    json_t *o = ask_portal(&by->address, PORTAL_POSTURE, token, &status);

    snprintf(code, 8, "%s", text(o, "code"));
    json_decref(o);
    return status;
}

static bool acceptable(const struct model_device *d)
{
    return d->active && d->key_good && model_user_may(&M, &M.user[d->user]) && M.synced &&
           M.wall >= d->last_iat;
}

static void accepted(int i, const struct report *r)
{
    struct model_device *d = &M.dev[i];

    d->last_iat = M.wall;
    d->ev = (struct model_evidence){.there = true,
                                    .encrypted = r->encrypted,
                                    .pending = r->pending,
                                    .accepted = M.wall,
                                    .exp = M.wall + r->life,
                                    .end_ms = M.boot_ms + r->life * 1000};
    d->ev_disk = d->ev;
    model_decide(&M, d);
}

/* A full disk, and a token that cannot be written down. What it takes away is taken away: then the
 * lease ends whole, and the report of before counts no more. */
static void unwritten(int i, const struct report *r)
{
    struct model_device *d = &M.dev[i], after = *d;

    after.ev.encrypted = r->encrypted;
    after.ev.pending = r->pending;
    pthread_mutex_lock(&L.lock);
    bool cut = held[i] && kernel_lease_end(d->index) == 0;
    pthread_mutex_unlock(&L.lock);
    must(cut || !held[i] || model_lease(&M, &after).reach, "in, with a report that ends it", i);
    if (!cut)
        return;
    model_void(d, false);
    model_decide(&M, d);
}

static void token_good(int i, unsigned b)
{
    struct model_device *d = &M.dev[i];
    struct laptop *t = &laptop[i];
    char nonce[64], code[8];

    if (!d->there || !get_nonce(t, nonce))
        return;
    struct report r = {.encrypted = !(b & 1),
                       .pending = b & 2,
                       .iat = M.wall,
                       .life = 60 + (b >> 2) * 840 / 63,
                       .nonce = nonce};
    char *token = token_of(t, &r);
    int status = deliver(t, token, code);
    say("\ntoken of d%d%s%s life %lld -> %d %s", i, r.encrypted ? "" : " not encrypted",
        r.pending ? " pending" : "", (long long)r.life, status, code);
    must(status == 200 || status == 403 || status == 429 ||
             (status == 503 && (M.full || !M.synced)),
         "what is that for an answer to a token", status);
    if (status == 503 && M.full && acceptable(d))
        unwritten(i, &r);
    if (status != 200 && (status != 403 || !acceptable(d))) {
        free(token);
        return;
    }
    must(acceptable(d), "a token is accepted that must not be", i);
    accepted(i, &r);
    must((status == 200) == (model_lease(&M, d).reach != 0), "in, by the answer", status);
    free(t->last_token);
    t->last_token = token;
    snprintf(t->last_nonce, sizeof t->last_nonce, "%s", nonce);
}

enum bad {
    REPLAYED,
    OVER,
    OF_TOMORROW,
    OF_ANOTHER_KEY,
    BY_ANOTHER,
    BROKEN,
    OLD_NONCE,
    TOO_LONG,
    FOR_ANOTHER,
    BAD_KINDS
};

static void token_bad(int i, unsigned b)
{
    enum bad kind = b % BAD_KINDS;
    int other = (i + 1 + (int)(b / BAD_KINDS) % (MODEL_DEVICES - 1)) % MODEL_DEVICES;
    struct laptop *t = &laptop[i];
    const struct laptop *by = kind == BY_ANOTHER ? &laptop[other] : t;
    char nonce[64], code[8], sub[8];

    if (!M.dev[i].there || !M.dev[other].there || !get_nonce(t, nonce))
        return;
    snprintf(sub, sizeof sub, "d%d", other);
    struct report r = {.encrypted = true,
                       .iat = M.wall,
                       .life = 600,
                       .nonce = nonce,
                       .odd_key = kind == OF_ANOTHER_KEY,
                       .broken = kind == BROKEN};
    if (kind == OVER)
        r.iat -= 700;
    if (kind == OF_TOMORROW)
        r.iat += 61;
    if (kind == OLD_NONCE)
        r.nonce = t->last_nonce;
    if (kind == TOO_LONG)
        r.life = 901;
    if (kind == FOR_ANOTHER)
        r.sub = sub;
    char *token = kind == REPLAYED ? strdup(t->last_token ? t->last_token : "") : token_of(t, &r);
    int status = deliver(by, token, code);
    say("\nbad token %d of d%d -> %d %s", (int)kind, i, status, code);
    must(status >= 400 && strncmp(code, "PT", 2) == 0, "a bad token is accepted", (int)kind);
    free(token);
}

#endif
