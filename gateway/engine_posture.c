/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The portal's questions: a nonce, a token, "who am I?". The device is known by its tunnel
 * address (cryptokey routing), and by nothing that it says.
 */
#include <sodium.h>
#include <stdio.h>
#include <string.h>

#include "gateway/acknowledge.h"
#include "gateway/clock.h"
#include "gateway/control.h"
#include "gateway/engine.h"
#include "gateway/leases.h"
#include "gateway/passkeys.h"
#include "gateway/log.h"
#include "gateway/respond.h"
#include "gateway/secrets.h"
#include "policy/address.h"

#define JTIS_MAX 200000
#define BURST 10
#define PER_MINUTE 30
#define VIEWS_BURST 60           /* a person who reloads the page */
#define VIEWS_PER_MINUTE 300
#define LISTS_BURST 20           /* whose database may have to look through 100,000 rows */
#define LISTS_PER_MINUTE 30
#define NONCE_EXPIRES_S 120
#define REACH_MAX 256              /* shown to a person; an answer to the portal has 64 KiB */
#define REMEDIATION_MAX 64
#define DEVICES_MAX 64

static struct claims claims;     /* of the token at hand: too large for a stack */

/* ---- what token_bind() has to know ---------------------------------------------------------- */

static enum device_state device_state(const struct dev *d)
{
    if (!d)
        return DEVICE_UNKNOWN;
    return d->state == DEV_ACTIVE ? DEVICE_ACTIVE : DEVICE_RETIRED;
}

static enum refusal_code bind_token(struct engine *e, const struct dev *peer)
{
    const struct dev *d = dev_by_name(e, claims.sub);
    char ueid[CLAIM_TEXT] = "";
    struct token_binding b = {.peer = peer->k.key, .device = device_state(d), .device_owner = "",
                              .device_ueid = ueid, .device_iss = ""};

    if (d) {
        store_get_ueid(e->store, d->k.index, ueid);
        b.device_key = d->k.key;
        b.device_owner = d->corp ? "corp" : "byod";
        b.device_iss = d->name;
        b.user_enabled = user_stands(dev_user(e, d));
        b.last_iat = d->last_iat;
    }
    if (claims.has_nonce)
        b.nonce = nonce_find(e, peer->k.index, claims.nonce);
    b.jti_seen = store_jti_seen(e->store, claims.iss, claims.jti);
    b.replay_cache_full = e->n_jtis >= JTIS_MAX;
    return token_bind(&claims, &b);
}

/* ---- accepting ------------------------------------------------------------------------------ */

static void evidence_of(const struct claims *c, struct evidence *ev)
{
    struct wall now = clock_wall();

    *ev = (struct evidence){.accepted = now, .exp = c->exp,
                            .end_boot_ms = clock_boot_ms() + (c->exp.s - now.s) * 1000,
                            .assurance = token_assurance(c), .facts = c->facts};
    memcpy(ev->iss, c->iss, sizeof ev->iss);
    memcpy(ev->kid, c->key.kid, sizeof ev->kid);
    memcpy(ev->jti, c->jti, sizeof ev->jti);
    memcpy(ev->sha256, c->sha256, sizeof ev->sha256);
}

static json_t *failed_rules(struct engine *e)
{
    json_t *list = json_array();

    for (size_t p = 0; p < e->policy->n_postures; p++)
        for (size_t i = 0; i < e->reports[p].n_rules; i++) {
            const struct rule_result *r = &e->reports[p].rules[i];
            if (r->code != CODE_NONE)
                json_array_append_new(list, json_pack("{s:s,s:s,s:s,s:s,s:s}", "rule", r->rule,
                                                      "expected", r->expected, "received",
                                                      r->received, "result",
                                                      posture_result_name(r->result), "code",
                                                      code_id(r->code)));
        }
    return list;
}

/* The decision record (posture.md): what was said, by which policy it was judged, what followed. */
static json_t *decision_record(struct engine *e, const struct dev *d, const struct evidence *ev,
                               const struct pending *p, uint64_t began_ns)
{
    char sha[65], policy[65], key[KEY_TEXT];
    uint64_t before = lease_holds(d) ? d->lease.roles : 0;
    json_t *o = json_object();

    sodium_bin2hex(sha, sizeof sha, ev->sha256, sizeof ev->sha256);
    sodium_bin2hex(policy, sizeof policy, e->version.sha256, sizeof e->version.sha256);
    wg_key_print(&d->k.key, key);
    json_object_update_new(o, json_pack("{s:s,s:s#,s:s,s:s,s:s,s:i,s:s,s:s,s:I}", "user",
                                        dev_user(e, d)->name, "peer", key, 8, "own",
                                        d->corp ? "corp" : "byod", "issuer", ev->iss, "kid",
                                        ev->kid, "assurance", ev->assurance, "jti", ev->jti,
                                        "token", sha, "facts_at", (json_int_t)ev->facts.at.s));
    json_object_update_new(o, json_pack("{s:I,s:s,s:s,s:s,s:s,s:o,s:I}", "policy_version",
                                        (json_int_t)e->version.version, "policy", policy,
                                        "result", p->lease.class_id ? "in" : "quarantine",
                                        "reason", decide_reason_name(p->reason), "code",
                                        code_id(p->code), "rules", failed_rules(e), "lease_until",
                                        (json_int_t)p->lease.until.s));
    json_object_update_new(o, json_pack("{s:o,s:o,s:I}", "roles_before",
                                        role_names_json(e->policy, before), "roles_after",
                                        role_names_json(e->policy, p->lease.roles),
                                        "latency_us",
                                        (json_int_t)((clock_mono_ns() - began_ns) / 1000)));
    return o;
}

static void fix_ueid(struct engine *e, const struct dev *d)
{
    char ueid[CLAIM_TEXT];

    store_get_ueid(e->store, d->k.index, ueid);
    if (ueid[0] == '\0')
        store_set_ueid(e->store, d->k.index, claims.ueid);
}

/* A report that takes something away, on a full disk: cut it is, in the kernel and here, though
 * nothing of it can be written. The evidence of before counts no more, so that nothing but a new
 * report brings the lease back; an engine that starts before there is room knows only the old. */
static void cut_unwritten(struct engine *e, struct dev *d)
{
    struct batch b;

    d->token_exp = (struct wall){0};
    d->token_end_boot_ms = 0;
    alarm_raise(e, "the disk is full: what %s has lost by its report is cut, and not written",
                d->name);
    batch_begin(e, &b);
    lease_decide(&b, d, NULL, "token");
    (void)batch_commit(&b, CUT_FIRST);
}

/* jti, iat, evidence, lease and record in one transaction; then the kernel, but what ends a lease
 * comes to the kernel first. */
static enum refusal_code accept_token(struct engine *e, struct dev *d, uint64_t began_ns)
{
    struct evidence ev;
    struct dev newer = *d;
    struct batch b;

    evidence_of(&claims, &ev);
    newer.last_iat = claims.iat;
    batch_begin(e, &b);
    store_put_jti(e->store, claims.iss, claims.jti, (struct wall){claims.exp.s + TOKEN_SKEW});
    store_put_dev(e->store, &newer);
    fix_ueid(e, d);
    store_put_evidence(e->store, d->k.index, &ev);
    lease_decide(&b, d, &ev, "token");
    audit_act(e, "engine", ENGINE_UID, "posture.accept", d->name,
              decision_record(e, d, &ev, batch_dev(&b, d), began_ns));
    uint64_t lost = lease_holds(d) ? d->lease.roles & ~batch_dev(&b, d)->lease.roles : 0;
    if (batch_commit(&b, batch_dev(&b, d)->lease.class_id ? DURABLE_FIRST : CUT_FIRST) !=
        STORE_OK) {
        if (lost)
            cut_unwritten(e, d);
        return PT902;
    }
    d->last_iat = newer.last_iat;
    d->token_exp = ev.exp;
    d->token_end_boot_ms = ev.end_boot_ms;
    e->n_jtis++;
    if (claims.has_nonce)
        nonce_use(e, claims.nonce);
    return CODE_NONE;
}

/* ---- refusing ------------------------------------------------------------------------------- */

/* Refusals of genuine tokens, and misuse, are evidence; rubbish is not worth a disk write. */
static void note_refusal(struct engine *e, struct dev *d, enum refusal_code code)
{
    bool genuine = code >= PT301 && code <= PT603;

    event_add(e, "posture", "%s (%s): report refused, %s %s", d->name, dev_user(e, d)->name,
              code_id(code), code_name(code));
    if (code_is_misuse(code))
        attempts_token(e, d, code);
    if (!genuine && !code_is_misuse(code))
        return;
    audit_note(e, "engine", ENGINE_UID, "posture.refuse", d->name,
               json_pack("{s:s,s:s,s:s,s:s,s:s}", "user", dev_user(e, d)->name, "code",
                         code_id(code), "name", code_name(code), "kid", claims.key.kid, "jti",
                         claims.jti));
}

static int refusal_status(enum refusal_code code)
{
    if (code == PT903)
        return 429;
    return code == PT902 || code == PT904 || code == PT901 || code == PT406 ? 503 : 403;
}

static struct reply refuse(struct engine *e, enum refusal_code code)
{
    metrics_posture(&e->metrics, false, code);
    return (struct reply){refusal_status(code),
                          json_pack("{s:s,s:i,s:i,s:s,s:s,s:s,s:[]}", "result", "quarantine",
                                    "lease_until", 0, "lease_seconds", 0, "code", code_id(code),
                                    "sentence", code_sentence(code), "fix", code_fix(code),
                                    "rules")};
}

/* ---- answers -------------------------------------------------------------------------------- */

/* Of every block that was judged. */
static json_t *all_rules(struct engine *e)
{
    json_t *list = json_array();

    for (size_t i = 0; i < e->policy->n_postures; i++)
        rules_add(list, &e->reports[i]);
    return list;
}

static json_int_t lease_seconds(const struct dev *d)
{
    return d->lease.class_id ? grant_left_ms(&d->lease) / 1000 : 0;
}

static json_int_t lease_until(const struct dev *d)
{
    return lease_holds(d) ? d->lease.until.s : 0;
}

/* What the person can do: of a device that is held, to call. */
static const char *fix_of(struct engine *e, const struct dev *d, enum refusal_code code)
{
    static char call[TEXT_SIZE + 16];

    if (d->hold == HOLD_NONE)
        return code_fix(code);
    snprintf(call, sizeof call, "Call %s.",
             e->policy->contact[0] ? e->policy->contact : "your administrator");
    return call;
}

static struct reply judged(struct engine *e, struct dev *d)
{
    bool in = lease_holds(d);
    enum refusal_code code;
    const char *sentence = dev_sentence(e, d, &code);
    struct decision x;

    lease_judge(e, d, &x);
    metrics_posture(&e->metrics, in, code);
    json_t *o = json_pack("{s:s,s:I,s:I,s:s,s:s,s:s,s:o}", "result", in ? "in" : "quarantine",
                          "lease_until", lease_until(d), "lease_seconds", lease_seconds(d), "code",
                          code_id(code), "sentence", sentence, "fix", fix_of(e, d, code), "rules",
                          all_rules(e));
    return (struct reply){in ? 200 : 403, o};
}

static struct reply posture(struct engine *e, struct dev *d, const uint8_t *token, size_t len)
{
    uint64_t began = clock_mono_ns();
    struct token_trust trust = {.keys = e->keys, .n_keys = e->n_keys, .sorted = true,
                                .audience = e->conf.name, .accept_eddsa = e->policy->accept_eddsa,
                                .clock_synced = lease_clock(e)};

    if (!bucket_take(&d->tokens, clock_boot_ms(), BURST, PER_MINUTE))
        return refuse(e, PT903);
    memset(&claims, 0, sizeof claims);
    enum refusal_code code = token_open(token, len, &trust, clock_wall(), &claims);
    if (code == CODE_NONE)
        code = bind_token(e, d);
    if (code == CODE_NONE)
        code = accept_token(e, d, began);
    if (code == CODE_NONE)
        return judged(e, d);
    note_refusal(e, d, code);
    return refuse(e, code);
}

static struct reply too_often(void)
{
    return reply_error(429, "rate_limited", code_sentence(PT903), code_fix(PT903));
}

static struct reply nonce(struct engine *e, struct dev *d)
{
    uint8_t v[NONCE_BYTES];
    char text[sodium_base64_ENCODED_LEN(NONCE_BYTES, sodium_base64_VARIANT_URLSAFE_NO_PADDING)];

    if (!bucket_take(&d->nonces, clock_boot_ms(), BURST, PER_MINUTE))
        return too_often();
    if (!nonce_new(e, d->k.index, v))
        return reply_error(503, "busy", "The gateway has no room for another challenge.",
                           "Try again in a minute.");
    sodium_bin2base64(text, sizeof text, v, sizeof v, sodium_base64_VARIANT_URLSAFE_NO_PADDING);
    return (struct reply){200, json_pack("{s:s,s:i,s:s}", "nonce", text, "expires_in",
                                         NONCE_EXPIRES_S, "audience", e->conf.name)};
}

/* ---- who am I? ------------------------------------------------------------------------------ */

static json_t *reach_json(struct engine *e, const struct dev *d)
{
    uint64_t mine = dev_user(e, d)->role_mask, now = lease_holds(d) ? d->lease.roles : 0;
    json_t *list = json_array();

    for (size_t res = 0; res < e->policy->n_resources; res++) {
        bool asked = false, open = false;
        for (size_t i = 0; i < e->policy->n_roles; i++)
            for (size_t j = 0; j < e->policy->roles[i].n_reach; j++)
                if (e->policy->roles[i].reach[j] == res) {
                    asked = asked || (mine >> i & 1);
                    open = open || (now >> i & 1);
                }
        if ((asked || open) && json_array_size(list) < REACH_MAX)
            json_array_append_new(list, json_pack("{s:s,s:b}", "resource",
                                                  e->policy->resources[res].name, "permitted",
                                                  open));
    }
    return list;
}

static json_t *remediation_json(struct engine *e)
{
    json_t *list = json_array();

    for (size_t i = 0; i < e->policy->n_remediation && i < REMEDIATION_MAX; i++)
        json_array_append_new(
            list, json_string(e->policy->resources[e->policy->remediation[i]].name));
    return list;
}

/* When the first of the person's roles that are shut by their hours opens again. */
static void set_opening(struct engine *e, json_t *o, const struct dev *d)
{
    struct wall first = {INT64_MAX}, until;

    if (lease_holds(d) || d->reason != DECIDE_HOURS)
        return;
    for (size_t i = 0; i < e->policy->n_roles; i++)
        if ((dev_user(e, d)->role_mask >> i & 1) &&
            !hours_open(&e->policy->roles[i].hours, clock_wall(), &until) && until.s < first.s)
            first = until;
    if (first.s < INT64_MAX)
        json_object_set_new(o, "opens_at", time_json(first));
}

/* Of the person who asks, those that have not ended. */
static json_t *own_devices(struct engine *e, const struct dev *asking)
{
    json_t *list = json_array();

    for (size_t i = 0; asking->user && i < e->n_devs && json_array_size(list) < DEVICES_MAX; i++) {
        const struct dev *d = &e->devs[i];
        if (d->state == DEV_ACTIVE && d->user == asking->user)
            json_array_append_new(list, json_pack("{s:s,s:s,s:b}", "name", d->name, "state",
                                                  dev_state_name(e, d), "this", d == asking));
    }
    return list;
}

static struct reply me(struct engine *e, struct dev *d)
{
    const struct user *u = dev_user(e, d);
    uint64_t roles = lease_holds(d) ? d->lease.roles : u->role_mask;
    enum refusal_code code;
    const char *sentence = dev_sentence(e, d, &code);
    json_t *o = json_pack("{s:s,s:s,s:s,s:s,s:o,s:I,s:I,s:s,s:s,s:o,s:o}", "user", u->name,
                          "full_name", u->full_name ? u->full_name : "", "device", d->name,
                          "state", dev_state_name(e, d), "roles", role_names_json(e->policy, roles),
                          "lease_until", lease_until(d), "lease_seconds", lease_seconds(d),
                          "reason", decide_reason_name(d->reason), "sentence", sentence, "reach",
                          reach_json(e, d), "remediation", remediation_json(e));

    if (code != CODE_NONE)
        json_object_set_new(o, "code", json_string(code_id(code)));
    if (code != CODE_NONE || d->hold != HOLD_NONE)
        json_object_set_new(o, "fix", json_string(fix_of(e, d, code)));
    if (d->hold != HOLD_NONE)
        json_object_set_new(o, "hold", hold_json(e, hold_of(e, d)));
    set_opening(e, o, d);
    json_object_set_new(o, "sign_in", secrets_json(e, u));
    json_object_set_new(o, "acknowledgement", acknowledge_json(e, u));
    json_object_set_new(o, "devices", own_devices(e, d));
    json_object_set_new(o, "posture", posture_json(e, d));
    return (struct reply){200, o};
}

/* ---- the message ---------------------------------------------------------------------------- */

static bool may_view(struct dev *d)
{
    return bucket_take(&d->views, clock_boot_ms(), VIEWS_BURST, VIEWS_PER_MINUTE);
}

/* What stands around every page: whose gateway this is, and whom to call. */
static void set_frame(struct engine *e, json_t *o)
{
    if (!json_is_object(o))
        return;
    json_object_set_new(o, "gateway", json_string(e->conf.name));
    json_object_set_new(o, "company", json_string(e->policy->company));
    if (e->policy->contact[0])
        json_object_set_new(o, "contact", json_string(e->policy->contact));
    json_object_set_new(o, "with_passkeys", json_boolean(!passkeys_off(e)));
}

static struct reply answer(struct engine *e, unsigned verb, const struct ip_addr *peer,
                           const uint8_t *body, size_t len)
{
    struct dev *d = dev_by_address(e, peer);

    if (!d)
        return reply_error(403, "unknown_device", "No enrolled device has this address.",
                           "Ask your administrator to enrol this device.");
    switch (verb) {
    case PORTAL_NONCE:
        return nonce(e, d);
    case PORTAL_POSTURE:
        return posture(e, d, body, len);
    case PORTAL_ME:
        return may_view(d) ? me(e, d) : too_often();
    case PORTAL_POLICY:
    case PORTAL_ACKNOWLEDGE:
        if (!may_view(d))
            return too_often();
        return verb == PORTAL_POLICY ? acknowledge_show(e, d) : acknowledge_sign(e, d, body, len);
    case PORTAL_PASSKEYS:
    case PORTAL_PASSKEY_NEW:
    case PORTAL_PASSKEY_ASK:
    case PORTAL_PASSKEY_ADD:
    case PORTAL_PASSKEY_SIGN_IN:
    case PORTAL_PASSKEY_RENAME:
    case PORTAL_PASSKEY_REMOVE:
        return passkeys_ask(e, d, verb, body, len);
    case PORTAL_SESSIONS:
    case PORTAL_DENIALS:
        if (!bucket_take(&d->lists, clock_boot_ms(), LISTS_BURST, LISTS_PER_MINUTE))
            return too_often();
        return person_ask(e, d, verb, body, len);
    default:
        return secrets_ask(e, d, verb, body, len);
    }
}

int portal_message(struct engine *e, const struct message *m)
{
    struct reader r;
    size_t len;

    reader_init(&r, m->body, m->len);
    unsigned verb = get_u8(&r);
    struct ip_addr peer = get_addr(&r);
    const uint8_t *body = get_blob(&r, &len, TOKEN_SIZE_MAX + 1);
    if (!reader_done(&r) || verb < PORTAL_NONCE || verb >= PORTAL_VERBS)
        return -1;
    struct reply reply = answer(e, verb, &peer, body, len);
    if (verb != PORTAL_NONCE && verb != PORTAL_POSTURE)
        set_frame(e, reply.body);
    return reply_send(e, e->peer[ROLE_PORTAL], MSG_PORTAL_REPLY, m->seq, 65536, &reply);
}
