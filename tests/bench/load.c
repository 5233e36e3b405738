/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The content of a gateway's tables for so many devices, loaded into an empty network namespace:
 * by raw netlink (libkernel_rules alone, one transaction) and by `nft -f` of the same elements.
 *
 *   load DEVICES RUNS        prints a JSON line for each run of either
 */
#include "tests/bench/bench.h"

#include <arpa/inet.h>
#include <sys/wait.h>
#include <unistd.h>

#include "kernel_rules/nft.h"

static const char *text_of(const struct ip_addr *a)
{
    static char text[INET6_ADDRSTRLEN];

    return inet_ntop(a->family == 6 ? AF_INET6 : AF_INET, a->b, text, sizeof text);
}

static void print_map(FILE *out, const struct dataplane *dp, const char *name, int family,
                      bool lease)
{
    fprintf(out, "map %s { type ipv%d_addr : mark; size 524288; %s elements = { ", name, family,
            lease ? "flags timeout;" : "");
    for (size_t i = 0; i < dp->n_devices; i++) {
        const struct device *d = &dp->devices[i];
        fprintf(out, "%s%s%s : %u", i ? ", " : "", text_of(family == 6 ? &d->addr6 : &d->addr4),
                lease ? " timeout 1h" : "",
                grant_mark(d->index, lease ? dp->leases[i].class_id : 0));
    }
    fputs(" } }\n", out);
}

static void print_live(FILE *out, const struct dataplane *dp)
{
    fputs("set live { type mark; size 524288; flags timeout; elements = { ", out);
    for (size_t i = 0; i < dp->n_leases; i++)
        fprintf(out, "%s%u timeout 1h", i ? ", " : "",
                grant_mark(dp->leases[i].device, dp->leases[i].class_id));
    fputs(" } }\n", out);
}

static double load_by_program(FILE *text)
{
    int status;

    rewind(text);
    const int64_t start = now_ns();
    const pid_t pid = fork();
    if (pid == 0) {
        dup2(fileno(text), STDIN_FILENO);
        execlp("nft", "nft", "-f", "-", (char *)NULL);
        _exit(127);
    }
    need(pid > 0 && waitpid(pid, &status, 0) == pid && status == 0, "nft -f");
    return (double)(now_ns() - start) / 1e6;
}

static double load_by_netlink(const struct dataplane *dp)
{
    struct nft *nft;

    need(nft_open(&nft, -1) == 0, "netlink");
    const int64_t start = now_ns();
    need(nft_guard_install(nft, &dp->tunnel) == 0 && nft_install(nft, dp) == 0, "nft_install");
    const double took = (double)(now_ns() - start) / 1e6;
    nft_close(nft);
    return took;
}

int main(int argc, char **argv)
{
    char raw[120], program[120];

    need(argc == 3, "usage: load DEVICES RUNS");
    const size_t n = number(argv[1], 200000);
    const unsigned runs = (unsigned)number(argv[2], 1000);
    struct dataplane dp = bench_dataplane(n, 25);
    FILE *text = tmpfile();
    need(text != NULL, "temporary file");
    fputs("table inet portcullis {\n", text);
    print_map(text, &dp, "lease4", 4, true);
    print_map(text, &dp, "lease6", 6, true);
    print_live(text, &dp);
    print_map(text, &dp, "devices4", 4, false);
    print_map(text, &dp, "devices6", 6, false);
    fputs("}\n", text);
    need(fflush(text) == 0, "temporary file");
    snprintf(raw, sizeof raw, "\"what\":\"tables\",\"way\":\"raw netlink\",\"devices\":%zu", n);
    snprintf(program, sizeof program, "\"what\":\"tables\",\"way\":\"nft -f\",\"devices\":%zu", n);
    for (unsigned run = 0; run < runs; run++) {
        need(unshare(CLONE_NEWNET) == 0, "network namespace");
        tell("scale", raw, run, load_by_netlink(&dp), "ms");
        need(unshare(CLONE_NEWNET) == 0, "network namespace");
        tell("scale", program, run, load_by_program(text), "ms");
    }
    dataplane_clear(&dp);
    return 0;
}
