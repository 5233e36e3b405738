/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Every message between roles: number, who sends it to whom, its body. Numbers are never reused.
 *
 * The table MESSAGES is the whole permission: a role that receives a type which the sender may
 * not send, or whose body does not read to the end, ends that sender (the parent kills the role,
 * a role without a lawful parent exits). An answer carries the seq of its request.
 */
#ifndef GATEWAY_MESSAGES_H
#define GATEWAY_MESSAGES_H

#include "gateway/wire.h"
#include "policy/plan.h"

/* Not "enum role": policy/policy.h has a struct of that name, and the engine needs both. */
enum gateway_role { ROLE_PARENT = 0, ROLE_ENGINE, ROLE_PORTAL, ROLE_API, ROLE_CAPTURE, ROLE_COURIER,
                    ROLE_ENROL, ROLE_CONSOLE, ROLES };
const char *role_name(enum gateway_role r);        /* "engine" */

/* type, number, from, to, largest body */
#define MESSAGES(X)                                                                             \
    /* parent -> engine */                                                                      \
    X(MSG_START, 1, ROLE_PARENT, ROLE_ENGINE, 4u << 20)     /* both config texts, see below */   \
    X(MSG_CHANNEL, 2, ROLE_PARENT, ROLE_ENGINE, 16)         /* u8 role, +fd: a (new) peer role */ \
    X(MSG_RELOAD, 3, ROLE_PARENT, ROLE_ENGINE, 4u << 20)    /* blob policy text (SIGHUP) */      \
    X(MSG_STOP, 4, ROLE_PARENT, ROLE_ENGINE, 0)             /* commit what is open, exit 0 */    \
    X(MSG_FOREIGN, 5, ROLE_PARENT, ROLE_ENGINE, 512)        /* text what, u64 ns from notice to repair, u8 repaired */ \
    X(MSG_ROLE_DIED, 6, ROLE_PARENT, ROLE_ENGINE, 16)       /* u8 role, u32 wait status */       \
    X(MSG_ANSWER, 7, ROLE_PARENT, ROLE_ENGINE, 4u << 20)    /* i32 result as u32, then by request */ \
    /* engine -> parent: each is answered by MSG_ANSWER; result is 0 or a negative errno, or    \
       -(1000 + plan_error) */                                                                  \
    X(MSG_TUNNEL, 20, ROLE_ENGINE, ROLE_PARENT, 1024)       /* tunnel; once. Answer: raw wg public key 32, u8 wg_backend */ \
    X(MSG_CHANGES, 21, ROLE_ENGINE, ROLE_PARENT, 4u << 20)  /* u32 n, n x change: staged, not answered */ \
    X(MSG_COMMIT, 22, ROLE_ENGINE, ROLE_PARENT, 16)         /* u8 whole: staged list is everything (start); answer: see struct commit_answer */ \
    X(MSG_INSPECT, 23, ROLE_ENGINE, ROLE_PARENT, 64)        /* u32 device, addr dst, u8 proto, u16 port; answer: struct inspect_answer */ \
    X(MSG_COUNTS, 24, ROLE_ENGINE, ROLE_PARENT, 0)          /* answer: DENY_REASONS x (u64 denied, u64 logged), u64 knocks, u64 knocks logged */ \
    X(MSG_PEERS, 25, ROLE_ENGINE, ROLE_PARENT, 0)           /* answer: u32 n, n x (u32 device, addr endpoint, u16 port, i64 last handshake, u64 rx, u64 tx) */ \
    X(MSG_READY, 26, ROLE_ENGINE, ROLE_PARENT, 0)           /* state is loaded and in the kernel: open the doors (portal, api, capture) */ \
    X(MSG_VERIFY, 27, ROLE_ENGINE, ROLE_PARENT, 0)          /* compare kernel and wish now; answer: text first difference or "" */ \
    X(MSG_FAILED, 28, ROLE_ENGINE, ROLE_PARENT, 2048)       /* text: why the engine cannot start; the parent prints it and exits 1 */ \
    X(MSG_OPEN, 29, ROLE_ENGINE, ROLE_PARENT, 2048)         /* u8 n (1..OPEN_MAX), n x raw 148: who opens them? Answer: n x (u8 handshake_class: bad-mac, undecryptable, unknown-key = opened; raw key 32, raw time 12) */ \
    /* portal -> engine, and back */                                                            \
    X(MSG_PORTAL, 40, ROLE_PORTAL, ROLE_ENGINE, 16384)      /* u8 enum portal_verb, addr peer, blob body (<= 8193) */ \
    X(MSG_PORTAL_REPLY, 41, ROLE_ENGINE, ROLE_PORTAL, 65536) /* u16 http status, blob JSON */    \
    /* api -> engine, and back */                                                               \
    X(MSG_CONTROL, 50, ROLE_API, ROLE_ENGINE, 2u << 20)     /* u8 enum control_method, u32 uid, u32 gid, text actor(<=64), text path(<=512), text query(<=1024), blob body(<= 1.1 MiB) */ \
    X(MSG_CONTROL_REPLY, 51, ROLE_ENGINE, ROLE_API, 4u << 20) /* u16 http status, blob JSON */   \
    /* capture -> engine */                                                                     \
    X(MSG_DENIED, 60, ROLE_CAPTURE, ROLE_ENGINE, 65536)     /* u16 n, n x denied packet (capture.h) */ \
    X(MSG_LOST, 61, ROLE_CAPTURE, ROLE_ENGINE, 16)          /* u64 packets lost between kernel and capture, by sequence numbers */ \
    X(MSG_KNOCKS, 62, ROLE_CAPTURE, ROLE_ENGINE, 16384)     /* u16 n, n x knock (capture_knock.h) */ \
    X(MSG_KNOCK_COUNTS, 63, ROLE_CAPTURE, ROLE_ENGINE, 32)  /* struct knock_counts, in order */ \
    /* where attempts go, and the metrics */                                                    \
    X(MSG_COURIER, 71, ROLE_ENGINE, ROLE_PARENT, 0)         /* there are outlets: start the courier with the others. Answer: result */ \
    X(MSG_OUTLET_FILE, 72, ROLE_ENGINE, ROLE_PARENT, 128)   /* text name, of a .key or .pem beside gateway.conf. Answer: result, blob content (<= 64 KiB) */ \
    X(MSG_OUTLET, 74, ROLE_ENGINE, ROLE_COURIER, 1u << 17)  /* u8 index, outlet, blob CA (courier.h) */ \
    X(MSG_DELIVER, 75, ROLE_ENGINE, ROLE_COURIER, 1u << 19) /* item, text signature or "", blob line or body */ \
    X(MSG_DELIVERED, 76, ROLE_COURIER, ROLE_ENGINE, 32)     /* item, u8 enum delivery, u16 HTTP status or 0 */ \
    X(MSG_EVIDENCE, 77, ROLE_ENGINE, ROLE_CAPTURE, 1024)    /* struct evidence_query (evidence.h): which packets are there? The answer repeats its seq */ \
    X(MSG_EVIDENCE_FILE, 78, ROLE_CAPTURE, ROLE_ENGINE, (1u << 20) + 16)   /* u32 packets, blob pcapng */ \
    X(MSG_METRICS, 73, ROLE_API, ROLE_ENGINE, 0)            /* answered by MSG_CONTROL_REPLY with text */ \
    /* doors beyond the tunnel, and TLS */                                                     \
    X(MSG_DOOR, 80, ROLE_ENGINE, ROLE_PARENT, 512)          /* u8 role, text iface, addr (family 0: all of the interface's), u16 port, u8 n, n x (addr, u8 prefix length): who may connect. Answer: result */ \
    X(MSG_TLS_ENROL, 81, ROLE_ENGINE, ROLE_ENROL, 1u << 18)     /* struct tls_identity (tls.h): first, and again when it changes */ \
    X(MSG_TLS_CONSOLE, 82, ROLE_ENGINE, ROLE_CONSOLE, 1u << 18) /* likewise */                  \
    X(MSG_TLS_PORTAL, 83, ROLE_ENGINE, ROLE_PORTAL, 1u << 18)   /* likewise */                  \
    X(MSG_ENROL, 84, ROLE_ENROL, ROLE_ENGINE, 1u << 14)     /* addr peer, u8 enum enrol_verb, blob JSON (<= 8192) */ \
    X(MSG_ENROL_REPLY, 85, ROLE_ENGINE, ROLE_ENROL, 1u << 16)   /* u16 http status, blob JSON */ \
    X(MSG_CONSOLE, 86, ROLE_CONSOLE, ROLE_ENGINE, 2u << 20) /* text session(<=64, "" = none), addr peer, u8 enum control_method, text path(<=512), text query(<=1024), blob body(<= 1.1 MiB) */ \
    X(MSG_CONSOLE_REPLY, 87, ROLE_ENGINE, ROLE_CONSOLE, 4u << 20) /* u16 http status, text session to set ("": keep, "-": drop), blob JSON */ \
    X(MSG_END_ROLE, 88, ROLE_ENGINE, ROLE_PARENT, 4)        /* u8 role: it said what it may not. Not answered */ \
    /* parent -> portal, api, capture, enrol, console: they get listening descriptors before exec, no messages */

enum message_type {
    MSG_NONE = 0,
#define X(name, number, from, to, max) name = number,
    MESSAGES(X)
#undef X
};

/* May `from` send this type to `to`, with a body of len? */
bool message_allowed(enum message_type t, enum gateway_role from, enum gateway_role to, uint32_t len);

#define OPEN_MAX 8             /* handshakes opened in one request: less than a millisecond */

enum portal_verb {
    PORTAL_NONCE = 1, PORTAL_POSTURE, PORTAL_ME,
    PORTAL_SIGN_IN, PORTAL_SET_UP, PORTAL_CONFIRM, PORTAL_LOST,  /* body: blob, blob: as typed */
    PORTAL_POLICY, PORTAL_ACKNOWLEDGE,                           /* body: blob, SHA-256 in hex */
    PORTAL_PASSKEYS,                           /* those of the person */
    PORTAL_PASSKEY_NEW, PORTAL_PASSKEY_ASK,    /* what the browser is asked */
    PORTAL_PASSKEY_ADD, PORTAL_PASSKEY_SIGN_IN,      /* body: JSON, what it answers (passkeys.h) */
    PORTAL_PASSKEY_RENAME, PORTAL_PASSKEY_REMOVE,    /* body: blob, blob: id, name */
    PORTAL_SESSIONS, PORTAL_DENIALS,     /* body: blob: "", or the `next` of the page before */
    PORTAL_VERBS
};
enum enrol_verb { ENROL_REDEEM = 1 };
#define CONTROL_BODY_MAX (1126u << 10)     /* 1.1 MiB: a policy, and what is around it */
#define CONTROL_QUERY 1025     /* characters behind '?', with a NUL */
#define ENROL_BODY_MAX 8192
#define SESSION_MAX 64         /* characters of a session's token */
enum control_method { CONTROL_GET = 1, CONTROL_POST, CONTROL_PUT, CONTROL_DELETE };

/*
 * Bodies.
 * MSG_START: text state directory (for messages only), text gateway file name, blob gateway.conf,
 *   text policy file name, blob policy.conf, text boot id.
 * change: u8 kind, then by kind: device | u32 index | lease | u32 device | class: u16 id, u32 n, n x permit
 *   | u16 id.
 * MSG_COMMIT answer after result: struct commit_answer, in order.
 */
struct commit_answer {
    uint32_t at;               /* index of the refused change, for a plan error */
    uint64_t kernel_ns;        /* CLOCK_MONOTONIC when the nftables transaction was acknowledged */
    uint64_t done_ns;          /* when connections and peers were done as well */
    uint32_t connections;      /* ended */
    /* read back after it, over the devices that this commit dropped: */
    uint32_t leases_left, connections_left, peers_left;
};
/* MSG_INSPECT answer after result, in order (bools as u8). */
struct inspect_answer {
    bool enrolled, lease, live, peer;
    uint32_t mark;
    int64_t left_ms;
    uint32_t connections;
    bool permitted;            /* by the class sets as read back from the kernel */
};

void put_commit_answer(struct writer *w, const struct commit_answer *a);
void get_commit_answer(struct reader *r, struct commit_answer *a);
void put_inspect_answer(struct writer *w, const struct inspect_answer *a);
void get_inspect_answer(struct reader *r, struct inspect_answer *a);
void put_change(struct writer *w, const struct change *c);
/* The permits of a class are malloc'd: changes_add() takes them over, else free() them. A failed
 * read leaves none. */
void get_change(struct reader *r, struct change *c);

#endif
