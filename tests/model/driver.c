/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The product's side of the model check: compiles policies and writes them into the kernel with
 * the code that the gateway uses, puts frames on the wires and tells what arrived and what was
 * counted. It knows no verdict; check.py compares. Commands come by stdin, one a line:
 *
 *   begin                      everything forgotten: policy, devices, connections      -> ok
 *   policy BYTES               that many bytes of policy.conf follow                   -> ok
 *   device I ADDR4 ADDR6|- R   enrolled, with role bits R (hexadecimal)
 *   roles I R, drop I, lease I MS, unlease I
 *   commit                     the above, as one transaction                           -> ok
 *   install                    all of it anew, as after a restart                     -> ok
 *   p SIDE TAG HEX             a frame's IP packet to be sent from side 0 (device) or 1 (office)
 *   go                         sends them  -> counts of denials, then SIDE TAG ! of each arrival
 *   snapshot                   does the kernel hold what was committed?                -> ok
 *   verify                     are rules and sets what they should be?                 -> ok
 *
 * Answers are one line; anything but "ok" or the figures says what failed.
 */
#include "tests/unit/nft_lab.h"

#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter/nfnetlink_conntrack.h>
#include <linux/netlink.h>

#include "gateway/classes.h"
#include "policy/policy.h"

#define DEVICES 64
#define FRAMES 4096
#define FRAME_BYTES 512
#define FENCE_TAG 0xffffu

struct member {
    struct device device;
    uint64_t roles;
    int64_t lease_ms, until; /* 0: none; until: by the monotonic clock */
    uint32_t grants;
    bool there;
};

static struct {
    struct lab lab;
    struct member m[DEVICES];
    struct policy *policy;
    struct classes classes;
    struct dataplane have;
    bool installed;
    struct nft_counts counts;
    uint8_t frames[FRAMES][FRAME_BYTES];
    size_t lens[FRAMES];
    enum side sides[FRAMES];
    uint16_t tags[FRAMES];
    uint16_t frame_of[65536]; /* tag -> frame + 1 */
    size_t n_frames;
} x;

static int64_t now_ms(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static void say(const char *what, int rc)
{
    if (rc == 0)
        puts("ok");
    else
        printf("failed: %s: %d\n", what, rc);
}

/* ---- the population ------------------------------------------------------------------------- */

/* In the private namespace of the lab alone: no attribute means all connections. */
static int forget_connections(void)
{
    struct {
        struct nlmsghdr h;
        struct nfgenmsg g;
    } msg = {.h = {.nlmsg_len = sizeof msg,
                   .nlmsg_type = NFNL_SUBSYS_CTNETLINK << 8 | IPCTNL_MSG_CT_DELETE,
                   .nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK}};
    char answer_buf[512];
    const int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_NETFILTER);
    const ssize_t sent = send(fd, &msg, sizeof msg, 0);
    const ssize_t got = recv(fd, answer_buf, sizeof answer_buf, 0);

    close(fd);
    return sent == (ssize_t)sizeof msg && got > 0 ? 0 : -1;
}

static void begin(void)
{
    memset(x.m, 0, sizeof x.m);
    memset(x.frame_of, 0, sizeof x.frame_of);
    x.n_frames = 0;
    policy_free(x.policy);
    x.policy = NULL;
    classes_clear(&x.classes);
    classes_init(&x.classes, 1);
    dataplane_clear(&x.have);
    x.installed = false;
    say("conntrack", forget_connections());
}

static void read_policy(size_t len)
{
    static struct diags diags;
    char *text = malloc(len + 1);
    bool changed;

    if (!text || fread(text, 1, len, stdin) != len)
        exit(1);
    memset(&diags, 0, sizeof diags);
    struct policy *p = policy_parse(text, len, &diags);
    free(text);
    if (!p || classes_use_policy(&x.classes, p, &changed) != 0) {
        printf("failed: policy: line %d: %s\n", diags.v[0].pos.line, diags.v[0].text);
        policy_free(p);
        return;
    }
    policy_free(x.policy);
    x.policy = p;
    puts("ok");
}

static void enrol(unsigned i, const char *addr4, const char *addr6, uint64_t roles)
{
    struct member *m = &x.m[i];

    *m = (struct member){.roles = roles, .there = true};
    m->device.index = i + 1;
    m->device.addr4 = ip(addr4);
    if (addr6[0] != '-')
        m->device.addr6 = ip(addr6);
    m->device.key.b[0] = (uint8_t)(i + 1);
}

/* Successive grants differ in length, so that a renewal is a change. */
static void grant(struct member *m, int64_t ms)
{
    m->lease_ms = ms + ++m->grants % 16;
    m->until = now_ms() + m->lease_ms;
}

/* ---- what the kernel should hold ------------------------------------------------------------ */

static void want_class(struct dataplane *want, uint16_t id)
{
    const struct access_class *c = &x.classes.v[id]->c;
    struct access_class *out;
    size_t i = 0;

    while (i < want->n_classes && want->classes[i].id < id)
        i++;
    if (i < want->n_classes && want->classes[i].id == id)
        return;
    memmove(&want->classes[i + 1], &want->classes[i], (want->n_classes - i) * sizeof *out);
    out = &want->classes[i];
    *out = *c;
    out->permits = calloc(c->n_permits + 1, sizeof *out->permits);
    if (!out->permits)
        abort();
    for (size_t k = 0; k < c->n_permits; k++)
        out->permits[k] = c->permits[k];
    want->n_classes++;
}

/* A lease whose class stays keeps its length; one that moves keeps its end. */
static void want_lease(struct dataplane *want, const struct member *m, int64_t now)
{
    const struct lease *old = dataplane_lease(&x.have, m->device.index);
    const int id = classes_for(&x.classes, m->roles);

    if (id < 0)
        abort();
    want_class(want, (uint16_t)id);
    want->leases[want->n_leases++] = (struct lease){
        m->device.index, (uint16_t)id,
        old && old->class_id != id ? m->until - now : m->lease_ms};
}

static struct dataplane wanted(void)
{
    struct dataplane want = {.tunnel = lab_tunnel()};
    const int64_t now = now_ms();

    want.classes = calloc(DEVICES + 2, sizeof *want.classes);
    want.devices = calloc(DEVICES, sizeof *want.devices);
    want.leases = calloc(DEVICES, sizeof *want.leases);
    if (!want.classes || !want.devices || !want.leases)
        abort();
    want_class(&want, 0);
    for (size_t i = 0; i < DEVICES; i++) {
        if (!x.m[i].there)
            continue;
        want.devices[want.n_devices++] = x.m[i].device;
        if (x.m[i].lease_ms > 0 && x.m[i].until > now)
            want_lease(&want, &x.m[i], now);
    }
    return want;
}

static void forget_unused_classes(void)
{
    for (unsigned id = 1; id <= CLASS_MAX; id++)
        if (x.classes.v[id] && !dataplane_class(&x.have, (uint16_t)id))
            classes_forget(&x.classes, (uint16_t)id);
}

static int apply(const struct dataplane *want)
{
    struct changes list;
    size_t at;
    int rc = (int)plan_diff(&x.have, want, 1, &list);

    if (rc == 0)
        rc = (int)plan_check(&x.have, &list, &at);
    if (rc == 0)
        rc = nft_apply(x.lab.nft, &x.have, &list);
    changes_clear(&list);
    return rc;
}

static void commit(void)
{
    struct dataplane want = wanted();
    int rc = 0;

    if (!x.installed)
        rc = nft_guard_install(x.lab.nft, &want.tunnel);
    if (rc == 0)
        rc = x.installed ? apply(&want) : nft_install(x.lab.nft, &want);
    if (rc == 0 && !x.installed)
        rc = nft_counts(x.lab.nft, &x.counts);
    x.installed = x.installed || rc == 0;
    if (rc == 0) {
        dataplane_clear(&x.have);
        x.have = want;
        forget_unused_classes();
    } else {
        dataplane_clear(&want);
    }
    say("commit", rc);
}

/* What is left of each lease is what it is given for. */
static void install(void)
{
    const int64_t now = now_ms();

    for (size_t i = 0; i < DEVICES; i++)
        if (x.m[i].lease_ms > 0)
            x.m[i].lease_ms = x.m[i].until > now ? x.m[i].until - now : 0;
    x.installed = false;
    commit();
}

/* ---- reading back --------------------------------------------------------------------------- */

/* What has expired since the commit is no longer in the kernel, and need not be. */
static bool is_expired(const struct change *c, int64_t now)
{
    return c->kind == CHANGE_LEASE_PUT && x.m[c->u.lease.device - 1].until <= now;
}

static void snapshot(void)
{
    struct dataplane there = {0};
    struct changes list = {0};
    int rc = nft_snapshot(x.lab.nft, &there), differences = 0;

    if (rc == 0)
        rc = (int)plan_diff(&there, &x.have, LEASE_MAX_MS, &list);
    for (size_t i = 0; i < list.n; i++)
        differences += !is_expired(&list.v[i], now_ms());
    changes_clear(&list);
    dataplane_clear(&there);
    say("snapshot", rc != 0 ? rc : differences);
}

static void verify(void)
{
    char what[128] = "";
    const int rc = nft_verify_static(x.lab.nft, &x.have, what);

    say(what, rc);
}

/* ---- packets -------------------------------------------------------------------------------- */

static unsigned nibble(char c)
{
    return (unsigned)(c <= '9' ? c - '0' : c - 'a' + 10);
}

static void add_frame(enum side from, unsigned tag, const char *hex)
{
    const size_t len = strlen(hex) / 2;
    uint8_t *f = x.frames[x.n_frames];

    if (x.n_frames == FRAMES || len + 14 > FRAME_BYTES)
        exit(1);
    memcpy(f, lab_gateway_mac[from], 6);
    memcpy(f + 6, lab_host_mac[from], 6);
    for (size_t i = 0; i < len; i++)
        f[14 + i] = (uint8_t)(nibble(hex[2 * i]) << 4 | nibble(hex[2 * i + 1]));
    f[12] = f[14] >> 4 == 6 ? 0x86 : 0x08;
    f[13] = f[14] >> 4 == 6 ? 0xdd : 0x00;
    x.lens[x.n_frames] = len + 14;
    x.sides[x.n_frames] = from;
    x.tags[x.n_frames] = (uint16_t)tag;
    x.frame_of[tag & 0xffff] = (uint16_t)++x.n_frames;
}

/* The sender's mark on the packet: IPv4's identification, IPv6's flow label. */
static uint16_t tag_of(const uint8_t *f)
{
    const uint8_t *at = f + (f[14] >> 4 == 6 ? 16 : 18);
    const unsigned tag = (unsigned)at[0] << 8 | at[1];

    return (uint16_t)tag;
}

/* Ours, or one of the gateway's own (an error, a reset) that happens to have the same number? A
 * sent packet in the gateway's own name is told apart from those by where it goes. */
static bool is_ours(const uint8_t *f, uint16_t tag)
{
    const bool v6 = f[14] >> 4 == 6;
    const size_t addresses = v6 ? 22 : 26;

    return x.frame_of[tag] != 0 && f[14] >> 4 == x.frames[x.frame_of[tag] - 1][14] >> 4 &&
           memcmp(x.frames[x.frame_of[tag] - 1] + addresses, f + addresses, v6 ? 32 : 8) == 0;
}

/* As sent, but for the hop count (and IPv4's checksum with it)? */
static bool intact(const uint8_t *f, size_t len, uint16_t tag)
{
    const bool v6 = f[14] >> 4 == 6;
    const size_t hop = 14 + (v6 ? 7u : 8u), rest = v6 ? hop + 1 : hop + 4;
    const uint8_t *sent = x.frames[x.frame_of[tag] - 1];

    return x.lens[x.frame_of[tag] - 1] == len && memcmp(sent + 14, f + 14, hop - 14) == 0 &&
           (v6 || sent[hop + 1] == f[hop + 1]) && memcmp(sent + rest, f + rest, len - rest) == 0;
}

/* True when the fence was among what has arrived. */
static bool report_arrivals(enum side at)
{
    uint8_t f[FRAME_MAX];
    bool fence = false;
    ssize_t len;

    while ((len = recv(x.lab.wire[at], f, sizeof f, 0)) > 34) {
        const uint16_t tag = tag_of(f);

        if (tag == FENCE_TAG)
            fence = true;
        else if (is_ours(f, tag))
            printf(" %d %u %s", (int)at, tag, intact(f, (size_t)len, tag) ? "=" : "!");
    }
    return fence;
}

/* From the office and back to the office, past the tunnel: it arrives last. */
static void send_fence(void)
{
    const struct pkt p = udp("10.20.255.250", 9, "192.0.2.250", 9);
    uint8_t frame[14 + IP_MAX];

    memcpy(frame, lab_gateway_mac[1], 6);
    memcpy(frame + 6, lab_host_mac[1], 6);
    frame[12] = 0x08;
    frame[13] = 0x00;
    const size_t len = build_ip(frame + 14, &p, 0);
    frame[18] = frame[19] = 0xff;
    frame[24] = frame[25] = 0;
    fold(frame + 24, sum(frame + 14, 20, 0));
    (void)!send(x.lab.wire[1], frame, 14 + len, 0);
}

static void report_counts(void)
{
    struct nft_counts now;
    const int rc = nft_counts(x.lab.nft, &now);

    if (rc != 0)
        printf("failed: counts: %d", rc);
    for (int i = 0; i < DENY_REASONS; i++)
        printf("%s%llu", i ? " " : "", (unsigned long long)(now.denied[i] - x.counts.denied[i]));
    x.counts = now;
}

static void go(void)
{
    bool fence = false;

    for (size_t i = 0; i < x.n_frames; i++)
        if (send(x.lab.wire[x.sides[i]], x.frames[i], x.lens[i], 0) != (ssize_t)x.lens[i])
            printf("failed: send: %s ", strerror(errno));
    send_fence();
    struct pollfd p = {.fd = x.lab.wire[1], .events = POLLIN};
    fputs("arrived", stdout);
    for (int tries = 0; !fence && tries < FRAMES && poll(&p, 1, 2000) == 1; tries++)
        fence = report_arrivals(OFFICE_SIDE);
    report_arrivals(DEVICE_SIDE);
    fputs(fence ? " denied " : " failed: no fence ", stdout);
    report_counts();
    putchar('\n');
    for (size_t i = 0; i < x.n_frames; i++)
        x.frame_of[x.tags[i]] = 0;
    x.n_frames = 0;
}

/* ---- commands ------------------------------------------------------------------------------- */

static void about_members(const char *line)
{
    char addr4[64], addr6[64];
    unsigned i;
    unsigned long long roles;
    long long ms;

    if (sscanf(line, "device %u %63s %63s %llx", &i, addr4, addr6, &roles) == 4 && i < DEVICES)
        enrol(i, addr4, addr6, roles);
    else if (sscanf(line, "roles %u %llx", &i, &roles) == 2 && i < DEVICES)
        x.m[i].roles = roles;
    else if (sscanf(line, "lease %u %lld", &i, &ms) == 2 && i < DEVICES)
        grant(&x.m[i], ms);
    else if (sscanf(line, "unlease %u", &i) == 1 && i < DEVICES)
        x.m[i].lease_ms = 0;
    else if (sscanf(line, "drop %u", &i) == 1 && i < DEVICES)
        x.m[i].there = false;
    else
        exit(1);
}

static void obey(const char *line)
{
    unsigned side, tag;
    size_t bytes;
    int at = 0;

    if (sscanf(line, "p %u %u %n", &side, &tag, &at) == 2 && at > 0)
        add_frame(side ? OFFICE_SIDE : DEVICE_SIDE, tag, line + at);
    else if (strcmp(line, "go") == 0)
        go();
    else if (strcmp(line, "begin") == 0)
        begin();
    else if (sscanf(line, "policy %zu", &bytes) == 1)
        read_policy(bytes);
    else if (strcmp(line, "commit") == 0)
        commit();
    else if (strcmp(line, "install") == 0)
        install();
    else if (strcmp(line, "snapshot") == 0)
        snapshot();
    else if (strcmp(line, "verify") == 0)
        verify();
    else
        about_members(line);
}

/* One processor carries all frames, in the order in which they are sent. */
static void stay_on_one_processor(unsigned wish)
{
    cpu_set_t may, one;
    unsigned seen = 0;

    if (sched_getaffinity(0, sizeof may, &may) != 0)
        return;
    wish %= (unsigned)CPU_COUNT(&may);
    for (size_t i = 0; i < CPU_SETSIZE; i++)
        if (CPU_ISSET(i, &may) && seen++ == wish) {
            CPU_ZERO(&one);
            CPU_SET(i, &one);
            (void)sched_setaffinity(0, sizeof one, &one);
        }
}

int main(int argc, char **argv)
{
    char *line = NULL;
    size_t room = 0;
    ssize_t n;
    const int yes = 1;

    stay_on_one_processor(argc > 1 ? (unsigned)atoi(argv[1]) : 0);
    if (lab_up(&x.lab) != 0)
        return 77;
    /* Sequence numbers are not the matter here, nor that a handshake of SCTP has three seconds.
     * Checksums are right; but the kernel checks those of UDP-Lite as if they were UDP's, and
     * takes the packets for invalid (6.18). */
    shell("cd /proc/sys/net; echo 1 >netfilter/nf_conntrack_tcp_be_liberal; "
          "echo 0 >netfilter/nf_conntrack_checksum; "
          "echo 300 >netfilter/nf_conntrack_sctp_timeout_cookie_wait; "
          "echo 0 >ipv4/conf/all/send_redirects; echo 0 >ipv4/conf/eth1/send_redirects; "
          "echo 0 >ipv4/conf/wg0/send_redirects");
    for (int s = 0; s < 2; s++)
        (void)setsockopt(x.lab.wire[s], SOL_PACKET, PACKET_IGNORE_OUTGOING, &yes, sizeof yes);
    puts("ready");
    fflush(stdout);
    while ((n = getline(&line, &room, stdin)) > 0) {
        if (line[n - 1] == '\n')
            line[n - 1] = '\0';
        obey(line);
        if (line[0] != 'p' || line[1] == 'o')
            fflush(stdout);
    }
    free(line);
    nft_close(x.lab.nft);
    return 0;
}
