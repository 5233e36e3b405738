/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Verbs about who administers, and whom they protect. */
#include "gateway/admins.h"

#include <sodium.h>
#include <stdio.h>
#include <string.h>

#include "gateway/clock.h"
#include "gateway/invites.h"
#include "gateway/passkeys.h"
#include "gateway/secrets.h"
#include "policy/address.h"

static const char *const role_names[RIGHT_OWN + 1] = {
    [RIGHT_READ] = "auditor", [RIGHT_HELP] = "helpdesk", [RIGHT_OPERATE] = "operator",
    [RIGHT_OWN] = "owner"};

const char *right_name(enum right r)
{
    return r <= RIGHT_OWN && role_names[r] ? role_names[r] : "";
}

/* Of the four roles. */
static bool right_parse(const char *name, enum right *out)
{
    for (enum right r = RIGHT_READ; r <= RIGHT_OWN; r++)
        if (strcmp(role_names[r], name) == 0) {
            *out = r;
            return true;
        }
    return false;
}

/* ---- who is protected ------------------------------------------------------------------------ */

bool admin_stands(const struct user *u)
{
    return u->admin.right >= RIGHT_READ && user_stands(u);
}

bool admin_active(const struct user *u) { return admin_stands(u) && u->compromised.s == 0; }

static bool signs_in_as_owner(struct engine *e, const struct user *u)
{
    return u->admin.right == RIGHT_OWN && admin_active(u) && secrets_set_up(e, u);
}

/* Is there no other owner who could sign in? */
static bool last_owner(struct engine *e, const struct user *u)
{
    if (u->admin.right != RIGHT_OWN)
        return false;
    for (size_t i = 0; i < e->n_users; i++)
        if (&e->users[i] != u && signs_in_as_owner(e, &e->users[i]))
            return false;
    return true;
}

/* The socket is root's: it is the way back in. */
static bool at_socket(const struct request *q) { return !q->console; }

bool may_act_on(const struct request *q, const struct user *u, bool cut, struct reply *no)
{
    if (u->admin.right == RIGHT_NONE || at_socket(q))
        return true;
    if (q->right != RIGHT_OWN && !(cut && q->user == u->id)) {
        *no = reply_errorf(403, "forbidden", "An owner may do this.",
                           "'%s' is an admin, and you are no owner.", u->name);
        return false;
    }
    return true;
}

struct user *person_asked(struct engine *e, const struct request *q, bool cut, struct reply *no)
{
    struct user *u = user_by_name(e, q->name);

    if (!u)
        *no = no_such_user(e, q->name);
    return u && may_act_on(q, u, cut, no) ? u : NULL;
}

bool admin_spares(struct engine *e, const struct request *q, const struct user *u, struct reply *no)
{
    if (at_socket(q) || !last_owner(e, u))
        return true;
    *no = reply_errorf(409, "last_owner", "Make somebody else an owner first; or root does it on "
                       "the gateway itself, with the command portcullis.",
                       "'%s' is the only owner who can sign in.", u->name);
    return false;
}

/* ---- reading --------------------------------------------------------------------------------- */

static json_t *admin_json(struct engine *e, const struct user *u)
{
    return json_pack("{s:s,s:s,s:s,s:b,s:b,s:I,s:s}", "name", u->name, "full_name",
                     u->full_name ? u->full_name : "", "role", right_name(u->admin.right), "active",
                     admin_active(u), "set_up", secrets_set_up(e, u), "since", (json_int_t)u->admin.since.s, "by", u->admin.by);
}

struct reply control_admins(struct engine *e, struct request *q)
{
    json_t *items = json_array();

    (void)q;
    for (size_t i = 0; i < e->n_users; i++)
        if (e->users[i].admin.right)
            json_array_append_new(items, admin_json(e, &e->users[i]));
    return (struct reply){200, json_pack("{s:o}", "items", items)};
}

/* ---- changing -------------------------------------------------------------------------------- */

/* Who was no admin had secrets and invitations from those who may give them to staff. Whoever of them
 * knows one would be an admin now. */
static void void_access(struct engine *e, const struct user *u)
{
    secrets_unprove(e, u);
    store_drop_secret(e->store, u->id);
    store_drop_setup(e->store, u->id);
    store_drop_passkeys(e->store, u->id);
    store_void_invites(e->store, u->id, clock_wall());
    challenges_drop(&e->challenges[0], u->id);
    challenges_drop(&e->challenges[1], u->id);
}

/* To database, audit log and memory; a->right 0 = no admin any more. */
static bool set_admin(struct engine *e, const struct request *q, struct user *u,
                      const struct admin *a, const char *act)
{
    store_begin(e->store);
    if (!u->admin.right)
        void_access(e, u);
    if (a->right)
        store_put_admin(e->store, u->id, a);
    else
        store_drop_admin(e->store, u->id);
    audit_act(e, q->actor, q->uid, act, u->name,
              json_pack("{s:s,s:s}", "before", right_name(u->admin.right), "after",
                        right_name(a->right)));
    if (audit_commit(e) != STORE_OK)
        return false;
    u->admin = *a;
    event_add(e, "act", "%s: %s %s %s", q->actor, act, u->name, right_name(a->right));
    return true;
}

static struct reply no_admin(const struct user *u)
{
    return reply_errorf(404, "not_admin", "portcullis admin list shows who is.", "'%s' is no admin.",
                        u->name);
}

/* The role of the body; RIGHT_NONE: *no says why not. */
static enum right read_role(const struct request *q, struct reply *no)
{
    enum right r = RIGHT_NONE;
    struct body b;

    body_open(&b, q, false);
    const char *role = b.failed ? NULL : body_text(&b, "role", NAME_SIZE - 1, true);
    if (body_done(&b) && !right_parse(role, &r))
        body_fail(&b, reply_errorf(400, "unknown_role", "owner, operator, helpdesk or auditor.",
                                   "There is no role '%s' of admins.", role));
    *no = b.error;
    body_close(&b);
    return b.failed ? RIGHT_NONE : r;
}

struct reply control_admin_put(struct engine *e, struct request *q)
{
    struct user *u = user_by_name(e, q->name);
    struct reply no;

    if (!u)
        return no_such_user(e, q->name);
    enum right role = read_role(q, &no);
    if (role == RIGHT_NONE)
        return no;
    if (u->state != USER_ACTIVE)
        return is_revoked(u);
    if (role != RIGHT_OWN && !admin_spares(e, q, u, &no))
        return no;
    bool new = u->admin.right == RIGHT_NONE;
    struct admin a = {.right = role, .since = clock_wall()};
    snprintf(a.by, sizeof a.by, "%s", q->actor);
    if (!set_admin(e, q, u, &a, new ? "admin.add" : "admin.role"))
        return reply_full();
    return (struct reply){new ? 201 : 200, admin_json(e, u)};
}

struct reply control_admin_drop(struct engine *e, struct request *q)
{
    struct user *u = user_by_name(e, q->name);
    struct reply no;

    if (!u)
        return no_such_user(e, q->name);
    if (u->admin.right == RIGHT_NONE)
        return no_admin(u);
    if (!admin_spares(e, q, u, &no))
        return no;
    if (!set_admin(e, q, u, &(struct admin){0}, "admin.remove"))
        return reply_full();
    return (struct reply){200, json_pack("{s:s,s:b}", "name", u->name, "removed", true)};
}

/* ---- a link to begin with -------------------------------------------------------------------- */

/* "https://gateway.example:8443"; by its name, where it has one: that is what passkeys are for. */
static void console_url(const struct engine *e, char out[HOST_SIZE + 32])
{
    const struct door_conf *c = &e->conf.console;
    char addr[ADDR_TEXT], port[8] = "";

    if (c->port != 443)
        snprintf(port, sizeof port, ":%u", c->port);
    ip_print(&c->addr, addr);
    if (e->conf.tls.name[0])
        snprintf(out, HOST_SIZE + 32, "https://%s%s", e->conf.tls.name, port);
    else
        snprintf(out, HOST_SIZE + 32, c->addr.family == 6 ? "https://[%s]%s" : "https://%s%s", addr,
                 port);
}

/* What is behind '#' stays in the browser. */
struct reply control_admin_link(struct engine *e, struct request *q)
{
    struct user *u = user_by_name(e, q->name);
    char url[HOST_SIZE + 32], link[HOST_SIZE + 192];

    if (!u)
        return no_such_user(e, q->name);
    if (u->admin.right == RIGHT_NONE)
        return no_admin(u);
    if (!e->conf.console.iface[0])
        return reply_error(409, "no_console", "This gateway has no console.", "In gateway.conf, and "
                           "then a restart: console eth1 { listen ADDRESS:8443  from NETWORK }");
    struct reply r = secrets_new_code(e, q, u);
    if (r.status != 201)
        return r;
    console_url(e, url);
    snprintf(link, sizeof link, "%s/#set-up=%s&user=%s", url,
             json_string_value(json_object_get(r.body, "code")), u->name);
    json_object_set_new(r.body, "link", json_string(link));
    sodium_memzero(link, sizeof link);
    return r;
}
