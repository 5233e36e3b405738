/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The frame of a page, and the page that apologises. */
#include "gateway/page_frame.h"

#include <stdio.h>

#include "policy/model.h"

/* Whose gateway this is and whom to call; "": not known yet, or nobody. */
static char company[TEXT_SIZE], gateway[TEXT_SIZE], contact[TEXT_SIZE];
static bool passkeys;                /* this gateway has some to offer */

static void remember(const json_t *o)
{
    const struct { char *to; const char *key; } kept[] = {
        {company, "company"}, {gateway, "gateway"}, {contact, "contact"}};

    if (!page_member(o, "gateway"))
        return;
    for (size_t i = 0; i < sizeof kept / sizeof *kept; i++) {
        const char *text = page_member(o, kept[i].key);
        snprintf(kept[i].to, TEXT_SIZE, "%s", text ? text : "");
    }
    passkeys = json_is_true(json_object_get(o, "with_passkeys"));
}

static const struct {
    const char *href;
    enum text name, shown;           /* how page_begin() knows it, and what the link says */
} PAGES[] = {
    {"/", TEXT_YOUR_PAGE, TEXT_YOUR_PAGE},
    {"/sessions", TEXT_SESSIONS, TEXT_SESSIONS},
    {"/denials", TEXT_DENIALS, TEXT_DENIALS},
    {"/policy", TEXT_YOUR_POLICY, TEXT_TO_POLICY},
    {"/passkeys", TEXT_PASSKEYS, TEXT_TO_PASSKEYS},
    {"/lost", TEXT_REPORT_LOST, TEXT_TO_LOST},
};

static void navigation(struct page *p, enum text name)
{
    page_say(p, "<nav aria-label=\"", TEXT_PAGES, "\"><ul>");
    for (size_t i = 0; i < sizeof PAGES / sizeof *PAGES; i++) {
        if (PAGES[i].name == TEXT_PASSKEYS && !passkeys)
            continue;
        page_wrap(p, "<li><a href=\"", PAGES[i].href, "\"");
        page_html(p, PAGES[i].name == name ? " aria-current=\"page\">" : ">");
        page_say(p, "", PAGES[i].shown, "</a></li>");
    }
    page_html(p, "</ul></nav>\n");
}

void page_begin(struct page *p, enum text title) { page_begin_in(p, title, title); }

void page_begin_in(struct page *p, enum text name, enum text title)
{
    page_say(p, "<!doctype html>\n<html lang=\"", TEXT_LANGUAGE, "\"><head>");
    page_html(p, "<meta charset=\"utf-8\">"
                 "<meta name=\"viewport\" content=\"width=device-width,initial-scale=1\">"
                 "<meta name=\"color-scheme\" content=\"light dark\">");
    page_say(p, "<title>", title, "</title><style>");
    page_html(p, PAGE_STYLE);
    page_say(p, "</style></head>\n<body><a class=\"skip\" href=\"#content\">", TEXT_SKIP, "</a>\n");
    page_wrap(p, "<header><div class=\"brand\"><b>", company[0] ? company : text_of(TEXT_PRODUCT),
              "</b>");
    if (gateway[0])
        page_say(p, "<span>", TEXT_GATEWAY, "</span>", gateway);
    page_html(p, "</div>\n");
    navigation(p, name);
    page_html(p, "</header>\n<main id=\"content\" tabindex=\"-1\">\n");
}

static void page_end(struct page *p)
{
    page_html(p, "</main>\n<footer>");
    if (contact[0])
        page_say(p, "<p>", TEXT_WHOM_TO_CALL, "</p>", contact);
    page_html(p, "</footer></body></html>\n");
}

const char *page_member(const json_t *object, const char *key)
{
    const char *text = json_string_value(json_object_get(object, key));
    return text && text[0] != '\0' ? text : NULL;
}

const char *page_number(const json_t *object, const char *key, char out[PAGE_NUMBER])
{
    snprintf(out, PAGE_NUMBER, "%lld", (long long)json_integer_value(json_object_get(object, key)));
    return out;
}

const char *page_when(const json_t *object, const char *key, const struct page_clock *c,
                      char out[PAGE_TIME_SIZE])
{
    return page_time(json_integer_value(json_object_get(object, key)), c, out);
}

json_t *page_load(const uint8_t *json, size_t len)
{
    json_t *o = json_loadb((const char *)json, len, JSON_REJECT_DUPLICATES, NULL);

    if (json_is_object(o)) {
        remember(o);
        return o;
    }
    json_decref(o);
    return NULL;
}

char *page_finish(struct page *p, json_t *o, size_t *len)
{
    page_end(p);
    json_decref(o);
    return page_take(p, len);
}

void page_back(struct page *p)
{
    page_say(p, "<p class=\"note\"><a href=\"/\">", TEXT_BACK, "</a></p>\n");
}

void page_field(struct page *p, enum text label, const char *name, const char *type_and_more)
{
    page_say(p, "<label>", label, "<input required name=\"");
    page_html(p, name);
    page_html(p, "\" ");
    page_html(p, type_and_more);
    page_html(p, "></label>\n");
}

char *page_sorry(const char *code, const char *message, const char *hint, const char *back,
                 size_t *len)
{
    struct page p = {0};
    page_begin(&p, TEXT_DID_NOT_WORK);
    page_say(&p, "<section class=\"state bad\" role=\"alert\"><h1>", TEXT_DID_NOT_WORK, "</h1>");
    if (message)
        page_wrap(&p, "<p>", message, "</p>");
    if (hint || back)
        page_wrap(&p, "<p>", hint ? hint : text_of(TEXT_BACK_AND_AGAIN), "</p>");
    page_html(&p, "</section>\n");
    if (code)
        page_say(&p, "<p class=\"note\">", TEXT_NAME_THIS_CODE, "</p>", code);
    page_wrap(&p, "<p><a href=\"", back ? back : "/", "\">");
    page_say(&p, "", TEXT_TRY_AGAIN, "</a></p>\n");
    page_end(&p);
    return page_take(&p, len);
}

char *page_error(const uint8_t *json, size_t json_len, const char *back, size_t *len)
{
    json_t *root = page_load(json, json_len);
    const json_t *error = json_object_get(root, "error");
    const char *message = page_member(error, "message");
    char *page = page_sorry(page_member(error, "code"),
                            message ? message : text_of(TEXT_NO_PAGE),
                            page_member(error, "hint"), back, len);
    json_decref(root);
    return page;
}
