/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The owner's socket, the guard, and the data plane written whole.
 */
#include "kernel_rules/nft_parts.h"

#include <errno.h>
#include <stdlib.h>

int nft_open(struct nft **out, int fd)
{
    struct nft *n = calloc(1, sizeof *n);
    if (!n)
        return -ENOMEM;
    int rc = fd < 0 ? nl_open(&n->nl, NETLINK_NETFILTER) : nl_adopt(&n->nl, fd);
    if (rc < 0) {
        free(n);
        return rc;
    }
    *out = n;
    return 0;
}

void nft_close(struct nft *n)
{
    if (!n)
        return;
    nl_close(n->nl);
    free(n);
}

int nft_fd(const struct nft *n) { return nl_fd(n->nl); }

/* ---- the guard ----------------------------------------------------------------------- */

/* Its chains stay where they are and only their rules are exchanged: a base chain that is removed
 * and made again leaves a moment without a hook. */
static int guard_exchange(struct nft *n, const struct tunnel *t)
{
    struct batch b;
    nft_batch_open(&b);
    put_table(&b, NFT_GUARD_NAME, 0);
    put_guard_chains(&b);
    for (size_t i = 0; guard_chains[i]; i++)
        drop_rules(&b, NFT_GUARD_NAME, guard_chains[i]);
    put_guard_rules(&b, t);
    return nft_batch_commit(&b, n->nl);
}

/* For what an exchange of rules does not mend: chains of other hooks, or more of them. The main
 * table holds meanwhile. */
static int guard_replace(struct nft *n, const struct tunnel *t)
{
    struct batch b;
    nft_batch_open(&b);
    put_table(&b, NFT_GUARD_NAME, 0);
    drop_table(&b, NFT_GUARD_NAME);
    put_table(&b, NFT_GUARD_NAME, 0);
    put_guard_chains(&b);
    put_guard_rules(&b, t);
    return nft_batch_commit(&b, n->nl);
}

int nft_guard_install(struct nft *n, const struct tunnel *t)
{
    char what[128];
    int rc = guard_exchange(n, t);
    if (rc == 0 && guard_verify(n->nl, t, what) == 0)
        return 0;
    if (rc == -EPERM || rc == -ENOMEM)
        return rc;
    return guard_replace(n, t);
}

/* ---- the main table ------------------------------------------------------------------ */

static void put_enrolled(struct batch *b, const struct dataplane *dp, uint8_t family)
{
    struct element_writer w;
    elements_open(&w, b, device_map(family), NFT_MSG_NEWSETELEM, NLM_F_CREATE | NLM_F_EXCL);
    for (size_t i = 0; i < dp->n_devices; i++) {
        const struct device *d = &dp->devices[i];
        struct element e;
        if (device_element(d, family, &e))
            elements_put(&w, &e);
    }
    elements_close(&w);
}

/* Leases and devices are both sorted by device: one pass. A lease without device is skipped, it
 * would have no address to hold for (plan_check() refuses it). */
static void put_leases(struct batch *b, const struct dataplane *dp, enum lease_set set)
{
    struct element_writer w;
    size_t d = 0;

    elements_open(&w, b, lease_set_name(set), NFT_MSG_NEWSETELEM, NLM_F_CREATE | NLM_F_EXCL);
    for (size_t i = 0; i < dp->n_leases; i++) {
        struct element e;
        while (d < dp->n_devices && dp->devices[d].index < dp->leases[i].device)
            d++;
        if (d < dp->n_devices && dp->devices[d].index == dp->leases[i].device &&
            lease_element(&dp->devices[d], &dp->leases[i], set, &e))
            elements_put(&w, &e);
    }
    elements_close(&w);
}

static void put_class_targets(struct batch *b, const struct dataplane *dp)
{
    struct element_writer w;
    elements_open(&w, b, "classes", NFT_MSG_NEWSETELEM, NLM_F_CREATE | NLM_F_EXCL);
    for (size_t i = 0; i < dp->n_classes; i++) {
        if (dp->classes[i].id == 0)
            continue;
        const struct element e = class_element(dp->classes[i].id);
        elements_put(&w, &e);
    }
    elements_close(&w);
}

static void put_contents(struct batch *b, const struct dataplane *dp)
{
    put_enrolled(b, dp, 4);
    put_enrolled(b, dp, 6);
    for (int set = 0; set < LEASE_SETS; set++)
        put_leases(b, dp, (enum lease_set)set);
}

int nft_install(struct nft *n, const struct dataplane *wish)
{
    enum nft_presence is;
    struct batch b;
    int rc = nft_owner(n, &is);
    if (rc < 0)
        return rc;
    if (is == NFT_FOREIGN_OWNER)
        return -EEXIST;
    nft_batch_open(&b);
    if (is != NFT_ABSENT)
        drop_table(&b, NFT_TABLE_NAME);
    put_table(&b, NFT_TABLE_NAME, NFT_TABLE_F_OWNER);
    put_sets(&b, wish, 'a');
    put_contents(&b, wish);
    put_chains_and_rules(&b, wish, 'a');
    put_class_targets(&b, wish);
    return nft_batch_commit(&b, n->nl);
}
