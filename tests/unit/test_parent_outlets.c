/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the parent gives the engine for its outlets: files that are meant for that and no others,
 * and doors: the metrics and the console are never open to everybody. Needs root, whose files they are.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "gateway/parent.h"
#include "policy/address.h"
#include "policy/outlets.h"

static char dir[] = "/tmp/pc-test-outlets-XXXXXX", config[64];

/* ---- files ---------------------------------------------------------------------------------- */

static void make(const char *name, mode_t mode, uid_t owner, size_t n)
{
    char path[128];

    snprintf(path, sizeof path, "%s/%s", dir, name);
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
    assert_true(fd >= 0);
    for (size_t i = 0; i < n; i++)
        assert_int_equal(write(fd, "k", 1), 1);
    assert_int_equal(fchown(fd, owner, 0), 0);
    assert_int_equal(fchmod(fd, mode), 0);
    close(fd);
}

static int ask(const char *name, struct writer *answer)
{
    struct parent p = {.opt = {.config = config}};
    struct writer w;
    struct reader r;

    writer_init(&w, 4096);
    put_text(&w, name);
    reader_init(&r, w.v, w.n);
    writer_init(answer, 1u << 20);
    int rc = request_outlet_file(&p, &r, answer);
    writer_clear(&w);
    return rc;
}

static void files(void **state)
{
    static const struct { const char *what, *name; int rc; } cases[] = {
        {"a key", "good.key", 0},
        {"certificates that all may read", "good.pem", 0},
        {"a key that the group may read", "group.key", -EPERM},
        {"a key that all may read", "all.key", -EPERM},
        {"certificates that the group may write", "group.pem", -EPERM},
        {"somebody else's key", "other.key", -EPERM},
        {"a directory", "dir.key", -EPERM},
        {"a pipe", "pipe.key", -EPERM},
        {"a link", "link.key", -ELOOP},
        {"one that is not there", "none.key", -ENOENT},
        {"a large one", "large.pem", -EFBIG},
        {"the gateway's own configuration", "gateway.conf", MALFORMED},
        {"a file above", "../x.key", MALFORMED},
        {"a path", "/etc/ssl/private/x.key", MALFORMED},
        {"a folder in it", "sub/x.key", MALFORMED},
        {"the ending alone", ".key", MALFORMED},
        {"a hidden one", ".hidden.key", MALFORMED},
        {"no name", "", MALFORMED},
        {"another ending", "good.key.bak", MALFORMED},
        {"a line end", "good.key\n", MALFORMED},
    };
    struct writer answer;

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        int rc = ask(cases[i].name, &answer);
        if (rc != cases[i].rc || (rc != 0 && answer.n != 0))
            fail_msg("%s: %d, %zu bytes", cases[i].what, rc, answer.n);
        if (rc == 0)
            assert_memory_equal(answer.v, "\x03\x00\x00\x00kkk", 7);
        writer_clear(&answer);
    }
}

static int prepare(void **state)
{
    char path[128];

    (void)state;
    snprintf(config, sizeof config, "%s/gateway.conf", dir);
    make("gateway.conf", 0644, 0, 3);
    make("good.key", 0600, 0, 3);
    make("good.pem", 0644, 0, 3);
    make("group.key", 0640, 0, 3);
    make("all.key", 0604, 0, 3);
    make("group.pem", 0664, 0, 3);
    make("other.key", 0600, 65534, 3);
    make("large.pem", 0644, 0, (64u << 10) + 1);
    snprintf(path, sizeof path, "%s/dir.key", dir);
    assert_int_equal(mkdir(path, 0700), 0);
    snprintf(path, sizeof path, "%s/pipe.key", dir);
    assert_int_equal(mkfifo(path, 0600), 0);
    snprintf(path, sizeof path, "%s/link.key", dir);
    return symlink("good.key", path);
}

static int clean(void **state)
{
    static const char *const names[] = {"gateway.conf", "good.key", "good.pem", "group.key",
                                        "all.key", "group.pem", "other.key", "large.pem",
                                        "pipe.key", "link.key"};
    char path[128];

    (void)state;
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        snprintf(path, sizeof path, "%s/%s", dir, names[i]);
        unlink(path);
    }
    snprintf(path, sizeof path, "%s/dir.key", dir);
    rmdir(path);
    return rmdir(dir);
}

/* ---- the doors ------------------------------------------------------------------------------ */

struct door_case {
    const char *what;
    enum gateway_role role;
    const char *iface, *listen;
    uint16_t port;
    const char *from;
    unsigned n;
    int rc;
};

static int door(const struct door_case *c)
{
    struct parent p = {.tunnel = {.iface = "lo", .outside = "lo", .portal_tls_port = 39443,
                                  .net4 = {.addr = {4, {127, 0, 0, 1}}}}};
    struct ip_prefix net = {0};
    struct ip_addr a = {0};
    struct writer w, answer;
    struct reader r;

    p.doors[c->role].fd[0] = p.doors[c->role].fd[1] = -1;
    snprintf(p.tunnel.office[0].name, IFACE_SIZE, "lo");
    p.tunnel.n_office = 1;
    assert_true((!*c->listen || ip_parse(c->listen, strlen(c->listen), &a)) &&
                prefix_parse(c->from, strlen(c->from), &net));
    writer_init(&w, 4096);
    put_u8(&w, (uint8_t)c->role);
    put_text(&w, c->iface);
    put_addr(&w, &a);
    put_u16(&w, c->port);
    put_u8(&w, (uint8_t)c->n);
    for (unsigned i = 0; i < c->n; i++) {
        put_addr(&w, &net.addr);
        put_u8(&w, net.len);
    }
    reader_init(&r, w.v, w.n);
    writer_init(&answer, 100);
    int rc = request_door(&p, &r, &answer);
    assert_int_equal(p.doors[c->role].fd[0] >= 0, rc == 0);
    for (size_t i = 0; i < 2; i++)
        if (p.doors[c->role].fd[i] >= 0)
            close(p.doors[c->role].fd[i]);
    writer_clear(&w);
    return rc;
}

static void doors(void **state)
{
    static const struct door_case cases[] = {
        {"as it should be", ROLE_API, "lo", "127.0.0.1", 39100, "10.20.0.5/32", 1, 0},
        {"the console", ROLE_CONSOLE, "lo", "127.0.0.1", 39100, "10.20.0.0/24", 1, 0},
        {"IPv6", ROLE_CONSOLE, "lo", "::1", 39100, "fd20::/64", 1, 0},
        {"enrolment for everybody", ROLE_ENROL, "lo", "", 39100, "10.20.0.5/32", 0, 0},
        {"the portal by TLS", ROLE_PORTAL, "lo", "", 39443, "10.20.0.5/32", 0, 0},
        {"an interface that is no office", ROLE_API, "eth9", "127.0.0.1", 39100, "10.20.0.5/32", 1, MALFORMED},
        {"no interface", ROLE_API, "", "127.0.0.1", 39100, "10.20.0.5/32", 1, MALFORMED},
        {"no port", ROLE_API, "lo", "127.0.0.1", 0, "10.20.0.5/32", 1, MALFORMED},
        {"for nobody", ROLE_API, "lo", "127.0.0.1", 39100, "10.20.0.5/32", 0, MALFORMED},
        {"for everybody", ROLE_CONSOLE, "lo", "127.0.0.1", 39100, "0.0.0.0/0", 1, MALFORMED},
        {"for the other family", ROLE_CONSOLE, "lo", "127.0.0.1", 39100, "fd20::/64", 1, MALFORMED},
        {"for too many", ROLE_CONSOLE, "lo", "127.0.0.1", 39100, "10.20.0.5/32", SOURCE_FILTER_NETS + 1, MALFORMED},
        {"the console on every address", ROLE_CONSOLE, "lo", "", 39100, "10.20.0.5/32", 1, MALFORMED},
        {"enrolment elsewhere", ROLE_ENROL, "eth9", "", 39100, "10.20.0.5/32", 0, MALFORMED},
        {"enrolment on any interface", ROLE_ENROL, "", "", 39100, "10.20.0.5/32", 0, MALFORMED},
        {"the portal on a port that it has not", ROLE_PORTAL, "lo", "", 39444, "10.20.0.5/32", 0, MALFORMED},
        {"the portal elsewhere", ROLE_PORTAL, "eth9", "", 39443, "10.20.0.5/32", 0, MALFORMED},
        {"a role that has no door", ROLE_CAPTURE, "lo", "127.0.0.1", 39100, "10.20.0.5/32", 1, MALFORMED},
        {"the engine itself", ROLE_ENGINE, "lo", "127.0.0.1", 39100, "10.20.0.5/32", 1, MALFORMED},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        int rc = door(&cases[i]);
        if (rc != cases[i].rc)
            fail_msg("%s: %d", cases[i].what, rc);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(files, prepare, clean),
        cmocka_unit_test(doors),
    };

    if (geteuid() != 0) {
        printf("skip - test_parent_outlets: needs root, whose files they are\n");
        return 0;
    }
    if (!mkdtemp(dir))
        return 1;
    return cmocka_run_group_tests(tests, NULL, NULL);
}
