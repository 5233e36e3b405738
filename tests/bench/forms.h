/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The forms of rules that bench-packet compares: the product's own, compiled and written by
 * libkernel_rules as the gateway does it (with a flowtable, too, where the kernel has them), and what
 * one would get elsewhere, as text for nft.
 * Those that check every packet let answers pass by conntrack's direction; all but `none` use
 * conntrack, all but `conntrack` and `established` end with a drop.
 */
#ifndef TESTS_BENCH_FORMS_H
#define TESTS_BENCH_FORMS_H

#include "tests/bench/bench.h"

#include <unistd.h>
#include <arpa/inet.h>
#include <sys/wait.h>

#define FORM_RULES_MAX 100000u   /* of one rule for each device and resource: beyond it takes minutes */

enum form { NONE, CONNTRACK, PORTCULLIS, FLOWTABLE, ESTABLISHED, CLASS_MAP, ROLE_SETS, RULE_EACH, FORMS };

static const char *const form_names[FORMS] = {
    [NONE] = "no rules",           [CONNTRACK] = "conntrack only",
    [PORTCULLIS] = "portcullis",   [FLOWTABLE] = "portcullis, flowtable",
    [ESTABLISHED] = "established first",
    [CLASS_MAP] = "class map",     [ROLE_SETS] = "role sets in sequence",
    [RULE_EACH] = "rule per device and resource",
};

static const char *text_of(const struct ip_addr *a)
{
    static char text[4][INET_ADDRSTRLEN];
    static unsigned next;
    char *out = text[next++ % 4];

    return inet_ntop(AF_INET, a->b, out, INET_ADDRSTRLEN);
}

static void print_permit(FILE *out, const struct permit *p, const char *join, const char *port)
{
    fprintf(out, "%s%s%s%s%u", text_of(&p->dst.first), join,
            p->proto == IPPROTO_TCP ? "tcp" : "udp", port, p->port_first);
    if (p->port_last > p->port_first)
        fprintf(out, "-%u", p->port_last);
}

static void print_class_set(FILE *out, const struct access_class *c)
{
    fprintf(out, "set permits%u { typeof ip daddr . meta l4proto . th dport; flags interval; "
                 "elements = { ", c->id);
    for (size_t k = 0; k < c->n_permits; k++) {
        print_permit(out, &c->permits[k], " . ", " . ");
        fputs(k + 1 < c->n_permits ? ", " : " } }\n", out);
    }
}

/* The devices of one class, or of all with a jump to the chain of their class. */
static void print_devices(FILE *out, const struct dataplane *dp, uint16_t class_id)
{
    const char *comma = "";

    fputs("elements = { ", out);
    for (size_t i = 0; i < dp->n_devices; i++) {
        const uint16_t c = dp->leases[i].class_id;

        if (class_id != 0 && c != class_id)
            continue;
        fprintf(out, "%s%s", comma, text_of(&dp->devices[i].addr4));
        if (class_id == 0)
            fprintf(out, " : goto class%u", c);
        comma = ", ";
    }
    fputs(" }\n", out);
}

static bool class_has_device(const struct dataplane *dp, uint16_t class_id)
{
    for (size_t i = 0; i < dp->n_devices && i < BENCH_CLASSES; i++)
        if (dp->leases[i].class_id == class_id)
            return true;
    return false;
}

/* Device -> chain of its class -> interval set of the class's permits. */
static void print_class_map(FILE *out, const struct dataplane *dp)
{
    for (size_t c = 1; c < dp->n_classes; c++) {
        print_class_set(out, &dp->classes[c]);
        fprintf(out, "chain class%zu { ip daddr . meta l4proto . th dport @permits%zu accept; drop; }\n",
                c, c);
    }
    fprintf(out, "map members { type ipv4_addr : verdict; size 262144; ");
    print_devices(out, dp, 0);
    fputs("}\n", out);
}

static void print_role_sets(FILE *out, const struct dataplane *dp)
{
    for (uint16_t c = 1; c < dp->n_classes; c++) {
        if (!class_has_device(dp, c))
            continue;
        print_class_set(out, &dp->classes[c]);
        fprintf(out, "set devices%u { type ipv4_addr; size 262144; ", c);
        print_devices(out, dp, c);
        fputs("}\n", out);
    }
}

static void print_rule_each(FILE *out, const struct dataplane *dp)
{
    for (size_t i = 0; i < dp->n_devices; i++) {
        const struct access_class *c = &dp->classes[dp->leases[i].class_id];

        for (size_t k = 0; k < c->n_permits; k++) {
            fprintf(out, "ip saddr %s ip daddr ", text_of(&dp->devices[i].addr4));
            print_permit(out, &c->permits[k], " ", " dport ");
            fputs(" accept\n", out);
        }
    }
}

static void print_forward(FILE *out, const struct dataplane *dp, enum form f)
{
    fputs("chain forward { type filter hook forward priority 0; policy accept;\n", out);
    if (f == CONNTRACK || f == ESTABLISHED)
        fputs("ct state established,related accept\n", out);
    else
        fputs("ct direction reply ct state established accept\n", out);
    if (f == ESTABLISHED || f == CLASS_MAP)
        fputs("ip saddr vmap @members\n", out);
    for (uint16_t c = 1; f == ROLE_SETS && c < dp->n_classes; c++)
        if (class_has_device(dp, c))
            fprintf(out, "ip saddr @devices%u ip daddr . meta l4proto . th dport @permits%u accept\n",
                    c, c);
    if (f == RULE_EACH)
        print_rule_each(out, dp);
    fputs(f == CONNTRACK ? "accept\n}\n" : "drop\n}\n", out);
}

static void print_form(FILE *out, const struct dataplane *dp, enum form f)
{
    fputs("table ip bench {\n", out);
    if (f == ESTABLISHED || f == CLASS_MAP)
        print_class_map(out, dp);
    if (f == ROLE_SETS)
        print_role_sets(out, dp);
    print_forward(out, dp, f);
    fputs("}\n", out);
}

/* Is this form to be had at this size? */
static bool form_fits(enum form f, const struct dataplane *dp)
{
    return f != RULE_EACH || dp->n_devices * dp->classes[1].n_permits <= FORM_RULES_MAX;
}

/* Loads what was written into `text` into the current network namespace by the nft program. */
static void load_text(FILE *text, const char *name)
{
    int status;

    need(fflush(text) == 0, "temporary file");
    rewind(text);
    const pid_t pid = fork();
    if (pid == 0) {
        dup2(fileno(text), STDIN_FILENO);
        execlp("nft", "nft", "-f", "-", (char *)NULL);
        _exit(127);
    }
    need(pid > 0 && waitpid(pid, &status, 0) == pid && status == 0, name);
    fclose(text);
}

/* A form other than the product's. */
static void load_form(const struct dataplane *dp, enum form f)
{
    FILE *text = tmpfile();

    need(text != NULL, "temporary file");
    print_form(text, dp, f);
    load_text(text, form_names[f]);
}

#endif
