/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * enrolment { at most 3 devices  approve every device  invitation 24h }
 * acknowledge within 14d
 */
#include "policy/lang.h"

#define DEVICES_MAX 100 /* of one person */
#define INVITATION_MIN 300
#define INVITATION_MAX (30 * 86400)
#define ACKNOWLEDGE_MIN 5
#define ACKNOWLEDGE_MAX (365 * 86400)

static bool expect_word(struct parser *p, const char *word, const char *hint)
{
    return take_word(p, word) || parse_fail(p, hint, "'%s' expected", word);
}

/* ---- enrolment ------------------------------------------------------------------------------ */

static void enrolment_at(struct parser *p)
{
    static const char hint[] = "like 'at most 3 devices'";
    struct policy *pol = p->policy;
    bool seen = pol->enrol_devices != 0;
    int64_t n;

    if (!parse_once(p, &seen, "at most") || !expect_word(p, "most", hint) ||
        !parse_number(p, "the number of devices of a person", 1, DEVICES_MAX, &n))
        return;
    pol->enrol_devices = (uint32_t)n;
    if (!take_word(p, "device"))
        expect_word(p, "devices", hint);
}

static void enrolment_approve(struct parser *p)
{
    static const char hint[] = "like 'approve every device'";

    if (parse_once(p, &p->policy->enrol_approve, "approve") && expect_word(p, "every", hint))
        expect_word(p, "device", hint);
}

static void enrolment_invitation(struct parser *p)
{
    bool seen = p->policy->enrol_valid.s != 0;

    if (parse_once(p, &seen, "invitation"))
        parse_duration(p, "an invitation", INVITATION_MIN, INVITATION_MAX, &p->policy->enrol_valid);
}

void parse_enrolment(struct parser *p)
{
    static const struct statement body[] = {{"at", enrolment_at},
                                            {"approve", enrolment_approve},
                                            {"invitation", enrolment_invitation},
                                            {NULL, NULL}};

    if (parse_once(p, &p->enrolment_seen, "enrolment"))
        parse_block(p, "enrolment", body);
}

/* ---- acknowledgement ------------------------------------------------------------------------- */

void parse_acknowledge(struct parser *p)
{
    bool seen = p->policy->ack_within.s != 0;

    if (parse_once(p, &seen, "acknowledge") &&
        expect_word(p, "within", "like 'acknowledge within 14d'"))
        parse_duration(p, "the time to acknowledge", ACKNOWLEDGE_MIN, ACKNOWLEDGE_MAX,
                       &p->policy->ack_within);
}
