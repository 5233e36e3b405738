/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Starting: from two texts and a directory to a kernel that holds what the database says, and no
 * moment in which it holds more.
 */
#include <errno.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "gateway/acknowledge.h"
#include "gateway/clock.h"
#include "gateway/engine.h"
#include "gateway/invites.h"
#include "gateway/leases.h"
#include "gateway/log.h"
#include "gateway/respond.h"
#include "policy/address.h"

#define FAILED_TEXT 2000
#define EVENT_STEP 1000000     /* event numbers set aside for each run */

struct start_texts {
    char state_dir[256];
    const uint8_t *gateway, *policy;
    size_t gateway_len, policy_len;
};

/* ---- failing -------------------------------------------------------------------------------- */

static int failed(struct engine *e, const char *text)
{
    struct writer w;
    char cut[FAILED_TEXT];

    snprintf(cut, sizeof cut, "%s", text);
    writer_init(&w, 2048);
    put_text(&w, cut);
    (void)channel_send(e->parent, MSG_FAILED, 0, &w, -1);
    writer_clear(&w);
    return -1;
}

static int failed_diags(struct engine *e, const struct diags *d, const char *file,
                        const uint8_t *text, size_t len)
{
    char *shown = diags_text(d, file, (const char *)text, len);
    int rc = failed(e, shown);

    free(shown);
    return rc;
}

/* ---- the state ------------------------------------------------------------------------------ */

static enum store_result set_events_aside(struct engine *e)
{
    store_begin(e->store);
    store_set(e->store, "event_next", e->event_first + EVENT_STEP);
    return store_commit(e->store);
}

/* Database and audit log in the working directory; 0, or -1 and why. An engine that cannot start
 * cannot revoke: the space kept for a full disk is for this, too. */
static int open_database(struct engine *e, char why[256])
{
    if (store_open(&e->store, "portcullis.db", why) < 0)
        return -1;
    e->event_first = e->event_next = store_get(e->store, "event_next", 1);
    if (set_events_aside(e) != STORE_OK &&
        (!store_release_reserve(e->store) || set_events_aside(e) != STORE_OK)) {
        snprintf(why, 256, "the disk is full");
        return -1;
    }
    e->n_jtis = store_count_jti(e->store);
    audit_start(e);
    attempts_load(e);
    knocks_load(e);
    return 0;
}

/* ---- what the database holds ---------------------------------------------------------------- */

/* Ids of people have no gaps. */
static void load_user(void *arg, struct user *u)
{
    struct engine *e = arg;

    if (u->id != e->n_users + 1)
        fatal("the database is damaged: the id of user %s", u->name);
    user_add(e, u);
}

static void load_admin(void *arg, uint32_t user, const struct admin *a)
{
    struct engine *e = arg;

    if (user > e->n_users)
        fatal("the database is damaged: an admin who is nobody");
    e->users[user - 1].admin = *a;
}

static void load_key(void *arg, const struct token_key *k) { key_add(arg, k); }

static void load_dev(void *arg, struct dev *d, const char *roles)
{
    struct engine *e = arg;

    if (d->user > e->n_users)
        fatal("the database is damaged: the user of device %s", d->name);
    d->lease.roles = roles_mask(e->policy, roles);
    if (!dev_add(e, d)->addressed)
        alarm_raise(e, "device %s has no address in the tunnel networks of gateway.conf", d->name);
}

/* They stay in the database; here they are looked at. */
static void check_invite(void *arg, const struct invite *x)
{
    struct engine *e = arg;

    if (x->user > e->n_users || (x->device && !dev_by_index(e, x->device)))
        fatal("the database is damaged: invitation %lld", (long long)x->id);
}

static void load_class(void *arg, uint16_t id, const uint8_t *bytes, size_t n)
{
    struct engine *e = arg;
    struct reader r;
    struct permit *p = NULL;
    size_t count = 0;

    for (reader_init(&r, bytes, n); r.n > 0 && !r.failed; count++) {
        p = reallocarray(p, count + 1, sizeof *p);
        if (!p)
            fatal("out of memory");
        get_permit(&r, &p[count]);
    }
    if (r.failed || classes_restore(&e->classes, id, p, count) < 0)
        fatal("the database is damaged: access class %u", id);
    e->classes.v[id]->known = true;
}

/* The same boot as when the times were stored? If not they say nothing any more. */
static bool check_boot(struct engine *e)
{
    char before[sizeof e->boot_id] = "";

    (void)store_get_blob(e->store, "boot_id", before, sizeof before);
    if (memcmp(before, e->boot_id, sizeof before) == 0)
        return true;
    store_begin(e->store);
    store_new_boot(e->store, clock_boot_ms(), clock_wall());
    store_set_blob(e->store, "boot_id", e->boot_id, sizeof e->boot_id);
    if (store_commit(e->store) != STORE_OK)
        fatal("the disk is full");
    return false;
}

/* ---- the tunnel networks -------------------------------------------------------------------- */

/* Where a network begins decides which device has which address. Its length may change. */
static bool begins_elsewhere(const struct ip_prefix *net, struct ip_addr *before)
{
    struct ip_addr now = prefix_range(net).first;

    if (net->addr.family == 0)
        return false;            /* none now: an old one may come back */
    bool moved = before->family && ip_cmp(&now, before) != 0;
    *before = now;
    return moved;
}

/* Connections under the old addresses would be other devices' connections now, by the marks that
 * the kernel keeps. After a boot there are none. */
static int check_networks(struct engine *e, bool same_boot)
{
    struct ip_addr begin[2] = {{0}};
    const struct tunnel *t = &e->conf.tunnel;

    (void)store_get_blob(e->store, "networks", begin, sizeof begin);
    bool moved = begins_elsewhere(&t->net4, &begin[0]);
    moved = begins_elsewhere(&t->net6, &begin[1]) || moved;
    if (moved && same_boot && e->n_devs > 0)
        return failed(e, "gateway.conf moves a tunnel network: devices would get addresses under "
                      "which others have connections. Put the old one back (a longer or shorter one "
                      "that begins at the same address is good), or restart the machine with this file");
    store_begin(e->store);
    store_set_blob(e->store, "networks", begin, sizeof begin);
    return store_commit(e->store) == STORE_OK
               ? 0
               : failed(e, "the disk of the state directory is full");
}

/* ---- the policy to start with --------------------------------------------------------------- */

static struct policy *load_version(struct engine *e, int64_t version)
{
    struct policy_version v;
    struct diags d = {0};
    char *text = NULL;
    size_t len;

    if (store_get_policy(e->store, version, &v, &text, &len) != STORE_OK)
        return NULL;
    struct policy *p = policy_load(text, len, &d);
    if (p)
        e->version = v;
    else
        alarm_raise(e, "policy version %lld, which was in force, cannot be read any more",
                    (long long)v.version);
    free(text);
    return p;
}

/* One that nobody confirmed in time is not in force any more. */
static struct policy *load_stored(struct engine *e)
{
    struct policy_version v;

    if (store_get_policy(e->store, 0, &v, NULL, NULL) != STORE_OK)
        return NULL;
    if (v.confirm_until.s == 0)
        return load_version(e, v.version);
    if (v.confirm_until.s > clock_wall().s) {
        e->confirm_boot_ms = clock_boot_ms() + (v.confirm_until.s - clock_wall().s) * 1000;
        return load_version(e, v.version);
    }
    log_info("policy version %lld was not confirmed", (long long)v.version);
    store_begin(e->store);
    store_policy_in_force(e->store, v.previous, (struct wall){0}, 0);
    audit_act(e, "engine", ENGINE_UID, "policy.unconfirmed", "", NULL);
    if (audit_commit(e) != STORE_OK)
        fatal("the disk is full");
    return load_version(e, v.previous);
}

/* The first policy of all: the file's. */
static struct policy *load_first(struct engine *e, const struct start_texts *t)
{
    const char *text = (const char *)t->policy;
    struct policy_version v = {.at = clock_wall(), .by = "engine"};
    struct diags d = {0};
    struct policy *p = policy_load(text, t->policy_len, &d);

    if (!p) {
        (void)failed_diags(e, &d, e->policy_file, t->policy, t->policy_len);
        return NULL;
    }
    crypto_hash_sha256(v.sha256, t->policy, t->policy_len);
    store_begin(e->store);
    v.version = store_add_policy(e->store, &v, text, t->policy_len);
    store_policy_in_force(e->store, v.version, v.confirm_until, 0);
    store_set_blob(e->store, "policy_file", v.sha256, sizeof v.sha256);
    if (store_commit(e->store) != STORE_OK)
        fatal("the disk is full");
    e->version = v;
    return p;
}

/* ---- the kernel ----------------------------------------------------------------------------- */

static int load_people(struct engine *e)
{
    bool same_boot = check_boot(e), changed;
    struct batch b;

    store_each_user(e->store, load_user, e);
    store_each_admin(e->store, load_admin, e);
    acknowledge_load(e);
    store_each_dev(e->store, load_dev, e);
    store_each_invite(e->store, 0, 0, check_invite, e);
    if (check_networks(e, same_boot) < 0)
        return -1;
    store_each_key(e->store, load_key, e);
    classes_init(&e->classes, (uint16_t)store_get(e->store, "class_next", 1));
    store_each_class(e->store, load_class, e);
    if (classes_use_policy(&e->classes, e->policy, &changed) < 0)
        fatal("out of memory");
    holds_restore(e);
    batch_begin(e, &b);
    b.offline = true;
    leases_restore(e, same_boot);
    (void)acknowledge_review_all(e);
    (void)leases_decide_all(&b, "start");
    audit_act(e, "engine", ENGINE_UID, "engine.start", e->conf.name,
              json_pack("{s:s,s:I}", "version", VERSION, "policy", (json_int_t)e->version.version));
    if (batch_commit(&b, DURABLE_FIRST) == STORE_OK)
        return 0;
    return failed(e, "the disk of the state directory is full");
}

static int bring_up_kernel(struct engine *e)
{
    char text[300];
    int rc = kernel_whole(e);

    if (rc == 0)
        return 0;
    snprintf(text, sizeof text, "the kernel refused the rules: %s", kernel_error(rc));
    return failed(e, text);
}

static int bring_up_tunnel(struct engine *e)
{
    char text[300];
    int rc = kernel_tunnel(e);

    if (rc == 0)
        return 0;
    snprintf(text, sizeof text, "the tunnel interface %s cannot be set up: %s",
             e->conf.tunnel.iface, kernel_error(rc));
    return failed(e, text);
}

/* ---- all of it ------------------------------------------------------------------------------ */

static int read_start(struct engine *e, const struct message *m, struct start_texts *t)
{
    struct reader r;

    reader_init(&r, m->body, m->len);
    get_text(&r, t->state_dir, sizeof t->state_dir);
    get_text(&r, e->gateway_file, sizeof e->gateway_file);
    t->gateway = get_blob(&r, &t->gateway_len, POLICY_TEXT_MAX);
    get_text(&r, e->policy_file, sizeof e->policy_file);
    t->policy = get_blob(&r, &t->policy_len, POLICY_TEXT_MAX);
    get_text(&r, e->boot_id, sizeof e->boot_id);
    return reader_done(&r) ? 0 : failed(e, "the start message cannot be read");
}

bool engine_start_names_tls(const struct message *m)
{
    static struct gateway_conf conf;
    char text[256];
    struct diags d = {0};
    struct reader r;
    size_t len;

    reader_init(&r, m->body, m->len);
    get_text(&r, text, sizeof text);
    get_text(&r, text, sizeof text);
    const uint8_t *gateway = get_blob(&r, &len, POLICY_TEXT_MAX);
    return m->type == MSG_START && !r.failed &&
           gateway_parse((const char *)gateway, len, &conf, &d) == 0 && conf.tls.name[0] != '\0';
}

static int read_gateway(struct engine *e, const struct start_texts *t)
{
    struct diags d = {0};

    if (gateway_parse((const char *)t->gateway, t->gateway_len, &e->conf, &d) == 0)
        return 0;
    return failed_diags(e, &d, e->gateway_file, t->gateway, t->gateway_len);
}

static int open_state(struct engine *e, const struct start_texts *t)
{
    char why[256], text[600];

    if (open_database(e, why) == 0)
        return 0;
    snprintf(text, sizeof text, "%s: %s", t->state_dir, why);
    return failed(e, text);
}

static int choose_policy(struct engine *e, const struct start_texts *t)
{
    struct policy *p = load_stored(e);

    if (!p)
        p = load_first(e, t);
    if (!p)
        return -1;
    policy_use(e, p);
    return 0;
}

int engine_start(struct engine *e, const struct message *m)
{
    struct start_texts t = {0};

    if (read_start(e, m, &t) < 0 || read_gateway(e, &t) < 0 || open_state(e, &t) < 0 ||
        choose_policy(e, &t) < 0)
        return -1;
    /* The texts live in the channel's buffer: what the parent answers would overwrite them. */
    char *policy = malloc(t.policy_len + 1);
    if (!policy)
        fatal("out of memory");
    memcpy(policy, t.policy, t.policy_len);

    int rc = bring_up_tunnel(e);
    if (rc == 0)
        rc = load_people(e);
    if (rc == 0)
        rc = bring_up_kernel(e);
    if (rc == 0) {
        (void)lease_clock(e);
        doors_start(e);
        outlets_start(e);
        kernel_ready(e);
        e->serving = true;
        policy_reload(e, policy, t.policy_len, "policy.start");
    }
    free(policy);
    return rc;
}
