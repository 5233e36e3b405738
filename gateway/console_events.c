/* SPDX-License-Identifier: GPL-2.0-or-later */
/* See console_events.h. */
#include "gateway/console_events.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "gateway/clock.h"
#include "gateway/http_role.h"
#include "gateway/http_stream.h"

#define TICK_MS 1000
#define QUIET_TICKS 5            /* then a comment, to see whether the reader is still there */
#define PATIENCE_MS 10000        /* with the engine */
#define BATCH 200                /* events in one answer */

static struct stream {
    struct http_request *r;      /* NULL = free */
    char session[SESSION_MAX + 1];
    int64_t after;
    uint32_t seq;                /* of the question that is open; 0 = none */
    int64_t asked_ms;
    unsigned quiet;
} streams[CONSOLE_STREAMS];

bool console_events_asked(const struct http_request *r)
{
    const char *accept;
    return r->method == HTTP_GET && !r->head && strcmp(r->target.path, "/v1/events") == 0 &&
           http_header(r, "Accept", &accept) == 1 && strstr(accept, "text/event-stream") != NULL;
}

const char *console_events_query(const struct http_request *r, char out[32])
{
    const char *id;
    uint64_t seq;
    if (!console_events_asked(r) || http_header(r, "Last-Event-ID", &id) != 1 ||
        !http_length_parse(id, &seq))
        return r->target.query;
    snprintf(out, 32, "after=%llu", (unsigned long long)seq);
    return out;
}

/* ---- to the browser ------------------------------------------------------------------------- */

static void send_item(struct stream *s, const json_t *item)
{
    int64_t seq = json_integer_value(json_object_get(item, "seq"));
    char *json = json_dumps(item, JSON_COMPACT), *text = NULL;
    int n = json ? asprintf(&text, "id: %lld\ndata: %s\n\n", (long long)seq, json) : -1;

    if (n >= 0) {
        (void)http_stream_send(s->r, text, (size_t)n);
        free(text);
    }
    free(json);
    s->quiet = 0;
}

/* An answer that is not of the agreed form ends the stream. */
static void send_items(struct stream *s, const uint8_t *json, size_t len)
{
    json_t *o = json_loadb((const char *)json, len, 0, NULL), *item;
    const json_t *items = json_object_get(o, "items");
    size_t i;

    if (!json_is_object(o)) {
        http_stream_end(s->r);
        return;
    }
    s->after = json_integer_value(json_object_get(o, "last"));
    json_array_foreach(items, i, item)
        send_item(s, item);
    json_decref(o);
}

void console_events_begin(struct http_request *r, const char *session, const uint8_t *json,
                          size_t len)
{
    static const char hello[] = "retry: 3000\n\n";

    for (size_t i = 0; i < CONSOLE_STREAMS; i++) {
        struct stream *s = &streams[i];
        if (s->r)
            continue;
        *s = (struct stream){.r = r};
        snprintf(s->session, sizeof s->session, "%s", session);
        if (!http_stream_begin(r, "text/event-stream")) {
            s->r = NULL;
            return;
        }
        (void)http_stream_send(r, hello, sizeof hello - 1);
        send_items(s, json, len);
        return;
    }
    http_refuse(r, &HTTP_BUSY);
}

void console_events_ended(void *engine, struct http_request *r)
{
    (void)engine;
    for (size_t i = 0; i < CONSOLE_STREAMS; i++)
        if (streams[i].r == r)
            streams[i] = (struct stream){0};
}

/* ---- from the engine ------------------------------------------------------------------------ */

void console_events_other(struct http_engine *e, uint32_t seq, unsigned int status,
                          const uint8_t *json, size_t len)
{
    (void)e;
    for (size_t i = 0; i < CONSOLE_STREAMS; i++) {
        struct stream *s = &streams[i];
        if (!s->r || s->seq != seq)
            continue;
        s->seq = 0;
        if (status == 200)
            send_items(s, json, len);
        else
            http_stream_end(s->r);
        return;
    }
}

static void ask(struct http_engine *e, struct stream *s)
{
    char query[64];
    struct writer w;

    snprintf(query, sizeof query, "after=%lld&limit=%d", (long long)s->after, BATCH);
    writer_init(&w, 4096);
    http_role_put_console(&w, s->session, &s->r->peer, CONTROL_GET, "/v1/events", query);
    put_blob(&w, NULL, 0);
    if (http_engine_ask_aside(e, MSG_CONSOLE, &w, &s->seq) == 0)
        s->asked_ms = clock_boot_ms();
    writer_clear(&w);
}

static void on_tick(void *engine, uint32_t events)
{
    static const char comment[] = ":\n\n";
    struct http_engine *e = engine;

    (void)events;
    for (size_t i = 0; i < CONSOLE_STREAMS; i++) {
        struct stream *s = &streams[i];
        if (!s->r)
            continue;
        if (s->seq == 0)
            ask(e, s);
        else if (clock_boot_ms() - s->asked_ms > PATIENCE_MS)
            http_stream_end(s->r);
        if (++s->quiet % QUIET_TICKS == 0)
            (void)http_stream_send(s->r, comment, sizeof comment - 1);
    }
    http_server_run(e->server);
}

void console_events_start(struct http_engine *e)
{
    (void)loop_timer(e->loop, TICK_MS, TICK_MS, on_tick, e);
}
