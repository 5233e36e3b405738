/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Handovers from key to key, and the chain that they make. */
#include "policy/keychain.h"

#include <inttypes.h>
#include <sodium.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- a handover as text --------------------------------------------------------------------- */

struct text { char *s; size_t n, size; };

__attribute__((format(printf, 2, 3))) static void add(struct text *t, const char *fmt, ...)
{
    va_list args;

    va_start(args, fmt);
    int n = vsnprintf(t->s + t->n, t->size - t->n, fmt, args);
    va_end(args);
    t->n = n > 0 && (size_t)n < t->size - t->n ? t->n + (size_t)n : t->size;
}

static size_t handover_print(const struct handover *h, char *out, size_t size)
{
    char key[NOTE_KEY_TEXT], hash[NOTE_BASE64(MERKLE_HASH)];
    struct text t = {out, checkpoint_print(&h->at, out, size), size};

    add(&t, "epoch %" PRIu64 "\ntime %" PRId64 "\nkey %s\nfrom %" PRIu64 "\n", h->epoch, h->time,
        note_key_print(&h->next, key), h->from);
    for (size_t i = 0; i < h->proof.n && t.n < size; i++)
        add(&t, "proof %s\n", sodium_bin2base64(hash, sizeof hash, h->proof.v[i].b, MERKLE_HASH,
                                                sodium_base64_VARIANT_ORIGINAL));
    return t.n < size ? t.n : 0;
}

/* "WORD value\n" at the start of what is left: the value, and what is left moved behind it. */
static const char *value(const char *word, const char **s, size_t *n, size_t *len)
{
    size_t head = strlen(word);
    const char *start = *s + head, *end;

    if (*n <= head || memcmp(*s, word, head) != 0 || !(end = memchr(start, '\n', *n - head)))
        return NULL;
    *len = (size_t)(end - start);
    *n -= head + *len + 1;
    *s = end + 1;
    return start;
}

static bool number(const char *word, const char **s, size_t *n, uint64_t *out)
{
    char digits[20] = "";
    size_t len;
    const char *v = value(word, s, n, &len);

    if (!v || len == 0 || len > 18)
        return false;
    memcpy(digits, v, len);
    if (strspn(digits, "0123456789") != len)
        return false;
    *out = strtoull(digits, NULL, 10);
    return true;
}

static bool parse_lines(const char *s, size_t n, struct handover *h)
{
    uint64_t time;
    size_t len;
    const char *v;

    if (!number("epoch ", &s, &n, &h->epoch) || !number("time ", &s, &n, &time) ||
        !(v = value("key ", &s, &n, &len)) || note_key_parse(v, len, &h->next) < 0 ||
        !number("from ", &s, &n, &h->from))
        return false;
    h->time = (int64_t)time;
    for (h->proof.n = 0; n > 0; h->proof.n++) {
        v = h->proof.n < MERKLE_LEVELS ? value("proof ", &s, &n, &len) : NULL;
        if (!v || !note_base64(v, len, h->proof.v[h->proof.n].b, MERKLE_HASH))
            return false;
    }
    return true;
}

size_t handover_sign(const struct handover *h, const struct note_key *k, const uint8_t secret[64],
                     char out[HANDOVER_MAX])
{
    size_t n = handover_print(h, out, HANDOVER_MAX);

    return n > 0 ? note_sign(out, n, k, secret, out, HANDOVER_MAX) : 0;
}

int handover_open(const char *note, size_t n, const struct note_key *k, struct handover *out)
{
    char again[HANDOVER_MAX];
    size_t text = n < HANDOVER_MAX ? note_open(note, n, k) : 0;
    size_t head = text > 0 ? checkpoint_parse(note, text, &out->at) : 0;

    if (head == 0 || !parse_lines(note + head, text - head, out))
        return -1;
    if (strcmp(out->at.origin, k->name) != 0 || strcmp(out->next.name, k->name) != 0)
        return -1;
    return handover_print(out, again, sizeof again) == text && memcmp(again, note, text) == 0
               ? 0 : -1;
}

/* ---- the chain ------------------------------------------------------------------------------ */

static int append(struct keychain *c, const struct epoch *e)
{
    if (c->n == c->room) {
        size_t room = c->room ? 2 * c->room : 4;
        struct epoch *v = room <= EPOCHS_MAX ? reallocarray(c->v, room, sizeof *v) : NULL;
        if (!v)
            return -1;
        c->v = v;
        c->room = room;
    }
    c->v[c->n++] = *e;
    return 0;
}

int keychain_begin(struct keychain *c, const struct note_key *origin)
{
    struct merkle_tree none = {0};
    struct epoch first = {.key = *origin};

    *c = (struct keychain){0};
    merkle_root(&none, &first.root);
    return append(c, &first);
}

void keychain_clear(struct keychain *c)
{
    if (c)
        free(c->v);
    if (c)
        *c = (struct keychain){0};
}

const struct epoch *keychain_last(const struct keychain *c) { return &c->v[c->n - 1]; }

int keychain_add(struct keychain *c, const char *note, size_t n)
{
    const struct epoch *last = keychain_last(c);
    struct handover h;

    if (handover_open(note, n, &last->key, &h) < 0 || h.epoch != c->n || h.from != last->size ||
        !merkle_consistent(h.from, &last->root, h.at.size, &h.at.root, &h.proof))
        return -1;
    return append(c, &(struct epoch){h.next, h.at.root, h.at.size, h.time});
}

int keychain_read(struct keychain *c, const char *text, size_t n, size_t *at)
{
    for (*at = 0; *at < n;) {
        size_t one = note_length(text + *at, n - *at);
        if (one == 0 || keychain_add(c, text + *at, one) < 0)
            return -1;
        *at += one;
    }
    return 0;
}

int keychain_open(const struct keychain *c, const char *note, size_t n, struct checkpoint *out)
{
    struct checkpoint said;

    if (checkpoint_parse(note, n, &said) == 0)
        return -1;
    for (size_t i = c->n; i-- > 0;) {
        const struct epoch *e = &c->v[i];
        bool over = i + 1 < c->n && said.size > e[1].size;
        if (said.size < e->size || over || checkpoint_open(note, n, &e->key, out) < 0)
            continue;
        return said.size > e->size || merkle_same(&said.root, &e->root) ? 0 : -1;
    }
    return -1;
}
