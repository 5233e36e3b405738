/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The file as a whole, once every name is known: indexes for names, addresses for networks,
 * duplicate names, roles that could never be granted, and what is defined but never used.
 */
#include <string.h>

#include "policy/lang.h"

/* ---- names --------------------------------------------------------------------------------- */

/* One kind of named thing: an array whose elements begin with their name. */
struct kind {
    const char *what;
    const void *base;
    size_t n, size, pos_offset;
};

enum { KIND_NETWORK, KIND_RESOURCE, KIND_POSTURE, KIND_ROLE, KINDS };

_Static_assert(offsetof(struct network, name) == 0 && offsetof(struct resource, name) == 0 &&
                   offsetof(struct posture, name) == 0 && offsetof(struct role, name) == 0,
               "a name comes first");

static void list_kinds(const struct policy *p, struct kind k[KINDS])
{
    k[KIND_NETWORK] = (struct kind){"network", p->networks, p->n_networks, sizeof *p->networks,
                                    offsetof(struct network, pos)};
    k[KIND_RESOURCE] = (struct kind){"resource", p->resources, p->n_resources, sizeof *p->resources,
                                     offsetof(struct resource, pos)};
    k[KIND_POSTURE] = (struct kind){"posture", p->postures, p->n_postures, sizeof *p->postures,
                                    offsetof(struct posture, pos)};
    k[KIND_ROLE] =
        (struct kind){"role", p->roles, p->n_roles, sizeof *p->roles, offsetof(struct role, pos)};
}

static const char *name_at(const void *arg, size_t i)
{
    const struct kind *k = arg;

    return i < k->n ? (const char *)k->base + i * k->size : NULL;
}

static struct src_pos pos_at(const struct kind *k, size_t i)
{
    struct src_pos pos;

    memcpy(&pos, (const char *)k->base + i * k->size + k->pos_offset, sizeof pos);
    return pos;
}

/* The index of a name among the first `limit` of its kind, or limit. */
static size_t find_name(const struct kind *k, const char *name, size_t limit)
{
    size_t i = 0;

    while (i < limit && strcmp(name_at(k, i), name) != 0)
        i++;
    return i;
}

static void check_duplicates(struct parser *p, const struct kind *k)
{
    for (size_t i = 1; i < k->n; i++) {
        const char *name = name_at(k, i);
        size_t first = name[0] ? find_name(k, name, i) : i;

        if (first < i)
            diag_error(p->diags, pos_at(k, i), (int)strlen(name), "names are unique",
                       "%s '%s' is defined already in line %d", k->what, name,
                       pos_at(k, first).line);
    }
}

/* ---- references ---------------------------------------------------------------------------- */

static int ref_kind_of(enum ref_kind kind)
{
    switch (kind) {
    case REF_POSTURE:
        return KIND_POSTURE;
    case REF_NETWORK:
        return KIND_NETWORK;
    case REF_TEST_ROLE:
        return KIND_ROLE;
    case REF_REACH:
    case REF_REMEDIATION:
    case REF_TEST_RESOURCE:
        break;
    }
    return KIND_RESOURCE;
}

static void write_ref(struct policy *p, const struct ref *r, size_t index)
{
    switch (r->kind) {
    case REF_REACH:
        p->roles[r->owner].reach[r->slot] = (uint16_t)index;
        break;
    case REF_POSTURE:
        p->roles[r->owner].posture = (int)index;
        break;
    case REF_REMEDIATION:
        p->remediation[r->slot] = (uint16_t)index;
        break;
    case REF_NETWORK:
        p->resources[r->owner].entries[r->slot].networks[r->sub] = (uint16_t)index;
        break;
    case REF_TEST_ROLE:
        p->tests[r->owner].cases[r->slot].role = (int)index;
        break;
    case REF_TEST_RESOURCE:
        p->tests[r->owner].cases[r->slot].resource = (int)index;
        break;
    }
}

static void resolve(struct parser *p, const struct kind kinds[KINDS], const struct ref *r)
{
    const struct kind *k = &kinds[ref_kind_of(r->kind)];
    size_t index = find_name(k, r->name, k->n);
    char hint[128];

    if (index < k->n) {
        write_ref(p->policy, r, index);
        return;
    }
    diag_suggest(r->name, name_at, k, hint, sizeof hint);
    diag_error(p->diags, r->pos, (int)strlen(r->name), hint, "unknown %s '%s'", k->what, r->name);
}

/* ---- resources ----------------------------------------------------------------------------- */

static void add_network(struct parser *p, struct resource_entry *e, const struct network *net)
{
    for (size_t i = 0; i < net->n_ranges; i++) {
        if (!parse_grow(p, &e->ranges, e->n_ranges, sizeof *e->ranges))
            return;
        e->ranges[e->n_ranges++] = net->ranges[i];
    }
}

/* False when the policy's permits are too many: then nothing more is expanded. */
static bool expand_entry(struct parser *p, const struct resource *r, struct resource_entry *e)
{
    for (size_t i = 0; i < e->n_networks && e->n_ranges <= PERMITS_MAX; i++)
        add_network(p, e, &p->policy->networks[e->networks[i]]);
    p->n_permits += e->n_ranges * e->n_services;
    if (p->n_permits <= PERMITS_MAX)
        return !p->oom;
    diag_error(p->diags, r->pos, (int)strlen(r->name), "use prefixes and ranges",
               "more than %d pairs of address and service up to here", PERMITS_MAX);
    return false;
}

static void expand_resources(struct parser *p)
{
    struct policy *pol = p->policy;

    for (size_t i = 0; i < pol->n_resources; i++)
        for (size_t j = 0; j < pol->resources[i].n_entries; j++)
            if (!expand_entry(p, &pol->resources[i], &pol->resources[i].entries[j]))
                return;
}

/* ---- twice, never, nobody ------------------------------------------------------------------ */

/* Keeps the first of equal indexes. pos may be NULL. */
static size_t drop_repeated(const struct parser *p, uint16_t *list, struct src_pos *pos, size_t n,
                            struct src_pos where)
{
    bool seen[RESOURCES_MAX] = {false};
    size_t kept = 0;

    for (size_t i = 0; i < n; i++) {
        if (seen[list[i]]) {
            diag_warning(p->diags, pos ? pos[i] : where, "", "'%s' is listed twice",
                         p->policy->resources[list[i]].name);
            continue;
        }
        seen[list[i]] = true;
        if (pos)
            pos[kept] = pos[i];
        list[kept++] = list[i];
    }
    return kept;
}

static void demand_posture(struct parser *p, const struct role *r)
{
    if (r->posture == POSTURE_ABSENT && r->name[0] != '\0')
        diag_error(p->diags, r->pos, (int)strlen(r->name), "name one: posture baseline",
                   "role '%s' names no posture, so it could never be granted", r->name);
}

static void check_role(struct parser *p, struct role *r)
{
    if (r->n_reach == 0)
        diag_warning(p->diags, r->pos, "", "role '%s' reaches nothing", r->name);
    r->n_reach = drop_repeated(p, r->reach, r->reach_pos, r->n_reach, r->pos);
}

static bool lists(const uint16_t *list, size_t n, size_t index)
{
    for (size_t i = 0; i < n; i++)
        if (list[i] == index)
            return true;
    return false;
}

static bool resource_used(const struct policy *p, size_t index)
{
    for (size_t i = 0; i < p->n_roles; i++)
        if (lists(p->roles[i].reach, p->roles[i].n_reach, index))
            return true;
    return lists(p->remediation, p->n_remediation, index);
}

static bool posture_used(const struct policy *p, size_t index)
{
    for (size_t i = 0; i < p->n_roles; i++)
        if (p->roles[i].posture == (int)index)
            return true;
    return false;
}

static bool network_used(const struct policy *p, size_t index)
{
    for (size_t i = 0; i < p->n_resources; i++)
        for (size_t j = 0; j < p->resources[i].n_entries; j++) {
            const struct resource_entry *e = &p->resources[i].entries[j];

            if (lists(e->networks, e->n_networks, index))
                return true;
        }
    return false;
}

static bool admits_family(const struct posture *post, const char *family)
{
    for (int i = 0; i < post->n_os; i++)
        if (strcmp(post->os[i].family, family) == 0)
            return true;
    return post->n_os == 0;
}

/* "when os in { linux }" in a block that admits debian and ubuntu would never apply. */
static void warn_families(struct parser *p, const struct posture *post,
                          const struct posture_rule *r, const struct condition *c)
{
    for (int i = 0; c->fact == FACT_OS_FAMILY && i < c->n_text; i++)
        if (!admits_family(post, c->text[i]))
            diag_warning(p->diags, r->pos, "use the names of its os list",
                         "posture '%s' admits no system '%s'", post->name, c->text[i]);
}

static void warn_rules(struct parser *p, const struct posture *post)
{
    for (int i = 0; i < post->n_rules; i++) {
        warn_families(p, post, &post->rules[i], &post->rules[i].require);
        if (post->rules[i].has_when)
            warn_families(p, post, &post->rules[i], &post->rules[i].when);
    }
}

static void warn_unused(struct parser *p)
{
    const struct policy *pol = p->policy;

    for (size_t i = 0; i < pol->n_networks; i++)
        if (!network_used(pol, i))
            diag_warning(p->diags, pol->networks[i].pos, "", "no resource uses network '%s'",
                         pol->networks[i].name);
    for (size_t i = 0; i < pol->n_resources; i++)
        if (!resource_used(pol, i))
            diag_warning(p->diags, pol->resources[i].pos, "", "nobody reaches resource '%s'",
                         pol->resources[i].name);
    for (size_t i = 0; i < pol->n_postures; i++)
        if (!posture_used(pol, i))
            diag_warning(p->diags, pol->postures[i].pos, "", "no role asks for posture '%s'",
                         pol->postures[i].name);
    for (size_t i = 0; i < pol->n_tests; i++)
        if (pol->tests[i].n_cases == 0)
            diag_warning(p->diags, pol->tests[i].pos, "", "this test tests nothing");
}

/* Whom a response has shut out wants to know whom to call. */
static void warn_contact(struct parser *p)
{
    bool takes = false;

    for (int i = 0; i < PATTERNS; i++)
        takes = takes || p->policy->respond.rule[i].action != ACTION_ALARM;
    if (takes && p->policy->contact[0] == '\0')
        diag_warning(p->diags, p->respond_pos, "contact \"IT desk, extension 100\"",
                     "devices may be held, and nothing says whom their people call");
}

/* ---- order --------------------------------------------------------------------------------- */

static bool diag_after(const struct diag *a, const struct diag *b)
{
    return a->pos.line != b->pos.line ? a->pos.line > b->pos.line : a->pos.col > b->pos.col;
}

/* By place in the file: insertion sort, for it keeps the order of equals. */
static void sort_diags(struct diags *d)
{
    for (size_t i = 1; i < d->n; i++)
        for (size_t j = i; j > 0 && diag_after(&d->v[j - 1], &d->v[j]); j--) {
            struct diag swap = d->v[j];

            d->v[j] = d->v[j - 1];
            d->v[j - 1] = swap;
        }
}

void check_policy(struct parser *p)
{
    struct kind kinds[KINDS];
    struct policy *pol = p->policy;

    list_kinds(pol, kinds);
    for (int i = 0; i < KINDS; i++)
        check_duplicates(p, &kinds[i]);
    for (size_t i = 0; i < p->n_refs; i++)
        resolve(p, kinds, &p->refs[i]);
    for (size_t i = 0; i < pol->n_roles; i++)
        demand_posture(p, &pol->roles[i]);
    if (p->diags->errors == 0)
        expand_resources(p);
    for (size_t i = 0; i < pol->n_roles && p->diags->errors == 0; i++)
        check_role(p, &pol->roles[i]);
    if (p->diags->errors == 0) {
        pol->n_remediation =
            drop_repeated(p, pol->remediation, NULL, pol->n_remediation, (struct src_pos){1, 1});
        for (size_t i = 0; i < pol->n_postures; i++)
            warn_rules(p, &pol->postures[i]);
        warn_unused(p);
        warn_contact(p);
    }
    sort_diags(p->diags);
}
