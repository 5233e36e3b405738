/* SPDX-License-Identifier: GPL-2.0-or-later */
/* While there is nothing to send the connection is suspended: it costs nothing then. */
#include "gateway/http_stream.h"

#include <stdlib.h>
#include <string.h>

#include "gateway/http_exchange.h"

#define BLOCK 4096

struct http_stream {
    struct http_exchange *x;
    char *bytes;
    size_t n;
    bool ended, asleep;
};

static ssize_t give(void *stream, uint64_t at, char *out, size_t room)
{
    struct http_stream *s = stream;
    size_t n = s->n < room ? s->n : room;

    (void)at;
    if (n == 0 && s->ended)
        return MHD_CONTENT_READER_END_OF_STREAM;
    if (n == 0) {
        s->asleep = true;
        MHD_suspend_connection(s->x->connection);
        return 0;
    }
    memcpy(out, s->bytes, n);
    memmove(s->bytes, s->bytes + n, s->n - n);
    s->n -= n;
    return (ssize_t)n;
}

static void wake(struct http_stream *s)
{
    if (s->asleep)
        MHD_resume_connection(s->x->connection);
    s->asleep = false;
}

void http_stream_free(struct http_stream *s)
{
    if (s)
        free(s->bytes);
    free(s);
}

bool http_stream_begin(struct http_request *r, const char *type)
{
    struct http_exchange *x = r->exchange;
    struct http_stream *s = calloc(1, sizeof *s);
    struct MHD_Response *m =
        s ? MHD_create_response_from_callback(MHD_SIZE_UNKNOWN, BLOCK, give, s, NULL) : NULL;

    if (!m) {
        free(s);
        http_refuse(r, &HTTP_BUSY);
        return false;
    }
    s->x = x;
    x->stream = s;
    http_connection_keep(x);
    http_exchange_respond(x, 200, m, type, NULL);
    return x->response != NULL;
}

bool http_stream_send(struct http_request *r, const char *text, size_t len)
{
    struct http_stream *s = r->exchange->stream;

    if (!s || s->ended)
        return false;
    char *more = len <= HTTP_STREAM_MAX - s->n ? realloc(s->bytes, s->n + len) : NULL;
    if (!more) {
        s->n = 0;
        http_stream_end(r);
        return false;
    }
    s->bytes = more;
    memcpy(s->bytes + s->n, text, len);
    s->n += len;
    wake(s);
    return true;
}

void http_stream_end(struct http_request *r)
{
    struct http_stream *s = r->exchange->stream;

    if (!s)
        return;
    s->ended = true;
    wake(s);
}
