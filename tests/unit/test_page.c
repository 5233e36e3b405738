/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The page for a person: what it says, and that no text of others becomes markup. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "gateway/page_text.h"

static const struct page_clock NOW = {.now = 1795322000, .utc_offset = -21600, .zone = "CST"};

static void times_in_words(void **state)
{
    (void)state;
    static const struct {
        int64_t seconds;
        const char *span;
    } spans[] = {
        {-5, "less than a minute"},
        {0, "less than a minute"},
        {59, "less than a minute"},
        {60, "1 minute"},
        {119, "1 minute"},
        {734, "12 minutes"},
        {3600, "1 hour"},
        {3660, "1 hour 1 minute"},
        {86399, "23 hours 59 minutes"},
        {86400, "1 day"},
        {2 * 86400 + 5 * 3600, "2 days 5 hours"},
    };
    static const struct {
        int64_t after;
        const char *text;
    } times[] = {
        {0, "22:33 CST"},
        {734, "22:45 CST"},
        {5186, "23:59 CST"},
        {5200, "tomorrow at 00:00 CST"},
        {-86400, "yesterday at 22:33 CST"},
        {4 * 86400, "Wed 25 Nov at 22:33 CST"},
    };
    char out[PAGE_TIME_SIZE];
    for (size_t i = 0; i < sizeof spans / sizeof *spans; i++)
        assert_string_equal(page_span(spans[i].seconds, out), spans[i].span);
    for (size_t i = 0; i < sizeof times / sizeof *times; i++)
        assert_string_equal(page_time(NOW.now + times[i].after, &NOW, out), times[i].text);
    page_time(INT64_MAX / 2, &NOW, out);
}

static void texts_are_escaped(void **state)
{
    (void)state;
    static const struct {
        const char *what, *in, *out;
    } cases[] = {
        {"markup", "<script>a&b</script>", "&lt;script&gt;a&amp;b&lt;/script&gt;"},
        {"quotes", "\" onload='x'", "&quot; onload=&#39;x&#39;"},
        {"letters of others", "Zoë 李 🚢", "Zoë 李 🚢"},
        {"controls", "a\r\n\x1b[31m\x7f", "a\ufffd\ufffd\ufffd[31m\ufffd"},
        {"C1",
         "a\xc2\x85"
         "b\xc2\x9f"
         "c",
         "a\ufffdb\ufffdc"},
        {"line separator", "a\u2028b\u2029c", "a\ufffdb\ufffdc"},
        {"direction", "a\u202egnp\u2066x\u2069\u200e", "a\ufffdgnp\ufffdx\ufffd\ufffd"},
        {"near them", "\u2027\u202f\u2065\u206a\u2026", "\u2027\u202f\u2065\u206a\u2026"},
        {"a character cut short", "a\xe2\x80", "a\xe2\x80"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct page p = {0};
        size_t len = 0;
        page_html(&p, "");
        page_text(&p, cases[i].in);
        char *out = page_take(&p, &len);
        if (strcmp(out, cases[i].out) != 0)
            fail_msg("%s: %s", cases[i].what, out);
        assert_int_equal(len, strlen(out));
        free(out);
    }
}

static char *page_of(const char *json)
{
    size_t len = 0;
    return page_me((const uint8_t *)json, strlen(json), &NOW, &len);
}

static void says(void **state)
{
    (void)state;
    static const struct {
        const char *what, *json, *has, *lacks;
    } cases[] = {
        {"in, until when", "{\"state\":\"in\",\"lease_until\":1795322734,\"user\":\"maria\"}",
         "Until 22:45 CST, for 12 minutes more.", "quarantine"},
        {"a lease that is over is not promised", "{\"state\":\"in\",\"lease_until\":1795321000}",
         "You are in<", "Until"},
        {"quarantine is not called in", "{\"state\":\"quarantine\",\"lease_until\":1795322734}",
         "You are in quarantine", "Until"},
        {"locked, since when", "{\"state\":\"locked\",\"reason\":\"locked\",\"fix\":\"Call <IT>.\","
         "\"hold\":{\"since\":1795322734}}", "This device is locked</h1><p class=\"until\">Since "
         "22:45 CST.</p><p><b>What to do.</b> Call &lt;IT&gt;.</p>", "until 2"},
        {"whom to call", "{\"state\":\"quarantine\",\"contact\":\"<IT>\",\"gateway\":\"g\"}",
         "Whom to call: &lt;IT&gt;.</p></section>", "You are in<"},
        {"whom to call is below every page", "{\"state\":\"in\",\"contact\":\"IT\",\"gateway\":\"g\"}",
         "<footer><p>Whom to call: IT.</p></footer>", "quarantine"},
        {"the last answer said it", "{\"state\":\"in\"}", "<footer><p>Whom to call: IT.", "Since"},
        {"nobody any more", "{\"state\":\"in\",\"gateway\":\"g\"}", "<footer></footer>", "IT"},
        {"held, until when", "{\"state\":\"quarantine\",\"reason\":\"held\",\"fix\":\"Call X.\","
         "\"hold\":{\"since\":1795322000,\"until\":1795322734},\"posture\":{\"rules\":[{\"rule\":"
         "\"a\",\"result\":\"deny\"},{\"rule\":\"b\",\"result\":\"deny\"}]}}",
         "Since 22:33 CST, until 22:45 CST.</p><p><b>What to do.</b> Call X.</p>",
         "2 things keep you out"},
        {"an unknown state is not called in", "{\"state\":\"IN\"}", "You are in quarantine",
         "You are in<"},
        {"no state is not called in", "{}", "You are in quarantine", "You are in<"},
        {"revoked", "{\"state\":\"revoked\"}", "has been shut out", "You are in"},
        {"the code and the fix when no rule says it",
         "{\"state\":\"quarantine\",\"code\":\"PT310\",\"fix\":\"Report again.\"}",
         "<b>What to do.</b> Report again.", "What keeps you out"},
        {"who",
         "{\"user\":\"maria\",\"full_name\":\"Maria Lopez\",\"device\":\"m1\","
         "\"roles\":[\"a\",\"b\"]}",
         "<b>Maria Lopez</b> (maria) on <b>m1</b>, roles <b>a</b>, <b>b</b>", "null"},
        {"passkeys where there are some", "{\"gateway\":\"g\",\"with_passkeys\":true}",
         "<a href=\"/passkeys\">Passkeys</a>", "Gateway h"},
        {"and where there are none", "{\"gateway\":\"g\"}", "<a href=\"/policy\">Policy</a>", "Passkeys"},
        {"what failed",
         "{\"state\":\"quarantine\",\"posture\":{\"rules\":[{\"rule\":\"fde.sys\",\"result\":"
         "\"quarantine\",\"expected\":\"<= 30 days\",\"received\":\"<41\",\"sentence\":\"S.\","
         "\"fix\":\"F.\",\"code\":\"PL708\"}]}}",
         "<h3>S.</h3><dl><dt>Expected</dt><dd>at most 30 "
         "days</dd><dt>Found</dt><dd>&lt;41</dd></dl>"
         "<p class=\"fix\"><b>How to fix it.</b> F.</p>"
         "<p class=\"note\"><code>PL708</code> &middot; <code>fde.sys</code></p>",
         "needs your attention"},
        {"a reason without a code", "{\"state\":\"quarantine\",\"reason\":\"no-evidence\"}",
         "<b>What to do.</b> Start portcullis-agent", "Code"},
        {"the engine's own fix goes first",
         "{\"state\":\"quarantine\",\"reason\":\"no-evidence\",\"fix\":\"F.\"}",
         "<b>What to do.</b> F.", "Start portcullis-agent"},
        {"a rule that denies",
         "{\"state\":\"quarantine\",\"posture\":{\"rules\":[{\"rule\":\"os\",\"result\":\"deny\"}]}"
         "}",
         "<span class=\"tag bad\">not accepted</span>", "needs your attention"},
        {"a warning",
         "{\"state\":\"in\",\"posture\":{\"rules\":[{\"rule\":\"os\",\"result\":\"warn\"}]}}",
         "<span class=\"tag wait\">please look at this</span>", "keeps you out"},
        {"grace",
         "{\"state\":\"in\",\"posture\":{\"rules\":[{\"rule\":\"a\",\"result\":\"grace\","
         "\"grace_until\":1795408400}]}}",
         "Fix it by <b>tomorrow at 22:33 CST</b>, 1 day from now; after", "What keeps you out"},
        {"how many",
         "{\"state\":\"quarantine\",\"posture\":{\"rules\":[{\"rule\":\"a\",\"result\":\"deny\"},"
         "{\"rule\":\"b\",\"result\":\"quarantine\"},{\"rule\":\"c\",\"result\":\"warn\"}]}}",
         "<p>2 things keep you out.", "3 things"},
        {"a version in words",
         "{\"posture\":{\"rules\":[{\"rule\":\"os debian >= 12\",\"result\":\"deny\","
         "\"expected\":\"debian >= 12\"}]}}",
         "<dd>debian 12 or newer</dd>", "<dd>debian &gt;"},
        {"a number with its unit",
         "{\"posture\":{\"rules\":[{\"rule\":\"require lock.max_s <= 900\",\"result\":\"warn\","
         "\"expected\":\"<= 900\",\"received\":\"unknown\",\"excepted\":true}]}}",
         "at most 900 seconds</dd><dt>Found</dt><dd>unknown</dd></dl><p>Your administrator has "
         "excused", "unknown seconds"},
        {"nobody's", "{\"state\":\"quarantine\",\"reason\":\"no-role\",\"sentence\":\"S.\",\"device\":\"m<\"}",
         "<h1>This device has no owner yet</h1><p><b>What to do.</b> Tell your administrator its name, m&lt;: ",
         "S."},
        {"who has only to sign in", "{\"state\":\"quarantine\",\"reason\":\"sign-in\",\"sentence\":\"S.\","
         "\"sign_in\":{\"asked\":true}}", "<h1>Please sign in</h1><p>Your device is in order; your work asks "
         "that you sign in.</p><p><a class=\"button\" href=\"/sign-in\">Sign in</a>", "quarantine"},
        {"not who has more to do", "{\"state\":\"quarantine\",\"reason\":\"sign-in\",\"sentence\":\"S.\","
         "\"posture\":{\"rules\":[{\"rule\":\"a\",\"result\":\"deny\"}]}}", "<h1>You are in quarantine</h1>"
         "<p>S.</p>", "in order"},
        {"hours, and when they begin, beside a warning",
         "{\"state\":\"quarantine\",\"reason\":\"hours\",\"opens_at\":1795408400,\"posture\":"
         "{\"rules\":[{\"rule\":\"a\",\"result\":\"warn\"}]}}",
         "They begin again tomorrow at 22:33 CST.</p><p><b>What to do.</b> Come back",
         "quarantine"},
        {"the report", "{\"posture\":{\"at\":1795321940,\"assurance\":3}}",
         "last reported at 22:32 CST (assurance PA3). Page made at 22:33 CST", "not reported"},
        {"reach",
         "{\"reach\":[{\"resource\":\"db\",\"permitted\":false},{\"resource\":\"web\","
         "\"permitted\":true}]}",
         "<span>db</span><span class=\"tag bad\">closed</span></li>\n"
         "<li><span>web</span><span class=\"tag good\">open</span>",
         "Always open"},
        {"remediation", "{\"remediation\":[\"updates\"]}", "<span>updates</span>", "work needs"},
        {"no markup of others",
         "{\"full_name\":\"<img "
         "src=x>\",\"sentence\":\"<b>\",\"company\":\"<b>\",\"gateway\":\"<b>\","
         "\"device\":\"<i>\",\"roles\":[\"<i>\"],\"remediation\":[\"<i>\"],\"fix\":\"<i>\","
         "\"reach\":[{\"resource\":\"<i>\"}],\"posture\":{\"assurance\":\"<i>\",\"rules\":[{"
         "\"rule\":\"<i>\",\"result\":\"deny\",\"expected\":\"<i>\",\"received\":\"<i>\","
         "\"sentence\""
         ":\"<i>\",\"fix\":\"<i>\",\"code\":\"<i>\"},{\"rule\":\"<i>\",\"result\":\"pass\","
         "\"received\":\"<i>\"}]}}",
         "&lt;i&gt;", "<i"},
        {"members of wrong types",
         "{\"gateway\":\"g\",\"user\":1,\"roles\":\"x\",\"reach\":{\"a\":1},\"remediation\":[1,null],\"posture\":[],"
         "\"state\":[],\"lease_until\":\"soon\",\"company\":null}",
         "Portcullis", "null"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char *html = page_of(cases[i].json);
        assert_non_null(html);
        const char *body = strstr(html, "<body>");
        if (!strstr(body, cases[i].has) || strstr(body, cases[i].lacks))
            fail_msg("%s: %s", cases[i].what, body);
        assert_null(strstr(html, "<script"));
        free(html);
    }
}

static void what_is_no_page(void **state)
{
    (void)state;
    static const char *const cases[] = {"", "[]", "{", "{\"a\":1,\"a\":2}", "{} x", "\"x\""};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        assert_null(page_of(cases[i]));
}

static void apologies(void **state)
{
    (void)state;
    static const struct {
        const char *json, *has;
    } cases[] = {
        {"{\"error\":{\"code\":\"c<\",\"message\":\"M.\",\"hint\":\"H.\"}}", "<p>M.</p><p>H.</p>"},
        {"{\"error\":{\"code\":\"c<\",\"message\":\"M.\"}}", "<code>c&lt;</code>"},
        {"{\"error\":{\"message\":\"M.\"}}", "<p>M.</p><p>Go back and try once more."},
        {"nonsense", "The gateway could not make this page."},
        {"{\"error\":7}", "The gateway could not make this page."},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        size_t len = 0;
        char *html = page_error((const uint8_t *)cases[i].json, strlen(cases[i].json), "/sign-in", &len);
        assert_non_null(strstr(html, cases[i].has));
        free(html);
    }
}

static void a_page_is_bounded(void **state)
{
    (void)state;
    char *json = malloc(PAGE_MAX + 64);
    assert_non_null(json);
    int n = sprintf(json, "{\"sentence\":\"");
    memset(json + n, 'a', PAGE_MAX);
    strcpy(json + n + PAGE_MAX, "\"}");
    assert_null(page_of(json));
    free(json);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(times_in_words), cmocka_unit_test(texts_are_escaped),
        cmocka_unit_test(says),           cmocka_unit_test(what_is_no_page),
        cmocka_unit_test(apologies),      cmocka_unit_test(a_page_is_bounded),
    };
    return cmocka_run_group_tests_name("page", tests, NULL, NULL);
}
