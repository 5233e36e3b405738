/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The control contract (admin/CONTROL.md): a table of verbs, each a function from request to
 * reply. The api role only carries; here is decided who may and what is meant.
 */
#ifndef GATEWAY_CONTROL_H
#define GATEWAY_CONTROL_H

#include "gateway/engine.h"

struct reply { int status; json_t *body; };   /* body is owned; status 0: it is sent later */

#define QUERY_MAX 12
struct query_value { char name[16]; char value[200]; };

struct request {
    enum control_method method;
    uint32_t uid, gid;
    char actor[ACTOR_SIZE];
    char path[513];
    enum right right;               /* what who asks may do */
    uint32_t user;                  /* the admin who asks; 0 = at the control socket */
    struct ip_addr peer;            /* from where; of family 0 at the control socket */
    bool console;                   /* by the console, and not the control socket */
    uint32_t session;               /* the session's id; 0 = none */
    char new_session[SESSION_MAX + 1];   /* what the browser is told of it: see engine_console.h */
    struct query_value query[QUERY_MAX];  size_t n_query;
    const uint8_t *body;  size_t body_len;
    uint32_t seq;                   /* under which the api role waits */
    char name[KID_SIZE];            /* the part of the path that the pattern leaves open */
    uint64_t arrived_ns;            /* CLOCK_MONOTONIC */
    int64_t arrived_us;             /* wall clock */
};

int control_message(struct engine *e, const struct message *m);    /* -1: malformed */
/* Path, query and body, with which each message of this contract ends. False: malformed. */
bool control_read(struct reader *r, unsigned method, struct request *q, char query[CONTROL_QUERY]);
/* What an answer leaves to be done once it is sent. */
void control_after(struct engine *e);
/* A request of which is known who asks, and with which rights. */
struct reply control_act(struct engine *e, struct request *q, const char *query);
/* The same without a channel, for tests and fuzzing: from the control socket, with all rights. */
struct reply control_answer(struct engine *e, struct request *q, const char *query);

/* ---- replies -------------------------------------------------------------------------------- */

struct reply reply_error(int status, const char *code, const char *message, const char *hint);
struct reply reply_errorf(int status, const char *code, const char *hint, const char *fmt, ...)
    __attribute__((format(printf, 4, 5)));
struct reply reply_full(void);       /* 503: the disk is full, nothing was changed */
struct reply reply_bad_query(void);  /* 400: a value behind '?' */
/* A list of at most `limit` items; when there are more, "next" is the `key` of the last one. */
struct item_list { json_t *items; int64_t limit; const char *key; json_t *next; };
void list_add(struct item_list *l, json_t *item);          /* takes it over */
struct reply list_reply(struct item_list *l);
/* Status, session (NULL: this contract has none) and JSON as a message's body; frees r. */
void reply_write(struct writer *w, size_t max, const char *session, struct reply *r);
/* Sends and frees. 0, or -1: the channel is broken. */
int reply_send(struct engine *e, struct channel *c, enum message_type type, uint32_t seq,
               size_t max, struct reply *r);

/* ---- reading requests ----------------------------------------------------------------------- */

/* Members of a JSON body: read one by one; at the end what was not asked for is refused. The
 * first error sticks. */
struct body {
    json_t *o;
    unsigned taken;
    bool failed;
    struct reply error;
    char names[256];                 /* asked for, for the hint */
};
void body_open(struct body *b, const struct request *q, bool may_be_empty);
/* NULL / otherwise when it is absent (an error when it is `needed`). Valid until body_close(). */
const char *body_text(struct body *b, const char *name, size_t max, bool needed);
int64_t body_int(struct body *b, const char *name, int64_t least, int64_t most, int64_t otherwise);
bool body_bool(struct body *b, const char *name, bool otherwise);
json_t *body_member(struct body *b, const char *name, json_type type, bool needed);
void body_fail(struct body *b, struct reply r);    /* keeps the first */
/* True: all read, nothing left over. */
bool body_done(struct body *b);
void body_close(struct body *b);                   /* and wipes its texts */

const char *query_get(const struct request *q, const char *name);   /* NULL: absent */
/* False: not a number within the bounds. */
bool query_int(const struct request *q, const char *name, int64_t least, int64_t most, int64_t *v);
/* limit and after=NUMBER of a list; false: *error says why. */
bool query_page(const struct request *q, int64_t *limit, int64_t *after, struct reply *error);

int64_t path_number(const struct request *q);   /* in place of a name; 0: it is none */
bool name_valid(const char *s);      /* [a-z0-9][a-z0-9._-]{0,62} */

/* The i-th verb of the table; "*" stands for one name. False: there are no more. */
struct verb_said { enum control_method method; const char *path; enum right least; };
bool control_verb_at(size_t i, struct verb_said *out);

/* ---- verbs ---------------------------------------------------------------------------------- */

typedef struct reply control_verb(struct engine *e, struct request *q);
control_verb control_openapi, control_status;
control_verb control_users, control_user_add, control_user, control_user_roles,
    control_user_revoke, control_user_restore, control_user_sign_in, control_user_compromised;
control_verb control_devices, control_device_add, control_device, control_device_revoke,
    control_device_lost, control_device_retire, control_device_exception, control_device_assign,
    control_device_approve;
control_verb control_cases, control_case_open, control_case, control_case_note, control_case_close;
control_verb control_respond, control_respond_allow, control_device_unlock;
control_verb control_issuers, control_issuer_add, control_issuer_revoke;
control_verb control_policy_check, control_policy_diff, control_policy_apply,
    control_policy_confirm, control_policy_rollback, control_policy_show;
control_verb control_who, control_explain, control_attempts, control_attempt,
    control_attempt_packets, control_events, control_history;
control_verb control_audit, control_audit_proof, control_audit_checkpoint, control_audit_verify,
    control_audit_new_key;

/* A bundle (policy/bundle.h) of this one record of the audit log, signed now. NULL: not possible. */
json_t *audit_document(struct engine *e, uint64_t number);

/* ---- what is searched for (q=) --------------------------------------------------------------- */

/* q somewhere in what a person, or a device, is known by; NULL fits all. Small and capital ASCII
 * letters are the same. A whole address or WireGuard key finds its device. */
bool user_found(const struct user *u, const char *q);
bool dev_found(struct engine *e, const struct dev *d, const char *q);

/* ---- shared by verbs ------------------------------------------------------------------------ */

json_t *attempt_json(const struct attempt *a);
struct reply no_such_user(struct engine *e, const char *name);
struct reply is_revoked(const struct user *u);     /* 409 */
struct reply no_such_device(struct engine *e, const char *name);
/* Decides the user's devices anew, in the batch. */
void decide_user_devices(struct batch *b, const struct user *u, const char *cause);
/* Cuts devices off for good: kernel, database, then the receipt. `ended` says what becomes of
 * user or device in memory and, by a store_put, in the database. */
struct cut {
    const char *kind, *object, *reason;
    struct user *user;               /* all its devices, and itself; or NULL */
    bool compromised;                /* of user: the person stays, secrets and keys end for good */
    struct wall at;                  /* then: when its devices ended, which have `state` already */
    struct dev *dev;                 /* this one */
    enum dev_state state;            /* of dev */
};
struct reply cut_off(struct engine *e, struct request *q, const struct cut *c);
/* Enrols a key of an issuer: checks it, and what it clashes with. */
bool issuer_read(struct engine *e, struct body *b, struct token_key *out);

#endif
