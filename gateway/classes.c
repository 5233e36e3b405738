/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Which id stands for which set of permits: found by comparing permits, handed out in turn. */
#include "gateway/classes.h"

#include <stdlib.h>
#include <string.h>

#include "policy/address.h"

void classes_init(struct classes *c, uint16_t next)
{
    memset(c, 0, sizeof *c);
    c->next = next >= 1 && next <= CLASS_MAX ? next : 1;
}

void classes_forget(struct classes *c, uint16_t id)
{
    size_t kept = 0;

    if (!c->v[id])
        return;
    free(c->v[id]->c.permits);
    free(c->v[id]);
    c->v[id] = NULL;
    for (size_t i = 0; i < c->n_masks; i++)
        if (c->masks[i].id != id)
            c->masks[kept++] = c->masks[i];
    c->n_masks = kept;
}

void classes_clear(struct classes *c)
{
    for (unsigned id = 0; id <= CLASS_MAX; id++)
        classes_forget(c, (uint16_t)id);
    free(c->masks);
    memset(c, 0, sizeof *c);
}

/* ---- equal permits -------------------------------------------------------------------------- */

static bool permit_equal(const struct permit *a, const struct permit *b)
{
    return a->proto == b->proto && a->port_first == b->port_first &&
           a->port_last == b->port_last && ip_cmp(&a->dst.first, &b->dst.first) == 0 &&
           ip_cmp(&a->dst.last, &b->dst.last) == 0;
}

static bool same_permits(const struct access_class *c, const struct permit *p, size_t n)
{
    size_t i = 0;

    if (c->n_permits != n)
        return false;
    while (i < n && permit_equal(&c->permits[i], &p[i]))
        i++;
    return i == n;
}

static int find_permits(const struct classes *c, const struct permit *p, size_t n)
{
    for (unsigned id = 1; id <= CLASS_MAX; id++)
        if (c->v[id] && same_permits(&c->v[id]->c, p, n))
            return (int)id;
    return 0;
}

/* ---- handing out ---------------------------------------------------------------------------- */

static int free_id(struct classes *c)
{
    for (unsigned tries = 0; tries < CLASS_MAX; tries++) {
        uint16_t id = c->next;
        c->next = id == CLASS_MAX ? 1 : (uint16_t)(id + 1);
        if (!c->v[id])
            return id;
    }
    return -1;
}

int classes_restore(struct classes *c, uint16_t id, struct permit *permits, size_t n)
{
    struct class_entry *e = id <= CLASS_MAX && !c->v[id] ? calloc(1, sizeof *e) : NULL;

    if (!e) {
        free(permits);
        return -1;
    }
    e->c = (struct access_class){.id = id, .permits = permits, .n_permits = n};
    c->v[id] = e;
    return 0;
}

static int remember_mask(struct classes *c, uint64_t roles, int id)
{
    struct class_mask *more = reallocarray(c->masks, c->n_masks + 1, sizeof *more);

    if (!more)
        return -1;
    c->masks = more;
    c->masks[c->n_masks++] = (struct class_mask){roles, (uint16_t)id};
    return id;
}

/* Takes permits over. */
static int class_of(struct classes *c, struct permit *permits, size_t n)
{
    int id = find_permits(c, permits, n);

    if (id > 0) {
        free(permits);
        return id;
    }
    id = free_id(c);
    if (id < 0) {
        free(permits);
        return -1;
    }
    return classes_restore(c, (uint16_t)id, permits, n) < 0 ? -1 : id;
}

int classes_for(struct classes *c, uint64_t roles)
{
    struct permit *permits = NULL;
    size_t n = 0;

    if (roles == 0)
        return 0;
    for (size_t i = 0; i < c->n_masks; i++)
        if (c->masks[i].roles == roles)
            return c->masks[i].id;
    if (policy_permits(c->policy, roles, &permits, &n) < 0)
        return -1;
    int id = class_of(c, permits, n);
    return id < 0 ? -1 : remember_mask(c, roles, id);
}

int classes_use_policy(struct classes *c, const struct policy *p, bool *changed)
{
    struct permit *permits = NULL;
    size_t n = 0;

    if (policy_permits(p, 0, &permits, &n) < 0)
        return -1;
    c->policy = p;
    c->n_masks = 0;
    *changed = !c->v[0] || !same_permits(&c->v[0]->c, permits, n);
    if (!*changed) {
        free(permits);
        return 0;
    }
    classes_forget(c, 0);
    return classes_restore(c, 0, permits, n);
}
