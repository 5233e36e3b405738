/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A commit as the parent carries it out, with real tables and connections in a namespace of our
 * own and a WireGuard that is none: what was dropped is gone when it answers, and what could not be
 * removed is said to be left. Needs root and conntrack(8), which makes the connections.
 */
#include "tests/unit/nft_lab.h"

#include <sys/syscall.h>

#include "gateway/parent.h"
#include "kernel_rules/wireguard_parts.h"

static struct lab lab;
static struct parent p;

/* ---- a WireGuard of one peer ---------------------------------------------------------- */

static struct wg_key peer;
static bool has_peer, stuck, unreadable;

static int fake_read(struct wg *w, struct wg_state *out)
{
    struct wg_collect c = {.state = out};
    (void)w;
    *out = (struct wg_state){.listen_port = 51820};
    if (unreadable)
        return -EIO;
    return has_peer && !wg_collect_peer(&c, &peer) ? -ENOMEM : 0;
}

static int fake_set(struct wg *w, const struct wg_key *key, const uint16_t *port)
{
    (void)w, (void)key, (void)port;
    return 0;
}

static int fake_put(struct wg *w, const struct device *d, size_t n)
{
    (void)w;
    has_peer = n > 0;
    peer = d[0].key;
    return 0;
}

static int fake_end(struct wg *w, const struct wg_key *keys, size_t n, enum wg_end how)
{
    (void)w, (void)keys, (void)n;
    if (how == WG_REMOVE && !stuck)
        has_peer = false;
    return 0;
}

static int fake_count(struct wg *w, const struct wg_key *keys, size_t n, uint32_t *there)
{
    (void)w, (void)keys, (void)n, (void)there;
    return -EOPNOTSUPP;
}

static const struct wg_ops fake_ops = {fake_read, fake_set, fake_put, fake_end, fake_count};
static struct wg wg = {.iface = "wg0", .ops = &fake_ops};

/* ---- a kernel whose answer is lost ----------------------------------------------------- */

static bool lose;      /* the next one */

ssize_t recvmsg(int fd, struct msghdr *m, int flags)
{
    ssize_t n = syscall(SYS_recvmsg, fd, m, flags);

    if (n < 0 || !lose)
        return n;
    lose = false;
    errno = ENOBUFS;
    return -1;
}

/* ---- asking --------------------------------------------------------------------------- */

static struct commit_answer commit(const struct change *v, uint32_t n, bool whole)
{
    struct commit_answer a = {0};
    struct writer w, answer;
    struct reader r;
    writer_init(&w, 65536);
    writer_init(&answer, 65536);
    put_u32(&w, n);
    for (uint32_t i = 0; i < n; i++)
        put_change(&w, &v[i]);
    reader_init(&r, w.v, w.n);
    assert_int_equal(request_changes(&p, &r, &answer), 0);
    writer_clear(&w);
    writer_init(&w, 16);
    put_u8(&w, whole);
    reader_init(&r, w.v, w.n);
    assert_int_equal(request_commit(&p, &r, &answer), 0);
    reader_init(&r, answer.v, answer.n);
    get_commit_answer(&r, &a);
    assert_true(reader_done(&r));
    writer_clear(&w);
    writer_clear(&answer);
    return a;
}

static const struct device the_device = {
    .index = 1, .addr4 = {4, {10, 77, 0, 11}}, .key = {{5}}};

static void start(void)
{
    struct permit one = permit("10.20.0.9", "10.20.0.9", IPPROTO_UDP, 53, 53);
    const struct change all[] = {
        {.kind = CHANGE_CLASS_PUT, .u.class_ = {.id = 0}},
        {.kind = CHANGE_CLASS_PUT, .u.class_ = {.id = 1, .permits = &one, .n_permits = 1}},
        {.kind = CHANGE_DEVICE_PUT, .u.device = the_device},
        {.kind = CHANGE_LEASE_PUT, .u.lease = {1, 1, 600000}},
    };
    memset(&p, 0, sizeof p);
    p.nft = lab.nft;
    p.wg = &wg;
    p.loop = loop_new();
    p.endings.timer = -1;
    p.phase = PHASE_TUNNEL;
    p.tunnel = lab_tunnel();
    p.tunnel.listen_port = 51820;
    stuck = unreadable = has_peer = false;
    assert_int_equal(ct_open(&p.ct), 0);
    (void)commit(all, 4, true);
    assert_true(has_peer);
    assert_int_equal(p.phase, PHASE_LOADED);
    shell("conntrack -F >/dev/null 2>&1; conntrack -I -p udp -s 10.77.0.11 -d 10.20.0.9 "
          "--sport 1000 --dport 53 -t 600 -m 4097 >/dev/null 2>&1");
}

static void stop(void)
{
    ct_close(p.ct);
    dataplane_clear(&p.wish);
    free(p.endings.v);
    loop_free(p.loop);
}

static const struct change drop = {.kind = CHANGE_DEVICE_DROP, .u.device = {.index = 1}};

static bool skipped(void)
{
    if (lab.nft && access("/usr/sbin/conntrack", X_OK) == 0)
        return false;
    print_message("needs root and conntrack\n");
    return true;
}

static void nothing_is_left(void **state)
{
    (void)state;
    if (skipped())
        skip();
    start();
    const struct pkt before = udp("10.77.0.11", 1000, "10.20.0.9", 53);
    expect_fate(&lab, DEVICE_SIDE, &before, ARRIVED, "before");
    struct commit_answer a = commit(&drop, 1, false);
    assert_int_equal(a.connections, 1);
    assert_int_equal(a.leases_left + a.connections_left + a.peers_left, 0);
    assert_true(a.kernel_ns != 0 && a.done_ns >= a.kernel_ns);
    assert_false(has_peer);
    assert_int_equal(try_shell("conntrack -L 2>/dev/null | grep -q 'src=10.77.0.11 .*mark=4097'"), 256);
    expect_fate(&lab, DEVICE_SIDE, &before, DENY_UNKNOWN_SOURCE, "after");
    stop();
}

/* A lapsed lease, too: its connections through the gateway end, the device stays. */
static void a_dropped_lease_ends_its_connections(void **state)
{
    const struct change lease = {.kind = CHANGE_LEASE_DROP, .u.lease = {.device = 1}};
    (void)state;
    if (skipped())
        skip();
    start();
    struct commit_answer a = commit(&lease, 1, false);
    assert_int_equal(a.connections, 1);
    assert_true(has_peer);
    stop();
}

static void a_peer_that_stays_is_said(void **state)
{
    (void)state;
    if (skipped())
        skip();
    start();
    stuck = true;
    assert_int_equal(commit(&drop, 1, false).peers_left, 1);
    stop();
    start();
    unreadable = true;                                   /* what cannot be read counts as left */
    assert_int_equal(commit(&drop, 1, false).peers_left, 1);
    stop();
}

/* The transaction took place and nobody heard of it: what is there is read, and made what it is to
 * be, without the engine. */
static void a_lost_answer_is_read_back(void **state)
{
    const struct change lease = {.kind = CHANGE_LEASE_DROP, .u.lease = {.device = 1}};
    struct dataplane there;
    (void)state;
    if (skipped())
        skip();
    start();
    lose = true;
    struct commit_answer a = commit(&lease, 1, false);
    assert_false(lose);
    assert_int_equal(a.leases_left, 0);
    assert_int_equal(p.wish.n_leases, 0);
    assert_int_equal(nft_snapshot(p.nft, &there), 0);
    assert_int_equal(there.n_leases, 0);
    assert_int_equal(there.n_devices, 1);
    dataplane_clear(&there);
    stop();
}

static int begin(void **state)
{
    (void)state;
    return lab_up(&lab) < 0 ? -1 : 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nothing_is_left),
        cmocka_unit_test(a_dropped_lease_ends_its_connections),
        cmocka_unit_test(a_peer_that_stays_is_said),
        cmocka_unit_test(a_lost_answer_is_read_back),
    };
    return cmocka_run_group_tests(tests, begin, NULL);
}
