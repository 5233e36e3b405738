/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A request set up, performed, and its answer read. */
#include "deploy/agent/agent_http.h"

#include <curl/curl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define WHY 160
#define ANSWER_MAX (256u << 10)
#define CONNECT_S 5L
#define WHOLE_S 20L
#define TYPE_TEXT 80

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

static void set_up(CURL *c, const struct agent_request *r, struct body *b)
{
    curl_easy_setopt(c, CURLOPT_URL, r->url);
    curl_easy_setopt(c, CURLOPT_PROTOCOLS_STR, r->tls ? "https" : "http");
    curl_easy_setopt(c, CURLOPT_FOLLOWLOCATION, 0L);
    curl_easy_setopt(c, CURLOPT_PROXY, "");
    curl_easy_setopt(c, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(c, CURLOPT_CONNECTTIMEOUT, CONNECT_S);
    curl_easy_setopt(c, CURLOPT_TIMEOUT, WHOLE_S);
    curl_easy_setopt(c, CURLOPT_USERAGENT, "portcullis-agent/" VERSION);
    curl_easy_setopt(c, CURLOPT_WRITEFUNCTION, take_body);
    curl_easy_setopt(c, CURLOPT_WRITEDATA, b);
}

/* A pinned key replaces the authorities: with it, no certificate of theirs is asked for. */
static CURLcode set_up_tls(CURL *c, const struct agent_request *r)
{
    CURLcode rc = curl_easy_setopt(c, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);

    if (rc != CURLE_OK || !r->pin)
        return rc;
    rc = curl_easy_setopt(c, CURLOPT_PINNEDPUBLICKEY, r->pin);
    if (rc == CURLE_OK)
        rc = curl_easy_setopt(c, CURLOPT_SSL_VERIFYPEER, 0L);
    return rc == CURLE_OK ? curl_easy_setopt(c, CURLOPT_SSL_VERIFYHOST, 0L) : rc;
}

static struct curl_slist *set_body(CURL *c, const struct agent_request *r)
{
    struct curl_slist *headers = NULL;
    char type[TYPE_TEXT];

    if (!r->body)
        return NULL;
    snprintf(type, sizeof type, "Content-Type: %s", r->type);
    headers = curl_slist_append(NULL, type);
    headers = curl_slist_append(headers, "Expect:");
    curl_easy_setopt(c, CURLOPT_HTTPHEADER, headers);
    curl_easy_setopt(c, CURLOPT_POSTFIELDSIZE, (long)strlen(r->body));
    curl_easy_setopt(c, CURLOPT_POSTFIELDS, r->body);
    return headers;
}

/* What libcurl found, for a person. */
static void explain(CURLcode rc, const struct agent_request *r, char why[WHY])
{
    if (rc == CURLE_SSL_PINNEDPUBKEYNOTMATCH)
        snprintf(why, WHY, "%.60s has another key than the link says: somebody may be in between. "
                 "Tell your administrator", r->where);
    else if (rc == CURLE_PEER_FAILED_VERIFICATION)
        snprintf(why, WHY, "no authority that this system trusts vouches for %.60s", r->where);
    else if (rc == CURLE_WRITE_ERROR)
        snprintf(why, WHY, "the answer of %.60s is too long", r->where);
    else
        snprintf(why, WHY, "cannot reach the gateway at %.60s: %.60s", r->where,
                 curl_easy_strerror(rc));
}

static int perform(CURL *c, const struct agent_request *r, long *status, char why[WHY])
{
    CURLcode rc = r->tls ? set_up_tls(c, r) : CURLE_OK;
    struct curl_slist *headers = set_body(c, r);

    if (rc == CURLE_OK)
        rc = curl_easy_perform(c);
    if (rc == CURLE_OK)
        rc = curl_easy_getinfo(c, CURLINFO_RESPONSE_CODE, status);
    curl_slist_free_all(headers);
    if (rc != CURLE_OK)
        explain(rc, r, why);
    return rc == CURLE_OK ? 0 : -1;
}

static json_t *parse_answer(const struct body *b, const struct agent_request *r, char why[WHY])
{
    json_t *v = json_loadb(b->s ? b->s : "", b->len, JSON_REJECT_DUPLICATES, NULL);

    if (json_is_object(v))
        return v;
    json_decref(v);
    snprintf(why, WHY, "what answers at %.80s is not a Portcullis gateway", r->where);
    return NULL;
}

int agent_http(const struct agent_request *r, long *status, json_t **answer, char why[WHY])
{
    struct body b = {NULL, 0};
    CURL *c = curl_easy_init();

    *answer = NULL;
    if (!c) {
        snprintf(why, WHY, "libcurl does not start");
        return -1;
    }
    set_up(c, r, &b);
    if (perform(c, r, status, why) == 0)
        *answer = parse_answer(&b, r, why);
    curl_easy_cleanup(c);
    free(b.s);
    return *answer ? 0 : -1;
}
