/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * gateway.conf: `metrics IF { ... }`, `console IF { ... }`, `enrol { ... }`, `tls { ... }`, and of
 * the tunnel `endpoint HOST:PORT` and `dns ADDRESS, ...`.
 */
#include <stdio.h>
#include <string.h>

#include "policy/address.h"
#include "policy/lang.h"

static struct gateway_conf *conf(struct parser *p) { return p->gateway; }

/* ---- doors on office interfaces ------------------------------------------------------------- */

static bool parse_from(struct parser *p, struct door_conf *d)
{
    struct token t = p->tok;
    struct ip_prefix *slot = &d->from[d->n_from];
    char shown[QUOTED];

    if (d->n_from == DOOR_FROM_MAX)
        return parse_fail(p, "", "more than %d addresses", DOOR_FROM_MAX);
    if (t.kind == TOK_WORD && ip_parse(t.s, t.len, &slot->addr))
        slot->len = slot->addr.family == 4 ? 32 : 128;
    else if (t.kind != TOK_WORD || !prefix_parse(t.s, t.len, slot) || slot->len == 0)
        return parse_fail_at(p, &t, "like 10.20.0.5 or 10.20.0.0/24",
                             "'%s' is not an address or network",
                             diag_quote(t.s, t.len, shown));
    d->n_from++;
    parse_advance(p);
    return true;
}

static void door_from(struct parser *p, struct door_conf *d)
{
    do
        if (!parse_from(p, d))
            return;
    while (take_sign(p, ","));
}

static void door_listen(struct parser *p, struct door_conf *d)
{
    bool seen = d->port != 0;

    if (parse_once(p, &seen, "listen"))
        parse_socket(p, &d->addr, &d->port);
}

static bool office_named(const struct gateway_conf *c, const struct token *t)
{
    for (uint32_t i = 0; i < c->tunnel.n_office; i++)
        if (token_is(t, c->tunnel.office[i].name))
            return true;
    return false;
}

static bool same_door(const struct door_conf *a, const struct door_conf *b)
{
    return a->port != 0 && a->port == b->port && ip_cmp(&a->addr, &b->addr) == 0;
}

static void check_door(struct parser *p, const struct token *at, const struct door_conf *d,
                       const char *name, const char *example)
{
    if (d->port == 0)
        parse_fail_at(p, at, example, "'%s' names no address to listen on", name);
    else if (d->n_from == 0)
        parse_fail_at(p, at, "from 10.20.0.5, or a network", "'%s' does not say for whom it is",
                      name);
    for (uint32_t i = 0; i < d->n_from; i++)
        if (d->from[i].addr.family != d->addr.family)
            parse_fail_at(p, at, "", "'listen' and 'from' are of one family, IPv4 or IPv6");
    if (same_door(&conf(p)->metrics, &conf(p)->console))
        parse_fail_at(p, at, "give it another port",
                      "metrics and console have the same address and port");
}

/* A block IF { listen ... from ... } that stands once. */
static void parse_door(struct parser *p, struct door_conf *d, const char *name,
                       const char *example, const struct statement *body)
{
    bool seen = d->iface[0] != '\0';
    struct token t = p->tok;
    size_t errors = p->diags->errors;
    char shown[QUOTED];

    if (!parse_once(p, &seen, name))
        return;
    if (t.kind != TOK_WORD || !office_named(conf(p), &t)) {
        parse_fail_at(p, &t, "name the office interface first, by 'office'",
                      "'%s' is not an office interface of this gateway",
                      diag_quote(t.s, t.len, shown));
        return;
    }
    memcpy(d->iface, t.s, t.len);
    parse_advance(p);
    parse_block(p, name, body);
    if (p->diags->errors == errors)
        check_door(p, &t, d, name, example);
}

static void metrics_listen(struct parser *p) { door_listen(p, &conf(p)->metrics); }
static void metrics_from(struct parser *p) { door_from(p, &conf(p)->metrics); }
static void console_listen(struct parser *p) { door_listen(p, &conf(p)->console); }
static void console_from(struct parser *p) { door_from(p, &conf(p)->console); }

void parse_metrics(struct parser *p)
{
    static const struct statement body[] = {
        {"listen", metrics_listen}, {"from", metrics_from}, {NULL, NULL}};

    parse_door(p, &conf(p)->metrics, "metrics", "listen 10.20.0.1:9100", body);
}

void parse_console(struct parser *p)
{
    static const struct statement body[] = {
        {"listen", console_listen}, {"from", console_from}, {NULL, NULL}};

    parse_door(p, &conf(p)->console, "console", "listen 10.20.0.1:8443", body);
}

/* ---- the door for invitations ---------------------------------------------------------------- */

static void enrol_listen(struct parser *p)
{
    bool seen = conf(p)->enrol_port != 0;
    int64_t n;

    if (parse_once(p, &seen, "listen") &&
        parse_number(p, "the TCP port of the outside interface", 1, 65535, &n))
        conf(p)->enrol_port = (uint16_t)n;
}

void parse_enrol(struct parser *p)
{
    static const struct statement body[] = {{"listen", enrol_listen}, {NULL, NULL}};
    struct token at = p->last;
    size_t errors = p->diags->errors;
    bool seen = conf(p)->enrol_port != 0;

    if (!parse_once(p, &seen, "enrol"))
        return;
    parse_block(p, "enrol", body);
    if (p->diags->errors == errors && conf(p)->enrol_port == 0)
        parse_fail_at(p, &at, "like: enrol { listen 8443 }", "enrol names no port to listen on");
}

/* ---- the certificate ------------------------------------------------------------------------- */

static void tls_name(struct parser *p)
{
    bool seen = conf(p)->tls.name[0] != '\0';
    struct token t = p->tok;
    struct ip_addr addr;
    char shown[QUOTED];

    if (!parse_once(p, &seen, "name"))
        return;
    if (t.kind != TOK_WORD || !host_read(t.s, t.len, conf(p)->tls.name, &addr)) {
        parse_fail_at(p, &t, "in small letters, like access.example.com",
                      "'%s' is not the name of a host", diag_quote(t.s, t.len, shown));
        return;
    }
    if (addr.family != 0) {
        parse_fail_at(p, &t, "like access.example.com; passkeys hold for names alone",
                      "'%s' is an address, not a name", diag_quote(t.s, t.len, shown));
        return;
    }
    parse_advance(p);
}

static void tls_certificate(struct parser *p)
{
    parse_file_name(p, "certificate", ".pem", conf(p)->tls.certificate);
}

static void tls_key(struct parser *p) { parse_file_name(p, "key", ".key", conf(p)->tls.key); }

void parse_tls(struct parser *p)
{
    static const struct statement body[] = {
        {"name", tls_name}, {"certificate", tls_certificate}, {"key", tls_key}, {NULL, NULL}};
    struct token at = p->last;
    size_t errors = p->diags->errors;

    if (!parse_once(p, &p->tls_seen, "tls"))
        return;
    parse_block(p, "tls", body);
    if (p->diags->errors > errors)
        return;
    if ((conf(p)->tls.certificate[0] == '\0') != (conf(p)->tls.key[0] == '\0'))
        parse_fail_at(p, &at, "name both files, or neither: then the gateway makes its own",
                      "a certificate and its key go together");
}

/* ---- what devices are told ------------------------------------------------------------------- */

/* "access.example.com:51820", "203.0.113.5", "[2001:db8::5]:51820", "2001:db8::5" */
static bool endpoint_read(const char *s, size_t len, struct handout *h)
{
    bool bracket = len > 0 && s[0] == '[';
    const char *end = bracket ? memchr(s, ']', len) : memchr(s, ':', len);
    size_t host = bracket ? 1 : 0, rest;
    struct ip_addr addr;

    if (!bracket && end && memchr(end + 1, ':', len - (size_t)(end - s) - 1))
        end = NULL; /* more than one colon: an address of IPv6 alone */
    if (bracket && !end)
        return false;
    size_t host_len = (end ? (size_t)(end - s) : len) - host;
    if (!host_read(s + host, host_len, h->endpoint, &addr) || (bracket && addr.family != 6))
        return false;
    rest = host + host_len + (bracket ? 1 : 0);
    return rest == len || (s[rest] == ':' && port_read(s + rest + 1, len - rest - 1,
                                                       &h->endpoint_port));
}

void tunnel_endpoint(struct parser *p)
{
    struct handout *h = &conf(p)->handout;
    bool seen = h->endpoint[0] != '\0';
    struct token t = p->tok;
    char shown[QUOTED];

    if (!parse_once(p, &seen, "endpoint"))
        return;
    if (t.kind != TOK_WORD || !endpoint_read(t.s, t.len, h))
        parse_fail_at(p, &t, "like access.example.com:51820, 203.0.113.5 or [2001:db8::5]:51820",
                      "'%s' is no host that devices can connect to",
                      diag_quote(t.s, t.len, shown));
    else
        parse_advance(p);
}

static bool dns_server(const struct ip_addr *a)
{
    static const uint8_t zero[16] = {0};
    uint8_t high = a->b[0];

    return memcmp(a->b, zero, a->family == 4 ? 4 : 15) != 0 &&
           (a->family == 4 ? high != 0 && high != 127 && high < 224 : high != 0xff);
}

static bool parse_dns(struct parser *p)
{
    struct handout *h = &conf(p)->handout;
    struct token t = p->tok;
    struct ip_addr a = {0};
    char shown[QUOTED];

    if (h->n_dns == HANDOUT_DNS_MAX)
        return parse_fail(p, "", "more than %d name servers", HANDOUT_DNS_MAX);
    if (t.kind != TOK_WORD || !ip_parse(t.s, t.len, &a) || !dns_server(&a))
        return parse_fail_at(p, &t, "like 10.20.0.53 or fd20::53",
                             "'%s' is not the address of a name server",
                             diag_quote(t.s, t.len, shown));
    h->dns[h->n_dns++] = a;
    parse_advance(p);
    return true;
}

void tunnel_dns(struct parser *p)
{
    bool seen = conf(p)->handout.n_dns > 0;

    if (!parse_once(p, &seen, "dns"))
        return;
    do
        if (!parse_dns(p))
            return;
    while (take_sign(p, ","));
}
