/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The only places where the daemon reads clocks. */
#include "gateway/clock.h"

#include <sys/timex.h>
#include <time.h>

static struct timespec read_clock(clockid_t id)
{
    struct timespec t = {0};
    (void)clock_gettime(id, &t); /* cannot fail for these clocks */
    return t;
}

struct wall clock_wall(void) { return (struct wall){read_clock(CLOCK_REALTIME).tv_sec}; }

int64_t clock_wall_us(void)
{
    struct timespec t = read_clock(CLOCK_REALTIME);
    return (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

int64_t clock_boot_ms(void)
{
    struct timespec t = read_clock(CLOCK_BOOTTIME);
    return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

uint64_t clock_mono_ns(void)
{
    struct timespec t = read_clock(CLOCK_MONOTONIC);
    return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

bool clock_synchronised(void)
{
    struct timex t = {.modes = 0};
    int state = adjtimex(&t);
    return state >= 0 && state != TIME_ERROR && !(t.status & STA_UNSYNC);
}
