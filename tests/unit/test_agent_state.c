/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the agent tells the person at the screen, when, and what `status` makes of /v1/me. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "deploy/agent/agent_answer.h"
#include "deploy/agent/agent_file.h"
#include "deploy/agent/agent_state.h"
#include "deploy/agent/agent_status.h"

static const char DISK[] =
    "{\"result\":\"quarantine\",\"code\":\"PL708\",\"sentence\":\"whole\",\"fix\":\"all\",\"rules\":["
    "{\"result\":\"pass\",\"rule\":\"a\"},{\"result\":\"quarantine\",\"rule\":\"require fde.sys\","
    "\"code\":\"PL708\",\"sentence\":\"The disk is not encrypted.\",\"fix\":\"Turn it on.\"}]}";
static const char PATCH[] = "{\"result\":\"quarantine\",\"code\":\"PL703\",\"sentence\":\"Old.\"}";
static const char NO_NONCE[] =
    "{\"error\":{\"code\":\"PT507\",\"message\":\"Too many.\",\"hint\":\"Wait.\"}}";

static void news_are_told_once(void **state)
{
    static const struct {
        const char *what, *answer;
        enum agent_exit code;
        unsigned failures;
        const char *summary, *body;       /* NULL: nothing is told */
    } cases[] = {
        {"in from the start", "{}", AGENT_IN, 0, NULL, NULL},
        {"still in", "{}", AGENT_IN, 0, NULL, NULL},
        {"the disk", DISK, AGENT_REFUSED, 1, "quarantine",
         "The disk is not encrypted.\nWhat to do: Turn it on.\nMore: portcullis-agent status"},
        {"still the disk", DISK, AGENT_REFUSED, 2, NULL, NULL},
        {"something else", PATCH, AGENT_REFUSED, 3, "quarantine",
         "Old.\nMore: portcullis-agent status"},
        {"a refusal", NO_NONCE, AGENT_REFUSED, 4, "quarantine",
         "Too many.\nWhat to do: Wait.\nMore: portcullis-agent status"},
        {"one failure", NULL, AGENT_UNREACHABLE, 1, NULL, NULL},
        {"two", NULL, AGENT_UNREACHABLE, 2, NULL, NULL},
        {"three", NULL, AGENT_UNREACHABLE, 3, "cannot be reached", "broken"},
        {"four", NULL, AGENT_UNREACHABLE, 4, NULL, NULL},
        {"in again", "{}", AGENT_IN, 0, "in again", "may use"},
        {"and again", "{}", AGENT_IN, 0, NULL, NULL},
    };
    struct agent_told told = {.state = AGENT_STATE_NONE};
    char summary[AGENT_SUMMARY_TEXT], body[AGENT_BODY_TEXT];

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct agent_report r = {.code = cases[i].code, .why = "broken"};

        r.answer = cases[i].answer ? json_loads(cases[i].answer, 0, NULL) : NULL;
        if (agent_state_news(&told, &r, cases[i].failures, summary, body) !=
            (cases[i].summary != NULL))
            fail_msg("%s: told or not", cases[i].what);
        if (cases[i].summary &&
            (!strstr(summary, cases[i].summary) || !strstr(body, cases[i].body)))
            fail_msg("%s: %s: %s", cases[i].what, summary, body);
        agent_report_clear(&r);
    }
}

static void markup_is_shown(void **state)
{
    static const struct { const char *text; size_t size; const char *shown; } cases[] = {
        {"<a href=\"x\">y</a> & z", 100, "&lt;a href=\"x\"&gt;y&lt;/a&gt; &amp; z"},
        {"a\xc3\xa4", 4, "a\xc3\xa4"},
        {"a\xc3\xa4", 3, "a"},
        {"a&", 6, "a"},
        {"a&", 7, "a&amp;"},
        {"\xe2\x82\xac\xff", 10, "\xe2\x82\xac\xff"},
        {"", 1, ""},
    };
    char out[100];

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        agent_answer_markup(cases[i].text, out, cases[i].size);
        assert_string_equal(out, cases[i].shown);
    }
}

/* /v1/me in the words of an answer. */
static void status_of_me(void **state)
{
    json_t *me = json_loads("{\"user\":\"maria\",\"state\":\"quarantine\",\"lease_seconds\":0,"
                            "\"code\":\"PL708\",\"sentence\":\"s\",\"posture\":{\"rules\":["
                            "{\"result\":\"quarantine\",\"rule\":\"require fde.sys\","
                            "\"expected\":\"true\",\"received\":\"false\",\"sentence\":\"The disk.\","
                            "\"code\":\"PL708\",\"fix\":\"Turn it on.\"}]},"
                            "\"contact\":\"IT, \\u001b[2J 100\"}", 0, NULL),
           *answer = agent_status_answer(me);
    char text[1024] = "";
    FILE *f = fmemopen(text, sizeof text, "w");

    (void)state;
    assert_false(agent_answer_read(answer).in);
    agent_answer_print(answer, 0, f);
    agent_answer_contact(me, f);
    fclose(f);
    assert_non_null(strstr(text, "in quarantine"));
    assert_non_null(strstr(text, "What to do: Turn it on."));
    assert_non_null(strstr(text, "To ask: IT, ?[2J 100"));
    json_decref(answer);
    json_object_set_new(me, "state", json_string("in"));
    json_object_set_new(me, "lease_seconds", json_integer(600));
    answer = agent_status_answer(me);
    assert_true(agent_answer_read(answer).in);
    json_decref(answer);
    answer = agent_status_answer(json_null());
    assert_false(agent_answer_read(answer).in);
    json_decref(answer);
    json_decref(me);
}

/* Who was asked for stands before who was enrolled. */
static void settings(void **state)
{
    static const char good[] = "GATEWAY=10.77.0.1\nDEVICE=maria-laptop\n";
    char dir[] = "/tmp/portcullis-agent-test-XXXXXX", path[64], device[64];
    struct agent_options o = {.dir = dir};

    (void)state;
    assert_non_null(mkdtemp(dir));
    snprintf(path, sizeof path, "%s/environment", dir);
    assert_int_equal(agent_file_create(path, good, strlen(good)), 0);
    assert_true(agent_settings(&o, device));
    assert_string_equal(o.gateway, "10.77.0.1");
    assert_string_equal(o.device, "maria-laptop");
    o = (struct agent_options){.dir = dir, .device = "other", .gateway = "10.0.0.1"};
    assert_true(agent_settings(&o, device));
    assert_string_equal(o.gateway, "10.0.0.1");
    assert_string_equal(o.device, "other");
    unlink(path);
    assert_int_equal(agent_file_create(path, "GATEWAY=evil.example\nDEVICE=x\n", 30), 0);
    o = (struct agent_options){.dir = dir};
    agent_settings(&o, device);
    assert_string_not_equal(o.gateway, "evil.example");
    unlink(path);
    rmdir(dir);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(news_are_told_once), cmocka_unit_test(markup_is_shown),
        cmocka_unit_test(status_of_me), cmocka_unit_test(settings),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
