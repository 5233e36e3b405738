/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A kernel that answers badly, or not: recvmsg() and sendto() of this program are the ones below
 * and play a script. Lost, interrupted, cut and forged answers are never taken for done. By the
 * same way what the build machine's kernel has not: flowtables, and WireGuard by netlink.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include <linux/genetlink.h>
#include <linux/netfilter/nf_conntrack_common.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink_conntrack.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/wireguard.h>

#include "kernel_rules/conntrack.h"
#include "kernel_rules/nft_parts.h"
#include "kernel_rules/wireguard_parts.h"
#include "policy/address.h"

/* ---- the kernel ---------------------------------------------------------------------- */

enum what {
    END = 0,
    FAIL,        /* recvmsg() fails with this errno */
    STATUS,      /* NLMSG_ERROR with this number: 0 acknowledges */
    DONE,        /* the end of a dump */
    EMPTY_DONE,  /* without a status */
    CHANGED,     /* the end of a dump during which something changed */
    CHANGING,    /* the same, of every dump from here on */
    SHORT,       /* NLMSG_ERROR without a status */
    NOOP,
    OVERRUN,
    DATA,        /* a message, with these flags */
    MESSAGE,     /* the one in `prepared` */
    FORGED,      /* STATUS, but from this port and not from the kernel */
    EARLIER,     /* STATUS of the request before */
    THIRD,       /* STATUS of the third message of a batch */
    ELSEWHERE,   /* STATUS of another socket's request */
    CUT,         /* STATUS, and the datagram was longer */
    RAGGED,      /* STATUS, and three bytes behind it */
};
struct step { enum what what; int arg; };

static const struct step *script;       /* NULL: the real kernel */
static struct nlmsghdr asked;           /* the last request's header */
static unsigned requests;
static int send_errno, send_short;      /* of the next one */
static _Alignas(8) uint8_t prepared[WG_REQUEST_SIZE];

ssize_t sendto(int fd, const void *bytes, size_t len, int flags, const struct sockaddr *to,
               socklen_t to_len)
{
    struct iovec iov = {.iov_base = (void *)(uintptr_t)bytes, .iov_len = len};
    struct msghdr m = {.msg_name = (void *)(uintptr_t)to, .msg_namelen = to_len, .msg_iov = &iov,
                       .msg_iovlen = 1};
    if (!script)
        return sendmsg(fd, &m, flags);
    if (send_errno) {
        errno = send_errno;
        send_errno = 0;
        return -1;
    }
    memcpy(&asked, bytes, sizeof asked);
    requests++;
    return (ssize_t)len - send_short;
}

static struct nlmsghdr header(uint16_t type, uint32_t len)
{
    return (struct nlmsghdr){.nlmsg_type = type, .nlmsg_len = (uint32_t)sizeof(struct nlmsghdr) + len,
                             .nlmsg_seq = asked.nlmsg_seq, .nlmsg_pid = asked.nlmsg_pid};
}

static size_t build(const struct step *s, uint8_t *out)
{
    struct nlmsghdr h = header(NLMSG_ERROR, 4);
    switch (s->what) {
    case DONE: h.nlmsg_type = NLMSG_DONE; break;
    case EMPTY_DONE: h = header(NLMSG_DONE, 0); break;
    case CHANGED:
    case CHANGING: h.nlmsg_type = NLMSG_DONE; h.nlmsg_flags = NLM_F_DUMP_INTR; break;
    case SHORT: h = header(NLMSG_ERROR, 0); break;
    case NOOP: h = header(NLMSG_NOOP, 0); break;
    case OVERRUN: h = header(NLMSG_OVERRUN, 0); break;
    case DATA: h = header(100, 4); h.nlmsg_flags = (uint16_t)s->arg; break;
    case EARLIER: h.nlmsg_seq--; break;
    case THIRD: h.nlmsg_seq += 2; break;
    case ELSEWHERE: h.nlmsg_pid++; break;
    default: break;
    }
    if (s->what == MESSAGE) {
        struct nlmsghdr *p = (void *)prepared;
        p->nlmsg_seq = asked.nlmsg_seq;
        p->nlmsg_pid = asked.nlmsg_pid;
        memcpy(out, prepared, p->nlmsg_len);
        return p->nlmsg_len;
    }
    memcpy(out, &h, sizeof h);
    const int status = s->what == FORGED ? 0 : s->arg;
    memcpy(out + sizeof h, &status, 4);
    return h.nlmsg_len + (s->what == RAGGED ? 3 : 0);
}

ssize_t recvmsg(int fd, struct msghdr *m, int flags)
{
    struct sockaddr_nl *from = m->msg_name;
    if (!script) {
        struct sockaddr_nl at;
        socklen_t n = sizeof at;
        ssize_t len = recvfrom(fd, m->msg_iov->iov_base, m->msg_iov->iov_len, flags,
                               (struct sockaddr *)&at, &n);
        if (len >= 0)
            *from = at;
        m->msg_namelen = n;
        m->msg_flags = 0;
        return len;
    }
    if (script->what == END || script->what == FAIL) {
        errno = script->what == END ? EAGAIN : script->arg;
        script += script->what == FAIL;
        return -1;
    }
    *from = (struct sockaddr_nl){.nl_family = AF_NETLINK};
    if (script->what == FORGED)
        from->nl_pid = (uint32_t)script->arg;
    m->msg_namelen = sizeof *from;
    m->msg_flags = script->what == CUT ? MSG_TRUNC : 0;
    const struct step *s = script;
    script += s->what != CHANGING;
    return (ssize_t)build(s, m->msg_iov->iov_base);
}

/* ---- requests ------------------------------------------------------------------------ */

static int count(const struct nlmsghdr *nlh, void *arg)
{
    (void)nlh;
    ++*(int *)arg;
    return 0;
}

static const struct { const char *what; bool dump; struct step steps[4]; int rc, heard; } cases[] = {
    {"an answer and its ack", false, {{DATA, 0}, {STATUS, 0}}, 0, 1},
    {"an error", false, {{STATUS, -EPERM}}, -EPERM, 0},
    {"a dump", true, {{DATA, 0}, {DATA, 0}, {DONE, 0}}, 0, 2},
    {"a dump that ends without a status", true, {{DATA, 0}, {EMPTY_DONE, 0}}, 0, 1},
    {"a dump that ends badly", true, {{DATA, 0}, {DONE, -ENOMEM}}, -ENOMEM, 1},
    {"nothing to do", false, {{NOOP, 0}, {STATUS, 0}}, 0, 0},
    {"a signal", false, {{FAIL, EINTR}, {STATUS, 0}}, 0, 0},
    {"nothing comes", false, {{FAIL, EAGAIN}}, -ETIMEDOUT, 0},
    {"a socket that is broken", false, {{FAIL, ECONNREFUSED}}, -ECONNREFUSED, 0},
    {"the ack is lost", false, {{FAIL, ENOBUFS}}, -ENOBUFS, 0},
    {"something is lost before the ack", false, {{FAIL, ENOBUFS}, {STATUS, 0}}, -ENOBUFS, 0},
    {"an overrun", false, {{OVERRUN, 0}, {STATUS, 0}}, -ENOBUFS, 0},
    {"an interrupted dump", true, {{DATA, NLM_F_DUMP_INTR}, {DONE, 0}}, -EINTR, 1},
    {"an error is said before a loss", false, {{FAIL, ENOBUFS}, {STATUS, -EPERM}}, -EPERM, 0},
    {"an ack that is not the kernel's", false, {{FORGED, 77}, {STATUS, -EPERM}}, -EPERM, 0},
    {"the ack of an earlier request", false, {{EARLIER, 0}, {STATUS, -EPERM}}, -EPERM, 0},
    {"the ack of somebody else", false, {{ELSEWHERE, 0}, {STATUS, -EPERM}}, -EPERM, 0},
    {"a datagram that was cut", false, {{CUT, 0}}, -EMSGSIZE, 0},
    {"an ack without status", false, {{SHORT, 0}}, -EBADMSG, 0},
    {"a status above zero", false, {{STATUS, 5}}, -EBADMSG, 0},
    {"bytes behind the message", false, {{RAGGED, 0}}, -EBADMSG, 0},
};

static void bad_answers(void **state)
{
    struct nl *nl;
    (void)state;
    assert_int_equal(nl_open(&nl, NETLINK_ROUTE), 0);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        _Alignas(8) char buf[256];
        int heard = 0;
        struct nlmsghdr *nlh = mnl_nlmsg_put_header(buf);
        nlh->nlmsg_type = 99;
        nlh->nlmsg_flags = cases[i].dump ? NLM_F_DUMP : 0;
        script = cases[i].steps;
        int rc = nl_request(nl, nlh, count, &heard);
        script = NULL;
        if (rc != cases[i].rc || heard != cases[i].heard)
            fail_msg("%s: %d, heard %d", cases[i].what, rc, heard);
    }
    nl_close(nl);
}

static void sending(void **state)
{
    static const struct step good[] = {{STATUS, 0}, {END, 0}};
    static const struct { const char *what; int err, cut, rc; } sends[] = {
        {"a signal is no end", EINTR, 0, 0},
        {"no memory", ENOBUFS, 0, -ENOBUFS},
        {"a part", 0, 4, -EMSGSIZE},
    };
    struct nl *nl;
    (void)state;
    assert_int_equal(nl_open(&nl, NETLINK_ROUTE), 0);
    for (size_t i = 0; i < sizeof sends / sizeof sends[0]; i++) {
        _Alignas(8) char buf[256];
        send_errno = sends[i].err;
        send_short = sends[i].cut;
        script = good;
        int rc = nl_request(nl, mnl_nlmsg_put_header(buf), NULL, NULL);
        script = NULL;
        send_short = 0;
        if (rc != sends[i].rc)
            fail_msg("%s: %d", sends[i].what, rc);
    }
    nl_close(nl);
}

/* Four messages, of which the third is to be acknowledged. */
static void batches(void **state)
{
    static const struct { const char *what; struct step steps[3]; int rc; size_t bad; } some[] = {
        {"committed", {{THIRD, 0}}, 0, 9},
        {"the ack of another message is none", {{STATUS, 0}}, -ETIMEDOUT, 0},
        {"its answer is lost", {{FAIL, ENOBUFS}}, -ENOBUFS, 9},
        {"nothing comes", {{FAIL, EAGAIN}}, -ETIMEDOUT, 0},
        {"the first is refused, and no ack follows", {{STATUS, -EEXIST}}, -EEXIST, 0},
        {"the third is refused", {{THIRD, -ENOENT}}, -ENOENT, 2},
    };
    struct nl *nl;
    (void)state;
    assert_int_equal(nl_open(&nl, NETLINK_ROUTE), 0);
    for (size_t i = 0; i < sizeof some / sizeof some[0]; i++) {
        _Alignas(8) char buf[256];
        size_t bad = 9, len = 0;
        for (int k = 0; k < 4; k++) {
            struct nlmsghdr *nlh = mnl_nlmsg_put_header(buf + len);
            nlh->nlmsg_flags = k == 2 ? NLM_F_ACK : 0;
            len += nlh->nlmsg_len;
        }
        script = some[i].steps;
        int rc = nl_batch(nl, buf, len, &bad);
        script = NULL;
        if (rc != some[i].rc || bad != some[i].bad)
            fail_msg("%s: %d, message %zu", some[i].what, rc, bad);
    }
    nl_close(nl);
}

/* ---- dumps, read again --------------------------------------------------------------- */

static unsigned begun;
static void begin_anew(void *arg) { (void)arg, begun++; }
static int no_element(const struct element *e, void *arg) { (void)e, (void)arg; return -1; }

static int read_elements(struct nft *n)
{
    begun = 0;
    int rc = elements_read(n->nl, "lease4", no_element, begin_anew, NULL);
    assert_int_equal(begun, requests);
    return rc;
}

static int read_counts(struct nft *n)
{
    struct rule_counts counts;
    return nft_counts(n, &counts);
}

/* What changed while it was read is read again, and not for ever. */
static void dumps_again(void **state)
{
    static const struct step calm[] = {{DONE, 0}, {END, 0}},
                             once[] = {{CHANGED, 0}, {DONE, 0}, {END, 0}},
                             always[] = {{CHANGING, 0}};
    static const struct { const char *what; int (*read)(struct nft *n); } dumps[] = {
        {"elements", read_elements}, {"counters", read_counts}};
    struct nft *n;
    (void)state;
    assert_int_equal(nft_open(&n, -1), 0);
    for (size_t i = 0; i < sizeof dumps / sizeof dumps[0]; i++) {
        static const struct { const struct step *steps; int rc; unsigned least; } runs[] = {
            {calm, 0, 1}, {once, 0, 2}, {always, -EAGAIN, 10}};
        for (size_t k = 0; k < 3; k++) {
            requests = 0;
            script = runs[k].steps;
            int rc = dumps[i].read(n);
            script = NULL;
            if (rc != runs[k].rc || requests < runs[k].least)
                fail_msg("%s, run %zu: %d after %u requests", dumps[i].what, k, rc, requests);
        }
    }
    nft_close(n);
}

/* ---- flowtables ---------------------------------------------------------------------- */

static void prepare_flowtable(const char *table, const char *name, const char *const devices[],
                              size_t n)
{
    struct nlmsghdr *nlh = mnl_nlmsg_put_header(prepared);
    nlh->nlmsg_type = NFNL_SUBSYS_NFTABLES << 8 | NFT_MSG_NEWFLOWTABLE;
    mnl_nlmsg_put_extra_header(nlh, sizeof(struct nfgenmsg));
    mnl_attr_put_strz(nlh, NFTA_FLOWTABLE_TABLE, table);
    mnl_attr_put_strz(nlh, NFTA_FLOWTABLE_NAME, name);
    struct nlattr *hook = mnl_attr_nest_start(nlh, NFTA_FLOWTABLE_HOOK);
    mnl_attr_put_u32(nlh, NFTA_FLOWTABLE_HOOK_NUM, 0);
    struct nlattr *devs = mnl_attr_nest_start(nlh, NFTA_FLOWTABLE_HOOK_DEVS);
    for (size_t i = 0; i < n; i++)
        mnl_attr_put_strz(nlh, NFTA_DEVICE_NAME, devices[i]);
    mnl_attr_nest_end(nlh, devs);
    mnl_attr_nest_end(nlh, hook);
}

static void flowtables(void **state)
{
    static const struct step found[] = {{MESSAGE, 0}, {DONE, 0}, {END, 0}},
                             none[] = {{DONE, 0}, {END, 0}},
                             nameless[] = {{DATA, 0}, {DONE, 0}, {END, 0}},
                             again[] = {{DATA, NLM_F_DUMP_INTR}, {DONE, 0}, {DATA, 0}, {DONE, 0}};
    static const struct { const char *what, *devices[2]; size_t n; const char *says; } tables[] = {
        {"over the tunnel", {"wg0", NULL}, 1, "flowtable f of table fast covers wg0"},
        {"over the outside, behind another", {"lo", "eth0"}, 2, "flowtable f of table fast covers eth0"},
        {"over an office", {"eth2", NULL}, 1, "flowtable f of table fast covers eth2"},
        {"over others", {"lo", "eth9"}, 2, ""},
        {"over none", {NULL, NULL}, 0, ""},
    };
    struct tunnel t = {.iface = "wg0", .outside = "eth0", .n_office = 2};
    struct nft *n;
    char what[128];
    (void)state;
    strcpy(t.office[0].name, "eth1");
    strcpy(t.office[1].name, "eth2");
    assert_int_equal(nft_open(&n, -1), 0);
    for (size_t i = 0; i < sizeof tables / sizeof tables[0]; i++) {
        prepare_flowtable("fast", "f", tables[i].devices, tables[i].n);
        script = found;
        int rc = nft_flowtable_over(n, &t, what);
        if (rc != (tables[i].says[0] != '\0') || strcmp(what, tables[i].says) != 0)
            fail_msg("%s: %d \"%s\"", tables[i].what, rc, what);
    }
    prepare_flowtable(NFT_TABLE_NAME, OFFLOAD_FLOWTABLE, (const char *const[]){"wg0"}, 1);
    script = found;
    assert_int_equal(nft_flowtable_over(n, &t, what), 1);      /* nobody asked for one of ours */
    t.flowtable = true;
    script = found;
    assert_int_equal(nft_flowtable_over(n, &t, what), 0);
    script = none;
    assert_int_equal(nft_flowtable_over(n, &t, what), 0);
    script = nameless;
    assert_int_equal(nft_flowtable_over(n, &t, what), -EBADMSG);
    script = again;
    assert_int_equal(nft_flowtable_over(n, &t, what), -EBADMSG);
    script = NULL;
    nft_close(n);
}

/* One request to look, another to write when the flowtable is not over what there is. */
static void own_flowtable(void **state)
{
    static const struct step same[] = {{MESSAGE, 0}, {DONE, 0}, {END, 0}},
                             other[] = {{MESSAGE, 0}, {DONE, 0}, {THIRD, 0}},
                             none[] = {{DONE, 0}, {END, 0}},
                             refused[] = {{DONE, 0}, {STATUS, -EOPNOTSUPP}};
    static const struct {
        const char *what, *table, *devices[2];
        size_t n, offices;
        const struct step *script;
        bool drop;
        int rc;
        unsigned requests;
    } cases[] = {
        {"one interface alone", "", {NULL}, 0, 0, none, false, 0, 1},
        {"no flowtables in this kernel", "", {NULL}, 0, 1, refused, false, -EOPNOTSUPP, 2},
        {"as it should be", NFT_TABLE_NAME, {"lo", "lo"}, 2, 1, same, false, 0, 1},
        {"over an interface that is gone", NFT_TABLE_NAME, {"lo", "absent0"}, 2, 0, other, false, 0, 2},
        {"taken off", NFT_TABLE_NAME, {"lo", "absent0"}, 2, 1, other, true, 0, 2},
        {"nothing to take off", "", {NULL}, 0, 1, none, true, 0, 1},
        {"somebody's of the same name", "fast", {"lo", "lo"}, 2, 1, same, true, 0, 1},
    };
    struct nft *n;

    (void)state;
    assert_int_equal(nft_open(&n, -1), 0);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct tunnel t = {.iface = "lo", .outside = "absent0", .flowtable = true,
                           .n_office = (uint32_t)cases[i].offices, .office = {{.name = "lo"}}};
        prepare_flowtable(cases[i].table, OFFLOAD_FLOWTABLE, cases[i].devices, cases[i].n);
        requests = 0;
        script = cases[i].script;
        int rc = cases[i].drop ? nft_flowtable_drop(n) : nft_flowtable_keep(n, &t);
        if (rc != cases[i].rc || requests != cases[i].requests)
            fail_msg("%s: %d by %u requests", cases[i].what, rc, requests);
    }
    script = NULL;
    nft_close(n);
}

/* ---- connections past the rules ------------------------------------------------------ */

static void prepare_connection(uint32_t mark, uint32_t status)
{
    struct nlmsghdr *nlh = mnl_nlmsg_put_header(prepared);
    nlh->nlmsg_type = NFNL_SUBSYS_CTNETLINK << 8 | IPCTNL_MSG_CT_NEW;
    struct nfgenmsg *g = mnl_nlmsg_put_extra_header(nlh, sizeof *g);
    g->nfgen_family = AF_INET;
    struct nlattr *tuple = mnl_attr_nest_start(nlh, CTA_TUPLE_ORIG);
    struct nlattr *addresses = mnl_attr_nest_start(nlh, CTA_TUPLE_IP);
    mnl_attr_put_u32(nlh, CTA_IP_V4_SRC, htonl(0x0a4d0002));
    mnl_attr_nest_end(nlh, addresses);
    mnl_attr_nest_end(nlh, tuple);
    mnl_attr_put_u32(nlh, CTA_MARK, htonl(mark));
    mnl_attr_put_u32(nlh, CTA_STATUS, htonl(status));
}

static bool is_seven(const void *arg, uint32_t mark)
{
    (void)arg;
    return (mark & MARK_MASK) == 0x7001;
}

/* Only what is carried past the rules under a grant that is not in force. */
static void offloaded(void **state)
{
    static const struct step found[] = {{MESSAGE, 0}, {DONE, 0}, {STATUS, 0}, {END, 0}},
                             gone[] = {{MESSAGE, 0}, {DONE, 0}, {STATUS, -ENOENT}, {END, 0}},
                             refused[] = {{MESSAGE, 0}, {DONE, 0}, {STATUS, -EPERM}, {END, 0}},
                             lost[] = {{MESSAGE, 0}, {FAIL, ENOBUFS}, {END, 0}};
    static const struct {
        const char *what;
        uint32_t mark, status;
        const struct step *steps;
        int rc;
        uint32_t ended;
    } some[] = {
        {"a grant not in force", 0x6001, IPS_OFFLOAD, found, 0, 1},
        {"a grant in force", 0x7001, IPS_OFFLOAD, found, 0, 0},
        {"not past the rules", 0x6001, IPS_CONFIRMED, found, 0, 0},
        {"nobody's grant", 0xc0000000, IPS_OFFLOAD, found, 0, 0},
        {"it has ended by itself", 0x6001, IPS_OFFLOAD, gone, 0, 0},
        {"the kernel refuses", 0x6001, IPS_OFFLOAD, refused, -EPERM, 0},
        {"the list is not whole", 0x6001, IPS_OFFLOAD, lost, -ENOBUFS, 0},
    };
    struct ct *c;
    (void)state;
    assert_int_equal(ct_open(&c), 0);
    for (size_t i = 0; i < sizeof some / sizeof some[0]; i++) {
        uint32_t ended = 99;
        prepare_connection(some[i].mark, some[i].status);
        requests = 0;
        script = some[i].steps;
        int rc = ct_end_offloaded(c, is_seven, NULL, &ended);
        script = NULL;
        if (rc != some[i].rc || ended != some[i].ended || (rc == 0 && ended != requests - 1 &&
                                                          some[i].steps != gone))
            fail_msg("%s: %d, %u ended, %u requests", some[i].what, rc, ended, requests);
    }
    ct_close(c);
}

/* ---- WireGuard ----------------------------------------------------------------------- */

static void prepare_family(uint16_t id)
{
    struct nlmsghdr *nlh = mnl_nlmsg_put_header(prepared);
    nlh->nlmsg_type = GENL_ID_CTRL;
    mnl_nlmsg_put_extra_header(nlh, sizeof(struct genlmsghdr));
    if (id)
        mnl_attr_put_u16(nlh, CTRL_ATTR_FAMILY_ID, id);
}

static void wireguard(void **state)
{
    static const struct step answer[] = {{MESSAGE, 0}, {STATUS, 0}, {END, 0}},
                             ack[] = {{STATUS, 0}, {END, 0}},
                             there_then_gone[] = {{STATUS, -EINVAL}, {STATUS, 0}, {END, 0}},
                             absent[] = {{STATUS, -ENOENT}, {END, 0}},
                             dump[] = {{MESSAGE, 0}, {DONE, 0}, {END, 0}},
                             twice[] = {{DATA, NLM_F_DUMP_INTR}, {DONE, 0}, {END, 0}};
    const struct device d = {.index = 1, .addr4 = {4, {10, 77, 0, 2}}, .key = {{9}}};
    const uint16_t port = 51820;
    const struct wg_key key = {{1}};
    struct wg w = {.iface = "wg0"};
    struct wg_state s;
    (void)state;
    prepare_family(0);
    script = answer;
    assert_true(wg_genl_open(&w) < 0);                   /* a family without a number is none */
    nl_close(w.nl);
    script = absent;
    assert_int_equal(wg_genl_open(&w), -ENOENT);
    nl_close(w.nl);
    prepare_family(33);
    script = answer;
    assert_int_equal(wg_genl_open(&w), 0);
    assert_int_equal(w.family, 33);
    script = ack;
    assert_int_equal(wg_genl_ops.set_device(&w, &key, &port), 0);
    assert_int_equal(asked.nlmsg_type, 33);
    script = absent;
    assert_int_equal(wg_genl_ops.put(&w, &d, 1), -ENOENT);
    script = ack;
    assert_int_equal(wg_genl_ops.put(&w, &d, 1), 0);
    script = there_then_gone;                            /* what tells that it was there, first */
    assert_int_equal(wg_genl_ops.end(&w, &d.key, 1, WG_REMOVE), 0);
    assert_true(w.tells_apart);
    script = ack;
    assert_int_equal(wg_genl_ops.end(&w, &d.key, 1, WG_REMOVE), 0);
    (void)wg_genl_build_put(prepared, 33, "wg0", &d, 1, &w.preshared);
    script = dump;
    assert_int_equal(wg_genl_ops.read(&w, &s), 0);
    assert_int_equal(s.n_peers, 1);
    assert_true(wg_key_equal(&s.peers[0].key, &d.key));
    wg_state_clear(&s);
    script = twice;                                      /* interrupted, then nothing: no state */
    assert_true(wg_genl_ops.read(&w, &s) < 0);
    assert_int_equal(s.n_peers, 0);
    script = NULL;
    nl_close(w.nl);
}

/* After the delete each one that was found is looked for by its tuple. */
static void ended_and_looked_for(void **state)
{
    static const struct step gone[] = {{MESSAGE, 0}, {DONE, 0}, {STATUS, 0}, {STATUS, -ENOENT},
                                       {END, 0}},
                             there[] = {{MESSAGE, 0}, {DONE, 0}, {STATUS, 0}, {MESSAGE, 0},
                                        {STATUS, 0}, {END, 0}},
                             refused[] = {{MESSAGE, 0}, {DONE, 0}, {STATUS, 0}, {STATUS, -EPERM},
                                          {END, 0}};
    static const struct {
        const char *what;
        const struct step *steps;
        int rc;
        uint32_t left;
    } some[] = {
        {"it is gone", gone, 0, 0}, {"it is there", there, 0, 1}, {"no answer", refused, -EPERM, 0},
    };
    const struct device six = {.index = 6, .addr4 = {4, {10, 77, 0, 2}}};
    struct ct *c;
    (void)state;
    assert_int_equal(ct_open(&c), 0);
    for (size_t i = 0; i < sizeof some / sizeof some[0]; i++) {
        uint32_t ended = 99, left = 99;
        prepare_connection(0x6001, IPS_CONFIRMED);
        script = some[i].steps;
        int rc = ct_end_device(c, &six, &ended, &left);
        script = NULL;
        if (rc != some[i].rc || ended != 1 || left != some[i].left)
            fail_msg("%s: %d, %u ended, %u left", some[i].what, rc, ended, left);
    }
    ct_close(c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bad_answers), cmocka_unit_test(sending),    cmocka_unit_test(batches),
        cmocka_unit_test(flowtables),  cmocka_unit_test(own_flowtable),
        cmocka_unit_test(offloaded),   cmocka_unit_test(wireguard),
        cmocka_unit_test(ended_and_looked_for), cmocka_unit_test(dumps_again),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
