/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Adding a passkey, and signing in with one. */
#include "gateway/passkeys.h"

#include <stdio.h>
#include <string.h>

#include "gateway/clock.h"

/* ---- are there any? -------------------------------------------------------------------------- */

const char *passkeys_off(struct engine *e)
{
    static char why[200];

    if (e->conf.tls.name[0] == '\0')
        return "gateway.conf says no name in tls, and a passkey belongs to a name";
    return fido_open(why) == 0 ? NULL : why;
}

json_t *passkeys_status(struct engine *e)
{
    const char *why = passkeys_off(e);
    json_t *o = json_pack("{s:b}", "on", !why);
    char site[HOST_SIZE + 16];

    snprintf(site, sizeof site, "https://%s/", e->conf.tls.name);
    json_object_set_new(o, why ? "why" : "site", json_string(why ? why : site));
    return o;
}
