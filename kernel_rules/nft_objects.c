/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Messages that make and remove tables, chains, counters and sets.
 */
#include "kernel_rules/nft_parts.h"

#include <arpa/inet.h>
#include <errno.h>
#include <libnftnl/chain.h>
#include <libnftnl/object.h>
#include <libnftnl/rule.h>
#include <libnftnl/set.h>
#include <libnftnl/table.h>
#include <libnftnl/udata.h>
#include <linux/netfilter.h>
#include <string.h>

/* Numbers of nft's own data types (nftables/include/datatype.h), so that `nft list` reads well. */
#define TYPE_IPADDR 7u
#define TYPE_IP6ADDR 8u
#define TYPE_INET_PROTOCOL 12u
#define TYPE_INET_SERVICE 13u
#define TYPE_MARK 19u
#define TYPE_BITS 6
#define BYTEORDER_HOST 1u
#define BYTEORDER_NETWORK 2u

/* ---- tables -------------------------------------------------------------------------- */

void put_table(struct batch *b, const char *name, uint32_t flags)
{
    struct nlmsghdr *nlh = nft_batch_begin(b, NFT_MSG_NEWTABLE, NLM_F_CREATE);
    if (!nlh)
        return;
    mnl_attr_put_strz(nlh, NFTA_TABLE_NAME, name);
    mnl_attr_put_u32(nlh, NFTA_TABLE_FLAGS, htonl(flags));
    nft_batch_end(b, nlh);
}

void drop_table(struct batch *b, const char *name)
{
    struct nlmsghdr *nlh = nft_batch_begin(b, NFT_MSG_DELTABLE, 0);
    if (!nlh)
        return;
    mnl_attr_put_strz(nlh, NFTA_TABLE_NAME, name);
    nft_batch_end(b, nlh);
}

/* ---- chains -------------------------------------------------------------------------- */

static void emit_chain(struct batch *b, uint16_t type, uint16_t flags, struct nftnl_chain *c,
                       const char *table, const char *name)
{
    nftnl_chain_set_u32(c, NFTNL_CHAIN_FAMILY, NFPROTO_INET);
    if (nftnl_chain_set_str(c, NFTNL_CHAIN_TABLE, table) < 0 ||
        nftnl_chain_set_str(c, NFTNL_CHAIN_NAME, name) < 0)
        b->err = -ENOMEM;
    struct nlmsghdr *nlh = nft_batch_begin(b, type, flags);
    if (nlh) {
        nftnl_chain_nlmsg_build_payload(nlh, c);
        nft_batch_end(b, nlh);
    }
    nftnl_chain_free(c);
}

static struct nftnl_chain *new_chain(struct batch *b)
{
    struct nftnl_chain *c = nftnl_chain_alloc();
    if (!c)
        b->err = -ENOMEM;
    return c;
}

void put_chain(struct batch *b, const char *table, const char *name)
{
    struct nftnl_chain *c = new_chain(b);
    if (c)
        emit_chain(b, NFT_MSG_NEWCHAIN, NLM_F_CREATE, c, table, name);
}

void put_base_chain(struct batch *b, const char *table, const char *name, const char *type,
                    uint32_t hook, int32_t priority, uint32_t policy)
{
    struct nftnl_chain *c = new_chain(b);
    if (!c)
        return;
    if (nftnl_chain_set_str(c, NFTNL_CHAIN_TYPE, type) < 0)
        b->err = -ENOMEM;
    nftnl_chain_set_u32(c, NFTNL_CHAIN_HOOKNUM, hook);
    nftnl_chain_set_s32(c, NFTNL_CHAIN_PRIO, priority);
    nftnl_chain_set_u32(c, NFTNL_CHAIN_POLICY, policy);
    emit_chain(b, NFT_MSG_NEWCHAIN, NLM_F_CREATE, c, table, name);
}

void drop_chain(struct batch *b, const char *table, const char *name)
{
    struct nftnl_chain *c = new_chain(b);
    if (c)
        emit_chain(b, NFT_MSG_DELCHAIN, 0, c, table, name);
}

void drop_rules(struct batch *b, const char *table, const char *chain)
{
    struct nlmsghdr *nlh = nft_batch_begin(b, NFT_MSG_DELRULE, 0);
    if (!nlh)
        return;
    mnl_attr_put_strz(nlh, NFTA_RULE_TABLE, table);
    mnl_attr_put_strz(nlh, NFTA_RULE_CHAIN, chain);
    nft_batch_end(b, nlh);
}

/* ---- counters ------------------------------------------------------------------------ */

void put_counter(struct batch *b, const char *table, const char *name)
{
    struct nlmsghdr *nlh = nft_batch_begin(b, NFT_MSG_NEWOBJ, NLM_F_CREATE);
    if (!nlh)
        return;
    mnl_attr_put_strz(nlh, NFTA_OBJ_TABLE, table);
    mnl_attr_put_strz(nlh, NFTA_OBJ_NAME, name);
    mnl_attr_put_u32(nlh, NFTA_OBJ_TYPE, htonl(NFT_OBJECT_COUNTER));
    struct nlattr *nest = mnl_attr_nest_start(nlh, NFTA_OBJ_DATA);
    mnl_attr_nest_end(nlh, nest);
    nft_batch_end(b, nlh);
}

/* ---- sets ---------------------------------------------------------------------------- */

static uint32_t padded(uint32_t n) { return (n + 3u) & ~3u; }

/* Lengths of the parts of the key; returns how many. */
static uint32_t key_parts(const struct set_form *f, uint8_t len[4])
{
    memset(len, 0, 4);
    len[0] = f->key != KEY_MARK && f->family == 6 ? 16 : 4;
    len[1] = 1;
    len[2] = 2;
    uint32_t n = f->key == KEY_ADDR_PROTO_PORT ? 3 : f->key == KEY_ADDR_PROTO ? 2 : 1;
    memset(len + n, 0, 4 - n);
    return n;
}

static uint32_t key_type(const struct set_form *f)
{
    uint32_t type = f->family == 6 ? TYPE_IP6ADDR : TYPE_IPADDR;
    if (f->key == KEY_MARK)
        return TYPE_MARK;
    if (f->key >= KEY_ADDR_PROTO)
        type = type << TYPE_BITS | TYPE_INET_PROTOCOL;
    if (f->key == KEY_ADDR_PROTO_PORT)
        type = type << TYPE_BITS | TYPE_INET_SERVICE;
    return type;
}

static uint32_t set_flags(const struct set_form *f, uint32_t parts)
{
    uint32_t flags = 0;
    if (f->timeout)
        flags |= NFT_SET_TIMEOUT;
    if (f->value != VALUE_NONE)
        flags |= NFT_SET_MAP;
    if (f->ranges)
        flags |= NFT_SET_INTERVAL;
    if (f->ranges && parts > 1)
        flags |= NFT_SET_CONCAT;
    return flags;
}

static void describe_key(struct nftnl_set *s, const struct set_form *f)
{
    uint8_t len[4];
    const uint32_t parts = key_parts(f, len);
    uint32_t total = 0;

    for (uint32_t i = 0; i < parts; i++)
        total += padded(len[i]);
    nftnl_set_set_u32(s, NFTNL_SET_KEY_TYPE, key_type(f));
    nftnl_set_set_u32(s, NFTNL_SET_KEY_LEN, total);
    nftnl_set_set_u32(s, NFTNL_SET_FLAGS, set_flags(f, parts));
    if (f->ranges && parts > 1)
        (void)nftnl_set_set_data(s, NFTNL_SET_DESC_CONCAT, len, parts);
    if (f->size)
        nftnl_set_set_u32(s, NFTNL_SET_DESC_SIZE, f->size);
}

static void describe_value(struct nftnl_set *s, const struct set_form *f)
{
    if (f->value == VALUE_MARK) {
        nftnl_set_set_u32(s, NFTNL_SET_DATA_TYPE, TYPE_MARK);
        nftnl_set_set_u32(s, NFTNL_SET_DATA_LEN, 4);
    } else if (f->value == VALUE_VERDICT) {
        nftnl_set_set_u32(s, NFTNL_SET_DATA_TYPE, NFT_DATA_VERDICT);
        nftnl_set_set_u32(s, NFTNL_SET_DATA_LEN, 0);
    }
}

/* Only for people who run `nft list`: marks are numbers of this host's byte order. */
static int describe_byteorder(struct nftnl_set *s, const struct set_form *f)
{
    struct nftnl_udata_buf *u = nftnl_udata_buf_alloc(64);
    if (!u)
        return -1;
    nftnl_udata_put_u32(u, NFTNL_UDATA_SET_KEYBYTEORDER,
                        f->key == KEY_MARK ? BYTEORDER_HOST : BYTEORDER_NETWORK);
    if (f->value == VALUE_MARK)
        nftnl_udata_put_u32(u, NFTNL_UDATA_SET_DATABYTEORDER, BYTEORDER_HOST);
    int rc =
        nftnl_set_set_data(s, NFTNL_SET_USERDATA, nftnl_udata_buf_data(u), nftnl_udata_buf_len(u));
    nftnl_udata_buf_free(u);
    return rc;
}

void put_set(struct batch *b, const struct set_form *f)
{
    struct nftnl_set *s = nftnl_set_alloc();
    if (!s || nftnl_set_set_str(s, NFTNL_SET_TABLE, NFT_TABLE_NAME) < 0 ||
        nftnl_set_set_str(s, NFTNL_SET_NAME, f->name) < 0 || describe_byteorder(s, f) < 0) {
        b->err = -ENOMEM;
        goto out;
    }
    nftnl_set_set_u32(s, NFTNL_SET_FAMILY, NFPROTO_INET);
    nftnl_set_set_u32(s, NFTNL_SET_ID, 1);
    describe_key(s, f);
    describe_value(s, f);
    struct nlmsghdr *nlh = nft_batch_begin(b, NFT_MSG_NEWSET, NLM_F_CREATE);
    if (nlh) {
        nftnl_set_nlmsg_build_payload(nlh, s);
        nft_batch_end(b, nlh);
    }
out:
    if (s)
        nftnl_set_free(s);
}

void drop_set(struct batch *b, const char *name)
{
    struct nlmsghdr *nlh = nft_batch_begin(b, NFT_MSG_DELSET, 0);
    if (!nlh)
        return;
    mnl_attr_put_strz(nlh, NFTA_SET_TABLE, NFT_TABLE_NAME);
    mnl_attr_put_strz(nlh, NFTA_SET_NAME, name);
    nft_batch_end(b, nlh);
}
