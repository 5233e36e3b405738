/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The refusals that the portal and the api share. */
#include "gateway/http_answer.h"

#include <stdio.h>

const struct http_refusal HTTP_TWO_LENGTHS = {
    400,
    "bad_length",
    "The length of the body is not given exactly once, in digits.",
    "Send one Content-Length and no Transfer-Encoding.",
};
const struct http_refusal HTTP_CHUNKED = {
    411,
    "length_required",
    "A body must say its length before it comes.",
    "Send Content-Length instead of Transfer-Encoding.",
};
const struct http_refusal HTTP_BAD_TARGET = {
    400,
    "bad_path",
    "The path or the query holds characters that do not belong there.",
    "Paths are names divided by single slashes; write anything else into the query, encoded.",
};
const struct http_refusal HTTP_LONG_TARGET = {
    414,
    "path_too_long",
    "The path or the query is too long.",
    "At most 512 bytes of path and 1024 of query.",
};
const struct http_refusal HTTP_BODY_TOO_LARGE = {
    413,
    "body_too_large",
    "The body is larger than this path accepts.",
    "A posture token has at most 8192 bytes, a policy at most 1 MiB.",
};
const struct http_refusal HTTP_BODY_UNEXPECTED = {
    400,
    "body_unexpected",
    "A request of this method carries no body.",
    "Leave the body out, or use POST.",
};
const struct http_refusal HTTP_NOT_FOUND = {
    404,
    "not_found",
    "There is nothing under this path.",
    "See the control contract for the paths.",
};
const struct http_refusal HTTP_BAD_METHOD = {
    405,
    "bad_method",
    "This path does not know this method.",
    "See the Allow header.",
};
const struct http_refusal HTTP_BUSY = {
    503,
    "busy",
    "The gateway is answering too many requests at this moment.",
    "Try again in a few seconds.",
};
const struct http_refusal HTTP_ENGINE_SILENT = {
    503,
    "engine_silent",
    "The gateway did not decide in time.",
    "Try again; if it persists, the daemon's log tells the administrator why.",
};
const struct http_refusal HTTP_ENGINE_DOWN = {
    503,
    "engine_down",
    "The deciding part of the gateway is restarting.",
    "Try again in a few seconds; access that was granted goes on meanwhile.",
};
const struct http_refusal HTTP_INTERNAL = {
    500,
    "internal",
    "The gateway could not make an answer.",
    "Try again; if it persists, the daemon's log tells the administrator why.",
};

char *http_refusal_json(const struct http_refusal *r, size_t *len)
{
    char *text = NULL;
    int n =
        asprintf(&text, "{\"error\": {\"code\": \"%s\", \"message\": \"%s\", \"hint\": \"%s\"}}\n",
                 r->code, r->message, r->hint);
    if (n < 0)
        return NULL;
    *len = (size_t)n;
    return text;
}
