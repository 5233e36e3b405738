/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * epoll, with one timerfd for all timers and one signalfd for all signals. A callback may watch,
 * unwatch and end anything, also what was reported in the same round: each watch has a generation,
 * and an event of an older one is dropped.
 */
#include "gateway/loop.h"

#include <errno.h>
#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/signalfd.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "gateway/clock.h"
#include "gateway/log.h"

#define ROUND 64
#define BEAT_MS 1000

struct watch {
    loop_cb *cb;
    void *arg;
    uint32_t generation;
};
struct timer {
    loop_cb *cb;
    void *arg;
    int64_t at_ms, every_ms;
}; /* cb NULL = free */

struct loop {
    int epoll, timerfd, signalfd;
    bool stopped;
    uint32_t generation;
    struct watch *watches;
    size_t n_watches; /* by descriptor */
    struct timer *timers;
    size_t n_timers;
    struct watch signals[NSIG];
    sigset_t mask;
};

/* ---- descriptors -------------------------------------------------------------------------- */

static void *grow(void *v, size_t *n, size_t want, size_t size)
{
    size_t more = *n ? *n : 16;
    while (more < want)
        more *= 2;
    uint8_t *bigger = reallocarray(v, more, size);
    if (!bigger)
        fatal("out of memory");
    memset(bigger + *n * size, 0, (more - *n) * size);
    *n = more;
    return bigger;
}

static void control(struct loop *l, int op, int fd, uint32_t events)
{
    struct epoll_event e = {.events = events};
    e.data.u64 = (uint64_t)l->watches[fd].generation << 32 | (uint32_t)fd;
    if (epoll_ctl(l->epoll, op, fd, &e) < 0)
        fatal("cannot watch a descriptor: %s", strerror(errno));
}

void loop_watch(struct loop *l, int fd, uint32_t events, loop_cb *cb, void *arg)
{
    if ((size_t)fd >= l->n_watches)
        l->watches = grow(l->watches, &l->n_watches, (size_t)fd + 1, sizeof *l->watches);
    l->watches[fd] = (struct watch){cb, arg, ++l->generation};
    control(l, EPOLL_CTL_ADD, fd, events);
}

void loop_events(struct loop *l, int fd, uint32_t events) { control(l, EPOLL_CTL_MOD, fd, events); }

void loop_unwatch(struct loop *l, int fd)
{
    (void)epoll_ctl(l->epoll, EPOLL_CTL_DEL, fd, NULL);
    l->watches[fd] = (struct watch){0};
}

/* ---- timers ------------------------------------------------------------------------------- */

static void arm(struct loop *l)
{
    struct itimerspec when = {0};
    int64_t next = INT64_MAX;
    for (size_t i = 0; i < l->n_timers; i++)
        if (l->timers[i].cb && l->timers[i].at_ms < next)
            next = l->timers[i].at_ms;
    if (next != INT64_MAX) {
        next = next > 0 ? next : 1;
        when.it_value = (struct timespec){next / 1000, next % 1000 * 1000000};
    }
    if (timerfd_settime(l->timerfd, TFD_TIMER_ABSTIME, &when, NULL) < 0)
        fatal("cannot set a timer: %s", strerror(errno));
}

int loop_timer(struct loop *l, int64_t ms, int64_t every_ms, loop_cb *cb, void *arg)
{
    size_t i = 0;
    while (i < l->n_timers && l->timers[i].cb)
        i++;
    if (i == l->n_timers)
        l->timers = grow(l->timers, &l->n_timers, i + 1, sizeof *l->timers);
    l->timers[i] = (struct timer){cb, arg, clock_boot_ms() + ms, every_ms};
    arm(l);
    return (int)i;
}

void loop_timer_set(struct loop *l, int timer, int64_t ms, int64_t every_ms)
{
    struct timer *t = &l->timers[timer];
    t->at_ms = clock_boot_ms() + ms;
    t->every_ms = every_ms;
    arm(l);
}

void loop_timer_end(struct loop *l, int timer)
{
    l->timers[timer] = (struct timer){0};
    arm(l);
}

static void run_timers(void *arg, uint32_t events)
{
    struct loop *l = arg;
    uint64_t expirations;
    int64_t now = clock_boot_ms();
    (void)events;
    (void)!read(l->timerfd, &expirations, sizeof expirations);
    for (size_t i = 0; i < l->n_timers; i++) {
        struct timer t = l->timers[i];
        if (!t.cb || t.at_ms > now)
            continue;
        l->timers[i].at_ms = t.every_ms > 0 ? now + t.every_ms : INT64_MAX;
        t.cb(t.arg, 0);
    }
    arm(l);
}

/* ---- the beat ----------------------------------------------------------------------------- */

static int beat_fd = -1; /* of the process: it has one loop and one watcher */

void loop_beat_on(int eventfd) { beat_fd = eventfd; }

static void beat(void *arg, uint32_t events)
{
    const uint64_t one = 1;
    (void)arg;
    (void)events;
    (void)!write(beat_fd, &one, sizeof one);
}

/* ---- signals ------------------------------------------------------------------------------ */

static void run_signals(void *arg, uint32_t events)
{
    struct loop *l = arg;
    struct signalfd_siginfo info;
    (void)events;
    while (read(l->signalfd, &info, sizeof info) == (ssize_t)sizeof info)
        if (info.ssi_signo < NSIG && l->signals[info.ssi_signo].cb)
            l->signals[info.ssi_signo].cb(l->signals[info.ssi_signo].arg, info.ssi_signo);
}

void loop_signal(struct loop *l, int signo, loop_cb *cb, void *arg)
{
    l->signals[signo] = (struct watch){.cb = cb, .arg = arg};
    sigaddset(&l->mask, signo);
    if (sigprocmask(SIG_BLOCK, &l->mask, NULL) < 0 ||
        signalfd(l->signalfd, &l->mask, SFD_CLOEXEC | SFD_NONBLOCK) < 0)
        fatal("cannot watch a signal: %s", strerror(errno));
}

/* ---- the loop ----------------------------------------------------------------------------- */

struct loop *loop_new(void)
{
    struct loop *l = calloc(1, sizeof *l);
    if (!l)
        fatal("out of memory");
    sigemptyset(&l->mask);
    l->epoll = epoll_create1(EPOLL_CLOEXEC);
    l->timerfd = timerfd_create(CLOCK_BOOTTIME, TFD_CLOEXEC | TFD_NONBLOCK);
    l->signalfd = signalfd(-1, &l->mask, SFD_CLOEXEC | SFD_NONBLOCK);
    if (l->epoll < 0 || l->timerfd < 0 || l->signalfd < 0)
        fatal("cannot make the event loop: %s", strerror(errno));
    loop_watch(l, l->timerfd, EPOLLIN, run_timers, l);
    loop_watch(l, l->signalfd, EPOLLIN, run_signals, l);
    if (beat_fd >= 0)
        (void)loop_timer(l, BEAT_MS, BEAT_MS, beat, NULL);
    return l;
}

static void run_event(struct loop *l, const struct epoll_event *e)
{
    size_t fd = (uint32_t)e->data.u64;
    if (fd >= l->n_watches || l->watches[fd].generation != e->data.u64 >> 32)
        return;
    struct watch w = l->watches[fd];
    if (w.cb)
        w.cb(w.arg, e->events);
}

void loop_run(struct loop *l)
{
    struct epoll_event events[ROUND];
    l->stopped = false;
    while (!l->stopped) {
        int n = epoll_wait(l->epoll, events, ROUND, -1);
        if (n < 0 && errno != EINTR)
            fatal("cannot wait for events: %s", strerror(errno));
        for (int i = 0; i < n && !l->stopped; i++)
            run_event(l, &events[i]);
    }
}

void loop_stop(struct loop *l) { l->stopped = true; }

void loop_free(struct loop *l)
{
    if (!l)
        return;
    close(l->epoll);
    close(l->timerfd);
    close(l->signalfd);
    free(l->watches);
    free(l->timers);
    free(l);
}
