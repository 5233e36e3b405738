/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Forms of the portal, and what comes after them. */
#include "gateway/page_sign_in.h"

#include <stdio.h>
#include <string.h>

#include "gateway/page_frame.h"
#include "gateway/page_passkeys.h"
#include "gateway/qr.h"

#define PASSWORD "type=\"password\" maxlength=\"256\" autocomplete="
#define ONE_TIME "autocomplete=\"one-time-code\" autocapitalize=\"off\" spellcheck=\"false\""

char *page_sign_in(const uint8_t *json, size_t json_len, bool by_name, size_t *len)
{
    json_t *me = page_load(json, json_len);
    struct page p = {0};

    if (!me)
        return NULL;
    page_begin(&p, TEXT_SIGN_IN);
    page_say(&p, "<h1>", TEXT_SIGN_IN, "</h1>");
    page_say(&p, "<p class=\"who\">", TEXT_AS, "</p>\n", page_member(me, "user"));
    const json_t *sign_in = json_object_get(me, "sign_in");
    if (json_is_true(json_object_get(sign_in, "set_up"))) {
        page_passkey_first(&p, sign_in, by_name);
        page_html(&p, "<form method=\"post\" action=\"/sign-in\">\n");
        page_field(&p, TEXT_PASSPHRASE, "passphrase", PASSWORD "\"current-password\" autofocus");
        page_field(&p, TEXT_APP_CODE, "code", ONE_TIME " maxlength=\"40\"");
        page_say(&p, "<button>", TEXT_SIGN_IN, "</button></form>\n");
        page_passkey_hint(&p, sign_in);
    } else {
        page_say(&p, "<p>", TEXT_NO_PASSPHRASE, "</p>\n");
        page_say(&p, "<p><a href=\"/set-up\">", TEXT_HAVE_CODE, "</a></p>\n");
    }
    page_back(&p);
    return page_finish(&p, me, len);
}

char *page_set_up(const uint8_t *json, size_t json_len, size_t *len)
{
    json_t *me = page_load(json, json_len);
    struct page p = {0};

    if (!me)
        return NULL;
    page_begin(&p, TEXT_CHOOSE);
    page_say(&p, "<h1>", TEXT_CHOOSE, "</h1>");
    page_say(&p, "<p class=\"who\">", TEXT_FOR_USER, "</p>\n", page_member(me, "user"));
    page_html(&p, "<form method=\"post\" action=\"/set-up\">\n");
    page_field(&p, TEXT_ADMIN_CODE, "code",
               "autocomplete=\"off\" autocapitalize=\"characters\" spellcheck=\"false\" "
               "maxlength=\"40\" autofocus");
    page_field(&p, TEXT_NEW_PASSPHRASE, "passphrase", PASSWORD "\"new-password\" minlength=\"15\"");
    page_field(&p, TEXT_ONCE_MORE, "again", PASSWORD "\"new-password\" minlength=\"15\"");
    page_say(&p, "<button>", TEXT_GO_ON, "</button></form>\n");
    page_back(&p);
    return page_finish(&p, me, len);
}

char *page_signed_in(const uint8_t *json, size_t json_len, size_t *len)
{
    json_t *o = page_load(json, json_len);
    json_int_t left = json_integer_value(json_object_get(o, "recovery_left"));
    struct page p = {0};
    char n[24];

    if (!o)
        return NULL;
    page_begin(&p, TEXT_SIGNED_IN);
    page_say(&p, "<section class=\"state good\"><h1>", TEXT_SIGNED_IN, "</h1>");
    page_say(&p, "<p>", TEXT_SIGNED_IN_AS, "</p></section>\n", page_member(o, "user"));
    snprintf(n, sizeof n, "%lld", (long long)left);
    if (left < 3)
        page_say(&p, "<p>", TEXT_RECOVERY_LEFT, "</p>\n", n);
    page_back(&p);
    return page_finish(&p, o, len);
}

char *page_factor(const uint8_t *json, size_t json_len, const char *code, size_t *len)
{
    json_t *o = page_load(json, json_len);
    const char *secret = page_member(o, "secret"), *uri = page_member(o, "uri");
    struct page p = {0};

    if (!secret || !uri) {
        json_decref(o);
        return NULL;
    }
    page_begin(&p, TEXT_SECOND_FACTOR);
    page_say(&p, "<h1>", TEXT_SECOND_FACTOR, "</h1>\n");
    page_say(&p, "<p>", TEXT_SCAN, "</p>\n");
    qr_add(&p, uri, text_of(TEXT_QR_OF_APP));
    page_say(&p, "<p class=\"note\">", TEXT_SECRET, "</p>\n", secret);
    page_wrap(&p, "<form method=\"post\" action=\"/set-up/confirm\">\n"
                  "<input type=\"hidden\" name=\"code\" value=\"", code, "\">\n");
    page_field(&p, TEXT_SIX_DIGITS, "totp", ONE_TIME " inputmode=\"numeric\" pattern=\"[0-9]{6}\" "
               "maxlength=\"6\" autofocus");
    page_say(&p, "<button>", TEXT_DONE, "</button></form>\n");
    return page_finish(&p, o, len);
}

char *page_recovery(const uint8_t *json, size_t json_len, size_t *len)
{
    json_t *o = page_load(json, json_len);
    const json_t *codes = json_object_get(o, "recovery");
    struct page p = {0};

    if (!json_is_array(codes)) {
        json_decref(o);
        return NULL;
    }
    page_begin(&p, TEXT_YOUR_CODES);
    page_say(&p, "<section class=\"state good\"><h1>", TEXT_SIGNED_IN, "</h1>");
    page_say(&p, "<p>", TEXT_BOTH_HOLD, "</p></section>\n");
    page_say(&p, "<h2>", TEXT_RECOVERY_CODES, "</h2>\n");
    page_say(&p, "<p>", TEXT_KEEP_CODES, "</p>\n<ul>\n");
    for (size_t i = 0; i < json_array_size(codes); i++)
        page_wrap(&p, "<li><code>", json_string_value(json_array_get(codes, i)), "</code></li>\n");
    page_html(&p, "</ul>\n");
    page_back(&p);
    return page_finish(&p, o, len);
}

/* ---- a device that is lost ------------------------------------------------------------------- */

static size_t choices(struct page *p, const json_t *devices)
{
    size_t i, n = 0;
    json_t *d;

    json_array_foreach(devices, i, d) {
        if (json_is_true(json_object_get(d, "this")))
            continue;
        page_wrap(p, "<label class=\"choice\"><input required type=\"radio\" name=\"device\" value=\"",
                  page_member(d, "name"), "\">");
        page_wrap(p, "<span>", page_member(d, "name"), "</span></label>\n");
        n++;
    }
    return n;
}

char *page_lost(const uint8_t *json, size_t json_len, size_t *len)
{
    json_t *me = page_load(json, json_len);
    struct page p = {0};

    if (!me)
        return NULL;
    page_begin(&p, TEXT_REPORT_LOST);
    page_say(&p, "<h1>", TEXT_WHICH_LOST, "</h1>\n");
    page_say(&p, "<p>", TEXT_CUT_AT_ONCE, "</p>\n");
    page_html(&p, "<form method=\"post\" action=\"/lost\">\n");
    size_t n = choices(&p, json_object_get(me, "devices"));
    bool asks = json_is_true(json_object_get(json_object_get(me, "sign_in"), "set_up"));
    if (n > 0 && asks)
        page_field(&p, TEXT_YOUR_PASSPHRASE, "passphrase", PASSWORD "\"current-password\"");
    else
        page_html(&p, "<input type=\"hidden\" name=\"passphrase\" value=\"\">\n");
    if (n > 0)
        page_say(&p, "<button>", TEXT_IT_IS_LOST, "</button></form>\n");
    else
        page_say(&p, "</form><p>", TEXT_NO_OTHER, "</p>\n");
    page_back(&p);
    return page_finish(&p, me, len);
}

char *page_gone(const uint8_t *json, size_t json_len, size_t *len)
{
    json_t *o = page_load(json, json_len);
    struct page p = {0};

    if (!o)
        return NULL;
    page_begin(&p, TEXT_CUT_OFF);
    page_say(&p, "<section class=\"state good\"><h1>", TEXT_CUT_OFF, "</h1>");
    page_say(&p, "<p>", TEXT_REACHES_NOTHING, "</p></section>\n", page_member(o, "device"));
    page_say(&p, "<p>", TEXT_TELL_TOO, "</p>\n",
             page_member(o, "contact") ? page_member(o, "contact") : text_of(TEXT_YOUR_ADMIN));
    page_back(&p);
    return page_finish(&p, o, len);
}
