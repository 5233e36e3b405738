/* SPDX-License-Identifier: GPL-2.0-or-later */
/* posture NAME { ... }: what a device must be like. Its rules are parsed in parse_rule.c. */
#include <string.h>

#include "policy/decide.h"
#include "policy/lang.h"

#define LEASE_MIN_S 5
#define EVIDENCE_MIN_S 60
#define EVIDENCE_MAX_S (30 * 86400)

static struct posture *this_posture(struct parser *p)
{
    return &p->policy->postures[p->policy->n_postures - 1];
}

static void posture_lease(struct parser *p)
{
    struct posture *post = this_posture(p);
    bool seen = post->lease.s != 0;

    if (parse_once(p, &seen, "lease"))
        parse_duration(p, "a lease", LEASE_MIN_S, LEASE_MAX_S, &post->lease);
}

static void posture_evidence(struct parser *p)
{
    struct posture *post = this_posture(p);
    bool seen = post->evidence.s != 0;

    if (parse_once(p, &seen, "evidence") && expect_sign(p, "<=", "after 'evidence'"))
        parse_duration(p, "the age of evidence", EVIDENCE_MIN_S, EVIDENCE_MAX_S, &post->evidence);
}

static void posture_assurance(struct parser *p)
{
    struct posture *post = this_posture(p);
    bool seen = post->assurance != 0;
    struct token t;

    if (!parse_once(p, &seen, "assurance") || !expect_sign(p, ">=", "after 'assurance'"))
        return;
    t = p->tok;
    if (t.kind != TOK_WORD || t.len != 3 || memcmp(t.s, "PA", 2) != 0 || t.s[2] < '1' ||
        t.s[2] > '4') {
        parse_fail(p, "", "an assurance level (PA1, PA2, PA3 or PA4) expected");
        return;
    }
    post->assurance = (uint8_t)(t.s[2] - '0');
    parse_advance(p);
}

static bool os_listed(struct parser *p, const struct posture *post, const struct token *t)
{
    for (int i = 0; i < post->n_os; i++)
        if (token_is(t, post->os[i].family))
            return !parse_fail_at(p, t, "", "'%s' is listed twice", post->os[i].family);
    return false;
}

/* "windows >= 10.0.19045, macos >= 14.7" */
static void posture_os(struct parser *p)
{
    struct posture *post = this_posture(p);

    do {
        struct token t = p->tok;
        char family[NAME_SIZE] = "", version[FACT_TEXT] = "";

        if (!parse_name(p, "a system", family) || os_listed(p, post, &t) ||
            !expect_sign(p, ">=", "after the system's name") || !parse_version(p, version))
            return;
        if (post->n_os >= OS_MIN_MAX) {
            parse_fail_at(p, &t, "", "more than %d systems in one posture", OS_MIN_MAX);
            return;
        }
        memcpy(post->os[post->n_os].family, family, sizeof family);
        memcpy(post->os[post->n_os].version, version, sizeof version);
        post->n_os++;
    } while (take_sign(p, ","));
}

static void posture_report(struct parser *p)
{
    struct posture *post = this_posture(p);

    if (!take_word(p, "only"))
        parse_fail(p, "", "'only' expected after 'report'");
    else
        parse_once(p, &post->report_only, "report only");
}

static void posture_defaults(struct posture *post)
{
    if (post->lease.s == 0)
        post->lease.s = 15 * 60;
    if (post->evidence.s == 0)
        post->evidence.s = 8 * 3600;
    if (post->assurance == 0)
        post->assurance = 1;
}

void parse_posture_block(struct parser *p)
{
    static const struct statement body[] = {{"lease", posture_lease},
                                            {"evidence", posture_evidence},
                                            {"assurance", posture_assurance},
                                            {"os", posture_os},
                                            {"require", parse_rule},
                                            {"report", posture_report},
                                            {NULL, NULL}};
    struct policy *pol = p->policy;

    if (pol->n_postures >= POSTURES_MAX) {
        parse_fail_at(p, &p->last, "", "more than %d postures", POSTURES_MAX);
        return;
    }
    if (!parse_grow(p, &pol->postures, pol->n_postures, sizeof *pol->postures))
        return;
    pol->n_postures++;
    this_posture(p)->pos = p->tok.pos;
    if (parse_name(p, "a posture", this_posture(p)->name))
        parse_block(p, "a posture", body);
    posture_defaults(this_posture(p));
}
