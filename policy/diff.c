/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Who gains and who loses what between two policies, in sentences. Rights are compared as sets of
 * permits, not as text: a resource that is split, renamed or written otherwise says nothing here.
 *
 * Each sentence about rights is a subject and a tail. What quarantine and every role share is
 * said once.
 */
#include <stdlib.h>
#include <string.h>

#include "policy/lang.h"

struct line {
    int role;   /* SUBJECT_QUARANTINE, or the number of the role within `names` */
    char *tail; /* "gains tcp 80 on updates (10.20.0.40)" */
    bool said;
};

#define SUBJECT_QUARANTINE (-1)

struct diff {
    const struct policy *from, *to;
    struct line *lines;
    size_t n_lines;
    const char **names; /* of roles, old and new */
    size_t n_names;
    struct out out;
    size_t work;        /* permits looked at to tell them by resource, of WORK_MAX */
    bool oom;
};

/* Who asks waits for it, and so does everybody whom the engine serves: about half a second. */
#define WORK_MAX ((size_t)1 << 20)

/* ---- rights -------------------------------------------------------------------------------- */

static void add_line(struct diff *d, int role, char *tail)
{
    struct line *bigger = tail ? reallocarray(d->lines, d->n_lines + 1, sizeof *bigger) : NULL;

    if (!bigger) {
        free(tail);
        d->oom = true;
        return;
    }
    d->lines = bigger;
    d->lines[d->n_lines++] = (struct line){role, tail, false};
}

/* One sentence for each list of services: the addresses that share it stand together. */
static void describe(struct diff *d, int role, const char *verb, const char *resource,
                     struct permits *piece)
{
    struct right_groups g;

    if (rights_group(piece, &g) != 0) {
        d->oom = true;
        return;
    }
    for (size_t i = 0; i < g.n; i++) {
        struct out o = {0};

        if (g.v[i].said)
            continue;
        out_fmt(&o, "%s ", verb);
        out_services(&o, g.services + g.v[i].first, g.v[i].count);
        out_fmt(&o, " on %s (", resource);
        out_group_addresses(&o, &g, i);
        out_put(&o, ")");
        add_line(d, role, out_take(&o));
    }
    rights_group_free(&g);
}

/* Says what of *left belongs to this resource, and takes it out of *left. */
static void describe_resource(struct diff *d, int role, const char *verb, const struct resource *r,
                              struct permits *left)
{
    struct permits of_resource = {0}, rest = {0}, piece = {0};

    permits_of_resource(&of_resource, r);
    d->work += left->n + of_resource.n;
    if (permits_minus(left, &of_resource, &rest) != 0 || permits_minus(left, &rest, &piece) != 0)
        d->oom = true;
    else if (piece.n > 0)
        describe(d, role, verb, r->name, &piece);
    permits_free(&of_resource);
    permits_free(&piece);
    permits_free(left);
    *left = rest;
}

static bool tells(const struct diff *d, const struct permits *left)
{
    return left->n > 0 && d->work < WORK_MAX;
}

/* What has no resource any more in the work that is left: that there is more, at least. */
static void describe_rest(struct diff *d, int role, const char *verb)
{
    struct out o = {0};

    out_fmt(&o, "%s more than is told here", verb);
    add_line(d, role, out_take(&o));
}

/* The rights in `a` that are not in `b`, told with the names of p, whose rights `a` are. */
static void describe_missing(struct diff *d, int role, const char *verb, const struct policy *p,
                             int index, const struct permits *a, const struct permits *b)
{
    struct permits left;

    if (permits_minus(a, b, &left) != 0) {
        d->oom = true;
        return;
    }
    for (size_t i = 0; index >= 0 && i < p->roles[index].n_reach && tells(d, &left); i++)
        describe_resource(d, role, verb, &p->resources[p->roles[index].reach[i]], &left);
    for (size_t i = 0; i < p->n_remediation && tells(d, &left); i++)
        describe_resource(d, role, verb, &p->resources[p->remediation[i]], &left);
    if (left.n > 0 && !tells(d, &left))
        describe_rest(d, role, verb);
    permits_free(&left);
}

/* Rights of a role with remediation; -1 for a role that is not there: nothing, unless it is
 * quarantine that is asked about. */
static void rights_of(struct permits *s, const struct policy *p, int index, bool quarantine)
{
    if (index >= 0)
        permits_of_role(s, p, (size_t)index);
    if (index >= 0 || quarantine)
        permits_of_remediation(s, p);
}

static void compare_rights(struct diff *d, int role, int old_index, int new_index)
{
    struct permits old = {0}, new = {0};
    bool quarantine = role == SUBJECT_QUARANTINE;

    rights_of(&old, d->from, old_index, quarantine);
    rights_of(&new, d->to, new_index, quarantine);
    if (old.oom || new.oom) {
        d->oom = true;
    } else {
        describe_missing(d, role, "loses", d->from, old_index, &old, &new);
        describe_missing(d, role, "gains", d->to, new_index, &new, &old);
    }
    permits_free(&old);
    permits_free(&new);
}

/* ---- what is asked of a role --------------------------------------------------------------- */

static const char *posture_name(const struct policy *p, const struct role *r)
{
    return r->posture >= 0 ? p->postures[r->posture].name : "none";
}

static bool same_hours(const struct hours *a, const struct hours *b)
{
    if (a->n_slots != b->n_slots || strcmp(a->zone, b->zone) != 0)
        return false;
    return a->n_slots == 0 || memcmp(a->slots, b->slots, a->n_slots * sizeof *a->slots) == 0;
}

static void put_hours(struct out *o, const struct hours *h)
{
    if (h->n_slots == 0)
        out_put(o, "at all times");
    else
        out_hours(o, h);
}

static void put_sign_in(struct out *o, struct span s)
{
    if (s.s == 0) {
        out_put(o, "not asked");
        return;
    }
    out_put(o, "every ");
    out_duration(o, s);
}

static const char *traffic_words(const struct role *r)
{
    return r->all_traffic ? "all traffic" : "what is for the office";
}

static void compare_conditions(struct diff *d, const struct role *a, const struct role *b)
{
    struct out *o = &d->out;

    if (strcmp(posture_name(d->from, a), posture_name(d->to, b)) != 0)
        out_fmt(o, "role %s: posture %s, was %s\n", b->name, posture_name(d->to, b),
                posture_name(d->from, a));
    if (!same_hours(&a->hours, &b->hours)) {
        out_fmt(o, "role %s: hours ", b->name);
        put_hours(o, &b->hours);
        out_put(o, ", was ");
        put_hours(o, &a->hours);
        out_put(o, "\n");
    }
    if (a->sign_in.s != b->sign_in.s) {
        out_fmt(o, "role %s: sign-in ", b->name);
        put_sign_in(o, b->sign_in);
        out_put(o, ", was ");
        put_sign_in(o, a->sign_in);
        out_put(o, "\n");
    }
    if (a->all_traffic != b->all_traffic)
        out_fmt(o, "role %s: devices send %s by the tunnel, was %s\n", b->name,
                traffic_words(b), traffic_words(a));
}

/* ---- roles --------------------------------------------------------------------------------- */

static bool collect_names(struct diff *d)
{
    d->names = calloc(d->from->n_roles + d->to->n_roles + 1, sizeof *d->names);
    if (!d->names)
        return false;
    for (size_t i = 0; i < d->from->n_roles; i++)
        d->names[d->n_names++] = d->from->roles[i].name;
    for (size_t i = 0; i < d->to->n_roles; i++)
        if (policy_role(d->from, d->to->roles[i].name) < 0)
            d->names[d->n_names++] = d->to->roles[i].name;
    return true;
}

static void compare_role(struct diff *d, size_t i)
{
    int old_index = policy_role(d->from, d->names[i]), new_index = policy_role(d->to, d->names[i]);

    if (old_index < 0)
        out_fmt(&d->out, "role %s is new\n", d->names[i]);
    else if (new_index < 0)
        out_fmt(&d->out, "role %s is gone\n", d->names[i]);
    else
        compare_conditions(d, &d->from->roles[old_index], &d->to->roles[new_index]);
    compare_rights(d, (int)i, old_index, new_index);
}

/* ---- saying it ----------------------------------------------------------------------------- */

static size_t mark_same(struct diff *d, const char *tail, bool mark)
{
    size_t n = 0;

    for (size_t i = 0; i < d->n_lines; i++)
        if (d->lines[i].role != SUBJECT_QUARANTINE && strcmp(d->lines[i].tail, tail) == 0) {
            d->lines[i].said |= mark;
            n++;
        }
    return n;
}

static void say_quarantine(struct diff *d, struct line *l)
{
    bool loses = l->tail[0] == 'l';
    size_t everyone = loses ? d->from->n_roles : d->to->n_roles;

    if (everyone > 0 && mark_same(d, l->tail, false) == everyone) {
        mark_same(d, l->tail, true);
        out_fmt(&d->out, "every role: ");
        out_put(&d->out, l->tail);
        out_put(&d->out, ", in quarantine too\n");
        return;
    }
    out_put(&d->out, "quarantine ");
    out_put(&d->out, l->tail);
    out_put(&d->out, "\n");
}

static void say_rights(struct diff *d)
{
    for (size_t i = 0; i < d->n_lines; i++)
        if (d->lines[i].role == SUBJECT_QUARANTINE)
            say_quarantine(d, &d->lines[i]);
    for (size_t i = 0; i < d->n_lines; i++) {
        if (d->lines[i].role == SUBJECT_QUARANTINE || d->lines[i].said)
            continue;
        out_fmt(&d->out, "role %s ", d->names[d->lines[i].role]);
        out_put(&d->out, d->lines[i].tail);
        out_put(&d->out, "\n");
    }
}

/* ---- the whole ----------------------------------------------------------------------------- */

static bool same_pattern_rule(const struct pattern_rule *a, const struct pattern_rule *b)
{
    return a->count == b->count && a->within.s == b->within.s && a->action == b->action &&
           a->time.s == b->time.s;
}

static void compare_responses(struct diff *d)
{
    const struct respond *a = &d->from->respond, *b = &d->to->respond;

    for (int i = 0; i < PATTERNS; i++) {
        if (same_pattern_rule(&a->rule[i], &b->rule[i]))
            continue;
        out_fmt(&d->out, "respond: %s ", pattern_name((enum pattern)i));
        out_pattern_rule(&d->out, &b->rule[i]);
        out_put(&d->out, ", was ");
        out_pattern_rule(&d->out, &a->rule[i]);
        out_put(&d->out, "\n");
    }
    if (a->percent != b->percent)
        out_fmt(&d->out, "respond: at most %u%% of devices, was %u%%\n", b->percent, a->percent);
    if (strcmp(d->from->contact, d->to->contact) != 0)
        out_fmt(&d->out, d->to->contact[0] ? "who is shut out is told to call \"%s\"\n"
                                           : "who is shut out is not told any more whom to call\n",
                d->to->contact);
}

static void compare_marks(struct diff *d)
{
    for (size_t i = 0; i < d->to->n_resources; i++) {
        const struct resource *r = &d->to->resources[i];
        int old = policy_resource(d->from, r->name);

        if (old >= 0 && d->from->resources[old].sensitive != r->sensitive)
            out_fmt(&d->out, "resource %s is %s sensitive\n", r->name,
                    r->sensitive ? "now" : "no longer");
    }
    if (d->from->accept_eddsa != d->to->accept_eddsa)
        out_fmt(&d->out, "tokens that spell their method 'EdDSA' are %s\n",
                d->to->accept_eddsa ? "now accepted" : "no longer accepted");
    if (strcmp(d->from->company, d->to->company) != 0)
        out_fmt(&d->out, "the company is called \"%s\", was \"%s\"\n", d->to->company,
                d->from->company);
}

static void diff_free(struct diff *d)
{
    for (size_t i = 0; i < d->n_lines; i++)
        free(d->lines[i].tail);
    free(d->lines);
    free(d->names);
}

char *policy_diff(const struct policy *from, const struct policy *to)
{
    struct diff d = {.from = from, .to = to};
    char *text;

    d.oom = !collect_names(&d);
    compare_rights(&d, SUBJECT_QUARANTINE, -1, -1);
    for (size_t i = 0; i < d.n_names; i++)
        compare_role(&d, i);
    say_rights(&d);
    diff_postures(&d.out, from, to);
    compare_responses(&d);
    diff_people(&d.out, from, to);
    compare_marks(&d);
    text = out_take(&d.out);
    if (d.oom) {
        free(text);
        text = NULL;
    }
    diff_free(&d);
    return text;
}
