/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * People, devices and keys in memory: found by name, index or address without asking the
 * database. A device's tunnel addresses follow from its index: host number index + 1.
 */
#include <stdlib.h>
#include <string.h>

#include "gateway/clock.h"
#include "gateway/engine.h"
#include "gateway/log.h"
#include "gateway/respond.h"
#include "policy/address.h"

static void *grow(void *v, size_t n, size_t size)
{
    void *more = reallocarray(v, n, size);

    if (!more)
        fatal("out of memory");
    return more;
}

/* ---- names ---------------------------------------------------------------------------------- */

static uint32_t hash_name(const char *s)
{
    uint32_t h = 2166136261u;   /* FNV-1a: the names are ours, validated and unique */

    while (*s)
        h = (h ^ (uint8_t)*s++) * 16777619u;
    return h;
}

/* Public keys are as good as random. */
static uint32_t hash_key(const struct wg_key *k)
{
    uint32_t h;

    memcpy(&h, k->b, sizeof h);
    return h;
}

static void names_put(struct names *t, uint32_t hash, uint32_t id)
{
    size_t i = hash & (t->size - 1);

    while (t->v[i].id)
        i = (i + 1) & (t->size - 1);
    t->v[i] = (struct name_slot){hash, id};
    t->n++;
}

static void names_add(struct names *t, uint32_t hash, uint32_t id)
{
    if (2 * (t->n + 1) > t->size) {
        struct names old = *t;
        *t = (struct names){.size = old.size ? 2 * old.size : 64};
        t->v = calloc(t->size, sizeof *t->v);
        if (!t->v)
            fatal("out of memory");
        for (size_t i = 0; i < old.size; i++)
            if (old.v[i].id)
                names_put(t, old.v[i].hash, old.v[i].id);
        free(old.v);
    }
    names_put(t, hash, id);
}

static uint32_t names_find(struct engine *e, const struct names *t, const char *name,
                           const char *(*name_of)(struct engine *e, uint32_t id))
{
    uint32_t hash = hash_name(name);

    for (size_t i = hash & (t->size - 1); t->size && t->v[i].id; i = (i + 1) & (t->size - 1))
        if (t->v[i].hash == hash && strcmp(name_of(e, t->v[i].id), name) == 0)
            return t->v[i].id;
    return 0;
}

static const char *user_name(struct engine *e, uint32_t id) { return e->users[id - 1].name; }
static const char *dev_name(struct engine *e, uint32_t id) { return e->devs[id].name; }

static unsigned min3(unsigned a, unsigned b, unsigned c)
{
    unsigned ab = a < b ? a : b;

    return ab < c ? ab : c;
}

/* Levenshtein's distance; both are names. */
static unsigned name_distance(const char *a, const char *b)
{
    unsigned row[NAME_SIZE + 1];
    size_t n = strnlen(b, NAME_SIZE);

    for (unsigned j = 0; j <= n; j++)
        row[j] = j;
    for (unsigned i = 1; a[i - 1] && i <= NAME_SIZE; i++) {
        unsigned diagonal = row[0];
        row[0] = i;
        for (size_t j = 1; j <= n; j++) {
            unsigned above = row[j];
            row[j] = min3(above + 1, row[j - 1] + 1, diagonal + (a[i - 1] != b[j - 1]));
            diagonal = above;
        }
    }
    return row[n];
}

void nearest_name(const char *wrong, const char *candidate, char best[NAME_SIZE],
                  unsigned *distance)
{
    unsigned d = name_distance(wrong, candidate);

    if (d >= *distance || d > 1 + strnlen(wrong, NAME_SIZE) / 3)
        return;
    *distance = d;
    memcpy(best, candidate, strnlen(candidate, NAME_SIZE - 1) + 1);
}

/* ---- users ---------------------------------------------------------------------------------- */

bool user_over(const struct user *u) { return u->end.s != 0 && u->end.s <= clock_wall().s; }

bool user_stands(const struct user *u) { return u->state == USER_ACTIVE && !user_over(u); }

struct user *user_by_name(struct engine *e, const char *name)
{
    uint32_t id = names_find(e, &e->user_names, name, user_name);

    return id ? &e->users[id - 1] : NULL;
}

struct user *user_add(struct engine *e, const struct user *u)
{
    e->users = grow(e->users, u->id, sizeof *e->users);
    while (e->n_users < u->id)
        e->users[e->n_users++] = (struct user){0};
    e->users[u->id - 1] = *u;
    if (e->policy)
        e->users[u->id - 1].role_mask = roles_mask(e->policy, u->roles);
    names_add(&e->user_names, hash_name(u->name), u->id);
    return &e->users[u->id - 1];
}

struct user *dev_user(struct engine *e, const struct dev *d)
{
    static struct user nobody = {.state = USER_ACTIVE, .roles = ""};

    return d->user ? &e->users[d->user - 1] : &nobody;
}

uint64_t roles_mask(const struct policy *p, const char *names)
{
    uint64_t mask = 0;

    while (*names) {
        char one[NAME_SIZE] = "";
        size_t n = strcspn(names, ",");
        if (n < sizeof one)
            memcpy(one, names, n);
        int role = policy_role(p, one);
        if (role >= 0)
            mask |= UINT64_C(1) << role;
        names += n + (names[n] == ',');
    }
    return mask;
}

char *roles_text(const struct policy *p, uint64_t roles, char out[ROLE_LIST_SIZE])
{
    size_t n = 0;

    for (size_t i = 0; i < p->n_roles; i++) {
        size_t len = strlen(p->roles[i].name);
        if (!(roles >> i & 1) || n + len + 2 > ROLE_LIST_SIZE)
            continue;
        if (n > 0)
            out[n++] = ',';
        memcpy(out + n, p->roles[i].name, len);
        n += len;
    }
    out[n] = '\0';
    return out;
}

void people_use_policy(struct engine *e)
{
    for (size_t i = 0; i < e->n_users; i++)
        if (e->users[i].id)
            e->users[i].role_mask = roles_mask(e->policy, e->users[i].roles);
}

/* ---- devices -------------------------------------------------------------------------------- */

struct dev *dev_by_index(struct engine *e, uint32_t index)
{
    return index < e->n_devs && e->devs[index].state ? &e->devs[index] : NULL;
}

struct dev *dev_by_name(struct engine *e, const char *name)
{
    return dev_by_index(e, names_find(e, &e->dev_names, name, dev_name));
}

struct dev *dev_by_key(struct engine *e, const struct wg_key *k)
{
    const struct names *t = &e->dev_keys;
    uint32_t hash = hash_key(k);

    for (size_t i = hash & (t->size - 1); t->size && t->v[i].id; i = (i + 1) & (t->size - 1)) {
        struct dev *d = t->v[i].hash == hash ? dev_by_index(e, t->v[i].id) : NULL;
        if (d && wg_key_equal(&d->k.key, k))
            return d;
    }
    return NULL;
}

/* The network's address plus n; false when that is not within it. */
static bool host_of(const struct ip_prefix *net, uint32_t n, struct ip_addr *out)
{
    struct ip_range r = prefix_range(net);
    unsigned bytes = net->addr.family == 4 ? 4 : 16;
    uint64_t carry = n;

    *out = r.first;
    for (unsigned i = bytes; i-- > 0 && carry;) {
        carry += out->b[i];
        out->b[i] = (uint8_t)carry;
        carry >>= 8;
    }
    return carry == 0 && ip_cmp(out, &r.last) < 0 && ip_cmp(out, &net->addr) != 0;
}

bool dev_address(const struct gateway_conf *c, struct device *d)
{
    d->addr6 = (struct ip_addr){0};
    if (!host_of(&c->tunnel.net4, d->index + 1, &d->addr4))
        return false;
    return c->tunnel.net6.addr.family == 0 || host_of(&c->tunnel.net6, d->index + 1, &d->addr6);
}

uint32_t dev_index_at(const struct gateway_conf *c, const struct ip_addr *a)
{
    const struct ip_prefix *net = a->family == 4 ? &c->tunnel.net4 : &c->tunnel.net6;
    unsigned last = a->family == 4 ? 3 : 15;
    struct device at = {0};

    if (net->addr.family != a->family || !ip_in_prefix(a, net))
        return 0;
    struct ip_addr first = prefix_range(net).first;
    uint32_t host = 0;
    for (unsigned i = last - 3; i <= last; i++)   /* host numbers fit 32 bits */
        host = host << 8 | (uint32_t)(uint8_t)(a->b[i] - first.b[i]);
    at.index = host > 0 ? host - 1 : 0;
    if (at.index == 0 || at.index > DEVICE_MAX || !dev_address(c, &at))
        return 0;
    return ip_cmp(a->family == 4 ? &at.addr4 : &at.addr6, a) == 0 ? at.index : 0;
}

struct dev *dev_by_address(struct engine *e, const struct ip_addr *a)
{
    return dev_by_index(e, dev_index_at(&e->conf, a));
}

struct dev *dev_add(struct engine *e, const struct dev *d)
{
    uint32_t index = d->k.index;

    if (index >= e->n_devs) {
        size_t want = e->n_devs + e->n_devs / 4 + 16;
        want = want > index ? want : (size_t)index + 1;
        e->devs = grow(e->devs, want, sizeof *e->devs);
        memset(e->devs + e->n_devs, 0, (want - e->n_devs) * sizeof *e->devs);
        e->n_devs = want;
    }
    e->devs[index] = *d;
    e->devs[index].addressed = dev_address(&e->conf, &e->devs[index].k);
    names_add(&e->dev_names, hash_name(d->name), index);
    names_add(&e->dev_keys, hash_key(&d->k.key), index);
    return &e->devs[index];
}

/* The slot in the table of names stays taken and leads to nothing. */
void dev_forget(struct engine *e, struct dev *d)
{
    (void)e;
    respond_forget(d);
    d->state = 0;
    d->name[0] = '\0';
}

bool dev_should_enrol(struct engine *e, const struct dev *d)
{
    return d->state == DEV_ACTIVE && d->addressed && dev_user(e, d)->state == USER_ACTIVE;
}

/* ---- keys of issuers ------------------------------------------------------------------------ */

struct token_key *key_by_kid(struct engine *e, const char *kid)
{
    for (size_t low = 0, high = e->n_keys; low < high;) {
        size_t mid = (low + high) / 2;
        int c = strcmp(e->keys[mid].kid, kid);
        if (c == 0)
            return &e->keys[mid];
        if (c < 0)
            low = mid + 1;
        else
            high = mid;
    }
    return NULL;
}

void key_add(struct engine *e, const struct token_key *k)
{
    e->keys = grow(e->keys, e->n_keys + 1, sizeof *e->keys);
    e->keys[e->n_keys++] = *k;
    if (e->n_keys > 1 && strcmp(e->keys[e->n_keys - 2].kid, k->kid) > 0)
        token_keys_sort(e->keys, e->n_keys);
}

void people_clear(struct engine *e)
{
    for (size_t i = 0; i < e->n_users; i++) {
        free(e->users[i].full_name);
        free(e->users[i].roles);
        free(e->users[i].revoked_by);
        free(e->users[i].revoked_reason);
    }
    for (size_t i = 0; i < e->n_devs; i++)
        respond_forget(&e->devs[i]);
    free(e->users);
    free(e->devs);
    free(e->keys);
    free(e->user_names.v);
    free(e->dev_names.v);
    free(e->dev_keys.v);
}
