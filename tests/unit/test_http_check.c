/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The strict readers of paths, hosts, origins, names and lengths. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "gateway/http_check.h"
#include "policy/address.h"

static void targets(void **state)
{
    (void)state;
    static const struct {
        const char *in;
        enum http_target_error rc;
        const char *path, *query;
    } cases[] = {
        {"/", HTTP_TARGET_OK, "/", ""},
        {"/v1/status", HTTP_TARGET_OK, "/v1/status", ""},
        {"/v1/users/a.b-c_d~e@f:g", HTTP_TARGET_OK, "/v1/users/a.b-c_d~e@f:g", ""},
        {"/v1/users?limit=5&after=a%20b", HTTP_TARGET_OK, "/v1/users", "limit=5&after=a%20b"},
        {"/v1/users?", HTTP_TARGET_OK, "/v1/users", ""},
        {"/v1/users?a?b", HTTP_TARGET_OK, "/v1/users", "a?b"},
        {"/...", HTTP_TARGET_OK, "/...", ""},
        {"", HTTP_TARGET_FORM, "", ""},
        {"*", HTTP_TARGET_FORM, "", ""},
        {"v1", HTTP_TARGET_FORM, "", ""},
        {"//", HTTP_TARGET_FORM, "", ""},
        {"/v1/", HTTP_TARGET_FORM, "", ""},
        {"/v1//a", HTTP_TARGET_FORM, "", ""},
        {"/.", HTTP_TARGET_FORM, "", ""},
        {"/v1/..", HTTP_TARGET_FORM, "", ""},
        {"/v1/../a", HTTP_TARGET_FORM, "", ""},
        {"/v1/%61", HTTP_TARGET_FORM, "", ""},
        {"/v1/a b", HTTP_TARGET_FORM, "", ""},
        {"/v1/a\\b", HTTP_TARGET_FORM, "", ""},
        {"/v1/a#b", HTTP_TARGET_FORM, "", ""},
        {"/v1/a?b#c", HTTP_TARGET_FORM, "", ""},
        {"/v1/a?b\tc", HTTP_TARGET_FORM, "", ""},
        {"/v1/\xc3\xa9", HTTP_TARGET_FORM, "", ""},
        {"/v1/a?\xc3\xa9", HTTP_TARGET_FORM, "", ""},
        {"http://x/v1", HTTP_TARGET_FORM, "", ""},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct http_target t;
        if (http_target_split(cases[i].in, &t) != cases[i].rc)
            fail_msg("'%s'", cases[i].in);
        assert_string_equal(t.path, cases[i].path);
        assert_string_equal(t.query, cases[i].query);
    }
}

static void target_lengths(void **state)
{
    (void)state;
    static const struct {
        size_t path, query;
        enum http_target_error rc;
    } cases[] = {
        {HTTP_PATH_MAX, 0, HTTP_TARGET_OK},
        {HTTP_PATH_MAX + 1, 0, HTTP_TARGET_TOO_LONG},
        {HTTP_PATH_MAX, HTTP_QUERY_MAX, HTTP_TARGET_OK},
        {HTTP_PATH_MAX, HTTP_QUERY_MAX + 1, HTTP_TARGET_TOO_LONG},
        {5, 100000, HTTP_TARGET_TOO_LONG},
    };
    static char text[200000];
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct http_target t;
        memset(text, 'a', sizeof text);
        text[0] = '/';
        text[cases[i].path] = cases[i].query ? '?' : '\0';
        text[cases[i].path + 1 + cases[i].query] = '\0';
        assert_int_equal(http_target_split(text, &t), cases[i].rc);
        if (cases[i].rc == HTTP_TARGET_OK)
            assert_int_equal(strlen(t.path) + strlen(t.query), cases[i].path + cases[i].query);
    }
}

static struct ip_addr addr(const char *text)
{
    struct ip_addr a = {0};
    assert_true(ip_parse(text, strlen(text), &a));
    return a;
}

static void hosts(void **state)
{
    (void)state;
    static const struct {
        const char *host, *local;
        uint16_t port;
        bool ok;
    } cases[] = {
        {"10.77.0.1", "10.77.0.1", 80, true},
        {"10.77.0.1:80", "10.77.0.1", 80, true},
        {"10.77.0.1:8080", "10.77.0.1", 8080, true},
        {"[fd77:acc::1]", "fd77:acc::1", 80, true},
        {"[fd77:acc::1]:80", "fd77:acc::1", 80, true},
        {"[fd77:acc:0::1]", "fd77:acc::1", 80, true},
        {"10.77.0.1", "10.77.0.1", 8080, false},
        {"10.77.0.1:", "10.77.0.1", 80, false},
        {"10.77.0.1:080", "10.77.0.1", 80, false},
        {"10.77.0.1:65616", "10.77.0.1", 80, false},
        {"10.77.0.1:80:80", "10.77.0.1", 80, false},
        {"10.77.0.1.", "10.77.0.1", 80, false},
        {"10.77.0.2", "10.77.0.1", 80, false},
        {"010.77.0.1", "10.77.0.1", 80, false},
        {" 10.77.0.1", "10.77.0.1", 80, false},
        {"10.77.0.1 ", "10.77.0.1", 80, false},
        {"[10.77.0.1]", "10.77.0.1", 80, false},
        {"fd77:acc::1", "fd77:acc::1", 80, false},
        {"[fd77:acc::1", "fd77:acc::1", 80, false},
        {"[fd77:acc::1]x", "fd77:acc::1", 80, false},
        {"[fd77:acc::1%25wg0]", "fd77:acc::1", 80, false},
        {"attacker.example", "10.77.0.1", 80, false},
        {"a@10.77.0.1", "10.77.0.1", 80, false},
        {"localhost", "127.0.0.1", 80, false},
        {"", "10.77.0.1", 80, false},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct ip_addr local = addr(cases[i].local);
        char origin[128] = "http://";
        strcat(origin, cases[i].host);
        if (http_host_is(cases[i].host, &local, cases[i].port) != cases[i].ok)
            fail_msg("host '%s'", cases[i].host);
        if (http_origin_is(origin, &local, cases[i].port) != cases[i].ok)
            fail_msg("origin '%s'", origin);
    }
}

static void origins(void **state)
{
    (void)state;
    struct ip_addr local = addr("10.77.0.1");
    static const char *const refused[] = {
        "null",
        "",
        "10.77.0.1",
        "https://10.77.0.1",
        "http://",
        "HTTP://10.77.0.1",
        "http://10.77.0.1/",
        "http://attacker.example",
        "http://10.77.0.1 http://x",
    };
    for (size_t i = 0; i < sizeof refused / sizeof *refused; i++)
        if (http_origin_is(refused[i], &local, 80))
            fail_msg("'%s'", refused[i]);
}

/* By TLS a server has names, too: a whole one, with its port, in any case of letters. */
static void names_by_tls(void **state)
{
    static const struct { const char *host; uint16_t port; bool ok; } cases[] = {
        {"access.example.com:8443", 8443, true},   {"ACCESS.example.COM:8443", 8443, true},
        {"access.example.com", 443, true},         {"access.example.com:443", 443, true},
        {"access.example.com", 8443, false},       {"access.example.com:443", 8443, false},
        {"access.example.com:08443", 8443, false}, {"access.example.com:8443x", 8443, false},
        {"access.example.com.:8443", 8443, false}, {"xaccess.example.com:8443", 8443, false},
        {"access.example.com.evil.example:8443", 8443, false},
        {"access.example.comevil:8443", 8443, false}, {"access.example.com@evil:8443", 8443, false},
        {"access.example.com:8443:8443", 8443, false}, {":8443", 8443, false}, {"", 443, false},
        {"[2001:db8::7]:8443", 8443, true},        {"2001:db8::7:8443", 8443, false},
        {"[2001:db8::8]:8443", 8443, false},       {"10.20.0.1:8443", 8443, true},
        {"10.20.0.2:8443", 8443, false},           {"10.20.0.1", 80, false},
    };
    const struct ip_addr local = {4, {10, 20, 0, 1}};
    char origin[300];
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const struct http_self self = {&local, cases[i].port, {"access.example.com", "2001:db8::7"}};
        snprintf(origin, sizeof origin, "https://%s", cases[i].host);
        if (https_host_is(cases[i].host, &self) != cases[i].ok)
            fail_msg("host '%s'", cases[i].host);
        if (https_origin_is(origin, &self) != cases[i].ok)
            fail_msg("origin '%s'", origin);
        if (https_origin_is(origin + 1, &self) || https_origin_is(cases[i].host, &self))
            fail_msg("without its scheme '%s'", origin);
    }
    assert_true(http_name_is("access.example.com", "access.example.com", 80));
    assert_true(http_name_is("Access.example.com:8080", "access.example.com", 8080));
    assert_false(http_name_is("access.example.com", "access.example.com", 8080));
    assert_false(http_name_is("access.example.com.evil", "access.example.com", 80));
    assert_false(http_name_is("", "", 80));
    const struct http_self nameless = {&local, 443, {"", NULL}};
    assert_true(https_host_is("10.20.0.1", &nameless));
    assert_false(https_host_is("", &nameless));
    assert_false(https_host_is(":443", &nameless));
}

static void actors(void **state)
{
    (void)state;
    char text[HTTP_ACTOR_MAX + 2];
    memset(text, 'a', sizeof text);
    text[HTTP_ACTOR_MAX + 1] = '\0';
    assert_false(http_actor_valid(text));
    text[HTTP_ACTOR_MAX] = '\0';
    assert_true(http_actor_valid(text));
    assert_true(http_actor_valid("J.Doe-1_x@corp"));
    static const char *const refused[] = {"", " a", "a b", "a\n", "a:b", "\xc3\xa9", "a/b", "a'b"};
    for (size_t i = 0; i < sizeof refused / sizeof *refused; i++)
        if (http_actor_valid(refused[i]))
            fail_msg("'%s'", refused[i]);
}

static void lengths(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        bool ok;
        uint64_t v;
    } cases[] = {
        {"0", true, 0},
        {"8192", true, 8192},
        {"0008", true, 8},
        {"999999999999", true, 999999999999},
        {"1000000000000", false, 0},
        {"", false, 0},
        {"+1", false, 0},
        {"-1", false, 0},
        {"1 ", false, 0},
        {" 1", false, 0},
        {"1,1", false, 0},
        {"0x1", false, 0},
        {"1e3", false, 0},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        uint64_t v = 0;
        if (http_length_parse(cases[i].text, &v) != cases[i].ok || v != cases[i].v)
            fail_msg("'%s'", cases[i].text);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(targets), cmocka_unit_test(target_lengths), cmocka_unit_test(hosts),
        cmocka_unit_test(origins), cmocka_unit_test(names_by_tls), cmocka_unit_test(actors),         cmocka_unit_test(lengths),
    };
    return cmocka_run_group_tests_name("http_check", tests, NULL, NULL);
}
