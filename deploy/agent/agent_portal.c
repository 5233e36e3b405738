/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Addresses as a URL wants them, and the portal's requests. */
#include "deploy/agent/agent_portal.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>

#include "deploy/agent/agent_http.h"

#define WHY 160
#define TOKEN_TYPE "application/eat+jwt"

/* ---- addresses ---- */

/* 1..65535, strictly. */
static bool port_valid(const char *s)
{
    long port = 0;

    for (size_t i = 0; s[i]; i++) {
        if (s[i] < '0' || s[i] > '9' || i == 5)
            return false;
        port = port * 10 + (s[i] - '0');
    }
    return port >= 1 && port <= 65535 && s[0] != '0';
}

static bool split(const char *text, char address[AGENT_GATEWAY_TEXT], const char **port)
{
    const char *end = text + strlen(text), *colon = strrchr(text, ':');

    *port = NULL;
    if (text[0] == '[') {
        end = strchr(++text, ']');
        if (!end || (end[1] != '\0' && end[1] != ':'))
            return false;
        *port = end[1] == ':' ? end + 2 : NULL;
    } else if (colon && strchr(text, ':') == colon) {
        end = colon;
        *port = colon + 1;
    }
    if ((size_t)(end - text) >= INET6_ADDRSTRLEN)
        return false;
    snprintf(address, AGENT_GATEWAY_TEXT, "%.*s", (int)(end - text), text);
    return true;
}

bool agent_gateway_parse(const char *text, char out[AGENT_GATEWAY_TEXT])
{
    char address[AGENT_GATEWAY_TEXT];
    const char *port;
    uint8_t bytes[16];
    bool v4, v6;

    if (!split(text, address, &port) || (port && !port_valid(port)))
        return false;
    v4 = text[0] != '[' && inet_pton(AF_INET, address, bytes) == 1;
    v6 = inet_pton(AF_INET6, address, bytes) == 1;
    if (!v4 && !v6)
        return false;
    snprintf(out, AGENT_GATEWAY_TEXT, v6 ? "[%s]%s%s" : "%s%s%s", address, port ? ":" : "",
             port ? port : "");
    return true;
}

/* ---- requests ---- */

static int ask(const char *gateway, const char *path, const char *token, json_t **answer,
               char why[WHY])
{
    char url[AGENT_GATEWAY_TEXT + 32];
    struct agent_request r = {.url = url, .where = gateway, .type = TOKEN_TYPE, .body = token};
    long status;

    snprintf(url, sizeof url, "http://%s%s", gateway, path);
    return agent_http(&r, &status, answer, why);
}

int agent_portal_nonce(const char *gateway, json_t **answer, char why[WHY])
{
    return ask(gateway, "/v1/nonce", NULL, answer, why);
}

int agent_portal_me(const char *gateway, json_t **answer, char why[WHY])
{
    return ask(gateway, "/v1/me", NULL, answer, why);
}

int agent_portal_post(const char *gateway, const char *token, json_t **answer, char why[WHY])
{
    return ask(gateway, "/v1/posture", token, answer, why);
}

static bool copy_text(const json_t *v, char *out, size_t size)
{
    size_t len = json_string_length(v);

    if (len == 0 || len >= size)
        return false;
    memcpy(out, json_string_value(v), len + 1);
    return true;
}

bool agent_nonce_read(const json_t *answer, struct agent_nonce *out)
{
    return copy_text(json_object_get(answer, "nonce"), out->nonce, sizeof out->nonce) &&
           copy_text(json_object_get(answer, "audience"), out->audience, sizeof out->audience);
}
