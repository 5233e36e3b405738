/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the lab's small programs share: the clock, endpoints given as text, strict numbers, and
 * a way to die. All times are CLOCK_REALTIME in nanoseconds, because the kernel stamps packets
 * with that clock and bash reads it (EPOCHREALTIME): one clock for sender, receiver and script.
 */
#ifndef PORTCULLIS_LAB_TOOL_H
#define PORTCULLIS_LAB_TOOL_H

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>

#define NS_PER_SEC INT64_C(1000000000)
#define NS_PER_MS INT64_C(1000000)

struct endpoint {
    struct sockaddr_storage sa;
    socklen_t len;
};

static inline int64_t now_ns(void)
{
    struct timespec ts;

    clock_gettime(CLOCK_REALTIME, &ts);
    return (int64_t)ts.tv_sec * NS_PER_SEC + ts.tv_nsec;
}

static inline void sleep_ns(int64_t ns)
{
    struct timespec ts = {.tv_sec = ns / NS_PER_SEC, .tv_nsec = ns % NS_PER_SEC};

    if (ns > 0)
        nanosleep(&ts, NULL);
}

__attribute__((noreturn, format(printf, 1, 2))) static inline void die(const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    vfprintf(stderr, fmt, ap);
    va_end(ap);
    fputc('\n', stderr);
    exit(2);
}

/* A decimal number from 0 to max and nothing else; dies otherwise. */
static inline unsigned long number(const char *text, unsigned long max)
{
    char *end = NULL;
    unsigned long value;

    if (text == NULL || *text < '0' || *text > '9')
        die("not a number: %s", text == NULL ? "(none)" : text);
    value = strtoul(text, &end, 10);
    if (*end != '\0' || value > max)
        die("not a number from 0 to %lu: %s", max, text);
    return value;
}

static inline bool endpoint_parse(const char *addr, uint16_t port, struct endpoint *out)
{
    struct sockaddr_in *in4 = (struct sockaddr_in *)&out->sa;
    struct sockaddr_in6 *in6 = (struct sockaddr_in6 *)&out->sa;

    memset(out, 0, sizeof(*out));
    if (inet_pton(AF_INET, addr, &in4->sin_addr) == 1) {
        in4->sin_family = AF_INET;
        in4->sin_port = htons(port);
        out->len = sizeof(*in4);
        return true;
    }
    if (inet_pton(AF_INET6, addr, &in6->sin6_addr) == 1) {
        in6->sin6_family = AF_INET6;
        in6->sin6_port = htons(port);
        out->len = sizeof(*in6);
        return true;
    }
    return false;
}

static inline struct sockaddr *endpoint_sa(struct endpoint *e)
{
    return (struct sockaddr *)&e->sa;
}

#endif
