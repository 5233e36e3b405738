/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The page of a device: who, in or not, until when, why not, what to do, what is open. */
#include "gateway/page.h"

#include <stdio.h>
#include <string.h>

#include "gateway/page_policy.h"

static const struct {
    const char *state, *look;
    enum text headline, short_name;
} STATES[] = {
    {"in", "good", TEXT_IN, TEXT_STATE_IN},
    {"quarantine", "wait", TEXT_QUARANTINE, TEXT_STATE_QUARANTINE},
    {"locked", "bad", TEXT_LOCKED, TEXT_STATE_LOCKED},
    {"revoked", "bad", TEXT_SHUT_OUT, TEXT_STATE_SHUT_OUT},
    {"lost", "bad", TEXT_LOST, TEXT_STATE_LOST},
    {"retired", "bad", TEXT_RETIRED, TEXT_STATE_RETIRED},
    {"waiting", "wait", TEXT_WAITING, TEXT_STATE_WAITING},
};

static size_t state_of(const json_t *me)
{
    const char *state = page_member(me, "state");
    for (size_t i = 0; state && i < sizeof STATES / sizeof *STATES; i++)
        if (strcmp(STATES[i].state, state) == 0)
            return i;
    return 1;
}

static bool is_reason(const json_t *me, const char *reason)
{
    const char *is = page_member(me, "reason");
    return is && strcmp(is, reason) == 0;
}

/* Rules that keep the device out. */
static size_t failed(const json_t *me)
{
    const json_t *rules = json_object_get(json_object_get(me, "posture"), "rules");
    return page_count(rules, "deny") + page_count(rules, "quarantine");
}

/* Nothing keeps the device out but that its person is to sign in. */
static bool only_sign_in(const json_t *me) { return is_reason(me, "sign-in") && failed(me) == 0; }

/* Taken over from an older server, and not given to anybody. */
static bool is_nobodys(const json_t *me)
{
    return page_member(me, "device") && !page_member(me, "user");
}

/* Whom nothing is wrong with but the hour, or who has only to sign in, is not called quarantined. */
static enum text headline(const json_t *me)
{
    size_t s = state_of(me);
    if (s == 1 && is_reason(me, "hours"))
        return TEXT_NOT_IN_NOW;
    if (s == 1 && is_nobodys(me))
        return TEXT_NOBODYS;
    return s == 1 && only_sign_in(me) ? TEXT_PLEASE_SIGN_IN : STATES[s].headline;
}

static void until(struct page *p, const json_t *me, const struct page_clock *c)
{
    const json_t *at = json_object_get(me, "lease_until");
    char time[PAGE_TIME_SIZE], span[PAGE_TIME_SIZE];
    if (!json_is_integer(at) || json_integer_value(at) <= c->now)
        return;
    page_say(p, "<p class=\"until\">", TEXT_UNTIL, "</p>",
             page_time(json_integer_value(at), c, time),
             page_span(json_integer_value(at) - c->now, span));
    page_say(p, "<p>", TEXT_RENEWED, "</p>");
}

/* What a person can do about a reason for which the engine knows no code. */
static const struct {
    const char *reason;
    enum text what;
} REMEDIES[] = {
    {"no-evidence", TEXT_DO_REPORT}, {"evidence-stale", TEXT_DO_REPORT},
    {"hours", TEXT_DO_COME_BACK},
    {"no-role", TEXT_DO_ASK_ROLE},   {"no-policy", TEXT_DO_TELL_POLICY},
    {"user-ended", TEXT_DO_ASK},     {"device-ended", TEXT_DO_ASK},
    {"clock", TEXT_DO_NOTHING},      {"approval", TEXT_DO_WAIT},
};

static const char *remedy(const json_t *me)
{
    const char *fix = page_member(me, "fix"), *reason = page_member(me, "reason");
    for (size_t i = 0; !fix && reason && i < sizeof REMEDIES / sizeof *REMEDIES; i++)
        if (strcmp(REMEDIES[i].reason, reason) == 0)
            fix = text_of(REMEDIES[i].what);
    return fix;
}

/* When the hours begin again. */
static void opens(struct page *p, const json_t *me, const struct page_clock *c)
{
    const json_t *at = json_object_get(me, "opens_at");
    char time[PAGE_TIME_SIZE];
    if (json_is_integer(at))
        page_say(p, "<p class=\"until\">", TEXT_OPENS_AGAIN, "</p>",
                 page_time(json_integer_value(at), c, time));
}

/* What to do; when rules of the posture say it better, how many they are. */
static void advice(struct page *p, const json_t *me)
{
    const char *code = page_member(me, "code"), *fix = remedy(me);
    char n[24];
    if (is_nobodys(me)) {
        page_say(p, "<p>", TEXT_DO_GIVE, "</p>", page_member(me, "device"));
        return;
    }
    if (fix && json_object_get(me, "hold")) {
        page_say(p, "<p>", TEXT_WHAT_TO_DO, "</p>", fix);
        return;
    }
    snprintf(n, sizeof n, "%zu", failed(me));
    if (failed(me) > 1)
        page_say(p, "<p>", TEXT_MANY_THINGS, "</p>", n);
    if (failed(me) > 0)
        return;
    if (fix)
        page_say(p, "<p>", TEXT_WHAT_TO_DO, "</p>", fix);
    if (code)
        page_say(p, "<p class=\"note\">", TEXT_CODE, "</p>", code);
}

/* Since when a device is held, and until when. */
static void hold(struct page *p, const json_t *me, const struct page_clock *c)
{
    const json_t *h = json_object_get(me, "hold"), *since = json_object_get(h, "since"),
                 *end = json_object_get(h, "until");
    char from[PAGE_TIME_SIZE], to[PAGE_TIME_SIZE];
    if (!json_is_integer(since))
        return;
    page_say(p, "<p class=\"until\">", json_is_integer(end) ? TEXT_SINCE_UNTIL : TEXT_SINCE, "</p>",
             page_time(json_integer_value(since), c, from),
             page_time(json_integer_value(end), c, to));
}

/* Where the role asks for it: signed in until when, or where to. */
static void sign_in(struct page *p, const json_t *me, const struct page_clock *c)
{
    const json_t *s = json_object_get(me, "sign_in"), *at = json_object_get(s, "until");
    char time[PAGE_TIME_SIZE];
    if (!json_is_true(json_object_get(s, "asked")))
        return;
    if (json_is_integer(at) && json_integer_value(at) > c->now)
        page_say(p, "<p>", TEXT_SIGNED_IN_UNTIL, "</p>",
                 page_time(json_integer_value(at), c, time), "/sign-in");
    else
        page_say(p, "<p><a class=\"button\" href=\"/sign-in\">", TEXT_SIGN_IN, "</a></p>");
}

static void state(struct page *p, const json_t *me, const struct page_clock *c)
{
    size_t s = state_of(me);
    page_wrap(p, "<section class=\"state ", STATES[s].look, "\">");
    page_say(p, "<h1>", headline(me), "</h1>");
    if (s == 1 && only_sign_in(me))
        page_say(p, "<p>", TEXT_ASKS_SIGN_IN, "</p>");
    else if (page_member(me, "sentence") && !is_nobodys(me))
        page_wrap(p, "<p>", page_member(me, "sentence"), "</p>");
    if (s == 0)
        until(p, me, c);
    opens(p, me, c);
    hold(p, me, c);
    advice(p, me);
    sign_in(p, me, c);
    page_policy_hint(p, me, c);
    if (s == 1 && (failed(me) > 0 || is_reason(me, "no-evidence") || is_reason(me, "evidence-stale")))
        page_say(p, "<p>", TEXT_WHEN_DONE, "</p>", "/");
    if (headline(me) == TEXT_QUARANTINE)
        page_say(p, "<p>", TEXT_MEANWHILE, "</p>");
    if (s != 0 && !json_object_get(me, "hold") && page_member(me, "contact"))
        page_say(p, "<p class=\"note\">", TEXT_WHOM_TO_CALL, "</p>", page_member(me, "contact"));
    page_html(p, "</section>\n");
}

static void list_words(struct page *p, const json_t *names)
{
    for (size_t i = 0; i < json_array_size(names); i++)
        page_wrap(p, i > 0 ? ", <b>" : "<b>", json_string_value(json_array_get(names, i)), "</b>");
}

static void who(struct page *p, const json_t *me)
{
    const char *full = page_member(me, "full_name"), *user = page_member(me, "user");
    const json_t *roles = json_object_get(me, "roles");
    if (!user)
        return;
    page_say(p, "<p class=\"who\">", full ? TEXT_WHO_NAMED : TEXT_WHO, "", full ? full : user, user);
    if (page_member(me, "device"))
        page_say(p, "", TEXT_ON_DEVICE, "", page_member(me, "device"));
    if (json_array_size(roles) > 0) {
        page_say(p, "", json_array_size(roles) == 1 ? TEXT_WITH_ROLE : TEXT_WITH_ROLES, "");
        list_words(p, roles);
    }
    page_html(p, "</p>\n");
}

static void checks(struct page *p, const json_t *me, const struct page_clock *c)
{
    const json_t *rules = json_object_get(json_object_get(me, "posture"), "rules");
    if (failed(me) > 0)
        page_say(p, "<h2>", TEXT_WHAT_KEEPS_YOU_OUT, "</h2>\n");
    else if (json_array_size(rules) > page_count(rules, "pass"))
        page_say(p, "<h2>", TEXT_NEEDS_ATTENTION, "</h2>\n");
    page_rules(p, rules, c);
}

static void reach(struct page *p, const json_t *me)
{
    const json_t *reach = json_object_get(me, "reach");
    if (json_array_size(reach) == 0)
        return;
    page_say(p, "<h2>", TEXT_YOUR_WORK, "</h2>\n<ul>\n");
    for (size_t i = 0; i < json_array_size(reach); i++) {
        const json_t *one = json_array_get(reach, i);
        bool open = json_is_true(json_object_get(one, "permitted"));
        page_wrap(p, "<li><span>", page_member(one, "resource"), "</span>");
        page_say(p, open ? "<span class=\"tag good\">" : "<span class=\"tag bad\">",
                 open ? TEXT_OPEN : TEXT_CLOSED, "</span></li>\n");
    }
    page_html(p, "</ul>\n");
}

static void remediation(struct page *p, const json_t *me)
{
    const json_t *open = json_object_get(me, "remediation");
    if (json_array_size(open) == 0)
        return;
    page_say(p, "<h2>", TEXT_ALWAYS_OPEN, "</h2>\n<ul>\n");
    for (size_t i = 0; i < json_array_size(open); i++) {
        page_wrap(p, "<li><span>", json_string_value(json_array_get(open, i)), "</span>");
        page_say(p, "<span class=\"tag good\">", TEXT_OPEN, "</span></li>\n");
    }
    page_say(p, "</ul>\n<p class=\"note\">", TEXT_PAGE_TOO, "</p>\n");
}

static void own_devices(struct page *p, const json_t *me)
{
    const json_t *devices = json_object_get(me, "devices");
    if (json_array_size(devices) == 0)
        return;
    page_say(p, "<h2>", TEXT_YOUR_DEVICES, "</h2>\n<ul>\n");
    for (size_t i = 0; i < json_array_size(devices); i++) {
        const json_t *d = json_array_get(devices, i);
        page_say(p, "<li><span>", json_is_true(json_object_get(d, "this")) ? TEXT_THIS_ONE : TEXT_VALUE,
                 "</span>", page_member(d, "name"));
        page_wrap(p, "<span class=\"tag ", STATES[state_of(d)].look, "\">");
        page_say(p, "", STATES[state_of(d)].short_name, "</span></li>\n");
    }
    page_html(p, "</ul>\n");
    if (json_array_size(devices) > 1)
        page_say(p, "<p class=\"note\"><a href=\"/lost\">", TEXT_ONE_IS_LOST, "</a></p>\n");
}

static void made(struct page *p, const json_t *me, const struct page_clock *c)
{
    const json_t *posture = json_object_get(me, "posture");
    const json_t *at = json_object_get(posture, "at");
    const json_t *assurance = json_object_get(posture, "assurance");
    char time[PAGE_TIME_SIZE], level[24];
    page_html(p, "<p class=\"made\">");
    snprintf(level, sizeof level, "%lld", (long long)json_integer_value(assurance));
    if (json_is_integer(at))
        page_say(p, "", json_is_integer(assurance) ? TEXT_REPORTED_AT_ASSURANCE : TEXT_REPORTED_AT,
                 " ", page_time(json_integer_value(at), c, time), level);
    else
        page_say(p, "", TEXT_NOT_REPORTED, " ");
    page_say(p, "", TEXT_PAGE_MADE, "", page_time(c->now, c, time));
    page_say(p, " <a href=\"/\">", TEXT_LOOK_AGAIN, "</a></p>\n");
}

char *page_me(const uint8_t *json, size_t json_len, const struct page_clock *c, size_t *len)
{
    json_t *me = page_load(json, json_len);
    struct page p = {0};
    if (!me)
        return NULL;
    page_begin_in(&p, TEXT_YOUR_PAGE, headline(me));
    state(&p, me, c);
    who(&p, me);
    checks(&p, me, c);
    reach(&p, me);
    remediation(&p, me);
    own_devices(&p, me);
    made(&p, me, c);
    return page_finish(&p, me, len);
}
