/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the parent believes of a tunnel that the engine names: nothing that it has not checked. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <string.h>

#include "gateway/parent.h"

static struct tunnel good(void)
{
    struct tunnel t = {.iface = "wg0",
                       .listen_port = 51820,
                       .mtu = 1420,
                       .outside = "eth0",
                       .n_office = 1,
                       .portal_port = 80,
                       .nflog_group = 77,
                       .log_rate = 100};
    t.net4 = (struct ip_prefix){{4, {10, 77, 0, 1}}, 16};
    t.net6 = (struct ip_prefix){{6, {0xfd, 0x77}}, 64};
    memcpy(t.office[0].name, "eth1", 5);
    return t;
}

static void test_good(void **state)
{
    struct tunnel t = good();
    const char *why;
    (void)state;
    assert_true(tunnel_sound(&t, &why));
    t.net6 = (struct ip_prefix){0};
    t.outside[0] = '\0';
    t.n_office = 0;
    assert_true(tunnel_sound(&t, &why));
}

static void test_names(void **state)
{
    static const char *const bad[] = {"",     ".",    "..",    "lo",     "all", "default",
                                      "a/b",  "../x", "wg 0",  "wg0\n",  "-f",  "wg\"0",
                                      "wg%d", "wg*",  "wg;id", "w\x80g", "eth1"};
    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        struct tunnel t = good();
        const char *why = NULL;
        memset(t.iface, 0, sizeof t.iface);
        memcpy(t.iface, bad[i], strlen(bad[i]));
        if (tunnel_sound(&t, &why) || !why)
            fail_msg("'%s' is taken as the tunnel's name", bad[i]);
    }
    struct tunnel t = good();
    const char *why;
    memset(t.iface, 'a', sizeof t.iface); /* no NUL in it */
    assert_false(tunnel_sound(&t, &why));
    t = good();
    memcpy(t.office[0].name, "a/b", 4);
    assert_false(tunnel_sound(&t, &why));
    t = good();
    memcpy(t.outside, "wg0", 4);
    assert_false(tunnel_sound(&t, &why));
}

static void break_port(struct tunnel *t) { t->listen_port = 0; }
static void break_portal(struct tunnel *t) { t->portal_port = 0; }
static void break_both(struct tunnel *t) { t->portal_tls_port = t->portal_port; }
static void break_mtu_low(struct tunnel *t) { t->mtu = 1279; }
static void break_mtu_high(struct tunnel *t) { t->mtu = 1501; }
static void break_net4(struct tunnel *t) { t->net4.addr.family = 0; }
static void break_net4_len(struct tunnel *t) { t->net4.len = 31; }
static void break_net4_all(struct tunnel *t) { t->net4.len = 0; }
static void break_net4_loop(struct tunnel *t) { t->net4.addr.b[0] = 127; }
static void break_net4_multi(struct tunnel *t) { t->net4.addr.b[0] = 224; }
static void break_net6_len(struct tunnel *t) { t->net6.len = 127; }
static void break_net6_all(struct tunnel *t) { t->net6.len = 0; }
static void break_net6_link(struct tunnel *t) { t->net6.addr.b[0] = 0xfe; }
static void break_net6_family(struct tunnel *t) { t->net6.addr.family = 4; }
static void break_rate(struct tunnel *t) { t->log_rate = 0; }
static void break_rate_high(struct tunnel *t) { t->log_rate = 1000001; }

static void test_values(void **state)
{
    static void (*const breaks[])(struct tunnel *) = {
        break_port,     break_portal,    break_both,        break_mtu_low,     break_mtu_high,   break_net4,
        break_net4_len, break_net4_all,  break_net4_loop,   break_net4_multi, break_net6_len,
        break_net6_all, break_net6_link, break_net6_family, break_rate,       break_rate_high};
    (void)state;
    for (size_t i = 0; i < sizeof breaks / sizeof *breaks; i++) {
        struct tunnel t = good();
        const char *why = NULL;
        breaks[i](&t);
        if (tunnel_sound(&t, &why) || !why)
            fail_msg("case %zu", i);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_good),
        cmocka_unit_test(test_names),
        cmocka_unit_test(test_values),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
