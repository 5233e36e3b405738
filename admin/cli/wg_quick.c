/* SPDX-License-Identifier: GPL-2.0-or-later */
/* wg-quick's configuration: sections of "Key = Value" lines; a comment at a peer is its name. */
#include "admin/cli/wg_quick.h"

#include "policy/address.h"

#include <ctype.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define PEERS_MAX 65536

struct words { const char *s; size_t n; };       /* a piece of the text, without spaces around */

struct parse {
    struct wg_quick *q;
    bool in_interface;
    struct wg_quick_peer *peer;  /* the one being described, NULL before the first */
    struct words comment;        /* the last one that stood alone */
};

__attribute__((format(printf, 2, 3))) static bool fail(struct parse *p, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(p->q->error, sizeof p->q->error, fmt, ap);
    va_end(ap);
    return false;
}

static struct words trim(const char *s, size_t n)
{
    while (n > 0 && isspace((unsigned char)s[0])) {
        s++;
        n--;
    }
    while (n > 0 && isspace((unsigned char)s[n - 1]))
        n--;
    return (struct words){s, n};
}

static bool is(struct words w, const char *word)
{
    return strlen(word) == w.n && strncasecmp(w.s, word, w.n) == 0;
}

/* ---- names ---------------------------------------------------------------------------------- */

/* What tools write before the name in a comment. */
static struct words bare_name(struct words w)
{
    static const char *const before[] = {"#", "friendly_name", "name", "client", "peer", "user",
                                         "begin_peer", "begin", "=", ":", "-"};
    for (size_t i = 0; i < sizeof before / sizeof before[0];) {
        size_t n = strlen(before[i]);
        bool word = isalpha((unsigned char)before[i][0]);
        if (w.n > n && strncasecmp(w.s, before[i], n) == 0 &&
            (!word || isspace((unsigned char)w.s[n]) || strchr("=:", w.s[n]))) {
            w = trim(w.s + n, w.n - n);
            i = 0;
        } else {
            i++;
        }
    }
    return w;
}

static void name_from(struct words w, char out[NAME_SIZE])
{
    size_t n = 0;
    w = bare_name(w);
    for (size_t i = 0; i < w.n && n < NAME_SIZE - 8; i++) {
        char c = (char)tolower((unsigned char)w.s[i]);
        bool good = (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
        if (good || (n > 0 && strchr("._-", c) && c))
            out[n++] = c;
        else if (n > 0 && out[n - 1] != '-')
            out[n++] = '-';
    }
    while (n > 0 && strchr("._-", out[n - 1]))
        n--;
    out[n] = 0;
}

static bool taken(const struct wg_quick *q, size_t before, const char *name)
{
    for (size_t i = 0; i < before; i++)
        if (strcmp(q->peers[i].name, name) == 0)
            return true;
    return false;
}

/* Nameless peers are called by their key; a name that comes again gets a number. */
static void name_peers(struct wg_quick *q)
{
    for (size_t i = 0; i < q->n_peers; i++) {
        struct wg_quick_peer *p = &q->peers[i];
        if (!p->name[0])
            snprintf(p->name, sizeof p->name, "peer-%02x%02x%02x%02x", p->key.b[0], p->key.b[1],
                     p->key.b[2], p->key.b[3]);
        size_t n = strlen(p->name);
        for (unsigned k = 2; taken(q, i, p->name); k++)
            snprintf(p->name + n, sizeof p->name - n, "-%u", k);
    }
}

/* ---- values --------------------------------------------------------------------------------- */

static bool take_number(struct parse *p, struct words v, unsigned least, uint16_t *out)
{
    unsigned n = 0;
    for (size_t i = 0; i < v.n; i++) {
        if (!isdigit((unsigned char)v.s[i]) || n > UINT16_MAX)
            return fail(p, "'%.*s' is no number", (int)(v.n < 40 ? v.n : 40), v.s);
        n = 10 * n + (unsigned)(v.s[i] - '0');
    }
    if (v.n == 0 || n < least || n > UINT16_MAX)
        return fail(p, "this is not a number from %u to %u", least, UINT16_MAX);
    *out = (uint16_t)n;
    return true;
}

static bool take_key(struct parse *p, struct words v, struct wg_key *out)
{
    return wg_key_parse(v.s, v.n, out) || fail(p, "this is no WireGuard key");
}

static bool each_address(struct parse *p, struct words v,
                         bool (*take)(struct parse *p, const struct ip_prefix *a))
{
    for (const char *end = v.s + v.n; v.s < end; v.s += v.n + 1) {
        const char *comma = memchr(v.s, ',', (size_t)(end - v.s));
        v.n = (size_t)((comma ? comma : end) - v.s);
        struct words one = trim(v.s, v.n);
        struct ip_prefix a;
        struct ip_addr host;
        if (ip_parse(one.s, one.n, &host))
            a = (struct ip_prefix){host, host.family == 4 ? 32 : 128};
        else if (!prefix_parse(one.s, one.n, &a))
            return fail(p, "'%.*s' is no address", (int)(one.n < 60 ? one.n : 60), one.s);
        if (!take(p, &a))
            return false;
    }
    return true;
}

static bool own_address(struct parse *p, const struct ip_prefix *a)
{
    struct ip_prefix *net = a->addr.family == 4 ? &p->q->net4 : &p->q->net6;
    if (net->addr.family)
        return fail(p, "a second address of one family is not supported");
    *net = *a;
    return true;
}

static bool allowed_ip(struct parse *p, const struct ip_prefix *a)
{
    struct ip_addr *host = a->addr.family == 4 ? &p->peer->addr4 : &p->peer->addr6;
    if (!host->family && a->len == (a->addr.family == 4 ? 32 : 128))
        *host = a->addr;
    else
        p->peer->others++;
    return true;
}

/* ---- lines ---------------------------------------------------------------------------------- */

/* Their names are shown: only what looks like one is. */
static bool ignore(struct parse *p, struct words key)
{
    for (size_t i = 0; i < key.n; i++)
        if (!isalnum((unsigned char)key.s[i]))
            key.n = 0;
    if (key.n == 0)
        return fail(p, "this is not a line of a WireGuard configuration");
    size_t n = strlen(p->q->ignored);
    char name[40];
    snprintf(name, sizeof name, "%.*s", (int)(key.n < 39 ? key.n : 39), key.s);
    if (!strstr(p->q->ignored, name))
        snprintf(p->q->ignored + n, sizeof p->q->ignored - n, "%s%s", n ? ", " : "", name);
    return true;
}

static bool interface_line(struct parse *p, struct words key, struct words v)
{
    if (is(key, "PrivateKey"))
        return p->q->has_key = take_key(p, v, &p->q->private_key);
    if (is(key, "ListenPort"))
        return take_number(p, v, 1, &p->q->port);
    if (is(key, "MTU"))
        return take_number(p, v, 1280, &p->q->mtu);
    if (is(key, "Address"))
        return each_address(p, v, own_address);
    return ignore(p, key);
}

static bool peer_line(struct parse *p, struct words key, struct words v)
{
    if (is(key, "PublicKey"))
        return take_key(p, v, &p->peer->key);
    if (is(key, "PresharedKey"))
        return p->peer->has_preshared = take_key(p, v, &p->peer->preshared);
    if (is(key, "AllowedIPs"))
        return each_address(p, v, allowed_ip);
    if (is(key, "Endpoint") || is(key, "PersistentKeepalive"))
        return true;             /* a server learns the one and does not need the other */
    return fail(p, "a [Peer] has no '%.*s'", (int)(key.n < 40 ? key.n : 40), key.s);
}

static bool begin_peer(struct parse *p)
{
    struct wg_quick *q = p->q;
    if (q->n_peers == PEERS_MAX)
        return fail(p, "there are more than %d peers", PEERS_MAX);
    if ((q->n_peers & (q->n_peers - 1)) == 0) {
        size_t room = q->n_peers ? 2 * q->n_peers : 1;
        void *more = reallocarray(q->peers, room, sizeof *q->peers);
        if (!more)
            return fail(p, "out of memory");
        q->peers = more;
    }
    p->peer = &q->peers[q->n_peers++];
    *p->peer = (struct wg_quick_peer){.line = q->line};
    p->in_interface = false;
    name_from(p->comment, p->peer->name);
    p->comment.n = 0;
    return true;
}

static bool section(struct parse *p, struct words w)
{
    if (is(w, "[Peer]"))
        return begin_peer(p);
    if (!is(w, "[Interface]"))
        return fail(p, "a section is [Interface] or [Peer]");
    p->in_interface = true;
    p->comment.n = 0;
    return true;
}

/* A comment stands before its peer, or is the first thing in it. */
static void comment(struct parse *p, struct words w)
{
    p->comment = trim(w.s + 1, w.n - 1);
    if (!p->in_interface && p->peer && !p->peer->name[0]) {
        name_from(p->comment, p->peer->name);
        p->comment.n = 0;
    }
}

static bool line(struct parse *p, struct words w)
{
    const char *hash = memchr(w.s, '#', w.n), *eq;
    if (w.n == 0)
        return true;
    if (hash == w.s) {
        comment(p, w);
        return true;
    }
    if (hash)
        w = trim(w.s, (size_t)(hash - w.s));
    if (w.s[0] == '[')
        return section(p, w);
    if (!(eq = memchr(w.s, '=', w.n)) || (!p->in_interface && !p->peer))
        return fail(p, "this is not a line of a WireGuard configuration");
    struct words key = trim(w.s, (size_t)(eq - w.s));
    struct words value = trim(eq + 1, (size_t)(w.s + w.n - eq - 1));
    return p->in_interface ? interface_line(p, key, value) : peer_line(p, key, value);
}

static bool complete(struct parse *p)
{
    static const struct wg_key none;
    for (size_t i = 0; i < p->q->n_peers; i++)
        if (memcmp(&p->q->peers[i].key, &none, sizeof none) == 0) {
            p->q->line = p->q->peers[i].line;
            return fail(p, "this peer has no PublicKey");
        }
    return true;
}

int wg_quick_parse(const char *text, size_t len, struct wg_quick *out)
{
    const char *end = text + len;
    struct parse p = {.q = out};
    *out = (struct wg_quick){0};
    for (size_t n; text < end; text += n + 1) {
        const char *eol = memchr(text, '\n', (size_t)(end - text));
        n = (size_t)((eol ? eol : end) - text);
        out->line++;
        if (!line(&p, trim(text, n)))
            return -1;
    }
    if (!complete(&p))
        return -1;
    name_peers(out);
    return 0;
}

void wg_quick_clear(struct wg_quick *q)
{
    if (q->peers)
        explicit_bzero(q->peers, q->n_peers * sizeof *q->peers);
    free(q->peers);
    explicit_bzero(q, sizeof *q);
}
