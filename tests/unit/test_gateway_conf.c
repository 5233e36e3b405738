/* SPDX-License-Identifier: GPL-2.0-or-later */
/* gateway.conf: what is taken and becomes what, and what is refused. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "policy/address.h"
#include "policy/policy.h"

static struct diags diags;

static int parse(const char *text, struct gateway_conf *conf)
{
    return gateway_parse(text, strlen(text), conf, &diags);
}

static void shortest(void **state)
{
    struct gateway_conf c;

    (void)state;
    if (parse("gateway hq { tunnel wg0 { listen 51820 address 10.77.0.1/16 } outside eth0 office "
              "eth1 }",
              &c) != 0)
        fail_msg("%s", diags.v[0].text);
    assert_string_equal(c.name, "hq");
    assert_string_equal(c.tunnel.iface, "wg0");
    assert_int_equal(c.tunnel.listen_port, 51820);
    assert_int_equal(c.tunnel.net4.len, 16);
    assert_int_equal(c.tunnel.net4.addr.b[3], 1); /* host bits are kept */
    assert_int_equal(c.tunnel.net6.addr.family, 0);
    assert_string_equal(c.tunnel.outside, "eth0");
    assert_int_equal(c.tunnel.n_office, 1);
    assert_string_equal(c.tunnel.office[0].name, "eth1");
    assert_false(c.tunnel.office[0].masquerade);
    assert_int_equal(c.tunnel.mtu, 1420);
    assert_int_equal(c.tunnel.portal_port, 80);
    assert_int_equal(c.tunnel.nflog_group, 77);
    assert_int_equal(c.tunnel.log_rate, 100);
    assert_false(c.tunnel.flowtable);
    assert_false(c.clock_host);
    assert_int_equal(c.keep_acts.s, 1826 * 86400);
    assert_int_equal(c.keep_packets.s, 90 * 86400);
}

static void how_long_records_stay(void **state)
{
    static const struct { const char *what, *keep; int rc; int64_t acts, packets; } cases[] = {
        {"both", "keep { acts 2600d packets 2w }", 0, 2600, 14},
        {"one", "keep { packets 30d }", 0, 1826, 30},
        {"acts for less than a year", "keep { acts 364d }", -1, 0, 0},
        {"packets for less than a day", "keep { packets 23h }", -1, 0, 0},
        {"twice", "keep { acts 400d acts 400d }", -1, 0, 0},
        {"for ever and a day", "keep { acts 99999d }", -1, 0, 0}};
    struct gateway_conf c;
    char text[256];

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        snprintf(text, sizeof text, "gateway hq { tunnel wg0 { listen 51820 address 10.77.0.1/16 } "
                 "outside eth0 office eth1 %s }", cases[i].keep);
        if (parse(text, &c) != cases[i].rc)
            fail_msg("%s", cases[i].what);
        if (cases[i].rc < 0)
            continue;
        assert_int_equal(c.keep_acts.s, cases[i].acts * 86400);
        assert_int_equal(c.keep_packets.s, cases[i].packets * 86400);
    }
}

static void shipped(void **state)
{
    static char text[8192];
    FILE *f = fopen("deploy/examples/gateway.conf", "r");
    struct gateway_conf c;
    char address[ADDR_TEXT];
    size_t n;

    (void)state;
    if (!f)
        fail_msg("cannot open deploy/examples/gateway.conf (run me from the top folder)");
    n = fread(text, 1, sizeof text - 1, f);
    fclose(f);
    text[n] = '\0';
    assert_int_equal(parse(text, &c), 0);
    assert_int_equal(diags.warnings, 0);
    assert_string_equal(c.name, "hq-edge-1");
    assert_string_equal(ip_print(&c.tunnel.net6.addr, address), "fd77:acc::1");
    assert_true(c.tunnel.office[0].masquerade);
}

static void everything(void **state)
{
    struct gateway_conf c;

    (void)state;
    if (parse("gateway g { outside wan.100 office lan0 { masquerade } office lan1\n"
              "log { rate 5 group 9 } tunnel wg-staff { address fd77::1/64 address 10.1.2.3/24\n"
              "mtu 1280 portal 8080 flowtable listen 1 } }",
              &c) != 0)
        fail_msg("%s", diags.v[0].text);
    assert_int_equal(c.tunnel.n_office, 2);
    assert_true(c.tunnel.office[0].masquerade && !c.tunnel.office[1].masquerade);
    assert_string_equal(c.tunnel.outside, "wan.100");
    assert_int_equal(c.tunnel.net6.len, 64);
    assert_int_equal(c.tunnel.net4.addr.b[0], 10);
    assert_int_equal(c.tunnel.mtu, 1280);
    assert_int_equal(c.tunnel.portal_port, 8080);
    assert_int_equal(c.tunnel.nflog_group, 9);
    assert_int_equal(c.tunnel.log_rate, 5);
    assert_true(c.tunnel.flowtable);
}

/* WebAuthn wants a name and TLS: with a name the portal is there by both. */
static void portal_by_tls(void **state)
{
    struct gateway_conf c;

    (void)state;
    assert_int_equal(parse("gateway g { outside e0 office e1 tls { name access.example.com }\n"
                           "tunnel wg0 { listen 1 address 10.1.2.3/24 } }", &c), 0);
    assert_int_equal(c.tunnel.portal_tls_port, 443);
    assert_int_equal(parse("gateway g { outside e0 office e1 tls { }\n"
                           "tunnel wg0 { listen 1 address 10.1.2.3/24 portal 443 } }", &c), 0);
    assert_int_equal(c.tunnel.portal_tls_port, 0);
    assert_int_equal(parse("gateway g { outside e0 office e1 tls { name access.example.com }\n"
                           "tunnel wg0 { listen 1 address 10.1.2.3/24 portal 443 } }", &c), -1);
}

#define REST " outside eth0 office eth1 }"
#define TUNNEL "tunnel wg0 { listen 51820 address 10.77.0.1/16 }"

static void clocks(void **state)
{
    struct gateway_conf c;

    (void)state;
    assert_int_equal(parse("gateway g { " TUNNEL " clock host" REST, &c), 0);
    assert_true(c.clock_host);
    assert_int_equal(parse("gateway g { " TUNNEL " clock ntp" REST, &c), 0);
    assert_false(c.clock_host);
}

static void endpoints(void **state)
{
    static const struct { const char *text, *host; int port; } cases[] = {
        {"access.example.com:443", "access.example.com", 443},
        {"access.example.com", "access.example.com", 51820},
        {"gw", "gw", 51820},
        {"203.0.113.5", "203.0.113.5", 51820},
        {"203.0.113.5:1", "203.0.113.5", 1},
        {"2001:db8::5", "2001:db8::5", 51820},
        {"[2001:db8::5]", "2001:db8::5", 51820},
        {"[2001:db8::5]:65535", "2001:db8::5", 65535},
        {"203.0.113", NULL, 0},
        {"203.0.113.256", NULL, 0},
        {"[203.0.113.5]:51820", NULL, 0},
        {"[2001:db8::5", NULL, 0},
        {"[2001:db8::5]x", NULL, 0},
        {"access.example.com:", NULL, 0},
        {"access.example.com:0", NULL, 0},
        {"access.example.com:65536", NULL, 0},
        {"Access.example.com", NULL, 0},
        {"access..example.com", NULL, 0},
        {"access.example.com.", NULL, 0},
        {"-access.example.com", NULL, 0},
        {"access-.example.com", NULL, 0},
        {"access.-example.com", NULL, 0},
        {"access.example.co-", NULL, 0},
        {"https://access.example.com", NULL, 0},
        {":51820", NULL, 0},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct gateway_conf c;
        char text[256];

        snprintf(text, sizeof text, "gateway g { tunnel wg0 { listen 51820 address 10.77.0.1/16 "
                 "endpoint %s } outside eth0 office eth1 }", cases[i].text);
        bool taken = parse(text, &c) == 0;
        if (taken != (cases[i].host != NULL))
            fail_msg("%s: %s", cases[i].text, taken ? "was taken" : diags.v[0].text);
        if (!taken)
            continue;
        assert_string_equal(c.handout.endpoint, cases[i].host);
        assert_int_equal(c.handout.endpoint_port, cases[i].port);
    }
}

static void name_servers(void **state)
{
    struct gateway_conf c;
    char text[ADDR_TEXT];

    (void)state;
    assert_int_equal(parse("gateway g { tunnel wg0 { listen 1 address 10.77.0.1/16 "
                           "dns 10.20.0.53, fd20::53 } outside eth0 office eth1 }", &c), 0);
    assert_int_equal(c.handout.n_dns, 2);
    assert_string_equal(ip_print(&c.handout.dns[0], text), "10.20.0.53");
    assert_string_equal(ip_print(&c.handout.dns[1], text), "fd20::53");
    assert_string_equal(c.handout.endpoint, "");
    assert_int_equal(c.handout.endpoint_port, 0);
}

static void doors(void **state)
{
    struct gateway_conf c;

    (void)state;
    if (parse("gateway g { " TUNNEL " outside eth0 office eth1 office eth2 "
              "enrol { listen 8443 } "
              "tls { key access.key name access.example.com certificate access.pem } "
              "console eth2 { from 10.20.0.0/24, 10.20.1.5 listen 10.20.0.1:8443 } "
              "metrics eth1 { from fd20::5 listen [fd20::1]:9100 } }",
              &c) != 0)
        fail_msg("%s", diags.v[0].text);
    assert_int_equal(c.enrol_port, 8443);
    assert_string_equal(c.tls.name, "access.example.com");
    assert_string_equal(c.tls.certificate, "access.pem");
    assert_string_equal(c.tls.key, "access.key");
    assert_string_equal(c.console.iface, "eth2");
    assert_int_equal(c.console.port, 8443);
    assert_int_equal(c.console.addr.b[1], 20);
    assert_int_equal(c.console.n_from, 2);
    assert_int_equal(c.console.from[0].len, 24);
    assert_int_equal(c.console.from[1].len, 32);
    assert_string_equal(c.metrics.iface, "eth1");
    assert_int_equal(c.metrics.port, 9100);
    assert_int_equal(c.metrics.addr.family, 6);
    assert_int_equal(parse("gateway g { " TUNNEL REST, &c), 0);
    assert_int_equal(c.enrol_port, 0);
    assert_string_equal(c.console.iface, "");
    assert_string_equal(c.tls.name, "");
}

static void refused(void **state)
{
    static const struct {
        const char *what, *text, *message;
    } cases[] = {
        {"nothing", "", "this file describes no gateway"},
        {"two", "gateway a { " TUNNEL REST "\ngateway b { " TUNNEL REST,
         "'gateway' is given twice in this block"},
        {"no tunnel", "gateway g {" REST, "this gateway names no tunnel"},
        {"no port", "gateway g { tunnel wg0 { address 10.77.0.1/16 }" REST,
         "this gateway names no port to listen on"},
        {"no address", "gateway g { tunnel wg0 { listen 1 }" REST,
         "this gateway names no IPv4 tunnel address"},
        {"v6 alone", "gateway g { tunnel wg0 { listen 1 address fd77::1/64 }" REST,
         "this gateway names no IPv4 tunnel address"},
        {"no outside", "gateway g { " TUNNEL " office eth1 }",
         "this gateway names no outside interface"},
        {"no office", "gateway g { " TUNNEL " outside eth0 }",
         "this gateway names no office interface"},
        {"one interface twice", "gateway g { " TUNNEL " outside eth0 office eth0 }",
         "interface 'eth0' has a part already"},
        {"the tunnel as office", "gateway g { " TUNNEL " outside eth0 office wg0 }",
         "interface 'wg0' has a part already"},
        {"interface of 16", "gateway g { " TUNNEL " outside abcdefghijklmnop office eth1 }",
         "'abcdefghijklmnop' is not the name of an interface"},
        {"interface with a slash", "gateway g { " TUNNEL " outside a/b office eth1 }",
         "'a/b' is not the name of an interface"},
        {"interface ..", "gateway g { " TUNNEL " outside .. office eth1 }",
         "'..' is not the name of an interface"},
        {"port 0", "gateway g { tunnel wg0 { listen 0 address 10.77.0.1/16 }" REST,
         "the UDP port to listen on must be 1 to 65535"},
        {"mtu", "gateway g { tunnel wg0 { listen 1 address 10.77.0.1/16 mtu 1279 }" REST,
         "the mtu must be 1280 to 1500"},
        {"no prefix", "gateway g { tunnel wg0 { listen 1 address 10.77.0.1 }" REST,
         "'10.77.0.1' is not an address with its prefix"},
        {"two of IPv4",
         "gateway g { tunnel wg0 { listen 1 address 10.77.0.1/16, 10.78.0.1/16 }" REST,
         "a second IPv4 address"},
        {"the network itself", "gateway g { tunnel wg0 { listen 1 address 10.77.0.0/16 }" REST,
         "'10.77.0.0/16' is the network, not an address in it"},
        {"broadcast", "gateway g { tunnel wg0 { listen 1 address 10.77.255.255/16 }" REST,
         "'10.77.255.255/16' is the broadcast address"},
        {"too small", "gateway g { tunnel wg0 { listen 1 address 10.77.0.1/32 }" REST,
         "'10.77.0.1/32' needs a prefix of /8 to /30"},
        {"multicast", "gateway g { tunnel wg0 { listen 1 address 224.0.0.1/16 }" REST,
         "'224.0.0.1/16' is no address that a gateway can have"},
        {"loopback", "gateway g { tunnel wg0 { listen 1 address 127.0.0.1/8 }" REST,
         "'127.0.0.1/8' is no address that a gateway can have"},
        {"link-local", "gateway g { tunnel wg0 { listen 1 address 10.77.0.1/16, fe80::1/64 }" REST,
         "'fe80::1/64' is no address that a gateway can have"},
        {"v6 loopback", "gateway g { tunnel wg0 { listen 1 address 10.77.0.1/16, ::1/64 }" REST,
         "'::1/64' is no address that a gateway can have"},
        {"port twice", "gateway g { tunnel wg0 { listen 1 listen 2 address 10.77.0.1/16 }" REST,
         "'listen' is given twice in this block"},
        {"tunnel twice", "gateway g { " TUNNEL TUNNEL REST,
         "'tunnel' is given twice in this block"},
        {"rate 0", "gateway g { " TUNNEL " log { rate 0 }" REST,
         "the rate per second must be 1 to 10000"},
        {"group", "gateway g { " TUNNEL " log { group 65536 }" REST,
         "the NFLOG group must be 1 to 65534"},
        {"masquerade twice",
         "gateway g { " TUNNEL " outside eth0 office eth1 { masquerade masquerade } }",
         "'masquerade' is given twice in this block"},
        {"a clock of nobody", "gateway g { " TUNNEL " clock moon" REST,
         "'ntp' or 'host' expected, not 'moon'"},
        {"clock twice", "gateway g { " TUNNEL " clock ntp clock host" REST,
         "'clock' is given twice in this block"},
        {"nine offices",
         "gateway g { " TUNNEL " outside o office a office b office c office d office e "
         "office f office g office h office i }",
         "more than 8 office interfaces"},
        {"five name servers",
         "gateway g { tunnel wg0 { listen 1 address 10.77.0.1/16 dns 10.0.0.1, 10.0.0.2, 10.0.0.3, "
         "10.0.0.4, 10.0.0.5 }" REST,
         "more than 4 name servers, not '10.0.0.5'"},
        {"a name server by name",
         "gateway g { tunnel wg0 { listen 1 address 10.77.0.1/16 dns one.example }" REST,
         "'one.example' is not the address of a name server"},
        {"a name server at home",
         "gateway g { tunnel wg0 { listen 1 address 10.77.0.1/16 dns 127.0.0.1 }" REST,
         "'127.0.0.1' is not the address of a name server"},
        {"dns twice",
         "gateway g { tunnel wg0 { listen 1 address 10.77.0.1/16 dns 10.0.0.1 dns 10.0.0.2 }" REST,
         "'dns' is given twice in this block"},
        {"endpoint twice",
         "gateway g { tunnel wg0 { listen 1 address 10.77.0.1/16 endpoint a endpoint b }" REST,
         "'endpoint' is given twice in this block"},
        {"an address as name", "gateway g { " TUNNEL " tls { name 203.0.113.5 }" REST,
         "'203.0.113.5' is an address, not a name"},
        {"no name", "gateway g { " TUNNEL " tls { name Access }" REST,
         "'Access' is not the name of a host"},
        {"a certificate alone", "gateway g { " TUNNEL " tls { certificate a.pem }" REST,
         "a certificate and its key go together"},
        {"a key alone", "gateway g { " TUNNEL " tls { key a.key }" REST,
         "a certificate and its key go together"},
        {"a certificate elsewhere", "gateway g { " TUNNEL " tls { certificate ../a.pem }" REST,
         "'../a.pem' is not a name"},
        {"a key that ends in pem", "gateway g { " TUNNEL " tls { key a.pem }" REST,
         "the name of this file ends in .key"},
        {"tls twice", "gateway g { " TUNNEL " tls { } tls { }" REST,
         "'tls' is given twice in this block"},
        {"enrol without port", "gateway g { " TUNNEL " enrol { }" REST,
         "enrol names no port to listen on"},
        {"enrol at 0", "gateway g { " TUNNEL " enrol { listen 0 }" REST,
         "the TCP port of the outside interface must be 1 to 65535"},
        {"console outside",
         "gateway g { " TUNNEL " outside eth0 office eth1 console eth0 { listen 10.20.0.1:8443 "
         "from 10.20.0.0/24 } }",
         "'eth0' is not an office interface of this gateway"},
        {"console for all",
         "gateway g { " TUNNEL " outside eth0 office eth1 console eth1 { listen 10.20.0.1:8443 } }",
         "'console' does not say for whom it is"},
        {"console nowhere",
         "gateway g { " TUNNEL " outside eth0 office eth1 console eth1 { from 10.20.0.0/24 } }",
         "'console' names no address to listen on"},
        {"console of two families",
         "gateway g { " TUNNEL " outside eth0 office eth1 console eth1 { listen 10.20.0.1:8443 "
         "from fd20::/64 } }",
         "'listen' and 'from' are of one family, IPv4 or IPv6"},
        {"one door for two",
         "gateway g { " TUNNEL " outside eth0 office eth1 console eth1 { listen 10.20.0.1:8443 "
         "from 10.20.0.5 } metrics eth1 { listen 10.20.0.1:8443 from 10.20.0.5 } }",
         "metrics and console have the same address and port"},
        {"a policy", "role x { }", "'role' is not a statement of this file"},
        {"unknown", "gateway g { tunel wg0 { } " TUNNEL REST,
         "'tunel' is not a statement of a gateway"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct gateway_conf c;

        if (parse(cases[i].text, &c) == 0)
            fail_msg("%s: was taken", cases[i].what);
        if (strcmp(diags.v[0].text, cases[i].message) != 0)
            fail_msg("%s: says \"%s\"", cases[i].what, diags.v[0].text);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(portal_by_tls),
        cmocka_unit_test(shortest),   cmocka_unit_test(endpoints),
        cmocka_unit_test(name_servers), cmocka_unit_test(doors),
        cmocka_unit_test(how_long_records_stay),   cmocka_unit_test(clocks),  cmocka_unit_test(shipped),
        cmocka_unit_test(everything), cmocka_unit_test(refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
