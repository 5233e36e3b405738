/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Two requests by libcurl, with everything of it switched off that they do not need. */
#include "deploy/agent/agent_portal.h"

#include <arpa/inet.h>
#include <curl/curl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define WHY 160
#define ANSWER_MAX (256u << 10)
#define CONNECT_S 5L
#define WHOLE_S 20L
#define TOKEN_TYPE "Content-Type: application/eat+jwt"

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

struct body { char *s; size_t len; };

static size_t take_body(char *data, size_t size, size_t n, void *arg)
{
    struct body *b = arg;
    size_t more = size * n;
    char *grown;

    if (more > ANSWER_MAX - b->len)
        return 0;
    grown = realloc(b->s, b->len + more + 1);
    if (!grown)
        return 0;
    memcpy(grown + b->len, data, more);
    b->s = grown;
    b->len += more;
    return more;
}

static void set_up(CURL *c, const char *url, struct body *b)
{
    curl_easy_setopt(c, CURLOPT_URL, url);
    curl_easy_setopt(c, CURLOPT_PROTOCOLS_STR, "http");
    curl_easy_setopt(c, CURLOPT_PROXY, "");
    curl_easy_setopt(c, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(c, CURLOPT_CONNECTTIMEOUT, CONNECT_S);
    curl_easy_setopt(c, CURLOPT_TIMEOUT, WHOLE_S);
    curl_easy_setopt(c, CURLOPT_USERAGENT, "portcullis-agent/" VERSION);
    curl_easy_setopt(c, CURLOPT_WRITEFUNCTION, take_body);
    curl_easy_setopt(c, CURLOPT_WRITEDATA, b);
}

static int perform(CURL *c, const char *gateway, const char *token, char why[WHY])
{
    struct curl_slist *headers = NULL;
    CURLcode rc;

    if (token) {
        headers = curl_slist_append(NULL, TOKEN_TYPE);
        headers = curl_slist_append(headers, "Expect:");
        curl_easy_setopt(c, CURLOPT_HTTPHEADER, headers);
        curl_easy_setopt(c, CURLOPT_POSTFIELDSIZE, (long)strlen(token));
        curl_easy_setopt(c, CURLOPT_POSTFIELDS, token);
    }
    rc = curl_easy_perform(c);
    curl_slist_free_all(headers);
    if (rc == CURLE_OK)
        return 0;
    snprintf(why, WHY, "cannot reach the gateway at %s: %s", gateway, curl_easy_strerror(rc));
    return -1;
}

static json_t *parse_answer(const struct body *b, const char *gateway, char why[WHY])
{
    json_t *v = json_loadb(b->s ? b->s : "", b->len, JSON_REJECT_DUPLICATES, NULL);

    if (json_is_object(v))
        return v;
    json_decref(v);
    snprintf(why, WHY, "what answers at %s is not a Portcullis gateway", gateway);
    return NULL;
}

static int ask(const char *gateway, const char *path, const char *token, json_t **answer,
               char why[WHY])
{
    char url[AGENT_GATEWAY_TEXT + 32];
    struct body b = {NULL, 0};
    CURL *c = curl_easy_init();
    int rc = -1;

    *answer = NULL;
    snprintf(url, sizeof url, "http://%s%s", gateway, path);
    if (!c) {
        snprintf(why, WHY, "libcurl does not start");
        return -1;
    }
    set_up(c, url, &b);
    if (perform(c, gateway, token, why) == 0)
        *answer = parse_answer(&b, gateway, why);
    rc = *answer ? 0 : -1;
    curl_easy_cleanup(c);
    free(b.s);
    return rc;
}

int agent_portal_nonce(const char *gateway, json_t **answer, char why[WHY])
{
    return ask(gateway, "/v1/nonce", NULL, answer, why);
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
