/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Enrolment by invitation, as asked for from outside. In this order: may this address try; is
 * there such an invitation; is the code right. Who fails one learns nothing of the next.
 */
#include "gateway/engine_enrol.h"

#include <sodium.h>
#include <stdio.h>
#include <string.h>

#include "gateway/attempts.h"
#include "gateway/clock.h"
#include "gateway/enrolment.h"
#include "gateway/leases.h"
#include "gateway/log.h"
#include "policy/address.h"

#define URL_TEXT (ADDR_TEXT + 16)

/* What was asked, and what is found out about it on the way. */
struct redeeming {
    struct engine *e;
    const struct ip_addr *from;
    struct body b;
    const char *token, *code, *key, *name;
    struct invite invite;
    struct user *user;
    struct enrolment n;
};

static struct redeeming ask;     /* too large for a stack; wiped after each question */

/* ---- refusals ------------------------------------------------------------------------------- */

static void note(enum enrol_refusal why)
{
    attempts_enrol(ask.e, ask.user, ask.from, why);
}

static void refuse(struct reply r, enum enrol_refusal why)
{
    note(why);
    body_fail(&ask.b, r);
}

static struct reply no_invitation(void)
{
    return reply_error(403, "no_invitation", "This invitation does not exist, or it is over.",
                       "Ask your administrator for a new one.");
}

static struct reply too_often(void)
{
    return reply_error(429, "rate_limited", "Too many tries to enrol.",
                       "Wait a minute, then try once more.");
}

/* ---- reading -------------------------------------------------------------------------------- */

static void read_question(const uint8_t *body, size_t len)
{
    struct request q = {.body = body, .body_len = len};

    body_open(&ask.b, &q, false);
    ask.token = body_text(&ask.b, "token", 64, true);
    ask.code = body_text(&ask.b, "code", 32, true);
    ask.key = body_text(&ask.b, "wireguard_key", KEY_TEXT, true);
    ask.name = body_text(&ask.b, "name", NAME_SIZE - 1, false);
    (void)body_member(&ask.b, "issuer", JSON_OBJECT, false);
    (void)body_done(&ask.b);
}

/* ---- the invitation ------------------------------------------------------------------------- */

/* Made before the person's secrets were known to others: a full disk may have kept it from being
 * voided there. */
static bool from_before_the_theft(void)
{
    return ask.user->compromised.s && ask.invite.made.s < ask.user->compromised.s;
}

static bool person_may(void) { return user_stands(ask.user) && !from_before_the_theft(); }

static void find_invitation(void)
{
    uint8_t hash[INVITE_HASH];

    if (!invite_token_hash(ask.token, hash) ||
        !store_find_invite(ask.e->store, hash, &ask.invite)) {
        refuse(no_invitation(), ENROL_NO_INVITATION);
        return;
    }
    ask.user = &ask.e->users[ask.invite.user - 1];
    if (!invite_open(&ask.invite) || !person_may())
        refuse(no_invitation(), ENROL_OVER);
}

/* A wrong code is counted on the disk before it is answered, or it is not answered. */
static void wrong_code(void)
{
    unsigned left = INVITE_TRIES - ++ask.invite.wrong;
    struct reply r = reply_errorf(403, "wrong_code", left ? "Read the eight digits once more."
                                                          : "Ask your administrator for a new one.",
                                  left ? "The code is not right."
                                       : "The code is not right, and the invitation is void now.");

    json_object_set_new(r.body, "tries_left", json_integer(left));
    store_begin(ask.e->store);
    if (left == 0) {
        ask.invite.state = INVITE_VOID;
        ask.invite.ended = clock_wall();
        audit_act(ask.e, "engine", ENGINE_UID, "device.invite-void", ask.user->name,
                  json_pack("{s:I,s:s}", "invitation", (json_int_t)ask.invite.id, "cause",
                            "wrong codes"));
    }
    store_put_invite(ask.e->store, &ask.invite);
    if (audit_commit(ask.e) != STORE_OK) {
        json_decref(r.body);
        r = reply_full();
    }
    if (left == 0)
        alarm_raise(ask.e, "an invitation of %s is void: %d wrong codes", ask.user->name,
                    INVITE_TRIES);
    refuse(r, ENROL_WRONG_CODE);
}

/* ---- the device ----------------------------------------------------------------------------- */

static void take_key(void)
{
    static const struct wg_key none;

    if (!wg_key_parse(ask.key, strlen(ask.key), &ask.n.d.k.key) ||
        wg_key_equal(&ask.n.d.k.key, &none))
        body_fail(&ask.b, reply_error(400, "bad_key", "'wireguard_key' is not a WireGuard public "
                                    "key.", NULL));
    else if (dev_by_key(ask.e, &ask.n.d.k.key) || wg_key_equal(&ask.n.d.k.key, &ask.e->public_key))
        refuse(reply_error(409, "key_exists", "This key was used before, and no key is used "
                           "twice.", "Make a new one, and try again."), ENROL_KEY_KNOWN);
}

/* "maria-2": the first that is free. */
static void make_name(void)
{
    unsigned n = 1;

    do
        snprintf(ask.n.d.name, sizeof ask.n.d.name, "%.52s-%u", ask.user->name, n++);
    while (dev_by_name(ask.e, ask.n.d.name));
}

/* What a person chooses begins with their own name: a device does not pose as somebody else's. */
static void chosen_name(void)
{
    size_t own = strlen(ask.user->name);
    bool begins = strncmp(ask.name, ask.user->name, own) == 0 && ask.name[own] == '-';
    char name[2 * NAME_SIZE];

    snprintf(name, sizeof name, "%s%s%s", begins ? "" : ask.user->name, begins ? "" : "-",
             ask.name);
    if (!name_valid(ask.name) || !name_valid(name))
        body_fail(&ask.b, reply_error(400, "bad_name", "This is no name for a device.",
                                    "Small letters and digits, '.', '_' and '-'; begin with a "
                                    "letter or digit; not too long."));
    else if (dev_by_name(ask.e, name))
        body_fail(&ask.b, reply_error(409, "name_taken", "You have, or had, a device of this name.",
                                    "Choose another name."));
    else
        snprintf(ask.n.d.name, sizeof ask.n.d.name, "%.*s", NAME_SIZE - 1, name);
}

static void take_name(void)
{
    if (ask.invite.name[0] && !dev_by_name(ask.e, ask.invite.name))
        snprintf(ask.n.d.name, sizeof ask.n.d.name, "%s", ask.invite.name);
    else if (!ask.invite.name[0] && ask.name && ask.name[0])
        chosen_name();
    else
        make_name();
}

static void take_device(void)
{
    if (enrolment_at_limit(ask.e, ask.user)) {
        body_fail(&ask.b, reply_error(409, "device_limit",
                                      "You have as many devices as your company permits.",
                                      "Ask your administrator to retire one of them."));
        return;
    }
    ask.n.d.user = ask.user->id;
    ask.n.d.state = DEV_ACTIVE;
    ask.n.d.corp = ask.invite.corp;
    ask.n.d.approved = !ask.e->policy->enrol_approve;
    ask.n.d.created = clock_wall();
    take_key();
    if (!ask.b.failed)
        take_name();
    if (!ask.b.failed)
        enrolment_own_key(ask.e, &ask.b, &ask.n);
    ask.n.d.k.index = ask.b.failed ? 0 : enrolment_index(ask.e);
    if (!ask.b.failed && ask.n.d.k.index == 0)
        body_fail(&ask.b, reply_error(409, "network_full",
                                      "The tunnel network has no address left.",
                                      "Tell your administrator."));
}

/* ---- enrolling ------------------------------------------------------------------------------ */

static json_t *record(const struct dev *d)
{
    char key[KEY_TEXT], from[ADDR_TEXT];

    return json_pack("{s:s,s:s,s:s,s:I,s:s,s:s,s:b}", "user", ask.user->name, "key",
                     wg_key_print(&d->k.key, key), "kid", ask.n.has_key ? ask.n.key.kid : "",
                     "invitation", (json_int_t)ask.invite.id, "invited_by", ask.invite.by, "from",
                     ip_print(ask.from, from), "approved", d->approved);
}

/* "http://10.77.0.1/", with the port when it is not the usual one. */
static const char *portal_url(const struct tunnel *t, char out[URL_TEXT])
{
    char port[8] = "", text[ADDR_TEXT];

    if (t->portal_port != 80)
        snprintf(port, sizeof port, ":%u", t->portal_port);
    snprintf(out, URL_TEXT, "http://%s%s/", ip_print(&t->net4.addr, text), port);
    return out;
}

static struct reply told(const struct dev *d)
{
    struct engine *e = ask.e;
    char portal[ADDR_TEXT], url[URL_TEXT];
    json_t *config = handout_config(e, d), *quick = handout_wg_quick(config);

    return (struct reply){
        201, json_pack("{s:s,s:s,s:s,s:s,s:s,s:s,s:s,s:o,s:o}", "user", ask.user->name, "full_name",
                       ask.user->full_name ? ask.user->full_name : "", "device", d->name, "state",
                       d->approved ? "quarantine" : "waiting", "gateway", e->conf.name, "portal",
                       ip_print(&e->conf.tunnel.net4.addr, portal), "portal_url",
                       portal_url(&e->conf.tunnel, url), "config", config, "wg_quick", quick)};
}

/* Device, key, lease and the end of the invitation: one transaction. */
static struct reply enrol(void)
{
    struct engine *e = ask.e;
    char from[ADDR_TEXT];
    struct batch b;

    batch_begin(e, &b);
    struct dev *d = enrolment_add(&b, &ask.n);
    ask.invite.state = INVITE_USED;
    ask.invite.ended = d->created;
    ask.invite.device = d->k.index;
    store_put_invite(e->store, &ask.invite);
    audit_act(e, ask.user->name, ENGINE_UID, "device.enrol", d->name, record(d));
    lease_decide(&b, d, NULL, "device.enrol");
    if (batch_commit(&b, DURABLE_FIRST) != STORE_OK) {
        dev_forget(e, d);
        return reply_full();
    }
    if (ask.n.has_key)
        key_add(e, &ask.n.key);
    event_add(e, "act", "%s enrolled %s from %s, invited by %s%s", ask.user->name, d->name,
              ip_print(ask.from, from), ask.invite.by,
              d->approved ? "" : "; it waits for approval");
    return told(d);
}

static void redeem(const uint8_t *body, size_t len)
{
    read_question(body, len);
    if (!ask.b.failed)
        find_invitation();
    if (!ask.b.failed && !invite_code_holds(&ask.invite, ask.token, ask.code))
        wrong_code();
    if (!ask.b.failed)
        take_device();
}

struct reply enrol_answer(struct engine *e, const struct ip_addr *from, const uint8_t *body,
                          size_t len)
{
    ask = (struct redeeming){.e = e, .from = from};
    if (!enrol_limits_take(&e->enrol_limits, from, clock_boot_ms())) {
        note(ENROL_TOO_OFTEN);
        return too_often();
    }
    redeem(body, len);
    struct reply r = ask.b.failed ? ask.b.error : enrol();
    body_close(&ask.b);
    sodium_memzero(&ask, sizeof ask);
    return r;
}

int enrol_message(struct engine *e, const struct message *m)
{
    struct reader in;
    size_t len;

    reader_init(&in, m->body, m->len);
    struct ip_addr from = get_addr(&in);
    unsigned verb = get_u8(&in);
    const uint8_t *body = get_blob(&in, &len, ENROL_BODY_MAX);
    if (!reader_done(&in) || from.family == 0 || verb != ENROL_REDEEM)
        return -1;
    struct reply r = enrol_answer(e, &from, body, len);
    return reply_send(e, e->peer[ROLE_ENROL], MSG_ENROL_REPLY, m->seq, 1u << 16, &r);
}
