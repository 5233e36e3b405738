/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Refusals of the HTTP roles themselves, in the one form of the control contract:
 * {"error": {"code", "message", "hint"}}.
 */
#ifndef GATEWAY_HTTP_ANSWER_H
#define GATEWAY_HTTP_ANSWER_H

#include <stddef.h>

/* Constant texts, printable, without quotes and backslashes. */
struct http_refusal {
    unsigned int status;
    const char *code, *message, *hint;
};

/* Of every role that speaks HTTP. */
extern const struct http_refusal HTTP_TWO_LENGTHS, HTTP_CHUNKED, HTTP_BAD_TARGET, HTTP_LONG_TARGET,
    HTTP_BODY_TOO_LARGE, HTTP_BODY_UNEXPECTED, HTTP_NOT_FOUND, HTTP_BAD_METHOD, HTTP_BUSY,
    HTTP_ENGINE_SILENT, HTTP_ENGINE_DOWN, HTTP_INTERNAL;

/* The refusal as JSON text with a line end; malloc'd, NULL: memory. */
char *http_refusal_json(const struct http_refusal *r, size_t *len);

#endif
