/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The agent's readers of texts, gateway addresses, answers and pauses. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "deploy/agent/agent_answer.h"
#include "deploy/agent/agent_read.h"
#include "deploy/agent/agent_run.h"
#include "deploy/agent/agent_updates.h"

static void assignments(void **state)
{
    static const struct { const char *what, *text, *name, *value; } cases[] = {
        {"bare", "NAME=x\nID=debian\n", "ID", "debian"},
        {"quoted", "VERSION_ID=\"12\"\n", "VERSION_ID", "12"},
        {"single quotes", "ID='arch'", "ID", "arch"},
        {"name within a name", "VERSION_ID=1\nX_ID=2\n", "ID", NULL},
        {"not at the line's start", " ID=debian\n", "ID", NULL},
        {"empty", "ID=\n", "ID", NULL},
        {"escape in it", "ID=\"a\\\"b\"\n", "ID", NULL},
        {"control in it", "ID=a\tb\n", "ID", NULL},
        {"63 bytes", "ID=aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\n", "ID",
         "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"},
        {"64 bytes", "ID=aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\n", "ID",
         NULL},
        {"nothing", "", "ID", NULL},
    };
    char value[AGENT_FACT];

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        bool found = agent_read_assignment(cases[i].text, cases[i].name, value);

        if (found != (cases[i].value != NULL) || (found && strcmp(value, cases[i].value) != 0))
            fail_msg("%s", cases[i].what);
    }
}

static void versions(void **state)
{
    static const struct { const char *text, *version; } cases[] = {
        {"12.7\n", "12.7"}, {"6.1.0-18-amd64", "6.1.0"}, {"22.04", "22.04"}, {"12.", "12"},
        {"12..1", "12"},    {"trixie/sid\n", NULL},      {"", NULL},         {".1", NULL},
        {"6.18.44+", "6.18.44"},
    };
    char version[AGENT_FACT];

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        bool found = agent_read_version(cases[i].text, version);

        if (found != (cases[i].version != NULL) ||
            (found && strcmp(version, cases[i].version) != 0))
            fail_msg("%s", cases[i].text);
    }
}

static void ubuntu_updates(void **state)
{
    static const struct { const char *what, *text; bool known; int64_t all, security; } cases[] = {
        {"22.04", "\n7 updates can be applied immediately.\n"
                  "3 of these updates are standard security updates.\n"
                  "To see these additional updates run: apt list --upgradable\n\n", true, 7, 3},
        {"22.04, one", "1 update can be applied immediately.\n"
                       "1 of these updates is a standard security update.\n", true, 1, 1},
        {"none of security", "2 updates can be applied immediately.\n", true, 2, 0},
        {"zero", "0 updates can be applied immediately.\n", true, 0, 0},
        {"18.04", "5 packages can be updated.\n", false, 0, 0},
        {"no number", "Updates can be applied immediately.\n", false, 0, 0},
        {"more of security than in all", "1 update can be applied immediately.\n"
                                         "3 of these updates are standard security updates.\n",
         false, 0, 0},
        {"nothing", "", false, 0, 0},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        int64_t all = 0, security = 0;
        bool known = agent_read_updates(cases[i].text, &all, &security);

        if (known != cases[i].known || all != cases[i].all || security != cases[i].security)
            fail_msg("%s", cases[i].what);
    }
}

static void small_answers(void **state)
{
    (void)state;
    assert_int_equal(agent_read_ufw("# x\nENABLED=yes\n"), AGENT_YES);
    assert_int_equal(agent_read_ufw("ENABLED=no\n"), AGENT_UNKNOWN);
    assert_int_equal(agent_read_ufw(""), AGENT_UNKNOWN);
    assert_int_equal(agent_read_secure_boot("\6\0\0\0\1", 5), AGENT_YES);
    assert_int_equal(agent_read_secure_boot("\6\0\0\0\0", 5), AGENT_NO);
    assert_int_equal(agent_read_secure_boot("\6\0\0\0\2", 5), AGENT_UNKNOWN);
    assert_int_equal(agent_read_secure_boot("\6\0\0\0", 4), AGENT_UNKNOWN);
    assert_int_equal(agent_read_uptime("3838.05 100.00\n"), 3838);
    assert_int_equal(agent_read_uptime("x"), -1);
}

static void mounts(void **state)
{
    static const char line[] =
        "21 1 254:0 / /home rw,relatime shared:1 - ext4 /dev/mapper/root rw\n22 21 junk";
    struct agent_mount m;

    (void)state;
    assert_true(agent_read_mount(line, &m));
    assert_int_equal(m.major, 254);
    assert_int_equal(m.minor, 0);
    assert_string_equal(m.point, "/home");
    assert_string_equal(m.type, "ext4");
    assert_string_equal(m.source, "/dev/mapper/root");
    assert_false(agent_read_mount("junk\n", &m));
    assert_false(agent_read_mount("21 1 254:0 / /home rw\n22 1 8:1 / / rw - ext4 /dev/x rw", &m));
    assert_false(agent_read_mount("", &m));
}

/* What a database of ClamAV says of itself. */
static void definitions(void **state)
{
    static const struct { const char *head; int64_t at; } cases[] = {
        {"ClamAV-VDB:12 Nov 2026 07-35 -0500:27461:2075:90:0123:dsig:builder:1794486900    ",
         1794486900},
        {"ClamAV-VDB:12 Nov 2026 07-35 -0500:27461:2075:90:0123:dsig:builder:179x", -1},
        {"ClamAV-VDB:12 Nov 2026 07-35 -0500:27461:2075", -1},
        {"ClamAV-VDB:a:b:c:d:e:f:g:99999999999999999999", -1},
        {"x", -1},
        {"", -1},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        if (agent_read_cvd(cases[i].head) != cases[i].at)
            fail_msg("%s", cases[i].head);
}

static void deb_versions(void **state)
{
    /* Each is older than the next; dpkg --compare-versions agrees. */
    static const char *const order[] = {
        "0~", "0", "1.0~rc1", "1.0", "1.0-1~deb12u1", "1.0-1", "1.0-1+b1", "1.0-1+deb12u1",
        "1.0-2", "1.0.1-1", "1.2-1", "1.10-1", "1.10a-1", "1.10+x-1", "2-1", "1:0.1-1", "1:0.2-1",
        "2:0-1",
    };
    size_t n = sizeof order / sizeof order[0];

    (void)state;
    for (size_t i = 0; i < n; i++)
        for (size_t k = 0; k < n; k++) {
            int cmp = agent_deb_version_cmp(order[i], order[k]);

            if ((i < k && cmp >= 0) || (i > k && cmp <= 0) || (i == k && cmp != 0))
                fail_msg("%s against %s: %d", order[i], order[k], cmp);
        }
    assert_int_equal(agent_deb_version_cmp("0:1.0-1", "1.0-1"), 0);
    assert_int_equal(agent_deb_version_cmp("1.01-1", "1.1-1"), 0);
}

static void gateways(void **state)
{
    static const struct { const char *text, *url; } cases[] = {
        {"10.77.0.1", "10.77.0.1"},
        {"10.77.0.1:80", "10.77.0.1:80"},
        {"10.77.0.1:65535", "10.77.0.1:65535"},
        {"fd77::1", "[fd77::1]"},
        {"[fd77::1]", "[fd77::1]"},
        {"[fd77::1]:8080", "[fd77::1]:8080"},
        {"10.77.0.1:0", NULL},
        {"10.77.0.1:65536", NULL},
        {"10.77.0.1:080", NULL},
        {"10.77.0.1:", NULL},
        {"10.77.0.1:80x", NULL},
        {"10.77.0.1/evil", NULL},
        {"10.77.0.1@evil", NULL},
        {"[10.77.0.1]", NULL},
        {"[fd77::1", NULL},
        {"[fd77::1]80", NULL},
        {"hq.example.net", NULL},
        {"", NULL},
        {"1111111111111111111111111111111111111111111111111111111111", NULL},
    };
    char url[AGENT_GATEWAY_TEXT];

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        bool ok = agent_gateway_parse(cases[i].text, url);

        if (ok != (cases[i].url != NULL) || (ok && strcmp(url, cases[i].url) != 0))
            fail_msg("%s", cases[i].text);
    }
}

static json_t *json(const char *text)
{
    json_t *v = json_loads(text, 0, NULL);

    assert_non_null(v);
    return v;
}

static void verdicts(void **state)
{
    static const struct { const char *what, *text; bool in, error; int64_t left; } cases[] = {
        {"in", "{\"result\":\"in\",\"lease_seconds\":900}", true, false, 900},
        {"in for nothing", "{\"result\":\"in\",\"lease_seconds\":0}", false, false, 0},
        {"in without a time", "{\"result\":\"in\"}", false, false, 0},
        {"in for ever", "{\"result\":\"in\",\"lease_seconds\":9999999}", true, false, 86400},
        {"quarantine", "{\"result\":\"quarantine\",\"lease_seconds\":900}", false, false, 0},
        {"something else", "{\"result\":7,\"lease_seconds\":900}", false, false, 0},
        {"error", "{\"error\":{},\"result\":\"in\",\"lease_seconds\":9}", false, true, 0},
        {"nothing", "{}", false, false, 0},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        json_t *v = json(cases[i].text);
        struct agent_verdict got = agent_answer_read(v);

        if (got.in != cases[i].in || got.error != cases[i].error ||
            got.lease_seconds != cases[i].left)
            fail_msg("%s", cases[i].what);
        json_decref(v);
    }
}

static void answers_as_text(void **state)
{
    static const struct { const char *what, *text, *shown; } cases[] = {
        {"in, one rule in grace",
         "{\"result\":\"in\",\"lease_seconds\":900,\"rules\":["
         "{\"rule\":\"require fde.sys\",\"result\":\"pass\"},"
         "{\"rule\":\"require pend.crit == 0\",\"expected\":\"== 0\",\"received\":\"3\","
         "\"result\":\"grace\",\"code\":\"PL704\",\"sentence\":\"Updates wait.\","
         "\"fix\":\"Install them.\"}]}",
         "You are in until 00:15 (15 minutes).\n"
         "Not as it should be:\n"
         "  - grace: require pend.crit == 0\n"
         "    expected == 0, received 3\n"
         "    Updates wait. (PL704)\n"
         "    What to do: Install them.\n"},
        {"refused token",
         "{\"result\":\"quarantine\",\"code\":\"PT310\",\"sentence\":\"Too old.\",\"fix\":\"Set "
         "the clock.\",\"rules\":[]}",
         "You are in quarantine: only this gateway's page and the help it names are reachable.\n"
         "Too old. (PT310)\nWhat to do: Set the clock.\n"},
        {"a rule says it already",
         "{\"result\":\"quarantine\",\"code\":\"PL708\",\"sentence\":\"Not encrypted.\",\"rules\":["
         "{\"rule\":\"r\",\"expected\":\"yes\",\"received\":\"no\",\"result\":\"quarantine\","
         "\"code\":\"PL708\",\"sentence\":\"Not encrypted.\"}]}",
         "You are in quarantine: only this gateway's page and the help it names are reachable.\n"
         "Not as it should be:\n"
         "  - quarantine: r\n    expected yes, received no\n    Not encrypted. (PL708)\n"},
        {"no rule is the reason",
         "{\"result\":\"quarantine\",\"code\":\"\",\"sentence\":\"Not signed in.\",\"rules\":["
         "{\"rule\":\"r\",\"result\":\"pass\",\"code\":\"\"}]}",
         "You are in quarantine: only this gateway's page and the help it names are reachable.\n"
         "Not signed in.\n"},
        {"terminal codes",
         "{\"error\":{\"code\":\"a\\u001b[2J\",\"message\":\"b\\r\\nc\\u0085d\\u202ee\\u00e4\","
         "\"hint\":\"\"}}",
         "The gateway refused: b??c?d?e\xc3\xa4 (a?[2J)\n"},
    };

    (void)state;
    setenv("TZ", "UTC", 1);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        json_t *v = json(cases[i].text);
        char *text = NULL;
        size_t len = 0;
        FILE *out = open_memstream(&text, &len);

        agent_answer_print(v, 86400 * 365, out);
        fclose(out);
        if (strcmp(text, cases[i].shown) != 0)
            fail_msg("%s:\n%s", cases[i].what, text);
        free(text);
        json_decref(v);
    }
}

static void nonces(void **state)
{
#define NONCE43 "WlpaWlpaWlpaWlpaWlpaWlpaWlpaWlpaWlpaWlpaWlo"
    static const struct { const char *text; bool ok; } cases[] = {
        {"{\"nonce\":\"" NONCE43 "\",\"audience\":\"hq\"}", true},
        {"{\"nonce\":\"" NONCE43 "x\",\"audience\":\"hq\"}", false},
        {"{\"nonce\":\"\",\"audience\":\"hq\"}", false},
        {"{\"nonce\":\"" NONCE43 "\"}", false},
        {"{\"nonce\":\"" NONCE43 "\",\"audience\":7}", false},
        {"{\"audience\":\"hq\"}", false},
    };
    struct agent_nonce n;

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        json_t *v = json(cases[i].text);

        if (agent_nonce_read(v, &n) != cases[i].ok)
            fail_msg("%s", cases[i].text);
        json_decref(v);
        if (cases[i].ok) {
            assert_string_equal(n.nonce, NONCE43);
            assert_string_equal(n.audience, "hq");
        }
    }
}

static void pauses(void **state)
{
    static const struct { enum agent_exit last; int64_t left; unsigned failures; int64_t s; }
    cases[] = {
        {AGENT_IN, 900, 0, 300},          {AGENT_IN, 2, 0, 1},
        {AGENT_REFUSED, 0, 1, 5},         {AGENT_REFUSED, 0, 2, 10},
        {AGENT_UNREACHABLE, 0, 4, 40},    {AGENT_UNREACHABLE, 0, 5, 60},
        {AGENT_UNREACHABLE, 0, 99999, 60},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        assert_int_equal(agent_pause(cases[i].last, cases[i].left, cases[i].failures),
                         cases[i].s);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(assignments),   cmocka_unit_test(versions),
        cmocka_unit_test(ubuntu_updates), cmocka_unit_test(small_answers),
        cmocka_unit_test(mounts),        cmocka_unit_test(definitions),
        cmocka_unit_test(deb_versions),
        cmocka_unit_test(gateways),      cmocka_unit_test(verdicts),
        cmocka_unit_test(answers_as_text), cmocka_unit_test(nonces), cmocka_unit_test(pauses),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
