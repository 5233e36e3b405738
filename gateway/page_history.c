/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Lists of the last days, a card each: a table does not fit a telephone. */
#include "gateway/page_history.h"

#include <string.h>

#include "gateway/page_frame.h"

static void line(struct page *p, enum text term, const char *text)
{
    if (!text || text[0] == '\0')
        return;
    page_say(p, "<dt>", term, "</dt>");
    page_wrap(p, "<dd>", text, "</dd>");
}

/* Where the list goes on, and back to its beginning. */
static void turn(struct page *p, const json_t *o, const char *path)
{
    page_html(p, "<p class=\"note\">");
    if (page_member(o, "next")) {
        page_wrap(p, "<a rel=\"next\" href=\"", path, "?before=");
        page_text(p, page_member(o, "next"));
        page_say(p, "\">", TEXT_OLDER, "</a> ");
    }
    if (!json_is_true(json_object_get(o, "first"))) {
        page_wrap(p, "<a href=\"", path, "\">");
        page_say(p, "", TEXT_NEWEST, "</a>");
    }
    page_html(p, "</p>\n");
}

struct list {
    const char *path;
    enum text title, of, none;
    void (*each)(struct page *p, const json_t *item, const struct page_clock *c);
};

static char *page_list(const struct list *l, const uint8_t *json, size_t json_len,
                       const struct page_clock *c, size_t *len)
{
    json_t *o = page_load(json, json_len);
    const json_t *items = json_object_get(o, "items");
    struct page p = {0};
    char days[PAGE_NUMBER];

    if (!json_is_array(items)) {
        json_decref(o);
        return NULL;
    }
    page_begin(&p, l->title);
    page_say(&p, "<h1>", l->title, "</h1>\n");
    page_say(&p, "<p>", l->of, "</p>\n", page_number(o, "days", days));
    if (json_array_size(items) == 0)
        page_say(&p, "<p class=\"empty\">", l->none, "</p>\n");
    else
        page_html(&p, "<ul>\n");
    for (size_t i = 0; i < json_array_size(items); i++)
        l->each(&p, json_array_get(items, i), c);
    page_html(&p, json_array_size(items) > 0 ? "</ul>\n" : "");
    turn(&p, o, l->path);
    return page_finish(&p, o, len);
}

/* ---- sessions -------------------------------------------------------------------------------- */

static void session(struct page *p, const json_t *one, const struct page_clock *c)
{
    json_int_t began = json_integer_value(json_object_get(one, "began"));
    const json_t *ended = json_object_get(one, "ended");
    json_int_t end = json_is_integer(ended) ? json_integer_value(ended) : c->now;
    char time[PAGE_TIME_SIZE];

    page_wrap(p, "<li class=\"entry\"><h2>", page_member(one, "device"), "</h2><dl>");
    line(p, TEXT_FROM, page_time(began, c, time));
    line(p, TEXT_TO, json_is_integer(ended) ? page_time(end, c, time) : text_of(TEXT_STILL_IN));
    line(p, TEXT_HOW_LONG, page_span(end - began, time));
    line(p, TEXT_ROLES, page_member(one, "roles"));
    if (json_is_integer(ended))
        line(p, TEXT_ENDED_BECAUSE, page_member(one, "sentence"));
    page_html(p, "</dl></li>\n");
}

char *page_sessions(const uint8_t *json, size_t json_len, const struct page_clock *c, size_t *len)
{
    static const struct list sessions = {"/sessions", TEXT_SESSIONS, TEXT_SESSIONS_OF,
                                         TEXT_NO_SESSIONS, session};
    return page_list(&sessions, json, json_len, c, len);
}

/* ---- denials --------------------------------------------------------------------------------- */

/* Why, by kind and reason; where the engine has a sentence of its own, that says more. */
static const struct {
    const char *kind, *reason;       /* NULL: any */
    enum text what, why;             /* what: of those that have no destination */
} WHYS[] = {
    {"packet", "not-permitted", TEXT_VALUE, TEXT_NOT_PERMITTED},
    {"packet", "no-lease", TEXT_VALUE, TEXT_NOT_IN_THEN},
    {"packet", "gateway-input", TEXT_VALUE, TEXT_GATEWAY_INPUT},
    {"packet", "device-to-device", TEXT_VALUE, TEXT_DEVICE_TO_DEVICE},
    {"packet", "wrong-direction", TEXT_VALUE, TEXT_WRONG_DIRECTION},
    {"packet", "invalid", TEXT_VALUE, TEXT_STRANGE_PACKET},
    {"packet", "spoofed", TEXT_VALUE, TEXT_STRANGE_PACKET},
    {"token", NULL, TEXT_A_REPORT, TEXT_OTHER_REASON},
    {"knock", NULL, TEXT_A_KNOCK, TEXT_ENDED_KEY},
    {"two-places", NULL, TEXT_TWO_PLACES, TEXT_COPIED_KEY},
    {"sign-in", "sign-in-failed", TEXT_A_SIGN_IN, TEXT_WRONG_SECRET},
    {"sign-in", NULL, TEXT_A_SIGN_IN, TEXT_TOO_MANY_TRIES},
    {NULL, NULL, TEXT_VALUE, TEXT_OTHER_REASON},
};

static bool is(const char *wanted, const char *got)
{
    return !wanted || (got && strcmp(wanted, got) == 0);
}

static size_t why_of(const json_t *one)
{
    size_t i = 0;

    while (!is(WHYS[i].kind, page_member(one, "kind")) ||
           !is(WHYS[i].reason, page_member(one, "reason")))
        i++;
    return i;
}

/* "customs-db (10.20.0.9, tcp 5432)" */
static void destination(struct page *p, const json_t *one)
{
    const char *to = page_member(one, "destination"), *name = page_member(one, "resource"),
               *proto = page_member(one, "proto");
    char port[PAGE_NUMBER];

    bool ported = strcmp(page_number(one, "port", port), "0") != 0;
    if (name)
        page_say(p, "", ported ? TEXT_TO_RESOURCE : TEXT_TO_RESOURCE_ADDRESS, "", name, to, proto,
                 port);
    else
        page_say(p, "", ported ? TEXT_TO_PORT : TEXT_TO_ADDRESS, "", to, proto, port);
}

static void denial(struct page *p, const json_t *one, const struct page_clock *c)
{
    size_t why = why_of(one);
    char last[PAGE_TIME_SIZE], first[PAGE_TIME_SIZE], times[PAGE_NUMBER];

    page_html(p, "<li class=\"entry\"><h2>");
    if (page_member(one, "destination"))
        destination(p, one);
    else
        page_say(p, "", WHYS[why].what, "", page_member(one, "kind"));
    page_html(p, "</h2><dl>");
    line(p, TEXT_WHY, page_member(one, "sentence") ? page_member(one, "sentence")
                                                   : text_of(WHYS[why].why));
    page_say(p, "<dt>", TEXT_WHEN, "</dt>");
    bool once = json_integer_value(json_object_get(one, "count")) < 2;
    page_say(p, "<dd>", once ? TEXT_VALUE : TEXT_TIMES, "</dd>", page_when(one, "last", c, last),
             page_number(one, "count", times), page_when(one, "first", c, first));
    line(p, TEXT_DEVICE, page_member(one, "device"));
    page_html(p, "</dl></li>\n");
}

char *page_denials(const uint8_t *json, size_t json_len, const struct page_clock *c, size_t *len)
{
    static const struct list denials = {"/denials", TEXT_DENIALS, TEXT_DENIALS_OF, TEXT_NO_DENIALS,
                                        denial};
    return page_list(&denials, json, json_len, c, len);
}
