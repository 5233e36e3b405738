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
#include "gateway/passkeys.h"
#include "policy/address.h"
#include "policy/decide.h"
#include "policy/passphrase.h"

#define SETUP_S 86400
#define SETUP_CODE 26            /* characters of 5 bits */
#define RECOVERY_CODE 10
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

/* In groups of five. */
static void make_code(unsigned n, char out[CODE_TEXT])
{
    size_t at = 0;

    for (unsigned i = 0; i < n; i++) {
        if (i > 0 && i % 5 == 0)
            out[at++] = '-';
        out[at++] = CODE_LETTERS[randombytes_uniform(32)];
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

/* Of its day; a clock that was set back gives it no other. */
static bool in_its_day(struct wall ends)
{
    int64_t left = ends.s - clock_wall().s;

    return left > 0 && left <= SETUP_S + CLOCK_STEP_S;
}

static bool setup_holds(struct engine *e, const struct user *u, const char *typed)
{
    uint8_t hash[CODE_HASH];

    hash_code(typed, hash);
    return store_get_setup(e->store, u->id, &setup) && in_its_day(setup.ends) &&
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

void secrets_note(struct engine *e, const struct place *p, enum sign_in_refusal why)
{
    if (p->dev)
        attempts_sign_in(e, p->dev, why);
    else
        attempts_console(e, p->user, &p->peer, why);
}

/* Of one person: so few that nobody guesses. */
static bool own_try(struct user *u)
{
    return bucket_take(&u->sign_ins, clock_boot_ms(), BURST, PER_MINUTE);
}

/* At the portal only a person's own devices use up their tries. At the console anybody may use their
 * name: tries of a place and of a name are counted, and the person's own wait for the passphrase. */
static bool place_try(struct engine *e, const struct place *p)
{
    return p->dev ? own_try(p->user) : try_take(&e->tries, &p->peer, p->name, clock_boot_ms());
}

/* Those of all are few, too, so that hashing leaves the engine time for everything else. */
bool secrets_may_try(struct engine *e, const struct place *p, struct reply *no)
{
    if (!place_try(e, p)) {
        secrets_note(e, p, SIGN_IN_TOO_OFTEN);
        if (!p->dev)
            try_alarm(e, &p->peer);
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

/* {device} or {from}, and how: for the record. */
static json_t *where_json(const struct place *p, const char *factor)
{
    char from[ADDR_TEXT];

    return p->dev ? json_pack("{s:s,s:s}", "device", p->dev->name, "factor", factor)
                  : json_pack("{s:s,s:s}", "from", ip_print(&p->peer, from), "factor", factor);
}

/* Opens a batch in which this person has signed in, which gives their tries back; what is stored
 * beside it is the caller's. At the console it opens no role of theirs. */
static void begin_signed_in(struct engine *e, const struct place *p, struct batch *b,
                            const char *act, json_t *how)
{
    struct user *u = p->user;

    batch_begin(e, b);
    u->sign_ins = (struct bucket){0};
    if (p->dev)
        u->signed_in = clock_wall();
    else
        try_give_back(&e->tries, &p->peer, p->name);
    store_put_user(e->store, u);
    audit_act(e, u->name, p->dev ? ENGINE_UID : CONSOLE_UID, act, u->name, how);
    decide_user_devices(b, u, act);
}

static void tell(struct engine *e, const struct place *p, const char *what)
{
    char from[ADDR_TEXT];

    if (p->dev)
        event_add(e, "act", "%s %s on %s", p->user->name, what, p->dev->name);
    else
        event_add(e, "act", "%s %s at the console, from %s", p->user->name, what,
                  ip_print(&p->peer, from));
}

static const char *sign_in_act(const struct place *p)
{
    return p->dev ? "user.sign-in" : "console.sign-in";
}

/* Ends what begin_signed_in() began. */
static struct reply finish_signed_in(struct engine *e, const struct place *p, struct batch *b,
                                     struct wall before)
{
    struct user *u = p->user;

    if (batch_commit(b, DURABLE_FIRST) != STORE_OK) {
        u->signed_in = before;
        return reply_full();
    }
    tell(e, p, "signed in");
    return (struct reply){200, json_pack("{s:s,s:I,s:I}", "user", u->name, "signed_in",
                                         (json_int_t)u->signed_in.s, "recovery_left",
                                         (json_int_t)store_count_recovery(e->store, u->id))};
}

static struct reply signed_in(struct engine *e, const struct place *p, enum factor f,
                              const uint8_t hash[CODE_HASH])
{
    struct wall before = p->user->signed_in;
    struct batch b;

    begin_signed_in(e, p, &b, sign_in_act(p),
                    where_json(p, f == FACTOR_TOTP ? "totp" : "recovery"));
    store_put_secret(e->store, p->user->id, &secret);
    if (f == FACTOR_RECOVERY)
        store_drop_recovery(e->store, p->user->id, hash);
    if (p->dev)
        p->dev->proved_boot_ms = clock_boot_ms();
    return finish_signed_in(e, p, &b, before);
}

struct reply secrets_by_passkey(struct engine *e, const struct place *p, const struct passkey *k)
{
    struct wall before = p->user->signed_in;
    struct batch b;

    json_t *how = where_json(p, "passkey");
    json_object_set_new(how, "passkey", json_string(k->name));
    begin_signed_in(e, p, &b, sign_in_act(p), how);
    store_put_passkey(e->store, k);
    return finish_signed_in(e, p, &b, before);
}

/* With the passphrase right, at the console the code's few tries begin to count. */
static enum factor both_factors(struct engine *e, const struct place *p, const char *typed,
                                const char *code, uint8_t hash[CODE_HASH])
{
    struct user *u = p->user;
    bool has = u && store_get_secret(e->store, u->id, &secret);

    if (!passphrase_holds(has ? secret.hash : NULL, typed) || (!p->dev && !own_try(u)))
        return FACTOR_NONE;
    return second_factor(e, u, code, hash);
}

static struct reply sign_in(struct engine *e, const struct place *p, const char *typed,
                            const char *code)
{
    uint8_t hash[CODE_HASH];
    struct reply no;

    if (!secrets_may_try(e, p, &no))
        return no;
    enum factor f = both_factors(e, p, typed, code, hash);
    if (f != FACTOR_NONE)
        return signed_in(e, p, f, hash);
    secrets_note(e, p, SIGN_IN_FAILED);
    return reply_error(403, "sign_in_failed", "Passphrase or code are not right.",
                       "A code of the app holds for half a minute and is taken once. Without your app, "
                       "use one of your recovery codes.");
}

/* ---- choosing -------------------------------------------------------------------------------- */

static struct reply choose(struct engine *e, const struct place *p, const char *code,
                           const char *typed)
{
    struct user *u = p->user;
    char text[TOTP_TEXT], uri[TOTP_URI];
    struct reply no;

    if (!secrets_may_try(e, p, &no))
        return no;
    if (!u || !setup_holds(e, u, code)) {
        secrets_note(e, p, SIGN_IN_FAILED);
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

void secrets_unprove(struct engine *e, const struct user *u)
{
    for (size_t i = 0; i < e->n_devs; i++)
        if (e->devs[i].user == u->id)
            e->devs[i].proved_boot_ms = 0;
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
static struct reply confirm(struct engine *e, const struct place *p, const char *code,
                            const char *totp)
{
    struct user *u = p->user;
    struct reply no;
    struct batch b;

    if (!secrets_may_try(e, p, &no))
        return no;
    if (!u || !setup_holds(e, u, code) || !setup.begun) {
        secrets_note(e, p, SIGN_IN_FAILED);
        return wrong_code();
    }
    if (!totp_accept(setup.chosen.totp, totp, clock_wall().s, &setup.chosen.step))
        return reply_error(403, "wrong_totp", "The app's code is not right.",
                           "Is the clock of the phone right? Type the code that the app shows now.");
    struct wall compromised = u->compromised, before = u->signed_in;
    u->compromised.s = 0;
    begin_signed_in(e, p, &b, "user.secrets", where_json(p, "totp"));
    store_drop_secret(e->store, u->id);
    store_put_secret(e->store, u->id, &setup.chosen);
    store_drop_setup(e->store, u->id);
    store_drop_passkeys(e->store, u->id);
    json_t *codes = new_recovery_codes(e, u);
    if (batch_commit(&b, DURABLE_FIRST) != STORE_OK) {
        u->signed_in = before;
        u->compromised = compromised;
        json_decref(codes);
        return reply_full();
    }
    sessions_end(e, u->id, "new secrets");
    secrets_unprove(e, u);
    if (p->dev)
        p->dev->proved_boot_ms = clock_boot_ms();
    tell(e, p, "chose a passphrase and a second factor");
    return (struct reply){200, json_pack("{s:s,s:o}", "user", u->name, "recovery", codes)};
}

/* ---- all of it ------------------------------------------------------------------------------- */

struct reply secrets_step(struct engine *e, const struct place *p, enum secrets_step step,
                          const char *first, const char *second)
{
    static struct reply (*const steps[])(struct engine *, const struct place *, const char *,
                                         const char *) = {sign_in, choose, confirm};
    struct reply r = steps[step](e, p, first, second);

    sodium_memzero(&secret, sizeof secret);
    sodium_memzero(&setup, sizeof setup);
    return r;
}

enum passphrase_check secrets_passphrase(struct engine *e, const struct place *p, const char *typed)
{
    enum passphrase_check r = PASSPHRASE_NONE;

    if (store_get_secret(e->store, p->user->id, &secret))
        r = passphrase_holds(secret.hash, typed) ? PASSPHRASE_RIGHT : PASSPHRASE_WRONG;
    if (r == PASSPHRASE_WRONG)
        secrets_note(e, p, SIGN_IN_FAILED);
    sodium_memzero(&secret, sizeof secret);
    return r;
}

bool secrets_set_up(struct engine *e, const struct user *u)
{
    bool has = store_get_secret(e->store, u->id, &secret);

    sodium_memzero(&secret, sizeof secret);
    return has;
}

/* ---- the admin's ----------------------------------------------------------------------------- */

/* A new code for this person, which voids the one before. NULL: the disk is full. */
static json_t *new_setup(struct engine *e, const struct request *q, const struct user *u)
{
    char code[CODE_TEXT];

    make_code(SETUP_CODE, code);
    setup = (struct sign_in_setup){.ends = {clock_wall().s + SETUP_S}};
    hash_code(code, setup.code);
    store_begin(e->store);
    store_put_setup(e->store, u->id, &setup);
    audit_act(e, q->actor, q->uid, "user.sign-in-code", u->name,
              json_pack("{s:I}", "until", (json_int_t)setup.ends.s));
    bool held = audit_commit(e) == STORE_OK;
    json_t *o = !held ? NULL
                      : json_pack("{s:s,s:s,s:I}", "user", u->name, "code", code, "until",
                                  (json_int_t)setup.ends.s);
    sodium_memzero(code, sizeof code);
    sodium_memzero(&setup, sizeof setup);
    return o;
}

struct reply secrets_new_code(struct engine *e, const struct request *q, const struct user *u)
{
    if (u->state != USER_ACTIVE)
        return is_revoked(u);
    json_t *o = new_setup(e, q, u);
    if (!o)
        return reply_full();
    event_add(e, "act", "%s gave %s a code to choose a passphrase", q->actor, u->name);
    return (struct reply){201, o};
}

struct reply control_user_sign_in_code(struct engine *e, struct request *q)
{
    struct reply no;
    struct user *u = person_asked(e, q, false, &no);

    return u ? secrets_new_code(e, q, u) : no;
}
