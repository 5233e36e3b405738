/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Receives datagrams and remembers for each sender how many came and when, by the kernel's stamp,
 * the last one did.
 *
 *   sink ADDRESS PORT       until SIGTERM; then a line for each sender: ADDRESS COUNT LAST_NS
 */
#include "tests/bench/bench.h"

#include <arpa/inet.h>
#include <signal.h>
#include <sys/socket.h>

#define SENDERS 4096
#define BATCH 64

static struct sender { uint32_t from; unsigned long count; int64_t last; } senders[SENDERS];
static volatile sig_atomic_t over;

static void end(int sig) { over = sig; }

static struct sender *sender_of(uint32_t from)
{
    for (uint32_t i = from * 2654435761u >> 20, n = 0; n < SENDERS; i++, n++) {
        struct sender *s = &senders[i % SENDERS];
        if (s->from == from || s->from == 0) {
            s->from = from;
            return s;
        }
    }
    need(0, "too many senders");
    return NULL;
}

static int64_t stamp_of(struct msghdr *m)
{
    struct timespec t = {0};

    for (struct cmsghdr *c = CMSG_FIRSTHDR(m); c; c = CMSG_NXTHDR(m, c))
        if (c->cmsg_level == SOL_SOCKET && c->cmsg_type == SCM_TIMESTAMPNS)
            memcpy(&t, CMSG_DATA(c), sizeof t);
    return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

static void receive(int fd)
{
    static char data[BATCH][64], control[BATCH][128];
    struct sockaddr_in from[BATCH];
    struct iovec v[BATCH];
    struct mmsghdr m[BATCH];

    for (int i = 0; i < BATCH; i++) {
        v[i] = (struct iovec){data[i], sizeof data[i]};
        m[i].msg_hdr = (struct msghdr){.msg_name = &from[i], .msg_namelen = sizeof from[i],
                                       .msg_iov = &v[i], .msg_iovlen = 1,
                                       .msg_control = control[i],
                                       .msg_controllen = sizeof control[i]};
    }
    const int n = recvmmsg(fd, m, BATCH, MSG_WAITFORONE, NULL);
    for (int i = 0; i < n; i++) {
        struct sender *s = sender_of(from[i].sin_addr.s_addr);
        s->count++;
        s->last = stamp_of(&m[i].msg_hdr);
    }
}

int main(int argc, char **argv)
{
    const int one = 1, room = 64 << 20;
    const struct sigaction ending = {.sa_handler = end};
    struct sockaddr_in at = {.sin_family = AF_INET};
    char text[INET_ADDRSTRLEN];

    need(argc == 3 && inet_pton(AF_INET, argv[1], &at.sin_addr) == 1, "usage: sink ADDRESS PORT");
    at.sin_port = htons((uint16_t)number(argv[2], 65535));
    const int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    need(bind(fd, (const struct sockaddr *)&at, sizeof at) == 0 &&
             setsockopt(fd, SOL_SOCKET, SO_TIMESTAMPNS, &one, sizeof one) == 0 &&
             setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &room, sizeof room) == 0,
         "socket");
    sigaction(SIGTERM, &ending, NULL);
    puts("ready");
    fflush(stdout);
    while (!over)
        receive(fd);
    for (size_t i = 0; i < SENDERS; i++)
        if (senders[i].from != 0)
            printf("%s %lu %lld\n", inet_ntop(AF_INET, &senders[i].from, text, sizeof text),
                   senders[i].count, (long long)senders[i].last);
    return 0;
}
