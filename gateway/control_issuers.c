/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Verbs about the keys that sign posture tokens. */
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "gateway/clock.h"
#include "gateway/control.h"
#include "gateway/leases.h"
#include "gateway/log.h"
#include "policy/base64url.h"

#define TIME_MAX 4102444800          /* 2100-01-01 */

static const char *const alg_names[] = {"", "Ed25519", "ES256"};
static const char *const kind_names[] = {"", "device", "mdm", "edr"};
static const char *const status_names[] = {"revoked", "active", "retiring"};

static int find_name(const char *const *names, int n, const char *name)
{
    for (int i = 0; i < n; i++)
        if (name && names[i][0] && strcmp(names[i], name) == 0)
            return i;
    return -1;
}

static json_t *issuer_json(const struct token_key *k)
{
    json_t *o = json_pack("{s:s,s:s,s:s,s:s,s:s,s:I,s:s,s:b,s:I}", "iss", k->iss, "kid", k->kid,
                          "alg", alg_names[k->alg], "kind", kind_names[k->kind], "assurance",
                          k->assurance_max == 4   ? "PA4"
                          : k->assurance_max == 3 ? "PA3"
                          : k->assurance_max == 2 ? "PA2"
                                                  : "PA1",
                          "not_before", (json_int_t)k->not_before.s, "status",
                          status_names[k->status], "nonce_required", k->nonce_required,
                          "life_max",
                          (json_int_t)(k->life_max.s ? k->life_max.s : TOKEN_LIFE_MAX));

    if (k->not_after.s)
        json_object_set_new(o, "not_after", json_integer(k->not_after.s));
    return o;
}

struct reply control_issuers(struct engine *e, struct request *q)
{
    const char *after = query_get(q, "after");
    int64_t limit = 1000;
    json_t *items = json_array(), *o = json_pack("{s:o}", "items", items);

    (void)query_int(q, "limit", 1, 5000, &limit);
    for (size_t i = 0; i < e->n_keys; i++) {
        if (after && strcmp(e->keys[i].kid, after) <= 0)
            continue;
        if (json_array_size(items) == (size_t)limit) {
            json_object_set_new(o, "next", json_string(e->keys[i - 1].kid));
            break;
        }
        json_array_append_new(items, issuer_json(&e->keys[i]));
    }
    return (struct reply){200, o};
}

/* ---- adding --------------------------------------------------------------------------------- */

static void read_key_bytes(struct body *b, struct token_key *k)
{
    const char *alg = body_text(b, "alg", 16, true);
    const char *key = body_text(b, "key", 96, true);
    size_t n = 0;

    if (b->failed)
        return;
    int which = find_name(alg_names, 3, alg);
    size_t want = which == ALG_ES256 ? 64 : 32;
    if (which < 0)
        body_fail(b, reply_error(400, "bad_member", "'alg' is \"Ed25519\" or \"ES256\".", NULL));
    else if (!base64url_decode(key, strlen(key), k->key, sizeof k->key, &n) || n != want)
        body_fail(b, reply_errorf(400, "bad_key", "base64url without padding; ES256: x and y.",
                                  "'key' is not %zu bytes of base64url.", want));
    k->alg = which > 0 ? (enum token_alg)which : ALG_NONE;
}

bool issuer_read(struct engine *e, struct body *b, struct token_key *k)
{
    memset(k, 0, sizeof *k);
    const char *kid = body_text(b, "kid", KID_SIZE - 1, true);
    snprintf(k->kid, sizeof k->kid, "%s", kid ? kid : "");
    read_key_bytes(b, k);
    k->status = KEY_ACTIVE;
    if (!body_done(b))
        return false;
    if (key_by_kid(e, k->kid))
        body_fail(b, reply_errorf(409, "kid_exists", "The name of a key is not used twice.",
                                  "There is a key '%s' already.", k->kid));
    return !b->failed;
}

/* PA1..PA4 as "PA3" or 3. */
static uint8_t read_assurance(struct body *b)
{
    const json_t *v = b->failed ? NULL : json_object_get(b->o, "assurance");

    if (json_is_integer(v))
        return (uint8_t)body_int(b, "assurance", 1, 4, 1);
    const char *s = body_text(b, "assurance", 3, true);
    if (s && strncmp(s, "PA", 2) == 0 && s[2] >= '1' && s[2] <= '4')
        return (uint8_t)(s[2] - '0');
    body_fail(b, reply_error(400, "bad_member", "'assurance' is \"PA1\" to \"PA4\".", NULL));
    return 0;
}

static void read_issuer(struct engine *e, struct body *b, struct token_key *k)
{
    const char *iss = body_text(b, "iss", CLAIM_TEXT - 1, true);
    const char *kind = body_text(b, "kind", 8, true);
    const char *status = body_text(b, "status", 8, false);
    uint8_t assurance = read_assurance(b);
    int64_t from = body_int(b, "not_before", 0, TIME_MAX, clock_wall().s);
    int64_t to = body_int(b, "not_after", 0, TIME_MAX, 0);
    int64_t life = body_int(b, "life_max", 1, TOKEN_LIFE_MAX, 0);
    int which = find_name(kind_names, 4, kind);
    bool nonce = body_bool(b, "nonce_required", which == ISSUER_DEVICE);
    int state = status ? find_name(status_names, 3, status) : KEY_ACTIVE;

    if (!b->failed && (which < 0 || state <= KEY_REVOKED))
        body_fail(b, reply_error(400, "bad_member", "'kind' is \"device\", \"mdm\" or \"edr\"; "
                                 "'status' is \"active\" or \"retiring\".", NULL));
    if (b->failed || !issuer_read(e, b, k))
        return;
    snprintf(k->iss, sizeof k->iss, "%s", iss);
    k->kind = (enum issuer_kind)which;
    k->assurance_max = assurance;
    k->not_before.s = from;
    k->not_after.s = to;
    k->life_max.s = life;
    k->nonce_required = nonce;
    k->status = (enum key_status)state;
}

static struct reply add_issuer(struct engine *e, struct request *q, const struct token_key *k)
{
    struct batch b;

    batch_begin(e, &b);
    store_put_key(e->store, k);
    audit_act(e, q->actor, q->uid, "issuer.add", k->kid, issuer_json(k));
    if (batch_commit(&b, DURABLE_FIRST) != STORE_OK)
        return reply_full();
    key_add(e, k);
    event_add(e, "act", "%s registered the key %s of %s", q->actor, k->kid, k->iss);
    return (struct reply){201, issuer_json(k)};
}

struct reply control_issuer_add(struct engine *e, struct request *q)
{
    struct token_key k;
    struct body b;
    const char *why = "";

    body_open(&b, q, false);
    if (!b.failed)
        read_issuer(e, &b, &k);
    if (!b.failed && !token_key_valid(&k, &why))
        body_fail(&b, reply_errorf(400, "bad_key", NULL, "The key is refused: %s.", why));
    struct reply r = b.failed ? b.error : add_issuer(e, q, &k);
    body_close(&b);
    return r;
}

/* ---- revoking ------------------------------------------------------------------------------- */

struct devices { uint32_t *v; size_t n; };

static void collect(void *arg, uint32_t device)
{
    struct devices *d = arg;

    d->v = reallocarray(d->v, d->n + 1, sizeof *d->v);
    if (!d->v)
        fatal("out of memory");
    d->v[d->n++] = device;
}

/* What was granted on its word ends now. */
static void end_leases(struct batch *b, const struct devices *d)
{
    for (size_t i = 0; i < d->n; i++) {
        struct dev *one = dev_by_index(b->e, d->v[i]);
        if (!one)
            continue;
        one->token_exp.s = 0;
        one->end_untold = one->end_untold || one->lease.class_id != 0;
        store_drop_lease(b->e->store, one->k.index);
        lease_decide(b, one, NULL, "issuer.revoke");
        if (one->end_untold && one->lease.class_id == 0)
            lease_record_end(b, one, "issuer.revoke");
    }
}

static enum store_result revoke_key(struct engine *e, const struct request *q,
                                    const struct token_key *k, const struct devices *d)
{
    struct batch b;

    batch_begin(e, &b);
    store_put_key(e->store, k);
    store_drop_kid_evidence(e->store, k->kid);
    end_leases(&b, d);
    audit_act(e, q->actor, q->uid, "issuer.revoke", k->kid,
              json_pack("{s:I}", "devices", (json_int_t)d->n));
    enum store_result r = batch_commit(&b, CUT_FIRST);
    for (size_t i = 0; r == STORE_OK && i < d->n; i++)
        if (dev_by_index(e, d->v[i]))
            dev_by_index(e, d->v[i])->end_untold = false;
    return r;
}

struct reply control_issuer_revoke(struct engine *e, struct request *q)
{
    struct token_key *k = key_by_kid(e, q->name);
    struct devices d = {0};

    if (!k)
        return reply_errorf(404, "unknown_issuer", "portcullis issuer list shows them.",
                            "There is no key '%s'.", q->name);
    k->status = KEY_REVOKED;
    store_each_kid_device(e->store, k->kid, collect, &d);
    enum store_result r = revoke_key(e, q, k, &d);
    if (r == STORE_FULL && store_release_reserve(e->store))
        r = revoke_key(e, q, k, &d);
    free(d.v);
    if (r != STORE_OK)
        return reply_error(503, "store_unavailable", "What rested on the key is cut, but the disk "
                           "is full: it is not written down.", "Make room and repeat this.");
    event_add(e, "act", "%s revoked the key %s", q->actor, k->kid);
    return (struct reply){200, issuer_json(k)};
}
