/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Facts that other programs tell: what they print is read here, and a sample machine has small
 * scripts in their places.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <jansson.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "deploy/agent/agent_facts.h"
#include "deploy/agent/agent_firewall.h"
#include "deploy/agent/agent_lock.h"
#include "deploy/agent/agent_pending.h"
#include "deploy/agent/agent_session.h"

#define NOW 1780000000
#define SECURITY "/var/lib/apt/lists/deb_bookworm-security_main_Packages.lz4"

/* ---- the firewall ---- */

#define CHAIN(family, table, rest) \
    "{\"chain\":{\"family\":\"" family "\",\"table\":\"" table "\",\"name\":\"in\"," rest "}}"
#define INPUT(family, policy) \
    CHAIN(family, "t", "\"type\":\"filter\",\"hook\":\"input\",\"policy\":\"" policy "\"")
#define RULE(family, expr) \
    ",{\"rule\":{\"family\":\"" family "\",\"table\":\"t\",\"chain\":\"in\",\"expr\":[" expr "]}}"
#define MATCH "{\"match\":{}}"
#define COUNT "{\"counter\":{}}"
#define ACCEPT "{\"accept\":null}"
#define DROP "{\"drop\":null}"
#define REJECT "{\"reject\":{\"type\":\"icmpx\"}}"

static void rule_sets(void **state)
{
    static const struct { const char *what, *rules; bool filters, in4, in6; } cases[] = {
        {"nothing", "{\"metainfo\":{}}", false, false, false},
        {"policy drop", INPUT("inet", "drop"), true, true, true},
        {"policy accept", INPUT("inet", "accept"), false, false, false},
        {"IPv4 only", INPUT("ip", "drop"), true, true, false},
        {"IPv6 only", INPUT("ip6", "drop"), true, false, true},
        {"both by themselves", INPUT("ip", "drop") "," INPUT("ip6", "drop"), true, true, true},
        {"a last rule that rejects",
         INPUT("inet", "accept") RULE("inet", MATCH "," ACCEPT) RULE("inet", COUNT "," REJECT),
         true, true, true},
        {"a rule that drops some", INPUT("inet", "accept") RULE("inet", MATCH "," DROP), true, false,
         false},
        {"accepts all before the policy", INPUT("inet", "drop") RULE("inet", COUNT "," ACCEPT),
         false, false, false},
        {"accepts all before the drop",
         INPUT("inet", "accept") RULE("inet", ACCEPT) RULE("inet", DROP), false, false, false},
        {"a drop in the other family's chain", INPUT("ip", "accept") RULE("ip6", DROP), false,
         false, false},
        {"at the hook output",
         CHAIN("inet", "t", "\"type\":\"filter\",\"hook\":\"output\",\"policy\":\"drop\""), false,
         false, false},
        {"a bridge's", INPUT("bridge", "drop"), false, false, false},
        {"of another type",
         CHAIN("ip", "t", "\"type\":\"nat\",\"hook\":\"input\",\"policy\":\"drop\""), false, false,
         false},
        {"a jump that may come back", INPUT("inet", "accept") RULE("inet", "{\"jump\":{}}"), false,
         false, false},
    };
    char text[2048];

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct agent_firewall f;
        json_t *v;

        snprintf(text, sizeof text, "{\"nftables\":[%s]}", cases[i].rules);
        v = json_loads(text, 0, NULL);
        assert_non_null(v);
        f = agent_firewall_nft(v);
        if (f.filters != cases[i].filters || f.in4 != cases[i].in4 || f.in6 != cases[i].in6)
            fail_msg("%s: %d %d %d", cases[i].what, f.filters, f.in4, f.in6);
        json_decref(v);
    }
}

static void iptables_rules(void **state)
{
    (void)state;
    assert_true(agent_firewall_iptables("-P INPUT DROP\n"));
    assert_true(agent_firewall_iptables("-P INPUT ACCEPT\n-A INPUT -i lo -j ACCEPT\n"
                                        "-A INPUT -j REJECT --reject-with icmp-port-unreachable\n"));
    assert_false(agent_firewall_iptables("-P INPUT ACCEPT\n"));
    assert_false(agent_firewall_iptables("-P INPUT DROP\n-A INPUT -j ACCEPT\n"));
    assert_false(agent_firewall_iptables(""));
}

/* ---- updates ---- */

static void apt_says(void **state)
{
    static const char text[] =
        "Inst openssl [3.0.14-1] (3.0.15-1~deb12u1 Debian-Security:12/stable-security [amd64])\n"
        "Inst tzdata [2024a-0] (2024b-0 Debian:12.8/stable [all])\n"
        "Inst linux-image-6.1.0-28-amd64 (6.1.119-1 Debian-Security:12/stable-security [amd64])\n"
        "Inst curl [7.88] (7.89 Ubuntu:22.04/jammy-security [amd64]) []\n"
        "Conf openssl (3.0.15-1~deb12u1 Debian-Security:12/stable-security [amd64])\n";
    int64_t all, security;

    (void)state;
    agent_pending_apt(text, &all, &security);
    assert_int_equal(all, 3);
    assert_int_equal(security, 2);
    agent_pending_apt("", &all, &security);
    assert_int_equal(all, 0);
}

static void dnf_says(void **state)
{
    (void)state;
    assert_int_equal(agent_pending_dnf("\nopenssl.x86_64   1:3.0.7-28.el9_4   baseos\n"
                                       "tzdata.noarch    2024b-1.el9        baseos\n"
                                       "Obsoleting Packages\n"
                                       "a.x86_64 1 baseos\n    b.x86_64 0 @System\n"),
                     2);
    assert_int_equal(agent_pending_dnf("Last metadata expiration check: 0:01:02 ago.\n"), 0);
    assert_int_equal(agent_pending_dnf(""), 0);
}

/* ---- the screen ---- */

static void locked(const char *what, struct agent_lock l, bool known, bool on, int64_t max_s)
{
    if (l.known != known || (known && l.on != on) || (known && on && l.max_s != max_s))
        fail_msg("%s: %d %d %lld", what, l.known, l.on, (long long)l.max_s);
}

static void screen_locks(void **state)
{
    (void)state;
    locked("gnome", agent_lock_gnome("true\n", "uint32 300\n", "uint32 30\n"), true, true, 330);
    locked("gnome off", agent_lock_gnome("false\n", NULL, NULL), true, false, 0);
    locked("gnome never idle", agent_lock_gnome("true\n", "uint32 0\n", "uint32 0\n"), true, false, 0);
    locked("gnome silent", agent_lock_gnome(NULL, NULL, NULL), false, false, 0);
    locked("gnome odd", agent_lock_gnome("true\n", "uint32 -1\n", "uint32 0\n"), false, false, 0);
    locked("kde", agent_lock_kde("[Daemon]\nAutolock=true\nTimeout=10\n"), true, true, 600);
    locked("kde's default", agent_lock_kde("[Greeter]\nTheme=x\n"), true, true, 300);
    locked("kde off", agent_lock_kde("[Daemon]\nAutolock=false\n"), true, false, 0);
    locked("kde elsewhere", agent_lock_kde("[X]\nAutolock=false\n[Daemon]\nTimeout=1\n"), true, true,
           60);
    locked("kde never", agent_lock_kde("[Daemon]\nTimeout=0\n"), true, false, 0);
    locked("kde odd", agent_lock_kde("[Daemon]\nTimeout=soon\n"), false, false, 0);
    locked("xfce", agent_lock_xfce("true\n", "true\n", "5\n"), true, true, 300);
    locked("xfce off", agent_lock_xfce("false\n", "true\n", "5\n"), true, false, 0);
    locked("xfce never", agent_lock_xfce("true\n", "false\n", "5\n"), true, false, 0);
    locked("xfce silent", agent_lock_xfce(NULL, NULL, NULL), false, false, 0);
}

static void sessions(void **state)
{
    struct agent_session s;
    bool active = false;

    (void)state;
    assert_true(agent_session_read("User=1000\nType=wayland\nClass=user\nRemote=no\nActive=yes\n"
                                   "Desktop=GNOME\n", &s, &active));
    assert_int_equal(s.uid, 1000);
    assert_string_equal(s.desktop, "gnome");
    assert_true(active);
    assert_true(agent_session_read("User=1000\nType=x11\nClass=user\nRemote=no\nActive=no\n", &s,
                                   &active));
    assert_false(active);
    assert_false(agent_session_read("User=1000\nType=tty\nClass=user\nRemote=no\nActive=yes\n", &s,
                                    &active));
    assert_false(agent_session_read("User=117\nType=wayland\nClass=greeter\nRemote=no\n", &s,
                                    &active));
    assert_false(agent_session_read("User=1000\nType=x11\nClass=user\nRemote=yes\n", &s, &active));
    assert_false(agent_session_read("User=-1\nType=x11\nClass=user\nRemote=no\n", &s, &active));
    assert_false(agent_session_read("", &s, &active));
}

/* ---- the sample machine ---- */

static char root[64];
static struct agent_facts facts;

static int make_root(void **state)
{
    (void)state;
    strcpy(root, "/tmp/portcullis-agent-test-XXXXXX");
    return mkdtemp(root) ? 0 : -1;
}

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *f)
{
    (void)st;
    (void)type;
    (void)f;
    return remove(path);
}

static int remove_root(void **state)
{
    (void)state;
    agent_facts_clear(&facts);
    return nftw(root, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

static void file(const char *path, const char *text, mode_t mode)
{
    char whole[512];
    FILE *f;

    snprintf(whole, sizeof whole, "%s%s", root, path);
    for (char *p = whole + strlen(root) + 1; (p = strchr(p, '/')) != NULL; p++) {
        *p = '\0';
        assert_true(mkdir(whole, 0755) == 0 || errno == EEXIST);
        *p = '/';
    }
    f = fopen(whole, "w");
    assert_non_null(f);
    assert_true(fputs(text, f) >= 0);
    fclose(f);
    assert_int_equal(chmod(whole, mode), 0);
}

/* A program of the sample machine. */
static void program(const char *name, const char *script)
{
    char path[128], text[2048];

    snprintf(path, sizeof path, "/usr/bin/%s", name);
    snprintf(text, sizeof text, "#!/bin/sh\n%s\n", script);
    file(path, text, 0755);
}

static void changed_at(const char *path, int64_t at)
{
    struct timespec times[2] = {{.tv_sec = (time_t)at}, {.tv_sec = (time_t)at}};
    char whole[512];

    snprintf(whole, sizeof whole, "%s%s", root, path);
    assert_int_equal(utimensat(AT_FDCWD, whole, times, 0), 0);
}

static void gather(void)
{
    agent_facts_clear(&facts);
    assert_int_equal(agent_facts_gather(root, NOW, &facts), 0);
}

static void is(const char *group, const char *name, const char *want)
{
    char *s = json_dumps(json_object_get(json_object_get(facts.pst, group), name), JSON_ENCODE_ANY);

    if (strcmp(s ? s : "", want) != 0)
        fail_msg("%s.%s is %s", group, name, s ? s : "unknown");
    free(s);
}

static void unknown(const char *name, const char *words)
{
    const char *why = json_string_value(json_object_get(facts.unknown, name));

    if (!why || !strstr(why, words))
        fail_msg("%s: %s", name, why ? why : "not among the unknown");
}

static void everything_is_unknown_for_a_reason(void **state)
{
    static const char *const names[] = {
        "os.family", "os.patch", "pend.crit",   "pend.imp", "fde.sys",       "fde.all", "fw.on",
        "fw.in",     "av.on",    "av.rt",       "av.defs_at", "lock.on",     "lock.max_s",
        "oemboot",   "hwmodel",  "inv.serial_h", "tamper.rooted"};

    (void)state;
    gather();
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        unknown(names[i], "");
    assert_int_equal(json_object_size(facts.unknown), sizeof names / sizeof *names);
}

static void programs_tell(void **state)
{
    char text[256];

    (void)state;
    program("nft", "[ \"$*\" = '-j list ruleset' ] && echo '{\"nftables\":[" "{\"chain\":{"
            "\"family\":\"ip\",\"table\":\"t\",\"name\":\"i\",\"type\":\"filter\",\"hook\":\"input\","
            "\"policy\":\"drop\"}}]}'");
    program("dnf", "case \"$*\" in *--security) echo 'a.x86_64 1 b'; exit 100;; *-C*check-update) "
                   "printf 'a.x86_64 1 b\\nc.noarch 2 b\\n'; exit 100;; esac; exit 1");
    file("/var/cache/dnf/last_makecache", "", 0644);
    snprintf(text, sizeof text, "case $1 in list-sessions) echo '  2 %u x seat0';; show-session) "
             "printf 'User=%u\\nType=x11\\nClass=user\\nRemote=no\\nActive=yes\\n"
             "Desktop=gnome\\n';; esac", geteuid(), geteuid());
    program("loginctl", text);
    program("gsettings", "case $3 in lock-enabled) echo true;; idle-delay) echo 'uint32 300';; "
                         "*) echo 'uint32 0';; esac");
    gather();
    is("fw", "on", "true");
    is("fw", "in", "true");
    is("pend", "crit", "1");
    is("pend", "imp", "1");
    is("lock", "on", "true");
    is("lock", "max_s", "300");
    file("/proc/net/if_inet6", "0 01 80 10 80 lo\n", 0644);
    gather();
    is("fw", "in", "true");
    file("/proc/net/if_inet6", "0 01 80 10 80 lo\nfe80 02 40 20 80 eth0\n", 0644);
    gather();
    is("fw", "in", "false"); /* IPv6 stands open */
    program("nft", "echo denied >&2; exit 1");
    program("gsettings", "exit 1");
    program("dnf", "exit 1");
    changed_at("/var/cache/dnf/last_makecache", NOW - 5);
    gather();
    unknown("fw.on", "only root");
    unknown("lock.on", "does not say");
    unknown("pend.crit", "ended with 1");
    program("nft", "echo nonsense");
    program("loginctl", "exit 0");
    gather();
    unknown("fw.in", "only root");
    unknown("lock.on", "logged in at a screen");
}

/* Lists that only apt can read: it is asked, but not about lists that are old. */
static void apt_is_asked(void **state)
{
    (void)state;
    program("apt-get", "case \"$*\" in '-s '*) echo 'Inst a [1] (2 Debian-Security:12 [all])';; "
                       "*) exit 1;; esac");
    gather();
    unknown("pend.crit", "within a week");
    file("/var/lib/apt/periodic/update-success-stamp", "", 0644);
    gather();
    unknown("pend.crit", "no list of a security archive");
    file(SECURITY, "", 0644);
    gather();
    is("pend", "crit", "1");
    is("pend", "imp", "0");
    changed_at("/var/lib/apt/periodic/update-success-stamp", NOW - 8 * 86400);
    gather();
    unknown("pend.imp", "within a week");
}

/* What takes seconds is asked once, until something changes or an hour is over. */
static void apt_is_asked_once(void **state)
{
    static const char status[] = "/var/lib/dpkg/status";
    char script[256];

    (void)state;
    snprintf(script, sizeof script, "echo 'Inst a [1] (2 Debian [all])'; [ ! -e %s/again ] || "
             "echo 'Inst b [1] (2 Debian [all])'", root);
    program("apt-get", script);
    file("/var/lib/apt/periodic/update-success-stamp", "", 0644);
    file(status, "", 0644);
    file(SECURITY, "", 0644);
    changed_at(status, NOW - 10);
    gather();
    is("pend", "imp", "1");
    file("/again", "", 0644);
    gather();
    is("pend", "imp", "1");
    changed_at(status, NOW - 9);
    gather();
    is("pend", "imp", "2");
    unlink(strcat(strcpy(script, root), "/again"));
    agent_facts_clear(&facts);
    assert_int_equal(agent_facts_gather(root, NOW + 3600, &facts), 0);
    is("pend", "imp", "1");
}

static void tampering(void **state)
{
    char path[128];

    (void)state;
    file("/etc/passwd", "root:x:0:0::/root:/bin/sh\nmaria:x:1000:0::/:/bin/sh\n", 0644);
    file("/etc/ld.so.preload", "\n", 0644);
    gather();
    is("tamper", "rooted", "false");
    file("/etc/ld.so.preload", "/usr/lib/x.so\n", 0644);
    gather();
    is("tamper", "rooted", "true");
    file("/etc/ld.so.preload", "", 0644);
    file("/etc/passwd", "root:x:0:0::/root:/bin/sh\ntoor:x:0:0::/:/bin/sh\n", 0644);
    gather();
    is("tamper", "rooted", "true");
    file("/etc/passwd", "root:x:0:0::/root:/bin/sh\n", 0646);
    gather();
    is("tamper", "rooted", "true");
    file("/etc/passwd", "root:x:0:0::/root:/bin/sh\n", 0644);
    file("/etc/environment", "A=1\nLD_PRELOAD=/tmp/x.so\n", 0644);
    gather();
    is("tamper", "rooted", "true");
    file("/etc/environment", "#LD_PRELOAD=/tmp/x.so\n", 0644);
    snprintf(path, sizeof path, "%s/etc", root);
    assert_int_equal(chmod(path, 0777), 0);
    gather();
    is("tamper", "rooted", "true");
}

/* A fact's source may hold what a hostile file name says: nothing moves the cursor. */
static void facts_are_shown(void **state)
{
    char text[8192] = "";
    FILE *f = fmemopen(text, sizeof text, "w");

    (void)state;
    file("/proc/sys/kernel/osrelease", "6.1.0-18-amd64\n", 0644);
    gather();
    agent_facts_print(&facts, f);
    fclose(f);
    assert_non_null(strstr(text, "os.build        \"6.1.0\""));
    assert_non_null(strstr(text, "/proc/sys/kernel/osrelease\n"));
    assert_non_null(strstr(text, "lock.on         unknown                  loginctl"));
}

#define WITH_ROOT(test) cmocka_unit_test_setup_teardown(test, make_root, remove_root)
int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(rule_sets),    cmocka_unit_test(iptables_rules),
        cmocka_unit_test(apt_says),     cmocka_unit_test(dnf_says),
        cmocka_unit_test(screen_locks), cmocka_unit_test(sessions),
        WITH_ROOT(everything_is_unknown_for_a_reason),
        WITH_ROOT(programs_tell),       WITH_ROOT(apt_is_asked),
        WITH_ROOT(apt_is_asked_once),
        WITH_ROOT(tampering),
        WITH_ROOT(facts_are_shown),
    };

    if (sodium_init() < 0)
        return 1;
    return cmocka_run_group_tests(tests, NULL, NULL);
}
