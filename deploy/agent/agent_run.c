/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The agent's one errand, and its repetition. */
#include "deploy/agent/agent_run.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "deploy/agent/agent_answer.h"
#include "deploy/agent/agent_facts.h"
#include "deploy/agent/agent_hands.h"
#include "deploy/agent/agent_keys.h"
#include "deploy/agent/agent_state.h"
#include "deploy/agent/token_encode.h"

#define WHY 160
#define FIRST_PAUSE 5
#define LONGEST_PAUSE 60
#define SHORTEST_RENEWAL 1

static void fail(struct agent_report *r, enum agent_exit code, const char *why)
{
    r->code = code;
    snprintf(r->why, sizeof r->why, "%s", why);
    fprintf(stderr, "portcullis-agent: %s\n", why);
    if (code == AGENT_UNREACHABLE)
        fputs("  Is the tunnel up? If it is, this device may have been shut out: ask your "
              "administrator.\n", stderr);
}

/* ---- one report ---- */

static int facts_of(const struct agent_options *o, const struct agent_hands *h,
                    struct agent_facts *f, char why[WHY])
{
    int64_t now = (int64_t)time(NULL);

    return o->facts ? agent_facts_file(o->facts, now, f, why) : agent_hands_facts(h, now, f, why);
}

static char *make_token(const struct agent_options *o, const struct agent_keys *k,
                        const struct agent_nonce *n, const struct agent_facts *facts)
{
    char jti[TOKEN_JTI_TEXT], *token;
    int64_t now = (int64_t)time(NULL);
    struct token_fields f = {.iss = o->device, .sub = o->device,
                             .aud = o->audience ? o->audience : n->audience, .ueid = k->ueid,
                             .jti = jti, .nonce = n->nonce, .iat = now, .exp = now + TOKEN_LIFE,
                             .wg_public = k->wg_public, .pst = facts->pst,
                             .device = facts->device};
    json_t *claims;

    token_jti(jti);
    claims = token_claims(&f);
    token = claims ? token_seal(k->kid, claims, k->sign_secret) : NULL;
    json_decref(claims);
    return token;
}

/* Takes the answer over. */
static void show(const struct agent_options *o, json_t *answer, struct agent_report *r)
{
    struct agent_verdict v = agent_answer_read(answer);

    if (o->json) {
        json_dumpf(answer, stdout, JSON_COMPACT | JSON_ENSURE_ASCII);
        putchar('\n');
    } else {
        agent_answer_print(answer, (int64_t)time(NULL), stdout);
    }
    fflush(stdout);
    r->lease_seconds = v.lease_seconds;
    r->code = v.in ? AGENT_IN : AGENT_REFUSED;
    r->answer = answer;
}

static void deliver(const struct agent_options *o, const char *token, struct agent_report *r)
{
    char why[WHY];
    json_t *answer;

    if (agent_portal_post(o->gateway, token, &answer, why) != 0)
        fail(r, AGENT_UNREACHABLE, why);
    else
        show(o, answer, r);
}

/* A gateway that gives no nonce says why: that is the answer then. */
static bool ask_nonce(const struct agent_options *o, struct agent_nonce *n, struct agent_report *r)
{
    char why[WHY];
    json_t *answer;

    if (agent_portal_nonce(o->gateway, &answer, why) != 0) {
        fail(r, AGENT_UNREACHABLE, why);
        return false;
    }
    if (json_object_get(answer, "error")) {
        show(o, answer, r);
        return false;
    }
    bool good = agent_nonce_read(answer, n);

    if (!good)
        fail(r, AGENT_UNREACHABLE, "what answers there is not a Portcullis gateway");
    json_decref(answer);
    return good;
}

static void report(const struct agent_options *o, const struct agent_hands *h,
                   const struct agent_keys *k, struct agent_report *r)
{
    struct agent_nonce n;
    struct agent_facts facts = {NULL, NULL, NULL, NULL};
    char why[WHY], *token = NULL;

    if (!ask_nonce(o, &n, r))
        return;
    if (facts_of(o, h, &facts, why) != 0)
        fail(r, AGENT_REFUSED, why);
    else if (!(token = make_token(o, k, &n, &facts)))
        fail(r, AGENT_REFUSED, "cannot make the token: a name or fact is not plain text");
    else
        deliver(o, token, r);
    free(token);
    agent_facts_clear(&facts);
}

void agent_post(const struct agent_options *o, const struct agent_hands *h, struct agent_report *r)
{
    struct agent_keys k;
    char why[WHY];

    memset(r, 0, sizeof *r);
    r->code = AGENT_REFUSED;
    if (agent_keys_load(o->dir, &k, why) != 0)
        fail(r, AGENT_REFUSED, why);
    else
        report(o, h, &k, r);
    agent_keys_clear(&k);
}

void agent_report_clear(struct agent_report *r)
{
    json_decref(r->answer);
    memset(r, 0, sizeof *r);
}

/* ---- for ever ---- */

int64_t agent_pause(enum agent_exit last, int64_t lease_seconds, unsigned failures)
{
    int64_t s = FIRST_PAUSE;

    if (last == AGENT_IN)
        return lease_seconds / 3 > SHORTEST_RENEWAL ? lease_seconds / 3 : SHORTEST_RENEWAL;
    for (unsigned i = 1; i < failures && s < LONGEST_PAUSE; i++)
        s *= 2;
    return s < LONGEST_PAUSE ? s : LONGEST_PAUSE;
}

static void sleep_for(int64_t s)
{
    struct timespec left = {.tv_sec = (time_t)s};

    while (nanosleep(&left, &left) != 0 && errno == EINTR)
        continue;
}

/* The file for everybody, and the screen when it is news. */
static void tell(const struct agent_options *o, const struct agent_hands *h, struct agent_told *t,
                 const struct agent_report *r, unsigned failures)
{
    char summary[AGENT_SUMMARY_TEXT], body[AGENT_BODY_TEXT];

    agent_state_write(o, r, (int64_t)time(NULL));
    if (agent_state_news(t, r, failures, summary, body))
        agent_hands_notify(h, summary, body);
}

void agent_run(const struct agent_options *o)
{
    struct agent_told told = {.state = AGENT_STATE_NONE};
    struct agent_hands hands;
    struct agent_report r;
    unsigned failures = 0;
    char why[WHY];

    if (agent_hands_start(&hands, why) != 0) {
        fprintf(stderr, "portcullis-agent: %s\n", why);
        return;
    }
    while (agent_hands_alive(&hands)) {
        agent_post(o, &hands, &r);
        failures = r.code == AGENT_IN ? 0 : failures + 1;
        tell(o, &hands, &told, &r, failures);
        sleep_for(agent_pause(r.code, r.lease_seconds, failures));
        agent_report_clear(&r);
    }
}
