/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What two policies ask of devices, compared block by block; names the roles concerned. */
#include <stdlib.h>
#include <string.h>

#include "policy/lang.h"

struct blocks {
    struct out *out;
    const struct policy *to;
    int index; /* of the block in `to` */
    const struct posture *a, *b;
};

/* "posture baseline (entry-filing, warehouse): " */
static void begin(const struct blocks *d)
{
    const char *comma = " (";

    out_fmt(d->out, "posture %s", d->b->name);
    for (size_t i = 0; i < d->to->n_roles; i++)
        if (d->to->roles[i].posture == d->index) {
            out_fmt(d->out, "%s%s", comma, d->to->roles[i].name);
            comma = ", ";
        }
    out_put(d->out, *comma == ',' ? "): " : ": ");
}

static void say_span(const struct blocks *d, const char *what, struct span a, struct span b)
{
    if (a.s == b.s)
        return;
    begin(d);
    out_put(d->out, what);
    out_duration(d->out, b);
    out_put(d->out, ", was ");
    out_duration(d->out, a);
    out_put(d->out, "\n");
}

static void compare_limits(const struct blocks *d)
{
    say_span(d, "lease ", d->a->lease, d->b->lease);
    say_span(d, "evidence <= ", d->a->evidence, d->b->evidence);
    if (d->a->assurance != d->b->assurance) {
        begin(d);
        out_fmt(d->out, "assurance >= PA%u, was PA%u\n", d->b->assurance, d->a->assurance);
    }
    if (d->a->report_only != d->b->report_only) {
        begin(d);
        out_put(d->out, d->b->report_only ? "now reports only\n" : "is now enforced\n");
    }
}

/* ---- systems ------------------------------------------------------------------------------- */

static const char *os_version(const struct posture *p, const char *family)
{
    for (int i = 0; i < p->n_os; i++)
        if (strcmp(p->os[i].family, family) == 0)
            return p->os[i].version;
    return NULL;
}

static void compare_systems(const struct blocks *d)
{
    for (int i = 0; i < d->b->n_os; i++) {
        const struct os_min *os = &d->b->os[i];
        const char *old = os_version(d->a, os->family);

        if (old && strcmp(old, os->version) == 0)
            continue;
        begin(d);
        out_fmt(d->out, "%s >= %s, was %s\n", os->family, os->version,
                old              ? old
                : d->a->n_os > 0 ? "not admitted"
                                 : "any");
    }
    for (int i = 0; i < d->a->n_os; i++)
        if (!os_version(d->b, d->a->os[i].family)) {
            begin(d);
            out_fmt(d->out, "%s %s\n", d->a->os[i].family,
                    d->b->n_os > 0 ? "is no longer admitted" : "of any version is admitted");
        }
    if ((d->a->n_os == 0) != (d->b->n_os == 0)) {
        begin(d);
        out_put(d->out, d->b->n_os > 0 ? "other systems are no longer admitted\n"
                                       : "any system is admitted\n");
    }
}

/* ---- rules --------------------------------------------------------------------------------- */

static const struct posture_rule *find_rule(const struct posture *p, const char *text)
{
    char other[RULE_TEXT];

    for (int i = 0; i < p->n_rules; i++) {
        rule_print(&p->rules[i], other);
        if (strcmp(other, text) == 0)
            return &p->rules[i];
    }
    return NULL;
}

static bool same_options(const struct posture_rule *a, const struct posture_rule *b)
{
    return a->missing_ok == b->missing_ok && a->action == b->action && a->grace.s == b->grace.s;
}

/* Rules of `b` that `a` lacks or has with other options. */
static void say_rules(const struct blocks *d, const struct posture *a, const struct posture *b,
                      const char *lacks, bool options)
{
    char text[RULE_TEXT];

    for (int i = 0; i < b->n_rules; i++) {
        const struct posture_rule *old;

        rule_print(&b->rules[i], text);
        old = find_rule(a, text);
        if (old && (!options || same_options(old, &b->rules[i])))
            continue;
        begin(d);
        out_put(d->out, old ? "now " : lacks);
        out_rule(d->out, &b->rules[i]);
        if (old) {
            out_put(d->out, ", was ");
            out_rule(d->out, old);
        }
        out_put(d->out, "\n");
    }
}

void diff_postures(struct out *o, const struct policy *from, const struct policy *to)
{
    for (size_t i = 0; i < to->n_postures; i++) {
        int old = policy_posture(from, to->postures[i].name);
        struct blocks d = {o, to, (int)i, NULL, &to->postures[i]};

        if (old < 0)
            continue;
        d.a = &from->postures[old];
        compare_limits(&d);
        compare_systems(&d);
        say_rules(&d, d.a, d.b, "new ", true);
        say_rules(&d, d.b, d.a, "no longer ", false);
    }
}
