/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The engine role from within: the one that decides, with the database, the audit log and the
 * policy. One thread, one loop, no sockets but its channels.
 *
 * Memory holds what the database holds (people, devices, leases) so that a question costs no
 * query; a change goes to database, kernel and memory together, by a batch (below).
 */
#ifndef GATEWAY_ENGINE_H
#define GATEWAY_ENGINE_H

#include <jansson.h>

#include "gateway/attempts.h"
#include "gateway/audit.h"
#include "gateway/challenges.h"
#include "gateway/channel.h"
#include "gateway/classes.h"
#include "gateway/engine_knock.h"
#include "gateway/engine_outlets.h"
#include "gateway/enrol_limits.h"
#include "gateway/evidence.h"
#include "gateway/loop.h"
#include "gateway/metrics.h"
#include "gateway/sessions.h"
#include "gateway/store.h"
#include "gateway/tls.h"

#define PARENT_TIMEOUT_MS 10000
#define EVENTS_MAX 1024
#define ALARMS_MAX 32
#define NONCES_MAX 4096
#define ENGINE_UID UINT32_MAX      /* the uid in records of what the engine did by itself */
#define CONSOLE_UID (UINT32_MAX - 1)   /* of what an admin did who is signed in at the console */

struct names { struct name_slot { uint32_t hash, id; } *v; size_t n, size; };   /* id 0 = free */
struct event {
    int64_t seq;
    struct wall time;
    const char *kind;
    char *text;
    struct attempt *attempt;         /* of one; NULL for the other kinds */
};
struct alarm { struct wall time; char text[200]; };
struct nonce { uint8_t v[NONCE_BYTES]; uint32_t device; int64_t end_boot_ms; };  /* 0 = free */
#define HISTORY_SAMPLES 1440       /* minutes */
struct history_sample { struct wall time; uint32_t leases, quarantine; uint64_t denied; };
struct history {                 /* ring: next modulo HISTORY_SAMPLES */
    struct history_sample v[HISTORY_SAMPLES];
    uint64_t next, denied;       /* denied: in all, when the last sample was taken */
};
struct peer_state {
    uint32_t device;
    struct ip_addr endpoint;  uint16_t port;
    int64_t handshake;
    uint64_t rx, tx;
};

struct engine {
    struct loop *loop;
    struct channel *parent;
    struct channel *peer[ROLES];     /* portal, api, capture; NULL while there is none */
    struct store *store;
    struct audit *audit, *batches;   /* what was done; what was refused, second by second */
    bool audit_unsynced, audit_behind, batches_unsynced, stopping, failed, serving;
    uint64_t outbox_from, batches_from;   /* what is behind: in the outbox; not on disk for sure */
    uint64_t rotate_at;              /* not before this tick: it failed */
    int64_t clock_start_s;           /* the wall clock less CLOCK_BOOTTIME, at the start */

    char gateway_file[128], policy_file[128], boot_id[64];
    struct gateway_conf conf;
    struct wg_key public_key;
    uint8_t backend;
    struct policy *policy;
    struct policy_version version;
    struct classes classes;
    struct posture_report *reports;  /* one for each posture of the policy: decide()'s scratch */

    struct user *users;  size_t n_users;      /* [id - 1] */
    struct dev *devs;    size_t n_devs;       /* [index]; 0 and gaps have state 0 */
    struct names user_names, dev_names, dev_keys;
    struct token_key *keys;  size_t n_keys;   /* sorted */
    int64_t n_jtis;
    struct nonce nonces[NONCES_MAX];
    struct wall jti_pruned;
    struct bucket sign_ins;                   /* of everybody */
    struct challenges challenges[2];          /* for passkeys: at the portal; at the console */
    struct session sessions[SESSIONS_MAX];  uint32_t session_last;
    struct tries tries;                       /* at the console */
    struct enrol_limits enrol_limits;

    struct event events[EVENTS_MAX];          /* ring: seq modulo EVENTS_MAX */
    int64_t event_first, event_next;          /* of this run */
    struct alarm alarms[ALARMS_MAX];  size_t n_alarms;
    struct attempts attempts;
    struct metric_counts metrics;
    struct bucket door_listed[2];    /* attempts at the doors of nobody we know, and of somebody */
    struct { struct tls_identity id; struct tls_facts facts; bool own; int64_t looked_s; } tls;
    struct outlets outlets;
    struct evidence_wait evidence[EVIDENCE_WAITING];
    uint32_t evidence_seq;
    struct knocks knocks;
    struct peer_state *peers;  size_t n_peers;  int64_t peers_at_ms;
    uint32_t deaths[ROLES];
    json_t *receipts;                         /* given, to be recorded; NULL = none */
    int64_t started_ms;
    uint64_t ticks;                           /* seconds of the loop */
    int64_t well_until_ms;                    /* the kernel was as it should be, not long ago */
    struct history history;
    bool clock_alarmed, full_alarmed, unsigned_alarmed, room_alarmed;
    int64_t confirm_boot_ms;                  /* when an unconfirmed policy goes; 0 = none */
    struct hold *holds;  size_t n_holds;      /* sorted by device */
    bool answers_due;
};

/* ---- engine.c: the loop and its messages ---------------------------------------------------- */

void engine_free(struct engine *e);
/* Is the wall clock trusted: synchronised, or the host's (`clock host`)? */
bool engine_clock_good(const struct engine *e);

/* ---- engine_start.c ------------------------------------------------------------------------- */

/* MSG_START's body: 0 ready and said so; -1 said MSG_FAILED. */
int engine_start(struct engine *e, const struct message *m);
/* Does the gateway.conf in it name a `tls` name, without which there are no passkeys? */
bool engine_start_names_tls(const struct message *m);

/* ---- engine_people.c ------------------------------------------------------------------------ */

/* NULL when there is none. Pointers are valid until the next one is added. */
struct user *user_by_name(struct engine *e, const char *name);
struct dev *dev_by_name(struct engine *e, const char *name);
struct dev *dev_by_index(struct engine *e, uint32_t index);
struct dev *dev_by_address(struct engine *e, const struct ip_addr *a);
/* The index whose tunnel address this is, given to a device or not; 0 = none has it. */
uint32_t dev_index_at(const struct gateway_conf *c, const struct ip_addr *a);
struct dev *dev_by_key(struct engine *e, const struct wg_key *k);
/* The end of this account has come; and: neither that nor revoked. */
bool user_over(const struct user *u);
bool user_stands(const struct user *u);
/* Of a device that is nobody's yet: an active person without a name and without roles. */
struct user *dev_user(struct engine *e, const struct dev *d);
struct user *user_add(struct engine *e, const struct user *u);     /* takes its texts over */
struct dev *dev_add(struct engine *e, const struct dev *d);        /* derives its addresses */
void dev_forget(struct engine *e, struct dev *d);                  /* the one added last */
/* Does this index have addresses in the tunnel networks? Fills them in. */
bool dev_address(const struct gateway_conf *c, struct device *d);
/* Enrolled in the kernel: itself and its user not ended by an admin, and it has an address. */
bool dev_should_enrol(struct engine *e, const struct dev *d);
/* Names by comma to bits of the policy; unknown names are passed over. And back. */
uint64_t roles_mask(const struct policy *p, const char *names);
char *roles_text(const struct policy *p, uint64_t roles, char out[ROLE_LIST_SIZE]);
void people_use_policy(struct engine *e);                          /* role masks anew */
struct token_key *key_by_kid(struct engine *e, const char *kid);
void key_add(struct engine *e, const struct token_key *k);
void people_clear(struct engine *e);
/* The name nearest to a mistyped one, "" when none is near. */
void nearest_name(const char *wrong, const char *candidate, char best[NAME_SIZE],
                  unsigned *distance);

/* ---- engine_kernel.c: requests to the parent ------------------------------------------------ */

struct kernel_changes { struct writer body; uint32_t n; bool sent; };   /* sent: some of them are */
void kernel_begin(struct kernel_changes *k);
void kernel_add(struct engine *e, struct kernel_changes *k, const struct change *c);
/* 0, or a negative errno or -(1000 + plan_error). A broken channel ends the engine. */
int kernel_commit(struct engine *e, struct kernel_changes *k, bool whole,
                  struct commit_answer *out);
int kernel_tunnel(struct engine *e);
int kernel_inspect(struct engine *e, uint32_t device, const struct ip_addr *dst, uint8_t proto,
                   uint16_t port, struct inspect_answer *out);
int kernel_counts(struct engine *e, struct rule_counts *out);
/* n handshakes, at most OPEN_MAX: what the parent makes of each, in order. */
struct knock;
struct opened { enum handshake_class class_; struct handshake_opened o; };
int kernel_open(struct engine *e, const struct knock *const *v, unsigned n, struct opened *out);
int kernel_verify(struct engine *e, char what[128]);
const struct peer_state *kernel_peer(struct engine *e, uint32_t device);   /* at most 2 s old */
/* Everything that memory holds, in one transaction. */
int kernel_whole(struct engine *e);
void kernel_ready(struct engine *e);
/* Opens a door of this role (parent_door.c). 0 or a negative errno. */
int kernel_door(struct engine *e, enum gateway_role role, const struct door_conf *d);
/* The file of that name beside gateway.conf, malloc'd, with a NUL behind its n bytes; NULL: it
 * cannot be had, and the parent has said why. */
char *kernel_outlet_file(struct engine *e, const char *name, size_t *n);
void kernel_end_role(struct engine *e, enum gateway_role r);   /* it said what it may not */
void kernel_courier(struct engine *e);             /* there is something for one to do */
const char *kernel_error(int rc);

/* ---- engine_batch.c: a change of database, kernel and memory -------------------------------- */

struct pending {                  /* what a device becomes when the batch holds */
    uint32_t index;
    bool enrolled;
    struct grant lease;
    enum decide_reason reason;
    enum refusal_code code;
    struct wall renew_at;
};
struct batch {
    struct engine *e;
    struct pending *v;  size_t n, size;
    bool class0, sweep;           /* class 0 was replaced; drop classes that nothing uses then */
    bool offline;                 /* at start: the kernel gets everything later, at once */
    struct commit_answer answer;  /* when there was something for the kernel */
    void (*before_disk)(struct batch *b, void *arg);  void *arg;   /* what is still to be recorded */
    uint64_t durable_ns;          /* CLOCK_MONOTONIC */
};
enum batch_order {
    DURABLE_FIRST,                /* grants */
    CUT_FIRST                     /* whatever takes away: the kernel before the disk */
};
void batch_begin(struct engine *e, struct batch *b);
/* The device's entry, made from its present state when it has none yet. */
struct pending *batch_dev(struct batch *b, const struct dev *d);
/* STORE_OK: all three hold it. STORE_FULL: after DURABLE_FIRST nothing changed; after CUT_FIRST
 * kernel and memory have it and the database does not. */
enum store_result batch_commit(struct batch *b, enum batch_order order);

/* ---- engine_events.c: what others are told -------------------------------------------------- */

void event_add(struct engine *e, const char *kind, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));
void event_attempt(struct engine *e, const struct attempt *a, const char *text);
void alarm_raise(struct engine *e, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
void events_clear(struct engine *e);

/* ---- engine_audit.c: the two logs ------------------------------------------------------------ */

/* Opens both; what is wrong with them is an alarm. */
void audit_start(struct engine *e);
/* An audit record inside the open transaction; its number. detail (may be NULL) is taken over. */
uint64_t audit_act(struct engine *e, const char *actor, uint32_t uid, const char *act,
                   const char *object, json_t *detail);
/* Commits the open transaction and the records in it. Always this, where there may be records. */
enum store_result audit_commit(struct engine *e);
/* A record in a transaction of its own. A full disk loses it, and says so. */
void audit_note(struct engine *e, const char *actor, uint32_t uid, const char *act,
                const char *object, json_t *detail);
void audit_flush(struct engine *e);               /* fsync and sign, when something is not yet */
/* What is old is removed by the wall clock: may it be, now? Not by one that is not trusted, nor
 * once it was set by a day or more since the start: one far ahead must not remove everything. */
bool audit_may_remove(const struct engine *e);
void audit_tick(struct engine *e);                /* each second */
void audit_settle(struct engine *e);              /* both logs: fsync and sign what is not yet */
/* One record of what a second refused: detail (taken over) holds the attempts and the counts. */
void audit_batch(struct engine *e, json_t *detail);
/* May attempts be kept? Not when the disk is nearly full: they stop first. */
bool audit_room(struct engine *e);
/* New signing keys for both logs. 0 or -1, alarmed. */
int audit_rotate(struct engine *e, const char *actor, uint32_t uid);

/* ---- engine_policy.c ------------------------------------------------------------------------ */

/* Parsed, its zones loaded, its own tests run. NULL when any of that fails: see diags. */
struct policy *policy_load(const char *text, size_t len, struct diags *diags);
struct policy *policy_load_untested(const char *text, size_t len, struct diags *diags);
/* All diagnostics as they are shown in a terminal; malloc'd. */
char *diags_text(const struct diags *d, const char *file, const char *text, size_t len);
struct apply {
    const char *actor;  uint32_t uid;
    const char *act;                 /* "policy.apply", "policy.rollback" ... */
    int64_t confirm_s;               /* 0 = in force at once for good */
    int64_t version;                 /* in: of a stored one to go back to, 0 = a new one; out */
    bool removal_confirmed;          /* it may take everything from most of those that are in */
    size_t changed;                  /* out: devices whose rights changed */
    size_t asked;                    /* out: people who have to sign their part of it */
    size_t in, lost;                 /* out: devices with a lease; those that it leaves nothing */
};
enum apply_result {
    APPLY_DONE = 0,
    APPLY_FULL,                      /* the disk is */
    APPLY_REMOVAL                    /* lost is 3 or more and more than half of in: confirm it */
};
/* Takes p over: in force in store, kernel and memory, or not at all. */
enum apply_result policy_apply(struct engine *e, struct policy *p, const char *text, size_t len,
                               struct apply *a);
void policy_use(struct engine *e, struct policy *p);   /* memory only, at start */
int policy_roll_back(struct engine *e, const char *actor, uint32_t uid, const char *why);
void policy_reload(struct engine *e, const char *text, size_t len, const char *cause);
void policy_tick(struct engine *e);

/* ---- engine_portal.c, engine_person.c, engine_nonce.c: the portal's questions ---------------- */

int portal_message(struct engine *e, const struct message *m);      /* -1: malformed */
/* PORTAL_SESSIONS, PORTAL_DENIALS: what the person of this device did in the last days. */
struct reply person_ask(struct engine *e, const struct dev *d, enum portal_verb verb,
                        const uint8_t *body, size_t len);
/* True and a nonce, or false: no room. */
bool nonce_new(struct engine *e, uint32_t device, uint8_t out[NONCE_BYTES]);
enum nonce_state nonce_find(const struct engine *e, uint32_t device, const uint8_t v[NONCE_BYTES]);
void nonce_use(struct engine *e, const uint8_t v[NONCE_BYTES]);
size_t nonces_drop(struct engine *e, uint32_t device);
/* Takes one from a bucket of `burst`, refilled at per_minute. False: empty. */
bool bucket_take(struct bucket *b, int64_t now_ms, unsigned burst, unsigned per_minute);

/* ---- engine_history.c: a sample a minute, of the last day and of this run -------------------- */

void history_tick(struct engine *e);                                /* each second */
void history_sample(struct engine *e);

/* ---- engine_doors.c, engine_tls.c ----------------------------------------------------------- */

void doors_start(struct engine *e);
/* What the servers behind the doors show; e->tls.id is empty when no door asks for TLS. */
void tls_start(struct engine *e);
void tls_reload(struct engine *e);                /* SIGHUP: the files again */
void tls_tick(struct engine *e);                  /* each second */
void tls_tell(struct engine *e, enum gateway_role r);   /* a new one, or all that is new to it */
/* Base64url of the SHA-256 of its public key, for agents; false: there is none. */
bool tls_pin(const struct engine *e, char out[TLS_PIN]);
void tls_clear(struct engine *e);

/* ---- engine_enrol.c, engine_console.c ------------------------------------------------------- */

int enrol_message(struct engine *e, const struct message *m);       /* -1: malformed */
int console_message(struct engine *e, const struct message *m);     /* -1: malformed */

/* ---- engine_metrics.c ----------------------------------------------------------------------- */

int metrics_message(struct engine *e, const struct message *m);     /* -1: malformed */

/* ---- engine_views.c: records as JSON -------------------------------------------------------- */

json_t *user_json(struct engine *e, const struct user *u);
const char *user_state_name(const struct user *u);
json_t *dev_json(struct engine *e, struct dev *d, bool with_posture);
const char *dev_state_name(struct engine *e, const struct dev *d);
const char *dev_sentence(struct engine *e, const struct dev *d, enum refusal_code *code);
/* Appends the rules of a report; where there is no room for all, those that fail. */
void rules_add(json_t *list, const struct posture_report *r);
json_t *posture_json(struct engine *e, struct dev *d);   /* NULL: no evidence */
json_t *time_json(struct wall t);
json_t *role_names_json(const struct policy *p, uint64_t roles);

#endif
