/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the parent gives the engine for its outlets: files that are meant for that and no others,
 * and a door for the metrics that is never open to everybody. Needs root, whose files they are.
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

/* ---- the door ------------------------------------------------------------------------------- */

static int door(const char *iface, const char *listen, uint16_t port, const char *from, unsigned n)
{
    struct parent p = {0};
    struct ip_prefix net = {0};
    struct ip_addr a = {0};
    struct writer w, answer;
    struct reader r;

    snprintf(p.tunnel.office[0].name, IFACE_SIZE, "lo");
    p.tunnel.n_office = 1;
    assert_true(ip_parse(listen, strlen(listen), &a) &&
                prefix_parse(from, strlen(from), &net));
    p.doors[ROLE_API].fd[0] = -1;
    writer_init(&w, 4096);
    put_u8(&w, ROLE_API);
    put_text(&w, iface);
    put_addr(&w, &a);
    put_u16(&w, port);
    put_u8(&w, (uint8_t)n);
    for (unsigned i = 0; i < n; i++) {
        put_addr(&w, &net.addr);
        put_u8(&w, net.len);
    }
    reader_init(&r, w.v, w.n);
    writer_init(&answer, 100);
    int rc = request_door(&p, &r, &answer);
    if (rc == 0)
        assert_true(p.doors[ROLE_API].fd[0] >= 0);
    if (p.doors[ROLE_API].fd[0] >= 0)
        close(p.doors[ROLE_API].fd[0]);
    writer_clear(&w);
    return rc;
}

static void doors(void **state)
{
    static const struct { const char *what, *iface, *listen; uint16_t port; const char *from; unsigned n; int rc; } cases[] = {
        {"as it should be", "lo", "127.0.0.1", 39100, "10.20.0.5/32", 1, 0},
        {"IPv6", "lo", "::1", 39100, "fd20::/64", 1, 0},
        {"an interface that is no office", "eth9", "127.0.0.1", 39100, "10.20.0.5/32", 1, MALFORMED},
        {"no interface", "", "127.0.0.1", 39100, "10.20.0.5/32", 1, MALFORMED},
        {"no port", "lo", "127.0.0.1", 0, "10.20.0.5/32", 1, MALFORMED},
        {"for nobody", "lo", "127.0.0.1", 39100, "10.20.0.5/32", 0, MALFORMED},
        {"for everybody", "lo", "127.0.0.1", 39100, "0.0.0.0/0", 1, MALFORMED},
        {"for the other family", "lo", "127.0.0.1", 39100, "fd20::/64", 1, MALFORMED},
        {"for too many", "lo", "127.0.0.1", 39100, "10.20.0.5/32", DOOR_FROM_MAX + 1, MALFORMED},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        int rc = door(cases[i].iface, cases[i].listen, cases[i].port, cases[i].from, cases[i].n);
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
