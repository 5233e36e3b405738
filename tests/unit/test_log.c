/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What reaches the log stays one line of visible characters. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "gateway/log.h"

static void test_escapes(void **state)
{
    static const struct {
        const char *what, *in, *out;
    } cases[] = {
        {"plain", "user maria, 2 devices", "user maria, 2 devices"},
        {"line feed", "a\nb", "a\\x0ab"},
        {"carriage return", "a\rb", "a\\x0db"},
        {"escape sequence", "\033[2J", "\\x1b[2J"},
        {"delete", "\177", "\\x7f"},
        {"backslash, so that escapes are ours", "\\x0a", "\\x5cx0a"},
        {"letters of people", "José Żółć 李", "José Żółć 李"},
        {"C1 control", "\xc2\x85", "\\xc2\\x85"},
        {"line separator", "\xe2\x80\xa8", "\\xe2\\x80\\xa8"},
        {"right-to-left override", "\xe2\x80\xae", "\\xe2\\x80\\xae"},
        {"zero width", "\xe2\x80\x8b", "\\xe2\\x80\\x8b"},
        {"byte order mark", "\xef\xbb\xbf", "\\xef\\xbb\\xbf"},
        {"not UTF-8",
         "\xff"
         "a",
         "\\xffa"},
        {"overlong slash", "\xc0\xaf", "\\xc0\\xaf"},
    };
    char out[128];
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        assert_int_equal(log_escape(cases[i].in, out, sizeof out), strlen(cases[i].out));
        if (strcmp(out, cases[i].out) != 0)
            fail_msg("%s: %s", cases[i].what, out);
    }
}

static void test_cut_between_characters(void **state)
{
    char out[6];
    (void)state;
    assert_int_equal(log_escape("abc\n", out, sizeof out), 3);
    assert_int_equal(log_escape("abcdé", out, sizeof out), 4);
    assert_int_equal(log_escape("abcdef", out, sizeof out), 5);
    assert_string_equal(out, "abcde");
}

/* Runs f in a child and returns what it wrote to stderr and its status. */
static int run(void (*f)(void), char *out, size_t size)
{
    int p[2], status = -1;
    size_t n = 0;
    ssize_t got;
    assert_int_equal(pipe(p), 0);
    pid_t child = fork();
    if (child == 0) {
        dup2(p[1], STDERR_FILENO);
        close(p[0]);
        close(p[1]);
        f();
        _exit(0);
    }
    close(p[1]);
    while (n < size - 1 && (got = read(p[0], out + n, size - 1 - n)) > 0)
        n += (size_t)got;
    out[n] = '\0';
    close(p[0]);
    waitpid(child, &status, 0);
    return status;
}

static void say(void)
{
    log_init("engine");
    log_info("hello %d\nportcullisd[engine]: forged", 7);
    log_alarm("gone");
}

static void say_much(void)
{
    char big[5000];
    memset(big, '\n', sizeof big - 1);
    big[sizeof big - 1] = '\0';
    log_init("engine");
    log_warn("%s", big);
}

static void die(void)
{
    log_init("engine");
    fatal("no memory");
}

static void test_lines(void **state)
{
    char out[8192];
    (void)state;
    assert_int_equal(run(say, out, sizeof out), 0);
    assert_string_equal(out, "portcullisd[engine]: hello 7\\x0aportcullisd[engine]: forged\n"
                             "portcullisd[engine]: ALARM: gone\n");
    assert_int_equal(run(say_much, out, sizeof out), 0);
    assert_true(strlen(out) <= LOG_LINE);
    assert_ptr_equal(strchr(out, '\n'), out + strlen(out) - 1);
    int status = run(die, out, sizeof out);
    assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 1);
    assert_string_equal(out, "portcullisd[engine]: fatal: no memory\n");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_escapes),
        cmocka_unit_test(test_cut_between_characters),
        cmocka_unit_test(test_lines),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
