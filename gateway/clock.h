/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The only places where the daemon reads clocks. */
#ifndef GATEWAY_CLOCK_H
#define GATEWAY_CLOCK_H

#include "policy/model.h"

struct wall clock_wall(void);
int64_t clock_wall_us(void);
int64_t clock_boot_ms(void);          /* CLOCK_BOOTTIME: counts suspend, never jumps */
uint64_t clock_mono_ns(void);
/* Does the kernel call the wall clock synchronised (adjtimex: not STA_UNSYNC)? */
bool clock_synchronised(void);

#endif
