/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The portal's questions about passkeys: seeing, adding and changing them, and signing in. */
#include <stdlib.h>
#include <string.h>

#include "gateway/clock.h"
#include "gateway/passkeys.h"

#define TRIES_BURST 10           /* challenges of one device; then six a minute */
#define TRIES_PER_MINUTE 6
#define ID_TEXT 20

/* Two typed fields: a passkey's number and a name. False: they are none. */
static bool read_typed(const uint8_t *body, size_t len, int64_t *id, char name[NAME_SIZE])
{
    char text[ID_TEXT] = "", *end;
    size_t n_id, n_name;
    struct reader r;

    reader_init(&r, body, len);
    const uint8_t *first = get_blob(&r, &n_id, ID_TEXT - 1);
    const uint8_t *second = get_blob(&r, &n_name, NAME_SIZE - 1);
    if (!reader_done(&r) || memchr(second, 0, n_name))
        return false;
    memcpy(text, first, n_id);
    memcpy(name, second, n_name);
    name[n_name] = '\0';
    *id = strtoll(text, &end, 10);
    return n_id > 0 && *end == '\0' && *id > 0;
}

static struct reply list(struct engine *e, const struct ceremony *c)
{
    return (struct reply){200, passkeys_own(e, c, c->place.dev->proved_boot_ms)};
}

static struct reply change(struct engine *e, const struct ceremony *c, unsigned verb,
                           const uint8_t *body, size_t len)
{
    char name[NAME_SIZE];
    int64_t id;

    if (!read_typed(body, len, &id, name))
        return reply_error(400, "bad_form", "The form cannot be read.", NULL);
    struct reply r = verb == PORTAL_PASSKEY_RENAME ? passkey_rename(e, c, id, name)
                                                   : passkey_take_away(e, c, id);
    if (r.status != 200)
        return r;
    json_decref(r.body);
    return list(e, c);
}

/* What leaves something behind asks for a fresh sign-in with what the person knows and has. */
static struct reply change_own(struct engine *e, struct dev *d, unsigned verb, const uint8_t *body,
                               size_t len)
{
    struct ceremony c = passkey_at_portal(e, d);

    if (!passkey_fresh(d->proved_boot_ms))
        return passkey_not_fresh();
    if (verb == PORTAL_PASSKEY_NEW)
        return passkey_ask_new(e, &c);
    if (verb == PORTAL_PASSKEY_ADD)
        return passkey_add(e, &c, body, len);
    return change(e, &c, verb, body, len);
}

static bool asks(unsigned verb) { return verb == PORTAL_PASSKEY_NEW || verb == PORTAL_PASSKEY_ASK; }

struct reply passkeys_ask(struct engine *e, struct dev *d, unsigned verb, const uint8_t *body,
                          size_t len)
{
    struct ceremony c = passkey_at_portal(e, d);

    if (!d->user || c.place.user->state != USER_ACTIVE)
        return reply_error(403, "no_person", "This device belongs to nobody who may sign in.",
                           "Ask your administrator.");
    if (asks(verb) && !bucket_take(&d->challenges, clock_boot_ms(), TRIES_BURST, TRIES_PER_MINUTE))
        return reply_error(429, "rate_limited", "Too many tries to sign in.",
                           "Wait a minute, then try once more.");
    if (verb == PORTAL_PASSKEYS)
        return list(e, &c);
    if (verb == PORTAL_PASSKEY_ASK)
        return passkey_ask(e, &c);
    if (verb == PORTAL_PASSKEY_SIGN_IN)
        return passkey_sign_in(e, &c, body, len);
    return change_own(e, d, verb, body, len);
}
