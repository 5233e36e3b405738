/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Small questions to the kernel: dumps of a table's objects, who owns the table, counters, the
 * state of one device.
 */
#include "kernel_rules/nft_parts.h"

#include <arpa/inet.h>
#include <endian.h>
#include <errno.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nfnetlink.h>
#include <stdio.h>
#include <string.h>

#define RESTARTS 100

struct answers {
    const char *table;
    nl_cb *cb;
    void *arg;
};

/* The kernel filters some dumps by table and others (chains) not. */
static int hear_of_table(const struct nlmsghdr *nlh, void *arg)
{
    const struct answers *a = arg;
    const struct nlattr *tb[2];
    if (nl_attrs(nlh, sizeof(struct nfgenmsg), tb, 1) < 0 || !tb[1] ||
        mnl_attr_validate(tb[1], MNL_TYPE_NUL_STRING) < 0)
        return -EBADMSG;
    if (strcmp(mnl_attr_get_str(tb[1]), a->table) != 0 || !a->cb)
        return 0;
    return a->cb(nlh, a->arg);
}

/* Of every kind of object the first attribute is its table, the second its name or chain. */
int ask(struct nl *nl, uint16_t type, uint16_t flags, const char *table, const char *name,
        nl_cb *cb, void *arg)
{
    uint8_t buf[512] __attribute__((aligned(4)));
    struct nlmsghdr *nlh = mnl_nlmsg_put_header(buf);
    nlh->nlmsg_type = (uint16_t)(NFNL_SUBSYS_NFTABLES << 8 | type);
    nlh->nlmsg_flags = flags;
    struct nfgenmsg *g = mnl_nlmsg_put_extra_header(nlh, sizeof *g);
    g->nfgen_family = NFPROTO_INET;
    mnl_attr_put_strz(nlh, 1, table);
    if (name)
        mnl_attr_put_strz(nlh, 2, name);
    struct answers a = {table, cb, arg};
    return nl_request(nl, nlh, hear_of_table, &a);
}

/* ---- the owner ----------------------------------------------------------------------- */

struct owner {
    uint32_t self;
    enum nft_presence is;
};

static int hear_table(const struct nlmsghdr *nlh, void *arg)
{
    const struct nlattr *tb[NFTA_TABLE_MAX + 1];
    struct owner *o = arg;
    if (nl_attrs(nlh, sizeof(struct nfgenmsg), tb, NFTA_TABLE_MAX) < 0)
        return -EBADMSG;
    const struct nlattr *id = tb[NFTA_TABLE_OWNER];
    if (!id)
        o->is = NFT_UNOWNED;
    else if (mnl_attr_get_payload_len(id) != 4)
        return -EBADMSG;
    else
        o->is = ntohl(mnl_attr_get_u32(id)) == o->self ? NFT_OURS : NFT_FOREIGN_OWNER;
    return 0;
}

int nft_owner(struct nft *n, enum nft_presence *out)
{
    struct owner o = {.self = nl_portid(n->nl), .is = NFT_ABSENT};
    int rc = ask(n->nl, NFT_MSG_GETTABLE, 0, NFT_TABLE_NAME, NULL, hear_table, &o);
    if (rc < 0 && rc != -ENOENT)
        return rc;
    *out = o.is;
    return 0;
}

/* ---- class 0 ------------------------------------------------------------------------- */

int quarantine_generation(struct nl *nl, const struct access_class *c, char *out)
{
    const uint32_t sets = class_sets(c);
    char name[24];
    *out = 'a';
    if (sets == 0)
        return 0;
    class_set_name(name, 0, (unsigned)__builtin_ctz(sets), 'b');
    int rc = ask(nl, NFT_MSG_GETSET, 0, NFT_TABLE_NAME, name, NULL, NULL);
    if (rc == 0)
        *out = 'b';
    return rc == -ENOENT ? 0 : rc;
}

/* ---- counters ------------------------------------------------------------------------ */

static uint64_t *counter_at(struct rule_counts *c, const char *name)
{
    char known[40];
    for (int i = 0; i < DENY_REASONS; i++) {
        counter_name(known, "denied", (enum deny_reason)i);
        if (strcmp(known, name) == 0)
            return &c->denied[i];
        counter_name(known, "logged", (enum deny_reason)i);
        if (strcmp(known, name) == 0)
            return &c->logged[i];
    }
    if (strcmp(KNOCKS_SEEN, name) == 0)
        return &c->knocks;
    return strcmp(KNOCKS_LOGGED, name) == 0 ? &c->knocks_logged : NULL;
}

static int hear_counter(const struct nlmsghdr *nlh, void *arg)
{
    const struct nlattr *tb[NFTA_OBJ_MAX + 1], *data[NFTA_COUNTER_MAX + 1];
    if (nl_attrs(nlh, sizeof(struct nfgenmsg), tb, NFTA_OBJ_MAX) < 0 || !tb[NFTA_OBJ_NAME] ||
        !tb[NFTA_OBJ_DATA] || mnl_attr_validate(tb[NFTA_OBJ_NAME], MNL_TYPE_NUL_STRING) < 0 ||
        nl_nested(tb[NFTA_OBJ_DATA], data, NFTA_COUNTER_MAX) < 0 || !data[NFTA_COUNTER_PACKETS] ||
        mnl_attr_get_payload_len(data[NFTA_COUNTER_PACKETS]) != 8)
        return -EBADMSG;
    uint64_t *where = counter_at(arg, mnl_attr_get_str(tb[NFTA_OBJ_NAME]));
    if (where)
        *where = be64toh(mnl_attr_get_u64(data[NFTA_COUNTER_PACKETS]));
    return 0;
}

int nft_counts(struct nft *n, struct rule_counts *out)
{
    int rc = -EINTR;
    for (int i = 0; i < RESTARTS && rc == -EINTR; i++) {
        memset(out, 0, sizeof *out);
        rc = ask(n->nl, NFT_MSG_GETOBJ, NLM_F_DUMP, NFT_TABLE_NAME, NULL, hear_counter, out);
    }
    return rc == -EINTR ? -EAGAIN : rc;
}

/* ---- one device ---------------------------------------------------------------------- */

static int read_family(struct nft *n, const struct ip_addr *a, bool *enrolled, bool *lease,
                       struct nft_device_state *out)
{
    const bool v6 = a->family == 6;
    struct element e, key = element_of_addr(a);
    if (a->family == 0)
        return 0;
    int rc = element_get(n->nl, v6 ? "devices6" : "devices4", &key, &e);
    if (rc < 0)
        return rc;
    *enrolled = rc == 1;
    rc = element_get(n->nl, v6 ? "lease6" : "lease4", &key, &e);
    if (rc < 0)
        return rc;
    *lease = rc == 1;
    if (rc == 1)
        out->mark = e.mark;
    return 0;
}

int nft_device_read(struct nft *n, const struct device *d, struct nft_device_state *out)
{
    memset(out, 0, sizeof *out);
    int rc = read_family(n, &d->addr6, &out->enrolled6, &out->lease6, out);
    if (rc == 0)
        rc = read_family(n, &d->addr4, &out->enrolled4, &out->lease4, out);
    if (rc < 0 || out->mark == 0)
        return rc;
    struct element e, key = element_of_mark(out->mark);
    rc = element_get(n->nl, "live", &key, &e);
    if (rc < 0)
        return rc;
    out->live = rc == 1;
    if (out->live)
        out->left_ms = (int64_t)e.timeout_ms;
    return 0;
}
