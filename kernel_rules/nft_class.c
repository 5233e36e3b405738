/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * An access class in the kernel: up to eight sets of permits and one chain that asks them.
 * Exact permits lie in hash sets, which are asked first; ranges in interval sets, which exist
 * only where the class has ranges. A class is made whole and dropped whole.
 */
#include "kernel_rules/nft_parts.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "policy/address.h"

static const char kind_letter[PERMIT_KINDS] = {'x', 'r', 'p', 'q'};

const struct access_class empty_quarantine = {.id = 0};

const struct access_class *quarantine_of(const struct dataplane *dp)
{
    return dp->n_classes > 0 && dp->classes[0].id == 0 ? &dp->classes[0] : &empty_quarantine;
}

enum permit_kind permit_kind_of(const struct permit *p)
{
    bool one_address = ip_cmp(&p->dst.first, &p->dst.last) == 0;
    if (!has_ports(p->proto))
        return one_address ? PROTO_EXACT : PROTO_RANGE;
    return one_address && p->port_first == p->port_last ? PORT_EXACT : PORT_RANGE;
}

static unsigned set_of(const struct permit *p)
{
    return 2u * (unsigned)permit_kind_of(p) + (p->dst.first.family == 6);
}

uint32_t class_sets(const struct access_class *c)
{
    uint32_t sets = 0;
    for (size_t i = 0; i < c->n_permits; i++)
        sets |= 1u << set_of(&c->permits[i]);
    return sets;
}

/* ---- names --------------------------------------------------------------------------- */

void class_chain_name(char out[16], uint16_t id) { snprintf(out, 16, "class_%u", id); }

void class_set_name(char out[24], uint16_t id, unsigned which, char generation)
{
    const char letter = kind_letter[which / 2 % PERMIT_KINDS];
    const int family = which % 2 ? 6 : 4;
    if (id == 0)
        snprintf(out, 24, "c0_%c%d_%c", letter, family, generation);
    else
        snprintf(out, 24, "c%u_%c%d", id, letter, family);
}

static bool parse_id(const char **s, uint16_t *id)
{
    unsigned v = 0;
    const char *p = *s;
    for (; *p >= '0' && *p <= '9' && v <= CLASS_MAX; p++)
        v = v * 10 + (unsigned)(*p - '0');
    if (p == *s || v > CLASS_MAX)
        return false;
    *id = (uint16_t)v;
    *s = p;
    return true;
}

bool class_set_parse(const char *name, uint16_t *id, unsigned *which, char *generation)
{
    char again[24];
    const char *s = name + 1;
    if (name[0] != 'c' || !parse_id(&s, id) || s[0] != '_' || !s[1] || !s[2])
        return false;
    const char *letter = memchr(kind_letter, s[1], sizeof kind_letter);
    if (!letter)
        return false;
    *which = 2u * (unsigned)(letter - kind_letter) + (s[2] == '6');
    *generation = s[3] == '_' && s[4] == 'b' ? 'b' : 'a';
    class_set_name(again, *id, *which, *generation);
    return strcmp(again, name) == 0;
}

/* ---- sets ---------------------------------------------------------------------------- */

static void put_permits(struct batch *b, const struct access_class *c, unsigned which,
                        const char *name)
{
    struct element_writer w;
    elements_open(&w, b, name, NFT_MSG_NEWSETELEM, NLM_F_CREATE | NLM_F_EXCL);
    for (size_t i = 0; i < c->n_permits; i++) {
        if (set_of(&c->permits[i]) != which)
            continue;
        const struct element e = element_of_permit(&c->permits[i]);
        elements_put(&w, &e);
    }
    elements_close(&w);
}

static uint32_t count_permits(const struct access_class *c, unsigned which)
{
    uint32_t n = 0;
    for (size_t i = 0; i < c->n_permits; i++)
        n += set_of(&c->permits[i]) == which;
    return n;
}

static void put_class_set(struct batch *b, const struct access_class *c, unsigned which,
                          char generation)
{
    const enum permit_kind kind = (enum permit_kind)(which / 2);
    struct set_form f = {
        .family = which % 2 ? 6 : 4,
        .key = kind <= PORT_RANGE ? KEY_ADDR_PROTO_PORT : KEY_ADDR_PROTO,
        .ranges = kind == PORT_RANGE || kind == PROTO_RANGE,
        .size = count_permits(c, which),
    };
    class_set_name(f.name, c->id, which, generation);
    put_set(b, &f);
    put_permits(b, c, which, f.name);
}

void put_class_sets(struct batch *b, const struct access_class *c, char generation)
{
    const uint32_t sets = class_sets(c);
    for (unsigned which = 0; which < CLASS_SETS; which++)
        if (sets & 1u << which)
            put_class_set(b, c, which, generation);
}

void drop_class_sets(struct batch *b, const struct access_class *c, char generation)
{
    const uint32_t sets = class_sets(c);
    for (unsigned which = 0; which < CLASS_SETS; which++) {
        char name[24];
        if (!(sets & 1u << which))
            continue;
        class_set_name(name, c->id, which, generation);
        drop_set(b, name);
    }
}

/* ---- rules --------------------------------------------------------------------------- */

/* The connection is judged, not the packet: its server, protocol and port after translation by
 * others, the same in both directions and for an ICMP error that belongs to it. A protocol whose
 * ports conntrack does not know has port 0 here and is not permitted by its packets' bytes. */
void put_class_rules(struct batch *b, const struct access_class *c, char generation)
{
    const uint32_t sets = class_sets(c);
    char chain[16], set[24];
    struct rule r;

    class_chain_name(chain, c->id);
    for (unsigned which = 0; which < CLASS_SETS; which++) {
        if (!(sets & 1u << which))
            continue;
        class_set_name(set, c->id, which, generation);
        rule_open(&r, b, NFT_TABLE_NAME, chain);
        match_ct_target_in(&r, which % 2 ? 6 : 4, which / 2 <= PORT_RANGE, set);
        rule_goto(&r, c->id == 0 ? "stamp" : "grant");
    }
    rule_open(&r, b, NFT_TABLE_NAME, chain);
    rule_goto(&r, c->id == 0 ? "deny_no_lease" : "deny_not_permitted");
}
