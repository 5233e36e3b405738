/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the engine may ask of the parent, and when: a request that its phase, its role, its size or
 * its form does not permit ends the engine, and changes nothing.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/pidfd.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "gateway/parent.h"

/* A parent without a kernel, and a process that stands for its engine. */
static struct channel *begin(struct parent *p, enum phase phase)
{
    int sv[2];
    memset(p, 0, sizeof *p);
    assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, sv), 0);
    p->phase = phase;
    p->loop = loop_new();
    p->engine = channel_new(sv[0]);
    p->role[ROLE_ENGINE].pid = fork();
    if (p->role[ROLE_ENGINE].pid == 0) {
        pause();
        _exit(0);
    }
    p->role[ROLE_ENGINE].pidfd = pidfd_open(p->role[ROLE_ENGINE].pid, 0);
    assert_true(p->role[ROLE_ENGINE].pidfd >= 0);
    return channel_new(sv[1]);
}

static void end(struct parent *p, struct channel *engine)
{
    kill(p->role[ROLE_ENGINE].pid, SIGKILL);
    waitpid(p->role[ROLE_ENGINE].pid, NULL, 0);
    close(p->role[ROLE_ENGINE].pidfd);
    changes_clear(&p->staged);
    channel_free(engine);
    channel_free(p->engine);
    loop_free(p->loop);
}

/* One list of changes that drops a device, and `extra` bytes behind it. */
static void put_drop(struct writer *w, size_t extra)
{
    const struct change drop = {.kind = CHANGE_DEVICE_DROP, .u.device = {.index = 1}};
    put_u32(w, 1);
    put_change(w, &drop);
    for (size_t i = 0; i < extra; i++)
        put_u8(w, 0);
}

static const struct {
    const char *what;
    enum phase phase;
    enum message_type type;
    bool changes;
    size_t extra;
    bool descriptor, ended;
} cases[] = {
    {"changes when the tunnel is there", PHASE_TUNNEL, MSG_CHANGES, true, 0, false, false},
    {"changes when the doors are open", PHASE_OPEN, MSG_CHANGES, true, 0, false, false},
    {"changes before the tunnel is there", PHASE_STARTED, MSG_CHANGES, true, 0, false, true},
    {"another tunnel", PHASE_OPEN, MSG_TUNNEL, false, 0, false, true},
    {"ready before anything is loaded", PHASE_TUNNEL, MSG_READY, false, 0, false, true},
    {"ready once more", PHASE_OPEN, MSG_READY, false, 0, false, true},
    {"counts before anything is loaded", PHASE_TUNNEL, MSG_COUNTS, false, 0, false, true},
    {"verify before anything is loaded", PHASE_TUNNEL, MSG_VERIFY, false, 0, false, true},
    {"handshakes to open before the doors are", PHASE_LOADED, MSG_OPEN, false, 149, false, true},
    {"no handshake to open", PHASE_OPEN, MSG_OPEN, false, 0, false, true},
    {"half a handshake", PHASE_OPEN, MSG_OPEN, false, 100, false, true},
    {"a failure when the doors are open", PHASE_OPEN, MSG_FAILED, false, 0, false, true},
    {"a message of the parent's own", PHASE_OPEN, MSG_START, false, 0, false, true},
    {"a message of the portal's", PHASE_OPEN, MSG_PORTAL, false, 0, false, true},
    {"bytes behind the changes", PHASE_OPEN, MSG_CHANGES, true, 1, false, true},
    {"half a change", PHASE_OPEN, MSG_CHANGES, false, 6, false, true},
    {"a descriptor", PHASE_OPEN, MSG_CHANGES, true, 0, true, true},
};

static void test_what_is_permitted(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct parent p;
        struct writer w;
        struct channel *engine = begin(&p, cases[i].phase);
        writer_init(&w, 4096);
        if (cases[i].changes)
            put_drop(&w, cases[i].extra);
        else
            for (size_t k = 0; k < cases[i].extra; k++)
                put_u8(&w, 1);
        int fd = cases[i].descriptor ? open("/dev/null", O_RDONLY | O_CLOEXEC) : -1;
        assert_int_equal(channel_send(engine, cases[i].type, 5, &w, fd), 0);
        loop_watch(p.loop, channel_fd(p.engine), EPOLLIN, requests_serve, &p);
        requests_serve(&p, EPOLLIN);
        bool ended = p.role[ROLE_ENGINE].killed;
        size_t staged = p.staged.n;
        writer_clear(&w);
        end(&p, engine);
        if (ended != cases[i].ended || (!ended && staged != 1))
            fail_msg("%s: the engine %s, %zu change(s) staged", cases[i].what,
                     ended ? "was ended" : "lives on", staged);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_what_is_permitted)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
