/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Set elements, written and read as raw attributes: at 100,000 devices an object for each element
 * would be most of the work. linux/netfilter/nf_tables.h, enum nft_set_elem_attributes.
 */
#include "kernel_rules/nft_parts.h"

#include <arpa/inet.h>
#include <endian.h>
#include <errno.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nfnetlink.h>
#include <string.h>

#define LIST_ROOM 60000 /* the list is one attribute: its length has 16 bits */
#define RESTARTS 100

/* ---- values -------------------------------------------------------------------------- */

struct element element_of_addr(const struct ip_addr *a)
{
    struct element e = {.len = a->family == 6 ? 16 : 4};
    memcpy(e.key, a->b, e.len);
    return e;
}

struct element element_of_mark(uint32_t mark)
{
    struct element e = {.len = sizeof mark};
    memcpy(e.key, &mark, sizeof mark);
    return e;
}

static uint8_t put_corner(uint8_t key[KEY_MAX], const struct ip_addr *a, uint8_t proto,
                          uint16_t port)
{
    const uint16_t wire = htons(port);
    uint8_t len = a->family == 6 ? 16 : 4;
    memcpy(key, a->b, len);
    key[len] = proto;
    len = (uint8_t)(len + 4);
    if (has_ports(proto)) {
        memcpy(key + len, &wire, sizeof wire);
        len = (uint8_t)(len + 4);
    }
    return len;
}

struct element element_of_permit(const struct permit *p)
{
    const enum permit_kind kind = permit_kind_of(p);
    struct element e = {.ranged = kind == PORT_RANGE || kind == PROTO_RANGE};
    e.len = put_corner(e.key, &p->dst.first, p->proto, p->port_first);
    if (e.ranged)
        put_corner(e.end, &p->dst.last, p->proto, p->port_last);
    return e;
}

const char *device_map(uint8_t family) { return family == 6 ? "devices6" : "devices4"; }

const char *lease_set_name(enum lease_set s)
{
    static const char *const names[LEASE_SETS] = {"lease4", "lease6", "live"};
    return names[s];
}

bool device_element(const struct device *d, uint8_t family, struct element *out)
{
    const struct ip_addr *a = family == 6 ? &d->addr6 : &d->addr4;
    if (a->family != family)
        return false;
    *out = element_of_addr(a);
    out->has_mark = true;
    out->mark = grant_mark(d->index, 0);
    return true;
}

bool lease_element(const struct device *d, const struct lease *l, enum lease_set s,
                   struct element *out)
{
    const uint32_t mark = grant_mark(l->device, l->class_id);
    if (s == LIVE) {
        *out = element_of_mark(mark);
    } else {
        if (!device_element(d, s == LEASE6 ? 6 : 4, out))
            return false;
        out->mark = mark;
    }
    out->timeout_ms = (uint64_t)(l->left_ms > 0 ? l->left_ms : 1);
    return true;
}

struct element class_element(uint16_t id)
{
    struct element e = element_of_mark(id);
    class_chain_name(e.chain, id);
    return e;
}

/* ---- writing ------------------------------------------------------------------------- */

void elements_open(struct element_writer *w, struct batch *b, const char *set, uint16_t type,
                   uint16_t flags)
{
    *w = (struct element_writer){.b = b, .set = set, .type = type, .flags = flags};
}

static bool open_message(struct element_writer *w)
{
    w->nlh = nft_batch_begin(w->b, w->type, w->flags);
    if (!w->nlh)
        return false;
    mnl_attr_put_strz(w->nlh, NFTA_SET_ELEM_LIST_TABLE, NFT_TABLE_NAME);
    mnl_attr_put_strz(w->nlh, NFTA_SET_ELEM_LIST_SET, w->set);
    w->list = mnl_attr_nest_start(w->nlh, NFTA_SET_ELEM_LIST_ELEMENTS);
    w->start = mnl_nlmsg_get_payload_tail(w->nlh);
    return true;
}

void elements_close(struct element_writer *w)
{
    if (!w->nlh)
        return;
    mnl_attr_nest_end(w->nlh, w->list);
    nft_batch_end(w->b, w->nlh);
    w->nlh = NULL;
}

static void put_value(struct nlmsghdr *nlh, uint16_t type, const void *bytes, size_t len)
{
    struct nlattr *nest = mnl_attr_nest_start(nlh, type);
    mnl_attr_put(nlh, NFTA_DATA_VALUE, len, bytes);
    mnl_attr_nest_end(nlh, nest);
}

static void put_goto(struct nlmsghdr *nlh, const char *chain)
{
    struct nlattr *data = mnl_attr_nest_start(nlh, NFTA_SET_ELEM_DATA);
    struct nlattr *verdict = mnl_attr_nest_start(nlh, NFTA_DATA_VERDICT);
    mnl_attr_put_u32(nlh, NFTA_VERDICT_CODE, htonl((uint32_t)NFT_GOTO));
    mnl_attr_put_strz(nlh, NFTA_VERDICT_CHAIN, chain);
    mnl_attr_nest_end(nlh, verdict);
    mnl_attr_nest_end(nlh, data);
}

void elements_put(struct element_writer *w, const struct element *e)
{
    if (w->nlh && (const uint8_t *)mnl_nlmsg_get_payload_tail(w->nlh) - w->start > LIST_ROOM)
        elements_close(w);
    if (!w->nlh && !open_message(w))
        return;
    struct nlattr *nest = mnl_attr_nest_start(w->nlh, NFTA_LIST_ELEM);
    put_value(w->nlh, NFTA_SET_ELEM_KEY, e->key, e->len);
    if (e->ranged)
        put_value(w->nlh, NFTA_SET_ELEM_KEY_END, e->end, e->len);
    if (e->has_mark)
        put_value(w->nlh, NFTA_SET_ELEM_DATA, &e->mark, sizeof e->mark);
    if (e->chain[0])
        put_goto(w->nlh, e->chain);
    if (e->timeout_ms)
        mnl_attr_put_u64(w->nlh, NFTA_SET_ELEM_TIMEOUT, htobe64(e->timeout_ms));
    mnl_attr_nest_end(w->nlh, nest);
}

/* ---- reading ------------------------------------------------------------------------- */

static int read_value(const struct nlattr *nest, void *out, size_t max, uint8_t *len)
{
    const struct nlattr *tb[NFTA_DATA_MAX + 1];
    if (nl_nested(nest, tb, NFTA_DATA_MAX) < 0 || !tb[NFTA_DATA_VALUE])
        return -EBADMSG;
    size_t n = mnl_attr_get_payload_len(tb[NFTA_DATA_VALUE]);
    if (n == 0 || n > max)
        return -EBADMSG;
    memcpy(out, mnl_attr_get_payload(tb[NFTA_DATA_VALUE]), n);
    *len = (uint8_t)n;
    return 0;
}

static int read_text(const struct nlattr *a, char *out, size_t size)
{
    const char *s = mnl_attr_get_payload(a);
    size_t n = mnl_attr_get_payload_len(a);
    if (n == 0 || n > size || memchr(s, '\0', n) != s + n - 1)
        return -EBADMSG;
    memcpy(out, s, n);
    return 0;
}

static int read_goto(const struct nlattr *verdict, struct element *e)
{
    const struct nlattr *tb[NFTA_VERDICT_MAX + 1];
    uint32_t code;
    if (nl_nested(verdict, tb, NFTA_VERDICT_MAX) < 0 || !tb[NFTA_VERDICT_CODE] ||
        !tb[NFTA_VERDICT_CHAIN] || mnl_attr_get_payload_len(tb[NFTA_VERDICT_CODE]) != sizeof code)
        return -EBADMSG;
    code = ntohl(mnl_attr_get_u32(tb[NFTA_VERDICT_CODE]));
    if (code != (uint32_t)NFT_GOTO)
        return -EBADMSG;
    return read_text(tb[NFTA_VERDICT_CHAIN], e->chain, sizeof e->chain);
}

static int read_data(const struct nlattr *data, struct element *e)
{
    const struct nlattr *tb[NFTA_DATA_MAX + 1];
    uint8_t len;
    if (nl_nested(data, tb, NFTA_DATA_MAX) < 0)
        return -EBADMSG;
    if (tb[NFTA_DATA_VERDICT])
        return read_goto(tb[NFTA_DATA_VERDICT], e);
    if (read_value(data, &e->mark, sizeof e->mark, &len) < 0 || len != sizeof e->mark)
        return -EBADMSG;
    e->has_mark = true;
    return 0;
}

static int read_keys(const struct nlattr *const *tb, struct element *e)
{
    uint8_t end_len;
    if (!tb[NFTA_SET_ELEM_KEY] ||
        read_value(tb[NFTA_SET_ELEM_KEY], e->key, sizeof e->key, &e->len) < 0)
        return -EBADMSG;
    if (!tb[NFTA_SET_ELEM_KEY_END])
        return 0;
    e->ranged = true;
    if (read_value(tb[NFTA_SET_ELEM_KEY_END], e->end, sizeof e->end, &end_len) < 0 ||
        end_len != e->len)
        return -EBADMSG;
    return 0;
}

static int read_ms(const struct nlattr *a, uint64_t *out)
{
    if (mnl_attr_get_payload_len(a) != sizeof *out)
        return -EBADMSG;
    *out = be64toh(mnl_attr_get_u64(a));
    return 0;
}

static int read_element(const struct nlattr *nest, struct element *e)
{
    const struct nlattr *tb[NFTA_SET_ELEM_MAX + 1];
    memset(e, 0, sizeof *e);
    if (nl_nested(nest, tb, NFTA_SET_ELEM_MAX) < 0 || read_keys(tb, e) < 0)
        return -EBADMSG;
    if (tb[NFTA_SET_ELEM_DATA] && read_data(tb[NFTA_SET_ELEM_DATA], e) < 0)
        return -EBADMSG;
    if (tb[NFTA_SET_ELEM_EXPIRATION])
        return read_ms(tb[NFTA_SET_ELEM_EXPIRATION], &e->timeout_ms);
    return 0;
}

static int read_list(const struct nlattr *list, element_cb *cb, void *arg)
{
    const struct nlattr *a = mnl_attr_get_payload(list);
    int left = mnl_attr_get_payload_len(list);
    for (; mnl_attr_ok(a, left); left -= (a->nla_len + 3) & ~3, a = mnl_attr_next(a)) {
        struct element e;
        if (mnl_attr_get_type(a) != NFTA_LIST_ELEM || read_element(a, &e) < 0)
            return -EBADMSG;
        int rc = cb(&e, arg);
        if (rc < 0)
            return rc;
    }
    return left > 0 ? -EBADMSG : 0;
}

int elements_parse(const struct nlmsghdr *nlh, element_cb *cb, void *arg)
{
    const struct nlattr *tb[NFTA_SET_ELEM_LIST_MAX + 1];
    if (nlh->nlmsg_type != (NFNL_SUBSYS_NFTABLES << 8 | NFT_MSG_NEWSETELEM) ||
        nl_attrs(nlh, sizeof(struct nfgenmsg), tb, NFTA_SET_ELEM_LIST_MAX) < 0)
        return -EBADMSG;
    if (!tb[NFTA_SET_ELEM_LIST_ELEMENTS])
        return 0;
    return read_list(tb[NFTA_SET_ELEM_LIST_ELEMENTS], cb, arg);
}

struct reading {
    element_cb *cb;
    void *arg;
};

static int hear_elements(const struct nlmsghdr *nlh, void *arg)
{
    const struct reading *r = arg;
    return elements_parse(nlh, r->cb, r->arg);
}

static struct nlmsghdr *ask_elements(uint8_t *buf, const char *set, uint16_t flags)
{
    struct nlmsghdr *nlh = mnl_nlmsg_put_header(buf);
    nlh->nlmsg_type = NFNL_SUBSYS_NFTABLES << 8 | NFT_MSG_GETSETELEM;
    nlh->nlmsg_flags = flags;
    struct nfgenmsg *g = mnl_nlmsg_put_extra_header(nlh, sizeof *g);
    g->nfgen_family = NFPROTO_INET;
    mnl_attr_put_strz(nlh, NFTA_SET_ELEM_LIST_TABLE, NFT_TABLE_NAME);
    mnl_attr_put_strz(nlh, NFTA_SET_ELEM_LIST_SET, set);
    return nlh;
}

int elements_read(struct nl *nl, const char *set, element_cb *cb, void (*restart)(void *arg),
                  void *arg)
{
    struct reading r = {.cb = cb, .arg = arg};
    uint8_t buf[512] __attribute__((aligned(4)));
    int rc = -EINTR;
    for (int i = 0; i < RESTARTS && rc == -EINTR; i++) {
        restart(arg);
        rc = nl_request(nl, ask_elements(buf, set, NLM_F_DUMP), hear_elements, &r);
    }
    return rc == -EINTR ? -EAGAIN : rc;
}

struct wanted {
    struct element *out;
    bool found;
};

static int hear_one(const struct element *e, void *arg)
{
    struct wanted *w = arg;
    *w->out = *e;
    w->found = true;
    return 0;
}

int element_get(struct nl *nl, const char *set, const struct element *key, struct element *out)
{
    struct wanted w = {.out = out};
    struct reading r = {.cb = hear_one, .arg = &w};
    uint8_t buf[512] __attribute__((aligned(4)));
    struct nlmsghdr *nlh = ask_elements(buf, set, 0);
    struct nlattr *list = mnl_attr_nest_start(nlh, NFTA_SET_ELEM_LIST_ELEMENTS);
    struct nlattr *nest = mnl_attr_nest_start(nlh, NFTA_LIST_ELEM);
    put_value(nlh, NFTA_SET_ELEM_KEY, key->key, key->len);
    mnl_attr_nest_end(nlh, nest);
    mnl_attr_nest_end(nlh, list);
    int rc = nl_request(nl, nlh, hear_elements, &r);
    if (rc == -ENOENT)
        return 0;
    return rc < 0 ? rc : w.found;
}
