/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The text of WireGuard's cross-platform protocol (wireguard.com/xplatform): requests built, and
 * replies parsed strictly. A reply is "key=value" lines, then "errno=N" and an empty line; a key
 * that is unknown, in the wrong place or there twice, or a value with one byte too many, refuses
 * the whole reply. No I/O.
 */
#include "kernel_rules/wireguard_parts.h"

#include "policy/address.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <sodium.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/* ---- building ------------------------------------------------------------------------- */

struct text { char *s; size_t len; bool full; };

__attribute__((format(printf, 2, 3))) static void say(struct text *t, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    int n = vsnprintf(t->s + t->len, WG_REQUEST_SIZE - t->len, fmt, ap);
    va_end(ap);
    if (n < 0 || (size_t)n >= WG_REQUEST_SIZE - t->len)
        t->full = true;
    else
        t->len += (size_t)n;
}

static void say_key(struct text *t, const char *name, const struct wg_key *k)
{
    char hex[2 * sizeof k->b + 1];
    sodium_bin2hex(hex, sizeof hex, k->b, sizeof k->b);
    say(t, "%s=%s\n", name, hex);
    explicit_bzero(hex, sizeof hex);
}

static void say_allowed(struct text *t, const struct ip_addr *a)
{
    char addr[ADDR_TEXT];
    if (a->family != 0)
        say(t, "allowed_ip=%s/%d\n", ip_print(a, addr), a->family == 4 ? 32 : 128);
}

static int finish(struct text *t)
{
    say(t, "\n");
    return t->full ? -EMSGSIZE : (int)t->len;
}

int wg_uapi_build_device(char *text, const struct wg_key *private_key, const uint16_t *port)
{
    struct text t = {.s = text};
    say(&t, "set=1\n");
    if (private_key)
        say_key(&t, "private_key", private_key);
    if (port)
        say(&t, "listen_port=%u\n", *port);
    say(&t, "fwmark=0\n");
    return finish(&t);
}

int wg_uapi_build_put(char *text, const struct device *d, size_t n,
                      const struct wg_preshared_keys *keys)
{
    struct text t = {.s = text};
    say(&t, "set=1\n");
    for (size_t i = 0; i < n; i++) {
        say_key(&t, "public_key", &d[i].key);
        say_key(&t, "preshared_key", wg_preshared_of(keys, &d[i].key));
        say(&t, "replace_allowed_ips=true\n");
        say_allowed(&t, &d[i].addr4);
        say_allowed(&t, &d[i].addr6);
    }
    return finish(&t);
}

int wg_uapi_build_end(char *text, const struct wg_key *keys, size_t n, enum wg_end how)
{
    struct text t = {.s = text};
    say(&t, "set=1\n");
    for (size_t i = 0; i < n; i++) {
        say_key(&t, "public_key", &keys[i]);
        say(&t, "update_only=true\n%s=true\n", how == WG_REMOVE ? "remove" : "replace_allowed_ips");
    }
    return finish(&t);
}

/* ---- values --------------------------------------------------------------------------- */

/* A decimal without sign, leading zero or anything after it. */
static bool take_number(const char *s, size_t n, uint64_t max, uint64_t *out)
{
    uint64_t v = 0;
    if (n == 0 || (n > 1 && s[0] == '0'))
        return false;
    for (size_t i = 0; i < n; i++) {
        if (s[i] < '0' || s[i] > '9')
            return false;
        if (__builtin_mul_overflow(v, 10u, &v) ||
            __builtin_add_overflow(v, (uint64_t)(s[i] - '0'), &v) || v > max)
            return false;
    }
    *out = v;
    return true;
}

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static bool take_hex_key(const char *s, size_t n, struct wg_key *out)
{
    if (n != 2 * sizeof out->b)
        return false;
    for (size_t i = 0; i < sizeof out->b; i++) {
        int high = hex_digit(s[2 * i]), low = hex_digit(s[2 * i + 1]);
        if (high < 0 || low < 0)
            return false;
        out->b[i] = (uint8_t)(high << 4 | low);
    }
    return true;
}

/* ---- lines ---------------------------------------------------------------------------- */

struct reply {
    struct wg_state *out;      /* NULL: only the status is expected */
    struct wg_collect collect;
    struct wg_peer *peer;      /* the one being described, NULL before the first */
    uint32_t seen;             /* keys that this section already had */
    bool ended;
    int status;                /* of errno=, as a negative errno */
    int failure;               /* ENOMEM, told apart from a bad reply */
};

static bool on_private_key(struct reply *r, const char *v, size_t n)
{
    struct wg_key k;
    bool ok = take_hex_key(v, n, &k);
    if (ok && !sodium_is_zero(k.b, sizeof k.b))
        ok = crypto_scalarmult_curve25519_base(r->out->public_key.b, k.b) == 0;
    explicit_bzero(&k, sizeof k);
    return ok;
}

static bool on_listen_port(struct reply *r, const char *v, size_t n)
{
    uint64_t port = 0;
    bool ok = take_number(v, n, UINT16_MAX, &port);
    r->out->listen_port = (uint16_t)port;
    return ok;
}

static bool on_fwmark(struct reply *r, const char *v, size_t n)
{
    uint64_t mark = 0;
    bool ok = take_number(v, n, UINT32_MAX, &mark);
    r->out->fwmark = (uint32_t)mark;
    return ok;
}

static bool on_u16(struct reply *r, const char *v, size_t n)
{
    uint64_t ignored;
    (void)r;
    return take_number(v, n, UINT16_MAX, &ignored);
}

static bool on_public_key(struct reply *r, const char *v, size_t n)
{
    struct wg_key k;
    if (!take_hex_key(v, n, &k))
        return false;
    r->peer = wg_collect_peer(&r->collect, &k);
    r->seen = 0;
    if (!r->peer)
        r->failure = -ENOMEM;
    return r->peer != NULL;
}

static bool on_preshared_key(struct reply *r, const char *v, size_t n)
{
    struct wg_key k;
    bool ok = take_hex_key(v, n, &k);
    if (ok)
        wg_collect_preshared(&r->collect, r->peer, &k);
    explicit_bzero(&k, sizeof k);
    return ok;
}

/* "192.0.2.1", "2001:db8::1", "fe80::1%eth0" (the zone is not kept), "::ffff:192.0.2.1" (as v4). */
static bool take_host(const char *s, size_t n, struct ip_addr *out)
{
    char host[INET6_ADDRSTRLEN];
    struct in6_addr a6;
    const char *zone = memchr(s, '%', n);
    size_t len = zone ? (size_t)(zone - s) : n;

    if (zone && (n - len < 2 || n - len > IFACE_SIZE))
        return false;
    for (size_t i = len + 1; zone && i < n; i++)
        if (s[i] <= ' ' || s[i] > '~' || s[i] == '/' || s[i] == '%')
            return false;
    if (ip_parse(s, len, out))
        return !zone || out->family == 6;
    if (zone || len >= sizeof host)
        return false;
    memcpy(host, s, len);
    host[len] = 0;
    if (strlen(host) != len || inet_pton(AF_INET6, host, &a6) != 1 || !IN6_IS_ADDR_V4MAPPED(&a6))
        return false;
    *out = (struct ip_addr){.family = 4};
    memcpy(out->b, &a6.s6_addr[12], 4);
    return true;
}

static bool on_endpoint(struct reply *r, const char *v, size_t n)
{
    uint64_t port;
    const char *colon = memrchr(v, ':', n);
    if (!colon)
        return false;
    size_t host = (size_t)(colon - v);
    if (!take_number(colon + 1, n - host - 1, UINT16_MAX, &port))
        return false;
    bool brackets = host > 2 && v[0] == '[' && v[host - 1] == ']';
    if (brackets ? !take_host(v + 1, host - 2, &r->peer->endpoint)
                 : !take_host(v, host, &r->peer->endpoint) || r->peer->endpoint.family != 4)
        return false;
    r->peer->endpoint_port = (uint16_t)port;
    return true;
}

static bool on_protocol_version(struct reply *r, const char *v, size_t n)
{
    (void)r;
    return n == 1 && v[0] == '1';
}

static bool on_handshake_sec(struct reply *r, const char *v, size_t n)
{
    uint64_t s = 0;
    bool ok = take_number(v, n, INT64_MAX, &s);
    r->peer->last_handshake.s = (int64_t)s;
    return ok;
}

static bool on_handshake_nsec(struct reply *r, const char *v, size_t n)
{
    uint64_t ignored;
    (void)r;
    return take_number(v, n, 999999999, &ignored);
}

static bool on_rx_bytes(struct reply *r, const char *v, size_t n)
{
    return take_number(v, n, UINT64_MAX, &r->peer->rx_bytes);
}

static bool on_tx_bytes(struct reply *r, const char *v, size_t n)
{
    return take_number(v, n, UINT64_MAX, &r->peer->tx_bytes);
}

static bool on_allowed_ip(struct reply *r, const char *v, size_t n)
{
    struct ip_addr a;
    uint64_t len;
    const char *slash = memchr(v, '/', n);
    if (!slash || !ip_parse(v, (size_t)(slash - v), &a) ||
        !take_number(slash + 1, n - (size_t)(slash - v) - 1, a.family == 4 ? 32 : 128, &len))
        return false;
    wg_peer_allow(r->peer, &a, (uint8_t)len);
    return true;
}

/* wireguard-go writes its errors negative, the specification positive: both are taken. */
static bool on_errno(struct reply *r, const char *v, size_t n)
{
    uint64_t e;
    bool minus = n > 1 && v[0] == '-';
    if (!take_number(v + minus, n - minus, 4095, &e) || (minus && e == 0))
        return false;
    r->status = -(int)e;
    r->ended = true;
    return true;
}

enum place { DEVICE, PEER, BEGINS_PEER, ANYWHERE };

static const struct line_key {
    const char *name;
    enum place place;
    bool repeats;
    bool (*take)(struct reply *r, const char *value, size_t len);
} line_keys[] = {
    {"allowed_ip", PEER, true, on_allowed_ip},
    {"endpoint", PEER, false, on_endpoint},
    {"errno", ANYWHERE, false, on_errno},
    {"fwmark", DEVICE, false, on_fwmark},
    {"last_handshake_time_nsec", PEER, false, on_handshake_nsec},
    {"last_handshake_time_sec", PEER, false, on_handshake_sec},
    {"listen_port", DEVICE, false, on_listen_port},
    {"persistent_keepalive_interval", PEER, false, on_u16},
    {"preshared_key", PEER, false, on_preshared_key},
    {"private_key", DEVICE, false, on_private_key},
    {"protocol_version", PEER, false, on_protocol_version},
    {"public_key", BEGINS_PEER, true, on_public_key},
    {"rx_bytes", PEER, false, on_rx_bytes},
    {"tx_bytes", PEER, false, on_tx_bytes},
};

static const struct line_key *find_key(const char *name, size_t len)
{
    for (size_t i = 0; i < sizeof line_keys / sizeof line_keys[0]; i++)
        if (strlen(line_keys[i].name) == len && memcmp(line_keys[i].name, name, len) == 0)
            return &line_keys[i];
    return NULL;
}

static bool belongs_here(const struct reply *r, const struct line_key *k)
{
    if (!r->out && k->place != ANYWHERE)
        return false;
    if (!k->repeats && (r->seen & 1u << (k - line_keys)))
        return false;
    return k->place == DEVICE ? !r->peer : k->place != PEER || r->peer;
}

static bool take_line(struct reply *r, const char *line, size_t len)
{
    const char *eq = memchr(line, '=', len);
    if (!eq)
        return false;
    const struct line_key *k = find_key(line, (size_t)(eq - line));
    if (!k || !belongs_here(r, k))
        return false;
    r->seen |= 1u << (k - line_keys);
    return k->take(r, eq + 1, len - (size_t)(eq - line) - 1);
}

/* Lines up to and including errno=, then the empty line, then nothing. */
static int take_reply(struct reply *r, const char *text, size_t len)
{
    const char *end = text + len;
    while (!r->ended) {
        const char *eol = memchr(text, '\n', (size_t)(end - text));
        if (!eol || !take_line(r, text, (size_t)(eol - text)))
            return r->failure ? r->failure : -EBADMSG;
        text = eol + 1;
    }
    if (end - text != 1 || *text != '\n')
        return -EBADMSG;
    return r->status;
}

int wg_uapi_parse(const char *text, size_t len, const struct wg_preshared_keys *keys,
                  struct wg_state *out)
{
    *out = (struct wg_state){0};
    struct reply r = {.out = out, .collect = {.state = out, .preshared = keys}};
    int rc = take_reply(&r, text, len);
    if (rc == 0)
        rc = wg_collect_finish(&r.collect);
    if (rc < 0)
        wg_state_clear(out);
    return rc;
}

/* Where a line that begins with the rest of `line` (behind its first byte, a newline) begins. */
static const char *find_line(const char *text, size_t len, const char *line)
{
    size_t n = strlen(line);
    if (len >= n - 1 && memcmp(text, line + 1, n - 1) == 0)
        return text;
    const char *found = memmem(text, len, line, n);
    return found ? found + 1 : NULL;
}

/* A reply is whole when it ends with its status and an empty line. */
int wg_uapi_count(const char *text, size_t len, const struct wg_key *keys, size_t n,
                  uint32_t *there)
{
    const char *status = find_line(text, len, "\nerrno=");
    char line[sizeof "\npublic_key=\n" + 2 * sizeof keys->b], hex[2 * sizeof keys->b + 1];
    *there = 0;
    if (!status)
        return -EBADMSG;
    for (size_t i = 0; i < n; i++) {
        sodium_bin2hex(hex, sizeof hex, keys[i].b, sizeof keys[i].b);
        snprintf(line, sizeof line, "\npublic_key=%s\n", hex);
        *there += find_line(text, len, line) != NULL;
    }
    return wg_uapi_parse_status(status, len - (size_t)(status - text));
}

int wg_uapi_parse_status(const char *text, size_t len)
{
    struct reply r = {0};
    return take_reply(&r, text, len);
}
