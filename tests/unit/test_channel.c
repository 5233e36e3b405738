/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Channels: whole messages, order, descriptors, back-pressure, hostile peers. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "gateway/channel.h"

struct pair {
    struct channel *a, *b;
    int raw;
};

/* b's other end is a channel, or with raw a bare descriptor. */
static struct pair make_pair(bool raw)
{
    int fds[2];
    struct pair p = {.raw = -1};
    assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, fds), 0);
    p.b = channel_new(fds[1]);
    assert_non_null(p.b);
    if (raw)
        p.raw = fds[0];
    else
        p.a = channel_new(fds[0]);
    return p;
}

static void end_pair(struct pair *p)
{
    channel_free(p->a);
    channel_free(p->b);
    if (p->raw >= 0)
        close(p->raw);
}

static void fill(struct writer *w, size_t n)
{
    writer_init(w, CHANNEL_MESSAGE_MAX);
    for (size_t i = 0; i < n; i++)
        put_u8(w, (uint8_t)(i * 7 + i / 251));
    assert_false(w->failed);
}

/* Moves queued bytes until a message is out at the other end. */
static int receive(struct pair *p, struct message *m)
{
    int rc;
    while ((rc = channel_receive(p->b, m)) == 0 && channel_wants_write(p->a))
        assert_int_equal(channel_flush(p->a), 0);
    return rc;
}

static void test_sizes(void **state)
{
    static const size_t sizes[] = {0, 1, 32767, 32768, 32769, 65536, 300000, CHANNEL_MESSAGE_MAX};
    struct pair p = make_pair(false);
    (void)state;
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        struct writer w;
        struct message m;
        fill(&w, sizes[i]);
        assert_int_equal(channel_send(p.a, MSG_CHANGES, (uint32_t)i, &w, -1), 0);
        assert_int_equal(receive(&p, &m), 1);
        assert_int_equal(m.type, MSG_CHANGES);
        assert_int_equal(m.seq, i);
        assert_int_equal(m.len, sizes[i]);
        if (m.len > 0)
            assert_memory_equal(m.body, w.v, m.len);
        assert_int_equal(m.fd, -1);
        assert_int_equal(channel_receive(p.b, &m), 0);
        writer_clear(&w);
    }
    end_pair(&p);
}

/* A message may be a key or a passphrase. */
static void test_read_is_wiped(void **state)
{
    static const uint8_t zero[40000];
    struct pair p = make_pair(false);
    struct message m, none;
    struct writer w;
    (void)state;
    fill(&w, sizeof zero);
    assert_int_equal(channel_send(p.a, MSG_CHANGES, 1, &w, -1), 0);
    assert_int_equal(receive(&p, &m), 1);
    assert_memory_equal(m.body, w.v, m.len);
    assert_int_equal(channel_receive(p.b, &none), 0);
    assert_memory_equal(m.body, zero, sizeof zero);
    writer_clear(&w);
    end_pair(&p);
}

static void test_order_and_null_body(void **state)
{
    struct pair p = make_pair(false);
    struct message m;
    (void)state;
    for (uint32_t i = 0; i < 500; i++)
        assert_int_equal(channel_send(p.a, MSG_COUNTS, i, NULL, -1), 0);
    for (uint32_t i = 0; i < 500; i++) {
        assert_int_equal(receive(&p, &m), 1);
        assert_int_equal(m.seq, i);
        assert_int_equal(m.len, 0);
    }
    end_pair(&p);
}

static void test_descriptor_comes_with_the_whole(void **state)
{
    struct pair p = make_pair(false);
    struct message m;
    struct writer w;
    int pipes[2];
    char c = 0;
    (void)state;
    assert_int_equal(pipe(pipes), 0);
    fill(&w, 100000);
    assert_int_equal(channel_send(p.a, MSG_CHANNEL, 1, &w, pipes[1]), 0);
    close(pipes[1]);
    assert_int_equal(receive(&p, &m), 1);
    assert_true(m.fd >= 0);
    assert_true(fcntl(m.fd, F_GETFD) & FD_CLOEXEC);
    assert_int_equal(write(m.fd, "x", 1), 1);
    assert_int_equal(read(pipes[0], &c, 1), 1);
    close(m.fd);
    assert_int_equal(read(pipes[0], &c, 1), 0); /* no copy is left anywhere */
    close(pipes[0]);
    writer_clear(&w);
    end_pair(&p);
}

static void test_refusals(void **state)
{
    struct pair p = make_pair(false);
    struct writer w;
    (void)state;
    writer_init(&w, 1);
    put_u32(&w, 1);
    assert_int_equal(channel_send(p.a, MSG_COMMIT, 1, &w, -1), -1); /* a failed writer */
    writer_clear(&w);
    assert_int_equal(channel_send(p.a, MSG_COUNTS, 1, NULL, -1), 0); /* and no harm done */
    end_pair(&p);
}

static void test_slow_peer(void **state)
{
    struct pair p = make_pair(false);
    struct writer w;
    int sent = 0;
    (void)state;
    fill(&w, 1 << 20);
    while (sent < 100 && channel_send(p.a, MSG_CHANGES, 1, &w, -1) == 0)
        sent++;
    assert_in_range(sent, 15, 18); /* the queue, and what the socket took */
    assert_int_equal(channel_flush(p.a), -1);
    writer_clear(&w);
    end_pair(&p);
}

static void test_closed(void **state)
{
    struct pair p = make_pair(true);
    struct message m;
    (void)state;
    close(p.raw);
    p.raw = -1;
    assert_int_equal(channel_receive(p.b, &m), -1);
    assert_int_equal(channel_send(p.b, MSG_COUNTS, 1, NULL, -1), -1);
    end_pair(&p);
}

static void test_malformed(void **state)
{
    static const struct {
        const char *what;
        uint32_t h[2][4];
        size_t body[2];
    } cases[] = {
        {"longer than it says", {{1, 1, 3, 0}}, {4}},
        {"begins in the middle", {{1, 1, 8, 4}}, {4}},
        {"above the largest", {{1, 1, CHANNEL_MESSAGE_MAX + 1, 0}}, {4}},
        {"another type in between", {{1, 1, 8, 0}, {2, 1, 8, 4}}, {4, 4}},
        {"another seq in between", {{1, 1, 8, 0}, {1, 2, 8, 4}}, {4, 4}},
        {"another length in between", {{1, 1, 8, 0}, {1, 1, 9, 4}}, {4, 4}},
        {"overlapping", {{1, 1, 8, 0}, {1, 1, 8, 2}}, {4, 4}},
        {"with a hole", {{1, 1, 9, 0}, {1, 1, 9, 5}}, {4, 4}},
        {"an empty fragment", {{1, 1, 8, 0}, {1, 1, 8, 4}}, {4, 0}},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct pair p = make_pair(true);
        struct message m;
        for (int k = 0; k < 2 && cases[i].h[k][0]; k++) {
            uint8_t packet[32] = {0};
            memcpy(packet, cases[i].h[k], 16);
            assert_true(send(p.raw, packet, 16 + cases[i].body[k], 0) > 0);
        }
        if (channel_receive(p.b, &m) != -1 || channel_receive(p.b, &m) != -1)
            fail_msg("%s", cases[i].what);
        end_pair(&p);
    }
}

static void test_short_packet(void **state)
{
    struct pair p = make_pair(true);
    struct message m;
    (void)state;
    assert_int_equal(send(p.raw, "too short", 9, 0), 9);
    assert_int_equal(channel_receive(p.b, &m), -1);
    end_pair(&p);
}

static void send_with_fds(int fd, const uint32_t h[4], int n)
{
    union {
        char room[CMSG_SPACE(2 * sizeof(int))];
        struct cmsghdr align;
    } control = {0};
    uint32_t packet[4] = {h[0], h[1], h[2], h[3]};
    struct iovec iov = {packet, sizeof packet};
    struct msghdr msg = {.msg_iov = &iov,
                         .msg_iovlen = 1,
                         .msg_control = &control,
                         .msg_controllen = CMSG_SPACE((unsigned)n * sizeof(int))};
    struct cmsghdr *cm = CMSG_FIRSTHDR(&msg);
    int fds[2] = {0, 1};
    *cm = (struct cmsghdr){CMSG_LEN((unsigned)n * sizeof(int)), SOL_SOCKET, SCM_RIGHTS};
    memcpy(CMSG_DATA(cm), fds, (unsigned)n * sizeof(int));
    assert_int_equal(sendmsg(fd, &msg, 0), 16);
}

static void test_two_descriptors_are_refused_and_closed(void **state)
{
    struct pair p = make_pair(true);
    struct message m;
    int before = dup(0), after;
    (void)state;
    close(before);
    send_with_fds(p.raw, (const uint32_t[]){MSG_CHANNEL, 1, 0, 0}, 2);
    assert_int_equal(channel_receive(p.b, &m), -1);
    after = dup(0);
    close(after);
    assert_int_equal(before, after);
    end_pair(&p);
}

/* Answers the n-th request it gets after two messages of its own. */
static void answer_one(struct channel *c)
{
    struct message m = {0};
    struct writer w;
    while (channel_receive(c, &m) == 0)
        usleep(1000);
    channel_send(c, MSG_ROLE_DIED, 0, NULL, -1);
    channel_send(c, MSG_STOP, 0, NULL, -1);
    writer_init(&w, 16);
    put_u32(&w, 42);
    channel_send(c, MSG_ANSWER, m.seq, &w, -1);
    writer_clear(&w);
}

static void test_call_keeps_the_rest(void **state)
{
    struct pair p = make_pair(false);
    struct message m;
    (void)state;
    pid_t child = fork();
    if (child == 0) {
        answer_one(p.a);
        _exit(0);
    }
    assert_int_equal(channel_call(p.b, MSG_COUNTS, NULL, &m, 5000), 1);
    assert_int_equal(m.type, MSG_ANSWER);
    assert_int_equal(m.len, 4);
    assert_int_equal(m.body[0], 42);
    assert_int_equal(channel_receive(p.b, &m), 1);
    assert_int_equal(m.type, MSG_ROLE_DIED);
    assert_int_equal(channel_receive(p.b, &m), 1);
    assert_int_equal(m.type, MSG_STOP);
    waitpid(child, NULL, 0);
    assert_int_equal(channel_receive(p.b, &m), 0);
    end_pair(&p);
}

static void test_call_times_out(void **state)
{
    struct pair p = make_pair(false);
    struct message m;
    (void)state;
    assert_int_equal(channel_call(p.b, MSG_COUNTS, NULL, &m, 20), -1);
    assert_int_equal(channel_receive(p.b, &m),
                     -1); /* a late answer must not be taken for another */
    end_pair(&p);
}

static void test_drain(void **state)
{
    struct pair p = make_pair(false);
    struct writer w;
    struct message m;
    (void)state;
    fill(&w, 2 << 20);
    assert_int_equal(channel_send(p.a, MSG_CHANGES, 0, &w, -1), 0);
    assert_true(channel_wants_write(p.a));
    assert_int_equal(channel_drain(p.a, 20), -1);
    pid_t child = fork();
    if (child == 0) {
        while (channel_receive(p.b, &m) == 0)
            usleep(1000);
        _exit(m.len == w.n ? 0 : 1);
    }
    int status = -1;
    assert_int_equal(channel_drain(p.a, 5000), 0);
    assert_false(channel_wants_write(p.a));
    waitpid(child, &status, 0);
    assert_int_equal(status, 0);
    writer_clear(&w);
    end_pair(&p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_sizes),
        cmocka_unit_test(test_read_is_wiped),
        cmocka_unit_test(test_order_and_null_body),
        cmocka_unit_test(test_descriptor_comes_with_the_whole),
        cmocka_unit_test(test_refusals),
        cmocka_unit_test(test_slow_peer),
        cmocka_unit_test(test_closed),
        cmocka_unit_test(test_malformed),
        cmocka_unit_test(test_short_packet),
        cmocka_unit_test(test_two_descriptors_are_refused_and_closed),
        cmocka_unit_test(test_call_keeps_the_rest),
        cmocka_unit_test(test_call_times_out),
        cmocka_unit_test(test_drain),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
