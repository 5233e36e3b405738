/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * For the tests of the portal and the api: runs a role's main in a child, with this process as
 * its engine (one end of the channel) and as its clients (raw sockets).
 */
#ifndef TESTS_HTTP_PEER_H
#define TESTS_HTTP_PEER_H

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "gateway/channel.h"
#include "gateway/log.h"
#include "gateway/role.h"

#define WAIT_MS 5000

struct role_under_test {
    pid_t pid;
    struct channel *channel;
    struct sockaddr_storage address;
    socklen_t address_len;
};

/* The cage belongs to another test: here the role runs as it is. */
void sandbox_enter(enum gateway_role r) { (void)r; }

static inline int listen_unix(struct role_under_test *t)
{
    struct sockaddr_un a = {.sun_family = AF_UNIX};
    snprintf(a.sun_path + 1, sizeof a.sun_path - 1, "pc-edge-test-%d-%d", getpid(), rand());
    t->address_len = sizeof a;
    memcpy(&t->address, &a, sizeof a);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0);
    assert_return_code(bind(fd, (const void *)&t->address, t->address_len), 0);
    assert_return_code(listen(fd, 1024), 0);
    return fd;
}

static inline int listen_tcp6(struct role_under_test *t)
{
    struct sockaddr_in6 a = {.sin6_family = AF_INET6, .sin6_addr = IN6ADDR_LOOPBACK_INIT};
    int only = 1, fd = socket(AF_INET6, SOCK_STREAM | SOCK_NONBLOCK, 0);
    assert_return_code(setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &only, sizeof only), 0);
    if (bind(fd, (const void *)&a, sizeof a) < 0) {
        close(fd);
        return -1; /* a machine without IPv6 */
    }
    assert_return_code(listen(fd, 1024), 0);
    t->address_len = sizeof t->address;
    assert_return_code(getsockname(fd, (void *)&t->address, &t->address_len), 0);
    return fd;
}

static inline int listen_tcp(struct role_under_test *t)
{
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
    assert_return_code(bind(fd, (const void *)&a, sizeof a), 0);
    assert_return_code(listen(fd, 1024), 0);
    t->address_len = sizeof t->address;
    assert_return_code(getsockname(fd, (void *)&t->address, &t->address_len), 0);
    return fd;
}

/* listener6: -1 = none. Both are taken. */
static inline void start_role(struct role_under_test *t, int listener, int listener6,
                              int (*role_main)(void))
{
    int pair[2];
    assert_return_code(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, pair), 0);
    fflush(NULL);
    t->pid = fork();
    if (t->pid == 0) {
        int engine = fcntl(pair[1], F_DUPFD, 100), l = fcntl(listener, F_DUPFD, 100);
        int l6 = listener6 < 0 ? -1 : fcntl(listener6, F_DUPFD, 100);
        if (dup2(engine, FD_PARENT) < 0 || dup2(l, FD_LISTEN) < 0)
            _exit(98);
        close_range(FD_LISTEN + 1, 99, 0);
        if (l6 >= 0 && dup2(l6, FD_LISTEN6) < 0)
            _exit(98);
        close_range(100, ~0U, 0);
        log_init("test");
        _exit(role_main());
    }
    close(pair[1]);
    close(listener);
    if (listener6 >= 0)
        close(listener6);
    t->channel = channel_new(pair[0]);
    assert_non_null(t->channel);
}

/* Closes the channel: the role must end by itself with status 0. */
static inline void stop_role(struct role_under_test *t)
{
    int status = -1;
    channel_free(t->channel);
    for (int i = 0; i < 300 && waitpid(t->pid, &status, WNOHANG) == 0; i++)
        usleep(10000);
    if (status == -1)
        kill(t->pid, SIGKILL);
    assert_int_equal(status, 0);
}

static inline int dial(const struct role_under_test *t)
{
    int fd = socket(t->address.ss_family, SOCK_STREAM, 0);
    assert_return_code(fd, 0);
    assert_return_code(connect(fd, (const void *)&t->address, t->address_len), 0);
    return fd;
}

static inline void say(int fd, const void *text, size_t len)
{
    const char *p = text;
    while (len > 0) {
        ssize_t n = send(fd, p, len, MSG_NOSIGNAL);
        if (n <= 0)
            return; /* cut off: what was answered is read by hear() */
        p += n;
        len -= (size_t)n;
    }
}

/* All until the end of the connection, at most ms; malloc'd, with a NUL. */
static inline char *hear(int fd, int ms)
{
    size_t n = 0, size = 1 << 16;
    char *text = malloc(size);
    struct pollfd p = {.fd = fd, .events = POLLIN};
    assert_non_null(text);
    while (poll(&p, 1, ms) == 1) {
        if (size - n < 4096)
            assert_non_null(text = realloc(text, size *= 2));
        ssize_t got = recv(fd, text + n, size - n - 1, 0);
        if (got <= 0)
            break;
        n += (size_t)got;
    }
    text[n] = '\0';
    return text;
}

static inline int status_of(const char *answer)
{
    int status = 0;
    return sscanf(answer, "HTTP/1.1 %d ", &status) == 1 ? status : 0;
}

static inline const char *body_of(const char *answer)
{
    const char *end = strstr(answer, "\r\n\r\n");
    return end ? end + 4 : "";
}

/* The next message to the engine: 1, or 0 after ms without one. */
static inline int engine_hears(struct role_under_test *t, struct message *m, int ms)
{
    struct pollfd p = {.fd = channel_fd(t->channel), .events = POLLIN};
    for (;;) {
        int got = channel_receive(t->channel, m);
        if (got != 0)
            return got;
        if (poll(&p, 1, ms) != 1)
            return 0;
    }
}

static inline void engine_says(struct role_under_test *t, enum message_type type, uint32_t seq,
                               uint16_t status, const char *json)
{
    struct writer w;
    writer_init(&w, CHANNEL_MESSAGE_MAX);
    put_u16(&w, status);
    put_blob(&w, json, strlen(json));
    assert_return_code(channel_send(t->channel, type, seq, &w, -1), 0);
    while (channel_wants_write(t->channel)) {
        struct pollfd p = {.fd = channel_fd(t->channel), .events = POLLOUT};
        assert_int_equal(poll(&p, 1, WAIT_MS), 1);
        assert_return_code(channel_flush(t->channel), 0);
    }
    writer_clear(&w);
}

/* Resident memory of the role, in KiB. */
static inline long resident_kib(const struct role_under_test *t)
{
    char name[64], line[128];
    long kib = -1;
    snprintf(name, sizeof name, "/proc/%d/status", t->pid);
    FILE *f = fopen(name, "re");
    assert_non_null(f);
    while (fgets(line, sizeof line, f))
        if (sscanf(line, "VmRSS: %ld", &kib) == 1)
            break;
    fclose(f);
    return kib;
}

/* Has the role grown by less than this since `before`? A sanitizer keeps freed memory: not asked.
 */
static inline bool grown_below(const struct role_under_test *t, long before, long kib)
{
#ifdef SANITIZED
    (void)t, (void)before, (void)kib;
    return true;
#else
    return resident_kib(t) - before < kib;
#endif
}

static inline void allow_descriptors(rlim_t n)
{
    struct rlimit r;
    getrlimit(RLIMIT_NOFILE, &r);
    r.rlim_cur = n < r.rlim_max ? n : r.rlim_max;
    setrlimit(RLIMIT_NOFILE, &r);
}

#endif
