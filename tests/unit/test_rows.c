/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Rows that the engine cannot have written: it says that the database is damaged, and ends. */
#include "gateway/invites.h"
#include "tests/unit/engine_lab.h"

#include <fcntl.h>
#include <sqlite3.h>
#include <sys/wait.h>

static struct lab L;

/* The working directory's database as `from`, or back. */
static void copy(const char *from, const char *to)
{
    char bytes[65536];
    ssize_t n;
    int in = open(from, O_RDONLY | O_CLOEXEC);
    int out = open(to, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

    assert_true(in >= 0 && out >= 0);
    while ((n = read(in, bytes, sizeof bytes)) > 0)
        assert_int_equal(write(out, bytes, (size_t)n), n);
    close(in);
    close(out);
}

static void invite(void)
{
    struct invite x = {.user = 1, .state = INVITE_OPEN, .by = "anna", .until = {1}};
    struct invite_words words;

    invite_draw(&x, &words);
    store_begin(L.e->store);
    store_add_invite(L.e->store, &x);
    assert_int_equal(store_commit(L.e->store), STORE_OK);
}

static int begin(void **state)
{
    struct laptop t;

    (void)state;
    lab_new(&L);
    lab_start(&L, LAB_POLICY);
    lab_person(&L, "maria", "filing");
    lab_enrol(&L, &t, "maria-laptop", "maria");
    lab_in(&L, &t);
    invite();
    lab_stop(&L);
    dataplane_clear(&L.dp);
    copy("portcullis.db", "good.db");
    return 0;
}

static int end(void **state)
{
    (void)state;
    lab_end(&L);
    return 0;
}

/* The wait status of an engine that starts on the database after this change to it. */
static int start_after(const char *sql)
{
    int status;
    sqlite3 *db;

    copy("good.db", "portcullis.db");
    assert_int_equal(sqlite3_open("portcullis.db", &db), SQLITE_OK);
    assert_int_equal(sqlite3_exec(db, sql, NULL, NULL, NULL), SQLITE_OK);
    assert_int_not_equal(sqlite3_total_changes(db), 0);
    sqlite3_close(db);
    pid_t child = fork();
    if (child == 0)
        _exit(lab_launch(&L, LAB_GATEWAY, LAB_POLICY, "boot-1") == 0 ? 0 : 2);
    assert_int_equal(waitpid(child, &status, 0), child);
    return status;
}

static void what_cannot_be_ends_the_engine(void **state)
{
    static const struct { const char *what, *sql; } cases[] = {
        {"a device of nobody that there is", "UPDATE devices SET user = 7"},
        {"a device of a person below zero", "UPDATE devices SET user = -1"},
        {"a device's index beyond all", "UPDATE devices SET idx = 262143"},
        {"a device's state", "UPDATE devices SET state = 9"},
        {"a key that is shorter", "UPDATE devices SET key = x'00'"},
        {"ids of people with a gap", "UPDATE users SET id = 2"},
        {"an id of a person that would take all memory", "UPDATE users SET id = 4294967295"},
        {"a person's state", "UPDATE users SET state = 0"},
        {"a name with an escape in it", "UPDATE users SET name = 'a' || char(27)"},
        {"a name too long", "UPDATE users SET name = hex(zeroblob(64))"},
        {"a lease of a class beyond all", "UPDATE leases SET class = 4096"},
        {"a lease until a time beyond all", "UPDATE leases SET until = 9223372036854775807"},
        {"a lease of no whole second", "UPDATE leases SET until = 1.5"},
        {"evidence of a time below zero", "UPDATE evidence SET exp = -1"},
        {"facts that are none", "UPDATE evidence SET facts = '[]'"},
        {"a class beyond all", "UPDATE classes SET id = 65537"},
        {"permits that are cut off", "UPDATE classes SET permits = x'04'"},
        {"an invitation of nobody", "UPDATE invites SET user = 7"},
        {"an invitation's state", "UPDATE invites SET state = 5"},
        {"one that became a device that is none", "UPDATE invites SET state = 2, device = 99"},
        {"one with a shorter token", "UPDATE invites SET token = x'00'"},
        {"one with more wrong codes than void it", "UPDATE invites SET wrong = 6"},
        {"a signing key's kind", "UPDATE keys SET kind = 4"},
        {"an admin who is nobody", "INSERT INTO admins VALUES(7, 5, 1, 'x')"},
        {"an admin of a role that is none", "INSERT INTO admins VALUES(1, 1, 1, 'x')"},
        {"an admin of a role beyond all", "INSERT INTO admins VALUES(1, 6, 1, 'x')"},
        {"a number of events below zero", "UPDATE meta SET value = -1 WHERE key = 'event_next'"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        int status = start_after(cases[i].sql);
        if (!WIFEXITED(status) || WEXITSTATUS(status) != 1)
            fail_msg("%s: wait status %d", cases[i].what, status);
    }
    assert_int_equal(start_after("UPDATE users SET full_name = 'Maria'"), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(what_cannot_be_ends_the_engine, begin, end),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
