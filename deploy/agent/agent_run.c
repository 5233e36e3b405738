/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The agent's one errand, and its repetition. */
#include "deploy/agent/agent_run.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "deploy/agent/agent_answer.h"
#include "deploy/agent/agent_facts.h"
#include "deploy/agent/agent_keys.h"
#include "deploy/agent/token_encode.h"

#define WHY 160
#define FIRST_PAUSE 5
#define LONGEST_PAUSE 60
#define SHORTEST_RENEWAL 1

static enum agent_exit fail(enum agent_exit code, const char *why)
{
    fprintf(stderr, "portcullis-agent: %s\n", why);
    if (code == AGENT_UNREACHABLE)
        fputs("  Is the tunnel up? If it is, this device may have been shut out: ask your "
              "administrator.\n", stderr);
    return code;
}

/* ---- one report ---- */

static int facts_of(const struct agent_options *o, struct agent_facts *f, char why[WHY])
{
    int64_t now = (int64_t)time(NULL);

    if (o->facts)
        return agent_facts_file(o->facts, now, f, why);
    snprintf(why, WHY, "out of memory");
    return agent_facts_gather("", now, f);
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

static enum agent_exit show(const struct agent_options *o, const json_t *answer, int64_t *left)
{
    struct agent_verdict v = agent_answer_read(answer);

    if (o->json) {
        json_dumpf(answer, stdout, JSON_COMPACT | JSON_ENSURE_ASCII);
        putchar('\n');
    } else {
        agent_answer_print(answer, (int64_t)time(NULL), stdout);
    }
    fflush(stdout);
    *left = v.lease_seconds;
    return v.in ? AGENT_IN : AGENT_REFUSED;
}

static enum agent_exit deliver(const struct agent_options *o, const char *token, int64_t *left)
{
    enum agent_exit code;
    char why[WHY];
    json_t *answer;

    if (agent_portal_post(o->gateway, token, &answer, why) != 0)
        return fail(AGENT_UNREACHABLE, why);
    code = show(o, answer, left);
    json_decref(answer);
    return code;
}

/* A gateway that gives no nonce says why: that is the answer then. */
static enum agent_exit ask_nonce(const struct agent_options *o, struct agent_nonce *n)
{
    enum agent_exit code = AGENT_IN;
    char why[WHY];
    json_t *answer;
    int64_t left;

    if (agent_portal_nonce(o->gateway, &answer, why) != 0)
        return fail(AGENT_UNREACHABLE, why);
    if (json_object_get(answer, "error"))
        code = show(o, answer, &left);
    else if (!agent_nonce_read(answer, n))
        code = fail(AGENT_UNREACHABLE, "what answers there is not a Portcullis gateway");
    json_decref(answer);
    return code;
}

static enum agent_exit report(const struct agent_options *o, const struct agent_keys *k,
                              int64_t *left)
{
    struct agent_nonce n;
    struct agent_facts facts = {NULL, NULL, NULL, NULL};
    enum agent_exit code = ask_nonce(o, &n);
    char why[WHY], *token = NULL;

    if (code != AGENT_IN)
        return code;
    if (facts_of(o, &facts, why) != 0)
        code = fail(AGENT_REFUSED, why);
    else if (!(token = make_token(o, k, &n, &facts)))
        code = fail(AGENT_REFUSED, "cannot make the token: a name or fact is not plain text");
    else
        code = deliver(o, token, left);
    free(token);
    agent_facts_clear(&facts);
    return code;
}

enum agent_exit agent_post(const struct agent_options *o, int64_t *lease_seconds)
{
    struct agent_keys k;
    enum agent_exit code;
    char why[WHY];

    *lease_seconds = 0;
    if (agent_keys_load(o->dir, &k, why) != 0)
        return fail(AGENT_REFUSED, why);
    code = report(o, &k, lease_seconds);
    agent_keys_clear(&k);
    return code;
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

void agent_run(const struct agent_options *o)
{
    unsigned failures = 0;
    int64_t left;

    for (;;) {
        enum agent_exit last = agent_post(o, &left);

        failures = last == AGENT_IN ? 0 : failures + 1;
        sleep_for(agent_pause(last, left, failures));
    }
}
