/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The page of a device: who, in or not, until when, why not, what to do, what is open. */
#include "gateway/page.h"

#include <stdio.h>
#include <string.h>

#include "gateway/page_frame.h"

static const struct {
    const char *state, *headline, *look;
} STATES[] = {
    {"in", "You are in", "good"},
    {"quarantine", "You are in quarantine", "wait"},
    {"locked", "This device is locked", "bad"},
    {"revoked", "This device has been shut out", "bad"},
    {"lost", "This device is reported lost", "bad"},
    {"retired", "This device is retired", "bad"},
};

static size_t state_of(const json_t *me)
{
    const char *state = page_member(me, "state");
    for (size_t i = 0; state && i < sizeof STATES / sizeof *STATES; i++)
        if (strcmp(STATES[i].state, state) == 0)
            return i;
    return 1;
}

/* Whom nothing is wrong with but the hour is not called quarantined. */
static const char *headline(const json_t *me)
{
    const char *reason = page_member(me, "reason");
    size_t s = state_of(me);
    return s == 1 && reason && strcmp(reason, "hours") == 0 ? "You are not in now"
                                                            : STATES[s].headline;
}

static void brand(struct page *p, const json_t *me)
{
    const char *company = page_member(me, "company");
    page_wrap(p, "<header class=\"brand\"><b>", company ? company : "Portcullis", "</b>");
    page_wrap(p, "<span>Gateway ", page_member(me, "gateway"), "</span></header>\n");
}

static void until(struct page *p, const json_t *me, const struct page_clock *c)
{
    const json_t *at = json_object_get(me, "lease_until");
    char time[PAGE_TIME_SIZE], span[PAGE_TIME_SIZE];
    if (!json_is_integer(at) || json_integer_value(at) <= c->now)
        return;
    page_wrap(p, "<p class=\"until\">Until ", page_time(json_integer_value(at), c, time), "");
    page_wrap(p, ", for ", page_span(json_integer_value(at) - c->now, span), " more.</p>");
}

/* What a person can do about a reason for which the engine knows no code. */
static const struct {
    const char *reason, *what;
} REMEDIES[] = {
    {"no-evidence", "Start portcullis-agent on this device; it reports by itself."},
    {"evidence-stale", "Start portcullis-agent on this device; it reports by itself."},
    {"sign-in", "Sign in on this page."},
    {"hours", "Come back within the working hours, or ask your administrator."},
    {"approval", "An administrator looks at each new device first. Ask them, if it takes long."},
    {"acknowledge", "Read your part of the policy on this page, and sign it."},
    {"no-role", "Ask your administrator which role is yours."},
    {"no-policy", "Tell your administrator: the policy lacks a posture for your role."},
    {"user-ended", "Ask your administrator, if this surprises you."},
    {"device-ended", "Ask your administrator, if this surprises you."},
    {"clock", "There is nothing to do on your side. Tell your administrator."},
};

static const char *remedy(const json_t *me)
{
    const char *fix = page_member(me, "fix"), *reason = page_member(me, "reason");
    for (size_t i = 0; !fix && reason && i < sizeof REMEDIES / sizeof *REMEDIES; i++)
        if (strcmp(REMEDIES[i].reason, reason) == 0)
            fix = REMEDIES[i].what;
    return fix;
}

/* Rules that keep the device out. */
static size_t failed(const json_t *me)
{
    const json_t *rules = json_object_get(json_object_get(me, "posture"), "rules");
    return page_count(rules, "deny") + page_count(rules, "quarantine");
}

/* When the hours begin again. */
static void opens(struct page *p, const json_t *me, const struct page_clock *c)
{
    const json_t *at = json_object_get(me, "opens_at");
    char time[PAGE_TIME_SIZE];
    if (json_is_integer(at))
        page_wrap(p, "<p class=\"until\">They begin again ",
                  page_time(json_integer_value(at), c, time), ".</p>");
}

/* What to do; when rules of the posture say it better, how many they are. */
static void advice(struct page *p, const json_t *me)
{
    const char *code = page_member(me, "code"), *fix = remedy(me);
    char n[24];
    if (fix && json_object_get(me, "hold")) {
        page_wrap(p, "<p><b>What to do.</b> ", fix, "</p>");
        return;
    }
    snprintf(n, sizeof n, "%zu", failed(me));
    if (failed(me) > 1)
        page_wrap(p, "<p>", n, " things keep you out. Each is below, with how to fix it.</p>");
    if (failed(me) > 0)
        return;
    if (fix)
        page_wrap(p, "<p><b>What to do.</b> ", fix, "</p>");
    if (code)
        page_wrap(p, "<p class=\"note\">Code <code>", code, "</code></p>");
}

/* Since when a device is held, and until when. */
static void hold(struct page *p, const json_t *me, const struct page_clock *c)
{
    const json_t *h = json_object_get(me, "hold"), *since = json_object_get(h, "since"),
                 *end = json_object_get(h, "until");
    char time[PAGE_TIME_SIZE];
    if (!json_is_integer(since))
        return;
    page_wrap(p, "<p class=\"until\">Since ", page_time(json_integer_value(since), c, time), "");
    if (json_is_integer(end))
        page_wrap(p, ", until ", page_time(json_integer_value(end), c, time), "");
    page_html(p, ".</p>");
}

/* Where the role asks for it: signed in until when, or where to. */
static void sign_in(struct page *p, const json_t *me, const struct page_clock *c)
{
    const json_t *s = json_object_get(me, "sign_in"), *at = json_object_get(s, "until");
    char time[PAGE_TIME_SIZE];
    if (!json_is_true(json_object_get(s, "asked")))
        return;
    if (json_is_integer(at) && json_integer_value(at) > c->now)
        page_wrap(p, "<p>Signed in until ", page_time(json_integer_value(at), c, time),
                  ". <a href=\"/sign-in\">Sign in again</a></p>");
    else
        page_html(p, "<p><a href=\"/sign-in\"><b>Sign in</b></a></p>");
}

static void state(struct page *p, const json_t *me, const struct page_clock *c)
{
    size_t s = state_of(me);
    page_wrap(p, "<section class=\"state ", STATES[s].look, "\">");
    page_wrap(p, "<h1>", headline(me), "</h1>");
    if (page_member(me, "sentence"))
        page_wrap(p, "<p>", page_member(me, "sentence"), "</p>");
    if (s == 0)
        until(p, me, c);
    opens(p, me, c);
    hold(p, me, c);
    advice(p, me);
    sign_in(p, me, c);
    if (s != 0 && failed(me) > 0)
        page_html(p, "<p><a href=\"/\"><b>Look again</b></a> when that is done.</p>");
    if (s != 0 && !json_object_get(me, "hold") && page_member(me, "contact"))
        page_wrap(p, "<p class=\"note\">Whom to call: ", page_member(me, "contact"), ".</p>");
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
    page_wrap(p, "<p class=\"who\"><b>", full ? full : user, "</b>");
    if (full && user)
        page_wrap(p, " (", user, ")");
    if (page_member(me, "device"))
        page_wrap(p, " on <b>", page_member(me, "device"), "</b>");
    if (json_array_size(roles) > 0) {
        page_html(p, json_array_size(roles) == 1 ? ", role " : ", roles ");
        list_words(p, roles);
    }
    page_html(p, "</p>\n");
}

static void checks(struct page *p, const json_t *me, const struct page_clock *c)
{
    const json_t *rules = json_object_get(json_object_get(me, "posture"), "rules");
    if (failed(me) > 0)
        page_html(p, "<h2>What keeps you out</h2>\n");
    else if (json_array_size(rules) > page_count(rules, "pass"))
        page_html(p, "<h2>What needs your attention</h2>\n");
    page_rules(p, rules, c);
}

static void reach(struct page *p, const json_t *me)
{
    const json_t *reach = json_object_get(me, "reach");
    if (json_array_size(reach) == 0)
        return;
    page_html(p, "<h2>What your work needs</h2>\n<ul>\n");
    for (size_t i = 0; i < json_array_size(reach); i++) {
        const json_t *one = json_array_get(reach, i);
        bool open = json_is_true(json_object_get(one, "permitted"));
        page_wrap(p, "<li><span>", page_member(one, "resource"), "</span>");
        page_html(p, open ? "<span class=\"tag good\">open</span></li>\n"
                          : "<span class=\"tag bad\">closed</span></li>\n");
    }
    page_html(p, "</ul>\n");
}

static void remediation(struct page *p, const json_t *me)
{
    const json_t *open = json_object_get(me, "remediation");
    if (json_array_size(open) == 0)
        return;
    page_html(p, "<h2>Always open, to put things right</h2>\n<ul>\n");
    for (size_t i = 0; i < json_array_size(open); i++)
        page_wrap(p, "<li><span>", json_string_value(json_array_get(open, i)),
                  "</span><span class=\"tag good\">open</span></li>\n");
    page_html(p, "</ul>\n<p class=\"note\">This page, too, can always be reached.</p>\n");
}

static void own_devices(struct page *p, const json_t *me)
{
    const json_t *devices = json_object_get(me, "devices");
    if (json_array_size(devices) < 2)
        return;
    page_html(p, "<h2>Your devices</h2>\n<ul>\n");
    for (size_t i = 0; i < json_array_size(devices); i++) {
        const json_t *d = json_array_get(devices, i);
        bool in = page_member(d, "state") && strcmp(page_member(d, "state"), "in") == 0;
        page_wrap(p, "<li><span>", page_member(d, "name"), "");
        page_html(p, json_is_true(json_object_get(d, "this")) ? " (this one)</span>" : "</span>");
        page_wrap(p, in ? "<span class=\"tag good\">" : "<span class=\"tag wait\">",
                  page_member(d, "state"), "</span></li>\n");
    }
    page_html(p, "</ul>\n<p class=\"note\"><a href=\"/lost\">One of them is lost</a></p>\n");
}

static void footer(struct page *p, const json_t *me, const struct page_clock *c)
{
    const json_t *posture = json_object_get(me, "posture");
    const json_t *at = json_object_get(posture, "at");
    const json_t *assurance = json_object_get(posture, "assurance");
    char time[PAGE_TIME_SIZE];
    page_html(p, "<footer>");
    if (json_is_integer(at))
        page_wrap(p, "This device last reported at ", page_time(json_integer_value(at), c, time),
                  "");
    else
        page_html(p, "This device has not reported yet");
    if (json_is_integer(assurance)) {
        snprintf(time, sizeof time, "%lld", (long long)json_integer_value(assurance));
        page_wrap(p, " (assurance PA", time, ")");
    }
    page_wrap(p, ". Page made at ", page_time(c->now, c, time), " by the gateway's clock. ");
    page_html(p, "<a href=\"/\">Look again</a></footer>\n");
}

char *page_me(const uint8_t *json, size_t json_len, const struct page_clock *c, size_t *len)
{
    json_t *me = json_loadb((const char *)json, json_len, JSON_REJECT_DUPLICATES, NULL);
    struct page p = {0};
    if (!json_is_object(me)) {
        json_decref(me);
        return NULL;
    }
    page_begin(&p, headline(me));
    brand(&p, me);
    state(&p, me, c);
    who(&p, me);
    checks(&p, me, c);
    reach(&p, me);
    remediation(&p, me);
    own_devices(&p, me);
    footer(&p, me, c);
    page_end(&p);
    json_decref(me);
    return page_take(&p, len);
}
