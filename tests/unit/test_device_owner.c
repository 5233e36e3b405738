/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Devices that move in with the address they have, and wait for somebody they belong to. */
#include "tests/unit/engine_lab.h"

#define KEY1 "YWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWE="
#define KEY2 "YmJiYmJiYmJiYmJiYmJiYmJiYmJiYmJiYmJiYmJiYmI="

static struct lab L;

static int begin(void **state)
{
    (void)state;
    lab_new(&L);
    lab_start(&L, LAB_POLICY);
    lab_person(&L, "maria", "filing");
    return 0;
}

static int end(void **state)
{
    (void)state;
    lab_end(&L);
    return 0;
}

static void add(const char *name, const char *key, const char *more, int status)
{
    char body[256];

    snprintf(body, sizeof body, "{\"name\":\"%s\",\"wireguard_key\":\"%s\"%s}", name, key, more);
    lab_do(&L, CONTROL_POST, "/v1/devices", body, status);
}

static void is(const char *name, const char *member, const char *value)
{
    char path[128];

    snprintf(path, sizeof path, "/v1/devices/%s", name);
    json_t *o = lab_must(&L, CONTROL_GET, path, NULL, 200);
    assert_string_equal(lab_text(o, member), value);
    json_decref(o);
}

static void addresses_are_kept(void **state)
{
    static const struct { const char *what, *address; int status; } cases[] = {
        {"outside the network", "10.78.0.9", 400}, {"the gateway's own", "10.77.0.1", 400},
        {"the network's", "10.77.0.0", 400},       {"the broadcast address", "10.77.255.255", 400},
        {"no address", "10.77.0", 400},            {"free", "10.77.0.50", 201},
    };
    char more[64];

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        print_message("%s\n", cases[i].what);
        snprintf(more, sizeof more, ",\"address4\":\"%s\"", cases[i].address);
        add("old-laptop", KEY1, more, cases[i].status);
    }
    is("old-laptop", "address4", "10.77.0.50");
    is("old-laptop", "address6", "fd77:acc::32");
    add("other", KEY2, ",\"address4\":\"10.77.0.50\"", 409);
}

/* Numbers are given from the lowest, and pass over those that somebody brought along. */
static void others_pass_over_them(void **state)
{
    char name[16], key[KEY_TEXT];
    struct wg_key k = {0};

    (void)state;
    add("old-phone", KEY2, ",\"address4\":\"10.77.0.4\"", 201);
    for (unsigned i = 0; i < 3; i++) {
        k.b[0] = (uint8_t)(i + 1);
        snprintf(name, sizeof name, "new-%u", i);
        add(name, wg_key_print(&k, key), "", 201);
    }
    is("new-0", "address4", "10.77.0.2");
    is("new-1", "address4", "10.77.0.3");
    is("new-2", "address4", "10.77.0.5");
}

static void waits_for_an_owner(void **state)
{
    const struct dev *d;

    (void)state;
    add("old-laptop", KEY1, "", 201);
    is("old-laptop", "state", "quarantine");
    is("old-laptop", "reason", "no-role");
    is("old-laptop", "user", "");
    lab_do(&L, CONTROL_PUT, "/v1/devices/old-laptop/user", "{\"user\":\"mario\"}", 404);
    lab_do(&L, CONTROL_PUT, "/v1/devices/old-laptop/user", "{\"user\":\"maria\"}", 200);
    is("old-laptop", "user", "maria");
    is("old-laptop", "reason", "no-evidence");
    lab_do(&L, CONTROL_PUT, "/v1/devices/old-laptop/user", "{\"user\":\"maria\"}", 409);
    lab_restart(&L, LAB_POLICY);
    is("old-laptop", "user", "maria");
    d = dev_by_name(L.e, "old-laptop");
    assert_true(d->enrolled);
}

static void is_not_for_who_is_gone(void **state)
{
    (void)state;
    add("old-laptop", KEY1, "", 201);
    lab_do(&L, CONTROL_POST, "/v1/users/maria/revoke", "{}", 200);
    lab_do(&L, CONTROL_PUT, "/v1/devices/old-laptop/user", "{\"user\":\"maria\"}", 409);
    lab_restart(&L, LAB_POLICY);
    is("old-laptop", "user", "");
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(addresses_are_kept, begin, end),
        cmocka_unit_test_setup_teardown(others_pass_over_them, begin, end),
        cmocka_unit_test_setup_teardown(waits_for_an_owner, begin, end),
        cmocka_unit_test_setup_teardown(is_not_for_who_is_gone, begin, end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
