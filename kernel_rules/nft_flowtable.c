/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Flowtables: they take established connections past the forward hook, and with it past the judging
 * of every packet. Somebody's over our interfaces is noticed. Our own, where gateway.conf asks for
 * one, is in the owned table, so that it goes with its socket; into it come connections that the
 * rule with @live has just accepted, and who holds the table ends them with their grant.
 *
 * It names interfaces, which come and go while the rules stand: it is made when there are two of
 * ours, and again when they are others.
 */
#include "kernel_rules/nft_parts.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nfnetlink.h>
#include <net/if.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>

#define RESTARTS 100
#define IFACES_MAX (2 + OFFICE_MAX)

/* ---- reading ------------------------------------------------------------------------- */

struct flowtable {
    const char *table, *name;
    const struct nlattr *devices; /* NULL: none is left */
};
typedef void flowtable_cb(const struct flowtable *f, void *arg);
struct hearing {
    flowtable_cb *cb;
    void *arg;
};

static const struct nlattr *next_attr(const struct nlattr *nest, const struct nlattr *a)
{
    const char *end = (const char *)nest + nest->nla_len;
    const struct nlattr *next = a ? mnl_attr_next(a) : mnl_attr_get_payload(nest);
    const long left = end - (const char *)next;
    return left >= (long)sizeof *next && mnl_attr_ok(next, (int)left) ? next : NULL;
}

/* Of the devices behind a (NULL: from the start) the next one's name, or NULL. */
static const char *next_device(const struct flowtable *f, const struct nlattr **a)
{
    while (f->devices && (*a = next_attr(f->devices, *a)))
        if (mnl_attr_validate(*a, MNL_TYPE_NUL_STRING) == 0)
            return mnl_attr_get_str(*a);
    return NULL;
}

static int hear(const struct nlmsghdr *nlh, void *arg)
{
    const struct nlattr *tb[NFTA_FLOWTABLE_HOOK + 1], *hook[NFTA_FLOWTABLE_HOOK_MAX + 1];
    const struct hearing *h = arg;
    struct flowtable f = {0};
    if (nl_attrs(nlh, sizeof(struct nfgenmsg), tb, NFTA_FLOWTABLE_HOOK) < 0 ||
        !tb[NFTA_FLOWTABLE_TABLE] || !tb[NFTA_FLOWTABLE_NAME] || !tb[NFTA_FLOWTABLE_HOOK] ||
        mnl_attr_validate(tb[NFTA_FLOWTABLE_TABLE], MNL_TYPE_NUL_STRING) < 0 ||
        mnl_attr_validate(tb[NFTA_FLOWTABLE_NAME], MNL_TYPE_NUL_STRING) < 0)
        return -EBADMSG;
    f.table = mnl_attr_get_str(tb[NFTA_FLOWTABLE_TABLE]);
    f.name = mnl_attr_get_str(tb[NFTA_FLOWTABLE_NAME]);
    if (nl_nested(tb[NFTA_FLOWTABLE_HOOK], hook, NFTA_FLOWTABLE_HOOK_MAX) == 0)
        f.devices = hook[NFTA_FLOWTABLE_HOOK_DEVS];
    h->cb(&f, h->arg);
    return 0;
}

/* Shows all that there are, of every table; from the start again, after `restart`, when a dump was
 * interrupted. */
static int each_flowtable(struct nl *nl, flowtable_cb *cb, void (*restart)(void *), void *arg)
{
    struct hearing h = {cb, arg};
    int rc = -EINTR;
    for (int i = 0; i < RESTARTS && rc == -EINTR; i++) {
        uint8_t buf[64] __attribute__((aligned(4)));
        struct nlmsghdr *nlh = mnl_nlmsg_put_header(buf);
        nlh->nlmsg_type = NFNL_SUBSYS_NFTABLES << 8 | NFT_MSG_GETFLOWTABLE;
        nlh->nlmsg_flags = NLM_F_DUMP;
        mnl_nlmsg_put_extra_header(nlh, sizeof(struct nfgenmsg));
        restart(arg);
        rc = nl_request(nl, nlh, hear, &h);
    }
    return rc == -EINTR ? -EAGAIN : rc;
}

static bool is_own(const struct flowtable *f)
{
    return strcmp(f->table, NFT_TABLE_NAME) == 0 && strcmp(f->name, OFFLOAD_FLOWTABLE) == 0;
}

/* ---- somebody's ---------------------------------------------------------------------- */

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

static void search_again(void *arg) { ((struct search *)arg)->found = false; }

static void search_one(const struct flowtable *f, void *arg)
{
    struct search *s = arg;
    const struct nlattr *a = NULL;
    const char *iface;
    if (s->found || (s->t->flowtable && is_own(f)))
        return;
    while ((iface = next_device(f, &a)) && !is_of_ours(s->t, iface))
        ;
    if (!iface)
        return;
    snprintf(s->what, 128, "flowtable %.40s of table %.40s covers %.15s", f->name, f->table, iface);
    s->found = true;
}

int nft_flowtable_over(struct nft *n, const struct tunnel *t, char what[128])
{
    struct search s = {.t = t, .what = what};
    what[0] = '\0';
    int rc = each_flowtable(n->nl, search_one, search_again, &s);
    return rc < 0 ? rc : s.found;
}

/* ---- our own ------------------------------------------------------------------------- */

struct ifaces {
    const char *v[IFACES_MAX];
    size_t n;
};
struct own {
    const struct ifaces *want;
    bool there;
    size_t covered, others; /* devices of it: wanted ones, and ones that are not */
};

static void want_iface(struct ifaces *f, const char *name)
{
    if (name[0] && if_nametoindex(name) != 0)
        f->v[f->n++] = name;
}

static bool is_wanted(const struct ifaces *f, const char *name)
{
    for (size_t i = 0; i < f->n; i++)
        if (strcmp(f->v[i], name) == 0)
            return true;
    return false;
}

static void own_again(void *arg)
{
    struct own *o = arg;
    *o = (struct own){.want = o->want};
}

static void own_one(const struct flowtable *f, void *arg)
{
    struct own *o = arg;
    const struct nlattr *a = NULL;
    const char *iface;
    if (!is_own(f))
        return;
    o->there = true;
    while ((iface = next_device(f, &a)))
        *(is_wanted(o->want, iface) ? &o->covered : &o->others) += 1;
}

static void take_off(struct batch *b, bool there)
{
    drop_rules(b, NFT_TABLE_NAME, OFFLOAD_CHAIN);
    struct nlmsghdr *nlh = there ? nft_batch_begin(b, NFT_MSG_DELFLOWTABLE, 0) : NULL;
    if (!nlh)
        return;
    mnl_attr_put_strz(nlh, NFTA_FLOWTABLE_TABLE, NFT_TABLE_NAME);
    mnl_attr_put_strz(nlh, NFTA_FLOWTABLE_NAME, OFFLOAD_FLOWTABLE);
    nft_batch_end(b, nlh);
}

static void put_on(struct batch *b, const struct ifaces *f)
{
    struct nlmsghdr *nlh = nft_batch_begin(b, NFT_MSG_NEWFLOWTABLE, NLM_F_CREATE);
    if (!nlh)
        return;
    mnl_attr_put_strz(nlh, NFTA_FLOWTABLE_TABLE, NFT_TABLE_NAME);
    mnl_attr_put_strz(nlh, NFTA_FLOWTABLE_NAME, OFFLOAD_FLOWTABLE);
    struct nlattr *hook = mnl_attr_nest_start(nlh, NFTA_FLOWTABLE_HOOK);
    mnl_attr_put_u32(nlh, NFTA_FLOWTABLE_HOOK_NUM, htonl(NF_NETDEV_INGRESS));
    mnl_attr_put_u32(nlh, NFTA_FLOWTABLE_HOOK_PRIORITY, 0);
    struct nlattr *devices = mnl_attr_nest_start(nlh, NFTA_FLOWTABLE_HOOK_DEVS);
    for (size_t i = 0; i < f->n; i++)
        mnl_attr_put_strz(nlh, NFTA_DEVICE_NAME, f->v[i]);
    mnl_attr_nest_end(nlh, devices);
    mnl_attr_nest_end(nlh, hook);
    nft_batch_end(b, nlh);
    struct rule r;
    rule_open(&r, b, NFT_TABLE_NAME, OFFLOAD_CHAIN);
    offload_to(&r, OFFLOAD_FLOWTABLE);
    rule_close(&r);
}

static int write_own(struct nft *n, bool there, const struct ifaces *f)
{
    struct batch b;
    nft_batch_open(&b);
    take_off(&b, there);
    if (f->n > 1)
        put_on(&b, f);
    int rc = nft_batch_commit(&b, n->nl);
    nft_batch_free(&b);
    return rc;
}

static int read_own(struct nft *n, const struct ifaces *want, struct own *o)
{
    *o = (struct own){.want = want};
    return each_flowtable(n->nl, own_one, own_again, o);
}

int nft_flowtable_keep(struct nft *n, const struct tunnel *t)
{
    struct ifaces f = {.n = 0};
    struct own o;
    want_iface(&f, t->iface);
    if (f.n > 0) {
        want_iface(&f, t->outside);
        for (uint32_t i = 0; i < t->n_office; i++)
            want_iface(&f, t->office[i].name);
    }
    int rc = read_own(n, &f, &o);
    const bool as_it_should_be =
        f.n > 1 ? o.there && o.covered == f.n && o.others == 0 : !o.there;
    return rc < 0 || as_it_should_be ? rc : write_own(n, o.there, &f);
}

int nft_flowtable_drop(struct nft *n)
{
    const struct ifaces none = {.n = 0};
    struct own o;
    int rc = read_own(n, &none, &o);
    return rc < 0 || !o.there ? rc : write_own(n, true, &none);
}
