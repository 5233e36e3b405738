/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Records to rows and rows to records: people, devices, keys, leases and what they rest on. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "gateway/log.h"
#include "gateway/store_facts.h"
#include "gateway/store_parts.h"

#define BOOT(q, i) store_number(q, i, 0, STORE_BOOT_MAX)
#define INDEX(q, i) ((uint32_t)store_number(q, i, 1, DEVICE_MAX))

/* NULL stays NULL. */
static char *text_copy(sqlite3_stmt *q, int col, size_t size)
{
    char text[ROLE_LIST_SIZE];

    if (sqlite3_column_type(q, col) == SQLITE_NULL)
        return NULL;
    store_text(q, col, text, size < sizeof text ? size : sizeof text);
    char *copy = strdup(text);
    if (!copy)
        fatal("out of memory");
    return copy;
}

/* ---- single values -------------------------------------------------------------------------- */

int64_t store_get(struct store *s, const char *key, int64_t otherwise)
{
    sqlite3_stmt *q = store_bind(s, Q_GET, "t", key);
    int64_t v = store_row(s, q) ? store_number(q, 0, 0, STORE_BOOT_MAX) : otherwise;

    sqlite3_reset(q);
    return v;
}

void store_set(struct store *s, const char *key, int64_t value)
{
    store_run(s, store_bind(s, Q_SET, "ti", key, value));
}

enum store_result store_get_blob(struct store *s, const char *key, void *out, size_t n)
{
    sqlite3_stmt *q = store_bind(s, Q_GET, "t", key);
    bool there = store_row(s, q) && (size_t)sqlite3_column_bytes(q, 0) == n;

    if (there)
        store_bytes(q, 0, out, n);
    sqlite3_reset(q);
    return there ? STORE_OK : STORE_NONE;
}

void store_set_blob(struct store *s, const char *key, const void *p, size_t n)
{
    store_run(s, store_bind(s, Q_SET, "tb", key, (struct bytes){p, n}));
}

/* ---- people and devices --------------------------------------------------------------------- */

void store_put_user(struct store *s, const struct user *u)
{
    store_run(s, store_bind(s, Q_USER_PUT, "iitttiiiitti", I(u->id), I(u->state), u->name,
                            u->full_name, u->roles, u->created.s, u->end.s, u->signed_in.s,
                            u->revoked.s, u->revoked_by, u->revoked_reason,
                            u->compromised.s));
}

void store_each_user(struct store *s, void (*each)(void *arg, struct user *u), void *arg)
{
    sqlite3_stmt *q = store_bind(s, Q_USERS, "");

    while (store_row(s, q)) {
        struct user u = {.id = (uint32_t)store_number(q, 0, 1, USER_MAX),
                         .state = (enum user_state)store_number(q, 1, USER_ACTIVE, USER_REVOKED),
                         .full_name = text_copy(q, 3, TEXT_SIZE),
                         .roles = text_copy(q, 4, ROLE_LIST_SIZE),
                         .created = WALL(q, 5), .end = WALL(q, 6), .signed_in = WALL(q, 7),
                         .compromised = WALL(q, 11),
                         .revoked = WALL(q, 8), .revoked_by = text_copy(q, 9, ACTOR_SIZE),
                         .revoked_reason = text_copy(q, 10, REASON_SIZE)};
        if (!u.roles)
            store_damaged(q, 4);
        store_text(q, 2, u.name, sizeof u.name);
        each(arg, &u);
    }
}

void store_put_dev(struct store *s, const struct dev *d)
{
    store_run(s, store_bind(s, Q_DEV_PUT, "iiiitbiiii", I(d->k.index), I(d->user), I(d->state),
                            I(d->corp), d->name, (struct bytes){d->k.key.b, sizeof d->k.key.b},
                            d->created.s, d->ended.s, d->last_iat.s, I(d->approved)));
}

static void read_dev(sqlite3_stmt *q, struct dev *d)
{
    *d = (struct dev){.k.index = INDEX(q, 0), .user = (uint32_t)store_number(q, 1, 0, USER_MAX),
                      .state = (enum dev_state)store_number(q, 2, DEV_ACTIVE, DEV_RETIRED),
                      .corp = FLAG(q, 3),
                      .created = WALL(q, 6), .ended = WALL(q, 7), .last_iat = WALL(q, 8),
                      .approved = FLAG(q, 9),
                      .lease = {.class_id = (uint16_t)store_number(q, 11, 0, CLASS_MAX),
                                .granted = WALL(q, 12), .until = WALL(q, 13),
                                .end_boot_ms = BOOT(q, 14)},
                      .token_exp = WALL(q, 15), .token_end_boot_ms = BOOT(q, 16)};
    store_text(q, 4, d->name, sizeof d->name);
    store_bytes(q, 5, d->k.key.b, sizeof d->k.key.b);
}

void store_each_dev(struct store *s, void (*each)(void *arg, struct dev *d, const char *roles),
                    void *arg)
{
    sqlite3_stmt *q = store_bind(s, Q_DEVS, "");
    char roles[ROLE_LIST_SIZE];
    struct dev d;

    while (store_row(s, q)) {
        read_dev(q, &d);
        store_text(q, 10, roles, sizeof roles);
        each(arg, &d, roles);
    }
}

void store_get_ueid(struct store *s, uint32_t device, char out[CLAIM_TEXT])
{
    sqlite3_stmt *q = store_bind(s, Q_UEID_GET, "i", I(device));

    out[0] = '\0';
    if (store_row(s, q))
        store_text(q, 0, out, CLAIM_TEXT);
    sqlite3_reset(q);
}

void store_set_ueid(struct store *s, uint32_t device, const char *ueid)
{
    store_run(s, store_bind(s, Q_UEID_SET, "it", I(device), ueid));
}

void store_put_key(struct store *s, const struct token_key *k)
{
    store_run(s, store_bind(s, Q_KEY_PUT, "ttibiiiiiii", k->kid, k->iss, I(k->alg),
                            (struct bytes){k->key, sizeof k->key}, I(k->kind),
                            I(k->assurance_max), k->not_before.s, k->not_after.s, I(k->status),
                            I(k->nonce_required), k->life_max.s));
}

void store_each_key(struct store *s, void (*each)(void *arg, const struct token_key *k), void *arg)
{
    sqlite3_stmt *q = store_bind(s, Q_KEYS, "");

    while (store_row(s, q)) {
        struct token_key k = {
            .alg = (enum token_alg)store_number(q, 2, ALG_ED25519, ALG_ES256),
            .kind = (enum issuer_kind)store_number(q, 4, ISSUER_DEVICE, ISSUER_EDR),
            .assurance_max = (uint8_t)store_number(q, 5, 1, 4), .not_before = WALL(q, 6),
            .not_after = WALL(q, 7),
            .status = (enum key_status)store_number(q, 8, KEY_REVOKED, KEY_RETIRING),
            .nonce_required = FLAG(q, 9), .life_max = {store_number(q, 10, 0, TOKEN_LIFE_MAX)}};
        store_text(q, 0, k.kid, sizeof k.kid);
        store_text(q, 1, k.iss, sizeof k.iss);
        store_bytes(q, 3, k.key, sizeof k.key);
        each(arg, &k);
    }
}

/* ---- leases and evidence -------------------------------------------------------------------- */

void store_put_lease(struct store *s, uint32_t device, const struct grant *g, const char *roles)
{
    store_run(s, store_bind(s, Q_LEASE_PUT, "itiiii", I(device), roles, I(g->class_id),
                            g->granted.s, g->until.s, g->end_boot_ms));
}

void store_drop_lease(struct store *s, uint32_t device)
{
    store_run(s, store_bind(s, Q_LEASE_DROP, "i", I(device)));
}

void store_put_evidence(struct store *s, uint32_t device, const struct evidence *ev)
{
    json_t *o = facts_to_json(&ev->facts);
    char *facts = json_dumps(o, JSON_COMPACT);

    json_decref(o);
    if (!facts)
        fatal("out of memory");
    store_run(s, store_bind(s, Q_EVIDENCE_PUT, "iiiiitttbt", I(device), ev->accepted.s, ev->exp.s,
                            ev->end_boot_ms, I(ev->assurance), ev->iss, ev->kid, ev->jti,
                            (struct bytes){ev->sha256, sizeof ev->sha256}, facts));
    free(facts);
}

enum store_result store_get_evidence(struct store *s, uint32_t device, struct evidence *out)
{
    sqlite3_stmt *q = store_bind(s, Q_EVIDENCE_GET, "i", I(device));

    if (!store_row(s, q))
        return STORE_NONE;
    *out = (struct evidence){.accepted = WALL(q, 1), .exp = WALL(q, 2), .end_boot_ms = BOOT(q, 3),
                             .assurance = (uint8_t)store_number(q, 4, 0, 4)};
    store_text(q, 5, out->iss, sizeof out->iss);
    store_text(q, 6, out->kid, sizeof out->kid);
    store_text(q, 7, out->jti, sizeof out->jti);
    store_bytes(q, 8, out->sha256, sizeof out->sha256);
    const char *facts = (const char *)sqlite3_column_text(q, 9);
    if (!facts || facts_from_json(facts, strlen(facts), &out->facts) < 0)
        fatal("the database is damaged: facts of device %u", device);
    sqlite3_reset(q);
    return STORE_OK;
}

void store_drop_evidence(struct store *s, uint32_t device)
{
    store_run(s, store_bind(s, Q_EVIDENCE_DROP, "i", I(device)));
}

void store_drop_kid_evidence(struct store *s, const char *kid)
{
    store_run(s, store_bind(s, Q_EVIDENCE_KID_DROP, "t", kid));
}

void store_each_kid_device(struct store *s, const char *kid,
                           void (*each)(void *arg, uint32_t device), void *arg)
{
    sqlite3_stmt *q = store_bind(s, Q_EVIDENCE_KID, "t", kid);

    while (store_row(s, q))
        each(arg, INDEX(q, 0));
}

void store_new_boot(struct store *s, int64_t boot_ms, struct wall now)
{
    store_run(s, store_bind(s, Q_NEW_BOOT_L, "ii", boot_ms, now.s));
    store_run(s, store_bind(s, Q_NEW_BOOT_E, "ii", boot_ms, now.s));
    store_run(s, store_bind(s, Q_NEW_BOOT_I, "ii", boot_ms, now.s));
    store_run(s, store_bind(s, Q_FORGET_BOOT_H, ""));
}

/* ---- grace, exceptions, replays ------------------------------------------------------------- */

size_t store_get_grace(struct store *s, uint32_t device, struct grace_row *out, size_t max)
{
    sqlite3_stmt *q = store_bind(s, Q_GRACE_GET, "ii", I(device), I(max));
    size_t n = 0;

    while (store_row(s, q) && n < max) {
        store_text(q, 0, out[n].rule, sizeof out[n].rule);
        out[n].since = WALL(q, 1);
        out[n++].passing = WALL(q, 2);
    }
    sqlite3_reset(q);
    return n;
}

void store_put_grace(struct store *s, uint32_t device, const struct grace_row *g)
{
    store_run(s, store_bind(s, Q_GRACE_PUT, "itii", I(device), g->rule, g->since.s, g->passing.s));
}

void store_drop_grace(struct store *s, uint32_t device, const char *rule)
{
    store_run(s, store_bind(s, Q_GRACE_DROP, "it", I(device), rule));
}

size_t store_get_exceptions(struct store *s, uint32_t device, struct exception *out, size_t max)
{
    sqlite3_stmt *q = store_bind(s, Q_EXCEPTION_GET, "ii", I(device), I(max));
    size_t n = 0;

    while (store_row(s, q) && n < max) {
        store_text(q, 0, out[n].rule, sizeof out[n].rule);
        out[n].until = WALL(q, 1);
        store_text(q, 2, out[n].reason, sizeof out[n].reason);
        n++;
    }
    sqlite3_reset(q);
    return n;
}

void store_put_exception(struct store *s, uint32_t device, const struct exception *x,
                         const char *by, struct wall now)
{
    store_run(s, store_bind(s, Q_EXCEPTION_PUT, "ititti", I(device), x->rule, x->until.s,
                            x->reason, by, now.s));
}

bool store_jti_seen(struct store *s, const char *iss, const char *jti)
{
    sqlite3_stmt *q = store_bind(s, Q_JTI_GET, "tt", iss, jti);
    bool seen = store_row(s, q);

    sqlite3_reset(q);
    return seen;
}

void store_put_jti(struct store *s, const char *iss, const char *jti, struct wall exp)
{
    store_run(s, store_bind(s, Q_JTI_PUT, "tti", iss, jti, exp.s));
}

void store_prune_jti(struct store *s, struct wall now)
{
    store_run(s, store_bind(s, Q_JTI_PRUNE, "i", now.s));
}

int64_t store_count_jti(struct store *s)
{
    sqlite3_stmt *q = store_bind(s, Q_JTI_COUNT, "");
    int64_t n = store_row(s, q) ? store_number(q, 0, 0, INT64_MAX) : 0;

    sqlite3_reset(q);
    return n;
}
