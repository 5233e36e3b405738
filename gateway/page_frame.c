/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The frame of a page, and the page that apologises. */
#include "gateway/page_frame.h"

void page_begin(struct page *p, const char *title)
{
    page_html(p, "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">"
                 "<meta name=\"viewport\" content=\"width=device-width,initial-scale=1\">"
                 "<meta name=\"color-scheme\" content=\"light dark\">");
    page_wrap(p, "<title>", title, "</title><style>");
    page_html(p, PAGE_STYLE);
    page_html(p, "</style></head>\n<body><main>\n");
}

void page_end(struct page *p) { page_html(p, "</main></body></html>\n"); }

const char *page_member(const json_t *object, const char *key)
{
    const char *text = json_string_value(json_object_get(object, key));
    return text && text[0] != '\0' ? text : NULL;
}

char *page_sorry(const char *code, const char *message, const char *hint, const char *back,
                 size_t *len)
{
    struct page p = {0};
    page_begin(&p, "Portcullis");
    page_html(&p, "<section class=\"state bad\"><h1>This did not work</h1>");
    if (message)
        page_wrap(&p, "<p>", message, "</p>");
    if (hint)
        page_wrap(&p, "<p>", hint, "</p>");
    page_html(&p, "</section>\n");
    if (code)
        page_wrap(&p, "<p class=\"note\">If you ask for help, name this code: <code>", code,
                  "</code>.</p>");
    page_wrap(&p, "<p><a href=\"", back ? back : "/", "\">Try again</a></p>\n");
    page_end(&p);
    return page_take(&p, len);
}

char *page_error(const uint8_t *json, size_t json_len, const char *back, size_t *len)
{
    json_t *root = json_loadb((const char *)json, json_len, JSON_REJECT_DUPLICATES, NULL);
    const json_t *error = json_object_get(root, "error");
    const char *message = page_member(error, "message");
    char *page = page_sorry(page_member(error, "code"),
                            message ? message : "The gateway could not make this page.",
                            page_member(error, "hint"), back, len);
    json_decref(root);
    return page;
}
