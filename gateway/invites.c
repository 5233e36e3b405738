/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Invitations as records: drawn, shown, withdrawn. What becomes of one is in engine_enrol.c. */
#include "gateway/invites.h"

#include <sodium.h>
#include <stdio.h>
#include <string.h>

#include "gateway/admins.h"
#include "gateway/clock.h"
#include "gateway/engine_enrol.h"
#include "gateway/enrolment.h"
#include "gateway/log.h"
#include "gateway/secrets.h"

#define VALID_LEAST 300
#define VALID_MOST (30 * 86400)
#define REMEMBERED_S (90 * 86400)    /* what has ended; the audit log has it for longer */

/* ---- token and code ------------------------------------------------------------------------- */

/* The token within: who has the database alone cannot try all codes. */
static void hash_code(const char *token, const char digits[INVITE_CODE], uint8_t out[INVITE_HASH])
{
    crypto_hash_sha256_state s;

    crypto_hash_sha256_init(&s);
    crypto_hash_sha256_update(&s, (const uint8_t *)token, INVITE_TOKEN);
    crypto_hash_sha256_update(&s, (const uint8_t *)digits, INVITE_CODE);
    crypto_hash_sha256_final(&s, out);
}

void invite_draw(struct invite *x, struct invite_words *out)
{
    char digits[INVITE_CODE];

    for (unsigned i = 0; i < INVITE_TOKEN; i++)
        out->token[i] = CODE_LETTERS[randombytes_uniform(32)];
    out->token[INVITE_TOKEN] = '\0';
    for (unsigned i = 0; i < INVITE_CODE; i++)
        digits[i] = (char)('0' + randombytes_uniform(10));
    snprintf(out->code, sizeof out->code, "%.4s %.4s", digits, digits + 4);
    (void)invite_token_hash(out->token, x->token);
    hash_code(out->token, digits, x->code);
    sodium_memzero(digits, sizeof digits);
}

bool invite_token_hash(const char *token, uint8_t out[INVITE_HASH])
{
    if (strlen(token) != INVITE_TOKEN || strspn(token, CODE_LETTERS) != INVITE_TOKEN)
        return false;
    crypto_hash_sha256(out, (const uint8_t *)token, INVITE_TOKEN);
    return true;
}

bool invite_code_holds(const struct invite *x, const char *token, const char *typed)
{
    char digits[INVITE_CODE];
    uint8_t hash[INVITE_HASH];
    size_t n = 0;

    for (; *typed; typed++) {
        if (*typed == ' ' || *typed == '-')
            continue;
        if (*typed < '0' || *typed > '9' || n == INVITE_CODE)
            return false;
        digits[n++] = *typed;
    }
    if (n != INVITE_CODE)
        return false;
    hash_code(token, digits, hash);
    sodium_memzero(digits, sizeof digits);
    return sodium_memcmp(hash, x->code, sizeof hash) == 0;
}

/* ---- state ---------------------------------------------------------------------------------- */

static bool expired(const struct invite *x)
{
    return clock_wall().s >= x->until.s || clock_boot_ms() >= x->end_boot_ms ||
           clock_wall().s < x->made.s - CLOCK_STEP_S;
}

bool invite_open(const struct invite *x) { return x->state == INVITE_OPEN && !expired(x); }

static const char *state_name(const struct invite *x)
{
    switch (x->state) {
    case INVITE_OPEN:
        return expired(x) ? "expired" : "open";
    case INVITE_USED:
        return "used";
    case INVITE_WITHDRAWN:
        return "withdrawn";
    case INVITE_VOID:
        break;
    }
    return "void";
}

static json_t *invite_json(struct engine *e, const struct invite *x)
{
    const struct dev *d = dev_by_index(e, x->device);
    json_t *o = json_pack("{s:I,s:s,s:s,s:s,s:s,s:I,s:I,s:i}", "id", (json_int_t)x->id, "user",
                          e->users[x->user - 1].name, "state", state_name(x), "own",
                          x->corp ? "corp" : "byod", "by", x->by,
                          "made", (json_int_t)x->made.s, "until", (json_int_t)x->until.s,
                          "tries_left", (int)(INVITE_TRIES - x->wrong));

    if (d || x->name[0])
        json_object_set_new(o, "device", json_string(d ? d->name : x->name));
    if (x->ended.s)
        json_object_set_new(o, "ended", json_integer(x->ended.s));
    return o;
}

/* ---- inviting ------------------------------------------------------------------------------- */

static void may_be_invited(struct engine *e, struct body *b, const struct user *u)
{
    if (u->state != USER_ACTIVE)
        body_fail(b, is_revoked(u));
    else if (user_over(u))
        body_fail(b, reply_errorf(409, "account_ended", NULL, "The account of '%s' has ended.",
                                  u->name));
    else if (enrolment_at_limit(e, u))
        body_fail(b, enrolment_limit(e, u));
    else if (store_count_invites(e->store, u->id, clock_wall()) >= INVITES_OPEN)
        body_fail(b, reply_errorf(409, "too_many_invites", "portcullis invite list shows them.",
                                  "%d invitations of '%s' are open.", INVITES_OPEN, u->name));
}

static void read_invite(struct engine *e, struct body *b, const struct user *u, struct invite *x)
{
    const char *name = body_text(b, "device", NAME_SIZE - 1, false);
    const char *own = body_text(b, "own", 4, false);
    int64_t valid = body_int(b, "valid_s", VALID_LEAST, VALID_MOST, e->policy->enrol_valid.s);

    if (own && strcmp(own, "corp") != 0 && strcmp(own, "byod") != 0)
        body_fail(b, reply_error(400, "bad_member", "'own' is \"corp\" or \"byod\".", NULL));
    if (!body_done(b))
        return;
    if (name && !name_valid(name))
        body_fail(b, reply_errorf(400, "bad_name", "Names are a-z, 0-9, '.', '_', '-', and begin "
                                  "with a letter or digit.", "'%s' is no name.", name));
    else if (name && dev_by_name(e, name))
        body_fail(b, reply_errorf(409, "device_exists", "Names are not used twice, also of devices "
                                  "that ended.", "There is a device '%s' already.", name));
    may_be_invited(e, b, u);
    x->user = u->id;
    x->corp = !own || strcmp(own, "corp") == 0;
    x->state = INVITE_OPEN;
    x->made = clock_wall();
    x->until.s = x->made.s + valid;
    x->end_boot_ms = clock_boot_ms() + valid * 1000;
    snprintf(x->name, sizeof x->name, "%s", name ? name : "");
}

static struct reply invite(struct engine *e, struct request *q, const struct user *u,
                           struct invite *x)
{
    struct invite_words words;
    char link[HANDOUT_LINK];
    struct reply r;

    invite_draw(x, &words);
    snprintf(x->by, sizeof x->by, "%s", q->actor);
    if (!handout_link(e, words.token, link, &r))
        return r;
    store_begin(e->store);
    store_prune_invites(e->store, (struct wall){x->made.s - REMEMBERED_S});
    x->id = store_add_invite(e->store, x);
    audit_act(e, q->actor, q->uid, "device.invite", u->name,
              json_pack("{s:I,s:s,s:I}", "invitation", (json_int_t)x->id, "device", x->name,
                        "until", (json_int_t)x->until.s));
    if (audit_commit(e) != STORE_OK) {
        r = reply_full();
    } else {
        event_add(e, "act", "%s invited %s to enrol a device", q->actor, u->name);
        r = (struct reply){201, invite_json(e, x)};
        json_object_set_new(r.body, "link", json_string(link));
        json_object_set_new(r.body, "code", json_string(words.code));
    }
    sodium_memzero(&words, sizeof words);
    sodium_memzero(link, sizeof link);
    return r;
}

struct reply control_invite(struct engine *e, struct request *q)
{
    struct reply no;
    struct user *u = person_asked(e, q, false, &no);
    struct invite x = {0};
    struct body b;

    if (!u)
        return no;
    body_open(&b, q, true);
    if (!b.failed)
        read_invite(e, &b, u, &x);
    struct reply r = b.failed ? b.error : invite(e, q, u, &x);
    body_close(&b);
    return r;
}

/* ---- listing, withdrawing ------------------------------------------------------------------- */

struct listing { struct item_list l; struct engine *e; const char *state; };

static void add_one(void *arg, const struct invite *x)
{
    struct listing *all = arg;

    if (!all->state || strcmp(all->state, state_name(x)) == 0)
        list_add(&all->l, invite_json(all->e, x));
}

struct reply control_invites(struct engine *e, struct request *q)
{
    const char *user = query_get(q, "user");
    struct user *u = user ? user_by_name(e, user) : NULL;
    struct listing all = {.l.key = "id", .e = e, .state = query_get(q, "state")};
    struct reply error;
    int64_t after = 0;

    if (user && !u)
        return no_such_user(e, user);
    if (!query_page(q, &all.l.limit, &after, &error))
        return error;
    all.l.items = json_array();
    store_each_invite(e->store, after, u ? u->id : 0, add_one, &all);
    return list_reply(&all.l);
}

struct reply control_invite_withdraw(struct engine *e, struct request *q)
{
    struct invite x;

    if (!store_get_invite(e->store, path_number(q), &x))
        return reply_errorf(404, "unknown_invite", "portcullis invite list shows them.",
                            "There is no invitation %s.", q->name);
    if (!invite_open(&x))
        return reply_errorf(409, "not_open", NULL, "Invitation %lld is %s.", (long long)x.id,
                            state_name(&x));
    x.state = INVITE_WITHDRAWN;
    x.ended = clock_wall();
    store_begin(e->store);
    store_put_invite(e->store, &x);
    audit_act(e, q->actor, q->uid, "device.uninvite", e->users[x.user - 1].name,
              json_pack("{s:I}", "invitation", (json_int_t)x.id));
    if (audit_commit(e) != STORE_OK)
        return reply_full();
    event_add(e, "act", "%s withdrew an invitation of %s", q->actor, e->users[x.user - 1].name);
    return (struct reply){200, invite_json(e, &x)};
}
