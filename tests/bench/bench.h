/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the bench programs share: the clock, a processor of one's own, the line in which a single
 * measurement is told (report.py makes medians of them), and a population of any size: devices,
 * classes of permits and leases, the same ones for the same numbers.
 */
#ifndef TESTS_BENCH_H
#define TESTS_BENCH_H

#include <errno.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <netinet/in.h>

#include "policy/model.h"

#define MAYBE __attribute__((unused))

static int64_t MAYBE now_ns(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

/* Processor time of this thread. What the kernel forwards while it sends is in it (without
 * CONFIG_IRQ_TIME_ACCOUNTING), what other processes take in between is not. */
static int64_t MAYBE cpu_ns(void)
{
    struct timespec t;

    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

/* Stays on the nth of the processors that this process could use when it first asked, counted
 * round. */
static void MAYBE stay_on_processor(unsigned nth)
{
    static cpu_set_t may;
    cpu_set_t one;
    unsigned seen = 0;

    if (CPU_COUNT(&may) == 0 && sched_getaffinity(0, sizeof may, &may) != 0)
        return;
    nth %= (unsigned)CPU_COUNT(&may);
    for (size_t i = 0; i < CPU_SETSIZE; i++)
        if (CPU_ISSET(i, &may) && seen++ == nth) {
            CPU_ZERO(&one);
            CPU_SET(i, &one);
            (void)sched_setaffinity(0, sizeof one, &one);
        }
}

/* One line of JSON. `labels` is the inside of an object; report.py groups by it. */
static void MAYBE tell(const char *bench, const char *labels, unsigned run, double value,
                       const char *unit)
{
    printf("{\"bench\":\"%s\",%s,\"run\":%u,\"value\":%.6g,\"unit\":\"%s\"}\n", bench, labels, run,
           value, unit);
    fflush(stdout);
}

static void MAYBE need(int ok, const char *what)
{
    if (ok)
        return;
    fprintf(stderr, "bench: %s: %s\n", what, strerror(errno));
    exit(1);
}

static size_t MAYBE number(const char *text, size_t max)
{
    char *end;
    const unsigned long v = strtoul(text, &end, 10);

    errno = EINVAL;
    need(*text && !*end && v <= max, text);
    return v;
}

/* ---- the population ------------------------------------------------------------------------- */

#define BENCH_CLASSES 20
#define BENCH_TCP_PORT 443

static struct ip_addr MAYBE addr4(uint32_t host_order)
{
    return (struct ip_addr){.family = 4,
                            .b = {(uint8_t)(host_order >> 24), (uint8_t)(host_order >> 16),
                                  (uint8_t)(host_order >> 8), (uint8_t)host_order}};
}

/* Device 1 is 10.64.1.1: the tunnel network is 10.64.0.0/10. */
#define BENCH_NET 0x0a400000u
static struct ip_addr MAYBE device_addr4(uint32_t index) { return addr4(BENCH_NET + 256 + index); }

static struct device MAYBE bench_device(uint32_t index)
{
    struct device d = {.index = index, .addr4 = device_addr4(index)};

    d.addr6 = (struct ip_addr){.family = 6, .b = {0xfd, 0x77, 0x0a, 0xcc}};
    for (int i = 0; i < 4; i++) {
        d.addr6.b[12 + i] = d.addr4.b[i];
        d.key.b[i] = d.addr4.b[i];
    }
    d.key.b[31] = 0x40;
    return d;
}

static uint16_t MAYBE device_class(uint32_t index) { return (uint16_t)(1 + index % BENCH_CLASSES); }

/* Server k of a class has one service, udp, but for the first (tcp); one in 25 has ten ports. */
static struct permit MAYBE class_permit(uint16_t class_id, size_t k)
{
    const struct ip_addr a = addr4(0x0a140000u + class_id * 4096u + 1 + (uint32_t)k);
    const bool range = k % 25 == 24;

    if (k == 0)
        return (struct permit){{a, a}, IPPROTO_TCP, BENCH_TCP_PORT, BENCH_TCP_PORT};
    return (struct permit){{a, a}, IPPROTO_UDP, 5000, range ? 5009 : 5000};
}

static struct tunnel MAYBE bench_tunnel(void)
{
    struct tunnel t = {.iface = "wg0", .mtu = 1420, .portal_port = 80, .nflog_group = 77,
                       .log_rate = 100, .n_office = 1};

    t.net4 = (struct ip_prefix){addr4(BENCH_NET + 1), 10};
    t.net6 = (struct ip_prefix){{.family = 6, .b = {0xfd, 0x77, 0x0a, 0xcc, [15] = 1}}, 64};
    snprintf(t.office[0].name, sizeof t.office[0].name, "eth1");
    return t;
}

/* n devices with a lease each, over 20 classes of so many permits. dataplane_clear(). */
static struct dataplane MAYBE bench_dataplane(size_t n, size_t permits)
{
    struct dataplane dp = {.tunnel = bench_tunnel(), .n_devices = n, .n_leases = n,
                           .n_classes = BENCH_CLASSES + 1};

    dp.devices = calloc(n, sizeof *dp.devices);
    dp.leases = calloc(n, sizeof *dp.leases);
    dp.classes = calloc(dp.n_classes, sizeof *dp.classes);
    need(dp.devices && dp.leases && dp.classes, "memory");
    for (uint32_t i = 0; i < n; i++) {
        dp.devices[i] = bench_device(i + 1);
        dp.leases[i] = (struct lease){i + 1, device_class(i + 1), 3600000};
    }
    for (uint16_t c = 1; c <= BENCH_CLASSES; c++) {
        dp.classes[c] = (struct access_class){c, calloc(permits, sizeof(struct permit)), permits};
        need(dp.classes[c].permits != NULL, "memory");
        for (size_t k = 0; k < permits; k++)
            dp.classes[c].permits[k] = class_permit(c, k);
    }
    return dp;
}

#endif
