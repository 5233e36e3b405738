/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The capture role against the real kernel, in a network namespace of its own: packets that an
 * nftables rule drops and logs arrive decoded, soon, and what is lost is counted exactly. Needs
 * root; skipped, with the reason, without.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <poll.h>
#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>
#include <pcap/pcap.h>

#include "gateway/capture.h"
#include "gateway/capture_nflog.h"
#include "gateway/capture_source.h"
#include "gateway/channel.h"
#include "gateway/log.h"
#include "gateway/role.h"

#define GROUP 77
#define ARGUMENT "77,CzKQD0u6BmhXNd4siLW8UxSFJt9pXD3e1JV1+uOyDQk="   /* any key */
#define WAIT_MS 5000

static const char RULES[] =
    "table inet t {\n"
    " chain out { type filter hook output priority 0; policy accept;\n"
    "  udp dport 9 log prefix \"pc:3\" group 77 snaplen 128 drop\n"
    "  tcp dport 9 log prefix \"pc:2\" group 77 snaplen 128 drop\n"
    "  icmp type echo-request log prefix \"pc:0\" group 77 snaplen 128 drop\n"
    "  ip protocol 253 log prefix \"other\" group 77 snaplen 128 drop\n"
    "  ip6 daddr ::1 meta l4proto udp log prefix \"pc:5\" group 77 snaplen 128 drop\n"
    " }\n"
    "}\n";

void sandbox_enter(enum gateway_role r) { (void)r; }

static const char *no_kernel; /* why the tests cannot run, or NULL */

/* ---- the namespace ------------------------------------------------------------------------------
 */

static int load_rules(void)
{
    int in[2], status = -1;
    assert_return_code(pipe(in), 0);
    fflush(NULL);
    pid_t pid = fork();
    if (pid == 0) {
        dup2(in[0], 0);
        close(in[0]);
        close(in[1]);
        execl("/usr/sbin/nft", "nft", "-f", "-", (char *)NULL);
        _exit(127);
    }
    close(in[0]);
    assert_int_equal(write(in[1], RULES, sizeof RULES - 1), sizeof RULES - 1);
    close(in[1]);
    waitpid(pid, &status, 0);
    return status;
}

static int begin(void **state)
{
    (void)state;
    struct ifreq lo = {.ifr_flags = IFF_UP};
    strcpy(lo.ifr_name, "lo");
    if (unshare(CLONE_NEWNET) < 0) {
        no_kernel = "no network namespace: run as root";
        return 0;
    }
    int fd = socket(AF_INET, SOCK_DGRAM, 0);
    assert_return_code(ioctl(fd, SIOCSIFFLAGS, &lo), 0);
    close(fd);
    if (load_rules() != 0)
        no_kernel = "nft does not load the rules: is nftables installed?";
    return 0;
}

static void need_kernel(void)
{
    if (!no_kernel)
        return;
    print_message("SKIP: %s\n", no_kernel);
    skip();
}

static void send_udp(int n)
{
    struct sockaddr_in a = {
        .sin_family = AF_INET, .sin_port = htons(9), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    static int fd = -1;
    if (fd < 0)
        fd = socket(AF_INET, SOCK_DGRAM, 0);
    for (int i = 0; i < n; i++) /* EPERM: the rule dropped it */
        (void)!sendto(fd, &i, sizeof i, 0, (const void *)&a, sizeof a);
}

/* An IP packet built by hand, header and all. */
static void send_raw(int family, const char *packet, size_t len)
{
    struct sockaddr_in a4 = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    struct sockaddr_in6 a6 = {.sin6_family = AF_INET6, .sin6_addr = IN6ADDR_LOOPBACK_INIT};
    int fd = socket(family, SOCK_RAW, IPPROTO_RAW);
    assert_return_code(fd, errno);
    if (family == AF_INET)
        (void)!sendto(fd, packet, len, 0, (const void *)&a4, sizeof a4);
    else
        (void)!sendto(fd, packet, len, 0, (const void *)&a6, sizeof a6);
    close(fd);
}

/* ---- the role
 * ------------------------------------------------------------------------------------- */

static struct {
    pid_t pid;
    struct channel *channel;
    char dir[64];
} R;

static void start(void)
{
    int pair[2];
    assert_return_code(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, pair), 0);
    strcpy(R.dir, "/tmp/pcedge-capture-XXXXXX");
    assert_non_null(mkdtemp(R.dir));
    fflush(NULL);
    R.pid = fork();
    if (R.pid == 0) {
        int engine = fcntl(pair[1], F_DUPFD, 100);
        int dir = fcntl(open(R.dir, O_RDONLY | O_DIRECTORY), F_DUPFD, 100);
        if (dup2(engine, FD_PARENT) < 0 || dup2(dir, FD_DIR) < 0)
            _exit(98);
        close_range(FD_DIR + 1, ~0U, 0);
        close(FD_LISTEN);
        close(FD_LISTEN6);
        log_init("capture");
        _exit(capture_main(ARGUMENT));
    }
    close(pair[1]);
    R.channel = channel_new(pair[0]);
    usleep(300000);
}

static void stop(void)
{
    int status = -1;
    char command[128];
    channel_free(R.channel);
    for (int i = 0; i < 300 && waitpid(R.pid, &status, WNOHANG) == 0; i++)
        usleep(10000);
    assert_int_equal(status, 0);
    for (unsigned int i = 0; i < 20; i++) {
        snprintf(command, sizeof command, "%s/denied-%010u.pcap", R.dir, i);
        unlink(command);
        snprintf(command, sizeof command, "%s/spare-%u", R.dir, i);
        unlink(command);
    }
    assert_return_code(rmdir(R.dir), errno);
}

/* What the engine hears until `want` packets, reported or lost, or ms without a message. */
struct heard {
    uint64_t packets, lost;
    struct denied_packet first, last;
};

static void hear(struct heard *h, uint64_t want, int ms)
{
    struct pollfd p = {.fd = channel_fd(R.channel), .events = POLLIN};
    struct message m;
    while (h->packets + h->lost < want && poll(&p, 1, ms) == 1)
        while (channel_receive(R.channel, &m) == 1) {
            struct reader r;
            reader_init(&r, m.body, m.len);
            if (m.type == MSG_LOST) {
                h->lost += get_u64(&r);
            } else {
                assert_int_equal(m.type, MSG_DENIED);
                uint16_t n = get_u16(&r);
                assert_true(n <= DENIED_BATCH);
                for (uint16_t i = 0; i < n; i++) {
                    get_denied(&r, &h->last);
                    if (h->packets++ == 0)
                        h->first = h->last;
                }
            }
            assert_true(reader_done(&r));
        }
}

static int64_t mono_ms(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static int packets_in_file(uint32_t number)
{
    char name[128], why[PCAP_ERRBUF_SIZE];
    struct pcap_pkthdr *h;
    const u_char *bytes;
    int n = 0;
    snprintf(name, sizeof name, "%s/denied-%010u.pcap", R.dir, number);
    pcap_t *p = pcap_open_offline(name, why);
    assert_non_null(p);
    while (pcap_next_ex(p, &h, &bytes) == 1)
        n++;
    pcap_close(p);
    return n;
}

/* ---- tests
 * ----------------------------------------------------------------------------------------- */

static void one_packet_arrives_soon(void **state)
{
    (void)state;
    need_kernel();
    struct heard h = {0};
    start();
    int64_t before = mono_ms(), wall = time(NULL);
    send_udp(1);
    hear(&h, 1, WAIT_MS);
    int64_t took = mono_ms() - before;
    print_message("one packet: %lld ms\n", (long long)took);
    assert_int_equal(h.packets, 1);
    assert_true(took < 200);
    assert_int_equal(h.last.reason, DENY_SPOOFED);
    assert_int_equal(h.last.src.family, 4);
    assert_memory_equal(h.last.dst.b, "\x7f\0\0\1", 4);
    assert_int_equal(h.last.proto, IPPROTO_UDP);
    assert_int_equal(h.last.dport, 9);
    assert_int_equal(h.last.length, 32);
    assert_int_equal(h.last.file, 1);
    assert_true(llabs(h.last.time_us / 1000000 - wall) < 5);
    assert_int_equal(packets_in_file(1), 1);
    stop();
}

#define UDP6 "\xc0\x01\x15\x38\0\x08\0\0"
#define LO6 "\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\1"

static void each_kind_is_decoded(void **state)
{
    (void)state;
    need_kernel();
    static const struct {
        const char *what;
        int family;
        const char *packet;
        size_t len;
        uint8_t reason, proto;
        uint16_t sport, dport;
    } cases[] = {
#define P(text) text, sizeof text - 1
        {"tcp syn", AF_INET,
         P("\x45\0\0\x28\0\1\0\0\x40\x06\0\0\x7f\0\0\1\x7f\0\0\1"
           "\x30\x39\0\x09\0\0\0\1\0\0\0\0\x50\x02\xff\xff\0\0\0\0"),
         DENY_NOT_PERMITTED, 6, 12345, 9},
        {"icmp echo", AF_INET,
         P("\x45\0\0\x1c\0\1\0\0\x40\x01\0\0\x7f\0\0\1\x7f\0\0\1"
           "\x08\0\xf7\xff\0\0\0\0"),
         DENY_NO_LEASE, 1, 8, 0},
        {"first fragment", AF_INET,
         P("\x45\0\0\x1c\0\1\x20\0\x40\x11\0\0\x7f\0\0\1\x7f\0\0\1"
           "\x30\x39\0\x09\0\x10\0\0"),
         DENY_SPOOFED, 17, 12345, 9},
        {"protocol 253", AF_INET,
         P("\x45\0\0\x1c\0\1\0\0\x40\xfd\0\0\x7f\0\0\1\x7f\0\0\1"
           "\x30\x39\0\x09\0\x10\0\0"),
         DENY_REASONS, 253, 0, 0},
        {"v6 udp", AF_INET6, P("\x60\0\0\0\0\x08\x11\x40" LO6 LO6 UDP6), DENY_DEVICE_TO_DEVICE, 17,
         49153, 5432},
        {"v6 behind destination options", AF_INET6,
         P("\x60\0\0\0\0\x10\x3c\x40" LO6 LO6 "\x11\0\1\4\0\0\0\0" UDP6), DENY_DEVICE_TO_DEVICE, 17,
         49153, 5432},
#undef P
    };
    start();
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct heard h = {0};
        send_raw(cases[i].family, cases[i].packet, cases[i].len);
        hear(&h, 1, WAIT_MS);
        if (h.packets != 1 || h.last.reason != cases[i].reason || h.last.proto != cases[i].proto ||
            h.last.sport != cases[i].sport || h.last.dport != cases[i].dport ||
            h.last.length != cases[i].len)
            fail_msg("%s: %u heard, reason %u proto %u %u %u length %u", cases[i].what,
                     (unsigned)h.packets, (unsigned)h.last.reason, h.last.proto, h.last.sport,
                     h.last.dport, h.last.length);
    }
    stop();
}

static void a_burst_arrives_whole(void **state)
{
    (void)state;
    need_kernel();
    enum { N = 30000 };
    struct heard h = {0};
    start();
    fflush(NULL);
    pid_t sender = fork();
    if (sender == 0) {
        send_udp(N);
        _exit(0);
    }
    hear(&h, N, 1000);
    waitpid(sender, NULL, 0);
    print_message("burst of %d: %llu decoded, %llu lost\n", N, (unsigned long long)h.packets,
                  (unsigned long long)h.lost);
    assert_int_equal(h.packets + h.lost, N);
    assert_int_equal(h.lost, 0);
    int kept = 0;
    for (uint32_t number = h.first.file; number <= h.last.file; number++)
        kept += packets_in_file(number);
    assert_int_equal(kept, N);
    stop();
}

/* The engine takes nothing: the role drops, counts, and stays small. */
static void a_slow_engine_costs_packets_not_memory(void **state)
{
    (void)state;
    need_kernel();
    enum { N = 100000 };
    struct heard h = {0};
    start();
    send_udp(N);
    usleep(500000);
    hear(&h, N, 500);
    send_udp(1);
    hear(&h, N + 1, 500);
    print_message("slow engine: %llu reported, %llu lost\n", (unsigned long long)h.packets,
                  (unsigned long long)h.lost);
    assert_int_equal(h.packets + h.lost, N + 1);
    assert_true(h.lost > 0);
    stop();
}

/* What overflows the kernel's queue while the role stands still is known by its numbers. */
static void a_stopped_role_counts_what_it_missed(void **state)
{
    (void)state;
    need_kernel();
    enum { N = 800000 };
    struct heard h = {0};
    start();
    kill(R.pid, SIGSTOP);
    send_udp(N);
    kill(R.pid, SIGCONT);
    hear(&h, N, 1000);
    send_udp(1);
    hear(&h, N + 1, 1000);
    print_message("stopped: %llu reported, %llu lost\n", (unsigned long long)h.packets,
                  (unsigned long long)h.lost);
    assert_int_equal(h.packets + h.lost, N + 1);
    assert_true(h.lost > 0);
    stop();
}

/* ---- exact losses
 * ----------------------------------------------------------------------------------- */

struct count {
    uint64_t packets, gaps;
    uint32_t next;
};

static void count_message(void *arg, int64_t read_us, const uint8_t *nflog, size_t len)
{
    (void)read_us;
    struct count *c = arg;
    struct nflog m;
    assert_int_equal(nflog_parse(nflog, len, &m), 0);
    assert_true(m.has_seq);
    c->gaps += m.seq - c->next;
    c->next = m.seq + 1;
    c->packets++;
}

static void drain(struct source *s)
{
    struct pollfd p = {.fd = source_fd(s), .events = POLLIN};
    while (poll(&p, 1, 200) == 1)
        assert_true(source_read(s) >= 0);
}

static void losses_are_counted_exactly(void **state)
{
    (void)state;
    need_kernel();
    enum { N = 20000 };
    struct count c = {0};
    struct source *s = source_open(GROUP, 64 << 10, count_message, &c);
    send_udp(N);
    drain(s);
    send_udp(1); /* shows the gap at the tail */
    drain(s);
    print_message("queue of 64 KiB: %llu read, %llu in gaps\n", (unsigned long long)c.packets,
                  (unsigned long long)c.gaps);
    assert_true(c.gaps > 0);
    assert_int_equal(c.packets + c.gaps, N + 1);
    source_close(s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_packet_arrives_soon),
        cmocka_unit_test(each_kind_is_decoded),
        cmocka_unit_test(a_burst_arrives_whole),
        cmocka_unit_test(a_slow_engine_costs_packets_not_memory),
        cmocka_unit_test(a_stopped_role_counts_what_it_missed),
        cmocka_unit_test(losses_are_counted_exactly),
    };
    return cmocka_run_group_tests_name("capture_kernel", tests, begin, NULL);
}
