/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Who may send what to whom, and the bodies of changes and answers. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "gateway/messages.h"

static void test_permission(void **state)
{
    static const struct {
        const char *what;
        enum message_type t;
        enum gateway_role from, to;
        uint32_t len;
        bool allowed;
    } cases[] = {
        {"the engine commits", MSG_COMMIT, ROLE_ENGINE, ROLE_PARENT, 1, true},
        {"the portal does not", MSG_COMMIT, ROLE_PORTAL, ROLE_PARENT, 1, false},
        {"nor to the engine", MSG_COMMIT, ROLE_PORTAL, ROLE_ENGINE, 1, false},
        {"the parent does not ask itself", MSG_COMMIT, ROLE_PARENT, ROLE_PARENT, 1, false},
        {"as long as it may be", MSG_COMMIT, ROLE_ENGINE, ROLE_PARENT, 16, true},
        {"too long", MSG_COMMIT, ROLE_ENGINE, ROLE_PARENT, 17, false},
        {"the portal speaks for staff", MSG_PORTAL, ROLE_PORTAL, ROLE_ENGINE, 100, true},
        {"the portal never speaks for admins", MSG_CONTROL, ROLE_PORTAL, ROLE_ENGINE, 100, false},
        {"the api does", MSG_CONTROL, ROLE_API, ROLE_ENGINE, 100, true},
        {"only the engine answers the portal", MSG_PORTAL_REPLY, ROLE_API, ROLE_PORTAL, 10, false},
        {"capture reports", MSG_DENIED, ROLE_CAPTURE, ROLE_ENGINE, 10, true},
        {"enrol redeems", MSG_ENROL, ROLE_ENROL, ROLE_ENGINE, 100, true},
        {"enrol speaks for no device", MSG_PORTAL, ROLE_ENROL, ROLE_ENGINE, 100, false},
        {"nor for an admin", MSG_CONSOLE, ROLE_ENROL, ROLE_ENGINE, 100, false},
        {"nor as root", MSG_CONTROL, ROLE_ENROL, ROLE_ENGINE, 100, false},
        {"the console carries sessions", MSG_CONSOLE, ROLE_CONSOLE, ROLE_ENGINE, 100, true},
        {"and claims no uid", MSG_CONTROL, ROLE_CONSOLE, ROLE_ENGINE, 100, false},
        {"nor the metrics", MSG_METRICS, ROLE_CONSOLE, ROLE_ENGINE, 0, false},
        {"nor an invitation", MSG_ENROL, ROLE_CONSOLE, ROLE_ENGINE, 100, false},
        {"the engine shows enrol its key", MSG_TLS_ENROL, ROLE_ENGINE, ROLE_ENROL, 2000, true},
        {"nobody else does", MSG_TLS_ENROL, ROLE_CONSOLE, ROLE_ENROL, 2000, false},
        {"nor by another's number", MSG_TLS_CONSOLE, ROLE_ENGINE, ROLE_ENROL, 2000, false},
        {"no role opens a door", MSG_DOOR, ROLE_ENROL, ROLE_PARENT, 60, false},
        {"the engine asks for one", MSG_DOOR, ROLE_ENGINE, ROLE_PARENT, 60, true},
        {"the number of the metrics' door is gone", (enum message_type)70, ROLE_ENGINE, ROLE_PARENT, 60, false},
        {"the engine tells of a lawless role", MSG_END_ROLE, ROLE_ENGINE, ROLE_PARENT, 1, true},
        {"no role ends another", MSG_END_ROLE, ROLE_CONSOLE, ROLE_PARENT, 1, false},
        {"nobody sends nothing", MSG_NONE, ROLE_ENGINE, ROLE_PARENT, 0, false},
        {"a number that is not used", (enum message_type)999, ROLE_ENGINE, ROLE_PARENT, 0, false},
        {"only the parent stops the engine", MSG_STOP, ROLE_API, ROLE_ENGINE, 0, false},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        if (message_allowed(cases[i].t, cases[i].from, cases[i].to, cases[i].len) !=
            cases[i].allowed)
            fail_msg("%s", cases[i].what);
}

static void test_names(void **state)
{
    (void)state;
    assert_string_equal(role_name(ROLE_PARENT), "parent");
    assert_string_equal(role_name(ROLE_CAPTURE), "capture");
    assert_string_equal(role_name(ROLES), "unknown");
}

static void round_trip(const struct change *c, struct change *back)
{
    struct writer w;
    struct reader r;
    writer_init(&w, 4096);
    put_change(&w, c);
    assert_false(w.failed);
    for (size_t cut = 0; cut < w.n; cut++) {
        reader_init(&r, w.v, cut);
        get_change(&r, back);
        assert_true(r.failed);
        assert_true(back->kind != CHANGE_CLASS_PUT || !back->u.class_.permits);
    }
    reader_init(&r, w.v, w.n);
    get_change(&r, back);
    assert_true(reader_done(&r));
    assert_int_equal(back->kind, c->kind);
    writer_clear(&w);
}

static void test_changes(void **state)
{
    struct permit permits[2] = {{{{4, {10}}, {4, {10, 9}}}, 6, 1, 2},
                                {{{4, {11}}, {4, {12}}}, 1, 0, 0}};
    struct change c = {.kind = CHANGE_DEVICE_PUT}, back;
    (void)state;
    c.u.device = (struct device){9, {4, {10, 77, 0, 9}}, {0}, {{7}}};
    round_trip(&c, &back);
    assert_memory_equal(&back.u.device, &c.u.device, sizeof c.u.device);

    c = (struct change){.kind = CHANGE_CLASS_PUT, .u.class_ = {3, permits, 2}};
    round_trip(&c, &back);
    assert_int_equal(back.u.class_.id, 3);
    assert_int_equal(back.u.class_.n_permits, 2);
    assert_int_equal(back.u.class_.permits[1].proto, 1);
    free(back.u.class_.permits);

    c = (struct change){.kind = CHANGE_CLASS_PUT, .u.class_ = {0, NULL, 0}};
    round_trip(&c, &back);
    assert_null(back.u.class_.permits);

    c = (struct change){.kind = CHANGE_LEASE_PUT, .u.lease = {9, 3, 60000}};
    round_trip(&c, &back);
    assert_true(back.u.lease.device == 9 && back.u.lease.class_id == 3 &&
                back.u.lease.left_ms == 60000);

    c = (struct change){.kind = CHANGE_LEASE_DROP, .u.lease = {.device = 9}};
    round_trip(&c, &back);
    assert_int_equal(back.u.lease.device, 9);
    c = (struct change){.kind = CHANGE_CLASS_DROP, .u.class_ = {.id = 4000}};
    round_trip(&c, &back);
    assert_int_equal(back.u.class_.id, 4000);
    c = (struct change){.kind = CHANGE_DEVICE_DROP, .u.device = {.index = 12}};
    round_trip(&c, &back);
    assert_int_equal(back.u.device.index, 12);
}

static void test_count_that_lies(void **state)
{
    static const uint8_t bytes[] = {CHANGE_CLASS_PUT, 1, 0, 0xff, 0xff, 0xff, 0x7f, 4, 10, 0, 0, 1};
    struct reader r;
    struct change c;
    (void)state;
    reader_init(&r, bytes, sizeof bytes);
    get_change(&r, &c);
    assert_true(r.failed);
    assert_null(c.u.class_.permits);
    reader_init(&r, "\0", 1);
    get_change(&r, &c);
    assert_true(r.failed);
}

static void test_answers(void **state)
{
    struct commit_answer a = {1, 2, 3, 4, 5, 6, 7}, a2;
    struct inspect_answer i = {true, false, true, true, 0x1234, 5000, 2, true}, i2;
    struct writer w;
    struct reader r;
    (void)state;
    writer_init(&w, 256);
    put_commit_answer(&w, &a);
    put_inspect_answer(&w, &i);
    reader_init(&r, w.v, w.n);
    get_commit_answer(&r, &a2);
    get_inspect_answer(&r, &i2);
    assert_true(reader_done(&r));
    assert_true(a2.at == 1 && a2.kernel_ns == 2 && a2.done_ns == 3 && a2.connections == 4);
    assert_true(a2.leases_left == 5 && a2.connections_left == 6 && a2.peers_left == 7);
    assert_true(i2.enrolled && !i2.lease && i2.live && i2.peer && i2.permitted);
    assert_true(i2.mark == 0x1234 && i2.left_ms == 5000 && i2.connections == 2);
    writer_clear(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_permission), cmocka_unit_test(test_names),
        cmocka_unit_test(test_changes),    cmocka_unit_test(test_count_that_lies),
        cmocka_unit_test(test_answers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
