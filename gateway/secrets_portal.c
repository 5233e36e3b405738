/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The portal's questions about secrets: signing in, choosing, reporting a device lost. */
#include "gateway/secrets.h"

#include <sodium.h>
#include <stdio.h>
#include <string.h>

#include "gateway/clock.h"
#include "gateway/passkeys.h"

/* ---- a device that is lost ------------------------------------------------------------------- */

/* Cut off at once and for good. Who has chosen a passphrase gives it: the finder of one device must
 * not be able to end the others. The phone with the second factor may be what is lost. */
static struct reply lost(struct engine *e, struct dev *d, struct user *u, const char *name,
                         const char *typed)
{
    struct request q = {.uid = ENGINE_UID, .arrived_ns = clock_mono_ns(),
                        .arrived_us = clock_wall_us()};
    struct place p = {.dev = d, .user = u};
    struct dev *gone = dev_by_name(e, name);
    struct reply no;

    if (!gone || gone->user != u->id || gone->state != DEV_ACTIVE)
        return reply_error(404, "unknown_device", "You have no device of this name.", NULL);
    if (gone == d)
        return reply_error(409, "this_device", "This is the device that you are using.",
                           "Report it from another one, or call your administrator.");
    if (!secrets_may_try(e, &p, &no))
        return no;
    if (secrets_passphrase(e, &p, typed) == PASSPHRASE_WRONG)
        return reply_error(403, "sign_in_failed", "The passphrase is not right.", NULL);
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
        out = reply_error(400, "bad_form", "The form cannot be read.", NULL);
    else if (!d->user || u->state != USER_ACTIVE)
        out = reply_error(403, "no_person", "This device belongs to nobody who may sign in.",
                           "Ask your administrator.");
    else if (verb == PORTAL_LOST)
        out = lost(e, d, u, first, second);
    else
        out = secrets_step(e, &(struct place){.dev = d, .user = u},
                           (enum secrets_step)(verb - PORTAL_SIGN_IN), first, second);
    sodium_memzero(first, sizeof first);
    sodium_memzero(second, sizeof second);
    return out;
}

json_t *secrets_json(struct engine *e, const struct user *u)
{
    bool set_up = secrets_set_up(e, u);
    int64_t every = 0;

    for (size_t i = 0; i < e->policy->n_roles; i++) {
        int64_t one = e->policy->roles[i].sign_in.s;
        if ((u->role_mask >> i & 1) && one > 0 && (every == 0 || one < every))
            every = one;
    }
    json_t *o = json_pack("{s:b,s:b}", "asked", every > 0 || u->compromised.s, "set_up", set_up);
    if (every > 0 && u->signed_in.s > 0)
        json_object_set_new(o, "until", json_integer(u->signed_in.s + every));
    passkeys_mention(e, u, o);
    return o;
}
