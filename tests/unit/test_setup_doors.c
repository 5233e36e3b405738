/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What setup writes of the doors: shut ones are comments, and without their '#' they are right, too. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "admin/cli/setup_doors.h"
#include "policy/address.h"
#include "policy/policy.h"

static struct diags diags;
static struct gateway_conf conf;

static struct nic nic(const char *address)
{
    struct nic n = {.name = "eth1", .up = true};

    if (*address)
        assert_true(prefix_parse(address, strlen(address), &n.net4));
    return n;
}

/* The lines in a file, with every "# " before a statement of ours taken away when `all`. */
static void parse(const struct doors *d, bool all)
{
    char *text = NULL, *at;
    size_t n;
    FILE *f = open_memstream(&text, &n);

    fputs("gateway g { tunnel wg0 { listen 51820 address 10.77.0.1/16\n", f);
    doors_tunnel(d, f);
    fputs("    } outside eth0 office eth1\n", f);
    doors_blocks(d, f);
    fputs("}\n", f);
    assert_int_equal(fclose(f), 0);
    static const char *const shut[] = {"# endpoint", "# dns", "# tls", "# enrol", "# console"};
    for (size_t i = 0; all && i < sizeof shut / sizeof *shut; i++)
        if ((at = strstr(text, shut[i])))
            *at = ' ';
    if (gateway_parse(text, strlen(text), &conf, &diags) != 0)
        fail_msg("%s in\n%s", diags.v[0].text, text);
    free(text);
}

static void shut(void **state)
{
    struct nic office = nic("10.20.0.1/24");
    struct doors d = {"", "", false, "51820", &office};

    (void)state;
    parse(&d, false);
    assert_string_equal(conf.handout.endpoint, "");
    assert_string_equal(conf.tls.name, "");
    assert_int_equal(conf.enrol_port, 0);
    assert_string_equal(conf.console.iface, "");
    parse(&d, true);
    assert_string_equal(conf.handout.endpoint, "access.example.com");
    assert_int_equal(conf.handout.n_dns, 1);
    assert_string_equal(conf.tls.name, "access.example.com");
    assert_int_equal(conf.enrol_port, 8443);
    assert_int_equal(conf.console.port, 8443);
}

static void open_(void **state)
{
    struct nic office = nic("10.20.3.7/22");
    struct doors d = {"gw.example.org:443", "9443", true, "51820", &office};

    (void)state;
    parse(&d, false);
    assert_string_equal(conf.handout.endpoint, "gw.example.org");
    assert_int_equal(conf.handout.endpoint_port, 443);
    assert_string_equal(conf.tls.name, "gw.example.org");
    assert_int_equal(conf.enrol_port, 9443);
    assert_string_equal(conf.console.iface, "eth1");
    assert_int_equal(conf.console.addr.b[3], 7);
    assert_int_equal(conf.console.from[0].len, 22);
    assert_int_equal(conf.console.from[0].addr.b[2], 0);
}

static void an_address_is_no_name(void **state)
{
    struct nic office = nic("");
    struct doors d = {"203.0.113.5", "8443", false, "51820", &office};

    (void)state;
    parse(&d, false);
    assert_string_equal(conf.handout.endpoint, "203.0.113.5");
    assert_string_equal(conf.tls.name, "");
    assert_int_equal(conf.enrol_port, 8443);
    assert_string_equal(conf.console.iface, "");
}

static void endpoints(void **state)
{
    static const struct { const char *text; bool good; } cases[] = {
        {"access.example.com", true}, {"203.0.113.5:51820", true}, {"[2001:db8::5]:1", true},
        {"", false}, {"none", true}, {"a b", false}, {"a } outside b", false}, {"a#", false},
        {"Access.example.com", false}, {"a:0", false}, {"a\n", false}, {"a\"b\"", false},
    };
    char why[192];

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const char *fault = doors_endpoint_fault(cases[i].text, why);
        if ((fault == NULL) != cases[i].good)
            fail_msg("'%s': %s", cases[i].text, fault ? fault : "taken");
        assert_true(!fault || strlen(fault) > 10);
    }
}

static void what_the_internet_reaches(void **state)
{
    static const struct { const char *address, *endpoint; } cases[] = {
        {"203.0.113.5/24", "203.0.113.5"}, {"8.8.4.4/30", "8.8.4.4"}, {"10.1.2.3/24", ""},
        {"172.31.0.9/16", ""}, {"172.32.0.9/16", "172.32.0.9"}, {"192.168.1.2/24", ""},
        {"100.64.0.2/24", ""}, {"169.254.7.7/16", ""}, {"", ""},
    };
    char out[ADDR_TEXT];

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct nic n = nic(cases[i].address);
        assert_string_equal(doors_public(&n, out), cases[i].endpoint);
    }
    assert_string_equal(doors_public(NULL, out), "");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(shut),      cmocka_unit_test(open_),
        cmocka_unit_test(endpoints), cmocka_unit_test(an_address_is_no_name),
        cmocka_unit_test(what_the_internet_reaches),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
