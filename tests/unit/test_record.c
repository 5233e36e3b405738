/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Records: what goes in comes out, in one form; what is not that form is refused. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "policy/record.h"

static const struct record example = {.type = RECORD_ACT, .number = 258, .time_us = 1700000000123456,
                                      .uid = 1000, .actor = "anna", .act = "user.add",
                                      .object = "maria", .detail = "{}"};

static void bytes_are_as_documented(void **state)
{
    static const uint8_t want[] = {
        1, 1, 0, 0, 0, 0, 0, 0, 1, 2, 0x00, 0x06, 0x0a, 0x24, 0x18, 0x20, 0x22, 0x40, 0, 0, 3, 0xe8,
        0, 0, 0, 4, 'a', 'n', 'n', 'a', 0, 0, 0, 0, 8, 'u', 's', 'e', 'r', '.', 'a', 'd', 'd', 0,
        0, 0, 0, 5, 'm', 'a', 'r', 'i', 'a', 0, 0, 0, 0, 2, '{', '}', 0};
    uint8_t out[128], frame[RECORD_FRAME];

    (void)state;
    assert_int_equal(record_encode(&example, out, sizeof out), sizeof want);
    assert_memory_equal(out, want, sizeof want);
    record_frame(0x010203, frame);
    assert_int_equal(record_length(frame), 0x010203);
    assert_int_equal(frame[3], 3);
}

static void what_goes_in_comes_out(void **state)
{
    struct record r;
    uint8_t out[128];
    size_t n = record_encode(&example, out, sizeof out);

    (void)state;
    assert_int_equal(record_decode(out, n, &r), 0);
    assert_int_equal(r.type, RECORD_ACT);
    assert_int_equal(r.number, example.number);
    assert_int_equal(r.time_us, example.time_us);
    assert_int_equal(r.uid, example.uid);
    assert_string_equal(r.actor, "anna");
    assert_string_equal(r.act, "user.add");
    assert_string_equal(r.object, "maria");
    assert_string_equal(r.detail, "{}");
}

static void other_forms_are_refused(void **state)
{
    struct record r;
    uint8_t out[128], bad[129];
    size_t n = record_encode(&example, out, sizeof out);

    (void)state;
    for (size_t i = 0; i < n; i++)
        assert_int_equal(record_decode(out, i, &r), -1);
    memcpy(bad, out, n);
    bad[n] = 0;
    assert_int_equal(record_decode(bad, n + 1, &r), -1);
    static const struct { const char *what; size_t at; uint8_t v; } cases[] = {
        {"version", 0, 2},       {"type 0", 1, 0},        {"type 4", 1, 4},
        {"longer text", 25, 5},  {"shorter text", 25, 3}, {"huge text", 22, 0xff},
        {"no NUL behind", 30, 1}, {"a NUL inside", 27, 0}, {"no UTF-8", 27, 0xff}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        memcpy(bad, out, n);
        bad[cases[i].at] = cases[i].v;
        if (record_decode(bad, n, &r) == 0)
            fail_msg("taken: %s", cases[i].what);
    }
}

static void texts_have_bounds(void **state)
{
    static char text[RECORD_BATCH_MAX + 2];
    static uint8_t out[RECORD_MAX];
    struct record r;

    (void)state;
    static const struct { size_t offset, max; enum record_type type; } fields[] = {
        {offsetof(struct record, actor), RECORD_ACTOR_MAX, RECORD_ACT},
        {offsetof(struct record, act), RECORD_ACT_MAX, RECORD_ACT},
        {offsetof(struct record, object), RECORD_OBJECT_MAX, RECORD_ACT},
        {offsetof(struct record, detail), RECORD_DETAIL_MAX, RECORD_ACT},
        {offsetof(struct record, detail), RECORD_DETAIL_MAX, RECORD_REMOVED},
        {offsetof(struct record, detail), RECORD_BATCH_MAX, RECORD_ATTEMPTS}};
    for (size_t i = 0; i < sizeof fields / sizeof *fields; i++)
        for (size_t more = 0; more < 2; more++) {
            const char *s = text;
            r = example;
            r.type = fields[i].type;
            memset(text, 'x', fields[i].max + more);
            text[fields[i].max + more] = '\0';
            memcpy((char *)&r + fields[i].offset, &s, sizeof s);
            size_t n = record_encode(&r, out, sizeof out);
            assert_int_equal(n > 0, more == 0);
            if (n > 0)
                assert_int_equal(record_decode(out, n, &r), 0);
        }
    assert_int_equal(record_encode(&example, out, 20), 0);
}

/* Texts from outside: each stays one text of one record, and what is no UTF-8 becomes '?'. */
static void hostile_texts_fit_and_stay_one(void **state)
{
    static const struct { const char *in, *out; } cases[] = {
        {"a\r\nb", "a\r\nb"}, {"\x1b[2J", "\x1b[2J"}, {"x\xe2\x80\xa8y", "x\xe2\x80\xa8y"},
        {"\xff\xfe", "??"}, {"\xc3", "?"}, {"\xed\xa0\x80", "???"}, {"", ""},
        {"\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4",
         "\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4"}};
    char s[64];

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct record r = example;
        uint8_t out[256];
        memcpy(s, cases[i].in, strlen(cases[i].in) + 1);
        record_fit(s, 15);
        assert_string_equal(s, cases[i].out);
        r.object = r.detail = r.actor = r.act = s;
        size_t n = record_encode(&r, out, sizeof out);
        assert_int_equal(record_decode(out, n, &r), 0);
        assert_string_equal(r.object, cases[i].out);
        assert_string_equal(r.detail, cases[i].out);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bytes_are_as_documented),
        cmocka_unit_test(what_goes_in_comes_out),
        cmocka_unit_test(other_forms_are_refused),
        cmocka_unit_test(texts_have_bounds),
        cmocka_unit_test(hostile_texts_fit_and_stay_one),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
