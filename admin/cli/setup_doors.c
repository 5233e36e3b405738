/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The doors of a new gateway.conf. */
#include "admin/cli/setup_doors.h"

#include <stdlib.h>
#include <string.h>

#include "policy/address.h"
#include "policy/policy.h"

/* ---- where devices find it ------------------------------------------------------------------- */

/* RFC 6890: private, shared, link-local and the like. */
static bool reachable(const struct ip_addr *a)
{
    static const char *const not[] = {"0.0.0.0/8",      "10.0.0.0/8",     "100.64.0.0/10",
                                      "127.0.0.0/8",    "169.254.0.0/16", "172.16.0.0/12",
                                      "192.168.0.0/16", "198.18.0.0/15",  "224.0.0.0/3"};
    struct ip_prefix p;

    for (size_t i = 0; i < sizeof not / sizeof *not; i++)
        if (prefix_parse(not[i], strlen(not[i]), &p) && ip_in_prefix(a, &p))
            return false;
    return a->family == 4;
}

const char *doors_public(const struct nic *outside, char out[ADDR_TEXT])
{
    out[0] = '\0';
    return outside && reachable(&outside->net4.addr) ? ip_print(&outside->net4.addr, out) : out;
}

/* As the language reads it. */
static bool read_endpoint(const char *endpoint, struct gateway_conf *conf, char why[192])
{
    struct diags *d = calloc(1, sizeof *d);
    char text[512];
    bool plain = endpoint[strspn(endpoint, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
                                           "0123456789.-:[]/_")] == '\0';
    int n = snprintf(text, sizeof text, "gateway g { tunnel t { listen 1 address 10.0.0.1/8 "
                     "endpoint %s } outside o office i }", endpoint);
    bool good = d && plain && *endpoint && n > 0 && (size_t)n < sizeof text &&
                gateway_parse(text, (size_t)n, conf, d) == 0;

    if (!good)
        snprintf(why, 192, "%s", d && d->n > 0 ? d->v[0].text : "this is no host that devices can "
                 "connect to");
    free(d);
    return good;
}

const char *doors_endpoint_fault(const char *endpoint, char why[192])
{
    struct gateway_conf *conf = calloc(1, sizeof *conf);
    bool good = conf && read_endpoint(endpoint, conf, why);

    free(conf);
    return good ? NULL : why;
}

/* Its host, when that is a name: then it is the certificate's, too. */
static bool host_name(const char *endpoint, char out[HOST_SIZE])
{
    struct gateway_conf *conf = calloc(1, sizeof *conf);
    struct ip_addr a;
    char why[192];
    bool name = conf && read_endpoint(endpoint, conf, why) &&
                !ip_parse(conf->handout.endpoint, strlen(conf->handout.endpoint), &a);

    if (name)
        snprintf(out, HOST_SIZE, "%s", conf->handout.endpoint);
    free(conf);
    return name;
}

/* ---- the lines ------------------------------------------------------------------------------- */

void doors_tunnel(const struct doors *d, FILE *f)
{
    if (*d->endpoint)
        fprintf(f, "        endpoint %s  # where devices find it\n", d->endpoint);
    else
        fprintf(f, "        # endpoint access.example.com:%s   # where devices find it; invitations "
                "need it\n", d->port);
    fputs("        # dns 10.20.0.53             # the name servers that devices are to use\n", f);
}

static void tls(const struct doors *d, FILE *f)
{
    char name[HOST_SIZE];
    bool known = host_name(d->endpoint, name);

    fprintf(f, "    # The name of the doors below. The gateway makes a certificate for it; one of an\n"
            "    # authority is named in here, too: certificate access.pem  key access.key\n"
            "    %stls { name %s }\n", known ? "" : "# ", known ? name : "access.example.com");
}

static void console(const struct doors *d, FILE *f)
{
    struct ip_range net;
    char own[ADDR_TEXT], first[ADDR_TEXT];

    if (!d->office || d->office->net4.addr.family == 0)
        return;
    net = prefix_range(&d->office->net4);
    fprintf(f, "    # For admins, by TLS, from these addresses:\n"
            "    %sconsole %s { listen %s:8443  from %s/%u }\n",
            d->console ? "" : "# ", d->office->name, ip_print(&d->office->net4.addr, own),
            ip_print(&net.first, first), d->office->net4.len);
}

void doors_blocks(const struct doors *d, FILE *f)
{
    tls(d, f);
    fprintf(f, "    # For invitations alone, TCP: let it in from the internet.\n    %senrol { listen %s }\n",
            *d->enrol ? "" : "# ", *d->enrol ? d->enrol : "8443");
    console(d, f);
}
