/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The page of a person's passkeys: what it offers when, and that no name becomes markup. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "gateway/page_passkeys.h"
#include "gateway/page_sign_in.h"

static const struct page_clock NOW = {.now = 1795322000, .utc_offset = 0, .zone = "UTC"};

#define SITE "\"on\":true,\"site\":\"https://access.example.com/\","
#define ONE "{\"id\":7,\"name\":\"<b>phone\",\"created\":1795320000,\"synced\":false,\"stopped\":false}"
#define COPIED "{\"id\":8,\"name\":\"key\",\"created\":1795320000,\"used\":1795321000,\"synced\":true," \
               "\"stopped\":true}"

static char *page(const char *json, bool by_name)
{
    size_t len;
    char *html = page_passkeys((const uint8_t *)json, strlen(json), &NOW, by_name, &len);

    assert_non_null(html);
    assert_int_equal(strlen(html), len);
    return html;
}

static void offers(const char *what, const char *json, bool by_name, bool adds, bool changes)
{
    char *html = page(json, by_name);

    if ((strstr(html, "id=\"passkey-add\"") != NULL) != adds ||
        (strstr(html, PAGE_SCRIPT) != NULL) != adds)
        fail_msg("%s: %s", what, adds ? "does not let one add" : "lets one add");
    if ((strstr(html, "/passkeys/remove") != NULL) != changes)
        fail_msg("%s: %s", what, changes ? "does not let one remove" : "lets one remove");
    free(html);
}

static void it_offers_what_may_be_done(void **state)
{
    (void)state;
    offers("fresh, by name", "{" SITE "\"user\":\"maria\",\"fresh\":true,\"items\":[" ONE "],\"most\":8}",
           true, true, true);
    offers("fresh, by address", "{" SITE "\"user\":\"maria\",\"fresh\":true,\"items\":[" ONE
           "],\"most\":8}", false, false, true);
    offers("not fresh", "{" SITE "\"user\":\"maria\",\"fresh\":false,\"items\":[" ONE "],\"most\":8}", true,
           false, false);
    offers("no more", "{" SITE "\"user\":\"maria\",\"fresh\":true,\"items\":[" ONE "],\"most\":1}", true,
           false, true);
    offers("off", "{\"on\":false,\"why\":\"<i>none\",\"user\":\"maria\",\"fresh\":true,\"items\":[],"
           "\"most\":8}", true, false, false);
}

static void has(const char *html, const char *piece)
{
    if (!strstr(html, piece))
        fail_msg("it lacks %s: %s", piece, strstr(html, "<main"));
}

static void it_says_what_is_wrong(void **state)
{
    (void)state;
    char *html = page("{" SITE "\"user\":\"maria\",\"fresh\":false,\"items\":[" ONE "," COPIED
                      "],\"most\":8}", false);
    has(html, "<h2>&lt;b&gt;phone</h2>");
    has(html, "Somebody has a copy of this one");
    has(html, "Its maker may copy it");
    has(html, "href=\"https://access.example.com/passkeys\"");
    has(html, "href=\"/sign-in\"");
    free(html);
    html = page("{\"on\":false,\"why\":\"<i>none\",\"user\":\"maria\",\"fresh\":true,\"items\":[],"
                "\"most\":8}", true);
    has(html, "&lt;i&gt;none");
    free(html);
}

static void signing_in_offers_what_there_is(void **state)
{
    static const struct { const char *what, *me; bool by_name, button, hint; } cases[] = {
        {"one, by name", "\"passkeys\":1,\"site\":\"https://n/\"", true, true, false},
        {"one, by address", "\"passkeys\":1,\"site\":\"https://n/\"", false, false, false},
        {"none yet", "\"passkeys\":0,\"site\":\"https://n/\"", true, false, true},
        {"none here", "\"asked\":true", true, false, false},
    };
    char json[160];
    size_t len;

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        snprintf(json, sizeof json, "{\"user\":\"maria\",\"sign_in\":{\"set_up\":true,%s}}", cases[i].me);
        char *html = page_sign_in((const uint8_t *)json, strlen(json), cases[i].by_name, &len);
        assert_non_null(html);
        if ((strstr(html, "id=\"passkey-sign-in\"") != NULL) != cases[i].button ||
            (strstr(html, PAGE_SCRIPT) != NULL) != cases[i].button ||
            (strstr(html, "A passkey is quicker") != NULL) != cases[i].hint)
            fail_msg("%s: %s", cases[i].what, html);
        has(html, "name=\"passphrase\"");
        free(html);
    }
}

static void rubbish_is_no_page(void **state)
{
    size_t len;

    (void)state;
    assert_null(page_passkeys((const uint8_t *)"[]", 2, &NOW, true, &len));
    assert_null(page_passkeys((const uint8_t *)"", 0, &NOW, true, &len));
    free(page("{}", true));
    free(page("{\"items\":[1,{}],\"on\":true,\"fresh\":true}", true));
    free(page("{\"items\":[1,{}],\"on\":true,\"fresh\":true}", false));
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(it_offers_what_may_be_done),
        cmocka_unit_test(it_says_what_is_wrong),
        cmocka_unit_test(signing_in_offers_what_there_is),
        cmocka_unit_test(rubbish_is_no_page),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
