/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What roles come to as permits: against the plain reading of the resources, packet by packet, on
 * random policies over a small space; and that equal rights give equal arrays.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "policy/address.h"
#include "policy/policy.h"

static struct diags diags;

static struct policy *parse(const char *text)
{
    struct policy *p = policy_parse(text, strlen(text), &diags);

    if (!p)
        fail_msg("line %d: %s in\n%s", diags.v[0].pos.line, diags.v[0].text, text);
    return p;
}

/* ---- the plain reading ---------------------------------------------------------------------- */

static bool entry_permits(const struct resource_entry *e, const struct ip_addr *dst, uint8_t proto,
                          uint16_t port)
{
    bool here = false;

    for (size_t i = 0; i < e->n_ranges; i++)
        here |= ip_in_range(dst, &e->ranges[i]);
    for (size_t i = 0; here && i < e->n_services; i++) {
        const struct service *s = &e->services[i];
        uint8_t meant = s->proto == IPPROTO_ICMP && dst->family == 6 ? IPPROTO_ICMPV6 : s->proto;

        if (meant == proto &&
            (!has_ports(proto) || (port >= s->port_first && port <= s->port_last)))
            return true;
    }
    return false;
}

static bool resource_permits(const struct resource *r, const struct ip_addr *dst, uint8_t proto,
                             uint16_t port)
{
    for (size_t i = 0; i < r->n_entries; i++)
        if (entry_permits(&r->entries[i], dst, proto, port))
            return true;
    return false;
}

static bool plainly_permitted(const struct policy *p, uint64_t roles, const struct ip_addr *dst,
                              uint8_t proto, uint16_t port)
{
    for (size_t i = 0; i < p->n_remediation; i++)
        if (resource_permits(&p->resources[p->remediation[i]], dst, proto, port))
            return true;
    for (size_t i = 0; i < p->n_roles; i++)
        for (size_t j = 0; (roles >> i & 1) && j < p->roles[i].n_reach; j++)
            if (resource_permits(&p->resources[p->roles[i].reach[j]], dst, proto, port))
                return true;
    return false;
}

/* ---- random policies over 32 addresses of each family and 32 ports -------------------------- */

static uint32_t seed;

static unsigned pick(unsigned n)
{
    seed = seed * 1664525u + 1013904223u;
    return seed >> 16 & 0x7fff ? (seed >> 16 & 0x7fff) % n : 0;
}

static size_t put_address(char *out)
{
    unsigned a = pick(32), b = a + pick(32 - a);

    switch (pick(6)) {
    case 0:
        return (size_t)sprintf(out, "10.0.0.%u", a);
    case 1:
        return (size_t)sprintf(out, "10.0.0.%u-10.0.0.%u", a, b);
    case 2:
        return (size_t)sprintf(out, "10.0.0.%u/30", a & ~3u);
    case 3:
        return (size_t)sprintf(out, "fd::%x-fd::%x", a, b);
    case 4:
        return (size_t)sprintf(out, "fd::%x/126", a & ~3u);
    default:
        return (size_t)sprintf(out, "fd::%x", a);
    }
}

static size_t put_service(char *out)
{
    unsigned a = 1 + pick(32), b = a + pick(33 - a);

    switch (pick(5)) {
    case 0:
        return (size_t)sprintf(out, "icmp");
    case 1:
        return (size_t)sprintf(out, "proto gre");
    case 2:
        return (size_t)sprintf(out, "udp %u-%u", a, b);
    case 3:
        return (size_t)sprintf(out, "tcp %u-%u", a, b);
    default:
        return (size_t)sprintf(out, "tcp %u, %u", a, b);
    }
}

static struct policy *random_policy(void)
{
    static char text[65536];
    size_t n = 0;
    unsigned resources = 2 + pick(5);

    for (unsigned r = 0; r < resources; r++) {
        n += (size_t)sprintf(text + n, "resource r%u {", r);
        for (unsigned e = 1 + pick(3); e > 0; e--) {
            for (unsigned a = pick(3);; a--) {
                n += (size_t)sprintf(text + n, " ");
                n += put_address(text + n);
                if (a == 0)
                    break;
                n += (size_t)sprintf(text + n, ",");
            }
            for (unsigned s = pick(3);; s--) {
                n += (size_t)sprintf(text + n, " ");
                n += put_service(text + n);
                if (s == 0)
                    break;
            }
        }
        n += (size_t)sprintf(text + n, " }\n");
    }
    n += (size_t)sprintf(text + n, "remediation { r0 }\nposture p { }\n");
    for (unsigned i = 0; i < 3; i++)
        n += (size_t)sprintf(text + n, "role x%u { posture p reach r%u, r%u }\n", i,
                             pick(resources / 2), resources / 2 + pick(resources - resources / 2));
    return parse(text);
}

static void compare_packet(const struct policy *p, uint64_t roles, const struct access_class *c,
                           const char *address, uint8_t proto, uint16_t port)
{
    struct ip_addr dst;
    bool expected, got;

    assert_true(ip_parse(address, strlen(address), &dst));
    expected = plainly_permitted(p, roles, &dst, proto, port);
    got = class_permits(c, &dst, proto, port) == VERDICT_PERMIT;
    if (expected != got)
        fail_msg("seed %u, roles %llx: %s proto %u port %u is %s", seed, (unsigned long long)roles,
                 address, proto, port, got ? "permitted" : "denied");
}

static void compare_space(const struct policy *p, uint64_t roles, const struct access_class *c)
{
    static const uint8_t protos[] = {IPPROTO_TCP, IPPROTO_UDP, IPPROTO_ICMP, IPPROTO_ICMPV6, 47};
    char address[32];

    for (unsigned a = 0; a <= 33; a++)
        for (unsigned f = 0; f < 2; f++) {
            sprintf(address, f ? "fd::%x" : "10.0.0.%u", a);
            for (size_t k = 0; k < sizeof protos; k++)
                for (unsigned port = 0; port <= (has_ports(protos[k]) ? 34 : 0); port++)
                    compare_packet(p, roles, c, address, protos[k], (uint16_t)port);
        }
}

static bool overlap(const struct permit *a, const struct permit *b)
{
    return a->proto == b->proto && ip_cmp(&a->dst.first, &b->dst.last) <= 0 &&
           ip_cmp(&b->dst.first, &a->dst.last) <= 0 && a->port_first <= b->port_last &&
           b->port_first <= a->port_last;
}

static void random_policies(void **state)
{
    (void)state;
    for (uint32_t round = 1; round <= 300; round++) {
        struct policy *p;

        seed = round;
        p = random_policy();
        for (uint64_t roles = 0; roles < 8; roles += 1 + roles % 3) {
            struct access_class c = {1, NULL, 0};

            assert_int_equal(policy_permits(p, roles, &c.permits, &c.n_permits), 0);
            compare_space(p, roles, &c);
            for (size_t i = 1; i < c.n_permits; i++)
                if (ip_cmp(&c.permits[i - 1].dst.first, &c.permits[i].dst.first) > 0)
                    fail_msg("seed %u: permit %zu is out of order", round, i);
            for (size_t i = 0; i < c.n_permits; i++)
                for (size_t j = 0; j < i; j++)
                    if (overlap(&c.permits[i], &c.permits[j]))
                        fail_msg("seed %u: permits %zu and %zu overlap", round, j, i);
            free(c.permits);
        }
        policy_free(p);
    }
}

/* ---- equal rights, equal arrays -------------------------------------------------------------- */

static void permits_of(const char *resource, struct permit **v, size_t *n)
{
    char text[512];
    struct policy *p;

    snprintf(text, sizeof text, "resource r { %s }\nposture p { } role x { reach r posture p }",
             resource);
    p = parse(text);
    assert_int_equal(policy_permits(p, 1, v, n), 0);
    policy_free(p);
}

static void equal_rights(void **state)
{
    static const struct {
        const char *what, *a, *b;
        size_t n;
    } cases[] = {
        {"adjacent addresses", "10.0.0.0-10.0.0.4, 10.0.0.5-10.0.0.7 tcp 80", "10.0.0.0/29 tcp 80",
         1},
        {"overlapping addresses", "10.0.0.0-10.0.0.4, 10.0.0.2-10.0.0.7 tcp 80",
         "10.0.0.0/29 tcp 80", 1},
        {"adjacent ports", "10.0.0.1 tcp 80, 81, 82", "10.0.0.1 tcp 80-82", 1},
        {"ports up to the end", "10.0.0.1 tcp 1-65534, 65535", "10.0.0.1 tcp 1-65535", 1},
        {"contained", "10.0.0.0/8 tcp 1-100  10.1.2.3 tcp 5", "10.0.0.0/8 tcp 1-100", 1},
        {"order", "10.0.0.2 udp 5  10.0.0.1 tcp 5", "10.0.0.1 tcp 5  10.0.0.2 udp 5", 2},
        {"the whole space", "0.0.0.0/1, 128.0.0.0/1 tcp 1", "0.0.0.0/0 tcp 1", 1},
        {"the whole space of v6", "::/1, 8000::/1 icmp", "::/0 icmp", 1},
        {"a square cut either way", "10.0.0.1, 10.0.0.2 tcp 1-4",
         "10.0.0.1-10.0.0.2 tcp 1-2  10.0.0.1-10.0.0.2 tcp 3-4", 1},
        {"a hole does not split the others", "10.0.0.1-10.0.0.9 tcp 631, 9100  10.0.0.5 tcp 80",
         "10.0.0.5 tcp 80, 631  10.0.0.1-10.0.0.9 tcp 9100, 631", 3},
        {"other protocols have no ports", "10.0.0.1 proto gre, icmp", "10.0.0.1 icmp, proto 47", 2},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct permit *a, *b;
        size_t na, nb;

        permits_of(cases[i].a, &a, &na);
        permits_of(cases[i].b, &b, &nb);
        if (na != nb || na != cases[i].n)
            fail_msg("%s: %zu and %zu permits, not %zu", cases[i].what, na, nb, cases[i].n);
        if (memcmp(a, b, na * sizeof *a) != 0)
            fail_msg("%s: the arrays differ", cases[i].what);
        free(a);
        free(b);
    }
}

static void nothing(void **state)
{
    struct policy *p =
        parse("resource r { 10.0.0.1 tcp 1 } posture p { } role x { reach r posture p }");
    struct permit *v;
    size_t n;

    (void)state;
    assert_int_equal(policy_permits(p, 0, &v, &n), 0);
    assert_int_equal(n, 0);
    assert_null(v);
    assert_int_equal(policy_permits(p, 2, &v, &n), 0); /* a role that is not there */
    assert_int_equal(n, 0);
    policy_free(p);
}

static void which_resource(void **state)
{
    struct policy *p = parse("resource a { 10.0.0.0/24 tcp 1-100 }\n"
                             "resource b { 10.0.0.9 tcp 80  fd::9 icmp }\n"
                             "resource c { 10.0.0.9 tcp 80, 443 }\n"
                             "remediation { c }\nposture p { }\n"
                             "role x { reach b posture p } role y { reach a posture p }");
    static const struct {
        const char *what;
        uint64_t roles;
        const char *dst;
        uint8_t proto;
        uint16_t port;
        int found;
    } cases[] = {
        {"the role's own", 1, "10.0.0.9", IPPROTO_TCP, 80, 1},
        {"the other role's own", 2, "10.0.0.9", IPPROTO_TCP, 80, 0},
        {"remediation before strangers", 0, "10.0.0.9", IPPROTO_TCP, 80, 2},
        {"somebody's", 1, "10.0.0.8", IPPROTO_TCP, 80, 0},
        {"ICMPv6", 1, "fd::9", IPPROTO_ICMPV6, 0, 1},
        {"nobody's port", 1, "10.0.0.9", IPPROTO_TCP, 444, -1},
        {"nobody's address", 1, "10.0.1.9", IPPROTO_TCP, 80, -1},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct ip_addr dst;

        assert_true(ip_parse(cases[i].dst, strlen(cases[i].dst), &dst));
        if (policy_resource_at(p, cases[i].roles, &dst, cases[i].proto, cases[i].port) !=
            cases[i].found)
            fail_msg("%s", cases[i].what);
    }
    policy_free(p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(random_policies),
        cmocka_unit_test(equal_rights),
        cmocka_unit_test(nothing),
        cmocka_unit_test(which_resource),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
