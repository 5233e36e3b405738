/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Adding a passkey, and signing in with one. */
#include "gateway/passkeys.h"

#include <sodium.h>
#include <stdio.h>
#include <string.h>

#include "gateway/admins.h"
#include "gateway/clock.h"
#include "policy/address.h"
#include "policy/base64url.h"
#include "policy/json_bounds.h"

#define BODY_MAX 8192
#define PART_MAX 4096            /* bytes of one member */
#define TIMEOUT_MS 120000        /* of the browser's question to the person */
#define HANDLE 4                 /* bytes that name the person to their authenticator: a number */

/* ---- where, and of whom ---------------------------------------------------------------------- */

struct ceremony passkey_at_portal(struct engine *e, struct dev *d)
{
    return (struct ceremony){.place = {.dev = d, .user = dev_user(e, d)}, .from = d->k.index,
                             .port = PORTAL_PORT};
}

/* All that one owner of IPv6 addresses has counts as one. */
struct ceremony passkey_at_console(struct engine *e, const struct request *q)
{
    static char name[ADDR_TEXT];
    struct user *u = q->user ? &e->users[q->user - 1] : NULL;
    struct ceremony c = {.place = {.peer = q->peer, .user = u}, .port = e->conf.console.port};

    memcpy(&c.from, q->peer.b, sizeof c.from);
    c.place.name = ip_print(&q->peer, name);
    return c;
}

static struct asker asker_of(const struct ceremony *c, enum challenge_purpose purpose)
{
    if (!c->place.dev && purpose == FOR_SIGN_IN)
        purpose = FOR_CONSOLE;
    return (struct asker){purpose, c->place.user ? c->place.user->id : 0, c->from};
}

/* Those of the console are apart: before a person is known, anybody may ask for one. */
static struct challenges *table_of(struct engine *e, const struct ceremony *c)
{
    return &e->challenges[c->place.dev ? 0 : 1];
}

static void handle_of(const struct user *u, uint8_t out[HANDLE])
{
    for (unsigned i = 0; i < HANDLE; i++)
        out[i] = (uint8_t)(u->id >> (8 * (HANDLE - 1 - i)));
}

static struct webauthn_rp rp_of(struct engine *e, const struct ceremony *c)
{
    struct webauthn_rp rp = {.port = c->port};

    snprintf(rp.name, sizeof rp.name, "%s", e->conf.tls.name);
    return rp;
}

/* ---- what the browser is asked --------------------------------------------------------------- */

static struct reply off(const char *why)
{
    return reply_errorf(409, "no_passkeys", "Sign in with passphrase and code.",
                        "There are no passkeys here: %s.", why);
}

static json_t *bytes_json(const uint8_t *v, size_t n)
{
    char text[sodium_base64_ENCODED_LEN(CREDENTIAL_MAX, sodium_base64_VARIANT_URLSAFE_NO_PADDING)];

    sodium_bin2base64(text, sizeof text, v, n, sodium_base64_VARIANT_URLSAFE_NO_PADDING);
    return json_string(text);
}

static json_t *known_json(struct engine *e, const struct user *u, bool stopped_too)
{
    struct passkey all[PASSKEYS_EACH];
    size_t n = u ? store_get_passkeys(e->store, u->id, all, PASSKEYS_EACH) : 0;
    json_t *list = json_array();

    for (size_t i = 0; i < n; i++)
        if (stopped_too || !all[i].stopped)
            json_array_append_new(list, json_pack("{s:s,s:o}", "type", "public-key", "id",
                                                  bytes_json(all[i].c.id, all[i].c.id_len)));
    return list;
}

/* A challenge for this purpose as text; NULL: *no says why not. */
static json_t *challenge_json(struct engine *e, const struct ceremony *c,
                              enum challenge_purpose purpose, struct reply *no)
{
    struct asker a = asker_of(c, purpose);
    const char *why = passkeys_off(e);
    uint8_t v[WEBAUTHN_CHALLENGE];

    if (why) {
        *no = off(why);
        return NULL;
    }
    if (!challenge_new(table_of(e, c), &a, clock_boot_ms(), v)) {
        *no = reply_error(503, "busy", "The gateway has no room for another challenge.",
                          "Try again in a minute.");
        return NULL;
    }
    return bytes_json(v, sizeof v);
}

static struct reply too_many(void)
{
    return reply_errorf(409, "too_many_passkeys", "Remove one that you do not use.",
                        "You have %d passkeys, and more than these nobody needs.", PASSKEYS_EACH);
}

struct reply passkey_ask_new(struct engine *e, const struct ceremony *c)
{
    const struct user *u = c->place.user;
    json_t *known = known_json(e, u, true);
    uint8_t handle[HANDLE];
    struct reply no;

    if (json_array_size(known) >= PASSKEYS_EACH) {
        json_decref(known);
        return too_many();
    }
    json_t *challenge = challenge_json(e, c, FOR_REGISTRATION, &no);
    if (!challenge) {
        json_decref(known);
        return no;
    }
    handle_of(u, handle);
    json_t *o = json_pack(
        "{s:o,s:{s:s,s:s},s:{s:o,s:s,s:s},s:[{s:s,s:i},{s:s,s:i}],s:i,s:o}", "challenge", challenge,
        "rp", "id", e->conf.tls.name, "name",
        e->policy->company[0] ? e->policy->company : e->conf.name, "user", "id",
        bytes_json(handle, sizeof handle), "name", u->name, "displayName",
        u->full_name ? u->full_name : u->name, "pubKeyCredParams", "type", "public-key", "alg", -7,
        "type", "public-key", "alg", -8, "timeout", TIMEOUT_MS, "excludeCredentials", known);
    json_object_set_new(o, "authenticatorSelection",
                        json_pack("{s:s,s:b,s:s}", "residentKey", "required", "requireResidentKey",
                                  1, "userVerification", "required"));
    json_object_set_new(o, "attestation", json_string("none"));
    return (struct reply){200, json_pack("{s:o}", "publicKey", o)};
}

struct reply passkey_ask(struct engine *e, const struct ceremony *c)
{
    struct reply no;
    json_t *challenge = challenge_json(e, c, FOR_SIGN_IN, &no);

    if (!challenge)
        return no;
    return (struct reply){200, json_pack("{s:{s:o,s:s,s:i,s:s,s:o}}", "publicKey", "challenge",
                                         challenge, "rpId", e->conf.tls.name, "timeout", TIMEOUT_MS,
                                         "userVerification", "required", "allowCredentials",
                                         known_json(e, c->place.user, false))};
}

/* ---- what it answers ------------------------------------------------------------------------- */

struct part { uint8_t v[PART_MAX]; size_t n; };
static struct part client, object, signature, credential, handle;   /* at hand, of one answer */

static struct bytes_of of(const struct part *p) { return (struct bytes_of){p->v, p->n}; }

/* So many members and no others, each a text. */
static json_t *load(const uint8_t *body, size_t len, size_t members)
{
    json_t *o = len <= BODY_MAX ? json_loadb((const char *)body, len, JSON_REJECT_DUPLICATES, NULL)
                                : NULL;

    if (json_is_object(o) && json_object_size(o) == members)
        return o;
    json_decref(o);
    return NULL;
}

static bool take(const json_t *o, const char *name, struct part *out)
{
    const char *s = json_string_value(json_object_get(o, name));

    out->n = 0;
    return s && base64url_decode(s, strlen(s), out->v, sizeof out->v, &out->n);
}

static struct reply unreadable(void)
{
    return reply_error(400, "bad_passkey", "What the browser sent cannot be read.",
                       "Try again; if it persists, another browser may do.");
}

/* Is the challenge in it one that was given here, for this? It is used up. */
static bool take_challenge(struct engine *e, const struct ceremony *c,
                           enum challenge_purpose purpose, uint8_t v[WEBAUTHN_CHALLENGE])
{
    struct asker a = asker_of(c, purpose);

    return webauthn_challenge(of(&client), v) &&
           challenge_take(table_of(e, c), &a, clock_boot_ms(), v);
}

static struct reply too_late(void)
{
    return reply_error(409, "no_challenge", "This took too long, or was done already.",
                       "Try again.");
}

/* ---- adding ---------------------------------------------------------------------------------- */

/* {device} or {from}, and the passkey's: for the record. */
static json_t *record_of(const struct place *p, const struct passkey *k)
{
    char from[ADDR_TEXT];
    json_t *o = json_pack("{s:s,s:s,s:b}", "name", k->name, "algorithm",
                          k->c.alg == FIDO_ES256 ? "ES256" : "EdDSA", "synced", k->c.synced);

    json_object_set_new(o, p->dev ? "device" : "from",
                        json_string(p->dev ? p->dev->name : ip_print(&p->peer, from)));
    return o;
}

static uint32_t uid_of(const struct place *p) { return p->dev ? ENGINE_UID : CONSOLE_UID; }

static bool name_sound(const char *name)
{
    size_t n = name ? strlen(name) : 0;

    return n > 0 && n < NAME_SIZE && text_printable(name, n);
}

static struct reply bad_name(void)
{
    return reply_error(400, "bad_name", "A passkey needs a name of at most 63 bytes.",
                       "Call it after what it is on: phone, laptop, key ring.");
}

static struct reply keep_new(struct engine *e, const struct place *p, const struct passkey *k)
{
    store_begin(e->store);
    store_add_passkey(e->store, k);
    audit_act(e, p->user->name, uid_of(p), "user.passkey-add", p->user->name, record_of(p, k));
    enum store_result r = audit_commit(e);
    if (r == STORE_TAKEN)
        return reply_error(409, "known_passkey", "This passkey is known already.", NULL);
    if (r != STORE_OK)
        return reply_full();
    event_add(e, "act", "%s added the passkey '%s'", p->user->name, k->name);
    return (struct reply){201, json_pack("{s:s,s:o}", "user", p->user->name, "items",
                                         passkeys_json(e, p->user))};
}

static struct reply refused(enum webauthn_verdict v)
{
    return reply_errorf(403, "passkey_refused", "Use the page at the gateway's own name, and an "
                        "authenticator that asks for PIN, fingerprint or face.",
                        "This passkey was not accepted: %s.", webauthn_verdict_name(v));
}

struct reply passkey_add(struct engine *e, const struct ceremony *c, const uint8_t *body,
                         size_t len)
{
    struct passkey k = {.user = c->place.user->id, .made = clock_wall()}, all[PASSKEYS_EACH];
    struct webauthn_rp rp = rp_of(e, c);
    uint8_t challenge[WEBAUTHN_CHALLENGE];
    const char *why = passkeys_off(e);

    if (why)
        return off(why);
    json_t *o = load(body, len, 3);
    const char *name = json_string_value(json_object_get(o, "name"));
    bool sound = name_sound(name);
    bool read = name && take(o, "client_data", &client) && take(o, "attestation", &object);
    if (sound)
        snprintf(k.name, sizeof k.name, "%s", name);
    json_decref(o);
    if (!read)
        return unreadable();
    if (!take_challenge(e, c, FOR_REGISTRATION, challenge))
        return too_late();
    if (!sound)
        return bad_name();
    if (store_get_passkeys(e->store, k.user, all, PASSKEYS_EACH) == PASSKEYS_EACH)
        return too_many();
    enum webauthn_verdict v = webauthn_register(&rp, challenge, of(&client), of(&object), &k.c);
    return v == WEBAUTHN_HOLDS ? keep_new(e, &c->place, &k) : refused(v);
}

/* ---- signing in ------------------------------------------------------------------------------ */

/* Signed rightly, and before: there are two of it. Neither signs anybody in from now on. */
static void stop(struct engine *e, const struct place *p, struct passkey *k)
{
    k->stopped = true;
    store_begin(e->store);
    store_put_passkey(e->store, k);
    audit_act(e, "engine", ENGINE_UID, "user.passkey-stopped", p->user->name, record_of(p, k));
    (void)audit_commit(e);
    alarm_raise(e, "the passkey '%s' of %s was used with an old counter: there is a copy of it; it "
                "is stopped", k->name, p->user->name);
}

static struct reply not_this_one(struct engine *e, const struct place *p, enum sign_in_refusal why)
{
    secrets_note(e, p, why);
    return reply_error(403, "sign_in_failed", "This passkey does not sign you in.",
                       "Sign in with passphrase and code, and look at your passkeys.");
}

/* Whose it is: at the portal the device's person, at the console an admin, whom it names itself. */
static struct user *owner_of(struct engine *e, const struct ceremony *c, const struct passkey *k)
{
    struct user *u = k->user <= e->n_users ? &e->users[k->user - 1] : NULL;
    uint8_t own[HANDLE];

    if (!u || u->state != USER_ACTIVE || (c->place.user && c->place.user != u) ||
        (!c->place.dev && !admin_active(u)))
        return NULL;
    handle_of(u, own);
    if (handle.n == 0)
        return c->place.user;
    return handle.n == HANDLE && memcmp(handle.v, own, HANDLE) == 0 ? u : NULL;
}

static bool read_assertion(const uint8_t *body, size_t len)
{
    json_t *o = load(body, len, 5);
    bool read = take(o, "id", &credential) && take(o, "client_data", &client) &&
                take(o, "data", &object) && take(o, "signature", &signature) &&
                take(o, "user_handle", &handle);

    json_decref(o);
    return read;
}

struct reply passkey_sign_in(struct engine *e, struct ceremony *c, const uint8_t *body, size_t len)
{
    struct webauthn_rp rp = rp_of(e, c);
    uint8_t challenge[WEBAUTHN_CHALLENGE];
    const char *why = passkeys_off(e);
    struct passkey k;
    struct reply no;

    if (why)
        return off(why);
    if (!read_assertion(body, len))
        return unreadable();
    if (!take_challenge(e, c, FOR_SIGN_IN, challenge))
        return too_late();
    if (!secrets_may_try(e, &c->place, &no))
        return no;
    bool known = store_find_passkey(e->store, credential.v, credential.n, &k);
    struct user *u = known && !k.stopped ? owner_of(e, c, &k) : NULL;
    if (!u)
        return not_this_one(e, &c->place, SIGN_IN_FAILED);
    c->place.user = u;
    uint32_t counter = 0;
    enum webauthn_verdict v = webauthn_assert(&rp, challenge, of(&client), of(&object),
                                              of(&signature), &k.c, &counter);
    if (v == WEBAUTHN_CLONED)
        stop(e, &c->place, &k);
    if (v != WEBAUTHN_HOLDS)
        return not_this_one(e, &c->place, v == WEBAUTHN_CLONED ? SIGN_IN_CLONED : SIGN_IN_FAILED);
    k.c.counter = counter;
    k.used = clock_wall();
    return secrets_by_passkey(e, &c->place, &k);
}

/* ---- changing -------------------------------------------------------------------------------- */

static struct reply no_such_passkey(void)
{
    return reply_error(404, "unknown_passkey", "You have no passkey of this number.", NULL);
}

struct reply passkey_rename(struct engine *e, const struct ceremony *c, int64_t id,
                            const char *name)
{
    const struct user *u = c->place.user;
    struct passkey k;

    if (!name_sound(name))
        return bad_name();
    if (!passkey_of(e, u, id, &k))
        return no_such_passkey();
    snprintf(k.name, sizeof k.name, "%s", name);
    store_begin(e->store);
    store_put_passkey(e->store, &k);
    audit_act(e, u->name, uid_of(&c->place), "user.passkey-rename", u->name,
              json_pack("{s:I,s:s}", "id", (json_int_t)id, "name", name));
    if (audit_commit(e) != STORE_OK)
        return reply_full();
    return (struct reply){200, json_pack("{s:s,s:o}", "user", u->name, "items",
                                         passkeys_json(e, u))};
}

struct reply passkey_take_away(struct engine *e, const struct ceremony *c, int64_t id)
{
    struct passkey k;

    return passkey_of(e, c->place.user, id, &k)
               ? passkey_remove(e, c->place.user, &k, c->place.user->name, uid_of(&c->place))
               : no_such_passkey();
}
