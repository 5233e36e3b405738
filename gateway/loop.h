/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * epoll, timers and signals: one loop a role.
 */
#ifndef GATEWAY_LOOP_H
#define GATEWAY_LOOP_H

#include <stdint.h>

struct loop;
typedef void loop_cb(void *arg, uint32_t events);    /* EPOLLIN, EPOLLOUT, EPOLLHUP ... */

struct loop *loop_new(void);                         /* dies when it cannot be had */
/* Every loop made from now on adds one to this eventfd each second, as long as it goes round. */
void loop_beat_on(int eventfd);
void loop_watch(struct loop *l, int fd, uint32_t events, loop_cb *cb, void *arg);
void loop_events(struct loop *l, int fd, uint32_t events);
void loop_unwatch(struct loop *l, int fd);
/* Calls cb (events = 0) after ms, then each every_ms (0 = once). Returns a timer id, valid until
 * loop_timer_end(): one that went off once can be set again. CLOCK_BOOTTIME. */
int loop_timer(struct loop *l, int64_t ms, int64_t every_ms, loop_cb *cb, void *arg);
void loop_timer_set(struct loop *l, int timer, int64_t ms, int64_t every_ms);
void loop_timer_end(struct loop *l, int timer);
/* Signals as events: cb's `events` is the signal number. They are blocked otherwise. */
void loop_signal(struct loop *l, int signo, loop_cb *cb, void *arg);
void loop_run(struct loop *l);                       /* until loop_stop() */
void loop_stop(struct loop *l);
void loop_free(struct loop *l);                      /* NULL-safe; watched fds stay open */

#endif
