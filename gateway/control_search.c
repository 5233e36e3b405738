/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What q= looks through: the names that people know a person or a device by. */
#include <string.h>

#include "gateway/control.h"
#include "policy/address.h"

static bool holds(const char *text, const char *q) { return text && strcasestr(text, q); }

bool user_found(const struct user *u, const char *q)
{
    return !q || holds(u->name, q) || holds(u->full_name, q) || holds(u->roles, q);
}

static bool has_address(const struct dev *d, const char *q)
{
    struct ip_addr a;

    return ip_parse(q, strlen(q), &a) &&
           (ip_cmp(&a, &d->k.addr4) == 0 || ip_cmp(&a, &d->k.addr6) == 0);
}

static bool has_key(const struct dev *d, const char *q)
{
    char key[KEY_TEXT];

    return strlen(q) == KEY_TEXT - 1 && strcmp(wg_key_print(&d->k.key, key), q) == 0;
}

bool dev_found(struct engine *e, const struct dev *d, const char *q)
{
    if (!q || holds(d->name, q))
        return true;
    const struct user *u = dev_user(e, d);
    return holds(u->name, q) || holds(u->full_name, q) || has_address(d, q) || has_key(d, q);
}
