/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Roles that are stopped or do not go round are ended; those that work, start or are let go are not. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <signal.h>
#include <sys/eventfd.h>
#include <sys/pidfd.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "gateway/parent.h"

/* What happens before each tick: 'b' a beat, 's' SIGSTOP, 'c' SIGCONT, '.' nothing. */
static const struct {
    const char *what, *ticks;
    unsigned silent; /* so many ticks without a beat after them */
    bool killed;
} cases[] = {
    {"beats", "bbbbbb", 0, false},
    {"starts for a long time", "", 3 * PULSE_SILENT_MAX, false},
    {"beats no more", "b", PULSE_SILENT_MAX, true},
    {"beats late", "b", PULSE_SILENT_MAX - 1, false},
    {"is stopped", "bs.", 0, true},
    {"is stopped while it starts", "s.", 0, true},
    {"is stopped and let go", "bscb", 0, false},
    {"is stopped and let go again and again", "scscscsc", 0, false},
};

static pid_t sleeper(void)
{
    pid_t pid = fork();
    if (pid == 0) {
        (void)prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0); /* of a test that fails, too */
        for (;;)
            pause();
    }
    assert_true(pid > 0);
    return pid;
}

/* The signal has had its effect when the child says so to its parent. */
static void send(pid_t pid, int signo, int wait_for)
{
    siginfo_t info;
    assert_int_equal(kill(pid, signo), 0);
    assert_int_equal(waitid(P_PID, (id_t)pid, &info, wait_for | WNOWAIT), 0);
}

static void before_tick(struct role_process *x, char act)
{
    if (act == 'b')
        assert_int_equal(eventfd_write(x->beat, 1), 0);
    else if (act == 's')
        send(x->pid, SIGSTOP, WSTOPPED);
    else if (act == 'c')
        send(x->pid, SIGCONT, WCONTINUED);
}

static void each_case(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct parent p = {0};
        struct role_process *x = &p.role[ROLE_API];
        siginfo_t info = {0};
        x->pid = sleeper();
        x->pidfd = pidfd_open(x->pid, 0);
        x->beat = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
        for (const char *act = cases[i].ticks; *act; act++) {
            before_tick(x, *act);
            pulse_tick(&p);
        }
        for (unsigned n = 0; n < cases[i].silent; n++)
            pulse_tick(&p);
        if (x->killed != cases[i].killed)
            fail_msg("%s: killed %d", cases[i].what, x->killed);
        (void)kill(x->pid, SIGKILL);
        assert_int_equal(waitid(P_PID, (id_t)x->pid, &info, WEXITED), 0);
        close(x->pidfd);
        close(x->beat);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(each_case)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
