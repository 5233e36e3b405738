/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A full disk: nothing is acknowledged that is not written, and revocation still works. */
#include "tests/unit/engine_lab.h"

#include <fcntl.h>
#include <sched.h>
#include <sys/mount.h>

#include "gateway/respond.h"

#define LOCKING_POLICY LAB_POLICY "posture exact { lease 15m evidence <= 8h assurance >= PA1\n" \
                                  "  require pend.crit == 0\n }\n"                              \
                                  "role strict { reach wms posture exact }\n"                    \
                                  "contact \"x\" respond { two-places 3 within 1m lock }\n"

static struct lab L;
static struct laptop maria, otto;

/* A file system of 8 MiB of our own; half of it is the engine's reserve. */
static bool small_disk(void)
{
    return unshare(CLONE_NEWNS) == 0 && mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0 &&
           mount("none", L.dir, "tmpfs", 0, "size=8m") == 0;
}

static void fill(void)
{
    static char block[4096];
    int fd = open("filler", O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);

    memset(block, 1, sizeof block);
    while (write(fd, block, sizeof block) > 0)
        ;
    close(fd);
}

static int begin(void **state)
{
    (void)state;
    lab_new(&L);
    if (!small_disk())
        return 0;
    lab_start(&L, LOCKING_POLICY);
    lab_person(&L, "maria", "filing");
    lab_person(&L, "otto", "warehouse");
    lab_enrol(&L, &maria, "maria-laptop", "maria");
    lab_enrol(&L, &otto, "otto-laptop", "otto");
    lab_in(&L, &maria);
    lab_in(&L, &otto);
    return 0;
}

static int end(void **state)
{
    (void)state;
    lab_stop(&L);
    dataplane_clear(&L.dp);
    (void)!chdir("/");
    umount2(L.dir, MNT_DETACH);
    rmdir(L.dir);
    return 0;
}

/* Until the log of the database has no room for another change. */
static void add_users_until_full(int *status)
{
    char body[64];

    *status = 0;
    for (int i = 0; i < 2000 && *status != 503; i++) {
        fill();
        snprintf(body, sizeof body, "{\"name\":\"u%d\",\"roles\":[]}", i);
        json_decref(lab_ask(&L, CONTROL_POST, "/v1/users", "", body, status));
    }
}

/* The log has this act on this object. */
static bool recorded(const char *act, const char *object)
{
    int status;
    json_t *o = lab_ask(&L, CONTROL_GET, "/v1/audit", "limit=5000", NULL, &status), *one;
    bool found = false;
    size_t i;

    json_array_foreach(json_object_get(o, "items"), i, one)
        found = found || (strcmp(lab_text(one, "act"), act) == 0 &&
                          strcmp(lab_text(one, "object"), object) == 0);
    json_decref(o);
    return found;
}

/* They are counted, and take no byte. */
static void attempts_stop_first(void)
{
    struct attempt a = {.source = {.family = 4}, .destination = {.family = 4}, .count = 7};
    uint64_t records = audit_last(L.e->batches), counted = L.e->attempts.overflow;

    assert_false(audit_room(L.e));
    attempts_add(&L.e->attempts, &a);
    attempts_keep(L.e);
    assert_int_equal(L.e->attempts.n, 0);
    assert_int_equal(L.e->attempts.overflow, counted + 7);
    assert_int_equal(audit_last(L.e->batches), records);
}

static void revoking_works_and_nothing_else_is_acknowledged(void **state)
{
    int status;

    (void)state;
    if (!L.e) {
        print_message("skip - a small file system needs root\n");
        skip();
    }
    add_users_until_full(&status);
    assert_int_equal(status, 503);
    attempts_stop_first();
    size_t users = L.e->n_users;
    assert_true(lab_reaches(&L, &maria, "10.20.0.9", 5432));

    json_t *o = lab_report(&L, &otto, &(struct report){.encrypted = true}, &status);
    assert_int_equal(status, 503);
    assert_string_equal(lab_text(o, "code"), "PT902");
    json_decref(o);

    o = lab_must(&L, CONTROL_POST, "/v1/users/maria/revoke", NULL, 200);
    assert_true(json_is_true(json_object_get(o, "verified")));
    json_decref(o);
    assert_false(lab_reaches(&L, &maria, "10.20.0.40", 443));

    unlink("filler");
    lab_restart(&L, LOCKING_POLICY);
    assert_int_equal(L.e->n_users, users);
    assert_int_equal(user_by_name(L.e, "maria")->state, USER_REVOKED);
    assert_false(lab_reaches(&L, &maria, "10.20.0.40", 443));
    assert_true(recorded("user.revoke", "maria"));
    assert_true(recorded("lease.end", "maria-laptop"));
    assert_true(lab_reaches(&L, &otto, "10.20.0.22", 8081));
    o = lab_must(&L, CONTROL_POST, "/v1/audit/verify", NULL, 200);
    assert_true(json_is_true(json_object_get(o, "ok")));
    json_decref(o);
}

/* What a report takes away is away, on a full disk too, and no later decision brings it back. */
static void a_report_that_takes_away_does_so(void **state)
{
    const struct report sick = {0}, healthy = {.encrypted = true},
                        pending = {.encrypted = true, .pending = 1};
    struct batch b;
    int status;

    (void)state;
    if (!L.e)
        skip();
    add_users_until_full(&status);
    json_t *o = lab_report(&L, &maria, &sick, &status);
    assert_int_equal(status, 503);
    assert_string_equal(lab_text(o, "code"), "PT902");
    json_decref(o);
    assert_false(lab_reaches(&L, &maria, "10.20.0.9", 5432));
    json_decref(lab_report(&L, &otto, &pending, &status));
    assert_int_equal(status, 503);
    assert_true(lab_reaches(&L, &otto, "10.20.0.22", 8081));

    unlink("filler");
    batch_begin(L.e, &b);
    (void)leases_decide_all(&b, "test");
    assert_int_equal(batch_commit(&b, DURABLE_FIRST), STORE_OK);
    assert_false(lab_reaches(&L, &maria, "10.20.0.9", 5432));
    assert_true(lab_reaches(&L, &otto, "10.20.0.22", 8081));
    json_decref(lab_report(&L, &maria, &healthy, &status));
    assert_int_equal(status, 200);
    assert_true(lab_reaches(&L, &maria, "10.20.0.9", 5432));
}

/* A report that leaves one role and takes the other: neither is left when it cannot be written. */
static void a_report_that_takes_one_of_two(void **state)
{
    const struct report pending = {.encrypted = true, .pending = 1};
    int status;

    (void)state;
    if (!L.e)
        skip();
    lab_do(&L, CONTROL_PUT, "/v1/users/maria/roles", "{\"roles\":[\"filing\",\"strict\"]}", 200);
    assert_true(lab_reaches(&L, &maria, "10.20.0.22", 8081));
    add_users_until_full(&status);
    json_decref(lab_report(&L, &maria, &pending, &status));
    assert_int_equal(status, 503);
    assert_false(lab_reaches(&L, &maria, "10.20.0.22", 8081));

    unlink("filler");
    json_decref(lab_report(&L, &maria, &pending, &status));
    assert_int_equal(status, 200);
    assert_true(lab_reaches(&L, &maria, "10.20.0.9", 5432));
    assert_false(lab_reaches(&L, &maria, "10.20.0.22", 8081));
}

/* The lock holds in the kernel at once, and on the disk as soon as it has room. */
static void locking_works_and_is_written_later(void **state)
{
    struct attempt a = {.kind = ATTEMPT_TWO_PLACES, .count = 3, .device = "maria-laptop"};
    int status;

    (void)state;
    if (!L.e)
        skip();
    add_users_until_full(&status);
    attempts_note(L.e, &a);
    fill();
    respond_act(L.e);
    assert_false(lab_reaches(&L, &maria, "10.20.0.9", 5432));
    assert_true(hold_of(L.e, dev_by_name(L.e, "maria-laptop"))->unwritten);
    respond_tick(L.e);
    assert_true(hold_of(L.e, dev_by_name(L.e, "maria-laptop"))->unwritten);

    unlink("filler");
    respond_tick(L.e);
    assert_false(hold_of(L.e, dev_by_name(L.e, "maria-laptop"))->unwritten);
    lab_restart(&L, LOCKING_POLICY);
    assert_false(lab_reaches(&L, &maria, "10.20.0.9", 5432));
    assert_true(lab_reaches(&L, &otto, "10.20.0.22", 8081));
    assert_true(recorded("respond.written", "maria-laptop"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(revoking_works_and_nothing_else_is_acknowledged, begin, end),
        cmocka_unit_test_setup_teardown(a_report_that_takes_away_does_so, begin, end),
        cmocka_unit_test_setup_teardown(a_report_that_takes_one_of_two, begin, end),
        cmocka_unit_test_setup_teardown(locking_works_and_is_written_later, begin, end),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
