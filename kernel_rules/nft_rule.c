/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A rule from its opening to its verdict; what stands between comes from nft_expr.c. */
#include "kernel_rules/nft_parts.h"

#include <errno.h>
#include <libnftnl/expr.h>
#include <libnftnl/rule.h>
#include <linux/netfilter.h>

void rule_open(struct rule *r, struct batch *b, const char *table, const char *chain)
{
    *r = (struct rule){.b = b, .table = table, .chain = chain, .r = nftnl_rule_alloc()};
    if (!r->r) {
        b->err = -ENOMEM;
        return;
    }
    nftnl_rule_set_u32(r->r, NFTNL_RULE_FAMILY, NFPROTO_INET);
    if (nftnl_rule_set_str(r->r, NFTNL_RULE_TABLE, table) < 0 ||
        nftnl_rule_set_str(r->r, NFTNL_RULE_CHAIN, chain) < 0)
        b->err = -ENOMEM;
}

void rule_close(struct rule *r)
{
    if (!r->r)
        return;
    if (r->b->watch_rule && r->b->err == 0)
        r->b->err = r->b->watch_rule(r->r, r->b->watcher);
    struct nlmsghdr *nlh = nft_batch_begin(r->b, NFT_MSG_NEWRULE, NLM_F_CREATE | NLM_F_APPEND);
    if (nlh) {
        nftnl_rule_nlmsg_build_payload(nlh, r->r);
        nft_batch_end(r->b, nlh);
    }
    nftnl_rule_free(r->r);
    r->r = NULL;
}

struct nftnl_expr *rule_expr(struct rule *r, const char *name)
{
    struct nftnl_expr *e = r->r ? nftnl_expr_alloc(name) : NULL;
    if (!e)
        r->b->err = -ENOMEM;
    else
        nftnl_rule_add_expr(r->r, e);
    return e;
}

void rule_bytes(struct rule *r, struct nftnl_expr *e, uint16_t attr, const void *p, uint32_t len)
{
    if (nftnl_expr_set(e, attr, p, len) < 0)
        r->b->err = -ENOMEM;
}

void rule_name(struct rule *r, struct nftnl_expr *e, uint16_t attr, const char *name)
{
    if (nftnl_expr_set_str(e, attr, name) < 0)
        r->b->err = -ENOMEM;
}

static void end_with(struct rule *r, int verdict, const char *chain)
{
    struct nftnl_expr *e = rule_expr(r, "immediate");
    if (e) {
        nftnl_expr_set_u32(e, NFTNL_EXPR_IMM_DREG, NFT_REG_VERDICT);
        nftnl_expr_set_u32(e, NFTNL_EXPR_IMM_VERDICT, (uint32_t)verdict);
        if (chain)
            rule_name(r, e, NFTNL_EXPR_IMM_CHAIN, chain);
    }
    rule_close(r);
}

void rule_accept(struct rule *r) { end_with(r, NF_ACCEPT, NULL); }
void rule_drop(struct rule *r) { end_with(r, NF_DROP, NULL); }
void rule_goto(struct rule *r, const char *chain) { end_with(r, NFT_GOTO, chain); }
void rule_jump(struct rule *r, const char *chain) { end_with(r, NFT_JUMP, chain); }
