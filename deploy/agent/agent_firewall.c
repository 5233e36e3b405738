/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The host's firewall as the kernel holds it. Only root may list it; of who is not, ufw's file and
 * firewalld's control group are asked, which can say yes but never no.
 */
#include "deploy/agent/agent_firewall.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "deploy/agent/agent_file.h"
#include "deploy/agent/agent_gather.h"

#define WHY 160
#define SMALL 65536

/* ---- nftables ---- */

static bool text_is(const json_t *object, const char *name, const char *value)
{
    const char *s = json_string_value(json_object_get(object, name));

    return s && strcmp(s, value) == 0;
}

static bool same_text(const json_t *a, const json_t *b, const char *name)
{
    return json_equal(json_object_get(a, name), json_object_get(b, name)) == 1;
}

static bool is_input_chain(const json_t *chain)
{
    return text_is(chain, "hook", "input") && text_is(chain, "type", "filter") &&
           (text_is(chain, "family", "inet") || text_is(chain, "family", "ip") ||
            text_is(chain, "family", "ip6"));
}

static bool is_rule_of(const json_t *rule, const json_t *chain)
{
    const json_t *in = json_object_get(rule, "chain");

    return rule && json_equal(in, json_object_get(chain, "name")) == 1 &&
           same_text(rule, chain, "table") && same_text(rule, chain, "family");
}

enum verdict { VERDICT_NONE = 0, VERDICT_ACCEPT, VERDICT_REFUSE };

/* What a rule does, and whether it asks nothing first. */
static enum verdict rule_verdict(const json_t *rule, bool *always)
{
    const json_t *exprs = json_object_get(rule, "expr"), *e;
    enum verdict v = VERDICT_NONE;

    *always = true;
    for (size_t i = 0; i < json_array_size(exprs); i++) {
        e = json_array_get(exprs, i);
        if (json_object_get(e, "drop") || json_object_get(e, "reject"))
            v = VERDICT_REFUSE;
        else if (json_object_get(e, "accept"))
            v = VERDICT_ACCEPT;
        else if (!json_object_get(e, "counter") && !json_object_get(e, "log"))
            *always = false;
    }
    return v;
}

/* Goes through a chain's rules until one of them decides for every packet. */
static bool chain_closes(const json_t *all, const json_t *chain, bool *filters)
{
    bool always;

    for (size_t i = 0; i < json_array_size(all); i++) {
        const json_t *rule = json_object_get(json_array_get(all, i), "rule");
        enum verdict v = is_rule_of(rule, chain) ? rule_verdict(rule, &always) : VERDICT_NONE;

        *filters = *filters || v == VERDICT_REFUSE;
        if (v != VERDICT_NONE && always)
            return v == VERDICT_REFUSE;
    }
    return text_is(chain, "policy", "drop");
}

struct agent_firewall agent_firewall_nft(const json_t *ruleset)
{
    const json_t *all = json_object_get(ruleset, "nftables");
    struct agent_firewall f = {false, false, false};

    for (size_t i = 0; i < json_array_size(all); i++) {
        const json_t *chain = json_object_get(json_array_get(all, i), "chain");

        if (!is_input_chain(chain) || !chain_closes(all, chain, &f.filters))
            continue;
        f.filters = true;
        f.in4 = f.in4 || !text_is(chain, "family", "ip6");
        f.in6 = f.in6 || !text_is(chain, "family", "ip");
    }
    return f;
}

/* ---- iptables ---- */

bool agent_firewall_iptables(const char *text)
{
    bool closes = strncmp(text, "-P INPUT DROP", 13) == 0;

    for (const char *s = text; *s; s += strcspn(s, "\n"), s += *s == '\n') {
        if (strncmp(s, "-A INPUT -j ACCEPT\n", 19) == 0)
            return false;
        if (strncmp(s, "-A INPUT -j DROP", 16) == 0 || strncmp(s, "-A INPUT -j REJECT", 18) == 0)
            return true;
    }
    return closes;
}

/* Rules of the older kind, which nft does not list. */
static bool legacy_closes(struct agent_gather *g, const char *program)
{
    const char *const argv[] = {program, "-S", "INPUT", NULL};
    char why[WHY], *text = agent_ask(g, argv, NULL, why);
    bool closes = text && agent_firewall_iptables(text);

    free(text);
    return closes;
}

static void add_legacy(struct agent_gather *g, struct agent_firewall *f)
{
    f->in4 = f->in4 || legacy_closes(g, "iptables-legacy");
    f->in6 = f->in6 || legacy_closes(g, "ip6tables-legacy");
    f->filters = f->filters || f->in4 || f->in6;
}

/* ---- the fact ---- */

/* Has any interface but the loopback an IPv6 address? */
static bool speaks_ipv6(struct agent_gather *g)
{
    char *text = agent_file_read(g->root, "/proc/net/if_inet6", SMALL, NULL);
    bool any = false;

    for (const char *s = text; s && *s && !any; s += strcspn(s, "\n"), s += *s == '\n') {
        const char *line_end = s + strcspn(s, "\n");

        any = line_end - s < 3 || strncmp(line_end - 2, "lo", 2) != 0;
    }
    free(text);
    return any;
}

static bool by_kernel(struct agent_gather *g, char why[WHY])
{
    static const char *const argv[] = {"nft", "-j", "list", "ruleset", NULL};
    const char *from = "nft -j list ruleset";
    char *text = agent_ask(g, argv, NULL, why);
    json_t *rules = text ? json_loads(text, 0, NULL) : NULL;
    struct agent_firewall f;

    free(text);
    if (!rules)
        return false;
    f = agent_firewall_nft(rules);
    json_decref(rules);
    if (!f.in4 || !f.in6)
        add_legacy(g, &f);
    agent_put(g, "fw.on", json_boolean(f.filters), from);
    agent_put(g, "fw.in", json_boolean(f.in4 && (f.in6 || !speaks_ipv6(g))), from);
    return true;
}

static bool by_services(struct agent_gather *g)
{
    const char *path = "/etc/ufw/ufw.conf",
               *firewalld = "/sys/fs/cgroup/system.slice/firewalld.service";
    char *text = agent_file_read(g->root, path, SMALL, NULL);
    bool ufw = text && agent_read_ufw(text) == AGENT_YES,
         daemon = agent_file_exists(g->root, firewalld);

    free(text);
    if (ufw || daemon)
        agent_put(g, "fw.on", json_true(), ufw ? path : firewalld);
    return ufw || daemon;
}

void agent_gather_firewall(struct agent_gather *g)
{
    char why[WHY] = "", all[WHY + 40];

    if (by_kernel(g, why))
        return;
    snprintf(all, sizeof all, "only root may list the rules (%s)", why);
    if (!by_services(g))
        agent_put_unknown(g, "fw.on", all);
    agent_put_unknown(g, "fw.in", all);
}
