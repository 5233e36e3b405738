/* SPDX-License-Identifier: GPL-2.0-or-later */
/* People sign their part of the policy. */
#include "gateway/acknowledge.h"

#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "gateway/clock.h"
#include "gateway/leases.h"
#include "gateway/log.h"
#include "policy/person.h"

#define HEX (2 * crypto_hash_sha256_BYTES + 1)
#define MEMO_BITS 8              /* sets of roles that are remembered; most people share a few */

static char *text_for(const struct engine *e, uint64_t roles)
{
    char *text = policy_person_text(e->policy, roles);

    if (!text)
        fatal("out of memory");
    return text;
}

static void hash_text(const char *text, uint8_t out[crypto_hash_sha256_BYTES])
{
    crypto_hash_sha256(out, (const uint8_t *)text, strlen(text));
}

static void hash_for(const struct engine *e, uint64_t roles, uint8_t out[crypto_hash_sha256_BYTES])
{
    char *text = text_for(e, roles);

    hash_text(text, out);
    free(text);
}

/* ---- the clock ------------------------------------------------------------------------------- */

static bool asked_at_all(const struct engine *e, const struct user *u)
{
    return e->policy->ack_within.s > 0 && u->role_mask != 0;
}

struct wall acknowledge_by(const struct engine *e, const struct user *u)
{
    if (!asked_at_all(e, u) || u->ack.asked.s == 0)
        return (struct wall){0};
    return (struct wall){u->ack.asked.s + e->policy->ack_within.s};
}

/* True: this person is asked, and was not before. */
static bool review(struct engine *e, struct user *u, const uint8_t sha256[crypto_hash_sha256_BYTES])
{
    struct wall asked = u->ack.asked;
    bool has_signed = u->ack.at.s != 0 && memcmp(u->ack.sha256, sha256, sizeof u->ack.sha256) == 0;

    if (!asked_at_all(e, u) || has_signed)
        asked.s = 0;
    else if (asked.s == 0 || asked.s > clock_wall().s)   /* by a clock that was ahead */
        asked = clock_wall();
    if (asked.s == u->ack.asked.s)
        return false;
    u->ack.asked = asked;
    store_put_asked(e->store, u->id, asked);
    return asked.s != 0;
}

void acknowledge_review(struct engine *e, struct user *u)
{
    uint8_t sha256[crypto_hash_sha256_BYTES];

    if (u->state != USER_ACTIVE)
        return;
    hash_for(e, u->role_mask, sha256);
    review(e, u, sha256);
}

size_t acknowledge_review_all(struct engine *e)
{
    static struct { uint64_t roles; bool known; uint8_t sha256[crypto_hash_sha256_BYTES]; }
        memo[1 << MEMO_BITS];
    size_t asked = 0;

    memset(memo, 0, sizeof memo);    /* it was of another policy */
    for (size_t i = 0; i < e->n_users; i++) {
        struct user *u = &e->users[i];
        size_t at = (size_t)(u->role_mask * UINT64_C(0x9e3779b97f4a7c15) >> (64 - MEMO_BITS));
        if (!u->id || u->state != USER_ACTIVE)
            continue;
        if (!memo[at].known || memo[at].roles != u->role_mask)
            hash_for(e, u->role_mask, memo[at].sha256);
        memo[at].known = true;
        memo[at].roles = u->role_mask;
        asked += review(e, u, memo[at].sha256);
    }
    return asked;
}

static void load_one(void *arg, uint32_t user, const struct acknowledgement *a)
{
    struct engine *e = arg;

    if (user > e->n_users)
        fatal("the database is damaged: a signature of nobody");
    e->users[user - 1].ack = *a;
}

void acknowledge_load(struct engine *e)
{
    for (size_t i = 0; i < e->n_users; i++)
        e->users[i].ack = (struct acknowledgement){0};
    store_each_signed(e->store, load_one, e);
}

/* ---- what others see ------------------------------------------------------------------------- */

static void set_signed(json_t *o, const struct acknowledgement *a)
{
    char hex[HEX];

    if (a->at.s == 0)
        return;
    sodium_bin2hex(hex, sizeof hex, a->sha256, sizeof a->sha256);
    json_object_set_new(o, "signed_at", time_json(a->at));
    json_object_set_new(o, "version", json_integer(a->version));
    json_object_set_new(o, "sha256", json_string(hex));
}

json_t *acknowledge_json(const struct engine *e, const struct user *u)
{
    struct wall by = acknowledge_by(e, u);
    const char *state = by.s != 0 ? by.s > clock_wall().s ? "due" : "overdue"
                        : asked_at_all(e, u) ? "signed" : "not-asked";
    json_t *o = json_pack("{s:s}", "state", state);

    if (by.s != 0)
        json_object_set_new(o, "by", time_json(by));
    set_signed(o, &u->ack);
    return o;
}

/* ---- reading --------------------------------------------------------------------------------- */

static void add_line(void *arg, enum line_change c, const char *s, size_t len)
{
    json_array_append_new(arg, json_sprintf("%c%.*s", " +-"[c], (int)len, s));
}

/* Whose role asks for a sign-in signs as who they are, not only from their device. */
static bool signs_in_first(const struct engine *e, const struct user *u)
{
    for (size_t i = 0; i < e->policy->n_roles; i++) {
        int64_t every = e->policy->roles[i].sign_in.s;
        if ((u->role_mask >> i & 1) && every > 0 &&
            (u->signed_in.s == 0 || u->signed_in.s + every <= clock_wall().s))
            return true;
    }
    return u->compromised.s != 0;
}

struct reply acknowledge_show(struct engine *e, struct dev *d)
{
    const struct user *u = dev_user(e, d);
    char *text = text_for(e, u->role_mask), *before = store_get_signed(e->store, u->id), hex[HEX];
    json_t *lines = json_array();
    uint8_t sha256[crypto_hash_sha256_BYTES];

    hash_text(text, sha256);
    sodium_bin2hex(hex, sizeof hex, sha256, sizeof sha256);
    text_diff(before ? before : text, text, add_line, lines);
    free(text);
    free(before);
    return (struct reply){200, json_pack("{s:s,s:s,s:I,s:I,s:s,s:b,s:o,s:o}", "user", u->name,
                                         "company", e->policy->company, "version",
                                         (json_int_t)e->version.version, "applied_at",
                                         (json_int_t)e->version.at.s, "sha256", hex,
                                         "sign_in_first", signs_in_first(e, u),
                                         "acknowledgement", acknowledge_json(e, u), "lines",
                                         lines)};
}

/* ---- signing --------------------------------------------------------------------------------- */

static struct reply signed_by(struct engine *e, struct dev *d, struct user *u, const char *text,
                              const uint8_t sha256[crypto_hash_sha256_BYTES], const char *hex)
{
    struct acknowledgement before = u->ack;
    struct batch b;

    u->ack = (struct acknowledgement){.at = clock_wall(), .version = e->version.version};
    memcpy(u->ack.sha256, sha256, sizeof u->ack.sha256);
    batch_begin(e, &b);
    store_put_signed(e->store, u->id, &u->ack, d->name, text, strlen(text));
    audit_act(e, u->name, ENGINE_UID, "policy.acknowledge", u->name,
              json_pack("{s:I,s:s,s:s}", "version", (json_int_t)u->ack.version, "sha256", hex,
                        "device", d->name));
    decide_user_devices(&b, u, "policy.acknowledge");
    if (batch_commit(&b, DURABLE_FIRST) != STORE_OK) {
        u->ack = before;
        return reply_full();
    }
    event_add(e, "act", "%s signed the policy (version %lld) on %s", u->name,
              (long long)u->ack.version, d->name);
    return (struct reply){200, json_pack("{s:s,s:I,s:I}", "user", u->name, "version",
                                         (json_int_t)u->ack.version, "signed_at",
                                         (json_int_t)u->ack.at.s)};
}

static struct reply sign(struct engine *e, struct dev *d, struct user *u, const char *typed)
{
    char *text, hex[HEX];
    uint8_t sha256[crypto_hash_sha256_BYTES];
    struct reply r;

    if (acknowledge_by(e, u).s == 0)
        return reply_error(409, "nothing_due", "There is nothing to sign.", NULL);
    if (signs_in_first(e, u))
        return reply_error(403, "sign_in_first", "Sign in first: then it is you who signs.",
                           "Sign in on the portal's page, then come back.");
    text = text_for(e, u->role_mask);
    hash_text(text, sha256);
    sodium_bin2hex(hex, sizeof hex, sha256, sizeof sha256);
    if (strcmp(typed, hex) == 0)
        r = signed_by(e, d, u, text, sha256, hex);
    else
        r = reply_error(409, "text_changed", "The policy has changed while you read it.",
                        "Read it again, then sign.");
    free(text);
    return r;
}

struct reply acknowledge_sign(struct engine *e, struct dev *d, const uint8_t *body, size_t len)
{
    struct user *u = dev_user(e, d);
    char typed[HEX] = "";
    struct reader r;
    size_t n;

    reader_init(&r, body, len);
    const uint8_t *v = get_blob(&r, &n, HEX - 1);
    if (!reader_done(&r) || memchr(v, 0, n))
        return reply_error(400, "bad_form", "The form cannot be read.", NULL);
    memcpy(typed, v, n);
    if (!d->user || u->state != USER_ACTIVE || d->state != DEV_ACTIVE)
        return reply_error(403, "no_person", "This device belongs to nobody who may sign.",
                           "Ask your administrator.");
    if (!d->approved)
        return reply_error(403, "not_approved", "This device waits for an administrator's approval.",
                           "Sign when it is approved.");
    return sign(e, d, u, typed);
}
