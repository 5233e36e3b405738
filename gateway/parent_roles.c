/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The roles' lives: started, watched by pidfd, started again after a pause that grows while they
 * keep dying. The data plane notices none of it.
 */
#include "gateway/parent.h"

#include <errno.h>
#include <grp.h>
#include <poll.h>
#include <pwd.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/pidfd.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "gateway/clock.h"
#include "gateway/log.h"
#include "policy/address.h"

#define PAUSE_FIRST_MS 200
#define PAUSE_MAX_MS 5000
#define STEADY_MS 10000 /* a life as long as this resets the pause */
#define STOP_WAIT_MS 5000
#define ENROL_NICE 10   /* a crowd of strangers at its door takes the time that others leave */
#define TRIES 5         /* of an engine, before the daemon was ready for the first time */
#define END_WAIT_MS 200 /* a process that exits closes its channel a moment earlier */

int roles_ids(struct parent *p)
{
    for (unsigned r = ROLE_ENGINE; r < ROLES; r++) {
        char name[48];
        snprintf(name, sizeof name, "_portcullis-%s", role_name((enum gateway_role)r));
        const struct passwd *pw = getpwnam(name);
        if (!pw || pw->pw_uid == 0) {
            log_warn("the user %s does not exist: run deploy/prepare, or systemd-sysusers", name);
            return -1;
        }
        p->ids[r].uid = pw->pw_uid;
        p->ids[r].gid = pw->pw_gid;
    }
    const struct group *g = getgrnam("portcullis-admin");
    if (!g) {
        log_warn("the group portcullis-admin does not exist: run deploy/prepare, or "
                 "systemd-sysusers");
        return -1;
    }
    p->admin_gid = g->gr_gid;
    return 0;
}

/* ---- talking to the engine ------------------------------------------------------------ */

void engine_tell(struct parent *p, enum message_type t, const struct writer *w, int fd)
{
    if (!p->engine)
        return;
    if (channel_send(p->engine, t, 0, w, fd) < 0)
        roles_channel_broken(p);
    else if (channel_wants_write(p->engine))
        loop_events(p->loop, channel_fd(p->engine), EPOLLIN | EPOLLOUT);
}

static void tell_start(struct parent *p)
{
    struct writer w;
    writer_init(&w, CHANNEL_MESSAGE_MAX);
    put_text(&w, p->opt.state);
    put_text(&w, p->opt.config);
    put_blob(&w, p->gateway_text.bytes, p->gateway_text.len);
    put_text(&w, p->opt.policy);
    put_blob(&w, p->policy_text.bytes, p->policy_text.len);
    put_text(&w, p->boot_id);
    engine_tell(p, MSG_START, &w, -1);
    writer_clear(&w);
}

static void tell_role(struct parent *p, enum message_type t, enum gateway_role r, uint32_t status,
                      int fd)
{
    struct writer w;
    writer_init(&w, 16);
    put_u8(&w, (uint8_t)r);
    if (t == MSG_ROLE_DIED)
        put_u32(&w, status);
    engine_tell(p, t, &w, fd);
    writer_clear(&w);
}

/* ---- starting ----------------------------------------------------------------------------------
 */

static void role_ended(struct parent *p, enum gateway_role r);
static void start_again(struct parent *p, enum gateway_role r);

/* One callback of the loop's form for each role: the role is in the function. */
#define ROLE_CALLBACKS(r)                                                                          \
    static void ended_##r(void *p, uint32_t e)                                                     \
    {                                                                                              \
        (void)e;                                                                                   \
        role_ended(p, r);                                                                          \
    }                                                                                              \
    static void again_##r(void *p, uint32_t e)                                                     \
    {                                                                                              \
        (void)e;                                                                                   \
        start_again(p, r);                                                                         \
    }
ROLE_CALLBACKS(ROLE_ENGINE)
ROLE_CALLBACKS(ROLE_PORTAL)
ROLE_CALLBACKS(ROLE_API)
ROLE_CALLBACKS(ROLE_CAPTURE)
ROLE_CALLBACKS(ROLE_COURIER)
ROLE_CALLBACKS(ROLE_ENROL)
ROLE_CALLBACKS(ROLE_CONSOLE)
static loop_cb *const on_end[ROLES] = {NULL, ended_ROLE_ENGINE, ended_ROLE_PORTAL, ended_ROLE_API,
                                       ended_ROLE_CAPTURE, ended_ROLE_COURIER, ended_ROLE_ENROL,
                                       ended_ROLE_CONSOLE};
static loop_cb *const on_again[ROLES] = {NULL, again_ROLE_ENGINE, again_ROLE_PORTAL, again_ROLE_API,
                                         again_ROLE_CAPTURE, again_ROLE_COURIER, again_ROLE_ENROL,
                                         again_ROLE_CONSOLE};

static void set_spawn(const struct parent *p, enum gateway_role r, int channel, struct spawn *s)
{
    static char capture[8 + KEY_TEXT];
    char key[KEY_TEXT];
    *s = (struct spawn){.name = role_name(r),
                        .uid = p->ids[r].uid,
                        .gid = p->ids[r].gid,
                        .fds = {channel, -1, -1, p->dirs[r], p->role[r].beat, -1, -1}};
    if (r == ROLE_PORTAL) {
        s->fds[1] = p->listen4;
        s->fds[2] = p->listen6;
        s->fds[FD_TLS - FD_PARENT] = p->doors[r].fd[0];
        s->fds[FD_TLS6 - FD_PARENT] = p->doors[r].fd[1];
    } else if (r == ROLE_API) {
        s->fds[1] = p->control;
        s->fds[2] = p->doors[r].fd[0];
    } else if (r == ROLE_ENROL || r == ROLE_CONSOLE) {
        s->nice = r == ROLE_ENROL ? ENROL_NICE : 0;
        s->fds[1] = p->doors[r].fd[0];
        s->fds[2] = p->doors[r].fd[1];
    } else if (r == ROLE_CAPTURE) {
        snprintf(capture, sizeof capture, "%u,%s", p->tunnel.nflog_group,
                 wg_key_print(&p->public_key, key));
        s->argument = capture;
        s->keep_net_admin = true;
    }
}

static int start_process(struct parent *p, enum gateway_role r, int channel)
{
    struct role_process *x = &p->role[r];
    struct spawn s;
    x->beat = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (x->beat < 0)
        fatal("cannot watch a role: %s", strerror(errno));
    set_spawn(p, r, channel, &s);
    pid_t pid = spawn_role(p, &s);
    if (pid < 0) {
        close(x->beat);
        return -1;
    }
    x->pidfd = pidfd_open(pid, 0);
    if (x->pidfd < 0)
        fatal("cannot watch a role: %s", strerror(errno));
    x->pid = pid;
    x->killed = x->beats = false;
    x->silent = x->stopped = 0;
    x->started_ms = clock_boot_ms();
    loop_watch(p->loop, x->pidfd, EPOLLIN, on_end[r], p);
    return 0;
}

static void start_later(struct parent *p, enum gateway_role r)
{
    struct role_process *x = &p->role[r];
    if (x->timer < 0)
        x->timer = loop_timer(p->loop, x->delay_ms, 0, on_again[r], p);
    else
        loop_timer_set(p->loop, x->timer, x->delay_ms, 0);
    x->delay_ms = x->delay_ms ? x->delay_ms * 2 : PAUSE_FIRST_MS;
    if (x->delay_ms > PAUSE_MAX_MS)
        x->delay_ms = PAUSE_MAX_MS;
}

void roles_start_engine(struct parent *p)
{
    int pair[2];
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
        fatal("cannot make a channel: %s", strerror(errno));
    int rc = start_process(p, ROLE_ENGINE, pair[1]);
    close(pair[1]);
    if (rc < 0) {
        close(pair[0]);
        start_later(p, ROLE_ENGINE);
        return;
    }
    p->engine = channel_new(pair[0]);
    if (!p->engine)
        fatal("out of memory");
    p->phase = PHASE_STARTED;
    loop_watch(p->loop, pair[0], EPOLLIN, requests_serve, p);
    tell_start(p);
}

/* A role that speaks with the engine: the other end of its channel goes there. */
static void start_role(struct parent *p, enum gateway_role r)
{
    int pair[2];
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
        fatal("cannot make a channel: %s", strerror(errno));
    if (start_process(p, r, pair[1]) == 0)
        tell_role(p, MSG_CHANNEL, r, 0, pair[0]);
    else
        start_later(p, r);
    close(pair[0]);
    close(pair[1]);
}

/* Those that gateway.conf may leave out: there is nothing for them to do. */
static bool wanted(const struct parent *p, enum gateway_role r)
{
    if (r == ROLE_COURIER)
        return p->courier;
    return (r != ROLE_ENROL && r != ROLE_CONSOLE) || p->doors[r].fd[0] >= 0;
}

void roles_open_doors(struct parent *p)
{
    for (unsigned r = ROLE_PORTAL; r < ROLES; r++)
        if (p->role[r].pid == 0 && wanted(p, (enum gateway_role)r))
            start_role(p, (enum gateway_role)r);
}

static void start_again(struct parent *p, enum gateway_role r)
{
    if (p->stopping || p->role[r].pid != 0)
        return;
    if (r == ROLE_ENGINE)
        roles_start_engine(p);
    else if (p->phase == PHASE_OPEN)
        start_role(p, r);
}

/* ---- ending --------------------------------------------------------------------------- */

void roles_kill(struct parent *p, enum gateway_role r, const char *why)
{
    if (p->role[r].pid == 0 || p->role[r].killed)
        return;
    p->role[r].killed = true;
    log_alarm("the %s is ended: %s", role_name(r), why);
    if (pidfd_send_signal(p->role[r].pidfd, SIGKILL, NULL, 0) < 0)
        fatal("cannot end a role: %s", strerror(errno));
}

/* One that exits by itself when its channel closes is gone by then; one that somebody has taken over
 * does not. */
int request_end_role(struct parent *p, struct reader *r, struct writer *answer)
{
    unsigned role = get_u8(r);
    (void)answer;
    if (!reader_done(r) || role <= ROLE_ENGINE || role >= ROLES)
        return MALFORMED;
    roles_kill(p, (enum gateway_role)role, "it said to the engine what it may not");
    return 0;
}

static void forget_engine(struct parent *p)
{
    if (!p->engine)
        return;
    loop_unwatch(p->loop, channel_fd(p->engine));
    channel_free(p->engine);
    p->engine = NULL;
    changes_clear(&p->staged);
    p->staged_permits = 0;
    p->phase = PHASE_STARTED;
}

/* The waiting status of a role that has ended. */
static uint32_t reap(struct role_process *x)
{
    int status = 0;
    while (waitpid(x->pid, &status, 0) < 0 && errno == EINTR)
        ;
    close(x->pidfd);
    close(x->beat);
    x->pid = 0;
    return (uint32_t)status;
}

static void say_end(enum gateway_role r, int status)
{
    if (WIFSIGNALED(status) && WTERMSIG(status) == SIGSYS)
        log_alarm("the %s made a system call that it may not make and was killed", role_name(r));
    else if (WIFSIGNALED(status))
        log_alarm("the %s was killed by signal %d", role_name(r), WTERMSIG(status));
    else
        log_warn("the %s ended with status %d", role_name(r), WEXITSTATUS(status));
}

void roles_channel_broken(struct parent *p)
{
    struct pollfd end = {.fd = p->role[ROLE_ENGINE].pidfd, .events = POLLIN};
    if (poll(&end, 1, END_WAIT_MS) == 0)
        roles_kill(p, ROLE_ENGINE, "it closed its channel");
}

/* The other roles' channels end at the engine that is gone: they start anew with the next one. */
static void end_others(struct parent *p)
{
    for (unsigned r = ROLE_PORTAL; r < ROLES; r++) {
        struct role_process *x = &p->role[r];
        if (x->pid == 0)
            continue;
        loop_unwatch(p->loop, x->pidfd);
        (void)pidfd_send_signal(x->pidfd, SIGKILL, NULL, 0);
        (void)reap(x);
    }
}

static void role_ended(struct parent *p, enum gateway_role r)
{
    struct role_process *x = &p->role[r];
    loop_unwatch(p->loop, x->pidfd);
    uint32_t status = reap(x);
    if (r == ROLE_ENGINE)
        forget_engine(p);
    if (p->stopping) {
        if (r == ROLE_ENGINE)
            loop_stop(p->loop);
        return;
    }
    say_end(r, (int)status);
    if (clock_boot_ms() - x->started_ms >= STEADY_MS)
        x->delay_ms = 0;
    x->restarts++;
    if (r == ROLE_ENGINE && !p->was_open && x->restarts >= TRIES) {
        log_warn("the engine does not start");
        p->failed = true;
        loop_stop(p->loop);
        return;
    }
    if (r == ROLE_ENGINE)
        end_others(p);
    else
        tell_role(p, MSG_ROLE_DIED, r, status, -1);
    start_later(p, r);
}

/* ---- an orderly stop ------------------------------------------------------------------ */

static void give_up(void *arg, uint32_t events)
{
    struct parent *p = arg;
    (void)events;
    log_warn("the engine has not stopped in %d s", STOP_WAIT_MS / 1000);
    loop_stop(p->loop);
}

void roles_stop(struct parent *p)
{
    struct role_process *engine = &p->role[ROLE_ENGINE];
    p->stopping = true;
    end_others(p);
    if (engine->pid == 0)
        return;
    engine_tell(p, MSG_STOP, NULL, -1);
    int timer = loop_timer(p->loop, STOP_WAIT_MS, 0, give_up, p);
    loop_run(p->loop);
    loop_timer_end(p->loop, timer);
    if (engine->pid == 0)
        return;
    (void)pidfd_send_signal(engine->pidfd, SIGKILL, NULL, 0);
    (void)reap(engine);
}
