/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Attempts as documents of the Elastic Common Schema and as syslog lines; hostile texts in them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "gateway/ecs.h"
#include "gateway/syslog_format.h"
#include "policy/address.h"
#include "policy/utf8.h"

static struct ip_addr addr(const char *s)
{
    struct ip_addr a = {0};

    if (s[0])
        assert_true(ip_parse(s, strlen(s), &a));
    return a;
}

/* One attempt of each kind. */
static struct attempt example(enum attempt_kind k)
{
    struct attempt a = {.id = 7, .kind = k, .user = "maria", .device = "maria-laptop",
                        .role = "filing", .first = {1795330000}, .last = {1795330061}, .count = 3};

    a.source = addr("10.77.0.2");
    if (k == ATTEMPT_PACKET) {
        a.destination = addr("10.20.0.9");
        a.proto = 6;
        a.port = 5432;
        a.reason = DENY_NOT_PERMITTED;
        snprintf(a.resource, sizeof a.resource, "customs-db");
        a.file = 4;
    }
    if (k == ATTEMPT_TOKEN)
        a.code = PT402;
    if (k == ATTEMPT_KNOCK) {
        a.reason = HANDSHAKE_ENDED_KEY;
        a.why = KEY_DEVICE_REVOKED;
        a.ended = (struct wall){1795330000};
    }
    if (k == ATTEMPT_ADMIN) {
        a = (struct attempt){.id = 7, .kind = k, .count = 1, .first = {1795330000},
                             .last = {1795330061}};
        snprintf(a.actor, sizeof a.actor, "uid:1001");
    }
    if (k == ATTEMPT_TWO_PLACES)
        a.destination = addr("203.0.113.9");
    return a;
}

/* ---- the schema ----------------------------------------------------------------------------- */

/* The member at "a.b", as text. */
static const char *at(const json_t *o, const char *path, char out[200])
{
    const char *dot = strrchr(path, '.');
    char object[64] = "";

    if (dot)
        memcpy(object, path, (size_t)(dot - path));
    const json_t *v = json_object_get(dot ? json_object_get(o, object) : o, dot ? dot + 1 : path);
    if (json_is_array(v))
        v = json_array_get(v, 0);
    if (json_is_integer(v))
        snprintf(out, 200, "%lld", (long long)json_integer_value(v));
    else
        snprintf(out, 200, "%s", json_is_string(v) ? json_string_value(v) : "");
    return out;
}

static void fields_of_each_kind(void **state)
{
    static const struct { enum attempt_kind kind; const char *path, *want; } cases[] = {
        {ATTEMPT_PACKET, "@timestamp", "2026-11-22T06:47:41Z"},
        {ATTEMPT_PACKET, "ecs.version", "8.11.0"},
        {ATTEMPT_PACKET, "message", "maria-laptop (maria) -> 10.20.0.9:5432/tcp (customs-db): not-permitted, 3 times"},
        {ATTEMPT_PACKET, "event.kind", "event"},
        {ATTEMPT_PACKET, "event.category", "network"},
        {ATTEMPT_PACKET, "event.action", "packet-denied"},
        {ATTEMPT_PACKET, "event.outcome", "failure"},
        {ATTEMPT_PACKET, "event.reason", "not-permitted"},
        {ATTEMPT_PACKET, "event.start", "2026-11-22T06:46:40Z"},
        {ATTEMPT_PACKET, "event.end", "2026-11-22T06:47:41Z"},
        {ATTEMPT_PACKET, "event.id", "hq-9"},
        {ATTEMPT_PACKET, "event.sequence", "9"},
        {ATTEMPT_PACKET, "source.ip", "10.77.0.2"},
        {ATTEMPT_PACKET, "destination.ip", "10.20.0.9"},
        {ATTEMPT_PACKET, "destination.port", "5432"},
        {ATTEMPT_PACKET, "network.transport", "tcp"},
        {ATTEMPT_PACKET, "network.iana_number", "6"},
        {ATTEMPT_PACKET, "network.type", "ipv4"},
        {ATTEMPT_PACKET, "user.name", "maria"},
        {ATTEMPT_PACKET, "user.roles", "filing"},
        {ATTEMPT_PACKET, "host.name", "maria-laptop"},
        {ATTEMPT_PACKET, "device.id", "maria-laptop"},
        {ATTEMPT_PACKET, "rule.name", "not-permitted"},
        {ATTEMPT_PACKET, "observer.hostname", "hq"},
        {ATTEMPT_PACKET, "portcullis.attempt", "7"},
        {ATTEMPT_PACKET, "portcullis.count", "3"},
        {ATTEMPT_PACKET, "portcullis.resource", "customs-db"},
        {ATTEMPT_PACKET, "portcullis.file", "4"},
        {ATTEMPT_TOKEN, "event.category", "authentication"},
        {ATTEMPT_TOKEN, "event.code", "PT402"},
        {ATTEMPT_TOKEN, "event.reason", "nonce_unknown"},
        {ATTEMPT_TOKEN, "network.transport", ""},
        {ATTEMPT_KNOCK, "event.action", "handshake-refused"},
        {ATTEMPT_KNOCK, "event.reason", "ended-key"},
        {ATTEMPT_KNOCK, "portcullis.why", "device-revoked"},
        {ATTEMPT_KNOCK, "portcullis.key_ended", "2026-11-22T06:46:40Z"},
        {ATTEMPT_SIGN_IN, "message", "maria-laptop (maria): sign-in-failed, 3 times"},
        {ATTEMPT_SIGN_IN, "event.reason", "sign-in-failed"},
        {ATTEMPT_TWO_PLACES, "message", "maria-laptop (maria): its key is used from 10.77.0.2 and "
                                        "from 203.0.113.9 in turn, 3 times"},
        {ATTEMPT_ADMIN, "user.name", "uid:1001"},
        {ATTEMPT_ADMIN, "event.reason", "forbidden"},
        {ATTEMPT_ADMIN, "source.ip", ""},
        {ATTEMPT_TWO_PLACES, "source.ip", "10.77.0.2"},
        {ATTEMPT_TWO_PLACES, "portcullis.other_ip", "203.0.113.9"},
        {ATTEMPT_TWO_PLACES, "destination.ip", ""},
        {ATTEMPT_TWO_PLACES, "event.outcome", "unknown"},
    };
    char got[200];

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct attempt a = example(cases[i].kind);
        json_t *o = ecs_event("hq", &a, 9);
        print_message("%s of %s\n", cases[i].path, attempt_kind_name(cases[i].kind));
        assert_string_equal(at(o, cases[i].path, got), cases[i].want);
        json_decref(o);
    }
}

/* Field sets of ECS 8.11, and portcullis for what it has no name for. */
static void no_invented_root_field(void **state)
{
    static const char sets[] = " @timestamp ecs message tags event source destination network user "
                               "host device rule related observer portcullis ";
    const char *name;
    json_t *v;

    (void)state;
    for (unsigned k = 0; k < ATTEMPT_KINDS; k++) {
        struct attempt a = example((enum attempt_kind)k);
        json_t *o = ecs_attempt("hq", &a);
        assert_int_equal(json_array_size(json_object_get(json_object_get(o, "event"), "category")), 1);
        assert_true(json_string_length(json_object_get(json_object_get(o, "event"), "action")) > 0);
        json_object_foreach(o, name, v) {
            char word[64];
            snprintf(word, sizeof word, " %s ", name);
            if (!strstr(sets, word))
                fail_msg("'%s' is no field set of ECS", name);
        }
        json_decref(o);
    }
}

/* ---- syslog --------------------------------------------------------------------------------- */

static void lines(void **state)
{
    static const struct { enum attempt_kind kind; const char *line; } cases[] = {
        {ATTEMPT_PACKET,
         "<84>1 2026-11-22T06:47:41Z hq portcullisd - not-permitted [attempt@32473 id=\"7\" seq=\"9\""
         " kind=\"packet\" user=\"maria\" device=\"maria-laptop\" role=\"filing\" src=\"10.77.0.2\""
         " dst=\"10.20.0.9\" proto=\"tcp\" port=\"5432\" resource=\"customs-db\" count=\"3\""
         " first=\"2026-11-22T06:46:40Z\" last=\"2026-11-22T06:47:41Z\"] maria-laptop (maria) ->"
         " 10.20.0.9:5432/tcp (customs-db): not-permitted, 3 times"},
        {ATTEMPT_KNOCK,
         "<84>1 2026-11-22T06:47:41Z hq portcullisd - ended-key [attempt@32473 id=\"7\" seq=\"9\""
         " kind=\"knock\" user=\"maria\" device=\"maria-laptop\" role=\"filing\" src=\"10.77.0.2\""
         " why=\"device-revoked\" ended=\"2026-11-22T06:46:40Z\" count=\"3\""
         " first=\"2026-11-22T06:46:40Z\" last=\"2026-11-22T06:47:41Z\"] "},
        {ATTEMPT_ADMIN,
         "<84>1 2026-11-22T06:47:41Z hq portcullisd - forbidden [attempt@32473 id=\"7\" seq=\"9\""
         " kind=\"admin\" actor=\"uid:1001\" count=\"1\" first=\"2026-11-22T06:46:40Z\""
         " last=\"2026-11-22T06:47:41Z\"] uid:1001: forbidden"},
    };
    char line[SYSLOG_LINE], frame[24];

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct attempt a = example(cases[i].kind);
        size_t n = syslog_attempt("hq", &a, 9, line);
        if (cases[i].kind == ATTEMPT_KNOCK)
            line[strlen(cases[i].line)] = '\0';      /* its sentence is test_knocks' */
        assert_string_equal(line, cases[i].line);
        n = cases[i].kind == ATTEMPT_KNOCK ? strlen(line) : n;
        assert_int_equal(n, strlen(line));
    }
    assert_int_equal(syslog_frame(123, frame), 4);
    assert_string_equal(frame, "123 ");
}

static void parameters_are_escaped(void **state)
{
    struct attempt a = example(ATTEMPT_PACKET);
    char line[SYSLOG_LINE];

    (void)state;
    snprintf(a.user, sizeof a.user, "a\"b\\c]d");
    syslog_attempt("hq", &a, 1, line);
    assert_non_null(strstr(line, " user=\"a\\\"b\\\\c\\]d\" "));
}

static void bom_where_due(void **state)
{
    struct attempt a = example(ATTEMPT_PACKET);
    char line[SYSLOG_LINE];

    (void)state;
    syslog_attempt("hq", &a, 1, line);
    assert_null(strstr(line, "\xef\xbb\xbf"));
    snprintf(a.user, sizeof a.user, "jos\xc3\xa9");
    syslog_attempt("hq", &a, 1, line);
    assert_non_null(strstr(line, "\"] \xef\xbb\xbfmaria-laptop (jos\xc3\xa9)"));
}

/* ---- hostile texts -------------------------------------------------------------------------- */

static const struct payload { const char *what, *text; } payloads[] = {
    {"line feed", "x\nOct 11 22:14:15 hq portcullisd: all is well"},
    {"carriage return", "x\rroot logged in"},
    {"both", "x\r\n<0>1 - - - - - - forged"},
    {"escape", "x\x1b]0;owned\x07\x1b[2J"},
    {"C1 as a character", "x\xc2\x9b" "2J"},
    {"DEL", "x\x7f"},
    {"U+0085", "x\xc2\x85" "forged"},
    {"U+2028", "x\xe2\x80\xa8" "forged"},
    {"U+2029", "x\xe2\x80\xa9" "forged"},
    {"right to left", "x\xe2\x80\xae" "exe.txt"},
    {"zero width", "x\xe2\x80\x8b" "y"},
    {"BOM within", "x\xef\xbb\xbf" "y"},
    {"not UTF-8", "x\xff\xfe\x80"},
    {"a cut character", "x\xe2\x80"},
    {"overlong", "x\xc0\x8a" "forged"},
    {"surrogate", "x\xed\xa0\x80"},
    {"structured data", "x\"] [forged@1 a=\"b"},
    {"JSON", "x\",\"event\":{\"kind\":\"forged\"},\"y\":\""},
    {"format", "%s%n%1000000d"},
};

/* Every text field, one after the other. */
static char *field(struct attempt *a, unsigned i, size_t *size)
{
    char *const all[] = {a->actor, a->user, a->device, a->role, a->resource};

    *size = i == 0 ? sizeof a->actor : NAME_SIZE;
    return i < sizeof all / sizeof all[0] ? all[i] : NULL;
}

/* No control character, nothing that is not UTF-8. */
static void one_record(const char *s, const char *what)
{
    uint32_t c;
    size_t len;

    for (size_t left = strlen(s); left > 0; s += len, left -= len) {
        len = utf8_char((const uint8_t *)s, left, &c);
        if (len == 0 || c < 0x20 || (c >= 0x7f && c < 0xa0) || c == 0x2028 || c == 0x2029 ||
            c == 0x202e || c == 0x200b)
            fail_msg("%s came through", what);
    }
}

/* As a receiver reads it (6.3): one element, its values closed, then a space and the text. */
static void one_element(const char *line, const char *what)
{
    const char *p = strchr(line, '[');
    bool inside = false;

    for (; *p && (inside || *p != ']'); p++) {
        if (inside && *p == '\\' && p[1])
            p++;
        else if (*p == '"')
            inside = !inside;
    }
    if (inside || p[0] != ']' || p[1] != ' ')
        fail_msg("%s ended the structured data", what);
}

static void both_formats(const struct attempt *a, const char *what)
{
    char line[SYSLOG_LINE];
    json_t *o = ecs_event("hq", a, 9);
    char *text = ecs_line(o), got[200];

    for (const char *p = text; *p; p++)
        if (*p < 0x20 || *p > 0x7e)
            fail_msg("%s: byte %02x in a JSON line", what, (unsigned char)*p);
    json_t *again = json_loads(text, JSON_REJECT_DUPLICATES, NULL);
    assert_non_null(again);
    assert_true(json_equal(o, again));
    assert_string_equal(at(again, "event.kind", got), "event");
    json_decref(again);
    json_decref(o);
    free(text);
    size_t n = syslog_attempt("hq", a, 9, line);
    assert_int_equal(n, strlen(line));
    one_record(line, what);
    assert_memory_equal(line, "<84>1 2026-11-22T06:47:41Z hq portcullisd - ", 44);
    one_element(line, what);
}

static void no_text_breaks_a_record(void **state)
{
    size_t size;

    (void)state;
    for (unsigned k = 0; k < ATTEMPT_KINDS; k++)
        for (size_t p = 0; p < sizeof payloads / sizeof payloads[0]; p++)
            for (unsigned i = 0;; i++) {
                struct attempt a = example((enum attempt_kind)k);
                char *f = field(&a, i, &size);
                if (!f)
                    break;
                strncpy(f, payloads[p].text, size - 1);
                both_formats(&a, payloads[p].what);
            }
}

/* All fields full, of characters that need three bytes and an escape: nothing is cut short. */
static void the_longest_line_has_room(void **state)
{
    struct attempt a = example(ATTEMPT_PACKET);
    char line[SYSLOG_LINE];
    size_t size;
    char *f;

    (void)state;
    for (unsigned i = 0; (f = field(&a, i, &size)); i++) {
        memset(f, i % 2 ? '\\' : 0xff, size - 1);
        f[size - 1] = '\0';
    }
    a.id = INT64_MAX;
    a.count = UINT64_MAX;
    a.source = a.destination = addr("fd77:aaaa:bbbb:cccc:dddd:eeee:ffff:1111");
    both_formats(&a, "full");
    assert_true(syslog_attempt("hq", &a, UINT64_MAX, line) < SYSLOG_LINE - 1);
    assert_non_null(strstr(line, " last=\"2026-11-22T06:47:41Z\"] "));
}

/* 64 kB are cut at a character's end. */
static void cleaning_is_bounded(void **state)
{
    static char big[65536];
    char out[100];

    (void)state;
    for (size_t i = 0; i + 2 < sizeof big; i += 2)
        memcpy(big + i, "\xc3\xa9", 2);
    text_clean(big, out, sizeof out);
    assert_int_equal(strlen(out), 98);
    assert_true(utf8_valid((const uint8_t *)out, strlen(out)));
    memset(big, '\n', sizeof big - 1);
    assert_int_equal(strlen(text_clean(big, out, sizeof out)), 99);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(fields_of_each_kind),
        cmocka_unit_test(no_invented_root_field),
        cmocka_unit_test(lines),
        cmocka_unit_test(parameters_are_escaped),
        cmocka_unit_test(bom_where_due),
        cmocka_unit_test(no_text_breaks_a_record),
        cmocka_unit_test(the_longest_line_has_room),
        cmocka_unit_test(cleaning_is_bounded),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
