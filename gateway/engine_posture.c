/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A posture token: opened, bound to the device that brought it, judged; the lease that follows. */
#include "gateway/engine_portal.h"

#include <sodium.h>
#include <stdio.h>
#include <string.h>

#include "gateway/clock.h"
#include "gateway/leases.h"
#include "gateway/log.h"
#include "gateway/respond.h"
#include "policy/address.h"

#define JTIS_MAX 200000
#define TOKENS_BURST 10
#define TOKENS_PER_MINUTE 30

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

json_int_t lease_seconds(const struct dev *d)
{
    return d->lease.class_id ? grant_left_ms(&d->lease) / 1000 : 0;
}

json_int_t lease_until(const struct dev *d)
{
    return lease_holds(d) ? d->lease.until.s : 0;
}

/* What the person can do: of a device that is held, to call. */
const char *fix_of(struct engine *e, const struct dev *d, enum refusal_code code)
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

struct reply token_take(struct engine *e, struct dev *d, const uint8_t *token, size_t len)
{
    uint64_t began = clock_mono_ns();
    struct token_trust trust = {.keys = e->keys, .n_keys = e->n_keys, .sorted = true,
                                .audience = e->conf.name, .accept_eddsa = e->policy->accept_eddsa,
                                .clock_synced = lease_clock(e)};

    if (!bucket_take(&d->tokens, clock_boot_ms(), TOKENS_BURST, TOKENS_PER_MINUTE))
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
