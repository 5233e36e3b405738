/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What a person reads and signs. */
#include "gateway/page_policy.h"

#include <string.h>

static bool is_state(const json_t *ack, const char *state)
{
    const char *now = page_member(ack, "state");
    return now && strcmp(now, state) == 0;
}

/* ---- where one stands ------------------------------------------------------------------------ */

static void due(struct page *p, const json_t *ack, const struct page_clock *c)
{
    char time[PAGE_TIME_SIZE], span[PAGE_TIME_SIZE];
    page_say(p, "<section class=\"state wait\"><h1>", TEXT_READ_AND_SIGN, "</h1>");
    page_say(p, "<p class=\"until\">", TEXT_SIGN_BY, "</p>", page_when(ack, "by", c, time),
             page_span(json_integer_value(json_object_get(ack, "by")) - c->now, span));
    page_say(p, "<p>", TEXT_UNSIGNED, "</p></section>\n");
}

static void standing(struct page *p, const json_t *ack, const struct page_clock *c)
{
    char time[PAGE_TIME_SIZE], version[PAGE_NUMBER];
    if (is_state(ack, "due")) {
        due(p, ack, c);
    } else if (is_state(ack, "overdue")) {
        page_say(p, "<section class=\"state bad\"><h1>", TEXT_SIGN_NOW, "</h1>");
        page_say(p, "<p>", TEXT_OPENS_WHEN_SIGNED, "</p></section>\n");
    } else {
        page_say(p, "<h1>", TEXT_YOUR_POLICY, "</h1>\n");
        page_say(p, "<p class=\"who\">", is_state(ack, "signed") ? TEXT_SIGNED_ON : TEXT_NOT_ASKED,
                 "</p>\n", page_when(ack, "signed_at", c, time), page_number(ack, "version", version));
    }
}

/* Marks mean something to who has signed another text before. */
static void since(struct page *p, const json_t *ack, const struct page_clock *c)
{
    char time[PAGE_TIME_SIZE], version[PAGE_NUMBER];
    if (json_is_integer(json_object_get(ack, "signed_at")) && !is_state(ack, "signed"))
        page_say(p, "<p>", TEXT_CHANGED_SINCE, "</p>\n", page_number(ack, "version", version),
                 page_when(ack, "signed_at", c, time));
}

/* ---- the text -------------------------------------------------------------------------------- */

static void heading(struct page *p, char mark, const char *line)
{
    page_html(p, mark == '+' ? "<h2><ins>" : mark == '-' ? "<h2><del>" : "<h2>");
    page_text(p, line);
    page_html(p, mark == '+' ? "</ins></h2>\n" : mark == '-' ? "</del></h2>\n" : "</h2>\n");
}

static void sentence(struct page *p, char mark, const char *line)
{
    if (mark == '+') {
        page_wrap(p, "<li><ins>", line, "</ins>");
        page_say(p, "<span class=\"tag good\">", TEXT_NEW, "</span></li>\n");
    } else if (mark == '-') {
        page_wrap(p, "<li><del>", line, "</del>");
        page_say(p, "<span class=\"tag bad\">", TEXT_NO_LONGER, "</span></li>\n");
    } else {
        page_wrap(p, "<li><span>", line, "</span></li>\n");
    }
}

static void lines(struct page *p, const json_t *list)
{
    bool open = false;
    for (size_t i = 0; i < json_array_size(list); i++) {
        const char *line = json_string_value(json_array_get(list, i));
        size_t n = line ? strlen(line) : 0;
        if (n < 2)
            continue;
        bool heads = line[n - 1] == ':';
        if (heads == open)
            page_html(p, open ? "</ul>\n" : "<ul>\n");
        open = !heads;
        (heads ? heading : sentence)(p, line[0], line + 1);
    }
    page_html(p, open ? "</ul>\n" : "");
}

static bool to_be_signed(const json_t *ack)
{
    return is_state(ack, "due") || is_state(ack, "overdue");
}

static void button(struct page *p, const json_t *o, const json_t *ack)
{
    if (!to_be_signed(ack))
        return;
    if (json_is_true(json_object_get(o, "sign_in_first"))) {
        page_say(p, "<p>", TEXT_SIGN_IN_FIRST, "</p>\n", "/sign-in");
        return;
    }
    page_wrap(p, "<form method=\"post\" action=\"/policy\">\n<input type=\"hidden\" name=\"sha256\" "
                 "value=\"", page_member(o, "sha256"), "\">\n");
    page_say(p, "<button>", TEXT_I_SIGN, "</button></form>\n");
}

/* ---- the pages ------------------------------------------------------------------------------- */

char *page_policy(const uint8_t *json, size_t json_len, const struct page_clock *c, size_t *len)
{
    json_t *o = page_load(json, json_len);
    const json_t *ack = json_object_get(o, "acknowledgement");
    char time[PAGE_TIME_SIZE], version[PAGE_NUMBER];
    struct page p = {0};

    if (!page_member(o, "sha256") || !page_member(ack, "state")) {
        json_decref(o);
        return NULL;
    }
    page_begin(&p, TEXT_YOUR_POLICY);
    standing(&p, ack, c);
    page_say(&p, "<p class=\"note\">", TEXT_POLICY_VERSION, "</p>\n", page_number(o, "version", version),
             page_when(o, "applied_at", c, time));
    since(&p, ack, c);
    lines(&p, json_object_get(o, "lines"));
    button(&p, o, ack);
    page_back(&p);
    return page_finish(&p, o, len);
}

char *page_acknowledged(const uint8_t *json, size_t json_len, size_t *len)
{
    json_t *o = page_load(json, json_len);
    char version[PAGE_NUMBER];
    struct page p = {0};

    if (!o)
        return NULL;
    page_begin(&p, TEXT_IT_IS_SIGNED);
    page_say(&p, "<section class=\"state good\"><h1>", TEXT_IT_IS_SIGNED, "</h1>");
    page_say(&p, "<p>", TEXT_SIGNED_AS, "</p></section>\n", page_number(o, "version", version),
             page_member(o, "user"));
    page_back(&p);
    return page_finish(&p, o, len);
}

void page_policy_hint(struct page *p, const json_t *me, const struct page_clock *c)
{
    const json_t *ack = json_object_get(me, "acknowledgement");
    char time[PAGE_TIME_SIZE];

    if (is_state(ack, "due"))
        page_say(p, "<p>", TEXT_SIGN_HINT, "</p>", "/policy", page_when(ack, "by", c, time));
    else if (is_state(ack, "overdue"))
        page_say(p, "<p>", TEXT_SIGN_HINT_NOW, "</p>", "/policy");
}
