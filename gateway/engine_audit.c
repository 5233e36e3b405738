/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The engine's two logs: records with the transaction of what they tell of, one flush a second,
 * keys that change each week, old records that go.
 *
 * When is a checkpoint signed? Whenever somebody asks for one, and with each flush: a signature
 * costs 20 us. Before that nobody has seen the new records, and what is lost with the machine's
 * memory comes back from the outbox, so that nothing is gained by signing in the transaction.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "gateway/clock.h"
#include "gateway/engine.h"
#include "gateway/log.h"

#define OUTBOX_KEPT 128          /* records, then the outbox is emptied: one transaction for all */
#define BATCH_SYNC_S 60          /* attempts are fsynced and signed each minute */
#define RETAIN_EVERY_S 3600
#define SEGMENT_ACTS_S (30 * 86400)
#define SEGMENT_ATTEMPTS_S 86400
#define FREE_BYTES (64u << 20)   /* attempts stop when less is free, or less than ... */
#define FREE_SHARE 16            /* ... this part of the file system */
#define DAY_S 86400

/* ---- records -------------------------------------------------------------------------------- */

static char *detail_text(json_t *detail, size_t max)
{
    const size_t flags = JSON_COMPACT | JSON_SORT_KEYS | JSON_REAL_PRECISION(10);
    char *text = detail ? json_dumps(detail, flags) : strdup("{}");

    json_decref(detail);
    if (!text && !(text = strdup("{\"unreadable\":true}")))
        fatal("out of memory");
    if (strlen(text) > max)
        memcpy(text, "{\"cut\":true}", sizeof "{\"cut\":true}");
    return text;
}

static const char *fit(const char *s, char *out, size_t size)
{
    snprintf(out, size, "%s", s);
    record_fit(out, size - 1);
    return out;
}

struct texts {
    char actor[RECORD_ACTOR_MAX + 1], act[RECORD_ACT_MAX + 1], object[RECORD_OBJECT_MAX + 1];
};

static struct record make_record(struct texts *t, enum record_type type, const char *actor,
                                 uint32_t uid, const char *act, const char *object)
{
    return (struct record){.type = type, .time_us = clock_wall_us(), .uid = uid,
                           .actor = fit(actor, t->actor, sizeof t->actor),
                           .act = fit(act, t->act, sizeof t->act),
                           .object = fit(object, t->object, sizeof t->object)};
}

static uint64_t add(struct engine *e, enum record_type type, const char *actor, uint32_t uid,
                    const char *act, const char *object, json_t *detail)
{
    char *text = detail_text(detail, RECORD_DETAIL_MAX);
    struct texts t;
    struct record r = make_record(&t, type, actor, uid, act, object);
    size_t n;

    r.detail = text;
    const uint8_t *bytes = audit_add(e->audit, &r, &n);
    store_put_outbox(e->store, r.number, bytes, n);
    free(text);
    return r.number;
}

uint64_t audit_act(struct engine *e, const char *actor, uint32_t uid, const char *act,
                   const char *object, json_t *detail)
{
    return add(e, RECORD_ACT, actor, uid, act, object, detail);
}

enum store_result audit_commit(struct engine *e)
{
    enum store_result r = store_commit(e->store);

    if (r != STORE_OK) {
        audit_drop_pending(e->audit);
        return r;
    }
    if (audit_write_pending(e->audit) < 0 && !e->audit_behind) {
        e->audit_behind = true;   /* the outbox has it: the file catches up when there is space */
        alarm_raise(e, "the audit log cannot be written (disk full?): kept in the database");
    }
    e->audit_unsynced = true;
    return r;
}

void audit_note(struct engine *e, const char *actor, uint32_t uid, const char *act,
                const char *object, json_t *detail)
{
    store_begin(e->store);
    (void)audit_act(e, actor, uid, act, object, detail);
    if (audit_commit(e) != STORE_OK)
        log_warn("the disk is full: not recorded: %s %s", act, object);
}

/* ---- on disk -------------------------------------------------------------------------------- */

/* Without a key, or with bytes on disk that are not those that were written. */
static void alarm_unsigned(struct engine *e, struct audit *a, const char *what)
{
    struct checkpoint at;
    size_t n;

    if (audit_checkpoint(a, &at, &n) || e->unsigned_alarmed)
        return;
    e->unsigned_alarmed = true;
    alarm_raise(e, "the log of %s is not signed any more: its key is missing, or its files do not "
                "hold what was written", what);
}

static void empty_outbox(struct engine *e, const struct audit_mark *mark)
{
    store_begin(e->store);
    store_drop_outbox(e->store, mark->seq);
    store_set_blob(e->store, "audit_mark", mark, sizeof *mark);
    if (store_commit(e->store) == STORE_OK)   /* a full disk: it keeps them a while longer */
        e->outbox_from = mark->seq;
}

/* `all`: the outbox is emptied however little is in it. */
static void flush(struct engine *e, bool all)
{
    struct audit_mark mark;

    if (!e->audit_unsynced || audit_write_pending(e->audit) < 0)
        return;
    if (audit_sync(e->audit, &mark) < 0)
        fatal("the audit log cannot be made durable");
    e->audit_unsynced = e->audit_behind = false;
    alarm_unsigned(e, e->audit, "acts");
    if (mark.seq > e->outbox_from && (all || mark.seq - e->outbox_from >= OUTBOX_KEPT))
        empty_outbox(e, &mark);
}

void audit_flush(struct engine *e) { flush(e, !e->serving || e->stopping); }

/* ---- attempts ------------------------------------------------------------------------------- */

bool audit_room(struct engine *e)
{
    uint64_t available, whole;

    if (audit_space(e->batches, &available, &whole) < 0)
        return true;
    bool room = available >= FREE_BYTES || available >= whole / FREE_SHARE;
    if (!room && !e->room_alarmed)
        alarm_raise(e, "the disk is nearly full: attempts are only counted, not kept");
    e->room_alarmed = !room;
    return room;
}

void audit_batch(struct engine *e, json_t *detail)
{
    char *text = detail_text(detail, RECORD_BATCH_MAX);
    struct texts t;
    struct record r = make_record(&t, RECORD_ATTEMPTS, "engine", ENGINE_UID, "attempts", "");
    size_t n;

    r.detail = text;
    (void)audit_add(e->batches, &r, &n);
    if (audit_write_pending(e->batches) < 0)
        audit_forget_pending(e->batches);   /* the database has it; the next one counts all */
    e->batches_unsynced = true;
    free(text);
}

static void sync_batches(struct engine *e)
{
    struct audit_mark mark;

    if (!e->batches_unsynced || audit_write_pending(e->batches) < 0)
        return;
    if (audit_sync(e->batches, &mark) < 0)
        fatal("the log of attempts cannot be made durable");
    e->batches_unsynced = false;
    alarm_unsigned(e, e->batches, "attempts");
    if (mark.seq == e->batches_from)
        return;
    e->batches_from = mark.seq;
    store_begin(e->store);
    store_set_blob(e->store, "attempts_mark", &mark, sizeof mark);
    (void)store_commit(e->store);
}

/* ---- keys ----------------------------------------------------------------------------------- */

int audit_rotate(struct engine *e, const char *actor, uint32_t uid)
{
    struct checkpoint at;
    size_t n;
    int rc = audit_checkpoint(e->audit, &at, &n) ? 0 : -ENOKEY;

    if (rc == 0) {
        audit_note(e, actor, uid, "audit.key", audit_origin(e->audit)->name,
                   json_pack("{s:I}", "epoch", (json_int_t)audit_epochs(e->audit)));
        rc = audit_write_pending(e->audit);
    }
    if (rc == 0)
        rc = audit_new_key(e->audit, clock_wall().s);
    /* What a handover says must be on disk; of attempts the database has no copy. */
    e->audit_unsynced = e->batches_unsynced = true;
    sync_batches(e);
    if (rc == 0 && !e->batches_unsynced)
        rc = audit_new_key(e->batches, clock_wall().s);
    audit_settle(e);
    if (rc < 0)
        alarm_raise(e, "the audit log's signing key could not be changed: %s", strerror(-rc));
    return rc;
}

/* Also when the clock was far ahead once, else that key would never end. */
static bool key_is_old(const struct audit *a)
{
    int64_t age = clock_wall().s - audit_key_began(a);

    return age >= AUDIT_EPOCH_S || age < -DAY_S;
}

/* ---- retention ------------------------------------------------------------------------------ */

static int64_t clock_start(void) { return clock_wall().s - clock_boot_ms() / 1000; }

/* As the machine's own clock since the start, within a day? */
static bool clock_steady(const struct engine *e)
{
    int64_t set = clock_start() - e->clock_start_s;

    return set > -DAY_S && set < DAY_S;
}

bool audit_may_remove(const struct engine *e) { return engine_clock_good(e) && clock_steady(e); }

static json_t *removal(uint64_t through, struct span keep)
{
    return json_pack("{s:I,s:I}", "through", (json_int_t)through, "kept_days",
                     (json_int_t)(keep.s / DAY_S));
}

static void retain_acts(struct engine *e)
{
    struct span keep = e->conf.keep_acts;
    uint64_t through = audit_old(e->audit, clock_wall_us() - keep.s * 1000000);
    char number[24];

    if (through == 0)
        return;
    snprintf(number, sizeof number, "%llu", (unsigned long long)through);
    store_begin(e->store);
    (void)add(e, RECORD_REMOVED, "engine", ENGINE_UID, "audit.remove", number,
              removal(through, keep));
    if (audit_commit(e) != STORE_OK)
        return;
    flush(e, true);
    if (!e->audit_unsynced && e->outbox_from > through)
        audit_remove(e->audit, through);
}

static void retain_attempts(struct engine *e)
{
    struct span keep = e->conf.keep_packets;
    uint64_t through = audit_old(e->batches, clock_wall_us() - keep.s * 1000000);
    char number[24], *text;
    struct texts t;
    size_t n;

    if (through == 0)
        return;
    snprintf(number, sizeof number, "%llu", (unsigned long long)through);
    struct record r = make_record(&t, RECORD_REMOVED, "engine", ENGINE_UID, "attempts.remove",
                                  number);
    r.detail = text = detail_text(removal(through, keep), RECORD_DETAIL_MAX);
    (void)audit_add(e->batches, &r, &n);
    free(text);
    e->batches_unsynced = true;
    sync_batches(e);
    if (!e->batches_unsynced)
        audit_remove(e->batches, through);
}

/* ---- life ----------------------------------------------------------------------------------- */

static void replay(void *arg, const uint8_t *record, size_t n)
{
    struct engine *e = arg;

    if (audit_replay(e->audit, record, n) < 0)
        alarm_raise(e, "the audit log held other records than were written; they are put back from "
                    "the database where it has them");
    e->audit_unsynced = true;
}

static struct audit *open_log(struct engine *e, const char *name, const char *mark_name,
                              uint64_t *from)
{
    char origin[NOTE_NAME_SIZE], why[160];
    struct audit_mark mark = {0};
    struct audit *a;
    uint64_t cut;

    snprintf(origin, sizeof origin, "portcullis/%.63s/%s",
             e->conf.name[0] ? e->conf.name : "gateway", name);
    (void)store_get_blob(e->store, mark_name, &mark, sizeof mark);
    *from = mark.seq;
    if (audit_open(&a, AT_FDCWD, name, origin, &mark, &cut, why) < 0)
        alarm_raise(e, "the log '%s' is damaged: %s", name, why);
    if (cut > 0)
        alarm_raise(e, "the log '%s' ended within a record: %llu bytes were cut off", name,
                    (unsigned long long)cut);
    return a;
}

static void compare(struct engine *e, struct audit *a, const char *name)
{
    char why[160];

    if (audit_compare(a, why) < 0)
        alarm_raise(e, "the log '%s' is not as it was: %s", name, why);
}

void audit_start(struct engine *e)
{
    e->clock_start_s = clock_start();
    e->audit = open_log(e, "audit", "audit_mark", &e->outbox_from);
    e->batches = open_log(e, "attempts", "attempts_mark", &e->batches_from);
    audit_segment_age(e->audit, SEGMENT_ACTS_S);
    audit_segment_age(e->batches, SEGMENT_ATTEMPTS_S);
    store_each_outbox(e->store, replay, e);
    compare(e, e->audit, "audit");
    compare(e, e->batches, "attempts");
    e->audit_unsynced = e->batches_unsynced = true;
    audit_flush(e);
    sync_batches(e);
}

void audit_tick(struct engine *e)
{
    audit_flush(e);
    if (e->ticks % BATCH_SYNC_S == 0)
        sync_batches(e);
    if (e->ticks >= e->rotate_at && key_is_old(e->audit) &&
        audit_rotate(e, "engine", ENGINE_UID) < 0)
        e->rotate_at = e->ticks + RETAIN_EVERY_S;
    if (e->ticks % RETAIN_EVERY_S != 0)
        return;
    if (audit_may_remove(e)) {
        retain_acts(e);
        retain_attempts(e);
    } else if (!clock_steady(e)) {
        alarm_raise(e, "the clock was set by more than a day: no old record is removed before the "
                    "next start");
    }
}

void audit_settle(struct engine *e)
{
    audit_flush(e);
    sync_batches(e);
}
