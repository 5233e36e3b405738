/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What an invitation may become: keys, names, numbers, approval; limits, secrets, addresses. */
#include "tests/unit/enrol_lab.h"

#include <dirent.h>

/* ---- keys, names, numbers ------------------------------------------------------------------- */

static void keys_are_used_once(void **state)
{
    struct given g = invite("maria", "{}"), again = invite("maria", "{}");
    struct given otto = invite("otto", "{}");
    char body[512];

    (void)state;
    must(&g, "laptop", "", 201, "");
    must(&otto, "laptop", "", 409, "key_exists");        /* somebody else's, in force */
    lab_do(&L, CONTROL_POST, "/v1/devices/maria-1/lost", "{}", 200);
    must(&again, "laptop", "", 409, "key_exists");       /* her own, which has ended: for good */
    restart(LAB_POLICY, "boot-1");
    must(&again, "laptop", "", 409, "key_exists");
    lab_do(&L, CONTROL_POST, "/v1/devices/maria-1/retire", "{}", 200);
    must(&otto, "laptop", "", 409, "key_exists");
    attempts_keep(L.e);
    snprintf(body, sizeof body, "{\"token\":\"%s\",\"code\":\"%s\",\"wireguard_key\":"
             "\"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\"}", again.token, again.code);
    struct reply r = enrol_answer(L.e, &HOME, (const uint8_t *)body, strlen(body));
    assert_string_equal(lab_text(json_object_get(r.body, "error"), "code"), "bad_key");
    json_decref(r.body);
    must(&again, "new", "", 201, "");                    /* the invitation was not used up */
}

static void names_are_given_chosen_or_made(void **state)
{
    static const struct {
        const char *invite, *more, *want;
        int status;
        const char *code;
    } cases[] = {
        {"{}", "", "maria-1", 201, ""},
        {"{}", "", "maria-2", 201, ""},
        {"{}", ",\"name\":\"\"", "maria-3", 201, ""},
        {"{}", ",\"name\":\"phone\"", "maria-phone", 201, ""},
        {"{}", ",\"name\":\"phone\"", NULL, 409, "name_taken"},
        {"{}", ",\"name\":\"maria-tablet\"", "maria-tablet", 201, ""},
        {"{}", ",\"name\":\"otto-laptop\"", "maria-otto-laptop", 201, ""},
        {"{}", ",\"name\":\"Laptop\"", NULL, 400, "bad_name"},
        {"{}", ",\"name\":\"-x\"", NULL, 400, "bad_name"},
        {"{}", ",\"name\":\"a/../b\"", NULL, 400, "bad_name"},
        {"{}", ",\"name\":\"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\"", NULL,
         400, "bad_name"},
        {"{\"device\":\"desk-4\"}", ",\"name\":\"mine\"", "desk-4", 201, ""},
        {"{}", ",\"colour\":\"red\"", NULL, 400, "unknown_member"},
        {"{}", ",\"issuer\":7", NULL, 400, "bad_member"},
    };
    char key[16];

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct given g = invite("maria", cases[i].invite);
        snprintf(key, sizeof key, "key-%zu", i);
        json_t *o = redeem(&g, key, cases[i].more, cases[i].status);
        if (cases[i].want)
            assert_string_equal(lab_text(o, "device"), cases[i].want);
        else
            assert_string_equal(lab_text(json_object_get(o, "error"), "code"), cases[i].code);
        json_decref(o);
        tries_again();
        if (!cases[i].want)
            withdraw(&g, 200);
    }
    /* Two invitations for one name: the second is made up. */
    struct given a = invite("maria", "{\"device\":\"desk-5\"}");
    struct given b = invite("otto", "{\"device\":\"desk-5\"}");
    must(&a, "a", "", 201, "");
    json_t *o = redeem(&b, "b", "", 201);
    assert_string_equal(lab_text(o, "device"), "otto-1");
    json_decref(o);
    lab_do(&L, CONTROL_POST, "/v1/users/otto/invite", "{\"device\":\"desk-5\"}", 409);
    lab_do(&L, CONTROL_POST, "/v1/users/otto/invite", "{\"device\":\"../x\"}", 400);
    lab_do(&L, CONTROL_POST, "/v1/users/otto/invite", "{\"valid_s\":1}", 400);
    lab_do(&L, CONTROL_POST, "/v1/users/otto/invite", "{\"own\":\"mine\"}", 400);
    tries_again();
    a = invite("otto", "{\"own\":\"byod\"}");
    must(&a, "own", "", 201, "");
    assert_true(!dev_by_name(L.e, "otto-2")->corp && dev_by_name(L.e, "otto-1")->corp);
}

static void a_signing_key_comes_along(void **state)
{
    struct given g = invite("maria", "{}"), more = invite("maria", "{}");
    const char *issuer = ",\"issuer\":{\"kid\":\"maria-1\",\"alg\":\"Ed25519\",\"key\":"
                         "\"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo\"}";

    (void)state;
    must(&g, "laptop", issuer, 201, "");
    const struct token_key *k = key_by_kid(L.e, "maria-1");
    assert_true(k && k->kind == ISSUER_DEVICE && k->assurance_max == 1 && k->nonce_required);
    assert_string_equal(k->iss, "maria-1");
    must(&more, "other", issuer, 409, "kid_exists");     /* told to who is invited alone */
    more.code[0] = more.code[0] == '9' ? '0' : '9';
    must(&more, "other", issuer, 403, "wrong_code");
}

static void people_have_so_many_devices(void **state)
{
    (void)state;
    restart(APPROVE, "boot-1");
    lab_do(&L, CONTROL_POST, "/v1/policy/apply", APPROVE, 200);
    struct given a = invite("maria", "{}"), b = invite("maria", "{}"), c = invite("maria", "{}");
    must(&a, "a", "", 201, "");
    must(&b, "b", "", 201, "");
    must(&c, "c", "", 409, "device_limit");
    lab_do(&L, CONTROL_POST, "/v1/users/maria/invite", "{}", 409);
    char body[256];                                      /* and no admin makes an exception */
    snprintf(body, sizeof body, "{\"name\":\"more\",\"user\":\"maria\",\"wireguard_key\":\"%s\"}",
             key_of("more"));
    lab_do(&L, CONTROL_POST, "/v1/devices", body, 409);
    lab_do(&L, CONTROL_POST, "/v1/devices/maria-1/retire", "{}", 200);
    must(&c, "c", "", 201, "");                          /* one that ended does not count */
}

static void an_admin_approves(void **state)
{
    (void)state;
    lab_do(&L, CONTROL_POST, "/v1/policy/apply", APPROVE, 200);
    struct given g = invite("maria", "{}");
    json_t *o = redeem(&g, "laptop", "", 201);
    assert_string_equal(lab_text(o, "state"), "waiting");
    json_decref(o);
    struct dev *d = dev_by_name(L.e, "maria-1");
    assert_true(!d->approved && d->enrolled && d->reason == DECIDE_APPROVAL);
    restart(APPROVE, "boot-1");
    assert_false(dev_by_name(L.e, "maria-1")->approved);
    lab_do(&L, CONTROL_POST, "/v1/devices/maria-1/approve", NULL, 200);
    lab_do(&L, CONTROL_POST, "/v1/devices/maria-1/approve", NULL, 409);
    lab_do(&L, CONTROL_POST, "/v1/devices/maria-9/approve", NULL, 404);
    d = dev_by_name(L.e, "maria-1");
    assert_true(d->approved && d->reason == DECIDE_NO_EVIDENCE);
}

/* ---- limits, secrets, addresses ------------------------------------------------------------- */

static void tries_are_few(void **state)
{
    struct given none = {.code = "1234 5678"};
    struct ip_addr six = {6, {0x20, 1, 0xd, 0xb8}};
    int status;

    (void)state;
    memset(none.token, 'A', INVITE_TOKEN);
    for (int i = 0; i < ENROL_BURST; i++)
        must(&none, "x", "", 403, "no_invitation");
    must(&none, "x", "", 429, "rate_limited");
    assert_int_equal(attempts_of("enrol-too-often", ""), 1);
    for (int i = 0; i <= ENROL_BURST; i++) {             /* the addresses of one /64 are one */
        six.b[15] = (uint8_t)i;
        json_decref(redeem_from(&six, none.token, none.code, "x", "", &status));
        assert_int_equal(status, i < ENROL_BURST ? 403 : 429);
    }
    for (int i = 0; i < ENROL_ALL_BURST; i++) {          /* and all together have an end */
        six.b[7] = (uint8_t)(1 + i);
        json_decref(redeem_from(&six, none.token, none.code, "x", "", &status));
    }
    assert_int_equal(status, 429);
}

static unsigned files_with(const char *needle)
{
    DIR *dir = opendir(".");
    struct dirent *one;
    unsigned n = 0;

    while ((one = readdir(dir))) {
        FILE *f = fopen(one->d_name, "r");
        static char all[4 << 20];
        size_t len = f ? fread(all, 1, sizeof all, f) : 0;
        n += len > 0 && memmem(all, len, needle, strlen(needle)) != NULL;
        if (f)
            fclose(f);
    }
    closedir(dir);
    return n;
}

static void nobody_reads_it_from_the_disk(void **state)
{
    struct given g = invite("maria", "{\"device\":\"desk-4\"}");
    char digits[80];

    (void)state;
    snprintf(digits, sizeof digits, "%.4s%s", g.code, g.code + 5);
    lab_stop(&L);
    dataplane_clear(&L.dp);
    assert_true(files_with("desk-4") > 0);               /* it would be found */
    assert_int_equal(files_with(g.token), 0);
    assert_int_equal(files_with(g.code), 0);
    assert_int_equal(files_with(digits), 0);
}

/* Whatever becomes of devices, an index is given once: nobody gets an address by which a lease or
 * a connection of another's device could still be answered. */
static void addresses_are_never_used_again(void **state)
{
    char key[16], path[128];
    bool seen[64] = {0};

    (void)state;
    for (unsigned i = 0; i < 12; i++) {
        struct given g = invite("maria", "{}");
        snprintf(key, sizeof key, "key-%u", i);
        json_t *o = redeem(&g, key, "", 201);
        struct dev *d = dev_by_name(L.e, lab_text(o, "device"));
        assert_true(d->k.index < 64 && !seen[d->k.index]);
        seen[d->k.index] = true;
        snprintf(path, sizeof path, "/v1/devices/%s/%s", d->name,
                 (const char *[]){"revoke", "lost", "retire"}[i % 3]);
        lab_do(&L, CONTROL_POST, path, "{}", 200);
        json_decref(o);
        tries_again();
        if (i % 4 == 3)
            restart(LAB_POLICY, i % 8 == 3 ? "boot-1" : "boot-2");
    }
    /* And where an admin asks for the address of one that has ended. */
    char body[256];
    snprintf(body, sizeof body, "{\"name\":\"taker\",\"user\":\"otto\",\"wireguard_key\":\"%s\","
             "\"address4\":\"10.77.0.2\"}", key_of("taker"));
    lab_do(&L, CONTROL_POST, "/v1/devices", body, 409);
}

#define MOVED(net4, net6) "gateway hq { tunnel wg0 { listen 51820 address " net4 ", " net6           \
                          " mtu 1420 portal 80 } outside eth0 office eth1 clock host }\n"

/* Nor by moving the networks below devices, while connections of that boot may live. */
static void networks_do_not_move_below_devices(void **state)
{
    static const struct { const char *what, *gateway, *boot; int rc; } cases[] = {
        {"as it was", MOVED("10.77.0.1/16", "fd77:acc::1/64"), "boot-1", 0},
        {"longer, from the same beginning", MOVED("10.77.0.1/20", "fd77:acc::1/96"), "boot-1", 0},
        {"another gateway address in it", MOVED("10.77.15.9/20", "fd77:acc::1/96"), "boot-1", 0},
        {"v4 begins elsewhere", MOVED("10.76.0.1/15", "fd77:acc::1/64"), "boot-1", -1},
        {"v6 begins elsewhere", MOVED("10.77.0.1/16", "fd77:acd::1/64"), "boot-1", -1},
        {"after a boot it may", MOVED("10.76.0.1/15", "fd77:acd::1/64"), "boot-2", 0},
        {"and not back", MOVED("10.77.0.1/16", "fd77:acd::1/64"), "boot-2", -1},
    };
    struct given g = invite("maria", "{}");

    (void)state;
    must(&g, "laptop", "", 201, "");
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        lab_stop(&L);
        dataplane_clear(&L.dp);
        int rc = lab_try(&L, cases[i].gateway, LAB_POLICY, cases[i].boot);
        if (rc != cases[i].rc)
            fail_msg("%s: %d %s", cases[i].what, rc, L.failed);
    }
}

static void bad_messages_are_refused(void **state)
{
    static const struct { uint8_t verb, family; size_t spare; } cases[] = {
        {0, 4, 0}, {2, 4, 0}, {ENROL_REDEEM, 0, 0}, {ENROL_REDEEM, 4, 1}};

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct ip_addr from = {cases[i].family, {0}};
        struct message m = {.type = MSG_ENROL, .fd = -1};
        struct writer w;
        writer_init(&w, 1024);
        put_addr(&w, &from);
        put_u8(&w, cases[i].verb);
        put_blob(&w, "{}", 2);
        m.body = w.v;
        m.len = w.n + cases[i].spare;
        assert_int_equal(enrol_message(L.e, &m), -1);
        writer_clear(&w);
    }
}

static void without_a_door_nobody_is_invited(void **state)
{
    (void)state;
    lab_stop(&L);
    dataplane_clear(&L.dp);
    assert_int_equal(lab_try(&L, LAB_GATEWAY, LAB_POLICY, "boot-1"), 0);
    json_t *o = lab_must(&L, CONTROL_POST, "/v1/users/maria/invite", "{}", 409);
    assert_string_equal(lab_text(json_object_get(o, "error"), "code"), "no_enrol_door");
    json_decref(o);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(keys_are_used_once),
        CASE(names_are_given_chosen_or_made),
        CASE(a_signing_key_comes_along),
        CASE(people_have_so_many_devices),
        CASE(an_admin_approves),
        CASE(tries_are_few),
        CASE(nobody_reads_it_from_the_disk),
        CASE(addresses_are_never_used_again),
        CASE(networks_do_not_move_below_devices),
        CASE(bad_messages_are_refused),
        CASE(without_a_door_nobody_is_invited),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
