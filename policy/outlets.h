/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Where attempts go, as gateway.conf says it.
 *
 *     attempts {
 *         syslog unix /dev/log
 *         syslog udp 10.20.0.5:514
 *         syslog tcp 10.20.0.5:601
 *         webhook "https://siem.example.com/in" { key-file webhook.key  ca-file siem-ca.pem }
 *     }
 */
#ifndef POLICY_OUTLETS_H
#define POLICY_OUTLETS_H

#include "policy/doors.h"

#define OUTLETS_MAX 8
#define OUTLET_PATH 108            /* sun_path, with its NUL */
#define OUTLET_URL 256
#define OUTLET_HOST HOST_SIZE
#define OUTLET_NAME 192            /* as shown, with its NUL */

enum outlet_kind { OUTLET_UNIX = 1, OUTLET_UDP, OUTLET_TCP, OUTLET_WEBHOOK };

struct outlet {
    enum outlet_kind kind;
    struct ip_addr addr;           /* UDP, TCP; a webhook's, when its URL names an address */
    uint16_t port;                 /* of those and of a webhook */
    char path[OUTLET_PATH];        /* UNIX */
    char url[OUTLET_URL];          /* WEBHOOK: as it was written */
    char host[OUTLET_HOST];        /* of it, without brackets */
    char target[OUTLET_URL];       /* of it: "/in?x=y", never empty */
    bool tls;
    char key_file[NAME_SIZE];      /* beside gateway.conf */
    char ca_file[NAME_SIZE];       /* "" = the system's certificate authorities */
};

/* "syslog tcp 10.20.0.5:601", "webhook https://siem.example.com:443 #1f2e3d4c": its name in
 * records and metrics, without what a URL may hold that is nobody's business. */
const char *outlet_name(const struct outlet *o, char out[OUTLET_NAME]);
bool outlet_equal(const struct outlet *a, const struct outlet *b);

#endif
