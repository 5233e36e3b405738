/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What others do beside our tables that no rule of ours can see: a flowtable takes established
 * connections past the forward hook, and with it past the judging of every packet.
 */
#include "kernel_rules/nft_parts.h"

#include <errno.h>
#include <linux/netfilter/nfnetlink.h>
#include <stdio.h>
#include <string.h>

#define RESTARTS 100

struct search {
    const struct tunnel *t;
    char *what;
    bool found;
};

static bool is_of_ours(const struct tunnel *t, const char *iface)
{
    if (strcmp(iface, t->iface) == 0 || (t->outside[0] && strcmp(iface, t->outside) == 0))
        return true;
    for (uint32_t i = 0; i < t->n_office; i++)
        if (strcmp(iface, t->office[i].name) == 0)
            return true;
    return false;
}

static const struct nlattr *next_attr(const struct nlattr *nest, const struct nlattr *a)
{
    const char *end = (const char *)nest + nest->nla_len;
    const struct nlattr *next = a ? mnl_attr_next(a) : mnl_attr_get_payload(nest);
    const long left = end - (const char *)next;
    return left >= (long)sizeof *next && mnl_attr_ok(next, (int)left) ? next : NULL;
}

/* The first interface of ours among a flowtable's devices. */
static const char *our_device(const struct search *s, const struct nlattr *hook)
{
    const struct nlattr *tb[NFTA_FLOWTABLE_HOOK_MAX + 1];
    if (nl_nested(hook, tb, NFTA_FLOWTABLE_HOOK_MAX) < 0 || !tb[NFTA_FLOWTABLE_HOOK_DEVS])
        return NULL;
    const struct nlattr *devices = tb[NFTA_FLOWTABLE_HOOK_DEVS];
    for (const struct nlattr *a = next_attr(devices, NULL); a; a = next_attr(devices, a))
        if (mnl_attr_validate(a, MNL_TYPE_NUL_STRING) == 0 && is_of_ours(s->t, mnl_attr_get_str(a)))
            return mnl_attr_get_str(a);
    return NULL;
}

static int hear_flowtable(const struct nlmsghdr *nlh, void *arg)
{
    const struct nlattr *tb[NFTA_FLOWTABLE_HOOK + 1];
    struct search *s = arg;
    if (nl_attrs(nlh, sizeof(struct nfgenmsg), tb, NFTA_FLOWTABLE_HOOK) < 0 ||
        !tb[NFTA_FLOWTABLE_TABLE] || !tb[NFTA_FLOWTABLE_NAME] || !tb[NFTA_FLOWTABLE_HOOK] ||
        mnl_attr_validate(tb[NFTA_FLOWTABLE_TABLE], MNL_TYPE_NUL_STRING) < 0 ||
        mnl_attr_validate(tb[NFTA_FLOWTABLE_NAME], MNL_TYPE_NUL_STRING) < 0)
        return -EBADMSG;
    const char *iface = our_device(s, tb[NFTA_FLOWTABLE_HOOK]);
    if (iface && !s->found) {
        snprintf(s->what, 128, "flowtable %.40s of table %.40s covers %.15s",
                 mnl_attr_get_str(tb[NFTA_FLOWTABLE_NAME]),
                 mnl_attr_get_str(tb[NFTA_FLOWTABLE_TABLE]), iface);
        s->found = true;
    }
    return 0;
}

int nft_flowtable_over(struct nft *n, const struct tunnel *t, char what[128])
{
    struct search s = {.t = t, .what = what};
    int rc = -EINTR;
    what[0] = '\0';
    for (int i = 0; i < RESTARTS && rc == -EINTR; i++) {
        uint8_t buf[64] __attribute__((aligned(4)));
        struct nlmsghdr *nlh = mnl_nlmsg_put_header(buf);
        nlh->nlmsg_type = NFNL_SUBSYS_NFTABLES << 8 | NFT_MSG_GETFLOWTABLE;
        nlh->nlmsg_flags = NLM_F_DUMP;
        mnl_nlmsg_put_extra_header(nlh, sizeof(struct nfgenmsg));
        s.found = false;
        rc = nl_request(n->nl, nlh, hear_flowtable, &s);
    }
    if (rc == -EINTR)
        return -EAGAIN;
    return rc < 0 ? rc : s.found;
}
