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
#include "tests/model/driver_frames.h"

static void begin(void)
{
    forget_frames();
    forget_population();
}

static void about_members(const char *line)
{
    char addr4[64], addr6[64];
    unsigned i;
    unsigned long long roles;
    long long ms;

    if (sscanf(line, "device %u %63s %63s %llx", &i, addr4, addr6, &roles) == 4 && i < DEVICES)
        enrol(i, addr4, addr6, roles);
    else if (sscanf(line, "roles %u %llx", &i, &roles) == 2 && i < DEVICES)
        plane.m[i].roles = roles;
    else if (sscanf(line, "lease %u %lld", &i, &ms) == 2 && i < DEVICES)
        grant(&plane.m[i], ms);
    else if (sscanf(line, "unlease %u", &i) == 1 && i < DEVICES)
        plane.m[i].lease_ms = 0;
    else if (sscanf(line, "drop %u", &i) == 1 && i < DEVICES)
        plane.m[i].there = false;
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
    if (lab_up(&lab) != 0)
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
        (void)setsockopt(lab.wire[s], SOL_PACKET, PACKET_IGNORE_OUTGOING, &yes, sizeof yes);
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
    nft_close(lab.nft);
    return 0;
}
