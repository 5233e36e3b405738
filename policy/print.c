/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A policy as canonical text: fixed order, one blank line between blocks, nothing left out. */
#include <stdlib.h>

#include "policy/address.h"
#include "policy/lang.h"

static void put_quoted(struct out *o, const char *s)
{
    out_put(o, "\"");
    for (; *s; s++) {
        char one[2] = {*s, '\0'};

        out_put(o, *s == '"' || *s == '\\' ? "\\" : "");
        out_put(o, one);
    }
    out_put(o, "\"");
}

static void put_name_list(struct out *o, const struct policy *p, const uint16_t *list, size_t n)
{
    for (size_t i = 0; i < n; i++)
        out_fmt(o, "%s%s", i > 0 ? ", " : "", p->resources[list[i]].name);
}

static void put_ranges(struct out *o, const struct ip_range *v, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        out_put(o, i > 0 ? ", " : "");
        out_range(o, &v[i]);
    }
}

/* ---- what may be reached ------------------------------------------------------------------- */

static void put_network(struct out *o, const struct network *net)
{
    out_fmt(o, "\nnetwork %s { ", net->name);
    put_ranges(o, net->ranges, net->n_ranges);
    out_put(o, " }\n");
}

static void put_entry(struct out *o, const struct policy *p, const struct resource_entry *e)
{
    out_put(o, "    ");
    put_ranges(o, e->ranges, e->n_own);
    for (size_t i = 0; i < e->n_networks; i++)
        out_fmt(o, "%s%s", i > 0 || e->n_own > 0 ? ", " : "", p->networks[e->networks[i]].name);
    out_put(o, " ");
    out_services(o, e->services, e->n_services);
    out_put(o, "\n");
}

static void put_resource(struct out *o, const struct policy *p, const struct resource *r)
{
    out_fmt(o, "\nresource %s {\n", r->name);
    for (size_t i = 0; i < r->n_entries; i++)
        put_entry(o, p, &r->entries[i]);
    out_put(o, r->sensitive ? "    sensitive\n}\n" : "}\n");
}

/* ---- postures ------------------------------------------------------------------------------ */

static const char *action_word(enum rule_action action)
{
    return action == RULE_WARN ? " warn" : action == RULE_DENY ? " deny" : "";
}

void out_rule(struct out *o, const struct posture_rule *r)
{
    char text[RULE_TEXT];

    rule_print(r, text);
    out_fmt(o, "%s%s%s", text, r->missing_ok ? " missing ok" : "", action_word(r->action));
    if (r->grace.s > 0) {
        out_put(o, " grace ");
        out_duration(o, r->grace);
    }
}

static void put_posture(struct out *o, const struct posture *post)
{
    out_fmt(o, "\nposture %s {\n    lease ", post->name);
    out_duration(o, post->lease);
    out_put(o, "\n    evidence <= ");
    out_duration(o, post->evidence);
    out_fmt(o, "\n    assurance >= PA%u\n", post->assurance);
    for (int i = 0; i < post->n_os; i++)
        out_fmt(o, "    os %s >= %s\n", post->os[i].family, post->os[i].version);
    for (int i = 0; i < post->n_rules; i++) {
        out_put(o, "    ");
        out_rule(o, &post->rules[i]);
        out_put(o, "\n");
    }
    out_put(o, post->report_only ? "    report only\n}\n" : "}\n");
}

/* ---- roles --------------------------------------------------------------------------------- */

static void put_role(struct out *o, const struct policy *p, const struct role *r)
{
    out_fmt(o, "\nrole %s {\n", r->name);
    if (r->n_reach > 0) {
        out_put(o, "    reach ");
        put_name_list(o, p, r->reach, r->n_reach);
        out_put(o, "\n");
    }
    if (r->posture >= 0)
        out_fmt(o, "    posture %s\n", p->postures[r->posture].name);
    if (r->hours.n_slots > 0) {
        out_put(o, "    hours ");
        out_hours(o, &r->hours);
        out_put(o, "\n");
    }
    if (r->sign_in.s > 0) {
        out_put(o, "    sign-in every ");
        out_duration(o, r->sign_in);
        out_put(o, "\n");
    }
    out_put(o, r->all_traffic ? "    all traffic\n" : "");
    out_put(o, "}\n");
}

/* ---- what follows on attempts -------------------------------------------------------------- */

void out_pattern_rule(struct out *o, const struct pattern_rule *r)
{
    out_fmt(o, "%u within ", r->count);
    out_duration(o, r->within);
    out_fmt(o, " %s", pattern_action_name(r->action));
    if (r->action == ACTION_QUARANTINE) {
        out_put(o, " ");
        out_duration(o, r->time);
    }
}

static void put_respond(struct out *o, const struct respond *r)
{
    if (!r->written)
        return;
    out_put(o, "\nrespond {\n");
    for (int i = 0; i < PATTERNS; i++)
        if (r->named[i]) {
            out_fmt(o, "    %s ", pattern_name((enum pattern)i));
            out_pattern_rule(o, &r->rule[i]);
            out_put(o, "\n");
        }
    out_fmt(o, "    at most %u%% of devices\n}\n", r->percent);
}

/* ---- enrolment and acknowledgement --------------------------------------------------------- */

static void put_people(struct out *o, const struct policy *p)
{
    if (p->enrol_devices > 0 || p->enrol_approve || p->enrol_valid.s != INVITATION_DEFAULT) {
        out_put(o, "\nenrolment {\n");
        if (p->enrol_devices > 0)
            out_fmt(o, "    at most %u devices\n", p->enrol_devices);
        out_put(o, p->enrol_approve ? "    approve every device\n" : "");
        out_put(o, "    invitation ");
        out_duration(o, p->enrol_valid);
        out_put(o, "\n}\n");
    }
    if (p->ack_within.s > 0) {
        out_put(o, "\nacknowledge within ");
        out_duration(o, p->ack_within);
        out_put(o, "\n");
    }
}

/* ---- tests --------------------------------------------------------------------------------- */

void out_case(struct out *o, const struct policy *p, const struct test_case *c)
{
    struct service s = {c->proto, c->port, c->port};
    char text[ADDR_TEXT];

    out_fmt(o, "role %s %s ", p->roles[c->role].name, c->expect_can ? "can" : "cannot");
    if (c->resource >= 0) {
        out_fmt(o, "reach %s", p->resources[c->resource].name);
        return;
    }
    if (!has_ports(c->proto)) {
        out_services(o, &s, 1);
        out_fmt(o, " %s", ip_print(&c->dst, text));
        return;
    }
    out_fmt(o, c->dst.family == 6 ? "%s [%s]:%u" : "%s %s:%u", protocol_name(c->proto),
            ip_print(&c->dst, text), c->port);
}

static void put_test(struct out *o, const struct policy *p, const struct policy_test *t)
{
    out_put(o, "\ntest ");
    put_quoted(o, t->title);
    out_put(o, " {\n");
    for (size_t i = 0; i < t->n_cases; i++) {
        out_put(o, "    ");
        out_case(o, p, &t->cases[i]);
        out_put(o, "\n");
    }
    out_put(o, "}\n");
}

/* ---- the whole ----------------------------------------------------------------------------- */

static void put_head(struct out *o, const struct policy *p)
{
    if (p->company[0]) {
        out_put(o, "company ");
        put_quoted(o, p->company);
        out_put(o, "\n");
    }
    if (p->contact[0]) {
        out_put(o, "contact ");
        put_quoted(o, p->contact);
        out_put(o, "\n");
    }
    if (p->accept_eddsa)
        out_put(o, "\ntokens { accept EdDSA }\n");
}

static void put_remediation(struct out *o, const struct policy *p)
{
    if (p->n_remediation == 0)
        return;
    out_put(o, "\nremediation { ");
    put_name_list(o, p, p->remediation, p->n_remediation);
    out_put(o, " }\n");
}

char *policy_print(const struct policy *p)
{
    struct out o = {0};

    put_head(&o, p);
    for (size_t i = 0; i < p->n_networks; i++)
        put_network(&o, &p->networks[i]);
    for (size_t i = 0; i < p->n_resources; i++)
        put_resource(&o, p, &p->resources[i]);
    put_remediation(&o, p);
    for (size_t i = 0; i < p->n_postures; i++)
        put_posture(&o, &p->postures[i]);
    for (size_t i = 0; i < p->n_roles; i++)
        put_role(&o, p, &p->roles[i]);
    put_respond(&o, &p->respond);
    put_people(&o, p);
    for (size_t i = 0; i < p->n_tests; i++)
        put_test(&o, p, &p->tests[i]);
    return out_take(&o);
}
