/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What others are told: the ring of events, and alarms. */
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
    e->metrics.alarms++;
    keep_alarm(e, text);
    (void)add_text(e, "alarm", text);
}
