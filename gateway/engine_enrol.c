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

static struct redeeming x;       /* too large for a stack; wiped after each question */

/* ---- refusals ------------------------------------------------------------------------------- */

static void note(enum enrol_refusal why)
{
    attempts_enrol(x.e, x.user, x.from, why);
}

static void refuse(struct reply r, enum enrol_refusal why)
{
    note(why);
    body_fail(&x.b, r);
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

    body_open(&x.b, &q, false);
    x.token = body_text(&x.b, "token", 64, true);
    x.code = body_text(&x.b, "code", 32, true);
    x.key = body_text(&x.b, "wireguard_key", KEY_TEXT, true);
    x.name = body_text(&x.b, "name", NAME_SIZE - 1, false);
    (void)body_member(&x.b, "issuer", JSON_OBJECT, false);
    (void)body_done(&x.b);
}

/* ---- the invitation ------------------------------------------------------------------------- */

/* Made before the person's secrets were known to others: a full disk may have kept it from being
 * voided there. */
static bool from_before_the_theft(void)
{
    return x.user->compromised.s && x.invite.made.s < x.user->compromised.s;
}

static bool person_may(void)
{
    return x.user->state == USER_ACTIVE &&
           (x.user->end.s == 0 || x.user->end.s > clock_wall().s) && !from_before_the_theft();
}

static void find_invitation(void)
{
    uint8_t hash[INVITE_HASH];

    if (!invite_token_hash(x.token, hash) || !store_find_invite(x.e->store, hash, &x.invite)) {
        refuse(no_invitation(), ENROL_NO_INVITATION);
        return;
    }
    x.user = &x.e->users[x.invite.user - 1];
    if (!invite_open(&x.invite) || !person_may())
        refuse(no_invitation(), ENROL_OVER);
}

/* A wrong code is counted on the disk before it is answered, or it is not answered. */
static void wrong_code(void)
{
    unsigned left = INVITE_TRIES - ++x.invite.wrong;
    struct reply r = reply_errorf(403, "wrong_code", left ? "Read the eight digits once more."
                                                          : "Ask your administrator for a new one.",
                                  left ? "The code is not right." : "The code is not right, and the "
                                  "invitation is void now.");

    json_object_set_new(r.body, "tries_left", json_integer(left));
    store_begin(x.e->store);
    if (left == 0) {
        x.invite.state = INVITE_VOID;
        x.invite.ended = clock_wall();
        audit_act(x.e, "engine", ENGINE_UID, "device.invite-void", x.user->name,
                  json_pack("{s:I,s:s}", "invitation", (json_int_t)x.invite.id, "cause",
                            "wrong codes"));
    }
    store_put_invite(x.e->store, &x.invite);
    if (audit_commit(x.e) != STORE_OK) {
        json_decref(r.body);
        r = reply_full();
    }
    if (left == 0)
        alarm_raise(x.e, "an invitation of %s is void: %d wrong codes", x.user->name, INVITE_TRIES);
    refuse(r, ENROL_WRONG_CODE);
}

/* ---- the device ----------------------------------------------------------------------------- */

static void take_key(void)
{
    static const struct wg_key none;

    if (!wg_key_parse(x.key, strlen(x.key), &x.n.d.k.key) || wg_key_equal(&x.n.d.k.key, &none))
        body_fail(&x.b, reply_error(400, "bad_key", "'wireguard_key' is not a WireGuard public "
                                    "key.", NULL));
    else if (dev_by_key(x.e, &x.n.d.k.key) || wg_key_equal(&x.n.d.k.key, &x.e->public_key))
        refuse(reply_error(409, "key_exists", "This key was used before, and no key is used "
                           "twice.", "Make a new one, and try again."), ENROL_KEY_KNOWN);
}

/* "maria-2": the first that is free. */
static void make_name(void)
{
    unsigned n = 1;

    do
        snprintf(x.n.d.name, sizeof x.n.d.name, "%.52s-%u", x.user->name, n++);
    while (dev_by_name(x.e, x.n.d.name));
}

/* What a person chooses begins with their own name: a device does not pose as somebody else's. */
static void chosen_name(void)
{
    size_t own = strlen(x.user->name);
    bool begins = strncmp(x.name, x.user->name, own) == 0 && x.name[own] == '-';
    char name[2 * NAME_SIZE];

    snprintf(name, sizeof name, "%s%s%s", begins ? "" : x.user->name, begins ? "" : "-", x.name);
    if (!name_valid(x.name) || !name_valid(name))
        body_fail(&x.b, reply_error(400, "bad_name", "This is no name for a device.",
                                    "Small letters and digits, '.', '_' and '-'; begin with a "
                                    "letter or digit; not too long."));
    else if (dev_by_name(x.e, name))
        body_fail(&x.b, reply_error(409, "name_taken", "You have, or had, a device of this name.",
                                    "Choose another name."));
    else
        snprintf(x.n.d.name, sizeof x.n.d.name, "%.*s", NAME_SIZE - 1, name);
}

static void take_name(void)
{
    if (x.invite.name[0] && !dev_by_name(x.e, x.invite.name))
        snprintf(x.n.d.name, sizeof x.n.d.name, "%s", x.invite.name);
    else if (!x.invite.name[0] && x.name && x.name[0])
        chosen_name();
    else
        make_name();
}

static void take_device(void)
{
    if (enrolment_at_limit(x.e, x.user)) {
        body_fail(&x.b, reply_error(409, "device_limit", "You have as many devices as your company "
                                    "permits.", "Ask your administrator to retire one of them."));
        return;
    }
    x.n.d.user = x.user->id;
    x.n.d.state = DEV_ACTIVE;
    x.n.d.corp = x.invite.corp;
    x.n.d.approved = !x.e->policy->enrol_approve;
    x.n.d.created = clock_wall();
    take_key();
    if (!x.b.failed)
        take_name();
    if (!x.b.failed)
        enrolment_own_key(x.e, &x.b, &x.n);
    x.n.d.k.index = x.b.failed ? 0 : enrolment_index(x.e);
    if (!x.b.failed && x.n.d.k.index == 0)
        body_fail(&x.b, reply_error(409, "network_full", "The tunnel network has no address left.",
                                    "Tell your administrator."));
}

/* ---- enrolling ------------------------------------------------------------------------------ */

static json_t *record(const struct dev *d)
{
    char key[KEY_TEXT], from[ADDR_TEXT];

    return json_pack("{s:s,s:s,s:s,s:I,s:s,s:s,s:b}", "user", x.user->name, "key",
                     wg_key_print(&d->k.key, key), "kid", x.n.has_key ? x.n.key.kid : "",
                     "invitation", (json_int_t)x.invite.id, "invited_by", x.invite.by, "from",
                     ip_print(x.from, from), "approved", d->approved);
}

static struct reply told(const struct dev *d)
{
    struct engine *e = x.e;
    char gateway[ADDR_TEXT];
    json_t *config = handout_config(e, d), *quick = handout_wg_quick(config);

    return (struct reply){
        201, json_pack("{s:s,s:s,s:s,s:s,s:s,s:s,s:o,s:o}", "user", x.user->name, "full_name",
                       x.user->full_name ? x.user->full_name : "", "device", d->name, "state",
                       d->approved ? "quarantine" : "waiting", "gateway", e->conf.name, "portal",
                       ip_print(&e->conf.tunnel.net4.addr, gateway), "config", config, "wg_quick",
                       quick)};
}

/* Device, key, lease and the end of the invitation: one transaction. */
static struct reply enrol(void)
{
    struct engine *e = x.e;
    char from[ADDR_TEXT];
    struct batch b;

    batch_begin(e, &b);
    struct dev *d = enrolment_add(&b, &x.n);
    x.invite.state = INVITE_USED;
    x.invite.ended = d->created;
    x.invite.device = d->k.index;
    store_put_invite(e->store, &x.invite);
    audit_act(e, x.user->name, ENGINE_UID, "device.enrol", d->name, record(d));
    lease_decide(&b, d, NULL, "device.enrol");
    if (batch_commit(&b, DURABLE_FIRST) != STORE_OK) {
        dev_forget(e, d);
        return reply_full();
    }
    if (x.n.has_key)
        key_add(e, &x.n.key);
    event_add(e, "act", "%s enrolled %s from %s, invited by %s%s", x.user->name, d->name,
              ip_print(x.from, from), x.invite.by, d->approved ? "" : "; it waits for approval");
    return told(d);
}

static void redeem(const uint8_t *body, size_t len)
{
    read_question(body, len);
    if (!x.b.failed)
        find_invitation();
    if (!x.b.failed && !invite_code_holds(&x.invite, x.token, x.code))
        wrong_code();
    if (!x.b.failed)
        take_device();
}

struct reply enrol_answer(struct engine *e, const struct ip_addr *from, const uint8_t *body,
                          size_t len)
{
    x = (struct redeeming){.e = e, .from = from};
    if (!enrol_limits_take(&e->enrol_limits, from, clock_boot_ms())) {
        note(ENROL_TOO_OFTEN);
        return too_often();
    }
    redeem(body, len);
    struct reply r = x.b.failed ? x.b.error : enrol();
    body_close(&x.b);
    sodium_memzero(&x, sizeof x);
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
