/* SPDX-License-Identifier: GPL-2.0-or-later */
/* gateway.conf: `attempts { ... }` and `metrics IF { ... }`. */
#include <sodium.h>
#include <stdio.h>
#include <string.h>

#include "policy/address.h"
#include "policy/lang.h"

static struct gateway_conf *conf(struct parser *p) { return p->gateway; }

/* The outlet at hand: the last one that was begun. */
static struct outlet *outlet(struct parser *p) { return &conf(p)->outlets[conf(p)->n_outlets - 1]; }

/* ---- addresses with ports ------------------------------------------------------------------- */

static bool port_read(const char *s, size_t len, uint16_t *port)
{
    int64_t n;

    if (!number_read(s, len, &n) || n < 1 || n > 65535)
        return false;
    *port = (uint16_t)n;
    return true;
}

/* "10.20.0.5:514", "[fd20::5]:514" */
static bool socket_read(const char *s, size_t len, struct ip_addr *addr, uint16_t *port)
{
    const char *colon = memrchr(s, ':', len);
    size_t host = colon ? (size_t)(colon - s) : 0;

    if (!colon || !port_read(colon + 1, len - host - 1, port))
        return false;
    if (host > 2 && s[0] == '[' && s[host - 1] == ']')
        return ip_parse(s + 1, host - 2, addr) && addr->family == 6;
    return ip_parse(s, host, addr) && addr->family == 4;
}

static bool parse_socket(struct parser *p, struct ip_addr *addr, uint16_t *port)
{
    struct token t = p->tok;
    char shown[QUOTED];

    if (t.kind != TOK_WORD || !socket_read(t.s, t.len, addr, port))
        return parse_fail_at(p, &t, "like 10.20.0.5:514 or [fd20::5]:514",
                             "'%s' is not an address with its port",
                             diag_quote(t.s, t.len, shown));
    parse_advance(p);
    return true;
}

/* ---- syslog --------------------------------------------------------------------------------- */

static bool parse_path(struct parser *p, char out[OUTLET_PATH])
{
    struct token t = p->tok;

    if ((t.kind != TOK_WORD && t.kind != TOK_STRING) || t.len == 0 || t.s[0] != '/')
        return parse_fail(p, "like /dev/log", "the path of a socket expected");
    if (t.len >= OUTLET_PATH)
        return parse_fail_at(p, &t, "", "a socket's path has at most %d characters",
                             OUTLET_PATH - 1);
    if (t.kind == TOK_STRING)
        return parse_string(p, "the path of a socket", out, OUTLET_PATH);
    memcpy(out, t.s, t.len);
    out[t.len] = '\0';
    parse_advance(p);
    return true;
}

/* Begins an outlet; false when there is no room. */
static bool begin(struct parser *p)
{
    if (conf(p)->n_outlets == OUTLETS_MAX)
        return parse_fail_at(p, &p->last, "", "more than %d outlets", OUTLETS_MAX);
    conf(p)->n_outlets++;
    *outlet(p) = (struct outlet){0};
    return true;
}

static void refuse_twice(struct parser *p, const struct token *at)
{
    char name[OUTLET_NAME];

    for (uint32_t i = 0; i + 1 < conf(p)->n_outlets; i++)
        if (outlet_equal(&conf(p)->outlets[i], outlet(p)))
            parse_fail_at(p, at, "", "'%.80s' is given twice", outlet_name(outlet(p), name));
}

/* What is not whole does not count. */
static void end(struct parser *p, const struct token *at, size_t errors)
{
    if (p->diags->errors == errors)
        refuse_twice(p, at);
    else if (conf(p)->n_outlets > 0)
        conf(p)->n_outlets--;
}

static void attempts_syslog(struct parser *p)
{
    struct token at = p->last;
    size_t errors = p->diags->errors;

    if (!begin(p))
        return;
    struct outlet *o = outlet(p);
    o->kind = take_word(p, "unix") ? OUTLET_UNIX : take_word(p, "udp") ? OUTLET_UDP : OUTLET_TCP;
    if (o->kind == OUTLET_UNIX)
        parse_path(p, o->path);
    else if (o->kind == OUTLET_UDP || take_word(p, "tcp"))
        parse_socket(p, &o->addr, &o->port);
    else
        parse_fail(p, "like: syslog udp 10.20.0.5:514", "'unix', 'udp' or 'tcp' expected");
    end(p, &at, errors);
}

/* ---- webhook -------------------------------------------------------------------------------- */

#define URL_HINT "like \"https://siem.example.com/portcullis\""

/* Letters, digits, dots and dashes, or an address. */
static bool host_read(struct outlet *o, const char *s, size_t len)
{
    bool six = len > 2 && s[0] == '[' && s[len - 1] == ']';

    if (six) {
        s++;
        len -= 2;
    }
    if (len == 0 || len >= OUTLET_HOST)
        return false;
    bool address = ip_parse(s, len, &o->addr), letter = false;
    for (size_t i = 0; i < len && !address; i++) {
        if (!strchr("abcdefghijklmnopqrstuvwxyz0123456789.-", s[i]))
            return false;
        letter = letter || (s[i] >= 'a' && s[i] <= 'z');
    }
    if (six != (address && o->addr.family == 6) || (!address && !letter))
        return false;
    memcpy(o->host, s, len);
    o->host[len] = '\0';
    return s[0] != '-' && s[0] != '.';
}

static bool authority_read(struct outlet *o, const char *s, size_t len)
{
    const char *bracket = memrchr(s, ']', len);
    const char *from = bracket ? bracket : s;
    const char *colon = memchr(from, ':', len - (size_t)(from - s));

    o->port = o->tls ? 443 : 80;
    if (colon && !port_read(colon + 1, len - (size_t)(colon - s) - 1, &o->port))
        return false;
    return host_read(o, s, colon ? (size_t)(colon - s) : len);
}

/* Printable ASCII without what ends a request line; no user, no fragment. */
static bool url_bytes(const char *s)
{
    for (; *s; s++)
        if (*s <= ' ' || *s > '~' || strchr("\"\\<>^`{|}@#", *s))
            return false;
    return true;
}

static bool url_read(struct outlet *o)
{
    const char *rest = o->url;
    size_t n;

    o->tls = strncmp(rest, "https://", 8) == 0;
    if (!url_bytes(rest) || (!o->tls && strncmp(rest, "http://", 7) != 0))
        return false;
    rest += o->tls ? 8 : 7;
    n = strcspn(rest, "/?");
    o->target[0] = '/';
    memcpy(o->target + (rest[n] != '/'), rest + n, strlen(rest + n) + 1);
    return authority_read(o, rest, n);
}

static bool parse_url(struct parser *p)
{
    struct token t = p->tok;
    char shown[QUOTED];

    if (t.kind != TOK_STRING)
        return parse_fail(p, URL_HINT, "a URL in quotes expected");
    diag_quote(t.s, t.len, shown);
    if (!parse_string(p, "a URL", outlet(p)->url, OUTLET_URL))
        return false;
    if (!url_read(outlet(p)))
        return parse_fail_at(p, &t, URL_HINT, "'%s' is not a URL to send to", shown);
    if (!outlet(p)->tls && outlet(p)->addr.family == 0)
        return parse_fail_at(p, &t, "use https://, or an address of the office",
                             "without TLS a webhook is named by its address");
    return true;
}

/* A file beside this one, by its name alone: what it may be called is in its ending. */
static void parse_file_name(struct parser *p, const char *word, const char *ending,
                            char out[NAME_SIZE])
{
    bool seen = out[0] != '\0';
    struct token t = p->tok;
    size_t n = strlen(ending);

    if (!parse_once(p, &seen, word) || !parse_name(p, "a file beside gateway.conf", out))
        return;
    if (t.len <= n || memcmp(t.s + t.len - n, ending, n) != 0) {
        out[0] = '\0';
        parse_fail_at(p, &t, "it lies beside gateway.conf and is named without a folder",
                      "the name of this file ends in %s", ending);
    }
}

static void webhook_key(struct parser *p)
{
    parse_file_name(p, "key-file", ".key", outlet(p)->key_file);
}

static void webhook_ca(struct parser *p)
{
    parse_file_name(p, "ca-file", ".pem", outlet(p)->ca_file);
}

static void attempts_webhook(struct parser *p)
{
    static const struct statement body[] = {
        {"key-file", webhook_key}, {"ca-file", webhook_ca}, {NULL, NULL}};
    struct token at = p->last;
    size_t errors = p->diags->errors;

    if (!begin(p))
        return;
    outlet(p)->kind = OUTLET_WEBHOOK;
    if (parse_url(p) && at_sign(p, "{"))
        parse_block(p, "a webhook", body);
    if (p->diags->errors == errors && outlet(p)->key_file[0] == '\0')
        parse_fail_at(p, &at, "{ key-file webhook.key }", "a webhook needs a key to sign with");
    end(p, &at, errors);
}

void parse_attempts(struct parser *p)
{
    static const struct statement body[] = {
        {"syslog", attempts_syslog}, {"webhook", attempts_webhook}, {NULL, NULL}};

    parse_block(p, "attempts", body);
}

/* ---- metrics -------------------------------------------------------------------------------- */

static struct metrics_conf *metrics(struct parser *p) { return &conf(p)->metrics; }

static void metrics_listen(struct parser *p)
{
    bool seen = metrics(p)->port != 0;

    if (parse_once(p, &seen, "listen"))
        parse_socket(p, &metrics(p)->addr, &metrics(p)->port);
}

static bool parse_from(struct parser *p)
{
    struct token t = p->tok;
    struct ip_prefix *slot = &metrics(p)->from[metrics(p)->n_from];
    char shown[QUOTED];

    if (metrics(p)->n_from == METRICS_FROM_MAX)
        return parse_fail(p, "", "more than %d addresses", METRICS_FROM_MAX);
    if (t.kind == TOK_WORD && ip_parse(t.s, t.len, &slot->addr))
        slot->len = slot->addr.family == 4 ? 32 : 128;
    else if (t.kind != TOK_WORD || !prefix_parse(t.s, t.len, slot) || slot->len == 0)
        return parse_fail_at(p, &t, "like 10.20.0.5 or 10.20.0.0/24",
                             "'%s' is not an address or network",
                             diag_quote(t.s, t.len, shown));
    metrics(p)->n_from++;
    parse_advance(p);
    return true;
}

static void metrics_from(struct parser *p)
{
    do
        if (!parse_from(p))
            return;
    while (take_sign(p, ","));
}

static bool office_named(const struct gateway_conf *c, const struct token *t)
{
    for (uint32_t i = 0; i < c->tunnel.n_office; i++)
        if (token_is(t, c->tunnel.office[i].name))
            return true;
    return false;
}

static void check_metrics(struct parser *p, const struct token *at)
{
    const struct metrics_conf *m = metrics(p);

    if (m->port == 0)
        parse_fail_at(p, at, "listen 10.20.0.1:9100", "the metrics name no address to listen on");
    else if (m->n_from == 0)
        parse_fail_at(p, at, "from 10.20.0.5", "the metrics do not say who may read them");
    for (uint32_t i = 0; i < m->n_from; i++)
        if (m->from[i].addr.family != m->addr.family)
            parse_fail_at(p, at, "", "'listen' and 'from' are of one family, IPv4 or IPv6");
}

void parse_metrics(struct parser *p)
{
    static const struct statement body[] = {
        {"listen", metrics_listen}, {"from", metrics_from}, {NULL, NULL}};
    bool seen = metrics(p)->iface[0] != '\0';
    struct token t = p->tok;
    char shown[QUOTED];

    if (!parse_once(p, &seen, "metrics"))
        return;
    if (t.kind != TOK_WORD || !office_named(conf(p), &t)) {
        parse_fail_at(p, &t, "name the office interface first, by 'office'",
                      "'%s' is not an office interface of this gateway",
                      diag_quote(t.s, t.len, shown));
        return;
    }
    size_t errors = p->diags->errors;
    memcpy(metrics(p)->iface, t.s, t.len);
    parse_advance(p);
    parse_block(p, "metrics", body);
    if (p->diags->errors == errors)
        check_metrics(p, &t);
}

/* ---- names ---------------------------------------------------------------------------------- */

/* Path and query may hold a secret: a hash tells two of one host apart. */
static void webhook_name(const struct outlet *o, char out[OUTLET_NAME])
{
    uint8_t hash[crypto_hash_sha256_BYTES];
    bool six = o->addr.family == 6;

    crypto_hash_sha256(hash, (const uint8_t *)o->url, strlen(o->url));
    snprintf(out, OUTLET_NAME, "webhook %s://%s%s%s:%u #%02x%02x%02x%02x",
             o->tls ? "https" : "http", six ? "[" : "", o->host, six ? "]" : "", o->port, hash[0],
             hash[1], hash[2], hash[3]);
}

const char *outlet_name(const struct outlet *o, char out[OUTLET_NAME])
{
    char addr[ADDR_TEXT] = "";
    bool six = o->addr.family == 6;

    if (o->kind == OUTLET_UNIX)
        snprintf(out, OUTLET_NAME, "syslog unix %s", o->path);
    else if (o->kind == OUTLET_WEBHOOK)
        webhook_name(o, out);
    else
        snprintf(out, OUTLET_NAME, "syslog %s %s%s%s:%u", o->kind == OUTLET_UDP ? "udp" : "tcp",
                 six ? "[" : "", ip_print(&o->addr, addr), six ? "]" : "", o->port);
    return out;
}

bool outlet_equal(const struct outlet *a, const struct outlet *b)
{
    char one[OUTLET_NAME], other[OUTLET_NAME];

    return strcmp(outlet_name(a, one), outlet_name(b, other)) == 0;
}
