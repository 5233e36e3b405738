/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Between conntrack alone and the product's rules, one thing at a time: what each costs a packet
 * of an established connection. All but the last two are conntrack's form with something before
 * it that changes nothing; `packet ... steps` measures them, tests/bench/profile prints them.
 */
#ifndef TESTS_BENCH_STEPS_H
#define TESTS_BENCH_STEPS_H

#include "tests/bench/forms.h"

enum step {
    STEP_CONNTRACK, STEP_CHAINS, STEP_PAIRS_5, STEP_PAIRS_20, STEP_RULES_5, STEP_RULES_20, STEP_CT_PAIRS_20,
    STEP_LOOKUP, STEP_UNGUARDED, STEP_PRODUCT, STEPS
};

static const char *const step_names[STEPS] = {
    [STEP_CONNTRACK] = "conntrack only",
    [STEP_CHAINS] = "two empty base chains more",
    [STEP_PAIRS_5] = "5 loads and 5 comparisons more",
    [STEP_PAIRS_20] = "20 loads and 20 comparisons more",
    [STEP_RULES_5] = "5 rules more that do not match",
    [STEP_RULES_20] = "20 rules more that do not match",
    [STEP_CT_PAIRS_20] = "20 loads from conntrack and 20 comparisons more",
    [STEP_LOOKUP] = "ct mark in a set of all grants, nothing else",
    [STEP_UNGUARDED] = "portcullis without its guard",
    [STEP_PRODUCT] = "portcullis",
};

static bool step_is_product(enum step s) { return s == STEP_UNGUARDED || s == STEP_PRODUCT; }

/* One rule of n loads of a value and n comparisons, all of which hold. */
static void print_pairs(FILE *out, const char *load, unsigned n)
{
    for (unsigned i = 0; i < n; i++)
        fprintf(out, "%s != %u ", load, 0x3fff0000u + i);
    fputs("\n", out);
}

static void print_rules(FILE *out, unsigned n)
{
    for (unsigned i = 0; i < n; i++)
        fprintf(out, "meta mark %u drop\n", 0x3fff0000u + i);
}

/* Grants and leases as the product has them; a packet of no grant gets one, once. */
static void print_grants(FILE *out, const struct dataplane *dp)
{
    const char *comma = "";

    fputs("set live { type mark; flags timeout; size 524288; elements = { ", out);
    for (size_t i = 0; i < dp->n_leases; i++, comma = ", ")
        fprintf(out, "%s%u timeout 1h", comma, grant_mark(dp->leases[i].device, dp->leases[i].class_id));
    fputs(" } }\nmap lease { type ipv4_addr : mark; size 524288; elements = { ", out);
    comma = "";
    for (size_t i = 0; i < dp->n_devices; i++, comma = ", ")
        fprintf(out, "%s%s : %u", comma, text_of(&dp->devices[i].addr4),
                grant_mark(dp->leases[i].device, dp->leases[i].class_id));
    fputs(" } }\n", out);
}

static void print_step_rules(FILE *out, enum step s)
{
    if (s == STEP_PAIRS_5 || s == STEP_PAIRS_20)
        print_pairs(out, "meta mark", s == STEP_PAIRS_5 ? 5 : 20);
    if (s == STEP_CT_PAIRS_20)
        print_pairs(out, "ct mark", 20);
    if (s == STEP_RULES_5 || s == STEP_RULES_20)
        print_rules(out, s == STEP_RULES_5 ? 5 : 20);
    if (s == STEP_LOOKUP)
        fputs("ct mark @live accept\nct mark set ip saddr map @lease\n", out);
}

static void print_step(FILE *out, const struct dataplane *dp, enum step s)
{
    fputs("table inet bench {\n", out);
    if (s == STEP_LOOKUP)
        print_grants(out, dp);
    if (s == STEP_CHAINS)
        fputs("chain before { type filter hook forward priority -10; }\n"
              "chain after { type filter hook forward priority 10; }\n", out);
    fputs("chain forward { type filter hook forward priority 0; policy accept;\n", out);
    print_step_rules(out, s);
    fputs("ct state established,related accept\naccept\n}\n}\n", out);
}

#endif
