/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the agent takes of an invitation and of a gateway's answer, and what it writes of it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <fcntl.h>
#include <signal.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "deploy/agent/agent_exec.h"
#include "deploy/agent/agent_file.h"
#include "deploy/agent/agent_keys.h"
#include "deploy/agent/agent_link.h"
#include "deploy/agent/agent_offer.h"
#include "deploy/agent/agent_stage.h"

#define TOKEN "ABCDEFGHIJKLMNOPQRSTUVWXY2"
#define PIN "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8"
#define KEY "GL3LHTNxhTpHBJ8K7yVbGZDSVRlKhCFAqRmuCdnPyX0="

/* ---- links and codes ---- */

static void links(void **state)
{
    static const struct { const char *what, *text, *where; bool good, pinned; } cases[] = {
        {"pinned", "https://a.example:8443/enrol#" TOKEN "." PIN, "a.example:8443", true, true},
        {"no pin", "https://a.example/enrol#" TOKEN, "a.example", true, false},
        {"v4", "https://192.0.2.1:8443/enrol#" TOKEN, "192.0.2.1:8443", true, false},
        {"v6", "https://[2001:db8::1]:8443/enrol#" TOKEN, "[2001:db8::1]:8443", true, false},
        {"http", "http://a.example/enrol#" TOKEN, NULL, false, false},
        {"somebody@", "https://a@b.example/enrol#" TOKEN, NULL, false, false},
        {"another path", "https://a.example/x/enrol#" TOKEN, NULL, false, false},
        {"no host", "https:///enrol#" TOKEN, NULL, false, false},
        {"no port", "https://a.example:/enrol#" TOKEN, NULL, false, false},
        {"port 0", "https://a.example:0/enrol#" TOKEN, NULL, false, false},
        {"port 65536", "https://a.example:65536/enrol#" TOKEN, NULL, false, false},
        {"short token", "https://a.example/enrol#ABCDEFGHIJKLMNOPQRSTUVWXY", NULL, false, false},
        {"long token", "https://a.example/enrol#" TOKEN "A", NULL, false, false},
        {"quote in it", "https://a.example/enrol#ABCDEFGHIJKLMNOPQRSTUVWX\"2", NULL, false, false},
        {"short pin", "https://a.example/enrol#" TOKEN ".AAEC", NULL, false, false},
        {"empty pin", "https://a.example/enrol#" TOKEN ".", NULL, false, false},
        {"pin and more", "https://a.example/enrol#" TOKEN "." PIN "A", NULL, false, false},
        {"newline", "https://a.example\n/enrol#" TOKEN, NULL, false, false},
        {"bracket alone", "https://[::1/enrol#" TOKEN, NULL, false, false},
        {"empty brackets", "https://[]/enrol#" TOKEN, NULL, false, false},
        {"nothing", "", NULL, false, false},
    };
    struct agent_link l;

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        bool good = agent_link_parse(cases[i].text, &l);

        if (good != cases[i].good || (good && strcmp(l.where, cases[i].where) != 0) ||
            (good && strcmp(l.token, TOKEN) != 0) || (good && (l.pin[0] != '\0') != cases[i].pinned))
            fail_msg("%s", cases[i].what);
    }
    assert_true(agent_link_parse(cases[0].text, &l));
    assert_string_equal(l.pin, "sha256//AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=");
}

static void codes(void **state)
{
    static const struct { const char *text, *code; } cases[] = {
        {"1234-5678", "1234-5678"}, {"12345678", "1234-5678"}, {" 1234 5678\n", "1234-5678"},
        {"1234-567", NULL},         {"1234-56789", NULL},      {"1234-567a", NULL}, {"", NULL},
    };
    char code[AGENT_CODE_TEXT];

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        bool good = agent_code_parse(cases[i].text, code);

        if (good != (cases[i].code != NULL) || (good && strcmp(code, cases[i].code) != 0))
            fail_msg("%s", cases[i].text);
    }
}

/* ---- the gateway's answer ---- */

static const char GOOD[] =
    "{\"user\":\"maria\",\"full_name\":\"Maria\",\"device\":\"maria-laptop\",\"state\":\"quarantine\","
    "\"gateway\":\"hq\",\"portal\":\"10.77.0.1\",\"config\":{"
    "\"address\":[\"10.77.0.5/32\",\"FD77:ACC::5\"],\"dns\":[\"10.20.0.53\"],\"mtu\":1420,"
    "\"keepalive\":25,\"gateway_key\":\"" KEY "\",\"endpoint\":\"access.example.com:51820\","
    "\"allowed_ips\":[\"10.20.0.0/16\",\"fd20::/64\"]}}";

static int offer_of(const char *text, struct agent_offer *o, char why[160])
{
    json_t *v = json_loads(text, JSON_REJECT_DUPLICATES, NULL);
    int rc;

    assert_non_null(v);
    rc = agent_offer_read(v, o, why);
    json_decref(v);
    return rc;
}

static void a_good_offer_is_written(void **state)
{
    char why[160], conf[AGENT_CONF_TEXT], environment[256];
    struct agent_offer o;

    (void)state;
    assert_int_equal(offer_of(GOOD, &o, why), 0);
    assert_false(o.waiting);
    assert_false(agent_offer_takes_all(&o));
    assert_int_not_equal(agent_offer_conf(&o, "SECRET", true, conf), 0);
    assert_string_equal(conf,
                        "# Device maria-laptop of maria. Made by portcullis-agent enroll.\n"
                        "[Interface]\n"
                        "PrivateKey = SECRET\n"
                        "Address = 10.77.0.5/32, fd77:acc::5/128\n"
                        "DNS = 10.20.0.53\n"
                        "MTU = 1420\n"
                        "\n[Peer]\n"
                        "PublicKey = " KEY "\n"
                        "Endpoint = access.example.com:51820\n"
                        "AllowedIPs = 10.20.0.0/16, fd20::/64\n"
                        "PersistentKeepalive = 25\n");
    assert_int_not_equal(agent_offer_conf(&o, "SECRET", false, conf), 0);
    assert_null(strstr(conf, "\nDNS"));
    assert_int_not_equal(agent_offer_environment(&o, environment, sizeof environment), 0);
    assert_string_equal(environment, "GATEWAY=10.77.0.1\nDEVICE=maria-laptop\n");
    assert_int_equal(agent_offer_environment(&o, environment, 20), 0);
}

/* Each sets one member of the good answer to what a hostile gateway might say. */
static void hostile_offers_are_refused(void **state)
{
    static const struct { const char *member, *value; bool inside; } cases[] = {
        {"user", "\"maria\\nPostUp = x\"", false},
        {"user", "\"\"", false},
        {"user", "null", false},
        {"device", "\"a\\nGATEWAY=1\"", false},
        {"device", "\"a b\"", false},
        {"device", "\"../a\"", false},
        {"device", "\"a\\u0000b\"", false},
        {"device", "\"-rf\"", false},
        {"device", "\"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\"", false},
        {"device", "5", false},
        {"state", "\"in\"", false},
        {"state", "\"\"", false},
        {"portal", "\"10.77.0.1\\nDEVICE=x\"", false},
        {"portal", "\"10.77.0.1/32\"", false},
        {"portal", "\"evil.example\"", false},
        {"config", "[]", false},
        {"address", "[]", true},
        {"address", "\"10.0.0.1\"", true},
        {"address", "[\"10.0.0.1\\nPostUp = x\"]", true},
        {"address", "[\"10.0.0.1/33\"]", true},
        {"address", "[\"10.0.0.1/\"]", true},
        {"address", "[\"10.0.0.1/8 \"]", true},
        {"address", "[\"10.0.0.1/-1\"]", true},
        {"address", "[\"fd00::1/129\"]", true},
        {"address", "[\"fd00::1%eth0\"]", true},
        {"address", "[[\"10.0.0.1\"]]", true},
        {"address", "[\"10.0.0.1\",\"10.0.0.2\",\"10.0.0.3\",\"10.0.0.4\",\"10.0.0.5\"]", true},
        {"dns", "[\"10.0.0.1; reboot\"]", true},
        {"dns", "[\"example.com\"]", true},
        {"dns", "{}", true},
        {"mtu", "0", true},
        {"mtu", "-1", true},
        {"mtu", "9001", true},
        {"mtu", "4294968716", true},
        {"mtu", "\"1420\\nPostUp=x\"", true},
        {"mtu", "1420.5", true},
        {"keepalive", "65536", true},
        {"keepalive", "true", true},
        {"gateway_key", "\"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\"", true},
        {"gateway_key", "\"GL3LHTNxhTpHBJ8K7yVbGZDSVRlKhCFAqRmuCdnPyX0\"", true},
        {"gateway_key", "\"GL3LHTNxhTpHBJ8K7yVbGZDSVRlKhCFAqRmuCdnPyX0\\n\"", true},
        {"gateway_key", "[]", true},
        {"endpoint", "\"access.example.com\"", true},
        {"endpoint", "\"access.example.com:0\"", true},
        {"endpoint", "\"access.example.com:65536\"", true},
        {"endpoint", "\"access.example.com:51820 \"", true},
        {"endpoint", "\"a\\nPostUp = x:51820\"", true},
        {"endpoint", "\"a:51820\\nPostUp = x\"", true},
        {"endpoint", "\"$(reboot):51820\"", true},
        {"endpoint", "\"[::1\\nx]:51820\"", true},
        {"endpoint", "\":51820\"", true},
        {"endpoint", "\"-x:51820\"", true},
        {"endpoint", "\"fd00::1:51820\"", true},
        {"allowed_ips", "[]", true},
        {"allowed_ips", "[\"0.0.0.0/0\\nPostUp = x\"]", true},
        {"allowed_ips", "[\"10.0.0.0/8\",null]", true},
    };
    struct agent_offer o;
    char why[160];

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        json_t *v = json_loads(GOOD, 0, NULL), *bad;

        bad = json_loads(cases[i].value, JSON_DECODE_ANY | JSON_ALLOW_NUL, NULL);
        assert_non_null(bad);
        json_object_set_new(cases[i].inside ? json_object_get(v, "config") : v, cases[i].member,
                            bad);
        if (agent_offer_read(v, &o, why) == 0)
            fail_msg("%s = %s", cases[i].member, cases[i].value);
        json_decref(v);
    }
}

static void too_many_networks_are_refused(void **state)
{
    json_t *v = json_loads(GOOD, 0, NULL), *all = json_array();
    char why[160], conf[AGENT_CONF_TEXT];
    struct agent_offer o;

    (void)state;
    for (int i = 0; i < AGENT_OFFER_NETWORKS; i++)
        json_array_append_new(all, json_string("fd20:1111:2222:3333:4444:5555:6666:7777/128"));
    json_object_set(json_object_get(v, "config"), "allowed_ips", all);
    assert_int_equal(agent_offer_read(v, &o, why), 0);
    assert_int_not_equal(agent_offer_conf(&o, "SECRET", true, conf), 0);
    json_array_append_new(all, json_string("::/0"));
    assert_int_equal(agent_offer_read(v, &o, why), -1);
    json_array_remove(all, 0);
    assert_int_equal(agent_offer_read(v, &o, why), 0);
    assert_true(agent_offer_takes_all(&o));
    json_decref(all);
    json_decref(v);
}

/* ---- files ---- */

static char folder[64];

static int make_folder(void **state)
{
    (void)state;
    strcpy(folder, "/tmp/portcullis-agent-test-XXXXXX");
    return mkdtemp(folder) ? 0 : -1;
}

static int remove_folder(void **state)
{
    static const char *const names[] = {"a", "b", ".a.new", ".b.new", "target", "ueid"};
    char path[128];

    (void)state;
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        snprintf(path, sizeof path, "%s/%s", folder, names[i]);
        remove(path);
    }
    return rmdir(folder);
}

static const char *held(const char *name)
{
    static char text[64];
    char path[128], *s;

    snprintf(path, sizeof path, "%s/%s", folder, name);
    s = agent_file_read("", path, sizeof text - 1, NULL);
    snprintf(text, sizeof text, "%s", s ? s : "(absent)");
    free(s);
    return text;
}

static void files_get_their_names_together(void **state)
{
    struct agent_stage s = {.n = 0};
    char why[160], path[128];
    struct stat st;

    (void)state;
    assert_int_equal(agent_stage_add(&s, folder, "a", 100, why), 0);
    assert_int_equal(agent_stage_add(&s, folder, "b", 100, why), 0);
    assert_int_equal(agent_stage_put(&s, 0, "one", 3, why), 0);
    assert_string_equal(held("a"), "(absent)");
    agent_stage_drop(&s);
    assert_string_equal(held(".a.new"), "(absent)");
    assert_int_equal(agent_stage_add(&s, folder, "a", 100, why), 0);
    assert_int_equal(agent_stage_add(&s, folder, "b", 100, why), 0);
    assert_int_equal(agent_stage_put(&s, 0, "one", 3, why), 0);
    assert_int_equal(agent_stage_put(&s, 1, "two", 3, why), 0);
    assert_int_equal(agent_stage_commit(&s, why), 0);
    agent_stage_drop(&s);
    assert_string_equal(held("a"), "one");
    assert_string_equal(held("b"), "two");
    snprintf(path, sizeof path, "%s/a", folder);
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0600);
}

static void links_and_open_folders_are_refused(void **state)
{
    struct agent_stage s = {.n = 0};
    char why[160], path[128], target[128], link_to[128];

    (void)state;
    snprintf(target, sizeof target, "%s/target", folder);
    snprintf(path, sizeof path, "%s/a", folder);
    assert_int_equal(symlink(target, path), 0);
    assert_int_equal(agent_stage_add(&s, folder, "a", 10, why), -1);
    assert_non_null(strstr(why, "link"));
    agent_stage_drop(&s);
    /* A link under the draft's name is taken away, not followed. */
    snprintf(path, sizeof path, "%s/.b.new", folder);
    assert_int_equal(symlink(target, path), 0);
    assert_int_equal(agent_stage_add(&s, folder, "b", 10, why), 0);
    assert_int_equal(agent_stage_put(&s, 0, "two", 3, why), 0);
    assert_int_equal(agent_stage_commit(&s, why), 0);
    agent_stage_drop(&s);
    assert_string_equal(held("b"), "two");
    assert_string_equal(held("target"), "(absent)");
    /* The folder itself. */
    snprintf(link_to, sizeof link_to, "%s/ueid", folder);
    assert_int_equal(symlink(folder, link_to), 0);
    assert_int_equal(agent_stage_add(&s, link_to, "b", 10, why), -1);
    agent_stage_drop(&s);
    assert_int_equal(chmod(folder, 0770), 0);
    assert_int_equal(agent_stage_add(&s, folder, "b", 10, why), -1);
    assert_non_null(strstr(why, "others may write"));
    agent_stage_drop(&s);
}

/* A disk without room: here a limit on the size of files says no. */
static void no_room_is_noticed_first(void **state)
{
    struct agent_stage s = {.n = 0};
    struct rlimit had, small;
    char why[160];
    int rc;

    (void)state;
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &had), 0);
    small = (struct rlimit){.rlim_cur = 4096, .rlim_max = had.rlim_max};
    signal(SIGXFSZ, SIG_IGN);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
    rc = agent_stage_add(&s, folder, "a", AGENT_CONF_TEXT, why);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &had), 0);
    assert_int_equal(rc, -1);
    assert_non_null(strstr(why, "no room"));
    agent_stage_drop(&s);
    assert_string_equal(held(".a.new"), "(absent)");
}

/* New keys each time; the machine's name stays. */
static void fresh_keys_keep_the_ueid(void **state)
{
    struct agent_key_files a, b;
    struct agent_keys x, y;
    char why[160], path[128];

    (void)state;
    assert_int_equal(agent_keys_fresh(folder, &a, &x, why), 0);
    assert_false(agent_keys_there(folder));
    snprintf(path, sizeof path, "%s/ueid", folder);
    assert_int_equal(agent_file_create(path, a.text[AGENT_KEY_UEID],
                                       strlen(a.text[AGENT_KEY_UEID])), 0);
    assert_int_equal(agent_keys_fresh(folder, &b, &y, why), 0);
    assert_memory_not_equal(x.wg_public, y.wg_public, 32);
    assert_memory_not_equal(x.sign_public, y.sign_public, 32);
    assert_string_equal(x.ueid, y.ueid);
}

/* ---- programs ---- */

static void programs_are_run(void **state)
{
    static const struct { const char *what, *argv[4]; enum agent_exec how; int status; } cases[] = {
        {"output", {"echo", "a b;c", NULL}, AGENT_EXEC_ENDED, 0},
        {"exit code", {"false", NULL}, AGENT_EXEC_ENDED, 1},
        {"absent", {"no-such-program", NULL}, AGENT_EXEC_ABSENT, -1},
        {"a path", {"../bin/nothing", NULL}, AGENT_EXEC_ABSENT, -1},
        {"too slow", {"sleep", "60", NULL}, AGENT_EXEC_SLOW, -1},
        {"too much", {"cat", "/proc/self/maps", NULL}, AGENT_EXEC_LONG, -1},
        {"no input", {"cat", NULL}, AGENT_EXEC_ENDED, 0},
        {"environment", {"printenv", "HOME", NULL}, AGENT_EXEC_ENDED, 1},
    };
    char *out;
    int status;

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct agent_command c = {.root = "", .argv = cases[i].argv, .seconds = 1};
        enum agent_exec how = agent_exec(&c, &out, 100, &status);

        if (how != cases[i].how || (how == AGENT_EXEC_ENDED && status != cases[i].status))
            fail_msg("%s: %d, %d", cases[i].what, (int)how, status);
        if (i == 0)
            assert_string_equal(out, "a b;c\n");
        free(how == AGENT_EXEC_ENDED ? out : NULL);
    }
}

#define IN_FOLDER(test) cmocka_unit_test_setup_teardown(test, make_folder, remove_folder)
int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(links),
        cmocka_unit_test(codes),
        cmocka_unit_test(a_good_offer_is_written),
        cmocka_unit_test(hostile_offers_are_refused),
        cmocka_unit_test(too_many_networks_are_refused),
        IN_FOLDER(files_get_their_names_together),
        IN_FOLDER(links_and_open_folders_are_refused),
        IN_FOLDER(no_room_is_noticed_first),
        IN_FOLDER(fresh_keys_keep_the_ueid),
        cmocka_unit_test(programs_are_run),
    };

    if (sodium_init() < 0)
        return 1;
    return cmocka_run_group_tests(tests, NULL, NULL);
}
