/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Are the tables as we would write them? The builders write the wish into a batch that nobody
 * sends; its messages and those of the kernel's dumps go through the same describer, which makes
 * one line of text of each table, chain, set, counter and rule. Rules are numbered within their
 * chain, so that order counts. Both lists are sorted and compared.
 */
#include "kernel_rules/nft_parts.h"

#include <arpa/inet.h>
#include <errno.h>
#include <libnftnl/chain.h>
#include <libnftnl/expr.h>
#include <libnftnl/rule.h>
#include <libnftnl/set.h>
#include <linux/netfilter/nfnetlink.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define RESTARTS 100
#define LINE_MAX_LEN 2048

struct lines {
    char **v;
    size_t n, size;
    char chain[128]; /* of the last rule, and its number there */
    unsigned number;
    bool offload; /* our flowtable and its rule come and go (nft_flowtable.c) */
};

static int add_line(struct lines *l, const char *text)
{
    if (l->n == l->size) {
        size_t size = l->size ? 2 * l->size : 256;
        char **v = reallocarray(l->v, size, sizeof *v);
        if (!v)
            return -ENOMEM;
        l->v = v;
        l->size = size;
    }
    l->v[l->n] = strdup(text);
    if (!l->v[l->n])
        return -ENOMEM;
    l->n++;
    return 0;
}

static void clear_lines(struct lines *l)
{
    for (size_t i = 0; i < l->n; i++)
        free(l->v[i]);
    l->n = 0;
    l->chain[0] = '\0';
    l->number = 0;
}

static void free_lines(struct lines *l)
{
    clear_lines(l);
    free(l->v);
}

/* ---- describing one message ---------------------------------------------------------- */

static int describe_table(const struct nlmsghdr *nlh, struct lines *l)
{
    const struct nlattr *tb[NFTA_TABLE_MAX + 1];
    char line[LINE_MAX_LEN];
    uint32_t flags = 0;
    if (nl_attrs(nlh, sizeof(struct nfgenmsg), tb, NFTA_TABLE_MAX) < 0 || !tb[NFTA_TABLE_NAME] ||
        mnl_attr_validate(tb[NFTA_TABLE_NAME], MNL_TYPE_NUL_STRING) < 0)
        return -EBADMSG;
    if (tb[NFTA_TABLE_FLAGS] && mnl_attr_get_payload_len(tb[NFTA_TABLE_FLAGS]) == 4)
        flags = ntohl(mnl_attr_get_u32(tb[NFTA_TABLE_FLAGS]));
    snprintf(line, sizeof line, "table %s flags %x", mnl_attr_get_str(tb[NFTA_TABLE_NAME]), flags);
    return add_line(l, line);
}

static const char *or_none(const char *s) { return s ? s : "none"; }

static int describe_chain(const struct nlmsghdr *nlh, struct lines *l)
{
    char line[LINE_MAX_LEN];
    struct nftnl_chain *c = nftnl_chain_alloc();
    int rc = -ENOMEM;
    if (!c)
        return rc;
    rc = -EBADMSG;
    if (nftnl_chain_nlmsg_parse(nlh, c) < 0)
        goto out;
    int n = snprintf(line, sizeof line, "chain %s %s",
                     or_none(nftnl_chain_get_str(c, NFTNL_CHAIN_TABLE)),
                     or_none(nftnl_chain_get_str(c, NFTNL_CHAIN_NAME)));
    if (nftnl_chain_is_set(c, NFTNL_CHAIN_HOOKNUM) && n > 0 && (size_t)n < sizeof line)
        snprintf(line + n, sizeof line - (size_t)n, " type %s hook %u priority %d policy %u",
                 or_none(nftnl_chain_get_str(c, NFTNL_CHAIN_TYPE)),
                 nftnl_chain_get_u32(c, NFTNL_CHAIN_HOOKNUM),
                 nftnl_chain_get_s32(c, NFTNL_CHAIN_PRIO),
                 nftnl_chain_get_u32(c, NFTNL_CHAIN_POLICY));
    rc = add_line(l, line);
out:
    nftnl_chain_free(c);
    return rc;
}

/* The length of a verdict is the kernel's own affair. */
static uint32_t data_len(const struct nftnl_set *s)
{
    return nftnl_set_get_u32(s, NFTNL_SET_DATA_TYPE) == NFT_DATA_VERDICT
               ? 0
               : nftnl_set_get_u32(s, NFTNL_SET_DATA_LEN);
}

static int describe_set(const struct nlmsghdr *nlh, struct lines *l)
{
    char line[LINE_MAX_LEN];
    struct nftnl_set *s = nftnl_set_alloc();
    int rc = -ENOMEM;
    if (!s)
        return rc;
    rc = -EBADMSG;
    if (nftnl_set_nlmsg_parse(nlh, s) < 0)
        goto out;
    snprintf(line, sizeof line, "set %s %s flags %x key %u/%u data %u/%u size %u",
             or_none(nftnl_set_get_str(s, NFTNL_SET_TABLE)),
             or_none(nftnl_set_get_str(s, NFTNL_SET_NAME)), nftnl_set_get_u32(s, NFTNL_SET_FLAGS),
             nftnl_set_get_u32(s, NFTNL_SET_KEY_TYPE), nftnl_set_get_u32(s, NFTNL_SET_KEY_LEN),
             nftnl_set_get_u32(s, NFTNL_SET_DATA_TYPE), data_len(s),
             nftnl_set_get_u32(s, NFTNL_SET_DESC_SIZE));
    rc = add_line(l, line);
out:
    nftnl_set_free(s);
    return rc;
}

static int describe_object(const struct nlmsghdr *nlh, struct lines *l)
{
    const struct nlattr *tb[NFTA_OBJ_MAX + 1];
    char line[LINE_MAX_LEN];
    if (nl_attrs(nlh, sizeof(struct nfgenmsg), tb, NFTA_OBJ_MAX) < 0 || !tb[NFTA_OBJ_TABLE] ||
        !tb[NFTA_OBJ_NAME] || !tb[NFTA_OBJ_TYPE] ||
        mnl_attr_validate(tb[NFTA_OBJ_TABLE], MNL_TYPE_NUL_STRING) < 0 ||
        mnl_attr_validate(tb[NFTA_OBJ_NAME], MNL_TYPE_NUL_STRING) < 0 ||
        mnl_attr_get_payload_len(tb[NFTA_OBJ_TYPE]) != 4)
        return -EBADMSG;
    snprintf(line, sizeof line, "object %s %s type %u", mnl_attr_get_str(tb[NFTA_OBJ_TABLE]),
             mnl_attr_get_str(tb[NFTA_OBJ_NAME]), ntohl(mnl_attr_get_u32(tb[NFTA_OBJ_TYPE])));
    return add_line(l, line);
}

static int describe_flowtable(const struct nlmsghdr *nlh, struct lines *l)
{
    const struct nlattr *tb[NFTA_FLOWTABLE_NAME + 1];
    char line[LINE_MAX_LEN];
    if (nl_attrs(nlh, sizeof(struct nfgenmsg), tb, NFTA_FLOWTABLE_NAME) < 0 ||
        !tb[NFTA_FLOWTABLE_NAME] ||
        mnl_attr_validate(tb[NFTA_FLOWTABLE_NAME], MNL_TYPE_NUL_STRING) < 0)
        return -EBADMSG;
    if (l->offload && strcmp(mnl_attr_get_str(tb[NFTA_FLOWTABLE_NAME]), OFFLOAD_FLOWTABLE) == 0)
        return 0;
    snprintf(line, sizeof line, "flowtable %s", mnl_attr_get_str(tb[NFTA_FLOWTABLE_NAME]));
    return add_line(l, line);
}

/* ---- rules --------------------------------------------------------------------------- */

struct text {
    char *at;
    size_t left;
};

static void put_text(struct text *t, const char *s)
{
    size_t n = strlen(s);
    if (n >= t->left)
        n = t->left ? t->left - 1 : 0;
    memcpy(t->at, s, n);
    t->at[n] = '\0';
    t->at += n;
    t->left -= n;
}

/* What a counter has counted is no difference. */
static int describe_expr(struct nftnl_expr *e, void *arg)
{
    struct text *t = arg;
    char one[512] = "";
    const char *name = nftnl_expr_get_str(e, NFTNL_EXPR_NAME);
    put_text(t, " [");
    put_text(t, or_none(name));
    if (name && strcmp(name, "counter") != 0) {
        nftnl_expr_snprintf(one, sizeof one, e, NFTNL_OUTPUT_DEFAULT, 0);
        put_text(t, " ");
        put_text(t, one);
    }
    put_text(t, "]");
    return 0;
}

static unsigned number_in_chain(struct lines *l, const char *table, const char *chain)
{
    char where[sizeof l->chain];
    snprintf(where, sizeof where, "%s %s", table, chain);
    if (strcmp(where, l->chain) != 0) {
        memcpy(l->chain, where, sizeof where);
        l->number = 0;
    }
    return l->number++;
}

static int describe_rule(struct nftnl_rule *r, void *arg)
{
    struct lines *l = arg;
    char line[LINE_MAX_LEN];
    const char *table = or_none(nftnl_rule_get_str(r, NFTNL_RULE_TABLE));
    const char *chain = or_none(nftnl_rule_get_str(r, NFTNL_RULE_CHAIN));
    if (l->offload && strcmp(chain, OFFLOAD_CHAIN) == 0)
        return 0;
    int n = snprintf(line, sizeof line, "rule %s %s %u:", table, chain,
                     number_in_chain(l, table, chain));
    if (n < 0 || (size_t)n >= sizeof line)
        return -EBADMSG;
    struct text t = {line + n, sizeof line - (size_t)n};
    nftnl_expr_foreach(r, describe_expr, &t);
    return add_line(l, line);
}

static int describe_rule_message(const struct nlmsghdr *nlh, struct lines *l)
{
    struct nftnl_rule *r = nftnl_rule_alloc();
    if (!r)
        return -ENOMEM;
    int rc = nftnl_rule_nlmsg_parse(nlh, r) < 0 ? -EBADMSG : describe_rule(r, l);
    nftnl_rule_free(r);
    return rc;
}

static int describe(const struct nlmsghdr *nlh, void *arg)
{
    struct lines *l = arg;
    if (nlh->nlmsg_type >> 8 != NFNL_SUBSYS_NFTABLES)
        return 0;
    switch (nlh->nlmsg_type & 0xff) {
    case NFT_MSG_NEWTABLE:
        return describe_table(nlh, l);
    case NFT_MSG_NEWCHAIN:
        return describe_chain(nlh, l);
    case NFT_MSG_NEWSET:
        return describe_set(nlh, l);
    case NFT_MSG_NEWOBJ:
        return describe_object(nlh, l);
    case NFT_MSG_NEWFLOWTABLE:
        return describe_flowtable(nlh, l);
    case NFT_MSG_NEWRULE:
        return describe_rule_message(nlh, l);
    default:
        return 0;
    }
}

/* ---- the wish, and the kernel -------------------------------------------------------- */

static bool is_rule(const struct nlmsghdr *nlh)
{
    return nlh->nlmsg_type == (NFNL_SUBSYS_NFTABLES << 8 | NFT_MSG_NEWRULE);
}

/* Rules are described as they are built: libnftnl writes the names of counters without their
 * NUL, and cannot read those messages back. */
static void watch(struct batch *b, struct lines *l)
{
    nft_batch_open(b);
    b->watch_rule = describe_rule;
    b->watcher = l;
}

static int describe_batch(struct batch *b, struct lines *l)
{
    int rc = b->err, left = (int)b->len;
    const struct nlmsghdr *nlh = (const void *)b->buf;
    for (; rc == 0 && mnl_nlmsg_ok(nlh, left); nlh = mnl_nlmsg_next(nlh, &left))
        rc = is_rule(nlh) ? 0 : describe(nlh, l);
    nft_batch_free(b);
    return rc;
}

static int wish_main(const struct dataplane *wish, char generation, struct lines *l)
{
    struct batch b;
    watch(&b, l);
    put_table(&b, NFT_TABLE_NAME, NFT_TABLE_F_OWNER);
    put_sets(&b, wish, generation);
    put_chains_and_rules(&b, wish, generation);
    return describe_batch(&b, l);
}

static int wish_guard(const struct tunnel *t, struct lines *l)
{
    struct batch b;
    watch(&b, l);
    put_table(&b, NFT_GUARD_NAME, 0);
    put_guard_chains(&b);
    put_guard_rules(&b, t);
    return describe_batch(&b, l);
}

static int dump_table(struct nl *nl, const char *table, struct lines *l)
{
    static const uint16_t kinds[] = {NFT_MSG_GETCHAIN, NFT_MSG_GETSET, NFT_MSG_GETOBJ,
                                     NFT_MSG_GETFLOWTABLE, NFT_MSG_GETRULE};
    int rc = ask(nl, NFT_MSG_GETTABLE, 0, table, NULL, describe, l);
    if (rc == -ENOENT)
        return 0;
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0] && rc == 0; i++)
        rc = ask(nl, kinds[i], NLM_F_DUMP, table, NULL, describe, l);
    return rc;
}

static int read_table(struct nl *nl, const char *table, struct lines *l)
{
    int rc = -EINTR;
    for (int i = 0; i < RESTARTS && rc == -EINTR; i++) {
        clear_lines(l);
        rc = dump_table(nl, table, l);
    }
    return rc == -EINTR ? -EAGAIN : rc;
}

/* ---- comparing ----------------------------------------------------------------------- */

static int by_text(const void *a, const void *b)
{
    const char *const *x = a, *const *y = b;
    return strcmp(*x, *y);
}

/* Of a rule its place is said, not its text. */
static int name_line(const char *how, const char *line, char what[128])
{
    const char *end = strstr(line, ": [");
    size_t n = end ? (size_t)(end - line) : strlen(line);
    snprintf(what, 128, "%s: %.*s", how, (int)(n < 110 ? n : 110), line);
    return 1;
}

static void sort(struct lines *l)
{
    if (l->n > 0)
        qsort(l->v, l->n, sizeof *l->v, by_text);
}

static int compare(struct lines *want, struct lines *have, char what[128])
{
    sort(want);
    sort(have);
    for (size_t i = 0; i < want->n || i < have->n; i++) {
        const int c = i == want->n ? 1 : i == have->n ? -1 : strcmp(want->v[i], have->v[i]);
        if (c < 0)
            return name_line("missing or changed", want->v[i], what);
        if (c > 0)
            return name_line("not ours", have->v[i], what);
    }
    return 0;
}

int guard_verify(struct nl *nl, const struct tunnel *t, char what[128])
{
    struct lines want = {0}, have = {0};
    int rc = wish_guard(t, &want);
    if (rc == 0)
        rc = read_table(nl, NFT_GUARD_NAME, &have);
    if (rc == 0)
        rc = compare(&want, &have, what);
    free_lines(&want);
    free_lines(&have);
    return rc;
}

static int main_verify(struct nl *nl, const struct dataplane *wish, char what[128])
{
    struct lines want = {.offload = wish->tunnel.flowtable};
    struct lines have = {.offload = wish->tunnel.flowtable};
    char generation;
    int rc = quarantine_generation(nl, quarantine_of(wish), &generation);
    if (rc == 0)
        rc = wish_main(wish, generation, &want);
    if (rc == 0)
        rc = read_table(nl, NFT_TABLE_NAME, &have);
    if (rc == 0)
        rc = compare(&want, &have, what);
    free_lines(&want);
    free_lines(&have);
    return rc;
}

int nft_verify_static(struct nft *n, const struct dataplane *wish, char what[128])
{
    what[0] = '\0';
    int rc = main_verify(n->nl, wish, what);
    return rc != 0 ? rc : guard_verify(n->nl, &wish->tunnel, what);
}
