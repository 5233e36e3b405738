/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What two policies say otherwise of enrolment and acknowledgement. */
#include "policy/lang.h"

static void put_within(struct out *o, struct span s)
{
    out_put(o, s.s > 0 ? "within " : "not asked");
    if (s.s > 0)
        out_duration(o, s);
}

static void put_bound(struct out *o, uint32_t devices)
{
    if (devices == 0)
        out_put(o, "any number of devices");
    else
        out_fmt(o, "at most %u device%s", devices, devices == 1 ? "" : "s");
}

static void compare_enrolment(struct out *o, const struct policy *from, const struct policy *to)
{
    if (from->enrol_devices != to->enrol_devices) {
        out_put(o, "enrolment: ");
        put_bound(o, to->enrol_devices);
        out_put(o, " for each person, was ");
        put_bound(o, from->enrol_devices);
        out_put(o, "\n");
    }
    if (from->enrol_approve != to->enrol_approve)
        out_put(o, to->enrol_approve ? "enrolment: an admin approves every new device\n"
                                     : "enrolment: new devices need no approval any more\n");
    if (from->enrol_valid.s != to->enrol_valid.s) {
        out_put(o, "enrolment: an invitation is good for ");
        out_duration(o, to->enrol_valid);
        out_put(o, ", was ");
        out_duration(o, from->enrol_valid);
        out_put(o, "\n");
    }
}

void diff_people(struct out *o, const struct policy *from, const struct policy *to)
{
    compare_enrolment(o, from, to);
    if (from->ack_within.s == to->ack_within.s)
        return;
    out_put(o, "people acknowledge their part of the policy: ");
    put_within(o, to->ack_within);
    out_put(o, ", was ");
    put_within(o, from->ack_within);
    out_put(o, "\n");
}
