/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Roles that live and do nothing: stopped by a signal, or in a loop that does not go round any
 * more. pidfds say nothing of them; they are ended here, and started anew as if they had died.
 *
 * Counted are the parent's own ticks, not time: a parent that was stopped itself, with all of its
 * roles, accuses nobody when it goes on.
 */
#include "gateway/parent.h"

#include <sys/eventfd.h>
#include <sys/wait.h>

#define TICK_MS 1000

/* WNOWAIT: what is seen here is neither its end nor taken from who waits for that. */
static bool is_stopped(pid_t pid)
{
    siginfo_t seen = {0};
    return waitid(P_PID, (id_t)pid, &seen, WSTOPPED | WNOHANG | WNOWAIT) == 0 && seen.si_pid != 0;
}

/* Before its first beat a role is starting, which may take as long as it takes. */
static bool is_silent(struct role_process *x)
{
    eventfd_t beats;
    if (eventfd_read(x->beat, &beats) == 0)
        x->beats = true;
    else if (x->beats)
        return true;
    return false;
}

void pulse_tick(struct parent *p)
{
    for (unsigned r = ROLE_ENGINE; r < ROLES; r++) {
        struct role_process *x = &p->role[r];
        if (x->pid == 0 || x->killed)
            continue;
        x->stopped = is_stopped(x->pid) ? x->stopped + 1 : 0;
        x->silent = is_silent(x) ? x->silent + 1 : 0;
        if (x->stopped == PULSE_STOPPED_MAX)
            roles_kill(p, (enum gateway_role)r, "somebody has stopped it");
        else if (x->silent == PULSE_SILENT_MAX)
            roles_kill(p, (enum gateway_role)r, "it does not go on");
    }
}

/* And who watches the parent hears that it goes on. */
static void tick(void *arg, uint32_t events)
{
    (void)events;
    pulse_tick(arg);
    notify_supervisor("WATCHDOG=1");
}

void pulse_start(struct parent *p) { (void)loop_timer(p->loop, TICK_MS, TICK_MS, tick, p); }
