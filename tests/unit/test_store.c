/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The store: what is committed is there, what fails is not, what is damaged or newer is refused. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include <fcntl.h>
#include <signal.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "gateway/store.h"
#include "gateway/store_facts.h"

#define DB "portcullis.db"

static char dir[64], why[256];
static struct store *S;

static int begin(void **state)
{
    (void)state;
    snprintf(dir, sizeof dir, "/tmp/pcengine-store-XXXXXX");
    assert_non_null(mkdtemp(dir));
    assert_int_equal(chdir(dir), 0);
    assert_int_equal(store_open(&S, DB, why), 0);
    return 0;
}

static int end(void **state)
{
    static const char *const files[] = {DB, DB "-wal", DB "-shm", "reserve"};

    (void)state;
    store_close(S);
    S = NULL;
    for (size_t i = 0; i < sizeof files / sizeof files[0]; i++)
        unlink(files[i]);
    assert_int_equal(chdir("/"), 0);
    rmdir(dir);
    return 0;
}

static void reopen(void)
{
    store_close(S);
    assert_int_equal(store_open(&S, DB, why), 0);
}

static char roles[] = "filing,it";

static void put_user(uint32_t id, const char *name)
{
    struct user u = {.id = id, .state = USER_ACTIVE, .roles = roles, .created = {5}, .end = {9}};

    snprintf(u.name, sizeof u.name, "%s", name);
    store_put_user(S, &u);
}

static void count_user(void *arg, struct user *u)
{
    (*(unsigned *)arg)++;
    assert_string_equal(u->roles, roles);
    assert_int_equal(u->end.s, 9);
    free(u->full_name);
    free(u->roles);
    free(u->revoked_by);
    free(u->revoked_reason);
}

static unsigned users(void)
{
    unsigned n = 0;

    store_each_user(S, count_user, &n);
    return n;
}

/* ---- transactions ----------------------------------------------------------------------------- */

static void committed_is_there_rolled_back_is_not(void **state)
{
    (void)state;
    store_begin(S);
    put_user(1, "maria");
    assert_int_equal(store_commit(S), STORE_OK);
    store_begin(S);
    put_user(2, "otto");
    store_rollback(S);
    reopen();
    assert_int_equal(users(), 1);
}

static void a_failure_takes_all_of_it(void **state)
{
    (void)state;
    store_begin(S);
    put_user(1, "maria");
    put_user(2, "maria");      /* the name is taken */
    put_user(3, "otto");
    assert_int_equal(store_commit(S), STORE_TAKEN);
    assert_int_equal(users(), 0);
    store_begin(S);            /* and nothing of it sticks to the next */
    put_user(1, "maria");
    assert_int_equal(store_commit(S), STORE_OK);
}

/* Killed at any moment: what was said to be committed is there. */
static void a_commit_survives_kill(void **state)
{
    int pipes[2];

    (void)state;
    store_close(S);
    S = NULL;
    for (int round = 0; round < 20; round++) {
        assert_int_equal(pipe(pipes), 0);
        pid_t child = fork();
        if (child == 0) {
            struct store *s;
            if (store_open(&s, DB, why) < 0)
                _exit(9);
            S = s;
            for (int64_t i = store_get(s, "n", 0) + 1;; i++) {
                store_begin(s);
                store_set(s, "n", i);
                if (store_commit(s) != STORE_OK || write(pipes[1], &i, sizeof i) < 0)
                    _exit(8);
            }
        }
        close(pipes[1]);
        int64_t told = 0, one;
        usleep((useconds_t)(3000 + 700 * round));
        kill(child, SIGKILL);
        waitpid(child, NULL, 0);
        while (read(pipes[0], &one, sizeof one) == (ssize_t)sizeof one)
            told = one;
        close(pipes[0]);
        assert_int_equal(store_open(&S, DB, why), 0);
        int64_t kept = store_get(S, "n", 0);
        if (told)
            assert_in_range(kept, told, told + 1);
        store_close(S);
        S = NULL;
    }
    assert_int_equal(store_open(&S, DB, why), 0);
    assert_true(store_get(S, "n", 0) > 0);
}

/* ---- opening ----------------------------------------------------------------------------------- */

static void refuses_what_is_newer(void **state)
{
    sqlite3 *db;

    (void)state;
    store_close(S);
    S = NULL;
    sqlite3_open(DB, &db);
    sqlite3_exec(db, "PRAGMA user_version=99", NULL, NULL, NULL);
    sqlite3_close(db);
    assert_int_equal(store_open(&S, DB, why), -1);
    S = NULL;
    assert_non_null(strstr(why, "newer portcullisd"));
}

static void refuses_what_is_damaged(void **state)
{
    char rubbish[512];

    (void)state;
    store_begin(S);
    put_user(1, "maria");
    store_commit(S);
    store_close(S);
    S = NULL;
    int fd = open(DB, O_RDWR);
    memset(rubbish, 0x5a, sizeof rubbish);
    for (off_t at = 4096; at < 40 * 4096; at += 4096)
        assert_true(pwrite(fd, rubbish, sizeof rubbish, at) > 0);
    close(fd);
    assert_int_equal(store_open(&S, DB, why), -1);
    S = NULL;
    assert_true(strstr(why, "damaged") || strstr(why, "malformed"));
}

static void refuses_a_second_opening(void **state)
{
    int status;
    pid_t child;

    (void)state;
    if ((child = fork()) == 0) {
        struct store *other;
        _exit(store_open(&other, DB, why) < 0 && strstr(why, "another portcullisd") ? 0 : 1);
    }
    waitpid(child, &status, 0);
    assert_int_equal(status, 0);
}

/* ---- records ------------------------------------------------------------------------------------- */

static void put_device(uint32_t index)
{
    struct dev d = {.k.index = index, .user = 1, .state = DEV_ACTIVE, .corp = true,
                    .approved = index != 2, .created = {7}, .last_iat = {8}};

    memset(&d.k.key, (int)index, sizeof d.k.key);
    snprintf(d.name, sizeof d.name, "d%u", index);
    store_put_dev(S, &d);
}

static void check_dev(void *arg, struct dev *d, const char *names)
{
    (*(unsigned *)arg)++;
    assert_int_equal(d->k.key.b[31], d->k.index);
    assert_int_equal(d->last_iat.s, 8);
    assert_int_equal(d->approved, d->k.index != 2);
    assert_int_equal(d->lease.class_id, d->k.index == 2 ? 7 : 0);
    assert_string_equal(names, d->k.index == 2 ? "it" : "");
    assert_int_equal(d->token_exp.s, d->k.index == 2 ? 200 : 0);
}

static void fill_facts(struct facts *f)
{
    f->at.s = 77;
    for (int i = 0; i < FACT_COUNT; i += 2) {
        f->v[i].known = true;
        f->v[i].n = fact_type((enum fact_id)i) == FACT_BOOL ? 1 : 5;
        if (fact_type((enum fact_id)i) == FACT_STRING || fact_type((enum fact_id)i) == FACT_VERSION)
            f->v[i].n = 0;
        if (fact_type((enum fact_id)i) != FACT_BOOL && fact_type((enum fact_id)i) != FACT_INT &&
            fact_type((enum fact_id)i) != FACT_DATE)
            snprintf(f->v[i].text, sizeof f->v[i].text, "1.2");
    }
}

static void devices_come_with_lease_and_evidence(void **state)
{
    struct grant g = {.class_id = 7, .granted = {100}, .until = {200}, .end_boot_ms = 3};
    static struct evidence ev, back;
    unsigned n = 0;

    (void)state;
    ev = (struct evidence){.accepted = {100}, .exp = {200}, .assurance = 2, .iss = "i", .kid = "k",
                           .jti = "j"};
    fill_facts(&ev.facts);
    store_begin(S);
    put_user(1, "maria");
    put_device(1);
    put_device(2);
    store_put_lease(S, 2, &g, "it");
    store_put_evidence(S, 2, &ev);
    assert_int_equal(store_commit(S), STORE_OK);
    reopen();
    store_each_dev(S, check_dev, &n);
    assert_int_equal(n, 2);
    assert_int_equal(store_get_evidence(S, 2, &back), STORE_OK);
    assert_memory_equal(&back.facts, &ev.facts, sizeof ev.facts);
    assert_int_equal(store_get_evidence(S, 1, &back), STORE_NONE);
}

static void check_approved(void *arg, struct dev *d, const char *names)
{
    (void)names;
    *(bool *)arg = d->approved;
}

static void an_approval_is_kept(void **state)
{
    struct dev d = {.k.index = 1, .user = 1, .state = DEV_ACTIVE, .name = "d1"};
    bool approved = true;

    (void)state;
    store_begin(S);
    put_user(1, "maria");
    store_put_dev(S, &d);
    store_commit(S);
    store_each_dev(S, check_approved, &approved);
    assert_false(approved);
    d.approved = true;
    store_begin(S);
    store_put_dev(S, &d);
    store_commit(S);
    store_each_dev(S, check_approved, &approved);
    assert_true(approved);
}

static void a_key_belongs_to_one_device_for_ever(void **state)
{
    struct dev d = {.k.index = 2, .user = 1, .state = DEV_ACTIVE, .name = "other"};

    (void)state;
    store_begin(S);
    put_user(1, "maria");
    put_device(1);
    store_commit(S);
    memset(&d.k.key, 1, sizeof d.k.key);
    store_begin(S);
    store_put_dev(S, &d);
    assert_int_equal(store_commit(S), STORE_TAKEN);
}

static void replays_are_remembered_until_they_expire(void **state)
{
    (void)state;
    store_begin(S);
    store_put_jti(S, "i", "one", (struct wall){10});
    store_put_jti(S, "i", "two", (struct wall){20});
    store_put_jti(S, "j", "one", (struct wall){20});
    assert_int_equal(store_commit(S), STORE_OK);
    store_begin(S);
    store_prune_jti(S, (struct wall){15});
    store_commit(S);
    assert_false(store_jti_seen(S, "i", "one"));
    assert_true(store_jti_seen(S, "i", "two"));
    assert_true(store_jti_seen(S, "j", "one"));
    assert_int_equal(store_count_jti(S), 2);
}

static void count_attempt(void *arg, const struct attempt *a)
{
    (void)a;
    (*(unsigned *)arg)++;
}

static void attempts_are_pruned_by_age(void **state)
{
    struct attempt_filter all = {.kind = -1, .reason = -1, .code = -1, .until = INT64_MAX,
                                 .limit = 100};
    struct attempt a = {.count = 1, .device = "d"};
    unsigned n = 0;

    (void)state;
    store_begin(S);
    for (uint16_t i = 0; i < 10; i++) {
        a.port = i;
        a.last.s = 100 - i;
        store_add_attempt(S, &a);
    }
    store_prune_old_attempts(S, (struct wall){96});
    assert_int_equal(store_commit(S), STORE_OK);
    store_each_attempt(S, &all, count_attempt, &n);
    assert_int_equal(n, 5);
}

static void attempts_are_pruned_from_the_oldest(void **state)
{
    struct attempt a = {.count = 1, .device = "d"};

    (void)state;
    store_begin(S);
    for (uint16_t i = 0; i < 10; i++) {
        a.port = i;
        a.last.s = 100 - i;
        store_add_attempt(S, &a);
    }
    store_prune_attempts(S, 3);
    store_prune_attempts(S, 5);
    assert_int_equal(store_commit(S), STORE_OK);
    sqlite3 *db;
    store_close(S);
    S = NULL;
    sqlite3_open(DB, &db);
    sqlite3_stmt *q;
    sqlite3_prepare_v2(db, "SELECT count(*), max(port) FROM attempts", -1, &q, NULL);
    assert_int_equal(sqlite3_step(q), SQLITE_ROW);
    assert_int_equal(sqlite3_column_int(q, 0), 3);
    assert_int_equal(sqlite3_column_int(q, 1), 2);
    sqlite3_finalize(q);
    sqlite3_close(db);
}

static void strange_facts_are_refused(void **state)
{
    static const struct { const char *what, *text; } cases[] = {
        {"not JSON", "{"}, {"not an object", "[]"}, {"unknown fact", "{\"os.colour\":1}"},
        {"text for a number", "{\"pend.crit\":\"1\"}"}, {"number for a text", "{\"os.family\":1}"},
        {"long text", "{\"os.family\":\"0123456789012345678901234567890123456789012345678901234567890123\"}"},
        {"list of one", "{\"lic.unauth\":[1]}"}, {"duplicate", "{\"fde.sys\":true,\"fde.sys\":false}"},
    };
    static struct facts f;

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        print_message("%s\n", cases[i].what);
        assert_int_equal(facts_from_json(cases[i].text, strlen(cases[i].text), &f), -1);
    }
    assert_int_equal(facts_from_json("{\"at\":3,\"fde.sys\":false}", 24, &f), 0);
    assert_true(f.v[FACT_FDE_SYS].known);
    assert_int_equal(f.v[FACT_FDE_SYS].n, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(committed_is_there_rolled_back_is_not, begin, end),
        cmocka_unit_test_setup_teardown(a_failure_takes_all_of_it, begin, end),
        cmocka_unit_test_setup_teardown(a_commit_survives_kill, begin, end),
        cmocka_unit_test_setup_teardown(refuses_what_is_newer, begin, end),
        cmocka_unit_test_setup_teardown(refuses_what_is_damaged, begin, end),
        cmocka_unit_test_setup_teardown(refuses_a_second_opening, begin, end),
        cmocka_unit_test_setup_teardown(devices_come_with_lease_and_evidence, begin, end),
        cmocka_unit_test_setup_teardown(an_approval_is_kept, begin, end),
        cmocka_unit_test_setup_teardown(a_key_belongs_to_one_device_for_ever, begin, end),
        cmocka_unit_test_setup_teardown(replays_are_remembered_until_they_expire, begin, end),
        cmocka_unit_test_setup_teardown(attempts_are_pruned_by_age, begin, end),
        cmocka_unit_test_setup_teardown(attempts_are_pruned_from_the_oldest, begin, end),
        cmocka_unit_test(strange_facts_are_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
