/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What comes by the console: requests divided by 0x1e, each "who digit, method digit, path, newline,
 * query, newline, body", of nobody, of an auditor, of the help desk and of an operator, to a fresh
 * engine in which these and an owner administer. Nobody gets an answer, an auditor changes nothing,
 * and none of them changes who administers or touches the owner.
 */
#include "tests/fuzz/engine_fresh.h"

#include "gateway/admins.h"
#include "gateway/engine_console.h"
#include "gateway/secrets.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static const char *const names[] = {"olga", "aud", "hela", "oskar"};
static const char *const roles[] = {"owner", "auditor", "helpdesk", "operator"};
static char tokens[4][SESSION_TOKEN];       /* of all but the owner; 0: nobody's */

/* ---- the engine ------------------------------------------------------------------------------- */

static void socket_asks(enum control_method method, const char *path, const char *body)
{
    static struct request q;

    memset(&q, 0, sizeof q);
    q.method = method;
    snprintf(q.actor, sizeof q.actor, "anna");
    snprintf(q.path, sizeof q.path, "%s", path);
    q.body = (const uint8_t *)body;
    q.body_len = strlen(body);
    struct reply r = control_answer(L.e, &q, "");
    must(r.status < 300);
    json_decref(r.body);
}

static void sign_in(unsigned who)
{
    struct ip_addr from = {.family = 4, .b = {10, 20, 0, 30}};

    if (who > 0)
        session_new(L.e, user_by_name(L.e, names[who]), &from, tokens[who]);
}

static void people(void)
{
    char body[128], path[64];

    socket_asks(CONTROL_POST, "/v1/users", "{\"name\":\"maria\",\"roles\":[\"filing\"]}");
    socket_asks(CONTROL_POST, "/v1/devices", "{\"name\":\"laptop\",\"user\":\"maria\",\"wireguard_key\":"
                "\"Nlrd1XLgu9sRzHFqf32ELyYv9W4PF2JBdlFcTJz6WnQ=\"}");
    for (unsigned i = 0; i < 4; i++) {
        snprintf(body, sizeof body, "{\"name\":\"%s\",\"roles\":[]}", names[i]);
        socket_asks(CONTROL_POST, "/v1/users", body);
        snprintf(path, sizeof path, "/v1/admins/%s", names[i]);
        snprintf(body, sizeof body, "{\"role\":\"%s\"}", roles[i]);
        socket_asks(CONTROL_PUT, path, body);
        sign_in(i);
    }
}

/* ---- what must not change ---------------------------------------------------------------------- */

struct state { uint8_t all[32], admins[32]; };

static void add(crypto_generichash_state *h, const void *p, size_t n)
{
    crypto_generichash_update(h, p, n);
}

/* Who administers; and of the owner everything. */
static void hash_admins(crypto_generichash_state *h)
{
    struct sign_in_setup setup = {0};
    const struct user *o = user_by_name(L.e, names[0]);

    for (size_t i = 0; i < L.e->n_users; i++)
        if (L.e->users[i].admin.right) {
            add(h, &i, sizeof i);
            add(h, &L.e->users[i].admin.right, sizeof L.e->users[i].admin.right);
        }
    (void)store_get_setup(L.e->store, o->id, &setup);
    add(h, &setup, sizeof setup);
    add(h, &o->state, sizeof o->state);
    add(h, &o->compromised, sizeof o->compromised);
    add(h, &o->signed_in, sizeof o->signed_in);
    add(h, o->roles, strlen(o->roles));
    for (size_t i = 0; i < L.e->n_devs; i++)
        if (L.e->devs[i].state && L.e->devs[i].user == o->id)
            add(h, &i, sizeof i);
}

static void hash_people(crypto_generichash_state *h)
{
    for (size_t i = 0; i < L.e->n_users; i++) {
        const struct user *u = &L.e->users[i];
        struct sign_in_setup setup = {0};
        (void)store_get_setup(L.e->store, u->id, &setup);
        add(h, &setup, sizeof setup);
        add(h, &u->state, sizeof u->state);
        add(h, &u->compromised, sizeof u->compromised);
        add(h, &u->signed_in, sizeof u->signed_in);
        add(h, u->roles, strlen(u->roles));
    }
    for (size_t i = 0; i < L.e->n_devs; i++) {
        const struct dev *d = &L.e->devs[i];
        add(h, &d->state, sizeof d->state);
        add(h, &d->user, sizeof d->user);
        add(h, &d->enrolled, sizeof d->enrolled);
    }
    for (size_t i = 0; i < L.e->n_keys; i++)
        add(h, &L.e->keys[i].status, sizeof L.e->keys[i].status);
    add(h, &L.e->version.version, sizeof L.e->version.version);
    add(h, &L.e->n_holds, sizeof L.e->n_holds);
}

static struct state state_now(void)
{
    crypto_generichash_state h;
    struct state s;

    crypto_generichash_init(&h, NULL, 0, sizeof s.admins);
    hash_admins(&h);
    crypto_generichash_final(&h, s.admins, sizeof s.admins);
    crypto_generichash_init(&h, NULL, 0, sizeof s.all);
    hash_admins(&h);
    hash_people(&h);
    crypto_generichash_final(&h, s.all, sizeof s.all);
    return s;
}

/* ---- asking ------------------------------------------------------------------------------------ */

static void ask(unsigned who, enum control_method method, const char *path, const char *query,
                const uint8_t *body, size_t len)
{
    static struct request q;
    struct state before = state_now();

    memset(&q, 0, sizeof q);
    q.method = method;
    q.peer = (struct ip_addr){.family = 4, .b = {10, 20, 0, 30}};
    snprintf(q.path, sizeof q.path, "%s", path);
    q.body = body;
    q.body_len = len;
    struct reply r = console_answer(L.e, &q, tokens[who], query);
    control_after(L.e);
    struct state after = state_now();
    must(memcmp(before.admins, after.admins, sizeof after.admins) == 0);
    if (who < 2)
        must(memcmp(before.all, after.all, sizeof after.all) == 0);
    if (who == 0)
        must(r.status >= 400 || strstr(path, "/v1/session/passkey/begin"));
    judge(&r);
    if (who > 0 && !session_find(L.e, tokens[who], &q.peer) && admin_active(user_by_name(L.e, names[who])))
        sign_in(who);                              /* who signed out, signs in again */
}

static void field(const uint8_t **p, const uint8_t *stop, char *out, size_t size)
{
    const uint8_t *at = memchr(*p, '\n', (size_t)(stop - *p));
    size_t n = (size_t)((at ? at : stop) - *p), keep = n < size ? n : size - 1;

    memcpy(out, *p, keep);
    out[keep] = '\0';
    *p = at ? at + 1 : stop;
}

static void one(const uint8_t *p, const uint8_t *stop)
{
    static const enum control_method methods[] = {CONTROL_GET, CONTROL_POST, CONTROL_PUT,
                                                  CONTROL_DELETE};
    char path[513], query[1025];

    if (stop - p < 3)
        return;
    unsigned who = *p++ & 3;
    enum control_method method = methods[*p++ & 3];
    field(&p, stop, path, sizeof path);
    field(&p, stop, query, sizeof query);
    ask(who, method, path, query, p, (size_t)(stop - p));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    begin(LAB_GATEWAY);
    people();
    for (const uint8_t *p = data, *stop = data + len; p < stop;) {
        const uint8_t *at = memchr(p, 0x1e, (size_t)(stop - p));
        one(p, at ? at : stop);
        (void)agree();
        p = at ? at + 1 : stop;
    }
    leave();
    return 0;
}
