/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * An engine with a door to enrol by, and a person who is invited.
 */
#ifndef TESTS_ENROL_LAB_H
#define TESTS_ENROL_LAB_H

#include <sqlite3.h>

#include "gateway/engine_enrol.h"
#include "tests/unit/engine_lab.h"

#define GATEWAY "gateway hq { tunnel wg0 { listen 51820 address 10.77.0.1/16, fd77:acc::1/64 "     \
                "mtu 1420 portal 80 endpoint access.example.com dns 10.20.0.53 } outside eth0 "    \
                "office eth1 { masquerade } log { group 77 rate 100 } clock host "                 \
                "enrol { listen 8443 } }\n"
#define APPROVE LAB_POLICY "enrolment { at most 2 devices approve every device invitation 2h }\n"

static struct lab L;
static const struct ip_addr HOME = {4, {203, 0, 113, 9}};

static inline void start(const char *policy)
{
    assert_int_equal(lab_try(&L, GATEWAY, policy, "boot-1"), 0);
}

static inline void restart(const char *policy, const char *boot)
{
    lab_stop(&L);
    dataplane_clear(&L.dp);
    assert_int_equal(lab_try(&L, GATEWAY, policy, boot), 0);
}

static inline int begin(void **state)
{
    (void)state;
    lab_new(&L);
    start(LAB_POLICY);
    lab_do(&L, CONTROL_POST, "/v1/users",
           "{\"name\":\"maria\",\"full_name\":\"Maria Lopez\",\"roles\":[\"filing\"]}", 201);
    lab_person(&L, "otto", "warehouse");
    return 0;
}

static inline int end(void **state)
{
    (void)state;
    lab_end(&L);
    return 0;
}

/* ---- asking --------------------------------------------------------------------------------- */

struct given { int64_t id; char token[INVITE_TOKEN + 1], pin[TLS_PIN], code[64]; };

static inline struct given invite(const char *user, const char *body)
{
    static const char link[] = "https://access.example.com:8443/enrol#";
    struct given g = {0};
    char path[128];

    snprintf(path, sizeof path, "/v1/users/%s/invite", user);
    json_t *o = lab_must(&L, CONTROL_POST, path, body, 201);
    const char *s = lab_text(o, "link");
    assert_memory_equal(s, link, sizeof link - 1);
    assert_int_equal(strlen(s), sizeof link - 1 + INVITE_TOKEN + 1 + TLS_PIN - 1);
    const char *words = strchr(s, '#') + 1;
    assert_int_equal(sscanf(words, "%26[A-Z2-9].%43[A-Za-z0-9_-]", g.token, g.pin), 2);
    snprintf(g.code, sizeof g.code, "%s", lab_text(o, "code"));
    assert_string_equal(lab_text(o, "user"), user);
    g.id = json_integer_value(json_object_get(o, "id"));
    json_decref(o);
    return g;
}

static inline const char *key_of(const char *seed)
{
    static char text[64];
    uint8_t key[32];

    crypto_generichash(key, sizeof key, (const uint8_t *)seed, strlen(seed), NULL, 0);
    sodium_bin2base64(text, sizeof text, key, 32, sodium_base64_VARIANT_ORIGINAL);
    return text;
}

static inline void tries_again(void) { memset(&L.e->enrol_limits, 0, sizeof L.e->enrol_limits); }

/* `more`: further members, with their comma. */
static inline json_t *redeem_from(const struct ip_addr *from, const char *token, const char *code,
                           const char *key, const char *more, int *status)
{
    char body[1024];

    snprintf(body, sizeof body, "{\"token\":\"%s\",\"code\":\"%s\",\"wireguard_key\":\"%s\"%s}",
             token, code, key_of(key), more);
    struct reply r = enrol_answer(L.e, from, (const uint8_t *)body, strlen(body));
    *status = r.status;
    return r.body;
}

static inline json_t *redeem(const struct given *g, const char *key, const char *more, int want)
{
    int status;
    json_t *o = redeem_from(&HOME, g->token, g->code, key, more, &status);

    if (status != want) {
        char *text = json_dumps(o, 0);
        fail_msg("%d and not %d: %s", status, want, text);
    }
    return o;
}

static inline void must(const struct given *g, const char *key, const char *more, int want,
                 const char *code)
{
    json_t *o = redeem(g, key, more, want);

    if (want != 201)
        assert_string_equal(lab_text(json_object_get(o, "error"), "code"), code);
    json_decref(o);
}

/* The wall clock's time of all invitations, this much earlier. */
static inline void age(int64_t seconds)
{
    char sql[200];
    sqlite3 *db;

    lab_stop(&L);
    dataplane_clear(&L.dp);
    assert_int_equal(sqlite3_open("portcullis.db", &db), SQLITE_OK);
    snprintf(sql, sizeof sql, "UPDATE invites SET made = made - %lld, until = until - %lld",
             (long long)seconds, (long long)seconds);
    assert_int_equal(sqlite3_exec(db, sql, NULL, NULL, NULL), SQLITE_OK);
    sqlite3_close(db);
    start(LAB_POLICY);
}

static inline const char *state_of(const struct given *g)
{
    static char state[16];
    json_t *o = lab_must(&L, CONTROL_GET, "/v1/invites", NULL, 200), *one;
    size_t i;

    state[0] = '\0';
    json_array_foreach(json_object_get(o, "items"), i, one)
        if (json_integer_value(json_object_get(one, "id")) == g->id)
            snprintf(state, sizeof state, "%s", lab_text(one, "state"));
    json_decref(o);
    return state;
}

static inline void withdraw(const struct given *g, int want)
{
    char path[64];

    snprintf(path, sizeof path, "/v1/invites/%lld/withdraw", (long long)g->id);
    lab_do(&L, CONTROL_POST, path, NULL, want);
}

/* How often it was recorded as refused for this reason. */
static inline int64_t attempts_of(const char *reason, const char *user)
{
    char path[] = "/v1/attempts", query[96];
    int status;
    int64_t n = 0;
    size_t i;
    json_t *one;

    attempts_keep(L.e);
    snprintf(query, sizeof query, "kind=enrol&reason=%s", reason);
    json_t *o = lab_ask(&L, CONTROL_GET, path, query, NULL, &status);
    assert_int_equal(status, 200);
    json_array_foreach(json_object_get(o, "items"), i, one) {
        assert_string_equal(lab_text(one, "user"), user);
        assert_string_equal(lab_text(one, "source"), "203.0.113.9");
        n += json_integer_value(json_object_get(one, "count"));
    }
    json_decref(o);
    return n;
}

#define CASE(f) cmocka_unit_test_setup_teardown(f, begin, end)

#endif
