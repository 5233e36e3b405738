/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Building and parsing without a kernel: elements come back as they were written, also when cut
 * into several messages; malformed replies are refused; names mean one thing; an announced
 * message is ours or somebody else's.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <arpa/inet.h>
#include <errno.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nfnetlink.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "kernel_rules/nft_parts.h"
#include "policy/address.h"

#define ELEM_TYPE (NFNL_SUBSYS_NFTABLES << 8 | NFT_MSG_NEWSETELEM)

struct seen {
    struct element v[16];
    size_t n;
    uint32_t sum;
};

static int see(const struct element *e, void *arg)
{
    struct seen *s = arg;
    uint32_t key;
    memcpy(&key, e->key, sizeof key);
    s->sum += key;
    s->v[s->n++ % 16] = *e;
    return 0;
}

static int parse_all(const struct batch *b, struct seen *s, size_t *messages)
{
    int left = (int)b->len, rc = 0;
    const struct nlmsghdr *nlh = (const void *)b->buf;
    for (; rc == 0 && mnl_nlmsg_ok(nlh, left); nlh = mnl_nlmsg_next(nlh, &left)) {
        if (nlh->nlmsg_type != ELEM_TYPE)
            continue;
        ++*messages;
        rc = elements_parse(nlh, see, s);
    }
    return rc;
}

static void test_round_trip(void **state)
{
    struct element in[4] = {
        {.key = {10, 77, 0, 9}, .len = 4, .has_mark = true, .mark = 0x12345678},
        {.key = {1, 2, 3, 4, 6, 0, 0, 0, 0, 80},
         .end = {1, 2, 3, 9, 6, 0, 0, 0, 1, 0},
         .len = 12,
         .ranged = true},
        {.key = {7}, .len = 4, .chain = "class_7"},
        {.key = {0xfd, [23] = 1}, .len = 24},
    };
    struct element_writer w;
    struct batch b;
    struct seen s = {0};
    size_t messages = 0;
    (void)state;
    nft_batch_open(&b);
    elements_open(&w, &b, "any", NFT_MSG_NEWSETELEM, 0);
    for (size_t i = 0; i < 4; i++)
        elements_put(&w, &in[i]);
    elements_close(&w);
    assert_int_equal(b.err, 0);
    assert_int_equal(parse_all(&b, &s, &messages), 0);
    assert_int_equal(s.n, 4);
    assert_int_equal(messages, 1);
    for (size_t i = 0; i < 4; i++)
        if (memcmp(&s.v[i], &in[i], sizeof in[i]) != 0)
            fail_msg("element %zu differs", i);
    nft_batch_free(&b);
}

static void test_many(void **state)
{
    struct element_writer w;
    struct batch b;
    struct seen s = {0};
    size_t messages = 0;
    uint32_t sum = 0;
    (void)state;
    nft_batch_open(&b);
    elements_open(&w, &b, "live", NFT_MSG_NEWSETELEM, 0);
    for (uint32_t i = 0; i < 100000; i++) {
        struct element e = element_of_mark(i);
        e.timeout_ms = i + 1;
        elements_put(&w, &e);
        sum += i;
    }
    elements_close(&w);
    assert_int_equal(b.err, 0);
    assert_int_equal(parse_all(&b, &s, &messages), 0);
    assert_int_equal(s.n, 100000);
    assert_int_equal(s.sum, sum);
    assert_true(messages > 30 && messages < 100);
    nft_batch_free(&b);
}

/* Every prefix of a message, and every byte of it replaced: refused or parsed, never more. */
static void test_damaged(void **state)
{
    struct element e = {.key = {1, 2, 3, 4},
                        .end = {1, 2, 3, 9},
                        .len = 4,
                        .ranged = true,
                        .has_mark = true,
                        .mark = 5};
    struct element_writer w;
    struct batch b;
    (void)state;
    nft_batch_open(&b);
    const size_t start = b.len;
    elements_open(&w, &b, "x", NFT_MSG_NEWSETELEM, 0);
    elements_put(&w, &e);
    elements_close(&w);
    const size_t len = b.len - start;
    int refused = 0;
    for (size_t i = sizeof(struct nlmsghdr); i < len; i++) {
        uint8_t *copy = malloc(len);
        struct seen s = {0};
        memcpy(copy, b.buf + start, len);
        ((struct nlmsghdr *)(void *)copy)->nlmsg_len = (uint32_t)i;
        refused += elements_parse((const void *)copy, see, &s) < 0;
        memcpy(copy, b.buf + start, len);
        copy[i] ^= 0xff;
        refused += elements_parse((const void *)copy, see, &s) < 0;
        assert_true(s.n <= 2);
        free(copy);
    }
    assert_true(refused > 40);
    nft_batch_free(&b);
}

/* A name is one text: what stands behind a NUL would be compared by some and not by others. */
static void test_nul_in_chain(void **state)
{
    struct element e = {.key = {7}, .len = 4, .chain = "class_7"};
    struct element_writer w;
    struct batch b;
    struct seen s = {0};
    (void)state;
    nft_batch_open(&b);
    const size_t start = b.len;
    elements_open(&w, &b, "classes", NFT_MSG_NEWSETELEM, 0);
    elements_put(&w, &e);
    elements_close(&w);
    assert_int_equal(elements_parse((const void *)(b.buf + start), see, &s), 0);
    uint8_t *name = memmem(b.buf + start, b.len - start, "class_7", 7);
    assert_non_null(name);
    name[5] = '\0';
    assert_int_equal(elements_parse((const void *)(b.buf + start), see, &s), -EBADMSG);
    nft_batch_free(&b);
}

static void test_set_names(void **state)
{
    static const struct {
        const char *name;
        bool ok;
        uint16_t id;
        unsigned which;
        char generation;
    } cases[] = {
        {"c7_x4", true, 7, 0, 'a'},       {"c7_x6", true, 7, 1, 'a'},
        {"c4095_q6", true, 4095, 7, 'a'}, {"c0_r4_a", true, 0, 2, 'a'},
        {"c0_p6_b", true, 0, 5, 'b'},     {"c0_x4", false, 0, 0, 0},
        {"c4096_x4", false, 0, 0, 0},     {"c07_x4", false, 0, 0, 0},
        {"c7_x4_a", false, 0, 0, 0},      {"c7_x5", false, 0, 0, 0},
        {"c7_y4", false, 0, 0, 0},        {"c_x4", false, 0, 0, 0},
        {"c7", false, 0, 0, 0},           {"c7_", false, 0, 0, 0},
        {"classes", false, 0, 0, 0},      {"", false, 0, 0, 0},
        {"lease4", false, 0, 0, 0},       {"c99999999999_x4", false, 0, 0, 0},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        uint16_t id;
        unsigned which;
        char generation;
        const bool ok = class_set_parse(cases[i].name, &id, &which, &generation);
        if (ok != cases[i].ok)
            fail_msg("%s: %d", cases[i].name, ok);
        if (ok &&
            (id != cases[i].id || which != cases[i].which || generation != cases[i].generation))
            fail_msg("%s: %u %u %c", cases[i].name, id, which, generation);
    }
}

/* Each permit has one home, and the class asks exact sets before ranges. */
static void test_kinds(void **state)
{
    static const struct {
        const char *first, *last;
        uint8_t proto;
        uint16_t from, to;
        uint32_t sets;
    } cases[] = {
        {"10.0.0.1", "10.0.0.1", 6, 80, 80, 1u << 0}, {"fd00::1", "fd00::1", 17, 80, 80, 1u << 1},
        {"10.0.0.1", "10.0.0.1", 6, 80, 81, 1u << 2}, {"fd00::1", "fd00::2", 6, 80, 80, 1u << 3},
        {"10.0.0.1", "10.0.0.1", 1, 0, 0, 1u << 4},   {"fd00::1", "fd00::1", 58, 0, 0, 1u << 5},
        {"10.0.0.1", "10.0.0.2", 47, 0, 0, 1u << 6},  {"fd00::1", "fd00::2", 58, 0, 0, 1u << 7},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct permit p = {
            .proto = cases[i].proto, .port_first = cases[i].from, .port_last = cases[i].to};
        assert_true(ip_parse(cases[i].first, strlen(cases[i].first), &p.dst.first));
        assert_true(ip_parse(cases[i].last, strlen(cases[i].last), &p.dst.last));
        const struct access_class c = {.id = 1, .permits = &p, .n_permits = 1};
        assert_int_equal(class_sets(&c), cases[i].sets);
    }
    assert_int_equal(class_sets(&empty_quarantine), 0);
}

/* ---- announced messages -------------------------------------------------------------- */

static const struct nlmsghdr *event(uint8_t *buf, uint16_t type, uint8_t family, uint32_t from,
                                    const char *table)
{
    struct nlmsghdr *nlh = mnl_nlmsg_put_header(buf);
    nlh->nlmsg_type = type;
    nlh->nlmsg_pid = from;
    struct nfgenmsg *g = mnl_nlmsg_put_extra_header(nlh, sizeof *g);
    g->nfgen_family = family;
    if (table)
        mnl_attr_put_strz(nlh, 1, table);
    return nlh;
}

static void test_events(void **state)
{
#define NFT(msg) (NFNL_SUBSYS_NFTABLES << 8 | (msg))
    static const struct {
        const char *what;
        uint16_t type;
        uint8_t family;
        uint32_t from;
        const char *table;
        int foreign;
    } cases[] = {
        {"somebody's rule in the guard", NFT(NFT_MSG_NEWRULE), NFPROTO_INET, 9, "portcullis_guard",
         1},
        {"our own rule in the guard", NFT(NFT_MSG_NEWRULE), NFPROTO_INET, 5, "portcullis_guard", 0},
        {"main table gone", NFT(NFT_MSG_DELTABLE), NFPROTO_INET, 9, "portcullis", 1},
        {"another table", NFT(NFT_MSG_NEWRULE), NFPROTO_INET, 9, "portcullis2", 0},
        {"a namesake of another family", NFT(NFT_MSG_NEWRULE), NFPROTO_IPV4, 9, "portcullis", 0},
        {"a new generation", NFT(NFT_MSG_NEWGEN), AF_UNSPEC, 9, NULL, 0},
        {"another subsystem", NFNL_SUBSYS_CTNETLINK << 8 | 1, NFPROTO_INET, 9, "portcullis", 0},
        {"lost messages", NLMSG_OVERRUN, NFPROTO_INET, 0, NULL, 1},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        uint8_t buf[256] __attribute__((aligned(4)));
        const struct nlmsghdr *nlh =
            event(buf, cases[i].type, cases[i].family, cases[i].from, cases[i].table);
        if (nft_event_is_foreign(nlh, 5) != cases[i].foreign)
            fail_msg("%s", cases[i].what);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_round_trip), cmocka_unit_test(test_many),
        cmocka_unit_test(test_damaged),    cmocka_unit_test(test_nul_in_chain),
        cmocka_unit_test(test_set_names),  cmocka_unit_test(test_kinds),
        cmocka_unit_test(test_events),
    };
    return cmocka_run_group_tests_name("nft_elements", tests, NULL, NULL);
}
