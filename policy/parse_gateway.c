/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * gateway.conf: gateway NAME { tunnel IF { listen PORT address A/N, B/N mtu N portal PORT }
 * outside IF  office IF { masquerade }  log { group N rate N }  clock ntp|host
 * keep { acts TIME packets TIME }  attempts { ... }  metrics IF { ... }  console IF { ... }
 * enrol { ... }  tls { ... } }: from `attempts` on they are in parse_outlets.c and parse_doors.c
 */
#include <stdio.h>
#include <string.h>

#include "policy/address.h"
#include "policy/lang.h"

#define MTU_MIN 1280 /* RFC 8200: the least that IPv6 asks of a link */
#define MTU_MAX 1500
#define MTU_DEFAULT 1420 /* 1500 less WireGuard over IPv6 */
#define PORTAL_DEFAULT 80
#define PORTAL_TLS_PORT 443
#define GROUP_DEFAULT 77
#define RATE_DEFAULT 100
#define RATE_MAX 10000
#define DAY 86400
#define KEEP_ACTS_DEFAULT (1826 * DAY) /* five years */
#define KEEP_PACKETS_DEFAULT (90 * DAY)
#define KEEP_MAX (36525ll * DAY)

static struct tunnel *tunnel(struct parser *p) { return &p->gateway->tunnel; }

/* A 16-bit number that is given once: 0 means not yet. */
static void parse_u16(struct parser *p, const char *word, const char *what, int64_t min,
                      int64_t max, uint16_t *out)
{
    bool seen = *out != 0;
    int64_t n;

    if (parse_once(p, &seen, word) && parse_number(p, what, min, max, &n))
        *out = (uint16_t)n;
}

/* ---- interfaces ---------------------------------------------------------------------------- */

static bool iface_used(const struct tunnel *t, const char *name)
{
    for (uint32_t i = 0; i < t->n_office; i++)
        if (strcmp(t->office[i].name, name) == 0)
            return true;
    return strcmp(t->iface, name) == 0 || strcmp(t->outside, name) == 0;
}

static bool iface_word(const struct token *t)
{
    if (t->kind != TOK_WORD || t->len >= IFACE_SIZE || token_is(t, ".") || token_is(t, ".."))
        return false;
    return !memchr(t->s, '/', t->len) && !memchr(t->s, ':', t->len) && !memchr(t->s, '[', t->len) &&
           !memchr(t->s, ']', t->len);
}

static bool parse_iface(struct parser *p, char out[IFACE_SIZE])
{
    struct token t = p->tok;
    char shown[QUOTED], name[IFACE_SIZE] = "";

    if (t.kind != TOK_WORD)
        return parse_fail(p, "", "the name of an interface expected");
    if (!iface_word(&t))
        return parse_fail_at(p, &t, "at most 15 letters, digits and . _ -",
                             "'%s' is not the name of an interface", diag_quote(t.s, t.len, shown));
    memcpy(name, t.s, t.len);
    if (iface_used(tunnel(p), name))
        return parse_fail_at(p, &t, "", "interface '%s' has a part already", name);
    memcpy(out, name, IFACE_SIZE);
    parse_advance(p);
    return true;
}

/* ---- tunnel -------------------------------------------------------------------------------- */

static bool unicast4(const uint8_t *b) { return b[0] != 0 && b[0] != 127 && b[0] < 224; }
static bool unicast6(const uint8_t *b)
{
    static const uint8_t low[15] = {0};

    return b[0] != 0xff && !(b[0] == 0xfe && (b[1] & 0xc0) == 0x80) &&
           memcmp(b, low, sizeof low) != 0;
}

static const char *own_address_fault(const struct ip_prefix *a)
{
    struct ip_range whole = prefix_range(a);
    bool six = a->addr.family == 6;

    if (!(six ? unicast6(a->addr.b) : unicast4(a->addr.b)))
        return "is no address that a gateway can have";
    if (six ? a->len < 32 || a->len > 126 : a->len < 8 || a->len > 30)
        return six ? "needs a prefix of /32 to /126" : "needs a prefix of /8 to /30";
    if (ip_cmp(&a->addr, &whole.first) == 0)
        return "is the network, not an address in it";
    if (!six && ip_cmp(&a->addr, &whole.last) == 0)
        return "is the broadcast address";
    return NULL;
}

static bool parse_own_address(struct parser *p)
{
    struct token t = p->tok;
    struct ip_prefix a, *slot;
    char shown[QUOTED];
    const char *fault;

    if (t.kind != TOK_WORD)
        return parse_fail(p, "like 10.77.0.1/16", "an address with its prefix expected");
    diag_quote(t.s, t.len, shown);
    if (!prefix_parse(t.s, t.len, &a))
        return parse_fail_at(p, &t, "like 10.77.0.1/16 or fd77:acc::1/64",
                             "'%s' is not an address with its prefix", shown);
    fault = own_address_fault(&a);
    if (fault)
        return parse_fail_at(p, &t, "", "'%s' %s", shown, fault);
    slot = a.addr.family == 4 ? &tunnel(p)->net4 : &tunnel(p)->net6;
    if (slot->addr.family != 0)
        return parse_fail_at(p, &t, "one for IPv4 and one for IPv6", "a second IPv%d address",
                             a.addr.family);
    *slot = a;
    parse_advance(p);
    return true;
}

static void tunnel_address(struct parser *p)
{
    do
        if (!parse_own_address(p))
            return;
    while (take_sign(p, ","));
}

static void tunnel_listen(struct parser *p)
{
    parse_u16(p, "listen", "the UDP port to listen on", 1, 65535, &tunnel(p)->listen_port);
}

static void tunnel_mtu(struct parser *p)
{
    parse_u16(p, "mtu", "the mtu", MTU_MIN, MTU_MAX, &tunnel(p)->mtu);
}

static void tunnel_portal(struct parser *p)
{
    parse_u16(p, "portal", "the portal's TCP port", 1, 65535, &tunnel(p)->portal_port);
}

static void tunnel_flowtable(struct parser *p)
{
    parse_once(p, &tunnel(p)->flowtable, "flowtable");
}

static void gateway_tunnel(struct parser *p)
{
    static const struct statement body[] = {{"listen", tunnel_listen},
                                            {"address", tunnel_address},
                                            {"mtu", tunnel_mtu},
                                            {"portal", tunnel_portal},
                                            {"endpoint", tunnel_endpoint},
                                            {"dns", tunnel_dns},
                                            {"flowtable", tunnel_flowtable},
                                            {NULL, NULL}};
    bool seen = tunnel(p)->iface[0] != '\0';

    if (parse_once(p, &seen, "tunnel") && parse_iface(p, tunnel(p)->iface))
        parse_block(p, "a tunnel", body);
}

/* ---- the other parts ----------------------------------------------------------------------- */

static void gateway_outside(struct parser *p)
{
    bool seen = tunnel(p)->outside[0] != '\0';

    if (parse_once(p, &seen, "outside"))
        parse_iface(p, tunnel(p)->outside);
}

static void office_masquerade(struct parser *p)
{
    parse_once(p, &tunnel(p)->office[tunnel(p)->n_office - 1].masquerade, "masquerade");
}

static void gateway_office(struct parser *p)
{
    static const struct statement body[] = {{"masquerade", office_masquerade}, {NULL, NULL}};
    struct tunnel *t = tunnel(p);

    if (t->n_office >= OFFICE_MAX) {
        parse_fail_at(p, &p->last, "", "more than %d office interfaces", OFFICE_MAX);
        return;
    }
    if (!parse_iface(p, t->office[t->n_office].name))
        return;
    t->n_office++;
    if (at_sign(p, "{"))
        parse_block(p, "an office interface", body);
}

static void log_group(struct parser *p)
{
    parse_u16(p, "group", "the NFLOG group", 1, 65534, &tunnel(p)->nflog_group);
}

static void log_rate(struct parser *p)
{
    bool seen = tunnel(p)->log_rate != 0;
    int64_t n;

    if (parse_once(p, &seen, "rate") && parse_number(p, "the rate per second", 1, RATE_MAX, &n))
        tunnel(p)->log_rate = (uint32_t)n;
}

static void gateway_log(struct parser *p)
{
    static const struct statement body[] = {{"group", log_group}, {"rate", log_rate}, {NULL, NULL}};

    parse_block(p, "log", body);
}

static void gateway_clock(struct parser *p)
{
    if (!parse_once(p, &p->clock_seen, "clock"))
        return;
    if (take_word(p, "host"))
        p->gateway->clock_host = true;
    else if (!take_word(p, "ntp"))
        parse_fail(p, "who keeps this machine's clock right", "'ntp' or 'host' expected");
}

static void keep_acts(struct parser *p)
{
    bool seen = p->gateway->keep_acts.s != 0;

    if (parse_once(p, &seen, "acts"))
        parse_duration(p, "how long acts are kept", 365 * DAY, KEEP_MAX, &p->gateway->keep_acts);
}

static void keep_packets(struct parser *p)
{
    bool seen = p->gateway->keep_packets.s != 0;

    if (parse_once(p, &seen, "packets"))
        parse_duration(p, "how long packets are kept", DAY, KEEP_MAX, &p->gateway->keep_packets);
}

static void gateway_keep(struct parser *p)
{
    static const struct statement body[] = {
        {"acts", keep_acts}, {"packets", keep_packets}, {NULL, NULL}};

    parse_block(p, "keep", body);
}

/* ---- the whole ----------------------------------------------------------------------------- */

static void require(struct parser *p, const struct token *at, bool given, const char *what)
{
    if (!given)
        diag_error(p->diags, at->pos, token_width(at), "", "this gateway names no %s", what);
}

static void set_defaults(struct gateway_conf *g)
{
    struct tunnel *t = &g->tunnel;

    g->keep_acts.s = g->keep_acts.s ? g->keep_acts.s : KEEP_ACTS_DEFAULT;
    g->keep_packets.s = g->keep_packets.s ? g->keep_packets.s : KEEP_PACKETS_DEFAULT;
    t->mtu = t->mtu ? t->mtu : MTU_DEFAULT;
    t->portal_port = t->portal_port ? t->portal_port : PORTAL_DEFAULT;
    t->portal_tls_port = g->tls.name[0] ? PORTAL_TLS_PORT : 0;
    t->nflog_group = t->nflog_group ? t->nflog_group : GROUP_DEFAULT;
    t->log_rate = t->log_rate ? t->log_rate : RATE_DEFAULT;
    if (g->handout.endpoint[0] && g->handout.endpoint_port == 0)
        g->handout.endpoint_port = t->listen_port;
}

static void parse_gateway(struct parser *p)
{
    static const struct statement body[] = {
        {"tunnel", gateway_tunnel}, {"outside", gateway_outside}, {"office", gateway_office},
        {"log", gateway_log},       {"clock", gateway_clock},     {"keep", gateway_keep},
        {"attempts", parse_attempts}, {"metrics", parse_metrics},
        {"console", parse_console}, {"enrol", parse_enrol},       {"tls", parse_tls},
        {NULL, NULL}};
    const struct tunnel *t = tunnel(p);
    size_t errors = p->diags->errors;
    bool seen = p->gateway->name[0] != '\0';
    struct token name = p->tok;

    if (!parse_once(p, &seen, "gateway") || !parse_name(p, "a gateway", p->gateway->name))
        return;
    parse_block(p, "a gateway", body);
    if (p->lost || p->diags->errors > errors)
        return;
    require(p, &name, t->iface[0] != '\0', "tunnel");
    require(p, &name, t->iface[0] == '\0' || t->listen_port != 0, "port to listen on");
    require(p, &name, t->iface[0] == '\0' || t->net4.addr.family != 0, "IPv4 tunnel address");
    require(p, &name, t->outside[0] != '\0', "outside interface");
    require(p, &name, t->n_office > 0, "office interface");
    set_defaults(p->gateway);
    if (t->portal_port == t->portal_tls_port)
        diag_error(p->diags, name.pos, token_width(&name), "portal 80",
                   "the portal without TLS cannot have port %d, where it is with TLS",
                   PORTAL_TLS_PORT);
}

int gateway_parse(const char *text, size_t len, struct gateway_conf *out, struct diags *diags)
{
    static const struct statement statements[] = {{"gateway", parse_gateway}, {NULL, NULL}};
    static const char *const elsewhere[] = {
        "company", "contact", "network", "resource", "remediation", "posture",
        "role",    "tokens",  "respond", "test",     "enrolment",   "acknowledge", NULL};
    struct parser p;

    memset(out, 0, sizeof *out);
    parser_start(&p, text, len, diags);
    p.gateway = out;
    if (len > POLICY_TEXT_MAX)
        diag_error(diags, (struct src_pos){1, 1}, 1, "", "the file is larger than 1 MiB");
    else
        parse_file(&p, statements, elsewhere, "policy.conf");
    if (diags->errors == 0 && out->name[0] == '\0')
        diag_error(diags, (struct src_pos){1, 1}, 1, "like: gateway hq-edge-1 { ... }",
                   "this file describes no gateway");
    return diags->errors > 0 ? -1 : 0;
}
