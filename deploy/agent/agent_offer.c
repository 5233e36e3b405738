/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The gateway's offer, member by member. */
#include "deploy/agent/agent_offer.h"

#include <arpa/inet.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define WHY 160
#define KEY_CHARS 44
#define MTU_LEAST 1280
#define MTU_MOST 9000
#define NET_TEXT 64

static const char NAME_SET[] = "abcdefghijklmnopqrstuvwxyz0123456789._-";
static const char HOST_SET[] =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789.-";

/* A JSON string without a NUL in it that is shorter than size; NULL when it is none. */
static const char *text_of(const json_t *v, size_t size)
{
    const char *s = json_string_value(v);

    return s && json_string_length(v) < size && strlen(s) == json_string_length(v) ? s : NULL;
}

static bool name_read(const json_t *v, char out[AGENT_NAME_TEXT])
{
    const char *s = text_of(v, AGENT_NAME_TEXT);

    if (!s || *s == '\0' || strchr("._-", *s) || strspn(s, NAME_SET) != strlen(s))
        return false;
    strcpy(out, s);
    return true;
}

/* ---- addresses ---- */

/* At most three digits, at most `most`. */
static bool bits_read(const char *s, unsigned most, unsigned *out)
{
    size_t len = strspn(s, "0123456789");

    if (len == 0 || len > 3 || s[len] != '\0')
        return false;
    *out = (unsigned)strtoul(s, NULL, 10);
    return *out <= most;
}

/* "ADDRESS" or "ADDRESS/BITS". */
static bool net_read(const json_t *v, struct agent_net *out)
{
    const char *s = text_of(v, NET_TEXT), *slash = s ? strchr(s, '/') : NULL;
    char address[NET_TEXT];
    unsigned most;

    if (!s)
        return false;
    memset(out, 0, sizeof *out);
    snprintf(address, sizeof address, "%.*s", (int)(slash ? slash - s : (long)strlen(s)), s);
    out->family = strchr(address, ':') ? AF_INET6 : AF_INET;
    most = out->family == AF_INET6 ? 128 : 32;
    out->bits = most;
    return inet_pton(out->family, address, out->b) == 1 &&
           (!slash || bits_read(slash + 1, most, &out->bits));
}

static bool nets_read(const json_t *list, struct agent_net *out, size_t max, size_t *n)
{
    *n = json_array_size(list);
    if (!json_is_array(list) || *n > max)
        return false;
    for (size_t i = 0; i < *n; i++)
        if (!net_read(json_array_get(list, i), &out[i]))
            return false;
    return true;
}

static const char *host_text(const struct agent_net *n, char out[INET6_ADDRSTRLEN])
{
    return inet_ntop(n->family, n->b, out, INET6_ADDRSTRLEN);
}

/* ---- the members ---- */

static bool user_read(const json_t *v, struct agent_offer *o) { return name_read(v, o->user); }
static bool device_read(const json_t *v, struct agent_offer *o) { return name_read(v, o->device); }

static bool state_read(const json_t *v, struct agent_offer *o)
{
    const char *s = text_of(v, AGENT_NAME_TEXT);

    o->waiting = s && strcmp(s, "waiting") == 0;
    return o->waiting || (s && strcmp(s, "quarantine") == 0);
}

static bool portal_read(const json_t *v, struct agent_offer *o)
{
    struct agent_net n;

    if (!net_read(v, &n) || strchr(json_string_value(v), '/'))
        return false;
    return host_text(&n, o->portal) != NULL;
}

static bool address_read(const json_t *v, struct agent_offer *o)
{
    return nets_read(v, o->address, AGENT_OFFER_ADDRESSES, &o->n_address) && o->n_address > 0;
}

static bool dns_read(const json_t *v, struct agent_offer *o)
{
    return nets_read(v, o->dns, AGENT_OFFER_DNS, &o->n_dns);
}

static bool networks_read(const json_t *v, struct agent_offer *o)
{
    return nets_read(v, o->network, AGENT_OFFER_NETWORKS, &o->n_network) && o->n_network > 0;
}

static bool number_read(const json_t *v, json_int_t least, json_int_t most, unsigned *out)
{
    json_int_t n = json_integer_value(v);

    *out = (unsigned)n;
    return json_is_integer(v) && n >= least && n <= most;
}

static bool mtu_read(const json_t *v, struct agent_offer *o)
{
    return number_read(v, MTU_LEAST, MTU_MOST, &o->mtu);
}

static bool keepalive_read(const json_t *v, struct agent_offer *o)
{
    return number_read(v, 0, 65535, &o->keepalive);
}

static bool key_read(const json_t *v, struct agent_offer *o)
{
    const char *s = text_of(v, KEY_CHARS + 1), *end;
    size_t n;

    return s && strlen(s) == KEY_CHARS &&
           sodium_base642bin(o->gateway_key, 32, s, KEY_CHARS, NULL, &n, &end,
                             sodium_base64_VARIANT_ORIGINAL) == 0 &&
           n == 32 && *end == '\0' && !sodium_is_zero(o->gateway_key, 32);
}

/* The host of "HOST:PORT" is a name, an IPv4 address, or an IPv6 address in brackets. */
static bool endpoint_host_good(const char *s, size_t len)
{
    char host[sizeof ((struct agent_offer *)NULL)->endpoint];
    uint8_t bytes[16];

    snprintf(host, sizeof host, "%.*s", (int)len, s);
    if (len > 2 && host[0] == '[' && host[len - 1] == ']') {
        host[len - 1] = '\0';
        return inet_pton(AF_INET6, host + 1, bytes) == 1;
    }
    return len > 0 && strspn(host, HOST_SET) == len && host[0] != '-' && host[0] != '.';
}

static bool endpoint_read(const json_t *v, struct agent_offer *o)
{
    const char *s = text_of(v, sizeof o->endpoint), *colon = s ? strrchr(s, ':') : NULL;
    size_t digits = colon ? strspn(colon + 1, "0123456789") : 0;
    unsigned long port = digits > 0 && digits <= 5 ? strtoul(colon + 1, NULL, 10) : 0;

    if (port < 1 || port > 65535 || colon[1 + digits] != '\0' ||
        !endpoint_host_good(s, (size_t)(colon - s)))
        return false;
    snprintf(o->endpoint, sizeof o->endpoint, "%.*s:%lu", (int)(colon - s), s, port);
    return true;
}

static const struct member {
    const char *name;
    bool inside, optional;        /* of "config"; may be absent */
    bool (*read)(const json_t *v, struct agent_offer *o);
} members[] = {
    {"user", false, false, user_read},
    {"device", false, false, device_read},
    {"state", false, false, state_read},
    {"portal", false, false, portal_read},
    {"address", true, false, address_read},
    {"dns", true, true, dns_read},
    {"mtu", true, true, mtu_read},
    {"keepalive", true, true, keepalive_read},
    {"gateway_key", true, false, key_read},
    {"endpoint", true, false, endpoint_read},
    {"allowed_ips", true, false, networks_read},
};

int agent_offer_read(const json_t *answer, struct agent_offer *out, char why[WHY])
{
    const json_t *config = json_object_get(answer, "config"), *v;

    memset(out, 0, sizeof *out);
    for (size_t i = 0; i < sizeof members / sizeof *members; i++) {
        const struct member *m = &members[i];

        v = json_object_get(m->inside ? config : answer, m->name);
        if (!v && m->optional)
            continue;
        if (!v || !m->read(v, out)) {
            snprintf(why, WHY, "the gateway's answer cannot be used: its \"%s\" is %s", m->name,
                     v ? "not as it must be" : "missing");
            return -1;
        }
    }
    return 0;
}

bool agent_offer_takes_all(const struct agent_offer *o)
{
    for (size_t i = 0; i < o->n_network; i++)
        if (o->network[i].bits == 0)
            return true;
    return false;
}

/* ---- the files ---- */

static bool net_whole(const struct agent_net *n, bool host, char out[NET_TEXT])
{
    unsigned most = n->family == AF_INET6 ? 128 : 32;
    char address[INET6_ADDRSTRLEN];

    if (!host_text(n, address))
        return false;
    snprintf(out, NET_TEXT, "%s/%u", address, host ? most : n->bits);
    return true;
}

/* "NAME = a, b\n"; `plain` addresses have no length, `host` ones the whole. */
static void print_list(FILE *f, const char *name, const struct agent_net *v, size_t n, bool host,
                       bool plain)
{
    char text[NET_TEXT];

    for (size_t i = 0; i < n; i++) {
        if (!net_whole(&v[i], host, text))
            continue;
        if (plain)
            *strchr(text, '/') = '\0';
        fprintf(f, "%s%s", i == 0 ? name : ", ", text);
    }
    if (n > 0)
        fputc('\n', f);
}

static void print_conf(FILE *f, const struct agent_offer *o, const char *key, bool dns)
{
    char gateway[KEY_CHARS + 1];

    sodium_bin2base64(gateway, sizeof gateway, o->gateway_key, 32, sodium_base64_VARIANT_ORIGINAL);
    fprintf(f, "# Device %s of %s. Made by portcullis-agent enroll.\n[Interface]\n", o->device,
            o->user);
    fprintf(f, "PrivateKey = %s\n", key);
    print_list(f, "Address = ", o->address, o->n_address, true, false);
    print_list(f, dns ? "DNS = " : "# Names of the office: no resolvconf here. DNS = ", o->dns,
               o->n_dns, true, true);
    if (o->mtu)
        fprintf(f, "MTU = %u\n", o->mtu);
    fprintf(f, "\n[Peer]\nPublicKey = %s\nEndpoint = %s\n", gateway, o->endpoint);
    print_list(f, "AllowedIPs = ", o->network, o->n_network, false, false);
    if (o->keepalive)
        fprintf(f, "PersistentKeepalive = %u\n", o->keepalive);
}

size_t agent_offer_conf(const struct agent_offer *o, const char *key, bool dns,
                        char out[AGENT_CONF_TEXT])
{
    FILE *f = fmemopen(out, AGENT_CONF_TEXT, "w");
    bool bad;

    if (!f)
        return 0;
    setbuf(f, NULL); /* no copy of the key is left in a buffer */
    print_conf(f, o, key, dns);
    bad = ferror(f) != 0;
    if (fclose(f) != 0 || bad || !memchr(out, '\0', AGENT_CONF_TEXT))
        return 0;
    return strlen(out);
}

size_t agent_offer_environment(const struct agent_offer *o, char *out, size_t size)
{
    int n = snprintf(out, size, "GATEWAY=%s\nDEVICE=%s\n", o->portal, o->device);

    return n > 0 && (size_t)n < size ? (size_t)n : 0;
}
