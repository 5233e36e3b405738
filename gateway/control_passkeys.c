/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Passkeys as they are shown: whether there are any, whose there are, and to take one away. */
#include <stdio.h>

#include "gateway/admins.h"
#include "gateway/clock.h"
#include "gateway/passkeys.h"

/* ---- are there any? -------------------------------------------------------------------------- */

const char *passkeys_off(struct engine *e)
{
    static char why[200];

    if (e->conf.tls.name[0] == '\0')
        return "gateway.conf says no name in tls, and a passkey belongs to a name";
    return fido_open(why) == 0 ? NULL : why;
}

static json_t *status(struct engine *e, uint16_t port)
{
    const char *why = passkeys_off(e);
    json_t *o = json_pack("{s:b}", "on", !why);
    char site[HOST_SIZE + 24], behind[8] = "";

    if (port != PORTAL_PORT)
        snprintf(behind, sizeof behind, ":%u", port);
    snprintf(site, sizeof site, "https://%s%s/", e->conf.tls.name, behind);
    json_object_set_new(o, why ? "why" : "site", json_string(why ? why : site));
    return o;
}

json_t *passkeys_status(struct engine *e) { return status(e, PORTAL_PORT); }

json_t *passkeys_own(struct engine *e, const struct ceremony *c, int64_t proved_boot_ms)
{
    const struct user *u = c->place.user;
    json_t *o = status(e, c->port);

    json_object_update_new(o, json_pack("{s:s,s:b,s:o,s:i}", "user", u->name, "fresh",
                                        passkey_fresh(proved_boot_ms),
                                        "items", passkeys_json(e, u), "most", PASSKEYS_EACH));
    return o;
}

void passkeys_mention(struct engine *e, const struct user *u, json_t *sign_in)
{
    struct passkey all[PASSKEYS_EACH];
    json_t *o = passkeys_status(e);
    json_int_t usable = 0;

    if (json_is_true(json_object_get(o, "on"))) {
        size_t n = u->id ? store_get_passkeys(e->store, u->id, all, PASSKEYS_EACH) : 0;
        for (size_t i = 0; i < n; i++)
            usable += !all[i].stopped;
        json_object_set(sign_in, "site", json_object_get(o, "site"));
        json_object_set_new(sign_in, "passkeys", json_integer(usable));
    }
    json_decref(o);
}

bool passkey_fresh(int64_t proved_boot_ms)
{
    return proved_boot_ms > 0 && clock_boot_ms() - proved_boot_ms < PASSKEY_FRESH_MS;
}

struct reply passkey_not_fresh(void)
{
    return reply_error(403, "sign_in_first", "To change your passkeys, sign in with passphrase and "
                       "code first.", "It holds for five minutes, and only here.");
}

/* ---- those of a person ----------------------------------------------------------------------- */

static json_t *passkey_json(const struct passkey *k)
{
    json_t *o = json_pack("{s:I,s:s,s:I,s:b,s:b}", "id", (json_int_t)k->id, "name", k->name,
                          "created", (json_int_t)k->made.s, "synced", k->c.synced, "stopped",
                          k->stopped);

    if (k->used.s)
        json_object_set_new(o, "used", json_integer(k->used.s));
    return o;
}

json_t *passkeys_json(struct engine *e, const struct user *u)
{
    struct passkey all[PASSKEYS_EACH];
    size_t n = store_get_passkeys(e->store, u->id, all, PASSKEYS_EACH);
    json_t *list = json_array();

    for (size_t i = 0; i < n; i++)
        json_array_append_new(list, passkey_json(&all[i]));
    return list;
}

struct reply control_user_passkeys(struct engine *e, struct request *q)
{
    struct user *u = user_by_name(e, q->name);

    return u ? (struct reply){200, json_pack("{s:o}", "items", passkeys_json(e, u))}
             : no_such_user(e, q->name);
}

bool passkey_of(struct engine *e, const struct user *u, int64_t id, struct passkey *out)
{
    struct passkey all[PASSKEYS_EACH];
    size_t n = store_get_passkeys(e->store, u->id, all, PASSKEYS_EACH);

    for (size_t i = 0; i < n; i++)
        if (all[i].id == id) {
            *out = all[i];
            return true;
        }
    return false;
}

struct reply passkey_remove(struct engine *e, const struct user *u, const struct passkey *k,
                            const char *actor, uint32_t uid)
{
    store_begin(e->store);
    store_drop_passkey(e->store, k->id);
    audit_act(e, actor, uid, "user.passkey-remove", u->name,
              json_pack("{s:I,s:s}", "id", (json_int_t)k->id, "name", k->name));
    if (audit_commit(e) != STORE_OK)
        return reply_full();
    event_add(e, "act", "%s removed the passkey '%s' of %s", actor, k->name, u->name);
    return (struct reply){200, json_pack("{s:s,s:o}", "user", u->name, "items",
                                         passkeys_json(e, u))};
}

struct reply control_user_passkey_remove(struct engine *e, struct request *q)
{
    struct reply r;
    struct user *u = person_asked(e, q, true, &r);
    struct passkey k;
    struct body b;

    if (!u)
        return r;
    body_open(&b, q, false);
    int64_t id = b.failed ? 0 : body_int(&b, "id", 1, INT64_MAX, 0);
    if (!body_done(&b))
        r = b.error;
    else if (!passkey_of(e, u, id, &k))
        r = reply_errorf(404, "unknown_passkey", "portcullis user show lists them by number.",
                         "'%s' has no passkey of this number.", u->name);
    else
        r = passkey_remove(e, u, &k, q->actor, q->uid);
    body_close(&b);
    return r;
}
