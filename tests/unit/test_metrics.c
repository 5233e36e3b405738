/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The metrics as text; `test_metrics print` prints an example for promtool. And the filter that
 * stands before them, on real sockets.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <arpa/inet.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "gateway/metrics.h"
#include "gateway/source_filter.h"
#include "policy/address.h"

static const struct metric_outlet outlets[] = {{"syslog tcp 10.20.0.5:601", 7, 100, 3, 2},
                                               {"webhook \"a\\b\nc", 0, 1, 0, 0}};
static struct metric_counts counts;

static char *example(void)
{
    struct metrics m = {.gateway = "hq", .started = 1795330000, .clock_synchronised = true,
                        .policy_version = 3, .policy_applied = 1795330001, .policy_sha256 = "00ff",
                        .leases = 5, .devices = {5, 4, 6, 3, 2, 1}, .users_active = 9,
                        .users_revoked = 1, .lost = 11, .overflow = 12, .audit_records = 77,
                        .counts = &counts, .outlets = outlets, .n_outlets = 2};
    size_t len;

    m.denied[DENY_SPOOFED] = 1000;
    m.logged[DENY_SPOOFED] = 400;
    m.kept[DENY_SPOOFED] = 389;
    m.handshakes[HANDSHAKE_ENDED_KEY] = 6;
    m.limited = 8;
    m.restarts[ROLE_PORTAL] = 2;
    char *text = metrics_text(&m, &len);
    assert_int_equal(strlen(text), len);
    return text;
}

static void has_line(const char *text, const char *line)
{
    const char *at = strstr(text, line);

    if (!at || (at != text && at[-1] != '\n') || at[strlen(line)] != '\n')
        fail_msg("no line '%s'", line);
}

static void values(void **state)
{
    static const char *const lines[] = {
        "portcullis_build_info{gateway=\"hq\",version=\"" VERSION "\"} 1",
        "portcullis_policy_info{version=\"3\",sha256=\"00ff\"} 1",
        "portcullis_leases 5",
        "portcullis_devices{state=\"locked\"} 6",
        "portcullis_devices{state=\"lost\"} 2",
        "portcullis_users{state=\"revoked\"} 1",
        "portcullis_denied_packets_total{reason=\"spoofed\"} 1000",
        "portcullis_logged_packets_total{reason=\"spoofed\"} 400",
        "portcullis_received_packets_total{reason=\"spoofed\"} 389",
        "portcullis_sampled_away_packets_total{reason=\"spoofed\"} 600",
        "portcullis_denied_packets_total{reason=\"no-lease\"} 0",
        "portcullis_lost_packets_total 11",
        "portcullis_attempts_overflow_total 12",
        "portcullis_handshakes_total{class=\"ended-key\"} 6",
        "portcullis_handshakes_unclassed_total{why=\"limited\"} 8",
        "portcullis_role_restarts_total{role=\"portal\"} 2",
        "portcullis_audit_records_total 77",
        "portcullis_alarms_total 1",
        "portcullis_posture_results_total{result=\"in\",code=\"\"} 1",
        "portcullis_posture_results_total{result=\"quarantine\",code=\"\"} 1",
        "portcullis_posture_results_total{result=\"quarantine\",code=\"PL703\"} 2",
        "portcullis_delivery_queue_events{outlet=\"syslog tcp 10.20.0.5:601\"} 7",
        "portcullis_deliveries_total{outlet=\"syslog tcp 10.20.0.5:601\"} 100",
        "portcullis_delivery_failures_total{outlet=\"syslog tcp 10.20.0.5:601\"} 3",
        "portcullis_delivery_dropped_total{outlet=\"syslog tcp 10.20.0.5:601\"} 2",
        "portcullis_deliveries_total{outlet=\"webhook \\\"a\\\\b\\nc\"} 1",
    };

    (void)state;
    counts = (struct metric_counts){.alarms = 1};
    metrics_posture(&counts, true, CODE_NONE);
    metrics_posture(&counts, false, CODE_NONE);
    metrics_posture(&counts, false, PL703);
    metrics_posture(&counts, false, PL703);
    char *text = example();
    for (size_t i = 0; i < sizeof lines / sizeof lines[0]; i++)
        has_line(text, lines[i]);
    free(text);
}

/* Each bucket holds those below it too; what is beyond the last is in +Inf alone. */
static void buckets(void **state)
{
    static const uint64_t us[] = {100, 101, 900, 5000, 999999, 1000001};

    (void)state;
    counts = (struct metric_counts){0};
    for (size_t i = 0; i < sizeof us / sizeof us[0]; i++)
        histogram_add(&counts.cut, us[i]);
    char *text = example();
    has_line(text, "portcullis_revocation_cut_seconds_bucket{le=\"0.0001\"} 1");
    has_line(text, "portcullis_revocation_cut_seconds_bucket{le=\"0.00025\"} 2");
    has_line(text, "portcullis_revocation_cut_seconds_bucket{le=\"0.001\"} 3");
    has_line(text, "portcullis_revocation_cut_seconds_bucket{le=\"0.005\"} 4");
    has_line(text, "portcullis_revocation_cut_seconds_bucket{le=\"1\"} 5");
    has_line(text, "portcullis_revocation_cut_seconds_bucket{le=\"+Inf\"} 6");
    has_line(text, "portcullis_revocation_cut_seconds_sum 2.006101");
    has_line(text, "portcullis_revocation_cut_seconds_count 6");
    has_line(text, "portcullis_revocation_durable_seconds_count 0");
    free(text);
}

/* ---- who may connect ------------------------------------------------------------------------ */

static int listener(int family, const struct ip_prefix *from, size_t n, struct sockaddr_storage *at,
                    socklen_t *len)
{
    struct sock_filter code[SOURCE_FILTER_MAX];
    struct sock_fprog program = {(unsigned short)source_filter(family == AF_INET ? 4 : 6, from, n,
                                                               code), code};
    int fd = socket(family, SOCK_STREAM, 0);

    memset(at, 0, sizeof *at);
    at->ss_family = (sa_family_t)family;
    if (family == AF_INET)
        ((struct sockaddr_in *)at)->sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    else
        ((struct sockaddr_in6 *)at)->sin6_addr = in6addr_loopback;
    assert_int_equal(bind(fd, (struct sockaddr *)at, *len), 0);
    assert_int_equal(setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof program), 0);
    assert_int_equal(listen(fd, 4), 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)at, len), 0);
    return fd;
}

static bool reaches(int family, const char *source, const struct sockaddr_storage *at,
                    socklen_t len)
{
    struct sockaddr_storage a = {.ss_family = (sa_family_t)family};
    int fd = socket(family, SOCK_STREAM | SOCK_NONBLOCK, 0);
    void *where = family == AF_INET ? (void *)&((struct sockaddr_in *)&a)->sin_addr
                                    : (void *)&((struct sockaddr_in6 *)&a)->sin6_addr;

    assert_int_equal(inet_pton(family, source, where), 1);
    assert_int_equal(bind(fd, (struct sockaddr *)&a, len), 0);
    (void)connect(fd, (const struct sockaddr *)at, len);
    struct pollfd p = {.fd = fd, .events = POLLOUT};
    bool yes = poll(&p, 1, 200) == 1 && p.revents == POLLOUT;
    close(fd);
    return yes;
}

static void filter_lets_named_networks_through(void **state)
{
    static const struct { const char *what; int family; const char *from[2], *source; bool in; } cases[] = {
        {"the address", AF_INET, {"127.0.0.2/32"}, "127.0.0.2", true},
        {"its neighbour", AF_INET, {"127.0.0.2/32"}, "127.0.0.3", false},
        {"within the network", AF_INET, {"127.0.8.0/21"}, "127.0.15.255", true},
        {"past its end", AF_INET, {"127.0.8.0/21"}, "127.0.16.0", false},
        {"the second of two", AF_INET, {"127.0.0.2/32", "127.0.0.9/32"}, "127.0.0.9", true},
        {"none of two", AF_INET, {"127.0.0.2/32", "127.0.0.9/32"}, "127.0.0.8", false},
        {"nobody", AF_INET, {NULL}, "127.0.0.1", false},
        {"the other family's network", AF_INET, {"::/1"}, "127.0.0.1", false},
        {"an IPv6 address", AF_INET6, {"::1/128"}, "::1", true},
        {"an IPv6 network", AF_INET6, {"::/65"}, "::1", true},
        {"not of this IPv6 network", AF_INET6, {"::2/127"}, "::1", false},
        {"nor in its first word", AF_INET6, {"8000::/1"}, "::1", false},
        {"the second of two, IPv6", AF_INET6, {"fd00::/8", "::1/128"}, "::1", true},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct ip_prefix from[2] = {0};
        struct sockaddr_storage at;
        socklen_t len = cases[i].family == AF_INET ? sizeof(struct sockaddr_in)
                                                   : sizeof(struct sockaddr_in6);
        size_t n = 0;
        print_message("%s\n", cases[i].what);
        for (; n < 2 && cases[i].from[n]; n++)
            assert_true(prefix_parse(cases[i].from[n], strlen(cases[i].from[n]), &from[n]));
        int fd = listener(cases[i].family, from, n, &at, &len);
        assert_int_equal(reaches(cases[i].family, cases[i].source, &at, len), cases[i].in);
        close(fd);
    }
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(values),
        cmocka_unit_test(buckets),
        cmocka_unit_test(filter_lets_named_networks_through),
    };

    if (argc > 1 && strcmp(argv[1], "print") == 0) {
        char *text = example();
        fputs(text, stdout);
        free(text);
        return 0;
    }
    return cmocka_run_group_tests(tests, NULL, NULL);
}
