/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The records of the engine: as its files hold them and as its memory does.
 */
#ifndef GATEWAY_RECORDS_H
#define GATEWAY_RECORDS_H

#include "policy/decide.h"
#include "policy/patterns.h"
#include "policy/token.h"

#define ACTOR_SIZE 80        /* who did it: a name, or "uid:N", with its NUL */
#define REASON_SIZE 256      /* what an admin gave as reason, with its NUL */
#define ROLE_LIST_SIZE 4160  /* 64 names with commas */
#define HISTORY_MAX 96       /* grace states, and exceptions, of one device */

#define USER_MAX (1u << 20)  /* ids of people: 1.., without gaps */

struct bucket { uint16_t left; int64_t at_ms; };   /* at_ms 0 = never asked: full */

enum user_state { USER_ACTIVE = 1, USER_REVOKED };

/* What somebody may do, and what a verb asks for at least. Stored from RIGHT_READ on: a number never
 * changes its meaning. */
enum right {
    RIGHT_NONE = 0,              /* held: nothing. Asked for: nobody holds it */
    RIGHT_SIGN_IN,               /* to sign in, which needs no session */
    RIGHT_READ,                  /* auditor: everything, and changes nothing */
    RIGHT_HELP,                  /* helpdesk: invites, and codes for new secrets */
    RIGHT_OPERATE,               /* operator: what there is to do every day */
    RIGHT_OWN                    /* owner: admins, issuers, the logs' keys; and root at the socket */
};
struct admin { enum right right; struct wall since; char by[ACTOR_SIZE]; };   /* RIGHT_NONE: none */

/* What of the policy a person signed last, and since when they are asked to sign something else. */
struct acknowledgement {
    struct wall asked;           /* 0 = nothing is due */
    struct wall at;              /* of the signature; 0 = there is none, and no version and text */
    int64_t version;             /* of the policy that was in force then */
    uint8_t sha256[32];          /* of the text */
};

struct user {
    uint32_t id;                 /* 1.. */
    enum user_state state;
    char name[NAME_SIZE];
    char *full_name;             /* owned, may be NULL */
    char *roles;                 /* owned: names by comma, in order of writing */
    char *revoked_by, *revoked_reason;   /* owned, may be NULL */
    struct wall created, end, signed_in, revoked;   /* 0 = none */
    struct wall compromised;     /* since when new secrets are needed; 0 = they are not */
    struct bucket sign_ins;      /* tries left */
    struct admin admin;
    struct acknowledgement ack;
    uint64_t role_mask;          /* of the policy in force; not stored */
};

enum dev_state { DEV_ACTIVE = 1, DEV_REVOKED, DEV_LOST, DEV_RETIRED };

/* A lease as granted. class_id 0 = none. It ends by the wall clock or by CLOCK_BOOTTIME,
 * whichever says so first: a wall clock that jumps never makes it longer. */
struct grant {
    uint64_t roles;
    uint16_t class_id;
    struct wall granted, until;
    int64_t end_boot_ms;         /* 0 = none was noted: the wall clock alone */
};

/* What attempts have brought on a device: no lease until an admin, or a time, says otherwise.
 * Stored. */
enum hold_kind { HOLD_NONE = 0, HOLD_QUARANTINE, HOLD_LOCK };
#define HOLD_ATTEMPTS 16
struct hold {
    uint32_t device;
    enum hold_kind kind;
    bool withheld;               /* not in force: beyond the policy's share, an admin may allow it */
    bool unwritten;              /* in force, and the full disk has it not */
    enum pattern pattern;
    struct pattern_rule rule;    /* as it was when the pattern was recognised */
    struct wall since, until;    /* until 0 = an admin ends it */
    int64_t end_boot_ms;         /* until, by CLOCK_BOOTTIME, which alone ends it; 0 = no end */
    char by[ACTOR_SIZE];         /* "engine", or the admin who allowed it: outside the share */
    int64_t attempts[HOLD_ATTEMPTS];   /* ids of the newest that led to it; 0 = no more */
};

struct dev {
    struct device k;             /* as the kernel knows it; key all zero = not loaded */
    uint32_t user;               /* 0 = nobody yet */
    enum dev_state state;
    bool corp;
    bool approved;               /* false: it came by an invitation, and waits for an admin */
    bool addressed;              /* its index has a place in the tunnel networks */
    bool enrolled;               /* in the kernel */
    bool end_untold;             /* its lease was cut, and the full disk has not the record of it */
    char name[NAME_SIZE];
    struct wall created, ended, last_iat;
    struct wall token_exp;       /* of the last evidence; 0 = there is none */
    int64_t token_end_boot_ms;   /* the same by CLOCK_BOOTTIME; 0 = none was noted */
    struct grant lease;
    enum decide_reason reason;   /* why not more than that */
    enum refusal_code code;
    struct wall renew_at;        /* decide again then; 0 = no need */
    int64_t proved_boot_ms;      /* when passphrase and code were given on it; 0 = not in this run */
    struct bucket tokens, nonces, views, lists, challenges;
    struct patterns *seen;       /* what it did that is refused; owned, NULL = nothing */
    uint8_t due;                 /* patterns recognised in it and not answered yet, as bits */
    enum hold_kind hold;         /* in force */
};

/* What an accepted token said: judged again whenever policy, user or time change. */
struct evidence {
    struct wall accepted, exp;
    int64_t end_boot_ms;
    uint8_t assurance;
    char iss[CLAIM_TEXT], kid[KID_SIZE], jti[JTI_SIZE];
    uint8_t sha256[32];
    struct facts facts;
};

struct grace_row { char rule[RULE_TEXT]; struct wall since, passing; };   /* passing 0 = failing */

struct policy_version {
    int64_t version;
    uint8_t sha256[32];
    struct wall at;
    char by[ACTOR_SIZE];
    struct wall confirm_until;   /* 0 = nothing to confirm */
    int64_t previous;            /* to go back to */
};

/* How it was noticed. Stored: a number never changes its meaning. */
enum attempt_kind {
    ATTEMPT_PACKET = 0,          /* reason: enum deny_reason */
    ATTEMPT_TOKEN,               /* a posture token; code: enum refusal_code */
    ATTEMPT_KNOCK,               /* a WireGuard handshake; reason: enum handshake_class */
    ATTEMPT_ADMIN,               /* a request at the control socket; reason: enum admin_refusal */
    ATTEMPT_TWO_PLACES,          /* one key used from source and from destination */
    ATTEMPT_SIGN_IN,             /* at the portal, from a device; reason: enum sign_in_refusal */
    ATTEMPT_ENROL,               /* from outside, by an invitation; reason: enum enrol_refusal */
    ATTEMPT_KINDS
};
enum admin_refusal { ADMIN_FORBIDDEN = 0, ADMIN_REFUSALS };
/* Why a key that knocks has no place any more. Stored: a number never changes its meaning. */
enum key_end {
    KEY_END_NONE = 0, KEY_DEVICE_REVOKED, KEY_DEVICE_LOST, KEY_DEVICE_RETIRED,
    KEY_PERSON_REVOKED, KEY_PERSON_ENDED, KEY_ENDS
};
enum sign_in_refusal { SIGN_IN_FAILED = 0, SIGN_IN_TOO_OFTEN, SIGN_IN_CLONED, SIGN_IN_REFUSALS };
enum enrol_refusal {
    ENROL_NO_INVITATION = 0,     /* no such token: somebody guesses */
    ENROL_OVER,                  /* used, withdrawn, void or expired, or its person is not in */
    ENROL_WRONG_CODE, ENROL_TOO_OFTEN,
    ENROL_KEY_KNOWN,             /* the key of a device, or of one that has ended */
    ENROL_REFUSALS
};

/* Something refused. Equal in all but times, count and file = one record. */
struct attempt {
    int64_t id;
    enum attempt_kind kind;
    /* Who asked, of ATTEMPT_ADMIN; not verified beyond its uid. The key itself, of
     * HANDSHAKE_UNKNOWN_KEY. */
    char actor[ACTOR_SIZE];
    char user[NAME_SIZE], device[NAME_SIZE], role[NAME_SIZE], resource[NAME_SIZE];   /* "" = none */
    struct ip_addr source, destination;
    uint8_t proto;
    uint16_t port;
    uint8_t reason;              /* by kind */
    uint16_t code;               /* enum refusal_code: of the token, or why there is no lease */
    uint8_t why;                 /* enum decide_reason, for DENY_NO_LEASE; enum key_end, for
                                    HANDSHAKE_ENDED_KEY */
    struct wall ended;           /* of HANDSHAKE_ENDED_KEY: since when; 0 = none */
    struct wall first, last;
    uint64_t count;
    uint32_t file;               /* number of the pcap file with the last packet */
};
struct attempt_filter {
    const char *user, *device, *role;   /* NULL = any */
    int kind, reason, code;             /* -1 = any */
    int64_t since, until, after, limit; /* seen last at or after since, first at or before until */
    const char *q;                      /* NULL, or somewhere in its names; or an address of it */
    bool newest;                        /* the one seen last comes first; else by id */
    int64_t before_last, before_id;     /* then: those that come behind this one */
};

#endif
