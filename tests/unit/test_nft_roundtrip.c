/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What is written is what is read: random data planes and random changes go into the kernel and
 * come back equal, and the static parts verify after each. Needs root; makes its own namespace.
 * The seed is printed; SEED=n repeats a run.
 */
#include "policy/lang.h" /* before cmocka.h, which defines fail() */

#include "tests/unit/nft_lab.h"

#include "kernel_rules/nft_parts.h"

#define PLANES 1000
#define STEPS 400

static struct nft *nft;
static uint64_t seed;

static uint32_t rnd(uint32_t below)
{
    seed ^= seed << 13;
    seed ^= seed >> 7;
    seed ^= seed << 17;
    return (uint32_t)((seed >> 16) % below);
}

/* ---- random values ------------------------------------------------------------------- */

static struct ip_addr random_addr(bool v6)
{
    struct ip_addr a = ip(v6 ? "fd20::" : "10.20.0.0");
    switch (rnd(12)) {
    case 0:
        return ip(v6 ? "::" : "0.0.0.0");
    case 1:
        return ip(v6 ? "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff" : "255.255.255.255");
    default:
        a.b[v6 ? 14 : 2] = (uint8_t)rnd(3);
        a.b[v6 ? 15 : 3] = (uint8_t)(rnd(2) ? rnd(256) : rnd(2) * 255);
        return a;
    }
}

static struct permit random_permit(void)
{
    static const uint8_t protos[] = {IPPROTO_TCP, IPPROTO_UDP, IPPROTO_SCTP, 0, 47, 255};
    static const uint16_t edges[] = {0, 1, 80, 443, 1024, 65534, 65535};
    const bool v6 = rnd(2);
    struct permit p = {.proto = protos[rnd(6)]};
    p.dst.first = p.dst.last = random_addr(v6);
    if (rnd(2))
        p.dst.last = random_addr(v6);
    if (ip_cmp(&p.dst.first, &p.dst.last) > 0)
        p.dst = (struct ip_range){p.dst.last, p.dst.first};
    if (p.proto == 0)
        p.proto = v6 ? IPPROTO_ICMPV6 : IPPROTO_ICMP;
    if (has_ports(p.proto)) {
        const uint16_t a = edges[rnd(7)], b = rnd(2) ? a : edges[rnd(7)];
        p.port_first = a < b ? a : b;
        p.port_last = a < b ? b : a;
    }
    return p;
}

static struct access_class random_class(uint16_t id)
{
    struct permits raw = {0}, merged;
    for (uint32_t n = rnd(12); n > 0; n--)
        permits_add(&raw, random_permit());
    assert_int_equal(permits_minus(&raw, NULL, &merged), 0);
    permits_free(&raw);
    return (struct access_class){.id = id, .permits = merged.v, .n_permits = merged.n};
}

static struct device random_device(uint32_t index)
{
    struct device d = {.index = index, .addr4 = ip("10.77.0.0")};
    d.addr4.b[2] = (uint8_t)((index + 9) >> 8 & 3);
    d.addr4.b[3] = (uint8_t)(index + 9);
    if (index % 3) {
        d.addr6 = ip("fd77:acc::");
        d.addr6.b[14] = (uint8_t)((index + 9) >> 8);
        d.addr6.b[15] = (uint8_t)(index + 9);
    }
    memcpy(d.key.b, &index, sizeof index);
    return d;
}

static struct dataplane empty_plane(void)
{
    struct dataplane dp = {.tunnel = lab_tunnel()};
    if (rnd(3) == 0)
        dp.tunnel.log_rate = 0;
    dp.tunnel.office[0].masquerade = rnd(2);
    dp.tunnel.flowtable = rnd(2);
    return dp;
}

static void add(struct changes *c, struct change one) { assert_int_equal(changes_add(c, &one), 0); }

static void random_content(struct changes *c)
{
    const uint32_t n_classes = rnd(6), n_devices = rnd(30);
    add(c, (struct change){.kind = CHANGE_CLASS_PUT, .u.class_ = random_class(0)});
    for (uint16_t i = 1; i <= n_classes; i++)
        add(c, (struct change){.kind = CHANGE_CLASS_PUT, .u.class_ = random_class(i)});
    for (uint32_t i = 1; i <= n_devices; i++) {
        add(c, (struct change){.kind = CHANGE_DEVICE_PUT, .u.device = random_device(i)});
        if (n_classes && rnd(3))
            add(c, (struct change){.kind = CHANGE_LEASE_PUT,
                                   .u.lease = {i, (uint16_t)(1 + rnd(n_classes)),
                                               60000 + rnd(LEASE_MAX_MS - 60000)}});
    }
}

/* ---- comparing ----------------------------------------------------------------------- */

static void expect_equal(const struct dataplane *want, const char *what, int round)
{
    struct dataplane have;
    struct changes diff;
    char text[128];
    int rc = nft_snapshot(nft, &have);
    if (rc != 0)
        fail_msg("%s %d: snapshot: %s", what, round, strerror(-rc));
    assert_int_equal(plan_diff(&have, want, 20000, &diff), PLAN_OK);
    if (diff.n != 0)
        fail_msg("%s %d: kernel and model differ, %zu changes, first of kind %d", what, round,
                 diff.n, (int)diff.v[0].kind);
    assert_int_equal(have.n_devices, want->n_devices);
    assert_int_equal(have.n_leases, want->n_leases);
    rc = nft_verify_static(nft, want, text);
    if (rc != 0)
        fail_msg("%s %d: verify %d: %s", what, round, rc, text);
    changes_clear(&diff);
    dataplane_clear(&have);
}

static void test_planes(void **state)
{
    (void)state;
    if (!nft)
        skip();
    for (int i = 0; i < PLANES; i++) {
        struct dataplane dp = empty_plane();
        struct changes c = {0};
        size_t at;
        random_content(&c);
        assert_int_equal(plan_check(&dp, &c, &at), PLAN_OK);
        assert_int_equal(plan_apply(&dp, &c), PLAN_OK);
        assert_int_equal(nft_guard_install(nft, &dp.tunnel), 0);
        int rc = nft_install(nft, &dp);
        if (rc != 0)
            fail_msg("plane %d: install: %s", i, strerror(-rc));
        expect_equal(&dp, "plane", i);
        changes_clear(&c);
        dataplane_clear(&dp);
    }
}

/* ---- changes ------------------------------------------------------------------------- */

static uint32_t free_device(const struct dataplane *dp)
{
    for (int i = 0; i < 20; i++) {
        const uint32_t index = 1 + rnd(900);
        if (!dataplane_device(dp, index))
            return index;
    }
    return 0;
}

static void random_change(const struct dataplane *dp, struct changes *c)
{
    const uint16_t id = (uint16_t)(1 + rnd(20));
    const uint32_t known = dp->n_devices ? dp->devices[rnd((uint32_t)dp->n_devices)].index : 0;
    const uint32_t new = free_device(dp);
    switch (rnd(8)) {
    case 0:
        if (new)
            add(c, (struct change){.kind = CHANGE_DEVICE_PUT, .u.device = random_device(new)});
        break;
    case 1:
        if (known && rnd(3) == 0)
            add(c, (struct change){.kind = CHANGE_DEVICE_DROP, .u.device = {.index = known}});
        break;
    case 2:
        add(c, (struct change){.kind = CHANGE_CLASS_PUT, .u.class_ = random_class(0)});
        break;
    case 3:
        add(c, (struct change){.kind = CHANGE_CLASS_PUT, .u.class_ = random_class(id)});
        break;
    case 4:
        add(c, (struct change){.kind = CHANGE_CLASS_DROP, .u.class_ = {.id = id}});
        break;
    case 5:
        add(c, (struct change){.kind = CHANGE_LEASE_DROP, .u.lease = {.device = known}});
        break;
    default:
        add(c, (struct change){.kind = CHANGE_LEASE_PUT,
                               .u.lease = {known ? known : new, id, 60000 + rnd(1000000)}});
    }
}

/* Lists that the check refuses are thrown away; both outcomes must occur. */
static void test_changes(void **state)
{
    struct dataplane dp = empty_plane();
    int applied = 0, refused = 0;
    (void)state;
    if (!nft)
        skip();
    assert_int_equal(nft_guard_install(nft, &dp.tunnel), 0);
    assert_int_equal(nft_install(nft, &dp), 0);
    while (applied < STEPS) {
        struct changes c = {0};
        size_t at;
        for (uint32_t n = 1 + rnd(4); n > 0; n--)
            random_change(&dp, &c);
        if (plan_check(&dp, &c, &at) == PLAN_OK) {
            int rc = nft_apply(nft, &dp, &c);
            if (rc != 0)
                fail_msg("step %d: apply: %s", applied, strerror(-rc));
            assert_int_equal(plan_apply(&dp, &c), PLAN_OK);
            expect_equal(&dp, "step", applied);
            applied++;
        } else {
            refused++;
        }
        changes_clear(&c);
    }
    print_message("%d lists applied, %d refused\n", applied, refused);
    assert_true(refused > 0);
    dataplane_clear(&dp);
}

/* A difference, found and applied, leads from any plane to any other that it can reach. */
static void test_repair(void **state)
{
    (void)state;
    if (!nft)
        skip();
    for (int i = 0; i < 50; i++) {
        struct dataplane a = empty_plane(), b = {.tunnel = a.tunnel}, seen;
        struct changes to_a = {0}, to_b = {0}, diff;
        size_t at;
        random_content(&to_a);
        for (size_t k = 0; k < to_a.n; k++)
            if (to_a.v[k].kind != CHANGE_CLASS_PUT || to_a.v[k].u.class_.id == 0)
                continue;
            else
                to_a.v[k].u.class_.id = (uint16_t)(to_a.v[k].u.class_.id + 100);
        for (size_t k = 0; k < to_a.n; k++)
            if (to_a.v[k].kind == CHANGE_LEASE_PUT)
                to_a.v[k].u.lease.class_id = (uint16_t)(to_a.v[k].u.lease.class_id + 100);
        random_content(&to_b);
        assert_int_equal(plan_apply(&a, &to_a), PLAN_OK);
        assert_int_equal(plan_apply(&b, &to_b), PLAN_OK);
        assert_int_equal(nft_guard_install(nft, &a.tunnel), 0);
        assert_int_equal(nft_install(nft, &a), 0);
        assert_int_equal(nft_snapshot(nft, &seen), 0);
        seen.tunnel = a.tunnel;
        assert_int_equal(plan_diff(&seen, &b, 1000, &diff), PLAN_OK);
        assert_int_equal(plan_check(&seen, &diff, &at), PLAN_OK);
        assert_int_equal(nft_apply(nft, &seen, &diff), 0);
        expect_equal(&b, "repair", i);
        changes_clear(&to_a);
        changes_clear(&to_b);
        changes_clear(&diff);
        dataplane_clear(&a);
        dataplane_clear(&b);
        dataplane_clear(&seen);
    }
}

/* ---- by hand ------------------------------------------------------------------------- */

static void element(const char *set, struct element e, uint16_t type)
{
    struct batch b;
    struct element_writer w;
    nft_batch_open(&b);
    elements_open(&w, &b, set, type, type == NFT_MSG_NEWSETELEM ? NLM_F_CREATE : 0);
    elements_put(&w, &e);
    elements_close(&w);
    assert_int_equal(nft_batch_commit(&b, nft->nl), 0);
}

/* Device 1 with a lease of class 1, and class 2. */
static struct dataplane one_lease(void)
{
    struct dataplane dp = empty_plane();
    struct changes c = {0};
    add(&c, (struct change){.kind = CHANGE_DEVICE_PUT, .u.device = random_device(1)});
    add(&c, (struct change){.kind = CHANGE_CLASS_PUT, .u.class_ = random_class(1)});
    add(&c, (struct change){.kind = CHANGE_CLASS_PUT, .u.class_ = random_class(2)});
    add(&c, (struct change){.kind = CHANGE_LEASE_PUT, .u.lease = {1, 1, 60000}});
    assert_int_equal(plan_apply(&dp, &c), PLAN_OK);
    changes_clear(&c);
    assert_int_equal(nft_guard_install(nft, &dp.tunnel), 0);
    assert_int_equal(nft_install(nft, &dp), 0);
    return dp;
}

/* One part of a lease taken away by hand is seen, and renewing mends it. */
static void test_broken_lease(void **state)
{
    static const char *const broken[] = {"live", "lease4", "lease6"};
    (void)state;
    if (!nft)
        skip();
    for (size_t i = 0; i < 3; i++) {
        struct dataplane dp = one_lease(), seen;
        const struct device *d = &dp.devices[0];
        struct changes diff;
        element(broken[i],
                i == 0 ? element_of_mark(grant_mark(1, 1))
                       : element_of_addr(i == 1 ? &d->addr4 : &d->addr6),
                NFT_MSG_DELSETELEM);
        assert_int_equal(nft_snapshot(nft, &seen), 0);
        assert_int_equal(plan_diff(&seen, &dp, 5000, &diff), PLAN_OK);
        assert_int_equal(diff.n, 1);
        assert_int_equal(diff.v[0].kind, CHANGE_LEASE_PUT);
        assert_int_equal(nft_apply(nft, &dp, &diff), 0);
        expect_equal(&dp, "mended", (int)i);
        changes_clear(&diff);
        dataplane_clear(&seen);
        dataplane_clear(&dp);
    }
}

/* What no history of ours leads to is called by its name, so that the caller writes all anew. */
static void test_not_of_our_making(void **state)
{
    (void)state;
    if (!nft)
        skip();
    for (int i = 0; i < 4; i++) {
        struct dataplane dp = one_lease(), seen;
        struct element e = element_of_mark(grant_mark(i == 0 ? 1 : 9, 2));
        e.timeout_ms = 60000;
        if (i >= 2) {
            const struct ip_addr a = ip("10.77.0.99");
            e = element_of_addr(&a);
            e.has_mark = true;
            e.mark = i == 2 ? grant_mark(1, 0) : grant_mark(7, 3);
        }
        element(i < 2 ? "live" : "devices4", e, NFT_MSG_NEWSETELEM);
        assert_int_equal(nft_snapshot(nft, &seen), -EBADMSG);
        dataplane_clear(&dp);
    }
}

/* The kernel is not what the caller believes: nothing is written, and it is told. */
static void test_disagreement(void **state)
{
    (void)state;
    if (!nft)
        skip();
    struct dataplane dp = one_lease(), believed = dp;
    struct change drop = {.kind = CHANGE_DEVICE_DROP, .u.device = {.index = 1}};
    struct change again = {.kind = CHANGE_DEVICE_PUT, .u.device = dp.devices[0]};
    struct lease wrong = {1, 2, 60000};
    const struct changes drops = {.v = &drop, .n = 1}, puts = {.v = &again, .n = 1};
    assert_int_equal(nft_apply(nft, &dp, &puts), -EEXIST);
    believed.leases = &wrong;
    assert_int_equal(nft_apply(nft, &believed, &drops), -EEXIST);
    expect_equal(&dp, "untouched", 0);
    struct change classes[] = {
        {.kind = CHANGE_CLASS_PUT, .u.class_ = random_class(5)},
        {.kind = CHANGE_CLASS_PUT, .u.class_ = random_class(0)},
        again,
    };
    const struct changes undone = {.v = classes, .n = 3};
    assert_int_equal(nft_apply(nft, &dp, &undone), -EEXIST);
    expect_equal(&dp, "undone", 0);
    free(classes[0].u.class_.permits);
    free(classes[1].u.class_.permits);
    assert_int_equal(nft_apply(nft, &dp, &drops), 0);
    assert_int_equal(nft_apply(nft, &dp, &drops), -ENOENT);
    dataplane_clear(&dp);
}

static int up(void **state)
{
    const char *given = getenv("SEED");
    (void)state;
    if (geteuid() != 0) {
        print_message("skipped: needs root for a network namespace\n");
        return 0;
    }
    seed = given ? strtoull(given, NULL, 10) : (uint64_t)time(NULL);
    print_message("SEED=%llu\n", (unsigned long long)seed);
    seed = seed * 0x9e3779b97f4a7c15u + 1;
    new_namespace();
    return nft_open(&nft, -1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_planes),
        cmocka_unit_test(test_changes),
        cmocka_unit_test(test_repair),
        cmocka_unit_test(test_broken_lease),
        cmocka_unit_test(test_not_of_our_making),
        cmocka_unit_test(test_disagreement),
    };
    return cmocka_run_group_tests_name("nft_roundtrip", tests, up, NULL);
}
