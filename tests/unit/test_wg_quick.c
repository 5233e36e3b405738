/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Configurations of wg-quick servers, as people and installers write them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "admin/cli/wg_quick.h"
#include "policy/address.h"

#define KEY1 "YWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWE="
#define KEY2 "YmJiYmJiYmJiYmJiYmJiYmJiYmJiYmJiYmJiYmJiYmI="
#define KEY3 "Y2NjY2NjY2NjY2NjY2NjY2NjY2NjY2NjY2NjY2NjY2M="

static void a_server(void **state)
{
    static const char text[] =
        "# Server\n[Interface]\nAddress = 10.8.0.1/24, fd42::1/64\nListenPort=51820 # the usual\n"
        "PrivateKey = " KEY1 "\nPostUp = iptables -A FORWARD -i %i -j ACCEPT\nDNS = 1.1.1.1\n"
        "PostUp = true\nMTU = 1400\n\n"
        "### Client Maria's Laptop\n[Peer]\nPublicKey = " KEY2 "\nPresharedKey = " KEY3 "\n"
        "AllowedIPs = 10.8.0.2/32,fd42::2/128\n\n"
        "[peer]\n# friendly_name = jo\npublickey = " KEY3 "\nallowedips = 10.8.0.3, 192.168.7.0/24\n"
        "PersistentKeepalive = 25\r\n";
    struct wg_quick q;
    char a[ADDR_TEXT];

    (void)state;
    assert_int_equal(wg_quick_parse(text, strlen(text), &q), 0);
    assert_true(q.has_key);
    assert_int_equal(q.private_key.b[31], 'a');
    assert_int_equal(q.port, 51820);
    assert_int_equal(q.mtu, 1400);
    assert_int_equal(q.net4.len, 24);
    assert_string_equal(ip_print(&q.net4.addr, a), "10.8.0.1");
    assert_string_equal(ip_print(&q.net6.addr, a), "fd42::1");
    assert_string_equal(q.ignored, "PostUp, DNS");
    assert_int_equal(q.n_peers, 2);
    assert_string_equal(q.peers[0].name, "maria-s-laptop");
    assert_true(q.peers[0].has_preshared);
    assert_string_equal(ip_print(&q.peers[0].addr4, a), "10.8.0.2");
    assert_string_equal(ip_print(&q.peers[0].addr6, a), "fd42::2");
    assert_int_equal(q.peers[0].others, 0);
    assert_string_equal(q.peers[1].name, "jo");
    assert_false(q.peers[1].has_preshared);
    assert_int_equal(q.peers[1].others, 1);
    wg_quick_clear(&q);
}

static void names(void **state)
{
    static const struct { const char *comment, *name; } cases[] = {
        {"# maria", "maria"}, {"#Maria Lopez", "maria-lopez"}, {"### Client jo-phone", "jo-phone"},
        {"# BEGIN_PEER jo", "jo"}, {"# Name: Ann's iPad (2)", "ann-s-ipad-2"},
        {"# peer_anna", "peer_anna"}, {"# client", "client"}, {"# \xc3\x84nne", "nne"},
        {"# ---", "peer-62626262"}, {"#", "peer-62626262"}, {"", "peer-62626262"},
        {"# ../../etc", "etc"}, {"# \x1b[2J;rm -rf", "2j-rm--rf"},
        {"# aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
         "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"},
    };
    struct wg_quick q;
    char text[512];

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        snprintf(text, sizeof text, "%s\n[Peer]\nPublicKey = " KEY2 "\n", cases[i].comment);
        assert_int_equal(wg_quick_parse(text, strlen(text), &q), 0);
        assert_string_equal(q.peers[0].name, cases[i].name);
        wg_quick_clear(&q);
    }
    static const char same[] = "# jo\n[Peer]\nPublicKey=" KEY1 "\n# jo\n[Peer]\nPublicKey=" KEY2 "\n";
    assert_int_equal(wg_quick_parse(same, strlen(same), &q), 0);
    assert_string_equal(q.peers[1].name, "jo-2");
    wg_quick_clear(&q);
}

static void errors(void **state)
{
    static const struct { const char *text; unsigned line; const char *error; } cases[] = {
        {"hello\n", 1, "this is not a line of a WireGuard configuration"},
        {"PrivateKey = x\n", 1, "this is not a line of a WireGuard configuration"},
        {"[Interfaces]\n", 1, "a section is [Interface] or [Peer]"},
        {"[Interface]\n\033[2J = x\n", 2, "this is not a line of a WireGuard configuration"},
        {"[Interface]\n = x\n", 2, "this is not a line of a WireGuard configuration"},
        {"[Interface]\nPrivateKey = x\n", 2, "this is no WireGuard key"},
        {"[Interface]\nListenPort = 0\n", 2, "this is not a number from 1 to 65535"},
        {"[Interface]\nListenPort = 65536\n", 2, "this is not a number from 1 to 65535"},
        {"[Interface]\nListenPort = 5x\n", 2, "'5x' is no number"},
        {"[Interface]\nMTU = 576\n", 2, "this is not a number from 1280 to 65535"},
        {"[Interface]\nAddress = 10.0.0.256/8\n", 2, "'10.0.0.256/8' is no address"},
        {"[Interface]\nAddress = 10.0.0.1/8, 10.1.0.1/16\n", 2,
         "a second address of one family is not supported"},
        {"[Peer]\nPublicKey = " KEY1 "\n\n[Peer]\nAllowedIPs = ::/0\n", 4, "this peer has no PublicKey"},
        {"[Peer]\nPublicKey = " KEY1 "\nPostUp = x\n", 3, "a [Peer] has no 'PostUp'"},
        {"[Peer]\nAllowedIPs = 10.0.0.2/33\n", 2, "'10.0.0.2/33' is no address"},
    };
    struct wg_quick q;

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        assert_int_equal(wg_quick_parse(cases[i].text, strlen(cases[i].text), &q), -1);
        assert_string_equal(q.error, cases[i].error);
        assert_int_equal(q.line, cases[i].line);
        wg_quick_clear(&q);
    }
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_server),
        cmocka_unit_test(names),
        cmocka_unit_test(errors),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
