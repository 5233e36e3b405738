/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The parent's files: whose configuration it trusts, its lock, its private key. Needs root: the
 * owner of a file is what is judged. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <fcntl.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "gateway/parent.h"

static char dir[64], path[128], state_path[128];

static int setup(void **state)
{
    (void)state;
    snprintf(dir, sizeof dir, "/tmp/pc-test-files-XXXXXX");
    if (!mkdtemp(dir))
        return -1;
    snprintf(path, sizeof path, "%s/policy.conf", dir);
    snprintf(state_path, sizeof state_path, "%s/state", dir);
    return chdir(dir);
}

static int teardown(void **state)
{
    (void)state;
    const char *const files[] = {"policy.conf", "link", "state/lock", "state/wireguard.key"};
    for (size_t i = 0; i < sizeof files / sizeof *files; i++)
        (void)unlink(files[i]);
    (void)rmdir("state");
    return chdir("/") + rmdir(dir);
}

static void write_file(const char *name, size_t n, mode_t mode)
{
    int fd = open(name, O_WRONLY | O_CREAT | O_TRUNC, 0600);
    assert_true(fd >= 0);
    assert_int_equal(ftruncate(fd, (off_t)n) + fchmod(fd, mode), 0);
    close(fd);
}

static void test_config(void **state)
{
    static const struct {
        const char *what;
        size_t size;
        mode_t mode;
        uid_t uid;
        int rc;
    } cases[] = {
        {"as it should be", 10, 0644, 0, 0},
        {"private", 10, 0600, 0, 0},
        {"empty", 0, 0644, 0, 0},
        {"one MiB", 1 << 20, 0644, 0, 0},
        {"one byte more", (1 << 20) + 1, 0644, 0, -1},
        {"writable by its group", 10, 0664, 0, -1},
        {"writable by all", 10, 0646, 0, -1},
        {"of another user", 10, 0644, 12345, -1},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct file_text t = {0};
        write_file(path, cases[i].size, cases[i].mode);
        assert_int_equal(chown(path, cases[i].uid, 0), 0);
        if (files_read_config(path, &t) != cases[i].rc)
            fail_msg("%s", cases[i].what);
        assert_int_equal(t.len, cases[i].rc == 0 ? cases[i].size : 0);
        free(t.bytes);
    }
}

static void test_config_is_a_file(void **state)
{
    struct file_text t = {0};
    (void)state;
    assert_int_equal(files_read_config("/no/such/file", &t), -1);
    assert_int_equal(files_read_config("/dev/null", &t), -1);
    assert_int_equal(files_read_config(dir, &t), -1);
    assert_int_equal(mkfifo("link", 0600), 0);
    assert_int_equal(files_read_config("link", &t), -1); /* and does not wait for a writer */
    assert_null(t.bytes);
}

static void open_state(struct parent *p)
{
    *p = (struct parent){.opt = {.state = state_path}, .lock = -1, .state_dir = -1};
    assert_int_equal(files_state_dir(p), 0);
}

static void close_state(struct parent *p)
{
    close(p->state_dir);
    if (p->lock >= 0)
        close(p->lock);
}

static void test_lock(void **state)
{
    struct parent a, b;
    char pid[16] = "";
    (void)state;
    open_state(&a);
    open_state(&b);
    assert_int_equal(files_lock(&a), 0);
    assert_int_equal(files_lock(&b), -1);
    assert_true(pread(a.lock, pid, sizeof pid - 1, 0) > 0);
    assert_int_equal(atoi(pid), getpid());
    close_state(&a);
    close(b.lock);
    assert_int_equal(files_lock(&b), 0); /* it goes with its process */
    close_state(&b);
}

static void test_state_directory_of_another(void **state)
{
    struct parent p = {.opt = {.state = state_path}};
    (void)state;
    assert_int_equal(mkdir(state_path, 0777) + chown(state_path, 12345, 0), 0);
    assert_int_equal(files_state_dir(&p), -1);
    close(p.state_dir);
}

static void test_key_is_made_once(void **state)
{
    struct parent p;
    struct wg_key one, two;
    struct stat st;
    (void)state;
    open_state(&p);
    assert_int_equal(files_private_key(&p, &one), 0);
    assert_int_equal(files_private_key(&p, &two), 0);
    assert_memory_equal(&one, &two, sizeof one);
    assert_false(sodium_is_zero(one.b, sizeof one.b));
    assert_int_equal(one.b[0] & 7, 0);
    assert_int_equal(one.b[31] & 0xc0, 0x40);
    assert_int_equal(fstatat(p.state_dir, "wireguard.key", &st, AT_SYMLINK_NOFOLLOW), 0);
    assert_int_equal(st.st_mode & 07777, 0600);
    assert_int_equal(st.st_size, 32);
    close_state(&p);
}

static void test_key_refused(void **state)
{
    static const struct {
        const char *what;
        size_t size;
        mode_t mode;
        uid_t uid;
    } cases[] = {
        {"readable by its group", 32, 0640, 0},
        {"readable by all", 32, 0604, 0},
        {"of another user", 32, 0600, 12345},
        {"too short", 31, 0600, 0},
        {"too long", 33, 0600, 0},
        {"empty", 0, 0600, 0},
    };
    struct parent p;
    struct wg_key key;
    (void)state;
    open_state(&p);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        write_file("state/wireguard.key", cases[i].size, cases[i].mode);
        assert_int_equal(chown("state/wireguard.key", cases[i].uid, 0), 0);
        if (files_private_key(&p, &key) != -1)
            fail_msg("%s", cases[i].what);
        assert_int_equal(unlink("state/wireguard.key"), 0);
    }
    write_file("policy.conf", 32, 0600);
    assert_int_equal(symlink("../policy.conf", "state/wireguard.key"), 0);
    assert_int_equal(files_private_key(&p, &key), -1);
    close_state(&p);
}

static void test_preshared_keys(void **state)
{
    static const struct { const char *what; size_t size; mode_t mode; int rc; } cases[] = {
        {"two", 128, 0600, 0},           {"none", 0, 0600, 0},
        {"cut off", 127, 0600, -1},      {"one byte more", 65, 0600, -1},
        {"read by others", 64, 0604, -1},
    };
    struct parent p;
    struct wg_preshared *v;
    size_t n;
    (void)state;
    open_state(&p);
    assert_int_equal(files_preshared(&p, &v, &n), 0);   /* no file */
    assert_int_equal(n, 0);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        write_file("state/wireguard.preshared", cases[i].size, cases[i].mode);
        if (files_preshared(&p, &v, &n) != cases[i].rc || (cases[i].rc == 0 && n != cases[i].size / 64))
            fail_msg("%s", cases[i].what);
        if (cases[i].rc == 0)
            free(v);
        assert_int_equal(unlink("state/wireguard.preshared"), 0);
    }
    close_state(&p);
}

int main(void)
{
    if (geteuid() != 0) {
        printf("skip - test_files: needs root, to give files to another user\n");
        return 0;
    }
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_config, setup, teardown),
        cmocka_unit_test_setup_teardown(test_config_is_a_file, setup, teardown),
        cmocka_unit_test_setup_teardown(test_lock, setup, teardown),
        cmocka_unit_test_setup_teardown(test_state_directory_of_another, setup, teardown),
        cmocka_unit_test_setup_teardown(test_key_is_made_once, setup, teardown),
        cmocka_unit_test_setup_teardown(test_key_refused, setup, teardown),
        cmocka_unit_test_setup_teardown(test_preshared_keys, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
