/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What is called durable has been through fdatasync(), in the right order beside the kernel; and
 * a sync that fails ends the promise. fdatasync() of this program is the one below, SQLite's too.
 */
#include "tests/unit/engine_lab.h"

#include <fcntl.h>
#include <sys/syscall.h>
#include <sys/wait.h>

static unsigned syncs;
static uint64_t first_sync_ns;
static bool broken;

int fdatasync(int fd)
{
    if (broken) {
        errno = EIO;
        return -1;
    }
    if (syncs++ == 0)
        first_sync_ns = clock_mono_ns();
    return (int)syscall(SYS_fdatasync, fd);
}

static struct lab L;

static int begin(void **state)
{
    (void)state;
    broken = false;
    lab_new(&L);
    lab_start(&L, LAB_POLICY);
    lab_person(&L, "maria", "filing");
    return 0;
}

static int end(void **state)
{
    (void)state;
    lab_end(&L);
    return 0;
}

/* ---- one by one ----------------------------------------------------------------------------- */

static void a_commit_is_synced(void **state)
{
    (void)state;
    for (int i = 0; i < 3; i++) {
        store_begin(L.e->store);
        store_set(L.e->store, "x", i);
        syncs = 0;
        assert_int_equal(store_commit(L.e->store), STORE_OK);
        assert_true(syncs > 0);
    }
}

/* The program ends, and enforcement goes on without it. */
static void a_commit_that_cannot_be_synced_ends_the_engine(void **state)
{
    int status = 0;
    (void)state;
    fflush(NULL);
    pid_t pid = fork();
    if (pid == 0) {
        close(STDERR_FILENO);
        broken = true;
        store_begin(L.e->store);
        store_set(L.e->store, "x", 7);
        (void)store_commit(L.e->store);
        _exit(0);
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFEXITED(status) && WEXITSTATUS(status) != 0);
}

static void the_audit_log_is_synced_before_its_mark(void **state)
{
    struct audit_mark mark = {.seq = 99};
    (void)state;
    syncs = 0;
    assert_int_equal(audit_sync(L.e->audit, &mark), 0);
    assert_int_equal(syncs, 1);
    assert_int_equal(mark.seq, audit_last(L.e->audit));
    mark.seq = 99;
    broken = true;
    assert_int_equal(audit_sync(L.e->audit, &mark), -EIO);
    assert_int_equal(mark.seq, 99);
    broken = false;
}

/* ---- disk and kernel ------------------------------------------------------------------------ */

/* What opens is on the disk before the kernel has it; what closes, the other way round. */
static void grants_after_the_disk_cuts_before(void **state)
{
    struct laptop t;
    (void)state;
    lab_enrol(&L, &t, "maria-laptop", "maria");
    char *token = lab_token(&L, &t, &(struct report){.encrypted = true});
    int status;
    syncs = 0;
    L.commit_ns = 0;
    json_decref(lab_portal(&L, &t, PORTAL_POSTURE, token, &status));
    free(token);
    assert_int_equal(status, 200);
    assert_true(syncs > 0 && L.commit_ns > first_sync_ns);
    syncs = 0;
    L.commit_ns = 0;
    lab_do(&L, CONTROL_POST, "/v1/users/maria/revoke", NULL, 200);
    assert_true(syncs > 0 && L.commit_ns != 0 && L.commit_ns < first_sync_ns);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_commit_is_synced, begin, end),
        cmocka_unit_test_setup_teardown(a_commit_that_cannot_be_synced_ends_the_engine, begin, end),
        cmocka_unit_test_setup_teardown(the_audit_log_is_synced_before_its_mark, begin, end),
        cmocka_unit_test_setup_teardown(grants_after_the_disk_cuts_before, begin, end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
