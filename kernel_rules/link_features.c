/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What this kernel has, each asked by trying. Nothing that is made here outlives its socket.
 */
#include "kernel_rules/link.h"

#include "kernel_rules/netlink.h"
#include "kernel_rules/wireguard_parts.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter/nfnetlink_conntrack.h>
#include <linux/netfilter/nfnetlink_log.h>

#define PROBE_TABLE "portcullis_probe"
#define PROBE_GROUP 65535               /* an NFLOG group that nobody uses */

static struct nlmsghdr *nf_message(void *buf, int subsys, int msg, uint8_t family, uint16_t res_id)
{
    struct nlmsghdr *nlh = mnl_nlmsg_put_header(buf);
    struct nfgenmsg *nfg = mnl_nlmsg_put_extra_header(nlh, sizeof *nfg);
    nlh->nlmsg_type = (uint16_t)(subsys << 8 | msg);
    nlh->nlmsg_flags = NLM_F_REQUEST;
    nfg->nfgen_family = family;
    nfg->version = NFNETLINK_V0;
    nfg->res_id = htons(res_id);
    return nlh;
}

static bool has_nf_tables(struct nl *nl)
{
    char buf[256];
    struct nlmsghdr *nlh = nf_message(buf, NFNL_SUBSYS_NFTABLES, NFT_MSG_GETGEN, NFPROTO_UNSPEC, 0);
    return nl_request(nl, nlh, NULL, NULL) == 0;
}

static bool has_conntrack(struct nl *nl)
{
    char buf[256];
    struct nlmsghdr *nlh =
        nf_message(buf, NFNL_SUBSYS_CTNETLINK, IPCTNL_MSG_CT_GET_STATS, NFPROTO_UNSPEC, 0);
    return nl_request(nl, nlh, NULL, NULL) == 0;
}

/* The table is the socket's: it goes when the caller closes it. */
static bool has_owner_tables(struct nl *nl)
{
    _Alignas(struct nlmsghdr) char buf[512];
    char *at = buf;
    struct nlmsghdr *nlh = nf_message(at, 0, NFNL_MSG_BATCH_BEGIN, AF_UNSPEC, NFNL_SUBSYS_NFTABLES);
    at += nlh->nlmsg_len;
    nlh = nf_message(at, NFNL_SUBSYS_NFTABLES, NFT_MSG_NEWTABLE, NFPROTO_INET, 0);
    nlh->nlmsg_flags |= NLM_F_CREATE | NLM_F_ACK;
    mnl_attr_put_strz(nlh, NFTA_TABLE_NAME, PROBE_TABLE);
    mnl_attr_put_u32(nlh, NFTA_TABLE_FLAGS, htonl(NFT_TABLE_F_OWNER));
    at += nlh->nlmsg_len;
    nlh = nf_message(at, 0, NFNL_MSG_BATCH_END, AF_UNSPEC, NFNL_SUBSYS_NFTABLES);
    at += nlh->nlmsg_len;
    return nl_batch(nl, buf, (size_t)(at - buf), NULL) == 0;
}

static bool has_nflog(struct nl *nl)
{
    char buf[256];
    const struct nfulnl_msg_config_cmd cmd = {.command = NFULNL_CFG_CMD_BIND};
    struct nlmsghdr *nlh =
        nf_message(buf, NFNL_SUBSYS_ULOG, NFULNL_MSG_CONFIG, NFPROTO_UNSPEC, PROBE_GROUP);
    mnl_attr_put(nlh, NFULA_CFG_CMD, sizeof cmd, &cmd);
    int rc = nl_request(nl, nlh, NULL, NULL);
    return rc == 0 || rc == -EBUSY;
}

static bool has_wireguard(void)
{
    struct wg w = {0};
    bool has = wg_genl_open(&w) == 0;
    nl_close(w.nl);
    return has;
}

int kernel_features(struct kernel_features *out)
{
    struct nl *nl;
    *out = (struct kernel_features){0};
    int rc = nl_open(&nl, NETLINK_NETFILTER);
    if (rc < 0)
        return rc == -EPROTONOSUPPORT ? 0 : rc;
    out->nf_tables = has_nf_tables(nl);
    out->owner_tables = out->nf_tables && has_owner_tables(nl);
    out->conntrack = has_conntrack(nl);
    out->nflog = has_nflog(nl);
    nl_close(nl);
    out->wireguard = has_wireguard();
    return 0;
}
