/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The page of the policy that is signed: where one stands, what is marked, when there is a button. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "gateway/page_policy.h"

static const struct page_clock NOW = {.now = 1795322000, .utc_offset = -21600, .zone = "CST"};

#define HASH "\"sha256\":\"ab01\",\"version\":7,\"applied_at\":1795321000"
#define DUE "\"acknowledgement\":{\"state\":\"due\",\"by\":1795408400}"
#define AGAIN "\"acknowledgement\":{\"state\":\"due\",\"by\":1795408400,\"signed_at\":1795235600," \
              "\"version\":5}"
#define OVER "\"acknowledgement\":{\"state\":\"overdue\",\"by\":1795321999}"
#define SIGNED "\"acknowledgement\":{\"state\":\"signed\",\"signed_at\":1795235600,\"version\":5}"

static void says(void **state)
{
    (void)state;
    static const struct {
        const char *what, *json, *has, *lacks;
    } cases[] = {
        {"due, until when", "{" HASH "," DUE "}",
         "<section class=\"state wait\"><h1>Please read this and sign it</h1>"
         "<p class=\"until\">By tomorrow at 22:33 CST, in 1 day.</p>", "since you signed"},
        {"the version", "{" HASH "," DUE "}", "Version 7 of the policy, in force since 22:16 CST.",
         "null"},
        {"the button names the text", "{" HASH "," DUE "}",
         "<form method=\"post\" action=\"/policy\">\n<input type=\"hidden\" name=\"sha256\" "
         "value=\"ab01\">\n<button>I have read this, and I keep to it</button></form>", "Sign in"},
        {"sign in first", "{" HASH ",\"sign_in_first\":true," DUE "}",
         "<a href=\"/sign-in\"><b>Sign in</b></a> first", "<form"},
        {"overdue", "{" HASH "," OVER "}", "<h1>The time to sign is over</h1>", "By "},
        {"overdue can sign", "{" HASH "," OVER "}", "<button>", "Sign in"},
        {"signed", "{" HASH "," SIGNED "}",
         "<h1>Your part of the policy</h1>\n<p class=\"who\">You signed it at yesterday at 22:33 CST "
         "(version 5).</p>", "<form"},
        {"signed before: marks are told of", "{" HASH "," AGAIN "}",
         "What has changed since you signed version 5, at yesterday at 22:33 CST, is marked.",
         "null"},
        {"signed, nothing is marked", "{" HASH "," SIGNED "}", "You signed it", "is marked"},
        {"not asked", "{" HASH ",\"acknowledgement\":{\"state\":\"not-asked\"}}",
         "You need not sign it.", "<form"},
        {"lines", "{" HASH "," DUE ",\"lines\":[\" Head:\",\" one\",\"+two\",\"-three\","
         "\"+Next:\",\"+four\",\"-Last:\",\"-five\"]}",
         "<h2>Head:</h2>\n<ul>\n<li><span>one</span></li>\n"
         "<li><ins>two</ins><span class=\"tag good\">new</span></li>\n"
         "<li><del>three</del><span class=\"tag bad\">no longer</span></li>\n</ul>\n"
         "<h2><ins>Next:</ins></h2>\n<ul>\n"
         "<li><ins>four</ins><span class=\"tag good\">new</span></li>\n</ul>\n"
         "<h2><del>Last:</del></h2>\n<ul>\n"
         "<li><del>five</del><span class=\"tag bad\">no longer</span></li>\n</ul>\n<form", "<ul>\n</ul>"},
        {"two headings, and what is no line", "{" HASH "," DUE ",\"lines\":[\" A:\",\" B:\",\" \","
         "7,\" c\"]}", "<h2>A:</h2>\n<h2>B:</h2>\n<ul>\n<li><span>c</span></li>\n</ul>\n", "7<"},
        {"no markup of others", "{\"sha256\":\"<i>\",\"version\":1," DUE
         ",\"lines\":[\" <i>\",\"+<i>\",\"-<i>:\"]}", "<del>&lt;i&gt;:</del>", "<i>"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        size_t len = 0;
        char *html = page_policy((const uint8_t *)cases[i].json, strlen(cases[i].json), &NOW, &len);
        assert_non_null(html);
        const char *body = strstr(html, "<body>");
        if (!strstr(body, cases[i].has) || strstr(body, cases[i].lacks))
            fail_msg("%s: %s", cases[i].what, body);
        free(html);
    }
}

static void what_is_no_page(void **state)
{
    (void)state;
    static const char *const cases[] = {"", "[]", "{}", "{" HASH "}", "{" DUE "}"};
    size_t len;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        assert_null(page_policy((const uint8_t *)cases[i], strlen(cases[i]), &NOW, &len));
    assert_null(page_acknowledged((const uint8_t *)"x", 1, &len));
}

static void signed_at_last(void **state)
{
    static const char json[] = "{\"user\":\"maria\",\"version\":7}";
    size_t len = 0;
    char *html = page_acknowledged((const uint8_t *)json, sizeof json - 1, &len);

    (void)state;
    assert_non_null(strstr(html, "<h1>You have signed</h1><p>Version 7 of the policy, as maria.</p>"));
    free(html);
}

static void on_the_own_page(void **state)
{
    (void)state;
    static const struct {
        const char *json, *has, *lacks;
    } cases[] = {
        {"{\"state\":\"in\"," DUE "}", "<a href=\"/policy\"><b>Read your part of the policy and sign "
         "it</b></a> by tomorrow at 22:33 CST.", "null"},
        {"{\"state\":\"quarantine\",\"reason\":\"acknowledge\"," OVER "}",
         "<p><b>What to do.</b> <a href=\"/policy\"><b>Read your part of the policy and sign it</b>"
         "</a></p>", "</a> by "},
        {"{\"state\":\"waiting\"}", "<h1>This device waits to be approved</h1>", "sign it"},
        {"{\"state\":\"in\"," SIGNED "}", "<a href=\"/policy\">Policy</a>", "sign it"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        size_t len = 0;
        char *html = page_me((const uint8_t *)cases[i].json, strlen(cases[i].json), &NOW, &len);
        const char *body = strstr(html, "<body>");
        if (!strstr(body, cases[i].has) || strstr(body, cases[i].lacks))
            fail_msg("%zu: %s", i, body);
        free(html);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(says),           cmocka_unit_test(what_is_no_page),
        cmocka_unit_test(signed_at_last), cmocka_unit_test(on_the_own_page),
    };
    return cmocka_run_group_tests_name("page_policy", tests, NULL, NULL);
}
