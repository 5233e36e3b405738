/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The rules of a posture block as cards: what was expected, what was found, how to mend it. */
#include "gateway/page_frame.h"

#include <string.h>

/* Results that a person must see, worst first, and how they are called here. */
static const struct {
    const char *result, *look;
    enum text name;
} SHOWN[] = {
    {"deny", "bad", TEXT_NOT_ACCEPTED},
    {"quarantine", "bad", TEXT_KEEPS_YOU_OUT},
    {"grace", "wait", TEXT_FIX_SOON},
    {"warn", "wait", TEXT_LOOK_AT_THIS},
};

static bool has_result(const json_t *rule, const char *result)
{
    const char *is = page_member(rule, "result");
    return is && strcmp(is, result) == 0;
}

size_t page_count(const json_t *rules, const char *result)
{
    size_t n = 0;
    for (size_t i = 0; i < json_array_size(rules); i++)
        n += has_result(json_array_get(rules, i), result);
    return n;
}

/* Comparisons as people say them. */
static const struct {
    const char *sign;
    enum text words;
} COMPARISONS[] = {
    {"<= ", TEXT_AT_MOST}, {">= ", TEXT_AT_LEAST},  {"== ", TEXT_VALUE},
    {"!= ", TEXT_NOT},     {"< ", TEXT_LESS_THAN}, {"> ", TEXT_MORE_THAN},
};

/* "debian >= 12" as "debian 12 or newer". False: it is none of this form. */
static bool value_or_newer(struct page *p, const char *text)
{
    const char *sign = strstr(text, " >= ");
    char name[64];
    if (!sign || sign == text || (size_t)(sign - text) >= sizeof name)
        return false;
    memcpy(name, text, (size_t)(sign - text));
    name[sign - text] = '\0';
    page_say(p, "", TEXT_OR_NEWER, "", name, sign + 4);
    return true;
}

static void value(struct page *p, const char *text)
{
    if (value_or_newer(p, text))
        return;
    for (size_t i = 0; i < sizeof COMPARISONS / sizeof *COMPARISONS; i++) {
        size_t n = strlen(COMPARISONS[i].sign);
        if (strncmp(text, COMPARISONS[i].sign, n) != 0)
            continue;
        page_say(p, "", COMPARISONS[i].words, "", text + n);
        return;
    }
    page_text(p, text);
}

static void definition(struct page *p, enum text term, const char *text, bool seconds)
{
    if (!text)
        return;
    page_say(p, "<dt>", term, "</dt><dd>");
    value(p, text);
    if (seconds && strpbrk(text, "0123456789"))
        page_say(p, "", TEXT_SECONDS, "");
    page_html(p, "</dd>");
}

/* The one fact that is a bare number of something. */
static bool in_seconds(const json_t *rule)
{
    const char *text = page_member(rule, "rule");
    return text && strstr(text, "lock.max_s");
}

/* For whoever is asked for help. */
static void reference(struct page *p, const json_t *rule)
{
    const char *text = page_member(rule, "rule"), *code = page_member(rule, "code");
    page_html(p, "<p class=\"note\">");
    if (code)
        page_wrap(p, "<code>", code, "</code> &middot; ");
    page_wrap(p, "<code>", text, "</code></p>");
}

static void grace(struct page *p, const json_t *until, const struct page_clock *c)
{
    char time[PAGE_TIME_SIZE], span[PAGE_TIME_SIZE];
    if (!json_is_integer(until))
        return;
    int64_t left = json_integer_value(until) - c->now;
    page_say(p, "<p>", left > 0 ? TEXT_FIX_BY_LEFT : TEXT_FIX_BY, "</p>",
             page_time(json_integer_value(until), c, time), page_span(left, span));
}

static void card(struct page *p, const json_t *rule, enum text name, const char *look,
                 const struct page_clock *c)
{
    const char *sentence = page_member(rule, "sentence"), *fix = page_member(rule, "fix");
    page_wrap(p, "<section class=\"rule\"><span class=\"tag ", look, "\">");
    page_say(p, "", name, "</span>");
    page_wrap(p, "<h3>", sentence ? sentence : text_of(TEXT_DID_NOT_PASS), "</h3><dl>");
    definition(p, TEXT_EXPECTED, page_member(rule, "expected"), in_seconds(rule));
    definition(p, TEXT_FOUND, page_member(rule, "received"), in_seconds(rule));
    page_html(p, "</dl>");
    if (json_is_true(json_object_get(rule, "excepted")))
        page_say(p, "<p>", TEXT_EXCUSED, "</p>");
    if (fix)
        page_say(p, "<p class=\"fix\">", TEXT_HOW_TO_FIX, "</p>", fix);
    grace(p, json_object_get(rule, "grace_until"), c);
    reference(p, rule);
    page_html(p, "</section>\n");
}

static void passed(struct page *p, const json_t *rules)
{
    if (page_count(rules, "pass") == 0)
        return;
    page_say(p, "<details><summary>", TEXT_PASSED, "</summary><ul>\n");
    for (size_t i = 0; i < json_array_size(rules); i++) {
        const json_t *rule = json_array_get(rules, i);
        if (!has_result(rule, "pass"))
            continue;
        page_wrap(p, "<li><code>", page_member(rule, "rule"), "</code>");
        page_wrap(p, "<span class=\"value\">", page_member(rule, "received"), "</span></li>\n");
    }
    page_html(p, "</ul></details>\n");
}

void page_rules(struct page *p, const json_t *rules, const struct page_clock *c)
{
    for (size_t k = 0; k < sizeof SHOWN / sizeof *SHOWN; k++)
        for (size_t i = 0; i < json_array_size(rules); i++)
            if (has_result(json_array_get(rules, i), SHOWN[k].result))
                card(p, json_array_get(rules, i), SHOWN[k].name, SHOWN[k].look, c);
    passed(p, rules);
}
