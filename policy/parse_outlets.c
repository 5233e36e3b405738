/* SPDX-License-Identifier: GPL-2.0-or-later */
/* gateway.conf: `attempts { ... }`. */
#include <sodium.h>
#include <stdio.h>
#include <string.h>

#include "policy/address.h"
#include "policy/lang.h"

static struct gateway_conf *conf(struct parser *p) { return p->gateway; }

/* The outlet at hand: the last one that was begun. */
static struct outlet *outlet(struct parser *p) { return &conf(p)->outlets[conf(p)->n_outlets - 1]; }

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

/* A name, or an address: of IPv6 in brackets. */
static bool url_host(struct outlet *o, const char *s, size_t len)
{
    bool six = len > 2 && s[0] == '[' && s[len - 1] == ']';

    if (six) {
        s++;
        len -= 2;
    }
    return host_read(s, len, o->host, &o->addr) && six == (o->addr.family == 6);
}

static bool authority_read(struct outlet *o, const char *s, size_t len)
{
    const char *bracket = memrchr(s, ']', len);
    const char *from = bracket ? bracket : s;
    const char *colon = memchr(from, ':', len - (size_t)(from - s));

    o->port = o->tls ? 443 : 80;
    if (colon && !port_read(colon + 1, len - (size_t)(colon - s) - 1, &o->port))
        return false;
    return url_host(o, s, colon ? (size_t)(colon - s) : len);
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
