/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The portal's questions: a nonce, a token, "who am I?", and what other files answer. The device is
 * known by its tunnel address (cryptokey routing), and by nothing that it says.
 */
#include "gateway/engine_portal.h"

#include <sodium.h>

#include "gateway/acknowledge.h"
#include "gateway/clock.h"
#include "gateway/leases.h"
#include "gateway/passkeys.h"
#include "gateway/respond.h"
#include "gateway/secrets.h"

#define NONCES_BURST 10
#define NONCES_PER_MINUTE 30
#define VIEWS_BURST 60           /* a person who reloads the page */
#define VIEWS_PER_MINUTE 300
#define LISTS_BURST 20           /* whose database may have to look through 100,000 rows */
#define LISTS_PER_MINUTE 30
#define NONCE_EXPIRES_S 120
#define REACH_MAX 256            /* shown to a person; an answer to the portal has 64 KiB */
#define REMEDIATION_MAX 64
#define DEVICES_MAX 64

static struct reply too_often(void)
{
    return reply_error(429, "rate_limited", code_sentence(PT903), code_fix(PT903));
}

static struct reply nonce(struct engine *e, struct dev *d)
{
    uint8_t v[NONCE_BYTES];
    char text[sodium_base64_ENCODED_LEN(NONCE_BYTES, sodium_base64_VARIANT_URLSAFE_NO_PADDING)];

    if (!bucket_take(&d->nonces, clock_boot_ms(), NONCES_BURST, NONCES_PER_MINUTE))
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

/* Of the person who asks, those that have not ended; to one that nobody has approved, itself. */
static json_t *own_devices(struct engine *e, const struct dev *asking)
{
    json_t *list = json_array();

    for (size_t i = 0; asking->user && i < e->n_devs && json_array_size(list) < DEVICES_MAX; i++) {
        const struct dev *d = &e->devs[i];
        if (d->state == DEV_ACTIVE && d->user == asking->user &&
            (asking->approved || d == asking))
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

/* Until an admin has said that a device is the person's it learns nothing of the others, nor ends
 * one. */
static bool asks_too_much(const struct dev *d, unsigned verb)
{
    return !d->approved &&
           (verb == PORTAL_SESSIONS || verb == PORTAL_DENIALS || verb == PORTAL_LOST);
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
    if (asks_too_much(d, verb))
        return reply_error(403, "not_approved", "This device waits for an administrator's approval.",
                           "Look again when it is approved.");
    switch (verb) {
    case PORTAL_NONCE:
        return nonce(e, d);
    case PORTAL_POSTURE:
        return token_take(e, d, body, len);
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
