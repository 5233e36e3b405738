/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A rule of a posture as a sentence for the person whose device it is about. */
#include <ctype.h>
#include <string.h>

#include "policy/person.h"
#include "policy/posture_parts.h"

/* Of facts that are true or false, both as statements; of the others, what is compared. */
static const struct { const char *yes, *no; } words[FACT_COUNT] = {
    [FACT_OWN] = {"its kind (corp is the firm's, byod your own)", NULL},
    [FACT_OS_FAMILY] = {"its system", NULL},
    [FACT_OS_VER] = {"the version of its system", NULL},
    [FACT_OS_BUILD] = {"the build of its system", NULL},
    [FACT_OS_PATCH] = {"its last system update", NULL},
    [FACT_PEND_CRIT] = {"the number of critical updates that wait", NULL},
    [FACT_PEND_IMP] = {"the number of important updates that wait", NULL},
    [FACT_AV_NAME] = {"its antivirus program", NULL},
    [FACT_AV_VER] = {"the version of its antivirus program", NULL},
    [FACT_AV_ON] = {"its antivirus program is on", "its antivirus program is off"},
    [FACT_AV_RT] = {"its antivirus program watches all the time",
                    "its antivirus program does not watch all the time"},
    [FACT_AV_DEFS_AT] = {"the last update of its antivirus program", NULL},
    [FACT_FW_ON] = {"its firewall is on", "its firewall is off"},
    [FACT_FW_IN] = {"its firewall refuses connections from outside",
                    "its firewall lets connections from outside in"},
    [FACT_FDE_SYS] = {"its system disk is encrypted", "its system disk is not encrypted"},
    [FACT_FDE_ALL] = {"all its disks are encrypted", "not all its disks are encrypted"},
    [FACT_LOCK_ON] = {"its screen locks by itself", "its screen does not lock by itself"},
    [FACT_LOCK_MAX_S] = {"the time after which its screen locks", NULL},
    [FACT_TAMPER_ROOTED] = {"it is rooted or jailbroken", "it is not rooted or jailbroken"},
    [FACT_TAMPER_DEVMODE] = {"its developer mode is on", "its developer mode is off"},
    [FACT_MDM_ENROLLED] = {"it is under the firm's device management",
                           "it is not under the firm's device management"},
    [FACT_MDM_ID] = {"its name in device management", NULL},
    [FACT_INV_ASSET] = {"its number in the inventory", NULL},
    [FACT_INV_SERIAL_H] = {"its serial number, as a hash", NULL},
    [FACT_LIC_GENUINE] = {"its system is licensed", "its system is not licensed"},
    [FACT_LIC_UNLISTED] = {"the number of its programs that are not on the list", NULL},
    [FACT_LIC_UNAUTH] = {"the number of its programs that are not allowed", NULL},
    [FACT_USB_STORAGE] = {"it takes USB storage", "it takes no USB storage"},
    [FACT_EDR_NAME] = {"its threat detection", NULL},
    [FACT_EDR_ON] = {"its threat detection is on", "its threat detection is off"},
    [FACT_EDR_RISK] = {"the risk that its threat detection reports", NULL},
    [FACT_OEMBOOT] = {"it starts by secure boot", "it starts without secure boot"},
    [FACT_DBGSTAT] = {"its debugging state (0 is off)", NULL},
    [FACT_HWMODEL] = {"its hardware model", NULL},
};

/* ---- what is compared ----------------------------------------------------------------------- */

static const char *ordered(enum operator op)
{
    static const char *const is[] = {
        [OP_EQ] = " is ", [OP_NE] = " is not ", [OP_LT] = " is less than ",
        [OP_LE] = " is at most ", [OP_GT] = " is more than ", [OP_GE] = " is at least ",
    };

    return is[op];
}

static void date_put(struct shown *o, const struct condition *c)
{
    static const char *const before[] = {
        [OP_EQ] = " is of", [OP_NE] = " is not of", [OP_LT] = " is of before",
        [OP_LE] = " is of", [OP_GT] = " is of after", [OP_GE] = " is of",
    };
    char text[SHOWN_TEXT];

    condition_expected(c, text);
    shown_put(o, before[c->op]);
    shown_put(o, strchr(text, ' '));
    shown_put(o, c->op == OP_GE ? " or later" : c->op == OP_LE ? " or earlier" : "");
}

static void version_put(struct shown *o, const struct condition *c)
{
    const char *before = c->op == OP_GT ? " is newer than " : c->op == OP_LT ? " is older than "
                         : c->op == OP_NE ? " is not " : " is ";

    shown_put(o, before);
    shown_put(o, c->text[0]);
    shown_put(o, c->op == OP_GE ? " or newer" : c->op == OP_LE ? " or older" : "");
}

static void members_put(struct shown *o, const struct condition *c)
{
    shown_put(o, c->op == OP_IN ? " is " : c->n_text == 1 ? " is not " : " is neither ");
    for (unsigned i = 0; i < c->n_text && i < LITERALS_MAX; i++) {
        shown_put(o, i == 0 ? "" : i + 1 < c->n_text ? ", " : c->op == OP_IN ? " or " : " nor ");
        shown_put(o, c->text[i]);
    }
}

static void comparison_put(struct shown *o, const struct condition *c)
{
    enum fact_type type = fact_type(c->fact);

    shown_put(o, words[c->fact].yes);
    if (c->op == OP_IN || c->op == OP_NOT_IN) {
        members_put(o, c);
    } else if (c->age) {
        shown_put(o, ordered(c->op));
        shown_duration(o, c->n, true);
        shown_put(o, " old");
    } else if (type == FACT_DATE) {
        date_put(o, c);
    } else if (type == FACT_VERSION) {
        version_put(o, c);
    } else {
        shown_put(o, ordered(c->op));
        if (type == FACT_STRING)
            shown_put(o, c->text[0]);
        else if (c->fact == FACT_LOCK_MAX_S)
            shown_duration(o, c->n, true);
        else
            shown_number(o, c->n);
    }
}

static void condition_put(struct shown *o, const struct condition *c)
{
    if (c->op == OP_TRUE || c->op == OP_FALSE)
        shown_put(o, c->op == OP_TRUE ? words[c->fact].yes : words[c->fact].no);
    else
        comparison_put(o, c);
}

/* ---- the sentence --------------------------------------------------------------------------- */

void person_rule(const struct posture_rule *r, char out[PERSON_RULE])
{
    struct shown o = shown_start(out, PERSON_RULE);

    if (r->has_when) {
        shown_put(&o, "when ");
        condition_put(&o, &r->when);
        shown_put(&o, ": ");
    }
    condition_put(&o, &r->require);
    shown_put(&o, r->missing_ok ? ", or it cannot tell." : ".");
    if (r->action == RULE_WARN)
        shown_put(&o, " Otherwise you are warned, no more.");
    if (r->grace.s > 0) {
        shown_put(&o, " You have ");
        shown_duration(&o, r->grace.s, true);
        shown_put(&o, " to mend it.");
    }
    out[0] = (char)toupper((unsigned char)out[0]);
}
