/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Reading classes back: their ids from the map of classes, their permits from their sets.
 */
#include "kernel_rules/nft_parts.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/netfilter/nfnetlink.h>
#include <stdlib.h>
#include <string.h>

#include "policy/address.h"

#define RESTARTS 100

struct class_list {
    struct dataplane *dp;
    int rc;
};

static int add_class(struct dataplane *dp, uint16_t id)
{
    struct access_class *v = reallocarray(dp->classes, dp->n_classes + 1, sizeof *v);
    if (!v)
        return -ENOMEM;
    dp->classes = v;
    v[dp->n_classes++] = (struct access_class){.id = id};
    return 0;
}

static void forget_classes(void *arg)
{
    struct dataplane *dp = arg;
    dp->n_classes = 0;
}

static int hear_class(const struct element *e, void *arg)
{
    uint32_t id;
    char chain[16];
    if (e->len != sizeof id)
        return -EBADMSG;
    memcpy(&id, e->key, sizeof id);
    if (id == 0 || id > CLASS_MAX)
        return -EBADMSG;
    class_chain_name(chain, (uint16_t)id);
    if (strcmp(chain, e->chain) != 0)
        return -EBADMSG;
    return add_class(arg, (uint16_t)id);
}

static int by_id(const void *a, const void *b)
{
    const struct access_class *x = a, *y = b;
    return x->id < y->id ? -1 : x->id > y->id;
}

static int read_class_ids(struct nl *nl, struct dataplane *out)
{
    int rc = elements_read(nl, "classes", hear_class, forget_classes, out);
    if (rc == 0)
        rc = add_class(out, 0);
    if (rc == 0)
        qsort(out->classes, out->n_classes, sizeof *out->classes, by_id);
    return rc;
}

/* ---- permits ------------------------------------------------------------------------- */

struct permit_list {
    struct permit *v;
    size_t n, size;
    unsigned which;
};

static void forget_permits(void *arg)
{
    struct permit_list *l = arg;
    l->n = 0;
}

static int permit_corner(const uint8_t *key, unsigned which, struct ip_addr *a, uint8_t *proto,
                         uint16_t *port)
{
    static const uint8_t none[3];
    const size_t len = which % 2 ? 16 : 4;
    *a = (struct ip_addr){.family = which % 2 ? 6 : 4};
    memcpy(a->b, key, len);
    *proto = key[len];
    *port = 0;
    if (memcmp(key + len + 1, none, sizeof none) != 0)
        return -EBADMSG;
    if (which / 2 <= PORT_RANGE) {
        uint16_t wire;
        memcpy(&wire, key + len + 4, sizeof wire);
        *port = ntohs(wire);
    }
    return 0;
}

static int permit_of_element(const struct element *e, unsigned which, struct permit *p)
{
    const size_t len = (which % 2 ? 16u : 4u) + (which / 2 <= PORT_RANGE ? 8u : 4u);
    const bool ranged = which / 2 == PORT_RANGE || which / 2 == PROTO_RANGE;
    uint8_t proto;
    memset(p, 0, sizeof *p);
    if (e->len != len || e->ranged != ranged || e->has_mark ||
        permit_corner(e->key, which, &p->dst.first, &p->proto, &p->port_first) < 0 ||
        permit_corner(ranged ? e->end : e->key, which, &p->dst.last, &proto, &p->port_last) < 0 ||
        proto != p->proto)
        return -EBADMSG;
    return 0;
}

static int hear_permit(const struct element *e, void *arg)
{
    struct permit_list *l = arg;
    if (l->n == l->size) {
        size_t size = l->size ? 2 * l->size : 64;
        struct permit *v = reallocarray(l->v, size, sizeof *v);
        if (!v)
            return -ENOMEM;
        l->v = v;
        l->size = size;
    }
    return permit_of_element(e, l->which, &l->v[l->n++]);
}

static int append_permits(struct access_class *c, const struct permit_list *l)
{
    struct permit *v = reallocarray(c->permits, c->n_permits + l->n + 1, sizeof *v);
    if (!v)
        return -ENOMEM;
    if (l->n > 0)
        memcpy(v + c->n_permits, l->v, l->n * sizeof *v);
    c->permits = v;
    c->n_permits += l->n;
    return 0;
}

static int read_permits(struct nl *nl, const char *set, unsigned which, struct access_class *c)
{
    struct permit_list l = {.which = which};
    int rc = elements_read(nl, set, hear_permit, forget_permits, &l);
    if (rc == 0)
        rc = append_permits(c, &l);
    free(l.v);
    return rc;
}

/* ---- the sets that there are --------------------------------------------------------- */

struct set_names {
    char (*v)[24];
    size_t n, size;
};

static int hear_set(const struct nlmsghdr *nlh, void *arg)
{
    const struct nlattr *tb[NFTA_SET_MAX + 1];
    struct set_names *s = arg;
    uint16_t id;
    unsigned which;
    char generation;
    if (nl_attrs(nlh, sizeof(struct nfgenmsg), tb, NFTA_SET_MAX) < 0 || !tb[NFTA_SET_NAME] ||
        mnl_attr_validate(tb[NFTA_SET_NAME], MNL_TYPE_NUL_STRING) < 0)
        return -EBADMSG;
    const char *name = mnl_attr_get_str(tb[NFTA_SET_NAME]);
    if (strlen(name) >= sizeof s->v[0] || !class_set_parse(name, &id, &which, &generation))
        return 0;
    if (s->n == s->size) {
        size_t size = s->size ? 2 * s->size : 64;
        char(*v)[24] = reallocarray(s->v, size, sizeof *v);
        if (!v)
            return -ENOMEM;
        s->v = v;
        s->size = size;
    }
    memcpy(s->v[s->n++], name, strlen(name) + 1);
    return 0;
}

static int read_set_names(struct nl *nl, struct set_names *s)
{
    int rc = -EINTR;
    for (int i = 0; i < RESTARTS && rc == -EINTR; i++) {
        s->n = 0;
        rc = ask(nl, NFT_MSG_GETSET, NLM_F_DUMP, NFT_TABLE_NAME, NULL, hear_set, s);
    }
    return rc == -EINTR ? -EAGAIN : rc;
}

/* The order of policy_permits(). */
static int permit_order(const void *a, const void *b)
{
    const struct permit *x = a, *y = b;
    int c = ip_cmp(&x->dst.first, &y->dst.first);
    if (c == 0)
        c = x->proto - y->proto;
    if (c == 0)
        c = x->port_first - y->port_first;
    return c ? c : x->port_last - y->port_last;
}

static int fill_classes(struct nl *nl, const struct set_names *s, struct dataplane *out)
{
    for (size_t i = 0; i < s->n; i++) {
        struct access_class key = {0}, *c;
        unsigned which;
        char generation;
        if (!class_set_parse(s->v[i], &key.id, &which, &generation))
            return -EBADMSG;
        c = bsearch(&key, out->classes, out->n_classes, sizeof key, by_id);
        if (!c)
            return -EBADMSG;
        int rc = read_permits(nl, s->v[i], which, c);
        if (rc < 0)
            return rc;
    }
    for (size_t i = 0; i < out->n_classes; i++)
        if (out->classes[i].n_permits > 0)
            qsort(out->classes[i].permits, out->classes[i].n_permits, sizeof(struct permit),
                  permit_order);
    return 0;
}

int read_classes(struct nl *nl, struct dataplane *out)
{
    struct set_names s = {0};
    int rc = read_class_ids(nl, out);
    if (rc == 0)
        rc = read_set_names(nl, &s);
    if (rc == 0)
        rc = fill_classes(nl, &s, out);
    free(s.v);
    return rc;
}
