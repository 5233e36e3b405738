/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Who may touch the tables, and what holds when somebody is gone: the owner's socket, the copy of
 * it that another process keeps, the guard, foreign flushes, replacement under a flood. Needs
 * root; makes its own network namespaces.
 */
#include "tests/unit/nft_lab.h"

#include <grp.h>
#include <pthread.h>
#include <stdatomic.h>

#include "kernel_rules/nft_parts.h"

static struct lab lab;
static struct dataplane dp;
static struct permit permits[1];
static struct access_class classes[2];
static struct device the_device[2];
static struct lease the_lease[1];

static void install(void)
{
    permits[0] = permit("10.20.0.9", "10.20.0.9", IPPROTO_UDP, 53, 53);
    classes[0] = (struct access_class){.id = 0};
    classes[1] = (struct access_class){.id = 1, .permits = permits, .n_permits = 1};
    the_device[0] =
        (struct device){.index = 1, .addr4 = ip("10.77.0.11"), .addr6 = ip("fd77:acc::11")};
    the_device[1] = (struct device){.index = 2, .addr4 = ip("10.77.0.12")};
    the_lease[0] = (struct lease){1, 1, 600000};
    dp = (struct dataplane){.tunnel = lab_tunnel(),
                            .classes = classes,
                            .n_classes = 2,
                            .devices = the_device,
                            .n_devices = 2,
                            .leases = the_lease,
                            .n_leases = 1};
    assert_int_equal(nft_guard_install(lab.nft, &dp.tunnel), 0);
    assert_int_equal(nft_install(lab.nft, &dp), 0);
}

#define SKIP_WITHOUT_LAB()                                                                         \
    do {                                                                                           \
        if (!lab.nft)                                                                              \
            skip();                                                                                \
    } while (0)

static enum nft_presence presence(struct nft *n)
{
    enum nft_presence p = NFT_ABSENT;
    assert_int_equal(nft_owner(n, &p), 0);
    return p;
}

static bool passes(const char *src, uint16_t sport)
{
    const struct pkt p = udp(src, sport, "10.20.0.9", 53);
    const uint32_t tag = put_on_wire(&lab, DEVICE_SIDE, &p);
    for (int i = 0; i < 20; i++) {
        if (arrived(&lab, OFFICE_SIDE, tag))
            return true;
        sleep_ms(1);
    }
    return false;
}

static bool gateway_answers(void)
{
    static uint16_t id;
    const struct pkt ping = {
        .src = ip("10.77.0.11"), .dst = ip("10.77.0.1"), .proto = IPPROTO_ICMP, .sport = ++id};
    const uint32_t tag = put_on_wire(&lab, DEVICE_SIDE, &ping);
    for (int i = 0; i < 20; i++) {
        if (arrived(&lab, DEVICE_SIDE, tag))
            return true;
        sleep_ms(1);
    }
    return false;
}

static void reopen(void)
{
    nft_close(lab.nft);
    lab.nft = NULL;
    assert_int_equal(nft_open(&lab.nft, -1), 0);
}

/* ---- the table goes with the last copy of its socket --------------------------------- */

static void test_guard_alone(void **state)
{
    (void)state;
    SKIP_WITHOUT_LAB();
    install();
    assert_int_equal(presence(lab.nft), NFT_OURS);
    assert_true(passes("10.77.0.11", 1111));
    assert_true(gateway_answers());
    reopen();
    assert_false(gateway_answers());
    assert_int_equal(presence(lab.nft), NFT_ABSENT);
    assert_false(passes("10.77.0.11", 1111));
    assert_false(passes("10.77.0.11", 1112));
    const struct pkt question = udp("10.77.0.11", 1111, "10.20.0.9", 53), push = answer(&question);
    const uint32_t tag = put_on_wire(&lab, OFFICE_SIDE, &push);
    sleep_ms(20);
    assert_false(arrived(&lab, DEVICE_SIDE, tag));
    shell("nft add table inet forger");
    shell("nft add chain inet forger pre '{ type filter hook prerouting priority -300; }'");
    shell("nft add rule inet forger pre meta mark set 0x3ffffac7");
    assert_false(passes("10.77.0.11", 1113));
    shell("nft delete table inet forger");
}

/* A process without capabilities keeps the table by holding the socket, and cannot use it. */
static void hold(int fd, int ready, int release)
{
    char c = 'x';
    struct nft *n = NULL;
    struct batch b;
    if (setgroups(0, NULL) != 0 || setresgid(65534, 65534, 65534) != 0 ||
        setresuid(65534, 65534, 65534) != 0)
        _exit(2);
    if (nft_open(&n, fd) != 0)
        _exit(3);
    nft_batch_open(&b);
    drop_table(&b, NFT_TABLE_NAME);
    c = nft_batch_commit(&b, n->nl) == -EPERM ? 'P' : 'B';
    if (write(ready, &c, 1) != 1 || read(release, &c, 1) < 0)
        _exit(4);
    _exit(0);
}

static void test_holder(void **state)
{
    int ready[2], release[2], status;
    char c = 0;
    (void)state;
    SKIP_WITHOUT_LAB();
    install();
    assert_int_equal(pipe(ready), 0);
    assert_int_equal(pipe(release), 0);
    const pid_t pid = fork();
    if (pid == 0) {
        close(release[1]);
        hold(nft_fd(lab.nft), ready[1], release[0]);
    }
    assert_int_equal(read(ready[0], &c, 1), 1);
    assert_int_equal(c, 'P');
    const int copy = fcntl(nft_fd(lab.nft), F_DUPFD_CLOEXEC, 0);
    reopen();
    assert_int_equal(presence(lab.nft), NFT_FOREIGN_OWNER);
    assert_int_equal(nft_install(lab.nft, &dp), -EEXIST);
    close(copy);
    assert_int_equal(presence(lab.nft), NFT_FOREIGN_OWNER);
    assert_true(passes("10.77.0.11", 2222));
    assert_int_equal(write(release[1], "x", 1), 1);
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_int_equal(status, 0);
    assert_int_equal(presence(lab.nft), NFT_ABSENT);
    assert_false(passes("10.77.0.11", 2222));
    for (int i = 0; i < 2; i++) {
        close(ready[i]);
        close(release[i]);
    }
}

/* A restarted parent takes the socket back and goes on where the former one stopped. */
static void test_adopt(void **state)
{
    (void)state;
    SKIP_WITHOUT_LAB();
    install();
    const int copy = fcntl(nft_fd(lab.nft), F_DUPFD_CLOEXEC, 0);
    nft_close(lab.nft);
    assert_int_equal(nft_open(&lab.nft, copy), 0);
    assert_int_equal(presence(lab.nft), NFT_OURS);
    struct dataplane seen;
    struct changes diff;
    assert_int_equal(nft_snapshot(lab.nft, &seen), 0);
    assert_int_equal(plan_diff(&seen, &dp, 5000, &diff), PLAN_OK);
    assert_int_equal(diff.n, 0);
    dataplane_clear(&seen);
    struct change one = {.kind = CHANGE_LEASE_PUT, .u.lease = {2, 1, 60000}};
    const struct changes list = {.v = &one, .n = 1};
    assert_false(passes("10.77.0.12", 3333));
    assert_int_equal(nft_apply(lab.nft, &dp, &list), 0);
    assert_true(passes("10.77.0.12", 3333));
}

/* ---- foreign hands ------------------------------------------------------------------- */

static const struct {
    const char *what, *command;
    bool tables;
    const char *found;
} tampering[] = {
    {"flush ruleset", "nft flush ruleset", true, "chain portcullis_guard"},
    {"delete the guard", "nft delete table inet portcullis_guard", true, "chain portcullis_guard"},
    {"accept in the guard", "nft insert rule inet portcullis_guard verify_forward accept", true,
     "not ours: rule portcullis_guard verify_forward"},
    {"flush a chain of the guard", "nft flush chain inet portcullis_guard verify_input", true,
     "rule portcullis_guard verify_input"},
    {"a chain more in the guard",
     "nft add chain inet portcullis_guard more '{ type filter hook forward priority 0; }'", true,
     "not ours: chain portcullis_guard more"},
    {"another policy", "nft add chain inet portcullis_guard verify_input '{ policy drop; }'", true,
     "chain portcullis_guard verify_input"},
    {"dormant guard", "nft add table inet portcullis_guard '{ flags dormant; }'", true,
     "table portcullis_guard"},
    {"somebody else's table", "nft add table inet other", false, NULL},
    {"delete our table", "! nft delete table inet portcullis 2>/dev/null", false, NULL},
    {"accept in our table", "! nft insert rule inet portcullis forward accept 2>/dev/null", false,
     NULL},
    {"an element of ours", "! nft add element inet portcullis live '{ 1 }' 2>/dev/null", false,
     NULL},
};

static void test_foreign_hands(void **state)
{
    struct nft_events *events;
    char what[128];
    (void)state;
    SKIP_WITHOUT_LAB();
    install();
    assert_int_equal(nft_events_open(&events), 0);
    for (size_t i = 0; i < sizeof tampering / sizeof tampering[0]; i++) {
        const bool felt = tampering[i].tables;
        assert_int_equal(nft_events_read(events, lab.nft), 0);
        shell(tampering[i].command);
        struct pollfd p = {.fd = nft_events_fd(events), .events = POLLIN};
        poll(&p, 1, felt ? 100 : 0);
        if (nft_events_read(events, lab.nft) != felt)
            fail_msg("%s: event not %s", tampering[i].what, felt ? "noticed" : "ours");
        assert_false(passes("10.77.0.12", (uint16_t)(4000 + i)));
        const int rc = nft_verify_static(lab.nft, &dp, what);
        if (rc != felt || (felt && !strstr(what, tampering[i].found)))
            fail_msg("%s: verify says %d \"%s\"", tampering[i].what, rc, what);
        assert_int_equal(nft_guard_install(lab.nft, &dp.tunnel), 0);
        if (nft_verify_static(lab.nft, &dp, what) != 0)
            fail_msg("%s: not repaired: %s", tampering[i].what, what);
    }
    assert_true(passes("10.77.0.11", 4444));
    nft_events_close(events);
}

/* Our own acts are no events, however many there are. */
static void test_own_acts(void **state)
{
    struct nft_events *events;
    (void)state;
    SKIP_WITHOUT_LAB();
    assert_int_equal(nft_events_open(&events), 0);
    assert_int_equal(nft_events_read(events, lab.nft), 0);
    for (int i = 0; i < 50; i++)
        install();
    assert_int_equal(nft_events_read(events, lab.nft), 0);
    nft_events_close(events);
}

static void test_unowned_namesake(void **state)
{
    (void)state;
    SKIP_WITHOUT_LAB();
    install();
    reopen();
    shell("nft add table inet portcullis; nft add chain inet portcullis forward");
    assert_int_equal(presence(lab.nft), NFT_UNOWNED);
    install();
    assert_int_equal(presence(lab.nft), NFT_OURS);
    char what[128];
    assert_int_equal(nft_verify_static(lab.nft, &dp, what), 0);
}

/* Kernels without flowtables (the build machine's) cannot show it: skipped there, with a word. */
static void test_flowtable(void **state)
{
    char what[128];
    (void)state;
    SKIP_WITHOUT_LAB();
    install();
    assert_int_equal(nft_flowtable_over(lab.nft, &dp.tunnel, what), 0);
    shell("nft add table inet fast");
    if (try_shell("nft add flowtable inet fast f '{ hook ingress priority 0; devices = { lo }; }' "
                  "2>/dev/null")) {
        print_message("skipped: this kernel has no flowtables\n");
        skip();
    }
    assert_int_equal(nft_flowtable_over(lab.nft, &dp.tunnel, what), 0);
    shell("nft add flowtable inet fast g '{ hook ingress priority 0; devices = { eth1 }; }'");
    assert_int_equal(nft_flowtable_over(lab.nft, &dp.tunnel, what), 1);
    assert_string_equal(what, "flowtable g of table fast covers eth1");
    shell("nft delete table inet fast");
}

/* ---- replacement under a flood ------------------------------------------------------- */

static atomic_bool flood_on;
static atomic_uint flooded;

static void *flood(void *arg)
{
    struct lab mine = lab;
    (void)arg;
    for (uint16_t port = 0; atomic_load(&flood_on); port++) {
        const struct pkt denied = udp("10.77.0.12", port, "10.20.0.9", 53);
        mine.tag = 0x77777776;
        put_on_wire(&mine, DEVICE_SIDE, &denied);
        atomic_fetch_add(&flooded, 1);
    }
    return NULL;
}

static void replace_all(void)
{
    struct permit more[2] = {permits[0], permit("10.20.0.9", "10.20.0.9", IPPROTO_UDP, 54, 60)};
    struct change class_put = {.kind = CHANGE_CLASS_PUT, .u.class_ = {0, &more[1], 1}};
    const struct changes list = {.v = &class_put, .n = 1};
    install();
    assert_int_equal(nft_apply(lab.nft, &dp, &list), 0);
    assert_int_equal(nft_guard_install(lab.nft, &dp.tunnel), 0);
}

static void test_replace_under_flood(void **state)
{
    pthread_t t;
    (void)state;
    SKIP_WITHOUT_LAB();
    install();
    while (arrived(&lab, OFFICE_SIDE, 0))
        ;
    atomic_store(&flood_on, true);
    assert_int_equal(pthread_create(&t, NULL, flood, NULL), 0);
    for (int i = 0; i < 150; i++)
        replace_all();
    atomic_store(&flood_on, false);
    pthread_join(t, NULL);
    sleep_ms(50);
    print_message("flooded with %u denied packets during 150 replacements\n", flooded);
    assert_true(atomic_load(&flooded) > 1000);
    assert_false(arrived(&lab, OFFICE_SIDE, 0x77777777));
    assert_true(passes("10.77.0.11", 5555));
}

/* ---- classes that change under a flood ------------------------------------------------ */

static struct access_class ranged_class(uint16_t id)
{
    struct access_class c = {.id = id, .permits = calloc(50, sizeof *c.permits)};
    for (uint8_t i = 0; i < 49; i++) {
        struct permit *p = &c.permits[c.n_permits++];
        *p = permit("10.19.0.0", "10.19.0.3", IPPROTO_TCP, 10, 20);
        p->dst.first.b[2] = p->dst.last.b[2] = i;
    }
    c.permits[c.n_permits++] = permit("10.20.0.5", "10.20.0.9", IPPROTO_UDP, 50, 60);
    return c;
}

static void *permitted_flood(void *arg)
{
    struct lab mine = lab;
    (void)arg;
    for (uint16_t port = 1; atomic_load(&flood_on); port = (uint16_t)(1 + port % 200)) {
        const struct pkt leased = udp("10.77.0.11", port, "10.20.0.9", 53);
        const struct pkt quarantined = udp("10.77.0.12", port, "10.20.0.9", 53);
        put_on_wire(&mine, DEVICE_SIDE, &leased);
        put_on_wire(&mine, DEVICE_SIDE, &quarantined);
        atomic_fetch_add(&flooded, 2);
    }
    return NULL;
}

/* A policy edit: every class is new, quarantine too, every lease moves, the old class goes. */
static void edit_policy(struct dataplane *now, uint16_t from, uint16_t to)
{
    struct change v[] = {
        {.kind = CHANGE_CLASS_PUT, .u.class_ = ranged_class(to)},
        {.kind = CHANGE_CLASS_PUT, .u.class_ = ranged_class(0)},
        {.kind = CHANGE_LEASE_PUT, .u.lease = {1, to, 600000}},
        {.kind = CHANGE_CLASS_DROP, .u.class_ = {.id = from}},
    };
    const struct changes c = {.v = v, .n = 4};
    assert_int_equal(plan_check(now, &c, NULL), PLAN_OK);
    assert_int_equal(nft_apply(lab.nft, now, &c), 0);
    assert_int_equal(plan_apply(now, &c), PLAN_OK);
    free(v[0].u.class_.permits);
    free(v[1].u.class_.permits);
}

static struct dataplane two_devices(void)
{
    struct dataplane now = {.tunnel = lab_tunnel()};
    struct change v[] = {
        {.kind = CHANGE_DEVICE_PUT, .u.device = {.index = 1, .addr4 = ip("10.77.0.11")}},
        {.kind = CHANGE_DEVICE_PUT, .u.device = {.index = 2, .addr4 = ip("10.77.0.12")}},
        {.kind = CHANGE_CLASS_PUT, .u.class_ = ranged_class(0)},
        {.kind = CHANGE_CLASS_PUT, .u.class_ = ranged_class(1)},
        {.kind = CHANGE_LEASE_PUT, .u.lease = {1, 1, 600000}},
    };
    const struct changes c = {.v = v, .n = 5};
    assert_int_equal(plan_apply(&now, &c), PLAN_OK);
    assert_int_equal(nft_install(lab.nft, &now), 0);
    free(v[2].u.class_.permits);
    free(v[3].u.class_.permits);
    return now;
}

static void test_change_under_flood(void **state)
{
    struct rule_counts before, after;
    pthread_t t;
    (void)state;
    SKIP_WITHOUT_LAB();
    struct dataplane now = two_devices();
    assert_int_equal(nft_counts(lab.nft, &before), 0);
    atomic_store(&flooded, 0);
    atomic_store(&flood_on, true);
    assert_int_equal(pthread_create(&t, NULL, permitted_flood, NULL), 0);
    for (uint16_t i = 1; i <= 300; i++)
        edit_policy(&now, i, (uint16_t)(i + 1));
    atomic_store(&flood_on, false);
    pthread_join(t, NULL);
    sleep_ms(50);
    assert_int_equal(nft_counts(lab.nft, &after), 0);
    print_message("%u permitted packets during 300 policy edits\n", flooded);
    assert_true(atomic_load(&flooded) > 1000);
    for (int i = 0; i < DENY_REASONS; i++)
        if (after.denied[i] != before.denied[i])
            fail_msg("%d denied: %s", (int)(after.denied[i] - before.denied[i]),
                     deny_reason_name((enum deny_reason)i));
    dataplane_clear(&now);
}

/* ---- counting ------------------------------------------------------------------------ */

static void test_counts(void **state)
{
    struct rule_counts c;
    (void)state;
    SKIP_WITHOUT_LAB();
    install();
    for (int i = 0; i < 1000; i++) {
        const struct pkt denied = udp("10.77.0.12", (uint16_t)(i + 1), "10.20.0.9", 53);
        put_on_wire(&lab, DEVICE_SIDE, &denied);
    }
    sleep_ms(100);
    assert_int_equal(nft_counts(lab.nft, &c), 0);
    assert_int_equal(c.denied[DENY_NO_LEASE], 1000);
    assert_true(c.logged[DENY_NO_LEASE] >= 200 && c.logged[DENY_NO_LEASE] < 400);
}

static int up(void **state)
{
    (void)state;
    lab_up(&lab);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_guard_alone),
        cmocka_unit_test(test_holder),
        cmocka_unit_test(test_adopt),
        cmocka_unit_test(test_foreign_hands),
        cmocka_unit_test(test_own_acts),
        cmocka_unit_test(test_flowtable),
        cmocka_unit_test(test_unowned_namesake),
        cmocka_unit_test(test_replace_under_flood),
        cmocka_unit_test(test_change_under_flood),
        cmocka_unit_test(test_counts),
    };
    return cmocka_run_group_tests_name("nft_owner", tests, up, NULL);
}
