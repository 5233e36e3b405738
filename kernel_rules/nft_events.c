/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Noticing that somebody else touched our tables: NFNLGRP_NFTABLES. Our own transactions are
 * named by their sender's port id; a socket filter drops them in the kernel, since a transaction
 * with 100,000 leases announces every element of it.
 */
#include "kernel_rules/nft_parts.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/filter.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nfnetlink.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#define DATAGRAM 65536u
#define READS_MAX 4096 /* datagrams of one call: a flood must not hold the caller */

struct nft_events {
    struct nl *nl;
    uint32_t filtered; /* the port id that the socket filter drops; 0 = none yet */
    uint8_t *buf;
};

int nft_events_open(struct nft_events **out)
{
    const int group = NFNLGRP_NFTABLES;
    struct nft_events *e = calloc(1, sizeof *e);
    int rc = -ENOMEM;
    if (!e || !(e->buf = malloc(DATAGRAM)))
        goto fail;
    rc = nl_open(&e->nl, NETLINK_NETFILTER);
    if (rc < 0)
        goto fail;
    if (setsockopt(nl_fd(e->nl), SOL_NETLINK, NETLINK_ADD_MEMBERSHIP, &group, sizeof group) != 0) {
        rc = -errno;
        goto fail;
    }
    *out = e;
    return 0;
fail:
    nft_events_close(e);
    return rc;
}

void nft_events_close(struct nft_events *e)
{
    if (!e)
        return;
    nl_close(e->nl);
    free(e->buf);
    free(e);
}

int nft_events_fd(const struct nft_events *e) { return nl_fd(e->nl); }

/* All messages of a datagram are of one transaction, so of one sender. The filter loads in network
 * order what netlink writes in the host's. */
static void filter_out(struct nft_events *e, uint32_t portid)
{
    struct sock_filter code[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct nlmsghdr, nlmsg_pid)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, htonl(portid), 0, 1),
        BPF_STMT(BPF_RET | BPF_K, 0),
        BPF_STMT(BPF_RET | BPF_K, UINT32_MAX),
    };
    const struct sock_fprog prog = {.len = sizeof code / sizeof code[0], .filter = code};
    if (e->filtered == portid)
        return;
    if (setsockopt(nl_fd(e->nl), SOL_SOCKET, SO_ATTACH_FILTER, &prog, sizeof prog) == 0)
        e->filtered = portid;
}

static bool is_our_table(const char *name)
{
    return strcmp(name, NFT_TABLE_NAME) == 0 || strcmp(name, NFT_GUARD_NAME) == 0;
}

/* The first attribute of every message is the name of its table; but a new generation's, which is
 * of no family. */
int nft_event_is_foreign(const struct nlmsghdr *nlh, uint32_t self)
{
    const struct nlattr *tb[2];
    const struct nfgenmsg *g = mnl_nlmsg_get_payload(nlh);
    if (nlh->nlmsg_type == NLMSG_OVERRUN)
        return 1;
    if (nlh->nlmsg_type >> 8 != NFNL_SUBSYS_NFTABLES || nlh->nlmsg_pid == self)
        return 0;
    if (mnl_nlmsg_get_payload_len(nlh) < sizeof *g || nl_attrs(nlh, sizeof *g, tb, 1) < 0)
        return 1;
    if (g->nfgen_family != NFPROTO_INET || !tb[1])
        return 0;
    return mnl_attr_validate(tb[1], MNL_TYPE_NUL_STRING) < 0 ||
           is_our_table(mnl_attr_get_str(tb[1]));
}

/* mnl_nlmsg_ok() takes a length of 2 GiB and more for a negative one, hence the other half. */
int nft_events_parse(const uint8_t *buf, size_t len, uint32_t self)
{
    const struct nlmsghdr *nlh = (const void *)buf;
    int left = (int)len, foreign = 0;
    for (; mnl_nlmsg_ok(nlh, left) && nlh->nlmsg_len <= (uint32_t)left;
         nlh = mnl_nlmsg_next(nlh, &left))
        foreign |= nft_event_is_foreign(nlh, self);
    return foreign;
}

/* Only the kernel speaks here; a datagram of another process is not heard. */
static ssize_t receive(const struct nft_events *e)
{
    struct sockaddr_nl from = {0};
    socklen_t size = sizeof from;
    ssize_t len = recvfrom(nl_fd(e->nl), e->buf, DATAGRAM, MSG_DONTWAIT | MSG_TRUNC,
                           (struct sockaddr *)&from, &size);
    return len >= 0 && from.nl_pid != 0 ? 0 : len;
}

int nft_events_read(struct nft_events *e, const struct nft *n)
{
    const uint32_t self = nl_portid(n->nl);
    int foreign = 0;
    bool lost = false;
    filter_out(e, self);
    for (int i = 0; i < READS_MAX; i++) {
        const ssize_t len = receive(e);
        if (len < 0 && (errno == EAGAIN || errno == EWOULDBLOCK))
            return foreign == 0 && lost ? 2 : foreign;
        if (len < 0 && errno != ENOBUFS && errno != EINTR)
            return -errno;
        if (len < 0)
            lost = lost || errno == ENOBUFS;
        else if ((size_t)len > DATAGRAM)
            foreign = 1;
        else
            foreign |= nft_events_parse(e->buf, (size_t)len, self);
    }
    return 1;
}
