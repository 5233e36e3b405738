/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Between struct ip_addr and what the kernel takes. */
#include "gateway/socket_address.h"

#include <netinet/in.h>
#include <string.h>

socklen_t socket_address(const struct ip_addr *a, uint16_t port, struct sockaddr_storage *out)
{
    memset(out, 0, sizeof *out);
    if (a->family == 4) {
        struct sockaddr_in *in = (struct sockaddr_in *)out;
        in->sin_family = AF_INET;
        in->sin_port = htons(port);
        memcpy(&in->sin_addr, a->b, 4);
        return sizeof *in;
    }
    struct sockaddr_in6 *in6 = (struct sockaddr_in6 *)out;
    in6->sin6_family = AF_INET6;
    in6->sin6_port = htons(port);
    memcpy(&in6->sin6_addr, a->b, 16);
    return sizeof *in6;
}

struct ip_addr socket_ip(const struct sockaddr_storage *a, uint16_t *port)
{
    struct ip_addr out = {0};
    if (a->ss_family == AF_INET) {
        struct sockaddr_in in;
        memcpy(&in, a, sizeof in);
        out.family = 4;
        memcpy(out.b, &in.sin_addr, 4);
        *port = ntohs(in.sin_port);
    } else if (a->ss_family == AF_INET6) {
        struct sockaddr_in6 in6;
        memcpy(&in6, a, sizeof in6);
        out.family = 6;
        memcpy(out.b, &in6.sin6_addr, 16);
        *port = ntohs(in6.sin6_port);
    }
    return out;
}
