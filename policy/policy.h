/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The policy language: text in, struct policy out, and back.
 *
 * policy.conf says who may reach what and when (the firm's policy, the same on every gateway);
 * gateway.conf says what this box is. Both are one grammar. Parsing keeps going after an error,
 * so that all errors of a file are reported at once.
 */
#ifndef POLICY_POLICY_H
#define POLICY_POLICY_H

#include "policy/doors.h"
#include "policy/facts.h"
#include "policy/model.h"
#include "policy/outlets.h"
#include "policy/patterns.h"
#include "policy/zone.h"

#define POLICY_TEXT_MAX (1u << 20)     /* a file may have one MiB */
#define POLICY_ERRORS_MAX 50           /* errors kept; the count goes on */

struct src_pos { int line, col; };     /* 1-based; col counts bytes */

/* ---- diagnostics ---------------------------------------------------------------------- */

struct diag {
    struct src_pos pos;
    int width;               /* how many bytes the caret underlines, at least 1 */
    bool warning;
    char text[192];          /* "unknown resource 'customs-bd'" */
    char hint[128];          /* "did you mean 'customs-db'?" or "" */
};
struct diags { struct diag v[POLICY_ERRORS_MAX]; size_t n; size_t errors; size_t warnings; };

/* "file:line:col: error: text\n  the line\n     ^~~~\n  hint: ...\n" with control characters of
 * the source shown as '?'. Returns the length it would need, as snprintf. */
size_t diag_print(const struct diag *d, const char *file, const char *text, size_t text_len,
                  char *out, size_t out_size);

/* ---- the policy ------------------------------------------------------------------------ */

struct service { uint8_t proto; uint16_t port_first, port_last; };

struct resource_entry {                 /* these addresses, each with these services */
    struct ip_range *ranges;   size_t n_ranges;      /* all, those of networks included */
    size_t n_own;                                    /* the first so many were written here */
    uint16_t *networks;        size_t n_networks;    /* the others come from these */
    struct service *services;  size_t n_services;
};
struct resource {
    char name[NAME_SIZE];
    struct resource_entry *entries;  size_t n_entries;
    bool sensitive;
    struct src_pos pos;
};
struct network {                        /* a name for addresses, usable inside resources */
    char name[NAME_SIZE];
    struct ip_range *ranges;  size_t n_ranges;
    struct src_pos pos;
};

/* Working hours: minutes of the local week, Monday 00:00 = 0, half-open [from, to). */
struct hours_slot { uint16_t from, to; };
struct hours {
    struct hours_slot *slots;  size_t n_slots;    /* sorted, merged; none = always */
    char zone[NAME_SIZE];                         /* "" = UTC */
    struct zone *tz;                              /* set by policy_zone_set(), owned */
};

struct role {
    char name[NAME_SIZE];
    uint16_t *reach;  size_t n_reach;             /* indexes into resources */
    struct src_pos *reach_pos;                    /* where each was written, for explain */
    int posture;                                  /* index into postures, -1 = none: deny */
    struct hours hours;
    struct span sign_in;                          /* longest time between sign-ins, 0 = not asked */
    bool all_traffic;                             /* its devices send all they have by the tunnel */
    struct src_pos pos;
};

struct policy_test {
    char title[TEXT_SIZE];
    struct test_case {
        int role;
        bool expect_can;
        int resource;                             /* index, or -1: the literal below */
        struct ip_addr dst;  uint8_t proto;  uint16_t port;
        struct src_pos pos;
    } *cases;
    size_t n_cases;
    struct src_pos pos;
};

struct policy {
    char company[TEXT_SIZE];
    char contact[TEXT_SIZE];       /* whom to call, for people who are shut out; "" = not said */
    struct network *networks;      size_t n_networks;
    struct resource *resources;    size_t n_resources;
    struct posture *postures;      size_t n_postures;   /* policy/posture.h */
    struct role *roles;            size_t n_roles;      /* at most ROLES_MAX */
    struct policy_test *tests;     size_t n_tests;
    uint16_t *remediation;         size_t n_remediation;  /* indexes into resources */
    bool accept_eddsa;             /* "tokens { accept EdDSA }": the deprecated alg spelling */
    struct respond respond;        /* policy/patterns.h */
    uint32_t enrol_devices;        /* of one person at most; 0 = no bound */
    bool enrol_approve;            /* an admin approves each new device */
    struct span enrol_valid;       /* an invitation */
    struct span ack_within;        /* time to acknowledge one's part of the policy; 0 = not asked */
};

/* Parses and checks. NULL when there were errors (diags->errors > 0) or memory is out (then
 * errors is 0). Warnings alone do not fail. The caller owns the result: policy_free(). */
struct policy *policy_parse(const char *text, size_t len, struct diags *diags);
void policy_free(struct policy *p);

/* The zones that roles name, for the caller to load: the i-th distinct name, NULL past the end. */
const char *policy_zone_name(const struct policy *p, size_t i);
/* Gives the TZif bytes of a zone to every role that names it. 0, or -1: not a TZif / memory. A
 * role whose zone was never given is outside its hours at all times. */
int policy_zone_set(struct policy *p, const char *name, const uint8_t *tzif, size_t len);

/* Canonical text; what is printed parses to the same policy. malloc'd, NULL when memory is out. */
char *policy_print(const struct policy *p);

int policy_role(const struct policy *p, const char *name);      /* index or -1 */
int policy_resource(const struct policy *p, const char *name);  /* index or -1 */

/* ---- the gateway file -------------------------------------------------------------------- */

struct gateway_conf {
    char name[NAME_SIZE];          /* also the audience of tokens */
    struct tunnel tunnel;
    bool clock_host;               /* "clock host": the hypervisor keeps the time; the default
                                      "clock ntp" trusts only a clock the kernel calls synchronised */
    struct outlet outlets[OUTLETS_MAX];    /* "attempts { ... }" */
    uint32_t n_outlets;
    struct door_conf metrics;
    struct door_conf console;      /* TLS, for admins */
    uint16_t enrol_port;           /* TLS on the outside interface, for invitations; 0 = none */
    struct tls_conf tls;
    struct handout handout;
    struct span keep_acts, keep_packets;   /* how long records stay */
};
/* 0, or -1 with errors in diags. */
int gateway_parse(const char *text, size_t len, struct gateway_conf *out, struct diags *diags);

/* ---- what a policy means ------------------------------------------------------------------ */

/* The permits of a set of roles (bit i = role i) plus remediation; 0 = quarantine: remediation
 * alone. Sorted and merged: equal rights give equal arrays. *out is malloc'd, NULL when none.
 * 0, or -1 when memory is out. */
int policy_permits(const struct policy *p, uint64_t roles, struct permit **out, size_t *n);

/* The resource that contains this destination, preferring those of `roles`; -1 when none. */
int policy_resource_at(const struct policy *p, uint64_t roles, const struct ip_addr *dst,
                       uint8_t proto, uint16_t port);

/* Runs the tests in the policy. Returns how many failed; each failure is a diag. */
size_t policy_run_tests(const struct policy *p, struct diags *diags);

/* Who gains and who loses what, in sentences, one a line; "" when nothing changes.
 * malloc'd, NULL when memory is out. */
char *policy_diff(const struct policy *from, const struct policy *to);

/* Is `now` within the hours, and until when does the answer stay the same (never more than 8 days
 * ahead)? */
bool hours_open(const struct hours *h, struct wall now, struct wall *until);

#endif
