/* SPDX-License-Identifier: GPL-2.0-or-later */
/* respond { port-scan 20 within 1m lock ... at most 10% of devices }: what follows on attempts. */
#include <string.h>

#include "policy/lang.h"

#define QUARANTINE_MIN_S 60
#define QUARANTINE_MAX_S (30 * 86400)

static enum pattern pattern_of(const struct token *t)
{
    int i = 0;

    while (i < PATTERNS && !token_is(t, pattern_name((enum pattern)i)))
        i++;
    return (enum pattern)i;
}

static bool parse_action(struct parser *p, enum pattern which, struct pattern_rule *rule)
{
    struct token t = p->tok;
    char shown[QUOTED];

    rule->action = ACTION_ALARM;
    if (take_word(p, "alarm"))
        return true;
    rule->action = at_word(p, "lock") ? ACTION_LOCK : ACTION_QUARANTINE;
    if (!take_word(p, "lock") && !take_word(p, "quarantine"))
        return parse_fail(p, "alarm, quarantine 1h, or lock (until an admin unlocks it)",
                          "what to do expected");
    if (which == PATTERN_ENDED_KEY)
        return parse_fail_at(p, &t, "its device holds no access that could be taken: write alarm",
                             "'%s' cannot follow on an ended key",
                             diag_quote(t.s, t.len, shown));
    return rule->action == ACTION_LOCK || parse_duration(p, "a quarantine", QUARANTINE_MIN_S,
                                                         QUARANTINE_MAX_S, &rule->time);
}

/* "port-scan 20 within 1m lock", behind its first word. */
static void respond_pattern(struct parser *p)
{
    enum pattern which = pattern_of(&p->last);
    struct respond *r = &p->policy->respond;
    struct pattern_rule rule = {0};
    bool seen = r->named[which];
    int64_t count;

    if (!parse_once(p, &seen, pattern_name(which)) ||
        !parse_number(p, "the number at which it is recognised", pattern_least(which),
                      PATTERN_COUNT_MAX, &count))
        return;
    rule.count = (uint16_t)count;
    if (!take_word(p, "within"))
        parse_fail(p, "like 'port-scan 20 within 1m lock'", "'within' expected");
    else if (parse_duration(p, "the time within which it is recognised", 1, PATTERN_WITHIN_MAX,
                            &rule.within) &&
             parse_action(p, which, &rule)) {
        r->rule[which] = rule;
        r->named[which] = true;
    }
}

static bool parse_percent(struct parser *p, uint8_t *out)
{
    struct token t = p->tok;
    char shown[QUOTED];
    int64_t n = 0;

    if (t.kind != TOK_WORD)
        return parse_fail(p, "like 'at most 10% of devices'", "a share expected");
    if (t.s[t.len - 1] != '%' || !number_read(t.s, t.len - 1, &n))
        return parse_fail_at(p, &t, "like 'at most 10% of devices'", "'%s' is not a share",
                             diag_quote(t.s, t.len, shown));
    if (n < 1 || n > 100)
        return parse_fail_at(p, &t, "", "a share must be 1%% to 100%%");
    *out = (uint8_t)n;
    parse_advance(p);
    return true;
}

static void respond_at(struct parser *p)
{
    static const char hint[] = "like 'at most 10% of devices'";
    struct respond *r = &p->policy->respond;
    bool seen = r->percent != 0;

    if (!parse_once(p, &seen, "at most"))
        return;
    if (!take_word(p, "most"))
        parse_fail(p, hint, "'most' expected after 'at'");
    else if (parse_percent(p, &r->percent) && (!take_word(p, "of") || !take_word(p, "devices")))
        parse_fail(p, hint, "'of devices' expected");
}

void parse_respond(struct parser *p)
{
    static const struct statement body[] = {{"port-scan", respond_pattern},
                                            {"host-scan", respond_pattern},
                                            {"repeated-denials", respond_pattern},
                                            {"repeated-bad-tokens", respond_pattern},
                                            {"two-places", respond_pattern},
                                            {"ended-key", respond_pattern},
                                            {"at", respond_at},
                                            {NULL, NULL}};
    struct respond *r = &p->policy->respond;
    uint8_t percent = r->percent;

    if (!parse_once(p, &r->written, "respond"))
        return;
    p->respond_pos = p->last.pos;
    r->percent = 0;
    parse_block(p, "respond", body);
    if (r->percent == 0)
        r->percent = percent;
}
