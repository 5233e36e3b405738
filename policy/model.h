/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The values that every part of Portcullis speaks in.
 *
 * Plain structs, no behaviour, no hidden state. The same struct serves as wish ("the kernel
 * should hold this") and as report ("the kernel holds this"), so that a diff compares like with
 * like. policy/ makes them, kernel_rules/ writes and reads them, gateway/ carries them.
 */
#ifndef POLICY_MODEL_H
#define POLICY_MODEL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define NAME_SIZE 64         /* a name with its NUL: [a-z0-9][a-z0-9._-]*, at most 63 bytes */
#define TEXT_SIZE 128        /* a quoted title with its NUL */
#define IFACE_SIZE 16        /* IFNAMSIZ */
#define OFFICE_MAX 8         /* office interfaces of one gateway */
#define ROLES_MAX 64         /* roles of one policy: a set of roles is a uint64_t */

/* Seconds since 1970-01-01 UTC, and a duration in seconds: not to be mixed, hence two types. */
struct wall { int64_t s; };
struct span { int64_t s; };

/* An address. family is 4, 6 or 0 (none); b is in network order, unused bytes are zero. */
struct ip_addr { uint8_t family; uint8_t b[16]; };
struct ip_range { struct ip_addr first, last; };          /* both ends included, one family */
struct ip_prefix { struct ip_addr addr; uint8_t len; };   /* addr keeps its host bits */

struct wg_key { uint8_t b[32]; };

/*
 * Marks. One 30-bit number names a grant: which device, under which access class. It is the
 * value of the lease maps, the element of the set of live grants and the ct mark of a connection
 * judged under it. The two top bits of meta mark and ct mark are never read by our rules.
 */
#define MARK_MASK 0x3fffffffu
#define CLASS_BITS 12
#define CLASS_MAX ((1u << CLASS_BITS) - 1)  /* classes 1..CLASS_MAX; 0 is quarantine */
#define DEVICE_MAX 0x3fffeu                 /* device indexes 1..DEVICE_MAX */
#define MARK_STAMP 0x3ffffac7u              /* "judged and accepted", looked for by the guard */

static inline uint32_t grant_mark(uint32_t device, uint16_t class_id)
{
    return device << CLASS_BITS | class_id;
}
static inline uint32_t mark_device(uint32_t mark) { return (mark & MARK_MASK) >> CLASS_BITS; }
static inline uint16_t mark_class(uint32_t mark) { return (uint16_t)(mark & CLASS_MAX); }

/* One thing that may be reached. Ports only for protocols that have them (has_ports()). */
struct permit {
    struct ip_range dst;
    uint8_t proto;               /* IPPROTO_*; ICMP goes with v4, ICMPV6 with v6 destinations */
    uint16_t port_first, port_last;
};

/* True for the protocols whose header begins with two 16-bit ports: tcp udp sctp dccp udplite. */
bool has_ports(uint8_t proto);

/* One distinct set of permits; devices with the same rights share it. permits is sorted, merged
 * and owned by the class (free()). id 0 is quarantine: what any enrolled device may reach. */
struct access_class {
    uint16_t id;
    struct permit *permits;
    size_t n_permits;
};

/* An enrolled, not revoked device. Index and addresses are never reused for another device. */
struct device {
    uint32_t index;
    struct ip_addr addr4, addr6;   /* addr6.family may be 0 */
    struct wg_key key;
};

/* A device may send through the gateway while the kernel holds its lease. */
struct lease {
    uint32_t device;
    uint16_t class_id;
    int64_t left_ms;     /* what is left of it, in milliseconds: never a wall-clock time */
};

struct office_iface { char name[IFACE_SIZE]; bool masquerade; };

/* Who carries the tunnel: the kernel's own WireGuard, or wireguard-go on a tun. */
enum wg_backend { WG_NONE = 0, WG_KERNEL, WG_USERSPACE };

/* What does not change while the daemon runs, from gateway.conf. */
struct tunnel {
    char iface[IFACE_SIZE];
    uint16_t listen_port;
    uint16_t mtu;                    /* 1280..1500 */
    struct ip_prefix net4, net6;     /* the gateway's own address in it; net6 may be family 0 */
    char outside[IFACE_SIZE];
    struct office_iface office[OFFICE_MAX];
    uint32_t n_office;
    uint16_t portal_port;            /* tcp, on the tunnel addresses */
    uint16_t portal_tls_port;        /* likewise by TLS; 0 = none */
    uint16_t nflog_group;
    uint32_t log_rate;               /* logged denials per second and reason; burst is twice that */
    bool flowtable;                  /* granted connections pass by the rules while their grant lives */
};

/* Everything the kernel holds on our behalf: the wish, and the report. Arrays are owned by it. */
struct dataplane {
    struct tunnel tunnel;
    struct access_class *classes;  size_t n_classes;   /* sorted by id, quarantine (0) included */
    struct device *devices;        size_t n_devices;   /* sorted by index */
    struct lease *leases;          size_t n_leases;    /* sorted by device, at most one each */
};

/* Frees what *dp owns and zeroes it. NULL-safe. */
void dataplane_clear(struct dataplane *dp);

/* Why a packet was dropped: the rule that dropped it, its counter and its log prefix. */
enum deny_reason {
    DENY_NO_LEASE = 0,     /* enrolled device without a lease, outside remediation */
    DENY_UNKNOWN_SOURCE,   /* a tunnel address that belongs to no enrolled device */
    DENY_NOT_PERMITTED,    /* lease held, destination not among its permits */
    DENY_SPOOFED,          /* tunnel address from elsewhere, or foreign address by the tunnel */
    DENY_WRONG_DIRECTION,  /* the office or the internet opens a connection to a device, or
                              the internet one to the office, which nobody here redirected (DNAT) */
    DENY_DEVICE_TO_DEVICE,
    DENY_GATEWAY_INPUT,    /* the gateway itself, beyond portal, DNS and ping */
    DENY_INVALID,          /* no connection state: invalid, untracked */
    DENY_REASONS           /* their number */
};

/* Stable names: "no-lease", "unknown-source", ... ; NULL outside the enum. */
const char *deny_reason_name(enum deny_reason r);
/* The reverse; DENY_REASONS when there is none of that name. */
enum deny_reason deny_reason_parse(const char *name, size_t len);

/* What the rules write before a logged packet: the mark alone and the reason's number, "pc:3"; of a
 * WireGuard initiation at the tunnel's port, LOG_PREFIX_KNOCK. */
#define LOG_PREFIX "pc:"
#define LOG_PREFIX_KNOCK "pc:k"

/* What the rules have counted since their table was made. denied is exact, logged is what was
 * logged; denied - logged was sampled away. The same of WireGuard initiations. */
struct rule_counts {
    uint64_t denied[DENY_REASONS], logged[DENY_REASONS];
    uint64_t knocks, knocks_logged;
};

/* A packet's outcome in the model. 0 = deny. */
enum verdict { VERDICT_DENY = 0, VERDICT_PERMIT = 1 };

/* Does this class permit a packet to dst, proto, port? The reference of the compiled sets;
 * port is ignored for protocols without ports. */
enum verdict class_permits(const struct access_class *c, const struct ip_addr *dst,
                           uint8_t proto, uint16_t port);

#endif
