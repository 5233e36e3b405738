/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Forms of the portal, and what comes after them. */
#include "gateway/page_sign_in.h"

#include <stdio.h>
#include <string.h>

#include "gateway/page_frame.h"
#include "gateway/qr.h"

#define BACK "<p class=\"note\"><a href=\"/\">Back to your page</a></p>\n"

static json_t *load(const uint8_t *json, size_t len)
{
    json_t *o = json_loadb((const char *)json, len, JSON_REJECT_DUPLICATES, NULL);

    if (json_is_object(o))
        return o;
    json_decref(o);
    return NULL;
}

static char *finish(struct page *p, json_t *o, size_t *len)
{
    page_end(p);
    json_decref(o);
    return page_take(p, len);
}

static void field(struct page *p, const char *label, const char *name, const char *type_and_more)
{
    page_wrap(p, "<label>", label, "<input required name=\"");
    page_html(p, name);
    page_html(p, "\" ");
    page_html(p, type_and_more);
    page_html(p, "></label>\n");
}

#define PASSWORD "type=\"password\" maxlength=\"256\" autocomplete="
#define ONE_TIME "autocomplete=\"one-time-code\" autocapitalize=\"off\" spellcheck=\"false\""

char *page_sign_in(const uint8_t *json, size_t json_len, size_t *len)
{
    json_t *me = load(json, json_len);
    struct page p = {0};

    if (!me)
        return NULL;
    page_begin(&p, "Sign in");
    page_wrap(&p, "<h1>Sign in</h1><p class=\"who\">as <b>", page_member(me, "user"), "</b></p>\n");
    if (json_is_true(json_object_get(json_object_get(me, "sign_in"), "set_up"))) {
        page_html(&p, "<form method=\"post\" action=\"/sign-in\">\n");
        field(&p, "Passphrase", "passphrase", PASSWORD "\"current-password\" autofocus");
        field(&p, "Code of your app, or a recovery code", "code", ONE_TIME " maxlength=\"40\"");
        page_html(&p, "<button>Sign in</button></form>\n");
    } else {
        page_html(&p, "<p>You have no passphrase yet. Your administrator gives you a code for it "
                      "(<code>portcullis user sign-in-code</code>).</p>\n"
                      "<p><a href=\"/set-up\">I have the code</a></p>\n");
    }
    page_html(&p, BACK);
    return finish(&p, me, len);
}

char *page_set_up(const uint8_t *json, size_t json_len, size_t *len)
{
    json_t *me = load(json, json_len);
    struct page p = {0};

    if (!me)
        return NULL;
    page_begin(&p, "Choose a passphrase");
    page_wrap(&p, "<h1>Choose a passphrase</h1><p class=\"who\">for <b>", page_member(me, "user"),
              "</b></p>\n<form method=\"post\" action=\"/set-up\">\n");
    field(&p, "The code from your administrator", "code",
          "autocomplete=\"off\" autocapitalize=\"characters\" spellcheck=\"false\" "
          "maxlength=\"40\" autofocus");
    field(&p, "A passphrase of at least 15 characters: four or five words", "passphrase",
          PASSWORD "\"new-password\" minlength=\"15\"");
    field(&p, "The same once more", "again", PASSWORD "\"new-password\" minlength=\"15\"");
    page_html(&p, "<button>Go on</button></form>\n" BACK);
    return finish(&p, me, len);
}

char *page_signed_in(const uint8_t *json, size_t json_len, size_t *len)
{
    json_t *o = load(json, json_len);
    json_int_t left = json_integer_value(json_object_get(o, "recovery_left"));
    struct page p = {0};
    char n[24];

    if (!o)
        return NULL;
    page_begin(&p, "You are signed in");
    page_wrap(&p, "<section class=\"state good\"><h1>You are signed in</h1><p>as ",
              page_member(o, "user"), ".</p></section>\n");
    if (left < 3) {
        snprintf(n, sizeof n, "%lld", (long long)left);
        page_wrap(&p, "<p>Recovery codes left: <b>", n,
                  "</b>. Ask your administrator for a new code before they are used up.</p>\n");
    }
    page_html(&p, BACK);
    return finish(&p, o, len);
}

char *page_factor(const uint8_t *json, size_t json_len, const char *code, size_t *len)
{
    json_t *o = load(json, json_len);
    const char *secret = page_member(o, "secret"), *uri = page_member(o, "uri");
    struct page p = {0};

    if (!secret || !uri) {
        json_decref(o);
        return NULL;
    }
    page_begin(&p, "Your second factor");
    page_html(&p, "<h1>Your second factor</h1>\n<p>Scan this with an authenticator app on your "
                  "phone. Then type the six digits that it shows.</p>\n");
    qr_add(&p, uri, "QR code for an authenticator app; the same secret is written below it");
    page_wrap(&p, "<p class=\"note\">Without a camera, give the app this secret: <code>", secret,
              "</code></p>\n<form method=\"post\" action=\"/set-up/confirm\">\n");
    page_wrap(&p, "<input type=\"hidden\" name=\"code\" value=\"", code, "\">\n");
    field(&p, "Six digits", "totp", ONE_TIME " inputmode=\"numeric\" pattern=\"[0-9]{6}\" "
          "maxlength=\"6\" autofocus");
    page_html(&p, "<button>Done</button></form>\n");
    return finish(&p, o, len);
}

char *page_recovery(const uint8_t *json, size_t json_len, size_t *len)
{
    json_t *o = load(json, json_len);
    const json_t *codes = json_object_get(o, "recovery");
    struct page p = {0};

    if (!json_is_array(codes)) {
        json_decref(o);
        return NULL;
    }
    page_begin(&p, "Your recovery codes");
    page_html(&p, "<section class=\"state good\"><h1>You are signed in</h1><p>Your passphrase and "
                  "your app hold from now on.</p></section>\n<h2>Recovery codes</h2>\n"
                  "<p>Print these or write them down, and keep them apart from the phone. Each "
                  "replaces the app once. They are shown only now.</p>\n<ul>\n");
    for (size_t i = 0; i < json_array_size(codes); i++)
        page_wrap(&p, "<li><code>", json_string_value(json_array_get(codes, i)), "</code></li>\n");
    page_html(&p, "</ul>\n" BACK);
    return finish(&p, o, len);
}

/* ---- a device that is lost -------------------------------------------------------------------- */

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
    json_t *me = load(json, json_len);
    struct page p = {0};

    if (!me)
        return NULL;
    page_begin(&p, "Report a device lost");
    page_html(&p, "<h1>Which device is lost?</h1>\n<p>It is cut off at once and does not come "
                  "back, also when it is found.</p>\n<form method=\"post\" action=\"/lost\">\n");
    size_t n = choices(&p, json_object_get(me, "devices"));
    bool asks = json_is_true(json_object_get(json_object_get(me, "sign_in"), "set_up"));
    if (n > 0 && asks)
        field(&p, "Your passphrase", "passphrase", PASSWORD "\"current-password\"");
    else
        page_html(&p, "<input type=\"hidden\" name=\"passphrase\" value=\"\">\n");
    page_html(&p, n > 0 ? "<button>It is lost</button></form>\n"
                        : "</form><p>You have no other device. If this one is not yours to use, "
                          "call your administrator.</p>\n");
    page_html(&p, BACK);
    return finish(&p, me, len);
}

char *page_gone(const uint8_t *json, size_t json_len, size_t *len)
{
    json_t *o = load(json, json_len);
    struct page p = {0};

    if (!o)
        return NULL;
    page_begin(&p, "It is cut off");
    page_wrap(&p, "<section class=\"state good\"><h1>It is cut off</h1><p>", page_member(o, "device"),
              " reaches nothing any more.</p></section>\n<p>Tell it, too, to ");
    page_wrap(&p, "", page_member(o, "contact") ? page_member(o, "contact") : "your administrator",
              ".</p>\n" BACK);
    return finish(&p, o, len);
}
