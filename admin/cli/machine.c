/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The machine as the kernel and the system's files describe it; nothing is changed. */
#include "admin/cli/machine.h"

#include "policy/address.h"

#include <errno.h>
#include <ifaddrs.h>
#include <linux/netlink.h>
#include <net/if.h>
#include <netinet/in.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static struct nic *nic_of(struct machine *m, const char *name)
{
    for (size_t i = 0; i < m->n; i++)
        if (strcmp(m->nics[i].name, name) == 0)
            return &m->nics[i];
    if (m->n == NICS_MAX || strlen(name) >= IFACE_SIZE)
        return NULL;
    snprintf(m->nics[m->n].name, IFACE_SIZE, "%s", name);
    return &m->nics[m->n++];
}

static uint8_t mask_length(const struct sockaddr_in *mask)
{
    return (uint8_t)__builtin_popcount(mask->sin_addr.s_addr);
}

static void take_address(struct nic *n, const struct ifaddrs *a)
{
    struct sockaddr_in v4, mask;
    if (!a->ifa_addr || !a->ifa_netmask || a->ifa_addr->sa_family != AF_INET || n->net4.addr.family)
        return;
    memcpy(&v4, a->ifa_addr, sizeof v4);
    memcpy(&mask, a->ifa_netmask, sizeof mask);
    n->net4.addr.family = 4;
    memcpy(n->net4.addr.b, &v4.sin_addr, 4);
    n->net4.len = mask_length(&mask);
}

/* Column 2 is the destination, "00000000" the default; see proc(5), /proc/net/route. */
static void find_gateway(struct machine *m)
{
    char line[256], name[IFACE_SIZE], destination[16];
    FILE *f = fopen("/proc/net/route", "re");
    while (f && fgets(line, sizeof line, f))
        if (sscanf(line, "%15s %15s", name, destination) == 2 &&
            strcmp(destination, "00000000") == 0 && machine_nic(m, name))
            nic_of(m, name)->gateway = true;
    if (f)
        fclose(f);
}

int machine_read(struct machine *m)
{
    struct ifaddrs *all;
    *m = (struct machine){0};
    if (getifaddrs(&all) < 0)
        return -errno;
    for (const struct ifaddrs *a = all; a; a = a->ifa_next) {
        if (a->ifa_flags & (IFF_LOOPBACK | IFF_POINTOPOINT))
            continue;
        struct nic *n = nic_of(m, a->ifa_name);
        if (!n)
            continue;
        n->up = n->up || (a->ifa_flags & IFF_RUNNING);
        take_address(n, a);
    }
    freeifaddrs(all);
    find_gateway(m);
    return 0;
}

const struct nic *machine_nic(const struct machine *m, const char *name)
{
    for (size_t i = 0; i < m->n; i++)
        if (strcmp(m->nics[i].name, name) == 0)
            return &m->nics[i];
    return NULL;
}

bool machine_overlaps(const struct machine *m, const struct ip_prefix *net)
{
    for (size_t i = 0; i < m->n; i++) {
        const struct ip_prefix *own = &m->nics[i].net4;
        if (own->addr.family == net->addr.family &&
            (ip_in_prefix(&own->addr, net) || ip_in_prefix(&net->addr, own)))
            return true;
    }
    return false;
}

/* ---- what it has ----------------------------------------------------------------------------- */

static bool is_root(void) { return geteuid() == 0; }

static bool has_users(void)
{
    static const char *const roles[] = {"engine", "portal", "api", "capture", "courier", "enrol", "console"};
    char name[48];
    for (size_t i = 0; i < sizeof roles / sizeof roles[0]; i++) {
        snprintf(name, sizeof name, "_portcullis-%s", roles[i]);
        if (!getpwnam(name))
            return false;
    }
    return true;
}

static bool has_netfilter(void)
{
    int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_NETFILTER);
    if (fd >= 0)
        close(fd);
    return fd >= 0;
}

/* Built in or loaded, or a module that can be, or the program that stands in for it. */
static bool has_wireguard(void)
{
    static const char *const places[] = {"/sys/module/wireguard", "/usr/bin/wireguard-go"};
    for (size_t i = 0; i < sizeof places / sizeof places[0]; i++)
        if (access(places[i], F_OK) == 0)
            return true;
    return false;
}

bool machine_lacks(const char **what, const char **hint)
{
    static const struct { bool (*has)(void); const char *what, *hint; } needs[] = {
        {is_root, "setup writes to /etc and /var/lib and must be root", "sudo portcullis setup"},
        {has_netfilter, "this kernel has no nftables", "a kernel of Debian has it: linux-image-amd64"},
        {has_wireguard, "there is no WireGuard here",
         "modprobe wireguard; where the kernel has none: apt install wireguard-go"},
        {has_users, "the daemon's system users do not exist",
         "systemd-sysusers, after make install; or deploy/prepare"},
    };
    for (size_t i = 0; i < sizeof needs / sizeof needs[0]; i++)
        if (!needs[i].has()) {
            *what = needs[i].what;
            *hint = needs[i].hint;
            return true;
        }
    return false;
}
