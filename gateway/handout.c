/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What a new device is told: where to enrol, and what its WireGuard needs. */
#include <stdio.h>
#include <string.h>

#include "gateway/engine_enrol.h"
#include "gateway/log.h"
#include "policy/address.h"
#include "policy/routes.h"

#define KEEPALIVE_S 25
#define PREFIX_TEXT (ADDR_TEXT + 4)
#define QUICK_MAX 8192

/* ---- where ---------------------------------------------------------------------------------- */

/* "HOST:PORT"; an IPv6 address in brackets. */
static void put_host(const char *host, uint16_t port, char out[HOST_SIZE + 10])
{
    bool v6 = strchr(host, ':') != NULL;

    snprintf(out, HOST_SIZE + 10, "%s%s%s:%u", v6 ? "[" : "", host, v6 ? "]" : "", port);
}

static const char *first_of(const char *a, const char *b) { return a[0] ? a : b; }

static struct reply no_endpoint(void)
{
    return reply_error(409, "no_endpoint",
                       "gateway.conf does not say how devices find the gateway.",
                       "Write in its tunnel: endpoint NAME-OR-ADDRESS");
}

bool handout_link(struct engine *e, const char *token, char out[HANDOUT_LINK], struct reply *no)
{
    const struct gateway_conf *c = &e->conf;
    const char *host = first_of(c->tls.name, c->handout.endpoint);
    char place[HOST_SIZE + 10], pin[TLS_PIN];

    if (c->enrol_port == 0 || !host[0]) {
        *no = c->enrol_port ? no_endpoint()
                            : reply_error(409, "no_enrol_door",
                                          "gateway.conf opens no door to enrol by.",
                                          "Write: enrol { listen 8443 }");
        return false;
    }
    if (!tls_pin(e, pin)) {
        *no = reply_error(503, "no_certificate", "There is no certificate to enrol with.",
                          "portcullis status shows why, among the alarms.");
        return false;
    }
    put_host(host, c->enrol_port, place);
    snprintf(out, HANDOUT_LINK, "https://%s/enrol#%s.%s", place, token, pin);
    return true;
}

/* ---- the configuration ---------------------------------------------------------------------- */

static json_t *prefix_json(const struct ip_addr *a, unsigned len)
{
    char addr[ADDR_TEXT], text[PREFIX_TEXT];

    snprintf(text, sizeof text, "%s/%u", ip_print(a, addr), len);
    return json_string(text);
}

static json_t *addresses(const struct dev *d)
{
    json_t *list = json_array();

    json_array_append_new(list, prefix_json(&d->k.addr4, 32));
    if (d->k.addr6.family)
        json_array_append_new(list, prefix_json(&d->k.addr6, 128));
    return list;
}

static json_t *name_servers(const struct handout *h)
{
    json_t *list = json_array();
    char text[ADDR_TEXT];

    for (uint32_t i = 0; i < h->n_dns; i++)
        json_array_append_new(list, json_string(ip_print(&h->dns[i], text)));
    return list;
}

static json_t *routes(struct engine *e, const struct dev *d)
{
    struct ip_prefix v[ROUTES_MAX];
    int n = policy_routes(e->policy, dev_user(e, d)->role_mask, &e->conf.tunnel, v);
    json_t *list = json_array();

    if (n < 0)
        fatal("out of memory");
    for (int i = 0; i < n; i++)
        json_array_append_new(list, prefix_json(&v[i].addr, v[i].len));
    return list;
}

json_t *handout_config(struct engine *e, const struct dev *d)
{
    const struct gateway_conf *c = &e->conf;
    uint16_t port = c->handout.endpoint_port ? c->handout.endpoint_port : c->tunnel.listen_port;
    char endpoint[HOST_SIZE + 10], key[KEY_TEXT];

    put_host(first_of(c->handout.endpoint, c->tls.name), port, endpoint);
    return json_pack("{s:o,s:o,s:i,s:i,s:s,s:s,s:o}", "address", addresses(d), "dns",
                     name_servers(&c->handout), "mtu", c->tunnel.mtu, "keepalive", KEEPALIVE_S,
                     "gateway_key", wg_key_print(&e->public_key, key), "endpoint", endpoint,
                     "allowed_ips", routes(e, d));
}

/* "NAME = a, b"; no line for an empty list. */
static size_t put_list(char *out, size_t at, const char *name, const json_t *list)
{
    json_t *v;
    size_t i;

    json_array_foreach(list, i, v)
        at += (size_t)snprintf(out + at, QUICK_MAX - at, "%s%s%s", i ? ", " : name,
                               i ? "" : " = ", json_string_value(v));
    if (i > 0)
        at += (size_t)snprintf(out + at, QUICK_MAX - at, "\n");
    return at;
}

json_t *handout_wg_quick(const json_t *c)
{
    char out[QUICK_MAX];   /* the lists are bounded: ROUTES_MAX prefixes are a quarter of it */
    size_t at = (size_t)snprintf(out, sizeof out, "[Interface]\nPrivateKey = PRIVATE_KEY\n");

    at = put_list(out, at, "Address", json_object_get(c, "address"));
    at = put_list(out, at, "DNS", json_object_get(c, "dns"));
    at += (size_t)snprintf(out + at, sizeof out - at, "MTU = %d\n\n[Peer]\nPublicKey = %s\n"
                           "Endpoint = %s\n", (int)json_integer_value(json_object_get(c, "mtu")),
                           json_string_value(json_object_get(c, "gateway_key")),
                           json_string_value(json_object_get(c, "endpoint")));
    at = put_list(out, at, "AllowedIPs", json_object_get(c, "allowed_ips"));
    snprintf(out + at, sizeof out - at, "PersistentKeepalive = %d\n",
             (int)json_integer_value(json_object_get(c, "keepalive")));
    return json_string(out);
}

/* ---- once more ------------------------------------------------------------------------------ */

/* After its person's roles or gateway.conf have changed. */
struct reply control_device_config(struct engine *e, struct request *q)
{
    const struct dev *d = dev_by_name(e, q->name);

    if (!d)
        return no_such_device(e, q->name);
    if (!dev_should_enrol(e, d))
        return reply_errorf(409, "device_ended", NULL, "'%s' has ended.", d->name);
    if (!first_of(e->conf.handout.endpoint, e->conf.tls.name)[0])
        return no_endpoint();
    json_t *config = handout_config(e, d), *quick = handout_wg_quick(config);
    return (struct reply){200, json_pack("{s:s,s:o,s:o}", "device", d->name, "config", config,
                                         "wg_quick", quick)};
}
