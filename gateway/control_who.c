/* SPDX-License-Identifier: GPL-2.0-or-later */
/* GET /v1/who: the people whose roles reach a destination, and who of them can at this moment. */
#include "gateway/control_target.h"
#include "gateway/leases.h"

/* The roles that reach it, as bits. */
static uint64_t roles_reaching(struct engine *e, const struct target *t)
{
    uint64_t roles = 0;

    for (size_t i = 0; i < e->policy->n_roles; i++)
        if (target_line(e, i, t) > 0)
            roles |= UINT64_C(1) << i;
    return roles;
}

/* The devices by which this person reaches it now. */
static json_t *devices_in(struct engine *e, const struct user *u, uint64_t roles)
{
    json_t *list = json_array();

    for (size_t i = 0; i < e->n_devs; i++) {
        const struct dev *d = &e->devs[i];
        if (d->state && d->user == u->id && lease_holds(d) && (d->lease.roles & roles))
            json_array_append_new(list, json_string(d->name));
    }
    return list;
}

static json_t *person_json(struct engine *e, const struct user *u, uint64_t roles)
{
    json_t *in = devices_in(e, u, roles);

    return json_pack("{s:s,s:s,s:o,s:b,s:o}", "user", u->name, "full_name",
                     u->full_name ? u->full_name : "", "roles",
                     role_names_json(e->policy, u->role_mask & roles), "now",
                     json_array_size(in) > 0, "devices", in);
}

struct reply control_who(struct engine *e, struct request *q)
{
    struct target t = {0};
    struct reply error;

    if (!target_read(e, q, &t, &error))
        return error;
    uint64_t roles = roles_reaching(e, &t);
    json_t *items = json_array();
    for (size_t i = 0; i < e->n_users; i++) {
        const struct user *u = &e->users[i];
        if (u->id && u->state == USER_ACTIVE && (u->role_mask & roles))
            json_array_append_new(items, person_json(e, u, roles));
    }
    return (struct reply){200, json_pack("{s:s,s:s,s:o,s:o}", "destination", t.shown, "resource",
                                         t.resource >= 0 ? e->policy->resources[t.resource].name
                                                         : "",
                                         "roles", role_names_json(e->policy, roles), "items",
                                         items)};
}
