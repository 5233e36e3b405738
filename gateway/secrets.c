/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Signing in, and choosing what one signs in with. */
#include "gateway/secrets.h"

#include <ctype.h>
#include <sodium.h>
#include <stdio.h>
#include <string.h>

#include "gateway/admins.h"
#include "gateway/attempts.h"
#include "gateway/clock.h"
#include "gateway/leases.h"
#include "gateway/log.h"
#include "policy/passphrase.h"

#define SETUP_S 86400
#define SETUP_CODE 26            /* characters of 5 bits */
#define RECOVERY_CODE 10
#define TYPED_MAX 1024           /* bytes of one field */
/* Argon2id: 20 ms here. The engine waits for it, so its number is bounded, too. */
#define HASH_OPS 2
#define HASH_BYTES (19u << 20)
#define BURST 5                  /* tries of one person; then one a minute */
#define PER_MINUTE 1
#define ALL_BURST 10             /* of everybody */
#define ALL_PER_MINUTE 300

static struct secret secret;     /* at hand, wiped after each question */
static struct sign_in_setup setup;

/* ---- one-time codes -------------------------------------------------------------------------- */

/* In groups of five, without the letters that look like digits. */
static void make_code(unsigned n, char out[CODE_TEXT])
{
    static const char letters[] = "ABCDEFGHJKLMNPQRSTUVWXYZ23456789";
    size_t at = 0;

    for (unsigned i = 0; i < n; i++) {
        if (i > 0 && i % 5 == 0)
            out[at++] = '-';
        out[at++] = letters[randombytes_uniform(32)];
    }
    out[at] = '\0';
}

/* Typed in small letters, without or with other dashes, it is the same. */
static void hash_code(const char *typed, uint8_t out[CODE_HASH])
{
    char same[TYPED_MAX + 1];
    size_t n = 0;

    for (; *typed && n < sizeof same; typed++)
        if (isalnum((unsigned char)*typed))
            same[n++] = (char)toupper((unsigned char)*typed);
    crypto_hash_sha256(out, (const uint8_t *)same, n);
    sodium_memzero(same, sizeof same);
}

static bool setup_holds(struct engine *e, const struct user *u, const char *typed)
{
    uint8_t hash[CODE_HASH];

    hash_code(typed, hash);
    return store_get_setup(e->store, u->id, &setup) && clock_wall().s < setup.ends.s &&
           sodium_memcmp(hash, setup.code, sizeof hash) == 0;
}

/* ---- passphrases ----------------------------------------------------------------------------- */

/* Takes as long for a person who has none. */
static bool passphrase_holds(const char *hash, const char *typed)
{
    static char nobodys[SECRET_HASH];

    if (!nobodys[0] && crypto_pwhash_str(nobodys, "nobody's", 8, HASH_OPS, HASH_BYTES) != 0)
        fatal("out of memory");
    bool right = crypto_pwhash_str_verify(hash ? hash : nobodys, typed, strlen(typed)) == 0;
    return right && hash;
}

static const char *fault_of(struct engine *e, const struct user *u, const char *typed)
{
    const char *near[] = {u->name, u->full_name ? u->full_name : "", e->policy->company,
                          "portcullis", NULL};

    return passphrase_fault(typed, strlen(typed), near);
}

/* ---- limits and refusals --------------------------------------------------------------------- */

static void note(struct engine *e, const struct dev *d, enum sign_in_refusal why)
{
    attempts_sign_in(e, d, why);
}

/* Tries of one person are few, so that nobody guesses; those of all are, so that hashing leaves
 * the engine time for everything else. */
static bool may_try(struct engine *e, const struct dev *d, struct user *u, struct reply *no)
{
    if (!bucket_take(&u->sign_ins, clock_boot_ms(), BURST, PER_MINUTE)) {
        note(e, d, SIGN_IN_TOO_OFTEN);
        *no = reply_error(429, "rate_limited", "Too many tries to sign in.",
                          "Wait a minute, then try once more.");
        return false;
    }
    if (!bucket_take(&e->sign_ins, clock_boot_ms(), ALL_BURST, ALL_PER_MINUTE)) {
        *no = reply_error(503, "busy", "Many people sign in at this moment.",
                          "Try again in a few seconds.");
        return false;
    }
    return true;
}

static struct reply wrong_code(void)
{
    return reply_error(403, "wrong_code", "This code is not right, or its day is over.",
                       "Ask your administrator for a new one.");
}

/* ---- signing in ------------------------------------------------------------------------------ */

enum factor { FACTOR_NONE = 0, FACTOR_TOTP, FACTOR_RECOVERY };

static enum factor second_factor(struct engine *e, const struct user *u, const char *typed,
                                 uint8_t hash[CODE_HASH])
{
    if (totp_accept(secret.totp, typed, clock_wall().s, &secret.step))
        return FACTOR_TOTP;
    hash_code(typed, hash);
    return store_has_recovery(e->store, u->id, hash) ? FACTOR_RECOVERY : FACTOR_NONE;
}

/* Opens a batch in which this person has signed in, which gives their tries back; what is stored
 * beside it is the caller's. */
static void begin_signed_in(struct engine *e, struct user *u, struct batch *b, const char *act,
                            const struct dev *d, const char *factor)
{
    batch_begin(e, b);
    u->signed_in = clock_wall();
    u->sign_ins = (struct bucket){0};
    store_put_user(e->store, u);
    audit_act(e, u->name, ENGINE_UID, act, u->name,
              json_pack("{s:s,s:s}", "device", d->name, "factor", factor));
    decide_user_devices(b, u, act);
}

static struct reply signed_in(struct engine *e, struct dev *d, struct user *u, enum factor f,
                              const uint8_t hash[CODE_HASH])
{
    struct wall before = u->signed_in;
    struct batch b;

    begin_signed_in(e, u, &b, "user.sign-in", d, f == FACTOR_TOTP ? "totp" : "recovery");
    store_put_secret(e->store, u->id, &secret);
    if (f == FACTOR_RECOVERY)
        store_drop_recovery(e->store, u->id, hash);
    if (batch_commit(&b, DURABLE_FIRST) != STORE_OK) {
        u->signed_in = before;
        return reply_full();
    }
    event_add(e, "act", "%s signed in on %s", u->name, d->name);
    return (struct reply){200, json_pack("{s:s,s:I,s:I}", "user", u->name, "signed_in",
                                         (json_int_t)u->signed_in.s, "recovery_left",
                                         (json_int_t)store_count_recovery(e->store, u->id))};
}

static struct reply sign_in(struct engine *e, struct dev *d, struct user *u, const char *typed,
                            const char *code)
{
    uint8_t hash[CODE_HASH];
    struct reply no;

    if (!may_try(e, d, u, &no))
        return no;
    bool has = store_get_secret(e->store, u->id, &secret);
    bool right = passphrase_holds(has ? secret.hash : NULL, typed);
    enum factor f = right ? second_factor(e, u, code, hash) : FACTOR_NONE;
    if (f != FACTOR_NONE)
        return signed_in(e, d, u, f, hash);
    note(e, d, SIGN_IN_FAILED);
    return reply_error(403, "sign_in_failed", "Passphrase or code are not right.",
                       "A code of the app holds for half a minute and is taken once. Without your app, "
                       "use one of your recovery codes.");
}

/* ---- choosing -------------------------------------------------------------------------------- */

static struct reply choose(struct engine *e, struct dev *d, struct user *u, const char *code,
                           const char *typed)
{
    char text[TOTP_TEXT], uri[TOTP_URI];
    struct reply no;

    if (!may_try(e, d, u, &no))
        return no;
    if (!setup_holds(e, u, code)) {
        note(e, d, SIGN_IN_FAILED);
        return wrong_code();
    }
    const char *fault = fault_of(e, u, typed);
    if (fault)
        return reply_error(422, "weak_passphrase", fault, "Several words that do not belong together "
                           "are easy to remember and hard to guess.");
    if (crypto_pwhash_str(setup.chosen.hash, typed, strlen(typed), HASH_OPS, HASH_BYTES) != 0)
        fatal("out of memory");
    setup.begun = true;
    setup.chosen.made = clock_wall();
    randombytes_buf(setup.chosen.totp, sizeof setup.chosen.totp);
    store_begin(e->store);
    store_put_setup(e->store, u->id, &setup);
    if (store_commit(e->store) != STORE_OK)
        return reply_full();
    struct reply r = {200, json_pack("{s:s,s:s,s:s}", "user", u->name, "secret",
                                     totp_text(setup.chosen.totp, text), "uri",
                                     totp_uri(setup.chosen.totp, e->conf.name, u->name, uri))};
    sodium_memzero(text, sizeof text);
    sodium_memzero(uri, sizeof uri);
    return r;
}

static json_t *new_recovery_codes(struct engine *e, const struct user *u)
{
    json_t *list = json_array();
    uint8_t hash[CODE_HASH];
    char text[CODE_TEXT];

    for (unsigned i = 0; i < RECOVERY_CODES; i++) {
        make_code(RECOVERY_CODE, text);
        hash_code(text, hash);
        store_add_recovery(e->store, u->id, hash);
        json_array_append_new(list, json_string(text));
    }
    sodium_memzero(text, sizeof text);
    return list;
}

/* The second factor was typed back: from here on this is what holds, and the old is void. */
static struct reply confirm(struct engine *e, struct dev *d, struct user *u, const char *code,
                            const char *totp)
{
    struct wall before = u->signed_in;
    struct reply no;
    struct batch b;

    if (!may_try(e, d, u, &no))
        return no;
    if (!setup_holds(e, u, code) || !setup.begun) {
        note(e, d, SIGN_IN_FAILED);
        return wrong_code();
    }
    if (!totp_accept(setup.chosen.totp, totp, clock_wall().s, &setup.chosen.step))
        return reply_error(403, "wrong_totp", "The app's code is not right.",
                           "Is the clock of the phone right? Type the code that the app shows now.");
    struct wall compromised = u->compromised;
    u->compromised.s = 0;
    begin_signed_in(e, u, &b, "user.secrets", d, "totp");
    store_drop_secret(e->store, u->id);
    store_put_secret(e->store, u->id, &setup.chosen);
    store_drop_setup(e->store, u->id);
    json_t *codes = new_recovery_codes(e, u);
    if (batch_commit(&b, DURABLE_FIRST) != STORE_OK) {
        u->signed_in = before;
        u->compromised = compromised;
        json_decref(codes);
        return reply_full();
    }
    event_add(e, "act", "%s chose a passphrase and a second factor on %s", u->name, d->name);
    return (struct reply){200, json_pack("{s:s,s:o}", "user", u->name, "recovery", codes)};
}

/* ---- a device that is lost -------------------------------------------------------------------- */

/* Cut off at once and for good. Who has chosen a passphrase gives it: the finder of one device must
 * not be able to end the others. The phone with the second factor may be what is lost. */
static struct reply lost(struct engine *e, struct dev *d, struct user *u, const char *name,
                         const char *typed)
{
    struct request q = {.uid = ENGINE_UID, .arrived_ns = clock_mono_ns(),
                        .arrived_us = clock_wall_us()};
    struct dev *gone = dev_by_name(e, name);
    struct reply no;

    if (!gone || gone->user != u->id || gone->state != DEV_ACTIVE)
        return reply_error(404, "unknown_device", "You have no device of this name.", NULL);
    if (gone == d)
        return reply_error(409, "this_device", "This is the device that you are using.",
                           "Report it from another one, or call your administrator.");
    if (!may_try(e, d, u, &no))
        return no;
    if (store_get_secret(e->store, u->id, &secret) && !passphrase_holds(secret.hash, typed)) {
        note(e, d, SIGN_IN_FAILED);
        return reply_error(403, "sign_in_failed", "The passphrase is not right.", NULL);
    }
    gone->state = DEV_LOST;
    gone->ended = clock_wall();
    snprintf(q.actor, sizeof q.actor, "%s", u->name);
    struct reply r = cut_off(e, &q, &(struct cut){.kind = "device", .object = gone->name,
                                                  .dev = gone, .state = DEV_LOST,
                                                  .reason = "reported on the portal"});
    if (r.status != 200)
        return r;
    json_decref(r.body);
    return (struct reply){200, json_pack("{s:s,s:s,s:s}", "user", u->name, "device", gone->name,
                                         "contact", e->policy->contact)};
}

/* ---- the portal's question ------------------------------------------------------------------- */

/* One typed field: UTF-8 or not, but without NUL. */
static bool read_typed(struct reader *r, char out[TYPED_MAX + 1])
{
    size_t n;
    const uint8_t *v = get_blob(r, &n, TYPED_MAX);

    if (r->failed || memchr(v, 0, n))
        return false;
    memcpy(out, v, n);
    out[n] = '\0';
    return true;
}

struct reply secrets_ask(struct engine *e, struct dev *d, unsigned verb, const uint8_t *body,
                         size_t len)
{
    char first[TYPED_MAX + 1], second[TYPED_MAX + 1];
    struct user *u = dev_user(e, d);
    struct reply out;
    struct reader r;

    reader_init(&r, body, len);
    if (!read_typed(&r, first) || !read_typed(&r, second) || !reader_done(&r))
        return reply_error(400, "bad_form", "The form cannot be read.", NULL);
    if (!d->user || u->state != USER_ACTIVE)
        out = reply_error(403, "no_person", "This device belongs to nobody who may sign in.",
                           "Ask your administrator.");
    else if (verb == PORTAL_SIGN_IN)
        out = sign_in(e, d, u, first, second);
    else if (verb == PORTAL_SET_UP)
        out = choose(e, d, u, first, second);
    else
        out = verb == PORTAL_CONFIRM ? confirm(e, d, u, first, second)
                                     : lost(e, d, u, first, second);
    sodium_memzero(first, sizeof first);
    sodium_memzero(second, sizeof second);
    sodium_memzero(&secret, sizeof secret);
    sodium_memzero(&setup, sizeof setup);
    return out;
}

json_t *secrets_json(struct engine *e, const struct user *u)
{
    bool set_up = store_get_secret(e->store, u->id, &secret);
    int64_t every = 0;

    for (size_t i = 0; i < e->policy->n_roles; i++) {
        int64_t one = e->policy->roles[i].sign_in.s;
        if ((u->role_mask >> i & 1) && one > 0 && (every == 0 || one < every))
            every = one;
    }
    json_t *o = json_pack("{s:b,s:b}", "asked", every > 0 || u->compromised.s, "set_up", set_up);
    if (every > 0 && u->signed_in.s > 0)
        json_object_set_new(o, "until", json_integer(u->signed_in.s + every));
    sodium_memzero(&secret, sizeof secret);
    return o;
}

/* ---- the admin's ------------------------------------------------------------------------------ */

struct reply control_user_sign_in_code(struct engine *e, struct request *q)
{
    struct user *u = user_by_name(e, q->name);
    char code[CODE_TEXT];
    struct reply no;

    if (!u)
        return no_such_user(e, q->name);
    if (!admin_shields(q, u, false, &no))
        return no;
    if (u->state != USER_ACTIVE)
        return reply_errorf(409, "user_revoked", "portcullis user restore brings them back.",
                            "'%s' is revoked.", u->name);
    make_code(SETUP_CODE, code);
    setup = (struct sign_in_setup){.ends = {clock_wall().s + SETUP_S}};
    hash_code(code, setup.code);
    store_begin(e->store);
    store_put_setup(e->store, u->id, &setup);
    audit_act(e, q->actor, q->uid, "user.sign-in-code", u->name,
              json_pack("{s:I}", "until", (json_int_t)setup.ends.s));
    if (audit_commit(e) != STORE_OK)
        return reply_full();
    event_add(e, "act", "%s gave %s a code to choose a passphrase", q->actor, u->name);
    struct reply r = {201, json_pack("{s:s,s:s,s:I}", "user", u->name, "code", code, "until",
                                     (json_int_t)setup.ends.s)};
    sodium_memzero(code, sizeof code);
    sodium_memzero(&setup, sizeof setup);
    return r;
}
