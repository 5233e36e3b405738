/* SPDX-License-Identifier: GPL-2.0-or-later */
/* One sentence for one attempt. */
#include <stdio.h>

#include "gateway/attempts.h"
#include "gateway/ecs.h"
#include "policy/address.h"

/* "10.20.0.9:5432/tcp (customs-db)", "[fd20::9]:443/tcp", "10.20.0.9/icmp" */
static const char *target_text(const struct attempt *a, char out[160])
{
    bool v6 = a->destination.family == 6, ports = a->port != 0;
    char dst[ADDR_TEXT], port[8] = "", other[8];

    if (ports)
        snprintf(port, sizeof port, ":%u", a->port);
    snprintf(out, 160, "%s%s%s%s/%s%s%s%s", v6 && ports ? "[" : "", ip_print(&a->destination, dst),
             v6 && ports ? "]" : "", port, proto_name(a->proto, other), a->resource[0] ? " (" : "",
             a->resource, a->resource[0] ? ")" : "");
    return out;
}

/* "maria-laptop (maria)"; the address where no device is known. */
static const char *who_text(const struct attempt *a, char out[160])
{
    char src[ADDR_TEXT] = "";

    snprintf(out, 160, "%s (%s)", a->device[0] ? a->device : ip_print(&a->source, src),
             a->user[0] ? a->user : "?");
    return out;
}

/* A knock has no person before its key is known. */
static const char *knocker_text(const struct attempt *a, char out[160])
{
    if (a->device[0])
        return who_text(a, out);
    snprintf(out, 160, "%s%s", a->actor[0] ? "key " : "somebody", a->actor);
    return out;
}

/* ", device-revoked on 2026-11-22"; the day in UTC. */
static const char *ended_text(const struct attempt *a, char out[80])
{
    char time[TIME_TEXT];

    out[0] = '\0';
    if (a->why)
        snprintf(out, 80, ", %s on %.10s", attempt_why_name(a), time_text(a->ended, time));
    return out;
}

/* What came, said by kind: a token, a packet to somewhere, something else from somewhere. */
const char *attempt_text(const struct attempt *a, char out[ATTEMPT_TEXT])
{
    char who[160], src[ADDR_TEXT] = "", dst[ADDR_TEXT], to[160], ended[80], times[40] = "";
    const char *reason = attempt_reason_name(a);

    if (a->count > 1)
        snprintf(times, sizeof times, ", %llu times", (unsigned long long)a->count);
    if (a->kind == ATTEMPT_TOKEN)
        snprintf(out, ATTEMPT_TEXT, "%s: misused token, %s %s", who_text(a, who),
                 code_id((enum refusal_code)a->code), reason);
    else if (a->kind == ATTEMPT_PACKET)
        snprintf(out, ATTEMPT_TEXT, "%s -> %s: %s%s", who_text(a, who), target_text(a, to), reason,
                 times);
    else if (a->kind == ATTEMPT_ADMIN)
        snprintf(out, ATTEMPT_TEXT, "%s: %s%s", a->actor, reason, times);
    else if (a->kind == ATTEMPT_SIGN_IN)
        snprintf(out, ATTEMPT_TEXT, "%s: %s%s", who_text(a, who), reason, times);
    else if (a->kind == ATTEMPT_ENROL)
        snprintf(out, ATTEMPT_TEXT, "%s%s%s tried to enrol: %s%s", ip_print(&a->source, src),
                 a->user[0] ? " for " : "", a->user, reason, times);
    else if (a->kind == ATTEMPT_KNOCK)
        snprintf(out, ATTEMPT_TEXT, "%s knocks from %s: %s%s%s", knocker_text(a, who),
                 ip_print(&a->source, src), reason, ended_text(a, ended), times);
    else
        snprintf(out, ATTEMPT_TEXT, "%s: its key is used from %s and from %s in turn%s",
                 who_text(a, who), ip_print(&a->source, src), ip_print(&a->destination, dst),
                 times);
    return out;
}
