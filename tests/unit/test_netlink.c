/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Attribute parsing on hostile bytes, and one real socket: answers, errors, dumps, batches.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/rtnetlink.h>

#include "kernel_rules/netlink.h"

static void attributes_that_do_not_fit(void **state)
{
    static const struct { const char *what; uint8_t bytes[12]; size_t len; int rc; } cases[] = {
        {"none", {0}, 0, 0},
        {"one of four bytes", {8, 0, 1, 0, 1, 2, 3, 4}, 8, 0},
        {"one without padding", {5, 0, 1, 0, 9}, 5, 0},
        {"a type above max is skipped", {4, 0, 99, 0}, 4, 0},
        {"shorter than its header", {3, 0, 1, 0}, 4, -EINVAL},
        {"length zero", {0, 0, 1, 0}, 4, -EINVAL},
        {"longer than the message", {9, 0, 1, 0, 1, 2, 3, 4}, 8, -EINVAL},
        {"a header cut off", {4, 0, 1, 0, 4, 0}, 6, -EINVAL},
        {"one byte behind", {8, 0, 1, 0, 1, 2, 3, 4, 7}, 9, -EINVAL},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        _Alignas(8) uint8_t msg[64] = {0};
        const struct nlattr *tb[4];
        struct nlmsghdr *nlh = mnl_nlmsg_put_header(msg);
        memcpy(msg + sizeof *nlh, cases[i].bytes, cases[i].len);
        nlh->nlmsg_len = (uint32_t)(sizeof *nlh + cases[i].len);
        if (nl_attrs(nlh, 0, tb, 3) != cases[i].rc)
            fail_msg("%s: %d", cases[i].what, nl_attrs(nlh, 0, tb, 3));
    }
}

static void header_longer_than_the_message(void **state)
{
    _Alignas(8) uint8_t msg[64] = {0};
    const struct nlattr *tb[2];
    struct nlmsghdr *nlh = mnl_nlmsg_put_header(msg);
    (void)state;
    assert_int_equal(nl_attrs(nlh, 4, tb, 1), -EINVAL);
}

static int count(const struct nlmsghdr *nlh, void *arg)
{
    (void)nlh;
    ++*(int *)arg;
    return 0;
}

static int refuse(const struct nlmsghdr *nlh, void *arg)
{
    (void)nlh;
    ++*(int *)arg;
    return -E2BIG;
}

static struct nlmsghdr *get_link(void *buf, uint16_t flags, int index)
{
    struct nlmsghdr *nlh = mnl_nlmsg_put_header(buf);
    struct ifinfomsg *ifi = mnl_nlmsg_put_extra_header(nlh, sizeof *ifi);
    nlh->nlmsg_type = RTM_GETLINK;
    nlh->nlmsg_flags = flags;
    ifi->ifi_index = index;
    return nlh;
}

static void requests_and_dumps(void **state)
{
    _Alignas(8) char buf[256];
    struct nl *nl;
    int n = 0;
    (void)state;
    assert_int_equal(nl_open(&nl, NETLINK_ROUTE), 0);
    assert_int_equal(nl_request(nl, get_link(buf, 0, 1), count, &n), 0);
    assert_int_equal(n, 1);
    assert_int_equal(nl_request(nl, get_link(buf, 0, 999999), count, &n), -ENODEV);
    n = 0;
    assert_int_equal(nl_request(nl, get_link(buf, NLM_F_DUMP, 0), refuse, &n), -E2BIG);
    assert_int_equal(n, 1);
    n = 0;                       /* the refused dump was drained: the next answer is the next one */
    assert_int_equal(nl_request(nl, get_link(buf, 0, 1), count, &n), 0);
    assert_int_equal(n, 1);
    nl_close(nl);
}

static struct nlmsghdr *nf(void *at, int subsys, int msg, uint8_t family, uint16_t res)
{
    struct nlmsghdr *nlh = mnl_nlmsg_put_header(at);
    struct nfgenmsg *g = mnl_nlmsg_put_extra_header(nlh, sizeof *g);
    nlh->nlmsg_type = (uint16_t)(subsys << 8 | msg);
    nlh->nlmsg_flags = NLM_F_REQUEST;
    g->nfgen_family = family;
    g->res_id = __builtin_bswap16(res);
    return nlh;
}

/* BEGIN, n deletions of tables that do not exist (the last is acknowledged), END. */
static size_t bad_batch(char *buf, int n)
{
    char *at = buf;
    at += nf(at, 0, NFNL_MSG_BATCH_BEGIN, 0, NFNL_SUBSYS_NFTABLES)->nlmsg_len;
    for (int i = 0; i < n; i++) {
        struct nlmsghdr *nlh = nf(at, NFNL_SUBSYS_NFTABLES, NFT_MSG_DELTABLE, 1, 0);
        mnl_attr_put_strz(nlh, NFTA_TABLE_NAME, "portcullis_absent");
        if (i == n - 1)
            nlh->nlmsg_flags |= NLM_F_ACK;
        at += nlh->nlmsg_len;
    }
    at += nf(at, 0, NFNL_MSG_BATCH_END, 0, NFNL_SUBSYS_NFTABLES)->nlmsg_len;
    return (size_t)(at - buf);
}

static void batches(void **state)
{
    _Alignas(8) static char buf[65536];
    struct nl *nl;
    size_t bad = 99, len;
    (void)state;
    if (geteuid() != 0) {
        print_message("needs root: nfnetlink asks for CAP_NET_ADMIN\n");
        skip();
    }
    assert_int_equal(nl_open(&nl, NETLINK_NETFILTER), 0);
    len = bad_batch(buf, 3);
    assert_int_equal(nl_batch(nl, buf, len, &bad), -ENOENT);
    assert_int_equal(bad, 1);
    assert_int_equal(nl_batch(nl, buf, len - 1, &bad), -EINVAL);
    len = bad_batch(buf, 500);   /* 500 errors in the queue must not be taken for the next answer */
    assert_int_equal(nl_batch(nl, buf, len, &bad), -ENOENT);
    len = (size_t)(nf(buf, 0, NFNL_MSG_BATCH_BEGIN, 0, NFNL_SUBSYS_NFTABLES)->nlmsg_len);
    assert_int_equal(nl_batch(nl, buf, len, &bad), -EINVAL);
    nl_close(nl);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(attributes_that_do_not_fit),
        cmocka_unit_test(header_longer_than_the_message),
        cmocka_unit_test(requests_and_dumps),
        cmocka_unit_test(batches),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
