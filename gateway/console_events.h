/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Events as they come, to browsers that ask GET /v1/events for text/event-stream: once a second the
 * console asks the engine on behalf of each stream's session, and ends the stream when the answer
 * is not 200 any more.
 */
#ifndef GATEWAY_CONSOLE_EVENTS_H
#define GATEWAY_CONSOLE_EVENTS_H

#include "gateway/http_engine.h"

#define CONSOLE_STREAMS 32

void console_events_start(struct http_engine *e);
bool console_events_asked(const struct http_request *r);
/* The query to ask the engine with: the request's own, or for a browser that comes back, by its
 * Last-Event-ID, where it was. */
const char *console_events_query(const struct http_request *r, char out[32]);
/* The engine's first answer to such a request: becomes a stream, or a refusal. */
void console_events_begin(struct http_request *r, const char *session, const uint8_t *json,
                          size_t len);
http_engine_other console_events_other;
void console_events_ended(void *engine, struct http_request *r);

#endif
