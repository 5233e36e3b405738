/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Verbs about people. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "gateway/acknowledge.h"
#include "gateway/admins.h"
#include "gateway/clock.h"
#include "gateway/control.h"
#include "gateway/leases.h"
#include "gateway/log.h"
#include "gateway/passkeys.h"

#define END_MAX 4102444800          /* 2100-01-01 */

/* ---- finding -------------------------------------------------------------------------------- */

struct reply no_such_user(struct engine *e, const char *name)
{
    char best[NAME_SIZE] = "", hint[NAME_SIZE + 32] = "";
    unsigned distance = UINT32_MAX;

    for (size_t i = 0; i < e->n_users; i++)
        if (e->users[i].id)
            nearest_name(name, e->users[i].name, best, &distance);
    if (best[0])
        snprintf(hint, sizeof hint, "Did you mean '%s'?", best);
    return reply_errorf(404, "unknown_user", hint, "There is no user '%s'.", name);
}

static char *copy(const char *s)
{
    char *c = s ? strdup(s) : NULL;

    if (s && !c)
        fatal("out of memory");
    return c;
}

static void replace(char **old, const char *s)
{
    char *c = copy(s);

    free(*old);
    *old = c;
}

void decide_user_devices(struct batch *b, const struct user *u, const char *cause)
{
    for (size_t i = 0; i < b->e->n_devs; i++)
        if (b->e->devs[i].state && b->e->devs[i].user == u->id)
            lease_decide(b, &b->e->devs[i], NULL, cause);
}

/* ---- roles from a body ---------------------------------------------------------------------- */

static void unknown_role(struct engine *e, struct body *b, const char *name)
{
    char best[NAME_SIZE] = "", hint[NAME_SIZE + 32] = "";
    unsigned distance = UINT32_MAX;

    for (size_t i = 0; i < e->policy->n_roles; i++)
        nearest_name(name, e->policy->roles[i].name, best, &distance);
    if (best[0])
        snprintf(hint, sizeof hint, "Did you mean '%s'?", best);
    body_fail(b, reply_errorf(400, "unknown_role", hint, "The policy in force has no role '%s'.",
                              name));
}

/* roles: [..] as names by comma, malloc'd; NULL after an error. Given twice counts once. */
static char *read_roles(struct engine *e, struct body *b)
{
    json_t *list = body_member(b, "roles", JSON_ARRAY, true), *v;
    char text[ROLE_LIST_SIZE] = "";
    uint64_t mask = 0;
    size_t i;

    json_array_foreach(list, i, v) {
        const char *name = json_string_value(v);
        int role = name && name_valid(name) ? policy_role(e->policy, name) : -1;
        if (!name || !name_valid(name))
            body_fail(b, reply_error(400, "bad_member", "'roles' holds names of roles.", NULL));
        else if (role < 0)
            unknown_role(e, b, name);
        else
            mask |= UINT64_C(1) << role;
    }
    return b->failed ? NULL : copy(roles_text(e->policy, mask, text));
}

/* ---- reading -------------------------------------------------------------------------------- */

struct reply control_user(struct engine *e, struct request *q)
{
    struct user *u = user_by_name(e, q->name);

    if (!u)
        return no_such_user(e, q->name);
    json_t *o = user_json(e, u);
    json_object_set_new(o, "passkeys", passkeys_json(e, u));
    return (struct reply){200, o};
}

static bool user_listed(struct engine *e, const struct user *u, const struct request *q)
{
    const char *role = query_get(q, "role"), *state = query_get(q, "state");
    int bit = role ? policy_role(e->policy, role) : -1;

    if (role && (bit < 0 || !(u->role_mask >> bit & 1)))
        return false;
    return (!state || strcmp(user_state_name(u), state) == 0) && user_found(u, query_get(q, "q"));
}

static int64_t count_users(struct engine *e, const struct request *q)
{
    int64_t n = 0;

    for (size_t i = 0; i < e->n_users; i++)
        n += e->users[i].id && user_listed(e, &e->users[i], q);
    return n;
}

/* In order of enrolment; `after` is the name of the last one seen. count=1: how many there are. */
struct reply control_users(struct engine *e, struct request *q)
{
    const char *after = query_get(q, "after");
    struct user *last = after ? user_by_name(e, after) : NULL;
    json_t *items = json_array(), *o = json_pack("{s:o}", "items", items);
    int64_t limit = 1000, count = 0;

    if (!query_int(q, "limit", 1, 5000, &limit) || !query_int(q, "count", 0, 1, &count) ||
        (after && !last)) {
        json_decref(o);
        return reply_error(400, "bad_query", "limit is 1 to 5000, count is 1, after is the name of "
                           "a user.", NULL);
    }
    if (count == 1)
        json_object_set_new(o, "total", json_integer(count_users(e, q)));
    for (size_t i = last ? last->id : 0; i < e->n_users; i++) {
        const struct user *u = &e->users[i];
        if (!u->id || !user_listed(e, u, q))
            continue;
        if (json_array_size(items) == (size_t)limit) {
            json_t *newest = json_array_get(items, (size_t)limit - 1);
            json_object_set(o, "next", json_object_get(newest, "name"));
            break;
        }
        json_array_append_new(items, user_json(e, u));
    }
    return (struct reply){200, o};
}

struct reply is_revoked(const struct user *u)
{
    return reply_errorf(409, "user_revoked", "portcullis user restore brings them back.",
                        "'%s' is revoked.", u->name);
}

/* ---- adding --------------------------------------------------------------------------------- */

static void read_user(struct engine *e, struct body *b, struct user *u)
{
    const char *name = body_text(b, "name", NAME_SIZE - 1, true);
    const char *full = body_text(b, "full_name", TEXT_SIZE - 1, false);

    u->roles = read_roles(e, b);
    u->end.s = body_int(b, "end", 1, END_MAX, 0);
    if (!body_done(b))
        return;
    if (!name_valid(name)) {
        body_fail(b, reply_errorf(400, "bad_name", "Names are a-z, 0-9, '.', '_', '-', and begin "
                                  "with a letter or digit.", "'%s' is no name.", name));
        return;
    }
    if (user_by_name(e, name))
        body_fail(b, reply_errorf(409, "user_exists", "Names are not used twice.",
                                  "There is a user '%s' already.", name));
    snprintf(u->name, sizeof u->name, "%s", name);
    u->full_name = copy(full);
}

static struct reply store_user(struct engine *e, struct request *q, struct user *u)
{
    struct batch b;

    batch_begin(e, &b);
    store_put_user(e->store, u);
    u->role_mask = roles_mask(e->policy, u->roles);
    acknowledge_review(e, u);
    audit_act(e, q->actor, q->uid, "user.add", u->name,
              json_pack("{s:s,s:s,s:I}", "full_name", u->full_name ? u->full_name : "", "roles",
                        u->roles, "end", (json_int_t)u->end.s));
    if (batch_commit(&b, DURABLE_FIRST) != STORE_OK) {
        free(u->full_name);
        free(u->roles);
        return reply_full();
    }
    event_add(e, "act", "%s added the user %s", q->actor, u->name);
    return (struct reply){201, user_json(e, user_add(e, u))};
}

struct reply control_user_add(struct engine *e, struct request *q)
{
    struct user u = {.id = (uint32_t)e->n_users + 1, .state = USER_ACTIVE,
                     .created = clock_wall()};
    struct body b;

    body_open(&b, q, false);
    if (!b.failed)
        read_user(e, &b, &u);
    struct reply r;
    if (b.failed) {
        free(u.roles);
        free(u.full_name);
        r = b.error;
    } else {
        r = store_user(e, q, &u);
    }
    body_close(&b);
    return r;
}

/* ---- changing ------------------------------------------------------------------------------- */

/* What a revocation voided, and a full disk may have kept. */
static void forget_evidence(struct engine *e, const struct user *u)
{
    for (size_t i = 0; i < e->n_devs; i++) {
        struct dev *d = &e->devs[i];
        if (!d->state || d->user != u->id)
            continue;
        d->token_exp.s = 0;
        store_drop_evidence(e->store, d->k.index);
        store_drop_lease(e->store, d->k.index);
    }
}

/* Writes the user as it is in memory now, decides its devices anew, answers with it; puts `before`
 * back when the disk is full. */
static struct reply change_user(struct engine *e, struct request *q, struct user *u,
                                const struct user *before, const char *act, json_t *detail,
                                enum batch_order order)
{
    struct batch b;

    batch_begin(e, &b);
    store_put_user(e->store, u);
    acknowledge_review(e, u);
    if (before->state == USER_REVOKED)
        forget_evidence(e, u);
    audit_act(e, q->actor, q->uid, act, u->name, detail);
    decide_user_devices(&b, u, act);
    if (batch_commit(&b, order) != STORE_OK) {
        *u = *before;
        return reply_full();
    }
    event_add(e, "act", "%s: %s %s", q->actor, act, u->name);
    return (struct reply){200, user_json(e, u)};
}

struct reply control_user_roles(struct engine *e, struct request *q)
{
    struct reply no;
    struct user *u = person_asked(e, q, false, &no);
    struct body b;

    if (!u)
        return no;
    struct user before = *u;
    body_open(&b, q, false);
    char *roles = b.failed ? NULL : read_roles(e, &b);
    if (!body_done(&b)) {
        struct reply r = b.error;
        free(roles);
        body_close(&b);
        return r;
    }
    body_close(&b);
    u->roles = roles;
    u->role_mask = roles_mask(e->policy, roles);
    struct reply r = change_user(e, q, u, &before, "user.roles",
                                 json_pack("{s:s,s:s}", "before", before.roles, "after", roles),
                                 DURABLE_FIRST);
    free(u->roles == roles ? before.roles : roles);
    return r;
}

struct reply control_user_restore(struct engine *e, struct request *q)
{
    struct reply no;
    struct user *u = person_asked(e, q, false, &no);

    if (!u)
        return no;
    if (u->state != USER_REVOKED)
        return reply_errorf(409, "not_revoked", NULL, "'%s' is not revoked.", u->name);
    struct user before = *u;
    u->state = USER_ACTIVE;
    u->revoked.s = 0;
    u->signed_in.s = 0;
    struct reply r = change_user(e, q, u, &before, "user.restore", NULL, DURABLE_FIRST);
    if (u->state == USER_ACTIVE) {
        replace(&u->revoked_by, NULL);
        replace(&u->revoked_reason, NULL);
    }
    return r;
}

struct reply control_user_sign_in(struct engine *e, struct request *q)
{
    struct reply no;
    struct user *u = person_asked(e, q, false, &no);

    if (!u)
        return no;
    if (u->state != USER_ACTIVE)
        return is_revoked(u);
    if (u->compromised.s)
        return reply_errorf(409, "secrets_needed", "portcullis user sign-in-code gives the code for it.",
                            "'%s' has to choose a new passphrase first.", u->name);
    struct user before = *u;
    u->signed_in = clock_wall();
    return change_user(e, q, u, &before, "user.sign-in", NULL, DURABLE_FIRST);
}

/* ---- cutting off ----------------------------------------------------------------------------- */

typedef struct reply cut_person(struct engine *e, struct request *q, struct user *u,
                                const char *reason);

/* Cuts this person off, for a reason that the body may give. */
static struct reply cut_for_reason(struct engine *e, struct request *q, struct user *u,
                                   cut_person *cut)
{
    struct reply r;
    struct body b;

    body_open(&b, q, true);
    const char *reason = b.failed ? NULL : body_text(&b, "reason", REASON_SIZE - 1, false);
    if (body_done(&b))
        r = cut(e, q, u, reason ? reason : "");
    else
        r = b.error;
    body_close(&b);
    return r;
}

/* The person is not at fault and stays; whatever somebody else may know of them ends. */
static struct reply cut_compromised(struct engine *e, struct request *q, struct user *u,
                                    const char *reason)
{
    u->compromised = clock_wall();
    u->signed_in.s = 0;
    for (size_t i = 0; i < e->n_devs; i++) {
        struct dev *d = &e->devs[i];
        if (d->state != DEV_ACTIVE || d->user != u->id)
            continue;
        d->state = DEV_REVOKED;
        d->ended = u->compromised;
    }
    struct reply r = cut_off(e, q, &(struct cut){.kind = "user", .object = u->name, .user = u,
                                                 .compromised = true, .at = u->compromised,
                                                 .state = DEV_REVOKED, .reason = reason});
    sessions_end(e, u->id, "compromised");
    return r;
}

struct reply control_user_compromised(struct engine *e, struct request *q)
{
    struct reply no;
    struct user *u = person_asked(e, q, true, &no);

    return u ? cut_for_reason(e, q, u, cut_compromised) : no;
}

static struct reply cut_revoked(struct engine *e, struct request *q, struct user *u,
                                const char *reason)
{
    u->state = USER_REVOKED;
    u->revoked = clock_wall();
    replace(&u->revoked_by, q->actor);
    replace(&u->revoked_reason, reason);
    struct reply r = cut_off(e, q, &(struct cut){.kind = "user", .object = u->name, .user = u,
                                                 .reason = reason});
    sessions_end(e, u->id, "revoked");
    return r;
}

struct reply control_user_revoke(struct engine *e, struct request *q)
{
    struct reply no;
    struct user *u = person_asked(e, q, true, &no);

    return u && admin_spares(e, q, u, &no) ? cut_for_reason(e, q, u, cut_revoked) : no;
}
