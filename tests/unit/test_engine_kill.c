/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * An engine killed at any moment: what it acknowledged is there, what it did not is there whole or
 * not at all, the audit log verifies and tells of exactly what is there.
 */
#include "tests/unit/engine_lab.h"

#include <signal.h>
#include <sys/wait.h>

#define ROUNDS 40

static struct lab L;

static void revoke_user(unsigned i)
{
    char path[64];

    snprintf(path, sizeof path, "/v1/users/u%u/revoke", i);
    lab_do(&L, CONTROL_POST, path, NULL, 200);
}

/* Adds a person with a laptop that reports, and revokes the one before; says each number done.
 * First it makes up for what the last kill left undone. */
static void work_until_killed(int tell)
{
    lab_start(&L, LAB_POLICY);
    unsigned first = (unsigned)L.e->n_users;
    for (unsigned i = 0; i + 1 < first; i++)
        if (L.e->users[i].state == USER_ACTIVE)
            revoke_user(i);
    for (unsigned i = first;; i++) {
        char user[32], laptop[32], body[96];
        struct laptop t;
        snprintf(user, sizeof user, "u%u", i);
        snprintf(laptop, sizeof laptop, "d%u", i);
        snprintf(body, sizeof body, "{\"name\":\"%s\",\"roles\":[\"filing\"]}", user);
        lab_do(&L, CONTROL_POST, "/v1/users", body, 201);
        lab_enrol(&L, &t, laptop, user);
        lab_in(&L, &t);
        if (i > 0)
            revoke_user(i - 1);
        if (i % 3 == 0)
            audit_flush(L.e);
        if (write(tell, &i, sizeof i) < 0)
            _exit(1);
    }
}

/* The last number that was acknowledged; -1 = none. */
static long killed_after(unsigned ms)
{
    int pipes[2];
    unsigned one;
    long last = -1;

    assert_int_equal(pipe(pipes), 0);
    pid_t child = fork();
    if (child == 0) {
        close(pipes[0]);
        (void)!freopen("/dev/null", "w", stderr);
        work_until_killed(pipes[1]);
    }
    close(pipes[1]);
    usleep(ms * 1000);
    kill(child, SIGKILL);
    waitpid(child, NULL, 0);
    while (read(pipes[0], &one, sizeof one) == (ssize_t)sizeof one)
        last = one;
    close(pipes[0]);
    return last;
}

struct told { unsigned users, devices, revoked; };

static bool tally(void *arg, const struct record *r, const uint8_t *bytes, size_t n)
{
    struct told *t = arg;

    (void)bytes, (void)n;
    t->users += strcmp(r->act, "user.add") == 0;
    t->devices += strcmp(r->act, "device.add") == 0;
    t->revoked += strcmp(r->act, "user.revoke") == 0;
    return true;
}

/* Memory as loaded from the disk, the kernel as filled from it, and the log: one story. */
static void check_state(long acknowledged)
{
    struct told told = {0}, found = {0};
    uint64_t records;
    char text[400];
    size_t enrolled = 0;

    lab_start(&L, LAB_POLICY);
    for (size_t i = 0; i < L.e->n_users; i++) {
        found.users += L.e->users[i].id != 0;
        found.revoked += L.e->users[i].state == USER_REVOKED;
        if ((long)i < acknowledged)
            assert_int_equal(L.e->users[i].state, USER_REVOKED);
    }
    for (size_t i = 0; i < L.e->n_devs; i++) {
        found.devices += L.e->devs[i].state != 0;
        enrolled += L.e->devs[i].state && dev_should_enrol(L.e, &L.e->devs[i]);
    }
    assert_true((long)found.users > acknowledged);
    if (acknowledged >= 0) {
        snprintf(text, sizeof text, "d%ld", acknowledged);
        assert_non_null(dev_by_name(L.e, text));
    }
    assert_int_equal(L.dp.n_devices, enrolled);
    assert_true(L.dp.n_leases <= enrolled);
    assert_true(audit_verify(L.e->audit, &records, text));
    assert_int_equal(audit_read(L.e->audit, 0, tally, &told), 0);
    assert_int_equal(told.users, found.users);
    assert_int_equal(told.devices, found.devices);
    assert_int_equal(told.revoked, found.revoked);
    lab_stop(&L);
    dataplane_clear(&L.dp);
}

static void killed_at_any_moment(void **state)
{
    long acknowledged = -1;
    unsigned seed = (unsigned)clock_mono_ns();

    (void)state;
    print_message("seed %u\n", seed);
    srandom(seed);
    lab_new(&L);
    /* On a busy machine longer, until there was something to lose. */
    for (unsigned i = 0; i < ROUNDS || (acknowledged <= ROUNDS && i < 8 * ROUNDS); i++) {
        long last = killed_after((10 + (unsigned)random() % 60) * (1 + i / ROUNDS));
        acknowledged = last > acknowledged ? last : acknowledged;
        check_state(acknowledged);
    }
    assert_true(acknowledged > ROUNDS);
    lab_end(&L);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(killed_at_any_moment)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
