/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Verbs of the audit log: reading it, checkpoints, proofs, keys. */
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "gateway/control.h"

#define SCAN_MAX 20000           /* records looked at in one answer */
#define VERIFY_FILES 32          /* checked while everybody waits: about a second */
#define STANDARD sodium_base64_VARIANT_ORIGINAL

static struct reply bad_query(void)
{
    return reply_error(400, "bad_query", "A value behind '?' is not of its form.",
                       "limit and last are 1 to 5000; after, since, until, from and size are "
                       "numbers; log is audit or attempts.");
}

static struct reply unsigned_log(void)
{
    return reply_error(503, "not_signed", "The audit log cannot be signed.",
                       "portcullis status shows the alarm, the journal has more.");
}

/* ---- values --------------------------------------------------------------------------------- */

static json_t *base64_json(const void *p, size_t n)
{
    size_t size = sodium_base64_encoded_len(n, STANDARD);
    char *text = malloc(size);
    json_t *o = text ? json_string(sodium_bin2base64(text, size, p, n, STANDARD)) : NULL;

    free(text);
    return o;
}

static json_t *proof_json(const struct merkle_proof *p)
{
    json_t *list = json_array();

    for (size_t i = 0; i < p->n; i++)
        json_array_append_new(list, base64_json(p->v[i].b, sizeof p->v[i].b));
    return list;
}

static json_t *keys_json(struct audit *a)
{
    size_t n = 0, one;
    char *text = audit_keys(a, &n);
    json_t *list = text ? json_array() : NULL;

    for (size_t at = 0; list && (one = note_length(text + at, n - at)) > 0; at += one)
        json_array_append_new(list, json_stringn(text + at, one));
    free(text);
    return list;
}

/* ---- what is looked for --------------------------------------------------------------------- */

struct search {
    const char *about, *actor, *act;         /* NULL = any */
    int64_t since, until, limit, after;
    json_t *(*make)(struct search *s, const struct record *r, const uint8_t *bytes, size_t n);
    struct audit *log;
    uint64_t size;                           /* of the tree that proofs are for */
    json_t *items;
    uint64_t seen, looked;                   /* the last number looked at; how many were */
    bool more;
};

/* The object, or the person or device of a lease or a posture. */
static bool is_about(const struct record *r, const char *name)
{
    if (strcmp(r->object, name) == 0)
        return true;
    json_t *detail = json_loads(r->detail, 0, NULL);
    const char *user = json_string_value(json_object_get(detail, "user"));
    const char *device = json_string_value(json_object_get(detail, "device"));
    bool found = (user && strcmp(user, name) == 0) || (device && strcmp(device, name) == 0);
    json_decref(detail);
    return found;
}

/* "user" is also "user.add" and "user.revoke". */
static bool is_act(const char *act, const char *wanted)
{
    size_t n = strlen(wanted);

    return strncmp(act, wanted, n) == 0 && (act[n] == '\0' || act[n] == '.');
}

static bool fits(const struct search *s, const struct record *r)
{
    int64_t t = r->time_us / 1000000;

    return t >= s->since && t <= s->until && (!s->actor || strcmp(r->actor, s->actor) == 0) &&
           (!s->act || is_act(r->act, s->act)) && (!s->about || is_about(r, s->about));
}

static bool look(void *arg, const struct record *r, const uint8_t *bytes, size_t n)
{
    struct search *s = arg;
    bool full = (int64_t)json_array_size(s->items) >= s->limit;

    if (full || s->looked == SCAN_MAX || (s->size > 0 && r->number > s->size)) {
        s->more = full || s->looked == SCAN_MAX;
        return false;
    }
    s->looked++;
    s->seen = r->number;
    json_t *item = fits(s, r) ? s->make(s, r, bytes, n) : NULL;
    if (item)
        json_array_append_new(s->items, item);
    return true;
}

static bool read_search(struct engine *e, const struct request *q, struct search *s,
                        struct reply *error)
{
    const char *log = query_get(q, "log");
    int64_t newest = 0, last;

    s->about = query_get(q, "about");
    s->actor = query_get(q, "actor");
    s->act = query_get(q, "act");
    s->until = INT64_MAX;
    s->log = log && strcmp(log, "attempts") == 0 ? e->batches : e->audit;
    if (!query_page(q, &s->limit, &s->after, error))
        return false;
    *error = bad_query();
    if ((log && s->log == e->audit && strcmp(log, "audit") != 0) ||
        !query_int(q, "since", 0, INT64_MAX, &s->since) ||
        !query_int(q, "until", 0, INT64_MAX, &s->until) || !query_int(q, "last", 1, 5000, &newest))
        return false;
    json_decref(error->body);
    last = (int64_t)audit_last(s->log);
    if (newest > 0 && last - newest > s->after)
        s->after = last - newest;
    s->after = s->after > 0 ? s->after : 0;
    return true;
}

static struct reply run_search(struct search *s)
{
    s->items = json_array();
    (void)audit_read(s->log, (uint64_t)s->after, look, s);
    json_t *o = json_pack("{s:o}", "items", s->items);
    if (s->more)
        json_object_set_new(o, "next", json_integer((json_int_t)s->seen));
    return (struct reply){200, o};
}

/* ---- records -------------------------------------------------------------------------------- */

static json_t *record_json(struct search *s, const struct record *r, const uint8_t *bytes, size_t n)
{
    struct merkle_hash leaf;
    char hash[2 * MERKLE_HASH + 1];
    json_t *detail = json_loads(r->detail, 0, NULL);

    (void)s;
    merkle_leaf(bytes, n, &leaf);
    json_t *o = json_pack("{s:I,s:I,s:s,s:s,s:s,s:s}", "seq", (json_int_t)r->number, "time",
                          (json_int_t)(r->time_us / 1000000), "actor", r->actor, "act", r->act,
                          "object", r->object, "hash",
                          sodium_bin2hex(hash, sizeof hash, leaf.b, sizeof leaf.b));
    if (r->uid == CONSOLE_UID)
        json_object_set_new(o, "console", json_true());
    else if (r->uid != ENGINE_UID)
        json_object_set_new(o, "uid", json_integer(r->uid));
    json_object_set_new(o, "detail", detail ? detail : json_object());
    return o;
}

struct reply control_audit(struct engine *e, struct request *q)
{
    struct search s = {.make = record_json};
    struct reply error;

    return read_search(e, q, &s, &error) ? run_search(&s) : error;
}

/* ---- proofs --------------------------------------------------------------------------------- */

static json_t *proved_json(struct search *s, const struct record *r, const uint8_t *bytes, size_t n)
{
    struct merkle_proof p;

    if (audit_inclusion(s->log, r->number, s->size, &p) < 0)
        return NULL;
    return json_pack("{s:o,s:o}", "record", base64_json(bytes, n), "proof", proof_json(&p));
}

struct reply control_audit_proof(struct engine *e, struct request *q)
{
    struct search s = {.make = proved_json};
    int64_t size = 0;
    struct reply error;

    if (!read_search(e, q, &s, &error))
        return error;
    if (!query_int(q, "size", 1, (int64_t)audit_last(s.log), &size))
        return bad_query();
    s.size = size > 0 ? (uint64_t)size : audit_last(s.log);
    return run_search(&s);
}

/* Origin, keys, a checkpoint signed now, and that it continues the last handover. NULL: no key. */
static json_t *signed_json(struct audit *a, struct checkpoint *at)
{
    struct merkle_proof p;
    char key[NOTE_KEY_TEXT];
    size_t n;
    const char *note = audit_checkpoint(a, at, &n);
    json_t *keys = note ? keys_json(a) : NULL;

    if (!keys || audit_consistency(a, audit_last_handover(a), at->size, &p) < 0) {
        json_decref(keys);
        return NULL;
    }
    return json_pack("{s:s,s:s,s:o,s:s#,s:o}", "portcullis", "log bundle 1", "origin",
                     note_key_print(audit_origin(a), key), "keys", keys, "checkpoint", note,
                     (int)n, "consistency", proof_json(&p));
}

static bool document_record(void *arg, const struct record *r, const uint8_t *bytes, size_t n)
{
    struct search *s = arg;

    json_t *one = proved_json(s, r, bytes, n);
    if (one)
        json_array_append_new(s->items, one);
    return false;
}

json_t *audit_document(struct engine *e, uint64_t number)
{
    struct search s = {.log = e->audit};
    struct checkpoint at;
    json_t *o = signed_json(e->audit, &at);

    if (!o || number == 0 || number > at.size) {
        json_decref(o);
        return NULL;
    }
    s.size = at.size;
    s.items = json_array();
    (void)audit_read(e->audit, number - 1, document_record, &s);
    json_object_set_new(o, "records", s.items);
    return o;
}

struct reply control_audit_checkpoint(struct engine *e, struct request *q)
{
    struct search s = {0};
    struct checkpoint at;
    struct merkle_proof p;
    int64_t from = -1;
    char dir[1024];
    struct reply error;

    if (!read_search(e, q, &s, &error))
        return error;
    if (!query_int(q, "from", 0, INT64_MAX, &from))
        return bad_query();
    audit_settle(e);         /* who asks may go on to read the files */
    json_t *o = signed_json(s.log, &at);
    if (!o)
        return unsigned_log();
    json_object_del(o, "portcullis");
    json_object_set_new(o, "size", json_integer((json_int_t)at.size));
    if (getcwd(dir, sizeof dir))
        json_object_set_new(o, "directory", json_sprintf("%s/%s", dir, s.log == e->audit ? "audit"
                                                                                 : "attempts"));
    if (from >= 0 && audit_consistency(s.log, (uint64_t)from, at.size, &p) == 0)
        json_object_set_new(o, "since", proof_json(&p));
    return (struct reply){200, o};
}

/* ---- the whole ------------------------------------------------------------------------------ */

struct reply control_audit_verify(struct engine *e, struct request *q)
{
    struct search s = {0};
    uint64_t records;
    char text[400];
    struct reply error;

    if (!read_search(e, q, &s, &error))
        return error;
    if (audit_files(s.log) > VERIFY_FILES)
        return reply_error(413, "too_large", "The log is too large to be checked while the gateway "
                           "serves.", "As root, portcullis audit verify reads the files itself.");
    bool whole = audit_verify(s.log, &records, text);
    if (!whole)
        alarm_raise(e, "the log of %s does not verify: %.120s",
                    s.log == e->audit ? "acts" : "attempts", text);
    return (struct reply){200, json_pack("{s:b,s:I,s:s}", "ok", whole, "records",
                                         (json_int_t)records, "text", text)};
}

struct reply control_audit_new_key(struct engine *e, struct request *q)
{
    if (audit_rotate(e, q->actor, q->uid) < 0)
        return unsigned_log();
    event_add(e, "act", "%s: audit.key", q->actor);
    json_int_t epoch = (json_int_t)audit_epochs(e->audit) - 1;
    return (struct reply){200, json_pack("{s:I}", "epoch", epoch)};
}
