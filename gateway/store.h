/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What outlives the engine: one SQLite database, one connection, synchronous=FULL.
 *
 * Every change belongs to a transaction: store_begin(), any number of changes, store_commit().
 * A change that fails sticks, and the commit says so, having left the database as before. The
 * callers check meaning (names taken, states) before they begin; what is left is a full disk. An
 * I/O error, a failed fsync or a damaged file ends the process: enforcement goes on without it.
 */
#ifndef GATEWAY_STORE_H
#define GATEWAY_STORE_H

#include "gateway/handshake.h"
#include "gateway/records.h"

struct store;   /* opaque */

enum store_result {
    STORE_OK = 0,
    STORE_NONE = 1,       /* no such row */
    STORE_FULL = -1,      /* no space, nothing was changed */
    STORE_TAKEN = -2      /* a name or key that must be unique is not */
};

/* Opens, or makes, the database `file` in the working directory. 0, or -1 and why: held by
 * another daemon, damaged, made by a newer version, not writable. */
int store_open(struct store **out, const char *file, char why[256]);
void store_close(struct store *s);

void store_begin(struct store *s);
enum store_result store_commit(struct store *s);
void store_rollback(struct store *s);
/* Gives back the space kept for hard times; a revocation may then try once more. True if there
 * was some to give. */
bool store_release_reserve(struct store *s);

/* ---- single values -------------------------------------------------------------------------- */

int64_t store_get(struct store *s, const char *key, int64_t otherwise);
void store_set(struct store *s, const char *key, int64_t value);
/* 0 or STORE_NONE; n bytes exactly. */
enum store_result store_get_blob(struct store *s, const char *key, void *out, size_t n);
void store_set_blob(struct store *s, const char *key, const void *p, size_t n);

/* ---- people, devices, issuers --------------------------------------------------------------- */

void store_put_user(struct store *s, const struct user *u);            /* by id */
void store_put_dev(struct store *s, const struct dev *d);              /* by index */
void store_each_user(struct store *s, void (*each)(void *arg, struct user *u), void *arg);
/* With lease and the times of the last evidence; in order of index. `roles`: names, by comma. */
void store_each_dev(struct store *s, void (*each)(void *arg, struct dev *d, const char *roles),
                    void *arg);
void store_get_ueid(struct store *s, uint32_t device, char out[CLAIM_TEXT]);   /* "" = not fixed */
void store_set_ueid(struct store *s, uint32_t device, const char *ueid);
void store_put_key(struct store *s, const struct token_key *k);
void store_each_key(struct store *s, void (*each)(void *arg, const struct token_key *k), void *arg);

/* ---- leases and what they rest on ----------------------------------------------------------- */

void store_put_lease(struct store *s, uint32_t device, const struct grant *g, const char *roles);
void store_drop_lease(struct store *s, uint32_t device);
void store_put_evidence(struct store *s, uint32_t device, const struct evidence *ev);
enum store_result store_get_evidence(struct store *s, uint32_t device, struct evidence *out);
void store_drop_evidence(struct store *s, uint32_t device);
void store_drop_kid_evidence(struct store *s, const char *kid);
/* Devices whose evidence was signed with this key. */
void store_each_kid_device(struct store *s, const char *kid,
                           void (*each)(void *arg, uint32_t device), void *arg);
/* What attempts have brought on a device; in order of index. */
void store_put_hold(struct store *s, const struct hold *h);
void store_drop_hold(struct store *s, uint32_t device);
void store_each_hold(struct store *s, void (*each)(void *arg, const struct hold *h), void *arg);
/* Ids of a device's newest attempts of this kind (and reason, unless -1) since then. */
void store_newest_attempts(struct store *s, const char *device, enum attempt_kind kind, int reason,
                           struct wall since, int64_t out[HOLD_ATTEMPTS]);
/* The boot changed, and what CLOCK_BOOTTIME said is void: what is left of leases and evidence by
 * the wall clock is measured by it from boot_ms on, once; nothing of what begins in the future. */
void store_new_boot(struct store *s, int64_t boot_ms, struct wall now);

/* Grace and exceptions of one device; at most max of each. */
size_t store_get_grace(struct store *s, uint32_t device, struct grace_row *out, size_t max);
void store_put_grace(struct store *s, uint32_t device, const struct grace_row *g);
void store_drop_grace(struct store *s, uint32_t device, const char *rule);
size_t store_get_exceptions(struct store *s, uint32_t device, struct exception *out, size_t max);
void store_put_exception(struct store *s, uint32_t device, const struct exception *x,
                         const char *by, struct wall now);

bool store_jti_seen(struct store *s, const char *iss, const char *jti);
void store_put_jti(struct store *s, const char *iss, const char *jti, struct wall exp);
void store_prune_jti(struct store *s, struct wall now);
int64_t store_count_jti(struct store *s);

/* ---- access classes, policies --------------------------------------------------------------- */

void store_put_class(struct store *s, uint16_t id, const void *permits, size_t n);
void store_drop_class(struct store *s, uint16_t id);
void store_each_class(struct store *s,
                      void (*each)(void *arg, uint16_t id, const uint8_t *permits, size_t n),
                      void *arg);

int64_t store_add_policy(struct store *s, const struct policy_version *v, const char *text,
                         size_t len);                                  /* its version */
/* version 0: the one in force. *text (malloc'd) may be NULL: not wanted. */
enum store_result store_get_policy(struct store *s, int64_t version, struct policy_version *out,
                                   char **text, size_t *len);
void store_policy_in_force(struct store *s, int64_t version, struct wall confirm_until,
                           int64_t previous);

/* ---- admins (store_admins.c) ----------------------------------------------------------------- */

void store_put_admin(struct store *s, uint32_t user, const struct admin *a);
void store_drop_admin(struct store *s, uint32_t user);
void store_each_admin(struct store *s, void (*each)(void *arg, uint32_t user, const struct admin *a),
                      void *arg);

/* ---- attempts, handshakes, audit outbox ------------------------------------------------------ */

/* Adds to its like. The id of the record; 0 when it could not be written. */
int64_t store_add_attempt(struct store *s, const struct attempt *a);
/* STORE_OK or STORE_NONE. */
enum store_result store_get_attempt(struct store *s, int64_t id, struct attempt *out);
void store_prune_attempts(struct store *s, int64_t keep);
void store_prune_old_attempts(struct store *s, struct wall before);   /* last seen before; not of cases */
void store_each_attempt(struct store *s, const struct attempt_filter *f,
                        void (*each)(void *arg, const struct attempt *a), void *arg);
/* Of one device, while it was this person's; the newest first, seen since then and before (last,
 * id). */
void store_each_attempt_of(struct store *s, const char *device, const char *user, struct wall since,
                           int64_t last, int64_t id, int64_t limit,
                           void (*each)(void *arg, const struct attempt *a), void *arg);

/* The greatest time that a handshake of this device bore. */
void store_put_handshake(struct store *s, uint32_t device, const uint8_t time[HANDSHAKE_TIME]);
void store_each_handshake(struct store *s,
                          void (*each)(void *arg, uint32_t device,
                                       const uint8_t time[HANDSHAKE_TIME]), void *arg);

void store_put_outbox(struct store *s, uint64_t seq, const void *record, size_t n);
void store_drop_outbox(struct store *s, uint64_t up_to);
void store_each_outbox(struct store *s, void (*each)(void *arg, const uint8_t *record, size_t n),
                       void *arg);

/* ---- deliveries: what waits to be sent, by the outlet's name; in order of id ----------------- */

struct outlet_books { uint64_t delivered, dropped; };    /* since the first start */
void store_add_delivery(struct store *s, const char *outlet, const void *event, size_t n);
/* Behind `after`, at most limit of them. */
void store_each_delivery(struct store *s, const char *outlet, int64_t after, int64_t limit,
                         void (*each)(void *arg, int64_t id, const void *event, size_t n),
                         void *arg);
uint64_t store_count_deliveries(struct store *s, const char *outlet);
void store_drop_deliveries(struct store *s, const char *outlet, int64_t up_to);
/* The id of the n-th oldest, from 1; 0: there are fewer. */
int64_t store_nth_delivery(struct store *s, const char *outlet, uint64_t n);
void store_each_outlet(struct store *s, void (*each)(void *arg, const char *outlet), void *arg);
struct outlet_books store_get_outlet(struct store *s, const char *outlet);
void store_put_outlet(struct store *s, const char *outlet, const struct outlet_books *b);

#endif
