/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A batch: messages between NFNL_MSG_BATCH_BEGIN and _END are one transaction of nf_tables.
 * linux/netfilter/nfnetlink.h, net/netfilter/nfnetlink.c (nfnetlink_rcv_batch).
 */
#include "kernel_rules/nft_parts.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nfnetlink.h>
#include <stdlib.h>
#include <string.h>

#define RACE_TRIES 3

void nft_batch_free(struct batch *b)
{
    free(b->buf);
    memset(b, 0, sizeof *b);
}

/* Room for one more message whatever its attributes. A batch begins with enough for the few small
 * messages of most changes: growing it would copy more than they are. */
static int make_room(struct batch *b)
{
    size_t need = b->len + MESSAGE_ROOM + 4096;
    if (need <= b->size)
        return 0;
    size_t size = b->size ? b->size * 2 : 2 * need;
    if (size < need)
        size = need;
    uint8_t *buf = realloc(b->buf, size);
    if (!buf)
        return -ENOMEM;
    if (b->last)
        b->last = (void *)(buf + ((uint8_t *)b->last - b->buf));
    b->buf = buf;
    b->size = size;
    return 0;
}

static struct nlmsghdr *put_header(struct batch *b, uint16_t type, uint16_t flags, uint8_t family,
                                   uint16_t res_id)
{
    if (b->err == 0)
        b->err = make_room(b);
    if (b->err != 0)
        return NULL;
    struct nlmsghdr *nlh = mnl_nlmsg_put_header(b->buf + b->len);
    nlh->nlmsg_type = type;
    nlh->nlmsg_flags = (uint16_t)(NLM_F_REQUEST | flags);
    struct nfgenmsg *g = mnl_nlmsg_put_extra_header(nlh, sizeof *g);
    g->nfgen_family = family;
    g->version = NFNETLINK_V0;
    g->res_id = htons(res_id);
    return nlh;
}

void nft_batch_open(struct batch *b)
{
    memset(b, 0, sizeof *b);
    struct nlmsghdr *nlh = put_header(b, NFNL_MSG_BATCH_BEGIN, 0, AF_UNSPEC, NFNL_SUBSYS_NFTABLES);
    if (nlh)
        b->len += nlh->nlmsg_len;
}

struct nlmsghdr *nft_batch_begin(struct batch *b, uint16_t type, uint16_t flags)
{
    return put_header(b, (uint16_t)(NFNL_SUBSYS_NFTABLES << 8 | type), flags, NFPROTO_INET, 0);
}

void nft_batch_end(struct batch *b, struct nlmsghdr *nlh)
{
    b->last = nlh;
    b->len += (nlh->nlmsg_len + 3u) & ~3u;
}

static void close_batch(struct batch *b)
{
    b->last->nlmsg_flags |= NLM_F_ACK;
    struct nlmsghdr *nlh = put_header(b, NFNL_MSG_BATCH_END, 0, AF_UNSPEC, NFNL_SUBSYS_NFTABLES);
    if (nlh)
        b->len += nlh->nlmsg_len;
}

int nft_batch_commit(struct batch *b, struct nl *nl)
{
    if (b->err == 0 && b->last)
        close_batch(b);
    int rc = b->err;
    if (rc == 0 && b->last) {
        int tries = 0;
        do
            rc = nl_batch(nl, b->buf, b->len, NULL);
        while (rc == -ENOENT && ++tries < RACE_TRIES);
    }
    nft_batch_free(b);
    return rc;
}
