/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Changes of the data plane: every refusal of the check, application against a slow and obvious
 * model, differences that lead where they should. The seed is printed; SEED=n repeats a run.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "policy/address.h"
#include "policy/plan.h"

static struct ip_addr ip(const char *text)
{
    struct ip_addr a = {0};
    if (!ip_parse(text, strlen(text), &a))
        abort();
    return a;
}

static struct device device(uint32_t index, const char *a4, const char *a6, uint8_t key)
{
    struct device d = {.index = index, .addr4 = ip(a4), .key = {{key}}};
    if (a6)
        d.addr6 = ip(a6);
    return d;
}

static struct tunnel tunnel(void)
{
    struct tunnel t = {.iface = "wg0", .portal_port = 8080, .portal_tls_port = 443};
    t.net4 = (struct ip_prefix){ip("10.77.0.1"), 16};
    t.net6 = (struct ip_prefix){ip("fd77:acc::1"), 64};
    return t;
}

static struct change device_put(struct device d)
{
    return (struct change){.kind = CHANGE_DEVICE_PUT, .u.device = d};
}
static struct change device_drop(uint32_t index)
{
    return (struct change){.kind = CHANGE_DEVICE_DROP, .u.device = {.index = index}};
}
static struct change lease_put(uint32_t device, uint16_t class_id, int64_t ms)
{
    return (struct change){.kind = CHANGE_LEASE_PUT, .u.lease = {device, class_id, ms}};
}
static struct change lease_drop(uint32_t device)
{
    return (struct change){.kind = CHANGE_LEASE_DROP, .u.lease = {.device = device}};
}
static struct change class_put(uint16_t id, struct permit *v, size_t n)
{
    return (struct change){.kind = CHANGE_CLASS_PUT, .u.class_ = {id, v, n}};
}
static struct change class_drop(uint16_t id)
{
    return (struct change){.kind = CHANGE_CLASS_DROP, .u.class_ = {.id = id}};
}

/* Two devices (1 with a lease of class 7), classes 0, 7 and 8. */
static void start(struct dataplane *dp)
{
    struct change v[] = {
        device_put(device(1, "10.77.0.11", "fd77:acc::11", 1)),
        device_put(device(5, "10.77.0.15", NULL, 5)),
        class_put(0, NULL, 0),
        class_put(7, NULL, 0),
        class_put(8, NULL, 0),
        lease_put(1, 7, 60000),
    };
    const struct changes c = {.v = v, .n = sizeof v / sizeof v[0]};
    *dp = (struct dataplane){.tunnel = tunnel()};
    assert_int_equal(plan_check(dp, &c, NULL), PLAN_OK);
    assert_int_equal(plan_apply(dp, &c), PLAN_OK);
}

/* ---- the check ----------------------------------------------------------------------- */

#define R(first, last)                                                                             \
    {                                                                                              \
        {.family = 4, .b = {10, 20, 0, first}},                                                    \
        {                                                                                          \
            .family = 4, .b = { 10, 20, 0, last }                                                  \
        }                                                                                          \
    }
static struct permit good[] = {{R(9, 9), IPPROTO_TCP, 80, 80},
                               {R(9, 9), IPPROTO_TCP, 82, 90},
                               {R(10, 20), IPPROTO_ICMP, 0, 0}};
static struct permit reversed[] = {{R(10, 9), IPPROTO_TCP, 80, 80}};
static struct permit ports_reversed[] = {{R(9, 9), IPPROTO_TCP, 81, 80}};
static struct permit ports_of_icmp[] = {{R(9, 9), IPPROTO_ICMP, 0, 1}};
static struct permit icmp6_of_v4[] = {{R(9, 9), IPPROTO_ICMPV6, 0, 0}};
static struct permit unsorted[] = {{R(10, 10), IPPROTO_TCP, 80, 80},
                                   {R(9, 9), IPPROTO_TCP, 80, 80}};
static struct permit twice[] = {{R(9, 9), IPPROTO_TCP, 80, 80}, {R(9, 10), IPPROTO_TCP, 80, 81}};
static struct permit mixed[] = {{{{.family = 4}, {.family = 6}}, IPPROTO_TCP, 80, 80}};
static struct permit dirty[] = {
    {{{.family = 4, .b = {[5] = 1}}, {.family = 4}}, IPPROTO_TCP, 1, 2}};

static void test_check(void **state)
{
    const struct {
        const char *what;
        struct change v[3];
        size_t n;
        enum plan_error e;
        size_t at;
    } cases[] = {
        {"nothing", {{0}}, 0, PLAN_OK, 0},
        {"device", {device_put(device(2, "10.77.0.12", "fd77:acc::12", 2))}, 1, PLAN_OK, 0},
        {"highest index", {device_put(device(DEVICE_MAX, "10.77.0.12", NULL, 2))}, 1, PLAN_OK, 0},
        {"index 0", {device_put(device(0, "10.77.0.12", NULL, 2))}, 1, PLAN_DEVICE_INDEX, 0},
        {"index too high",
         {device_put(device(DEVICE_MAX + 1, "10.77.0.12", NULL, 2))},
         1,
         PLAN_DEVICE_INDEX,
         0},
        {"outside", {device_put(device(2, "10.78.0.12", NULL, 2))}, 1, PLAN_DEVICE_ADDRESS, 0},
        {"the gateway's", {device_put(device(2, "10.77.0.1", NULL, 2))}, 1, PLAN_DEVICE_ADDRESS, 0},
        {"network address",
         {device_put(device(2, "10.77.0.0", NULL, 2))},
         1,
         PLAN_DEVICE_ADDRESS,
         0},
        {"broadcast address",
         {device_put(device(2, "10.77.255.255", NULL, 2))},
         1,
         PLAN_DEVICE_ADDRESS,
         0},
        {"IPv6 outside",
         {device_put(device(2, "10.77.0.12", "fd78:acc::2", 2))},
         1,
         PLAN_DEVICE_ADDRESS,
         0},
        {"IPv6 of the gateway",
         {device_put(device(2, "10.77.0.12", "fd77:acc::1", 2))},
         1,
         PLAN_DEVICE_ADDRESS,
         0},
        {"IPv6 anycast",
         {device_put(device(2, "10.77.0.12", "fd77:acc::", 2))},
         1,
         PLAN_DEVICE_ADDRESS,
         0},
        {"families changed",
         {device_put(device(2, "fd77:acc::12", "10.77.0.12", 2))},
         1,
         PLAN_DEVICE_ADDRESS,
         0},
        {"index taken",
         {device_put(device(5, "10.77.0.12", NULL, 2))},
         1,
         PLAN_DEVICE_DUPLICATE,
         0},
        {"address taken",
         {device_put(device(2, "10.77.0.15", NULL, 2))},
         1,
         PLAN_DEVICE_DUPLICATE,
         0},
        {"IPv6 taken",
         {device_put(device(2, "10.77.0.12", "fd77:acc::11", 2))},
         1,
         PLAN_DEVICE_DUPLICATE,
         0},
        {"key taken", {device_put(device(2, "10.77.0.12", NULL, 5))}, 1, PLAN_DEVICE_DUPLICATE, 0},
        {"same address twice",
         {device_put(device(2, "10.77.0.12", NULL, 2)),
          device_put(device(3, "10.77.0.12", NULL, 3))},
         2,
         PLAN_DEVICE_DUPLICATE,
         1},
        {"same key twice",
         {device_put(device(2, "10.77.0.12", NULL, 2)),
          device_put(device(3, "10.77.0.13", NULL, 2))},
         2,
         PLAN_DEVICE_DUPLICATE,
         1},
        {"no IPv6 twice",
         {device_put(device(2, "10.77.0.12", NULL, 2)),
          device_put(device(3, "10.77.0.13", NULL, 3))},
         2,
         PLAN_OK,
         0},
        {"address of one that is dropped",
         {device_drop(5), device_put(device(2, "10.77.0.15", NULL, 2))},
         2,
         PLAN_DEVICE_DUPLICATE,
         1},
        {"drop unknown", {device_drop(9)}, 1, PLAN_DEVICE_UNKNOWN, 0},
        {"drop twice", {device_drop(5), device_drop(5)}, 2, PLAN_DEVICE_UNKNOWN, 1},
        {"drop with its lease", {device_drop(1), class_drop(7)}, 2, PLAN_OK, 0},
        {"class", {class_put(9, good, 3)}, 1, PLAN_OK, 0},
        {"quarantine replaced", {class_put(0, good, 3)}, 1, PLAN_OK, 0},
        {"quarantine replaced twice",
         {class_put(0, good, 3), class_put(0, good, 1)},
         2,
         PLAN_CLASS_EXISTS,
         1},
        {"class exists", {class_put(7, good, 3)}, 1, PLAN_CLASS_EXISTS, 0},
        {"class twice", {class_put(9, good, 3), class_put(9, good, 3)}, 2, PLAN_CLASS_EXISTS, 1},
        {"class id", {class_put(CLASS_MAX + 1, good, 3)}, 1, PLAN_CLASS_ID, 0},
        {"reversed range", {class_put(9, reversed, 1)}, 1, PLAN_CLASS_PERMIT, 0},
        {"reversed ports", {class_put(9, ports_reversed, 1)}, 1, PLAN_CLASS_PERMIT, 0},
        {"ports of ICMP", {class_put(9, ports_of_icmp, 1)}, 1, PLAN_CLASS_PERMIT, 0},
        {"ICMPv6 of IPv4", {class_put(9, icmp6_of_v4, 1)}, 1, PLAN_CLASS_PERMIT, 0},
        {"unsorted", {class_put(9, unsorted, 2)}, 1, PLAN_CLASS_PERMIT, 0},
        {"one corner twice", {class_put(9, twice, 2)}, 1, PLAN_CLASS_PERMIT, 0},
        {"mixed families", {class_put(9, mixed, 1)}, 1, PLAN_CLASS_PERMIT, 0},
        {"bytes behind an IPv4 address", {class_put(9, dirty, 1)}, 1, PLAN_CLASS_PERMIT, 0},
        {"drop a class", {class_drop(8)}, 1, PLAN_OK, 0},
        {"drop quarantine", {class_drop(0)}, 1, PLAN_CLASS_ID, 0},
        {"drop an unknown class", {class_drop(9)}, 1, PLAN_CLASS_UNKNOWN, 0},
        {"drop a class twice", {class_drop(8), class_drop(8)}, 2, PLAN_CLASS_UNKNOWN, 1},
        {"drop a class in use", {class_drop(8), class_drop(7)}, 2, PLAN_CLASS_IN_USE, 1},
        {"drop a class and its last lease", {class_drop(7), lease_drop(1)}, 2, PLAN_OK, 0},
        {"move, then drop", {class_drop(7), lease_put(1, 8, 1000)}, 2, PLAN_OK, 0},
        {"move onto the dropped", {class_drop(8), lease_put(1, 8, 1000)}, 2, PLAN_CLASS_IN_USE, 0},
        {"new lease on the dropped",
         {lease_put(5, 8, 1000), class_drop(8)},
         2,
         PLAN_CLASS_IN_USE,
         1},
        {"lease", {lease_put(5, 8, 1)}, 1, PLAN_OK, 0},
        {"longest lease", {lease_put(5, 8, LEASE_MAX_MS)}, 1, PLAN_OK, 0},
        {"lease of what the list brings",
         {lease_put(2, 9, 1000), class_put(9, good, 3),
          device_put(device(2, "10.77.0.12", NULL, 2))},
         3,
         PLAN_OK,
         0},
        {"no time", {lease_put(5, 8, 0)}, 1, PLAN_LEASE_TIME, 0},
        {"too long", {lease_put(5, 8, LEASE_MAX_MS + 1)}, 1, PLAN_LEASE_TIME, 0},
        {"lease of an unknown device", {lease_put(2, 8, 1000)}, 1, PLAN_DEVICE_UNKNOWN, 0},
        {"lease of an unknown class", {lease_put(5, 9, 1000)}, 1, PLAN_CLASS_UNKNOWN, 0},
        {"lease of quarantine", {lease_put(5, 0, 1000)}, 1, PLAN_CLASS_ID, 0},
        {"lease of no class", {lease_put(5, CLASS_MAX + 1, 1000)}, 1, PLAN_CLASS_ID, 0},
        {"drop a lease that is not there", {lease_drop(5)}, 1, PLAN_OK, 0},
        {"drop a lease of nobody", {lease_drop(6)}, 1, PLAN_DEVICE_UNKNOWN, 0},
    };
    struct dataplane dp;
    (void)state;
    start(&dp);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct change v[3];
        memcpy(v, cases[i].v, sizeof v);
        const struct changes c = {.v = v, .n = cases[i].n};
        size_t at = 99;
        const enum plan_error e = plan_check(&dp, &c, &at);
        if (e != cases[i].e || at != cases[i].at)
            fail_msg("%s: %s at %zu", cases[i].what, plan_error_text(e), at);
    }
    dataplane_clear(&dp);
}

/* ---- application, against a slow model ----------------------------------------------- */

#define IDS 24
struct model {
    bool device[IDS], class_[IDS];
    struct lease lease[IDS]; /* class_id 0 = none */
    size_t permits[IDS];
};

static uint64_t seed;
static uint32_t rnd(uint32_t below)
{
    seed ^= seed << 13;
    seed ^= seed >> 7;
    seed ^= seed << 17;
    return (uint32_t)((seed >> 16) % below);
}

static void model_apply_kind(struct model *m, const struct changes *c, enum change_kind kind)
{
    for (size_t i = 0; i < c->n; i++) {
        const struct change *x = &c->v[i];
        if (x->kind != kind)
            continue;
        switch (kind) {
        case CHANGE_DEVICE_PUT:
            m->device[x->u.device.index] = true;
            break;
        case CHANGE_CLASS_PUT:
            m->class_[x->u.class_.id] = true;
            m->permits[x->u.class_.id] = x->u.class_.n_permits;
            break;
        case CHANGE_LEASE_PUT:
            m->lease[x->u.lease.device] = x->u.lease;
            break;
        case CHANGE_LEASE_DROP:
            m->lease[x->u.lease.device].class_id = 0;
            break;
        case CHANGE_CLASS_DROP:
            m->class_[x->u.class_.id] = false;
            break;
        case CHANGE_DEVICE_DROP:
            m->device[x->u.device.index] = false;
            m->lease[x->u.device.index].class_id = 0;
            break;
        }
    }
}

static void expect_model(const struct dataplane *dp, const struct model *m)
{
    size_t devices = 0, classes = 0, leases = 0;
    for (uint32_t i = 0; i < IDS; i++) {
        const struct device *d = dataplane_device(dp, i);
        const struct access_class *c = dataplane_class(dp, (uint16_t)i);
        const struct lease *l = dataplane_lease(dp, i);
        devices += m->device[i];
        classes += m->class_[i];
        leases += m->lease[i].class_id != 0;
        assert_int_equal(d != NULL, m->device[i]);
        assert_int_equal(c != NULL, m->class_[i]);
        assert_int_equal(l != NULL, m->lease[i].class_id != 0);
        if (c)
            assert_int_equal(c->n_permits, m->permits[i]);
        if (l)
            assert_true(l->class_id == m->lease[i].class_id && l->left_ms == m->lease[i].left_ms);
    }
    assert_int_equal(dp->n_devices, devices);
    assert_int_equal(dp->n_classes, classes);
    assert_int_equal(dp->n_leases, leases);
}

static struct device numbered(uint32_t i)
{
    struct device d = device(i, "10.77.0.0", "fd77:acc::", (uint8_t)i);
    d.addr4.b[3] = (uint8_t)(100 + i);
    d.addr6.b[15] = (uint8_t)(100 + i);
    return d;
}

static struct change random_change(void)
{
    const uint32_t i = 1 + rnd(IDS - 1);
    const uint16_t id = (uint16_t)rnd(IDS);
    switch (rnd(9)) {
    case 0:
    case 1:
        return device_put(numbered(i));
    case 2:
        return device_drop(i);
    case 3:
    case 4: {
        const size_t n = rnd(4);
        struct permit *v = n ? malloc(n * sizeof *v) : NULL;
        if (v)
            memcpy(v, good, n * sizeof *v);
        return class_put(id, v, n);
    }
    case 5:
        return class_drop(id);
    case 6:
        return lease_drop(i);
    default:
        return lease_put(i, id, 1 + rnd(LEASE_MAX_MS));
    }
}

static struct changes random_list(void)
{
    struct changes c = {0};
    for (uint32_t n = 1 + rnd(5); n > 0; n--) {
        const struct change one = random_change();
        assert_int_equal(changes_add(&c, &one), 0);
    }
    return c;
}

static void test_apply(void **state)
{
    struct dataplane dp = {.tunnel = tunnel()};
    struct model m = {0};
    int applied = 0;
    (void)state;
    for (int i = 0; i < 60000; i++) {
        struct changes c = random_list();
        if (plan_check(&dp, &c, NULL) == PLAN_OK) {
            assert_int_equal(plan_apply(&dp, &c), PLAN_OK);
            for (int k = CHANGE_DEVICE_PUT; k <= CHANGE_DEVICE_DROP; k++)
                model_apply_kind(&m, &c, (enum change_kind)k);
            expect_model(&dp, &m);
            applied++;
        }
        changes_clear(&c);
    }
    assert_true(applied > 5000);
    dataplane_clear(&dp);
}

/* ---- differences --------------------------------------------------------------------- */

static struct dataplane random_plane(void)
{
    struct dataplane dp = {.tunnel = tunnel()};
    for (int i = 0; i < 60; i++) {
        struct changes c = random_list();
        if (plan_check(&dp, &c, NULL) == PLAN_OK)
            assert_int_equal(plan_apply(&dp, &c), PLAN_OK);
        changes_clear(&c);
    }
    return dp;
}

static void test_diff(void **state)
{
    int reached = 0;
    (void)state;
    for (int i = 0; i < 2000; i++) {
        struct dataplane a = random_plane(), b = random_plane();
        struct changes d, none;
        assert_int_equal(plan_diff(&a, &b, 1, &d), PLAN_OK);
        if (plan_check(&a, &d, NULL) == PLAN_OK) {
            assert_int_equal(plan_apply(&a, &d), PLAN_OK);
            assert_int_equal(plan_diff(&a, &b, 1, &none), PLAN_OK);
            assert_int_equal(none.n, 0);
            changes_clear(&none);
            reached++;
        }
        changes_clear(&d);
        dataplane_clear(&a);
        dataplane_clear(&b);
    }
    assert_true(reached > 20);
}

static void test_diff_slack(void **state)
{
    struct dataplane a, b;
    struct changes d;
    (void)state;
    start(&a);
    start(&b);
    b.leases[0].left_ms = a.leases[0].left_ms - 999;
    assert_int_equal(plan_diff(&a, &b, 1000, &d), PLAN_OK);
    assert_int_equal(d.n, 0);
    b.leases[0].left_ms = a.leases[0].left_ms + 1000;
    assert_int_equal(plan_diff(&a, &b, 1000, &d), PLAN_OK);
    assert_int_equal(d.n, 1);
    assert_int_equal(d.v[0].kind, CHANGE_LEASE_PUT);
    changes_clear(&d);
    dataplane_clear(&a);
    dataplane_clear(&b);
}

/* ---- the model's verdict ------------------------------------------------------------- */

static void test_verdict(void **state)
{
    static const struct {
        const char *what, *src, *dst;
        uint8_t proto;
        uint16_t port;
        int deny; /* -1: permitted */
    } cases[] = {
        {"permitted", "10.77.0.11", "10.20.0.9", IPPROTO_TCP, 80, -1},
        {"port between", "10.77.0.11", "10.20.0.9", IPPROTO_TCP, 81, DENY_NOT_PERMITTED},
        {"no lease", "10.77.0.15", "10.20.0.9", IPPROTO_TCP, 82, DENY_NO_LEASE},
        {"no lease, remediation", "10.77.0.15", "10.20.0.9", IPPROTO_TCP, 80, -1},
        {"not enrolled", "10.77.0.12", "10.20.0.9", IPPROTO_TCP, 80, DENY_UNKNOWN_SOURCE},
        {"foreign", "10.78.0.12", "10.20.0.9", IPPROTO_TCP, 80, DENY_SPOOFED},
        {"to a device", "10.77.0.11", "10.77.0.15", IPPROTO_TCP, 80, DENY_DEVICE_TO_DEVICE},
        {"portal", "10.77.0.15", "10.77.0.1", IPPROTO_TCP, 8080, -1},
        {"portal by TLS", "10.77.0.15", "10.77.0.1", IPPROTO_TCP, 443, -1},
        {"ping the gateway", "fd77:acc::11", "fd77:acc::1", IPPROTO_ICMPV6, 0, -1},
        {"gateway's ssh", "10.77.0.11", "10.77.0.1", IPPROTO_TCP, 22, DENY_GATEWAY_INPUT},
        {"portal, not enrolled", "10.77.0.12", "10.77.0.1", IPPROTO_TCP, 8080, DENY_UNKNOWN_SOURCE},
    };
    struct dataplane dp;
    (void)state;
    start(&dp);
    struct change v[] = {class_put(9, good, 3), class_put(0, good, 1), lease_put(1, 9, 1000)};
    const struct changes c = {.v = v, .n = 3};
    assert_int_equal(plan_apply(&dp, &c), PLAN_OK);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const struct ip_addr src = ip(cases[i].src), dst = ip(cases[i].dst);
        enum deny_reason why = DENY_REASONS;
        const bool pass = dataplane_verdict(&dp, &src, &dst, cases[i].proto, cases[i].port, &why) ==
                          VERDICT_PERMIT;
        if (pass != (cases[i].deny == -1) || (!pass && (int)why != cases[i].deny))
            fail_msg("%s: %s", cases[i].what, pass ? "permitted" : deny_reason_name(why));
    }
    dataplane_clear(&dp);
}

static int start_random(void **state)
{
    const char *given = getenv("SEED");
    (void)state;
    seed = given ? strtoull(given, NULL, 10) : (uint64_t)time(NULL);
    print_message("SEED=%llu\n", (unsigned long long)seed);
    seed = seed * 0x9e3779b97f4a7c15u + 1;
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_check),   cmocka_unit_test(test_apply),
        cmocka_unit_test(test_diff),    cmocka_unit_test(test_diff_slack),
        cmocka_unit_test(test_verdict),
    };
    return cmocka_run_group_tests_name("plan", tests, start_random, NULL);
}
