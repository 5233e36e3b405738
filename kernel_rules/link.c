/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Interfaces and their addresses by rtnetlink (linux/rtnetlink.h, linux/if_link.h), and the two
 * switches that make a host a router. Each function opens its own socket: these are rare.
 */
#include "kernel_rules/link.h"

#include "kernel_rules/netlink.h"

#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <linux/if_addr.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>

#define REQUEST_SIZE 512
#define ADDRESSES_MAX 256         /* stale addresses removed from one interface */

static const char forward4[] = "/proc/sys/net/ipv4/ip_forward";
static const char forward6[] = "/proc/sys/net/ipv6/conf/all/forwarding";

/* One request on a socket of its own. */
static int ask(struct nlmsghdr *nlh, nl_cb *cb, void *arg)
{
    struct nl *nl;
    int rc = nl_open(&nl, NETLINK_ROUTE);
    if (rc < 0)
        return rc;
    rc = nl_request(nl, nlh, cb, arg);
    nl_close(nl);
    return rc;
}

int link_index(const char *iface)
{
    unsigned index = if_nametoindex(iface);
    return index > 0 && index <= INT32_MAX ? (int)index : -ENODEV;
}

static struct nlmsghdr *link_message(void *buf, uint16_t type, uint16_t flags, int index)
{
    struct nlmsghdr *nlh = mnl_nlmsg_put_header(buf);
    struct ifinfomsg *ifi = mnl_nlmsg_put_extra_header(nlh, sizeof *ifi);
    nlh->nlmsg_type = type;
    nlh->nlmsg_flags = (uint16_t)(NLM_F_REQUEST | flags);
    ifi->ifi_index = index;
    return nlh;
}

int link_add_wireguard(const char *iface)
{
    char buf[REQUEST_SIZE];
    if (strlen(iface) >= IFACE_SIZE)
        return -EINVAL;
    struct nlmsghdr *nlh = link_message(buf, RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL, 0);
    mnl_attr_put_strz(nlh, IFLA_IFNAME, iface);
    struct nlattr *info = mnl_attr_nest_start(nlh, IFLA_LINKINFO);
    mnl_attr_put_strz(nlh, IFLA_INFO_KIND, "wireguard");
    mnl_attr_nest_end(nlh, info);
    return ask(nlh, NULL, NULL);
}

static int take_kind(const struct nlmsghdr *nlh, void *arg)
{
    const struct nlattr *tb[IFLA_LINKINFO + 1], *info[IFLA_INFO_KIND + 1];
    char *kind = arg;

    if (nl_attrs(nlh, sizeof(struct ifinfomsg), tb, IFLA_LINKINFO) < 0)
        return -EBADMSG;
    if (!tb[IFLA_LINKINFO])
        return 0;
    if (nl_nested(tb[IFLA_LINKINFO], info, IFLA_INFO_KIND) < 0)
        return -EBADMSG;
    if (!info[IFLA_INFO_KIND])
        return 0;
    size_t len = strnlen(mnl_attr_get_payload(info[IFLA_INFO_KIND]),
                         mnl_attr_get_payload_len(info[IFLA_INFO_KIND]));
    if (len >= IFACE_SIZE)
        return 0;                /* a kind with a name that long is none that we know */
    memcpy(kind, mnl_attr_get_payload(info[IFLA_INFO_KIND]), len);
    return 0;
}

int link_kind(const char *iface, char kind[IFACE_SIZE])
{
    char buf[REQUEST_SIZE];
    int index = link_index(iface);
    memset(kind, 0, IFACE_SIZE);
    return index < 0 ? index : ask(link_message(buf, RTM_GETLINK, 0, index), take_kind, kind);
}

int link_delete(const char *iface)
{
    char buf[REQUEST_SIZE];
    int index = link_index(iface);
    return index < 0 ? index : ask(link_message(buf, RTM_DELLINK, 0, index), NULL, NULL);
}

/* ---- addresses -------------------------------------------------------------------------- */

static struct nlmsghdr *addr_message(void *buf, uint16_t type, uint16_t flags, int index,
                                     const struct ip_prefix *p)
{
    struct nlmsghdr *nlh = mnl_nlmsg_put_header(buf);
    struct ifaddrmsg *ifa = mnl_nlmsg_put_extra_header(nlh, sizeof *ifa);
    size_t size = p->addr.family == 4 ? 4 : 16;
    nlh->nlmsg_type = type;
    nlh->nlmsg_flags = (uint16_t)(NLM_F_REQUEST | flags);
    ifa->ifa_family = p->addr.family == 4 ? AF_INET : AF_INET6;
    ifa->ifa_prefixlen = p->len;
    ifa->ifa_flags = p->addr.family == 6 ? IFA_F_NODAD : 0;
    ifa->ifa_index = (uint32_t)index;
    mnl_attr_put(nlh, IFA_LOCAL, size, p->addr.b);
    mnl_attr_put(nlh, IFA_ADDRESS, size, p->addr.b);
    return nlh;
}

static bool same_prefix(const struct ip_prefix *a, const struct ip_prefix *b)
{
    return a->len == b->len && a->addr.family == b->addr.family &&
           memcmp(a->addr.b, b->addr.b, sizeof a->addr.b) == 0;
}

struct held {
    int index;
    const struct tunnel *t;
    bool net4, net6;             /* ours are there */
    struct ip_prefix stale[ADDRESSES_MAX];
    size_t n;
};

static int note_address(const struct nlmsghdr *nlh, void *arg)
{
    const struct nlattr *tb[IFA_LOCAL + 1];
    const struct ifaddrmsg *ifa = mnl_nlmsg_get_payload(nlh);
    struct held *h = arg;

    if (nlh->nlmsg_type != RTM_NEWADDR || nl_attrs(nlh, sizeof *ifa, tb, IFA_LOCAL) < 0)
        return -EBADMSG;
    const struct nlattr *a = tb[IFA_LOCAL] ? tb[IFA_LOCAL] : tb[IFA_ADDRESS];
    if ((int)ifa->ifa_index != h->index || !a)
        return 0;
    size_t size = ifa->ifa_family == AF_INET ? 4 : 16;
    if (mnl_attr_get_payload_len(a) != size)
        return -EBADMSG;
    struct ip_prefix p = {.addr.family = size == 4 ? 4 : 6, .len = ifa->ifa_prefixlen};
    memcpy(p.addr.b, mnl_attr_get_payload(a), size);
    h->net4 = h->net4 || same_prefix(&p, &h->t->net4);
    h->net6 = h->net6 || same_prefix(&p, &h->t->net6);
    if (same_prefix(&p, &h->t->net4) || same_prefix(&p, &h->t->net6))
        return 0;
    if (h->n == ADDRESSES_MAX)
        return -E2BIG;
    h->stale[h->n++] = p;
    return 0;
}

static int read_addresses(struct held *h)
{
    char buf[REQUEST_SIZE];
    struct nlmsghdr *nlh = mnl_nlmsg_put_header(buf);
    nlh->nlmsg_type = RTM_GETADDR;
    nlh->nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP;
    mnl_nlmsg_put_extra_header(nlh, sizeof(struct ifaddrmsg));
    return ask(nlh, note_address, h);
}

static int remove_others(const struct tunnel *t, int index)
{
    char buf[REQUEST_SIZE];
    struct held h = {.index = index, .t = t};
    int rc = read_addresses(&h);
    for (size_t i = 0; rc == 0 && i < h.n; i++) {
        rc = ask(addr_message(buf, RTM_DELADDR, 0, index, &h.stale[i]), NULL, NULL);
        if (rc == -EADDRNOTAVAIL)
            rc = 0;              /* went with its primary address */
    }
    return rc;
}

static int put_address(int index, const struct ip_prefix *p)
{
    char buf[REQUEST_SIZE];
    if (p->addr.family == 0)
        return 0;
    return ask(addr_message(buf, RTM_NEWADDR, NLM_F_CREATE | NLM_F_REPLACE, index, p), NULL, NULL);
}

/* The kernel shall not invent a link-local address: the tunnel has ours and no other. */
static int no_link_local(int index)
{
    char buf[REQUEST_SIZE];
    struct nlmsghdr *nlh = link_message(buf, RTM_NEWLINK, 0, index);
    struct nlattr *spec = mnl_attr_nest_start(nlh, IFLA_AF_SPEC);
    struct nlattr *v6 = mnl_attr_nest_start(nlh, AF_INET6);
    mnl_attr_put_u8(nlh, IFLA_INET6_ADDR_GEN_MODE, IN6_ADDR_GEN_MODE_NONE);
    mnl_attr_nest_end(nlh, v6);
    mnl_attr_nest_end(nlh, spec);
    int rc = ask(nlh, NULL, NULL);
    return rc == -EAFNOSUPPORT ? 0 : rc;    /* IPv6 is off: there will be none */
}

static int bring_up(int index, uint16_t mtu)
{
    char buf[REQUEST_SIZE];
    struct nlmsghdr *nlh = link_message(buf, RTM_NEWLINK, 0, index);
    struct ifinfomsg *ifi = mnl_nlmsg_get_payload(nlh);
    ifi->ifi_flags = IFF_UP;
    ifi->ifi_change = IFF_UP;
    mnl_attr_put_u32(nlh, IFLA_MTU, mtu);
    return ask(nlh, NULL, NULL);
}

int link_configure(const struct tunnel *t)
{
    int index = link_index(t->iface);
    if (index < 0)
        return index;
    int rc = no_link_local(index);
    if (rc == 0)
        rc = remove_others(t, index);
    if (rc == 0)
        rc = put_address(index, &t->net4);
    if (rc == 0)
        rc = put_address(index, &t->net6);
    return rc < 0 ? rc : bring_up(index, t->mtu);
}

/* ---- is it still so? ---------------------------------------------------------------------- */

struct link_state { bool up; uint32_t mtu; };

static int take_link(const struct nlmsghdr *nlh, void *arg)
{
    const struct nlattr *tb[IFLA_MTU + 1];
    const struct ifinfomsg *ifi = mnl_nlmsg_get_payload(nlh);
    struct link_state *s = arg;

    if (nl_attrs(nlh, sizeof *ifi, tb, IFLA_MTU) < 0)
        return -EBADMSG;
    s->up = ifi->ifi_flags & IFF_UP;
    if (tb[IFLA_MTU] && mnl_attr_get_payload_len(tb[IFLA_MTU]) == sizeof s->mtu)
        s->mtu = mnl_attr_get_u32(tb[IFLA_MTU]);
    return 0;
}

int link_verify(const struct tunnel *t, char what[128])
{
    char buf[REQUEST_SIZE];
    struct link_state s = {0};
    struct held h = {.index = link_index(t->iface), .t = t};
    if (h.index < 0)
        return h.index;
    int rc = ask(link_message(buf, RTM_GETLINK, 0, h.index), take_link, &s);
    if (rc == 0)
        rc = read_addresses(&h);
    if (rc < 0)
        return rc;
    const char *differs = !s.up                                    ? "is down"
                          : s.mtu != t->mtu                        ? "has another MTU"
                          : !h.net4 || (t->net6.addr.family && !h.net6) ? "has lost its address"
                          : h.n > 0                                ? "has another address beside ours"
                                                                   : NULL;
    if (differs)
        snprintf(what, 128, "%s %s", t->iface, differs);
    return differs != NULL;
}

/* ---- forwarding ------------------------------------------------------------------------- */

static int read_switch(const char *path, bool *on)
{
    char c = 0;
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return -errno;
    ssize_t n = read(fd, &c, 1);
    int rc = n < 0 ? -errno : n == 0 ? -EIO : 0;
    close(fd);
    if (rc == 0)
        *on = c != '0';
    return rc;
}

/* Written only when it is off, so that a read-only /proc/sys is enough where it is on already. */
static int switch_on(const char *path)
{
    bool on = false;
    int rc = read_switch(path, &on);
    if (rc < 0 || on)
        return rc;
    int fd = open(path, O_WRONLY | O_CLOEXEC);
    if (fd < 0)
        return -errno;
    rc = write(fd, "1\n", 2) == 2 ? 0 : -errno;
    close(fd);
    return rc;
}

int link_forwarding(bool *v4, bool *v6)
{
    *v4 = *v6 = false;
    int rc = read_switch(forward4, v4);
    if (rc < 0)
        return rc;
    rc = read_switch(forward6, v6);
    return rc == -ENOENT ? 0 : rc;          /* a kernel without IPv6 forwards none */
}

int link_set_forwarding(bool v6)
{
    int rc = switch_on(forward4);
    return rc < 0 || !v6 ? rc : switch_on(forward6);
}
