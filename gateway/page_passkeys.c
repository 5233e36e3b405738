/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The list of passkeys, and what may be done with them. */
#include "gateway/page_passkeys.h"

#include <stdio.h>

#include "gateway/page_frame.h"

#define NAME_FIELD "type=\"text\" maxlength=\"63\" autocomplete=\"off\""

static void data(struct page *p, const char *name, enum text t)
{
    page_html(p, " ");
    page_html(p, name);
    page_say(p, "=\"", t, "\"");
}

/* Where the script says how it went, and its words; then the script. */
static void script(struct page *p)
{
    page_html(p, "<p id=\"passkey-said\" role=\"status\"");
    data(p, "data-waiting", TEXT_PASSKEY_WAITING);
    data(p, "data-cancelled", TEXT_PASSKEY_CANCELLED);
    data(p, "data-known", TEXT_PASSKEY_KNOWN);
    data(p, "data-failed", TEXT_PASSKEY_FAILED);
    data(p, "data-unsupported", TEXT_PASSKEY_UNSUPPORTED);
    page_html(p, "></p>\n");
    page_say(p, "<noscript><p class=\"note\">", TEXT_PASSKEY_SCRIPT, "</p></noscript>\n");
    page_html(p, "<script src=\"" PAGE_SCRIPT "\" defer></script>\n");
}

static void other_address(struct page *p, const char *site, const char *path)
{
    char there[300];

    snprintf(there, sizeof there, "%.280s%s", site ? site : "", path);
    page_say(p, "<p class=\"fix\">", TEXT_PASSKEY_BY_NAME, "</p>\n", there);
}

/* ---- one of them ----------------------------------------------------------------------------- */

static void hidden(struct page *p, const char *name, const char *value)
{
    page_wrap(p, "<input type=\"hidden\" name=\"", name, "\" value=\"");
    page_wrap(p, "", value, "\">");
}

static void forms(struct page *p, const char *id, const char *name)
{
    page_html(p, "<form method=\"post\" action=\"/passkeys/rename\">");
    hidden(p, "id", id);
    page_field(p, TEXT_PASSKEY_NAME, "name", NAME_FIELD);
    page_say(p, "<button>", TEXT_PASSKEY_RENAME, "</button></form>\n");
    page_html(p, "<form method=\"post\" action=\"/passkeys/remove\">");
    hidden(p, "id", id);
    hidden(p, "name", "");
    page_say(p, "<button>", TEXT_PASSKEY_REMOVE, "</button></form>\n", name);
}

static void one(struct page *p, const json_t *k, const struct page_clock *c, bool fresh)
{
    json_int_t made = json_integer_value(json_object_get(k, "created"));
    json_int_t used = json_integer_value(json_object_get(k, "used"));
    char id[24], time[PAGE_TIME_SIZE];

    snprintf(id, sizeof id, "%lld", (long long)json_integer_value(json_object_get(k, "id")));
    page_wrap(p, "<section class=\"rule\"><h2>", page_member(k, "name"), "</h2>\n");
    if (json_is_true(json_object_get(k, "stopped")))
        page_say(p, "<p class=\"fix\">", TEXT_PASSKEY_STOPPED, "</p>\n");
    page_say(p, "<p class=\"note\">", TEXT_PASSKEY_ADDED, "</p>\n", page_time(made, c, time));
    if (used > 0)
        page_say(p, "<p class=\"note\">", TEXT_PASSKEY_USED, "</p>\n", page_time(used, c, time));
    else
        page_say(p, "<p class=\"note\">", TEXT_PASSKEY_UNUSED, "</p>\n");
    if (json_is_true(json_object_get(k, "synced")))
        page_say(p, "<p class=\"note\">", TEXT_PASSKEY_SYNCED, "</p>\n");
    if (fresh) {
        page_say(p, "<details><summary>", TEXT_PASSKEY_CHANGE, "</summary>\n",
                 page_member(k, "name"));
        forms(p, id, page_member(k, "name"));
        page_html(p, "</details>\n");
    }
    page_html(p, "</section>\n");
}

/* ---- the page -------------------------------------------------------------------------------- */

static void adding(struct page *p, const json_t *o, bool by_name)
{
    size_t n = json_array_size(json_object_get(o, "items"));

    if (!json_is_true(json_object_get(o, "on"))) {
        page_say(p, "<p class=\"fix\">", TEXT_PASSKEYS_OFF, "</p>\n", page_member(o, "why"));
        return;
    }
    bool fresh = json_is_true(json_object_get(o, "fresh"));
    if (!fresh)
        page_say(p, "<p class=\"fix\">", TEXT_PASSKEY_FRESH, "</p>\n", "/sign-in");
    if (!by_name)
        other_address(p, page_member(o, "site"), "passkeys");
    if (!fresh || !by_name || n >= (size_t)json_integer_value(json_object_get(o, "most")))
        return;
    page_say(p, "<h2>", TEXT_PASSKEY_ADD, "</h2>\n");
    page_say(p, "<p>", TEXT_PASSKEY_HOW, "</p>\n");
    page_html(p, "<form id=\"passkey-add\" hidden>");
    page_field(p, TEXT_PASSKEY_WHERE, "name", NAME_FIELD);
    page_say(p, "<button>", TEXT_PASSKEY_ADD_IT, "</button></form>\n");
    script(p);
}

char *page_passkeys(const uint8_t *json, size_t json_len, const struct page_clock *c, bool by_name,
                    size_t *len)
{
    json_t *o = page_load(json, json_len), *k;
    struct page p = {0};
    size_t i;

    if (!o)
        return NULL;
    page_begin(&p, TEXT_PASSKEYS);
    page_say(&p, "<h1>", TEXT_PASSKEYS, "</h1>");
    page_say(&p, "<p class=\"who\">", TEXT_FOR_USER, "</p>\n", page_member(o, "user"));
    page_say(&p, "<p>", TEXT_PASSKEYS_ARE, "</p>\n");
    json_array_foreach(json_object_get(o, "items"), i, k)
        one(&p, k, c, json_is_true(json_object_get(o, "fresh")));
    if (i == 0)
        page_say(&p, "<p>", TEXT_PASSKEYS_NONE, "</p>\n");
    adding(&p, o, by_name);
    page_back(&p);
    return page_finish(&p, o, len);
}

/* ---- signing in ------------------------------------------------------------------------------ */

static bool has_some(const json_t *sign_in)
{
    return json_integer_value(json_object_get(sign_in, "passkeys")) > 0;
}

void page_passkey_first(struct page *p, const json_t *sign_in, bool by_name)
{
    if (!has_some(sign_in))
        return;
    page_say(p, "<h2>", TEXT_PASSKEY_INSTEAD, "</h2>\n");
    if (by_name) {
        page_html(p, "<form id=\"passkey-sign-in\" hidden>");
        page_say(p, "<button>", TEXT_PASSKEY_SIGN_IN, "</button></form>\n");
        script(p);
    } else {
        other_address(p, page_member(sign_in, "site"), "sign-in");
    }
    page_say(p, "<h2>", TEXT_PASSPHRASE_INSTEAD, "</h2>\n");
}

void page_passkey_hint(struct page *p, const json_t *sign_in)
{
    if (page_member(sign_in, "site") && !has_some(sign_in))
        page_say(p, "<p class=\"note\">", TEXT_PASSKEY_BETTER, "</p>\n", "/passkeys");
}
