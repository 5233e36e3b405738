/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * An answer without an end: lines that are sent as they come. Its connection is not bound by the
 * time limits of others; what its reader does not take is bounded, and ends it.
 */
#ifndef GATEWAY_HTTP_STREAM_H
#define GATEWAY_HTTP_STREAM_H

#include "gateway/http_server.h"

#define HTTP_STREAM_MAX (1u << 20)   /* bytes that wait for one reader */

/* Answers 200 with this type; r lives until ended() of the server's ops is called with it. False:
 * it was refused instead. */
bool http_stream_begin(struct http_request *r, const char *type);
/* False: the reader is too slow, the stream ends. */
bool http_stream_send(struct http_request *r, const char *text, size_t len);
void http_stream_end(struct http_request *r);

#endif
