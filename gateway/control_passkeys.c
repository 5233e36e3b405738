/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Verbs about passkeys of people: to see them, and to take one away. */
#include <sodium.h>
#include <stdio.h>
#include <string.h>

#include "gateway/admins.h"
#include "gateway/passkeys.h"

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
    struct user *u = user_by_name(e, q->name);
    struct passkey k;
    struct reply r;
    struct body b;

    if (!u)
        return no_such_user(e, q->name);
    if (!admin_shields(q, u, true, &r))
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
