/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The fields that each kind of attempt has, in the schema's names. */
#include "gateway/ecs.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#include "gateway/log.h"
#include "gateway/syslog_format.h"
#include "policy/address.h"

/* event.category, event.type, event.action, event.outcome: words of the schema's closed lists. */
static const struct kind_words {
    const char *category, *type, *action, *outcome;
} kinds[ATTEMPT_KINDS] = {
    [ATTEMPT_PACKET] = {"network", "denied", "packet-denied", "failure"},
    [ATTEMPT_TOKEN] = {"authentication", "start", "posture-token-refused", "failure"},
    [ATTEMPT_KNOCK] = {"network", "denied", "handshake-refused", "failure"},
    [ATTEMPT_ADMIN] = {"configuration", "access", "request-refused", "failure"},
    [ATTEMPT_TWO_PLACES] = {"intrusion_detection", "info", "key-in-two-places", "unknown"},
    [ATTEMPT_SIGN_IN] = {"authentication", "start", "sign-in-refused", "failure"},
    [ATTEMPT_ENROL] = {"iam", "creation", "enrolment-refused", "failure"},
};

const char *time_text(struct wall t, char out[TIME_TEXT])
{
    time_t seconds = (time_t)t.s;
    struct tm tm;

    if (!gmtime_r(&seconds, &tm) || strftime(out, TIME_TEXT, "%Y-%m-%dT%H:%M:%SZ", &tm) == 0)
        snprintf(out, TIME_TEXT, "1970-01-01T00:00:00Z");
    return out;
}

/* ---- members -------------------------------------------------------------------------------- */

/* The object below o of that name, made when it is not there. */
static json_t *part(json_t *o, const char *name)
{
    if (!json_object_get(o, name))
        json_object_set_new(o, name, json_object());
    return json_object_get(o, name);
}

static json_t *text(const char *s)
{
    char clean[ATTEMPT_TEXT];

    return json_string(text_clean(s, clean, sizeof clean));
}

/* "" is no value. */
static void set_text(json_t *o, const char *object, const char *name, const char *s)
{
    if (s && s[0])
        json_object_set_new(part(o, object), name, text(s));
}

static void set_number(json_t *o, const char *object, const char *name, uint64_t n)
{
    json_object_set_new(part(o, object), name, json_integer((json_int_t)n));
}

static void set_time(json_t *o, const char *object, const char *name, struct wall t)
{
    char s[TIME_TEXT];

    json_object_set_new(object ? part(o, object) : o, name, json_string(time_text(t, s)));
}

static void add_to(json_t *o, const char *object, const char *name, const char *s)
{
    json_t *list = json_object_get(part(o, object), name);

    if (!s || !s[0])
        return;
    if (!list) {
        list = json_array();
        json_object_set_new(part(o, object), name, list);
    }
    json_array_append_new(list, text(s));
}

static void set_address(json_t *o, const char *object, const char *name, const struct ip_addr *a)
{
    char s[ADDR_TEXT];

    if (!a->family)
        return;
    set_text(o, object, name, ip_print(a, s));
    add_to(o, "related", "ip", s);
}

/* ---- groups of fields ----------------------------------------------------------------------- */

static void set_event(json_t *o, const struct attempt *a)
{
    const struct kind_words *k = &kinds[a->kind];

    set_text(o, "event", "kind", "event");
    add_to(o, "event", "category", k->category);
    add_to(o, "event", "type", k->type);
    if (a->kind == ATTEMPT_PACKET || a->kind == ATTEMPT_KNOCK)
        add_to(o, "event", "type", "connection");
    set_text(o, "event", "action", k->action);
    set_text(o, "event", "outcome", k->outcome);
    set_text(o, "event", "reason", attempt_reason_name(a));
    set_text(o, "event", "code", code_id((enum refusal_code)a->code));
    set_text(o, "event", "module", "portcullis");
    set_text(o, "event", "dataset", "portcullis.attempts");
    set_time(o, "event", "start", a->first);
    set_time(o, "event", "end", a->last);
}

static void set_network(json_t *o, const struct attempt *a)
{
    char name[8], number[8];

    set_text(o, "network", "type", a->destination.family == 6 ? "ipv6" : "ipv4");
    snprintf(number, sizeof number, "%u", a->proto);
    set_text(o, "network", "iana_number", number);
    if (strcmp(proto_name(a->proto, name), number) != 0)
        set_text(o, "network", "transport", proto_name(a->proto, name));
    if (a->port)
        set_number(o, "destination", "port", a->port);
}

/* The second place of a key that is used from two is no destination. */
static void set_addresses(json_t *o, const struct attempt *a)
{
    set_address(o, "source", "ip", &a->source);
    if (a->kind == ATTEMPT_TWO_PLACES)
        set_address(o, "portcullis", "other_ip", &a->destination);
    else
        set_address(o, "destination", "ip", &a->destination);
    if (a->kind == ATTEMPT_PACKET)
        set_network(o, a);
}

static void set_who(json_t *o, const struct attempt *a)
{
    const char *user = a->user[0] || a->kind != ATTEMPT_ADMIN ? a->user : a->actor;

    set_text(o, "user", "name", user);
    add_to(o, "related", "user", user);
    add_to(o, "user", "roles", a->role);
    set_text(o, "host", "name", a->device);
    set_text(o, "device", "id", a->device);
    add_to(o, "related", "hosts", a->device);
}

static void set_observer(json_t *o, const char *gateway)
{
    set_text(o, "observer", "type", "firewall");
    set_text(o, "observer", "vendor", "Portcullis");
    set_text(o, "observer", "product", "Portcullis");
    set_text(o, "observer", "version", VERSION);
    set_text(o, "observer", "hostname", gateway);
}

static void set_own(json_t *o, const struct attempt *a)
{
    char ended[TIME_TEXT];

    if (a->id)
        set_number(o, "portcullis", "attempt", (uint64_t)a->id);
    set_text(o, "portcullis", "kind", attempt_kind_name(a->kind));
    set_number(o, "portcullis", "count", a->count);
    set_text(o, "portcullis", "resource", a->resource);
    set_text(o, "portcullis", a->kind == ATTEMPT_KNOCK ? "key" : "actor", a->actor);
    set_text(o, "portcullis", "why", attempt_why_name(a));
    if (a->ended.s)
        set_text(o, "portcullis", "key_ended", time_text(a->ended, ended));
    if (a->file)
        set_number(o, "portcullis", "file", a->file);
}

json_t *ecs_attempt(const char *gateway, const struct attempt *a)
{
    char said[ATTEMPT_TEXT];
    json_t *o = json_object();

    set_time(o, NULL, "@timestamp", a->last);
    set_text(o, "ecs", "version", ECS_VERSION);
    json_object_set_new(o, "message", text(attempt_text(a, said)));
    set_event(o, a);
    set_addresses(o, a);
    set_who(o, a);
    set_text(o, "rule", "name", attempt_reason_name(a));
    set_text(o, "rule", "ruleset", "portcullis");
    set_observer(o, gateway);
    set_own(o, a);
    return o;
}

json_t *ecs_event(const char *gateway, const struct attempt *a, uint64_t seq)
{
    char id[NAME_SIZE + 24];
    json_t *o = ecs_attempt(gateway, a);

    snprintf(id, sizeof id, "%s-%llu", gateway, (unsigned long long)seq);
    set_text(o, "event", "id", id);
    set_number(o, "event", "sequence", seq);
    return o;
}

char *ecs_line(const json_t *event)
{
    char *s = json_dumps(event, JSON_COMPACT | JSON_ENSURE_ASCII);

    if (!s)
        fatal("out of memory");
    return s;
}
