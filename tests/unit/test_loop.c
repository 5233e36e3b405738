/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The loop: descriptors, timers, signals, and callbacks that take others away. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "gateway/clock.h"
#include "gateway/loop.h"

static struct loop *l;
static int pipes[2][2];
static int count, timer;
static bool over;

static int setup(void **state)
{
    (void)state;
    l = loop_new();
    count = 0;
    return pipe2(pipes[0], O_NONBLOCK) + pipe2(pipes[1], O_NONBLOCK);
}

static int teardown(void **state)
{
    (void)state;
    loop_free(l);
    for (int i = 0; i < 4; i++)
        close(pipes[i / 2][i % 2]);
    return 0;
}

static void stop(void *arg, uint32_t events)
{
    *(uint32_t *)arg = events;
    loop_stop(l);
}

static void give_up(void *arg, uint32_t events)
{
    (void)events;
    *(bool *)arg = true;
    loop_stop(l);
}

static void test_readable(void **state)
{
    uint32_t events = 0;
    (void)state;
    loop_watch(l, pipes[0][0], EPOLLIN, stop, &events);
    assert_int_equal(write(pipes[0][1], "x", 1), 1);
    loop_run(l);
    assert_int_equal(events, EPOLLIN);
}

static void take_both(void *arg, uint32_t events)
{
    (void)arg, (void)events;
    count++;
    loop_unwatch(l, pipes[0][0]);
    loop_unwatch(l, pipes[1][0]);
    loop_timer(l, 20, 0, give_up, &over);
}

static void test_unwatched_in_the_same_round(void **state)
{
    (void)state;
    loop_watch(l, pipes[0][0], EPOLLIN, take_both, NULL);
    loop_watch(l, pipes[1][0], EPOLLIN, take_both, NULL);
    assert_int_equal(write(pipes[0][1], "x", 1) + write(pipes[1][1], "x", 1), 2);
    loop_run(l);
    assert_int_equal(count, 1);
}

/* The other end's byte is taken and the descriptor watched anew: the old event is not its. */
static void replace_other(void *arg, uint32_t events)
{
    int other = *(int *)arg;
    char c;
    (void)events;
    count++;
    assert_int_equal(read(other, &c, 1), 1);
    loop_unwatch(l, pipes[0][0]);
    loop_unwatch(l, pipes[1][0]);
    loop_watch(l, other, EPOLLIN, replace_other, arg);
    loop_timer(l, 20, 0, give_up, &over);
}

static void test_a_new_watch_does_not_inherit_events(void **state)
{
    (void)state;
    loop_watch(l, pipes[0][0], EPOLLIN, replace_other, &pipes[1][0]);
    loop_watch(l, pipes[1][0], EPOLLIN, replace_other, &pipes[0][0]);
    assert_int_equal(write(pipes[0][1], "x", 1) + write(pipes[1][1], "x", 1), 2);
    loop_run(l);
    assert_int_equal(count, 1);
}

static void tick(void *arg, uint32_t events)
{
    (void)arg;
    assert_int_equal(events, 0);
    if (++count == 3) {
        loop_timer_end(l, timer);
        loop_stop(l);
    }
}

static void test_timer_repeats_until_ended(void **state)
{
    int64_t from = clock_boot_ms();
    bool late = false;
    (void)state;
    timer = loop_timer(l, 10, 10, tick, NULL);
    loop_run(l);
    assert_int_equal(count, 3);
    assert_true(clock_boot_ms() - from >= 29);
    loop_timer(l, 40, 0, give_up, &late);
    loop_run(l);
    assert_true(late);
    assert_int_equal(count, 3);
}

static void once(void *arg, uint32_t events)
{
    (void)arg, (void)events;
    count++;
}

static void test_one_shot_goes_off_once_and_can_be_set_again(void **state)
{
    bool late = false;
    (void)state;
    int id = loop_timer(l, 1, 0, once, NULL);
    int end = loop_timer(l, 30, 0, give_up, &late);
    assert_int_not_equal(id, end);
    loop_run(l);
    assert_int_equal(count, 1);
    loop_timer_set(l, id, 1, 0);
    loop_timer_set(l, end, 30, 0);
    loop_run(l);
    assert_int_equal(count, 2);
}

static void test_signal(void **state)
{
    uint32_t signo = 0;
    (void)state;
    loop_signal(l, SIGUSR1, stop, &signo);
    raise(SIGUSR1);
    loop_run(l);
    assert_int_equal(signo, SIGUSR1);
}

static void test_many_timers(void **state)
{
    bool late = false;
    (void)state;
    for (int i = 0; i < 100; i++)
        loop_timer(l, i % 7, 0, once, NULL);
    loop_timer(l, 30, 0, give_up, &late);
    loop_run(l);
    assert_int_equal(count, 100);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_readable, setup, teardown),
        cmocka_unit_test_setup_teardown(test_unwatched_in_the_same_round, setup, teardown),
        cmocka_unit_test_setup_teardown(test_a_new_watch_does_not_inherit_events, setup, teardown),
        cmocka_unit_test_setup_teardown(test_timer_repeats_until_ended, setup, teardown),
        cmocka_unit_test_setup_teardown(test_one_shot_goes_off_once_and_can_be_set_again, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(test_signal, setup, teardown),
        cmocka_unit_test_setup_teardown(test_many_timers, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
