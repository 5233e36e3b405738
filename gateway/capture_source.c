/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Opening and reading the nflog handle. */
#include "gateway/capture_source.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter/nfnetlink_log.h>
#include <linux/netlink.h>
#include <pcap/pcap.h>
#include <poll.h>
#include <stdalign.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "gateway/log.h"

#define SNAPLEN 65535             /* a smaller one loses messages silently (design.md) */
#define KERNEL_BUFFER (64u << 10) /* of one read; fits libpcap's own buffer of SNAPLEN + 128 */
#define KERNEL_BATCH 64u          /* packets that end the kernel's waiting */
#define KERNEL_WAIT 2u            /* or time, in 1/100 s */
#define ACK_MS 2000

struct source {
    pcap_t *pcap;
    source_cb *cb;
    void *arg;
};

/* ---- the message that tunes the group -------------------------------------------------------- */

struct config {
    alignas(NLMSG_ALIGNTO) uint8_t bytes[128];
};

static void add_attribute(struct config *c, uint16_t type, const void *value, uint16_t len)
{
    struct nlmsghdr *h = (struct nlmsghdr *)(void *)c->bytes;
    const struct nlattr a = {.nla_len = (uint16_t)(sizeof a + len), .nla_type = type};
    memcpy(c->bytes + h->nlmsg_len, &a, sizeof a);
    memcpy(c->bytes + h->nlmsg_len + sizeof a, value, len);
    h->nlmsg_len += (uint32_t)NLMSG_ALIGN(a.nla_len);
}

static void add_be32(struct config *c, uint16_t type, uint32_t value)
{
    value = htonl(value);
    add_attribute(c, type, &value, sizeof value);
}

static void build_config(struct config *c, uint16_t group)
{
    const uint16_t flags = htons(NFULNL_CFG_F_SEQ);
    const struct nfgenmsg g = {
        .nfgen_family = AF_UNSPEC, .version = NFNETLINK_V0, .res_id = htons(group)};
    struct nlmsghdr *h = (struct nlmsghdr *)(void *)c->bytes;
    memset(c, 0, sizeof *c);
    h->nlmsg_type = NFNL_SUBSYS_ULOG << 8 | NFULNL_MSG_CONFIG;
    h->nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK;
    h->nlmsg_len = NLMSG_LENGTH(sizeof g);
    memcpy(NLMSG_DATA(h), &g, sizeof g);
    add_be32(c, NFULA_CFG_NLBUFSIZ, KERNEL_BUFFER);
    add_be32(c, NFULA_CFG_QTHRESH, KERNEL_BATCH);
    add_be32(c, NFULA_CFG_TIMEOUT, KERNEL_WAIT);
    add_attribute(c, NFULA_CFG_FLAGS, &flags, sizeof flags);
}

/* The kernel's answer, 0 or an errno; messages with packets before it are let go. */
static int await_answer(int fd)
{
    static alignas(NLMSG_ALIGNTO) uint8_t buffer[SNAPLEN + 128];
    struct pollfd p = {.fd = fd, .events = POLLIN};
    for (;;) {
        if (poll(&p, 1, ACK_MS) != 1)
            return ETIMEDOUT;
        ssize_t n = recv(fd, buffer, sizeof buffer, 0);
        const struct nlmsghdr *h = (const struct nlmsghdr *)(const void *)buffer;
        struct nlmsgerr e;
        if (n < 0 && errno != ENOBUFS && errno != EINTR)
            return errno;
        if (n < (ssize_t)NLMSG_LENGTH(sizeof e) || h->nlmsg_type != NLMSG_ERROR)
            continue;
        memcpy(&e, buffer + NLMSG_HDRLEN, sizeof e);
        return -e.error;
    }
}

static int tune_group(int fd, uint16_t group)
{
    struct config c;
    const struct sockaddr_nl kernel = {.nl_family = AF_NETLINK};
    build_config(&c, group);
    const struct nlmsghdr *h = (const struct nlmsghdr *)(const void *)c.bytes;
    if (sendto(fd, c.bytes, h->nlmsg_len, 0, (const struct sockaddr *)&kernel, sizeof kernel) < 0)
        return errno;
    return await_answer(fd);
}

/* ---- life ------------------------------------------------------------------------------------ */

static pcap_t *open_handle(uint16_t group)
{
    char device[16], why[PCAP_ERRBUF_SIZE] = "";
    snprintf(device, sizeof device, "nflog:%u", group);
    pcap_t *p = pcap_create(device, why);
    if (!p)
        fatal("libpcap has no device %s: %s", device, why);
    int rc = pcap_set_snaplen(p, SNAPLEN);
    if (rc == 0)
        rc = pcap_activate(p);
    if (rc < 0)
        fatal("cannot capture from %s: %s; it needs CAP_NET_ADMIN and the kernel's nfnetlink_log",
              device, pcap_geterr(p));
    if (pcap_setnonblock(p, 1, why) < 0)
        fatal("cannot capture from %s: %s", device, why);
    return p;
}

struct source *source_open(uint16_t group, int receive_bytes, source_cb *cb, void *arg)
{
    struct source *s = calloc(1, sizeof *s);
    if (!s)
        fatal("out of memory");
    *s = (struct source){.pcap = open_handle(group), .cb = cb, .arg = arg};
    int fd = source_fd(s);
    if (setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &receive_bytes, sizeof receive_bytes) < 0)
        fatal("cannot enlarge the capture's queue: %s; it needs CAP_NET_ADMIN", strerror(errno));
    int error = tune_group(fd, group);
    if (error != 0)
        fatal("nfnetlink_log refuses the settings of group %u: %s", group, strerror(error));
    return s;
}

void source_close(struct source *s)
{
    if (!s)
        return;
    pcap_close(s->pcap);
    free(s);
}

int source_fd(const struct source *s) { return pcap_get_selectable_fd(s->pcap); }

static void on_message(u_char *arg, const struct pcap_pkthdr *h, const u_char *bytes)
{
    const struct source *s = (const void *)arg;
    s->cb(s->arg, (int64_t)h->ts.tv_sec * 1000000 + h->ts.tv_usec, bytes, h->caplen);
}

int source_read(struct source *s)
{
    errno = 0;
    int n = pcap_dispatch(s->pcap, -1, on_message, (u_char *)s);
    if (n >= 0)
        return n;
    /* libpcap calls an empty queue an error; a datagram it cannot read costs sequence numbers. */
    if (errno == EAGAIN || errno == EINTR || errno == ENOBUFS)
        return 0;
    return errno == 0 ? 0 : -1;
}
