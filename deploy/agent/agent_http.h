/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * One request and its JSON answer, by libcurl with everything of it switched off that is not
 * needed: no proxy, no redirect, no other protocol. Answers are bounded.
 */
#ifndef AGENT_HTTP_H
#define AGENT_HTTP_H

#include <jansson.h>
#include <stdbool.h>

struct agent_request {
    const char *url;       /* of parts that were checked */
    const char *where;     /* the server's name in sentences */
    const char *type;      /* Content-Type of the body */
    const char *body;      /* NULL: a GET */
    bool tls;              /* https alone; otherwise http alone */
    const char *pin;       /* "sha256//BASE64" of the server's public key: it and nothing else is
                              believed; NULL: the authorities of this system */
};

/* 0 when the server answered with a JSON object (also when it refused: *status and the object say
 * so); -1 with a sentence in why. *answer is a new reference. */
int agent_http(const struct agent_request *r, long *status, json_t **answer, char why[160]);

#endif
