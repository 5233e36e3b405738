/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What others are told: the ring of events, alarms, and records of the audit log. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "gateway/clock.h"
#include "gateway/engine.h"
#include "gateway/log.h"

static struct event *add_text(struct engine *e, const char *kind, const char *text)
{
    struct event *slot = &e->events[e->event_next % EVENTS_MAX];

    free(slot->text);
    free(slot->attempt);
    *slot = (struct event){e->event_next++, clock_wall(), kind, strdup(text), NULL};
    if (!slot->text)
        fatal("out of memory");
    return slot;
}

void event_add(struct engine *e, const char *kind, const char *fmt, ...)
{
    char text[512];
    va_list args;

    va_start(args, fmt);
    vsnprintf(text, sizeof text, fmt, args);
    va_end(args);
    (void)add_text(e, kind, text);
}

void event_attempt(struct engine *e, const struct attempt *a, const char *text)
{
    struct event *slot = add_text(e, "attempt", text);

    slot->attempt = malloc(sizeof *slot->attempt);
    if (!slot->attempt)
        fatal("out of memory");
    *slot->attempt = *a;
}

void events_clear(struct engine *e)
{
    for (size_t i = 0; i < EVENTS_MAX; i++) {
        free(e->events[i].text);
        free(e->events[i].attempt);
    }
}

/* The last ALARMS_MAX are shown by status. */
static void keep_alarm(struct engine *e, const char *text)
{
    if (e->n_alarms == ALARMS_MAX)
        memmove(e->alarms, e->alarms + 1, --e->n_alarms * sizeof *e->alarms);
    struct alarm *a = &e->alarms[e->n_alarms++];
    a->time = clock_wall();
    snprintf(a->text, sizeof a->text, "%s", text);
}

void alarm_raise(struct engine *e, const char *fmt, ...)
{
    char text[200];
    va_list args;

    va_start(args, fmt);
    vsnprintf(text, sizeof text, fmt, args);
    va_end(args);
    log_alarm("%s", text);
    keep_alarm(e, text);
    (void)add_text(e, "alarm", text);
}

static char *detail_text(json_t *detail)
{
    char *text = detail ? json_dumps(detail, JSON_COMPACT | JSON_SORT_KEYS) : strdup("{}");

    json_decref(detail);
    if (!text)
        fatal("out of memory");
    if (strlen(text) >= AUDIT_DETAIL_MAX)
        memcpy(text, "{\"cut\":true}", sizeof "{\"cut\":true}");
    return text;
}

uint64_t audit_act(struct engine *e, const char *actor, uint32_t uid, const char *act,
                   const char *object, json_t *detail)
{
    char *text = detail_text(detail);
    struct audit_record r = {.time_us = clock_wall_us(), .uid = uid, .actor = actor, .act = act,
                             .object = object, .detail = text};
    size_t n;
    const uint8_t *bytes = audit_add(e->audit, &r, &n);

    store_put_outbox(e->store, r.seq, bytes, n);
    free(text);
    return r.seq;
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

void audit_flush(struct engine *e)
{
    struct audit_mark mark;

    if (!e->audit_unsynced || audit_write_pending(e->audit) < 0)
        return;
    if (audit_sync(e->audit, &mark) < 0)
        fatal("the audit log cannot be made durable");
    e->audit_unsynced = e->audit_behind = false;
    store_begin(e->store);
    store_drop_outbox(e->store, mark.seq);
    store_set_blob(e->store, "audit_mark", &mark, sizeof mark);
    (void)store_commit(e->store);   /* a full disk: the outbox keeps them a while longer */
}
