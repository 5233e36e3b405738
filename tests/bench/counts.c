/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The work whose instructions tests/bench/check counts, with inputs that never change:
 *
 *   counts token          a token opened and bound, 20 times
 *   counts compiler FILE  a policy's text to classes, and those to the messages for nftables
 *   counts lease          100 leases granted, 100 renewed, 100 dropped among 10,000, one by one,
 *                         to the kernel of a network namespace of its own (root)
 *
 * Only what runs below a function named work_... is counted.
 */
#include "tests/bench/bench.h"
#include "tests/bench/full_token.h"

#include <fcntl.h>
#include <unistd.h>

#include "gateway/classes.h"
#include "kernel_rules/nft_parts.h"
#include "policy/plan.h"

#define WORK __attribute__((noinline))

static volatile unsigned sink;

/* ---- token ---------------------------------------------------------------------------------- */

WORK void work_token(const struct maker *m, const char *token, const struct token_binding *b);
WORK void work_token(const struct maker *m, const char *token, const struct token_binding *b)
{
    struct claims c;

    sink = maker_open(m, token, &c);
    need(sink == CODE_NONE, "the token is refused");
    sink = token_bind(&c, b);
    need(sink == CODE_NONE, "the token is not bound");
}

static void count_token(void)
{
    struct maker m;

    json_object_seed(1);
    maker_start(&m);
    char *token = full_token(&m);
    const struct token_binding b = {.peer = m.wg, .device = DEVICE_ACTIVE, .device_key = m.wg,
                                    .device_owner = "corp", .device_ueid = "", .device_iss = "",
                                    .user_enabled = true, .nonce = NONCE_VALID};
    for (int i = 0; i < 20; i++)
        work_token(&m, token, &b);
    free(token);
}

/* ---- compiler ------------------------------------------------------------------------------- */

static char *read_text(const char *path, size_t *len)
{
    const int fd = open(path, O_RDONLY | O_CLOEXEC);
    char *text = malloc(65536);

    need(fd >= 0 && text != NULL, path);
    const ssize_t n = read(fd, text, 65536);
    need(n > 0, path);
    *len = (size_t)n;
    close(fd);
    return text;
}

static void add_classes(struct dataplane *dp, struct classes *all, const struct policy *p)
{
    for (size_t role = 0; role < p->n_roles; role++) {
        const int id = classes_for(all, UINT64_C(1) << role);

        need(id >= 0, "class");
        if (id > 0 && !dataplane_class(dp, (uint16_t)id))
            dp->classes[dp->n_classes++] = all->v[id]->c;
    }
}

WORK void work_compiler(const char *text, size_t len, struct dataplane *dp);
WORK void work_compiler(const char *text, size_t len, struct dataplane *dp)
{
    static struct diags diags;
    static struct classes all;
    struct batch b;
    bool changed;

    struct policy *p = policy_parse(text, len, &diags);
    need(p != NULL, "the policy is refused");
    classes_init(&all, 1);
    need(classes_use_policy(&all, p, &changed) == 0, "classes");
    dp->classes[dp->n_classes++] = all.v[0]->c;
    add_classes(dp, &all, p);
    nft_batch_open(&b);
    put_sets(&b, dp, 'a');
    put_chains_and_rules(&b, dp, 'a');
    need(b.err == 0 && b.len > 0, "messages");
    sink = (unsigned)b.len;
    nft_batch_free(&b);
    classes_clear(&all);
    policy_free(p);
}

static void count_compiler(const char *path)
{
    struct dataplane dp = {.tunnel = bench_tunnel()};
    size_t len;
    char *text = read_text(path, &len);

    dp.classes = calloc(ROLES_MAX + 1, sizeof *dp.classes);
    need(dp.classes != NULL, "memory");
    work_compiler(text, len, &dp);
    free(dp.classes);
    free(text);
}

/* ---- lease ---------------------------------------------------------------------------------- */

WORK void work_lease(struct nft *nft, struct dataplane *dp, struct change one);
WORK void work_lease(struct nft *nft, struct dataplane *dp, struct change one)
{
    struct changes list = {.v = &one, .n = 1, .size = 1};
    size_t at;

    need(plan_check(dp, &list, &at) == PLAN_OK, "plan_check");
    need(nft_apply(nft, dp, &list) == 0, "nft_apply");
    need(plan_apply(dp, &list) == PLAN_OK, "plan_apply");
}

static struct change put_lease(uint32_t device, int64_t ms)
{
    return (struct change){.kind = CHANGE_LEASE_PUT,
                           .u.lease = {device, device_class(device), ms}};
}

static void count_lease(void)
{
    struct dataplane dp = bench_dataplane(10000, 25);
    struct nft *nft;

    dp.n_leases = 9900;
    need(unshare(CLONE_NEWNET) == 0, "network namespace");
    need(nft_open(&nft, -1) == 0 && nft_install(nft, &dp) == 0, "the rules");
    for (uint32_t i = 0; i < 100; i++)
        work_lease(nft, &dp, put_lease(9901 + i, 3600000));
    for (uint32_t i = 1; i <= 100; i++)
        work_lease(nft, &dp, put_lease(i * 97, 7200000));
    for (uint32_t i = 1; i <= 100; i++)
        work_lease(nft, &dp, (struct change){.kind = CHANGE_LEASE_DROP, .u.lease = {i * 97, 0, 0}});
    nft_close(nft);
    dataplane_clear(&dp);
}

int main(int argc, char **argv)
{
    if (argc == 2 && strcmp(argv[1], "token") == 0)
        count_token();
    else if (argc == 3 && strcmp(argv[1], "compiler") == 0)
        count_compiler(argv[2]);
    else if (argc == 2 && strcmp(argv[1], "lease") == 0)
        count_lease();
    else
        return 2;
    return 0;
}
