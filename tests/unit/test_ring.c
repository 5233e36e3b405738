/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The ring of capture files: bounded, numbered upwards, readable, and calm when the disk is full.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <pcap/pcap.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "gateway/ring.h"

#define FILE_BYTES 4096
#define PACKET 484 /* with its record header 500: 8 fit beside the file header */
#define NLOG 239

static char DIRECTORY[64];
static int DIRFD;

static int begin(void **state)
{
    (void)state;
    strcpy(DIRECTORY, "/tmp/pcedge-ring-XXXXXX");
    assert_non_null(mkdtemp(DIRECTORY));
    DIRFD = open(DIRECTORY, O_RDONLY | O_DIRECTORY);
    return DIRFD < 0;
}

static int end(void **state)
{
    (void)state;
    const struct dirent *e;
    DIR *d = opendir(DIRECTORY);
    while ((e = readdir(d)))
        if (e->d_name[0] != '.')
            unlinkat(DIRFD, e->d_name, 0);
    closedir(d);
    close(DIRFD);
    return rmdir(DIRECTORY);
}

/* Names that begin so; *bytes of them together. */
static int files(const char *prefix, size_t *bytes)
{
    int n = 0;
    const struct dirent *e;
    struct stat st;
    DIR *d = opendir(DIRECTORY);
    *bytes = 0;
    while ((e = readdir(d)))
        if (strncmp(e->d_name, prefix, strlen(prefix)) == 0) {
            assert_return_code(fstatat(DIRFD, e->d_name, &st, 0), 0);
            *bytes += (size_t)st.st_size;
            n++;
        }
    closedir(d);
    return n;
}

static uint32_t put(struct ring *r, int64_t now_ms, uint8_t tag)
{
    uint8_t packet[PACKET];
    memset(packet, tag, sizeof packet);
    return ring_put(r, now_ms, 1795322000250001, packet, sizeof packet);
}

/* Packets in file `number` as libpcap reads it, -1 = it does not; *tag of the first. */
static int read_back(uint32_t number, uint8_t *tag)
{
    char name[128], why[PCAP_ERRBUF_SIZE];
    struct pcap_pkthdr *h;
    const u_char *bytes;
    int n = 0, rc;
    snprintf(name, sizeof name, "%s/denied-%010u.pcap", DIRECTORY, number);
    pcap_t *p = pcap_open_offline(name, why);
    if (!p)
        return -1;
    assert_int_equal(pcap_datalink(p), NLOG);
    while ((rc = pcap_next_ex(p, &h, &bytes)) == 1) {
        assert_int_equal(h->caplen, PACKET);
        assert_int_equal(h->ts.tv_sec, 1795322000);
        assert_int_equal(h->ts.tv_usec, 250001);
        assert_int_equal(bytes[0], bytes[PACKET - 1]);
        if (n++ == 0)
            *tag = bytes[0];
    }
    assert_int_equal(rc, PCAP_ERROR_BREAK);
    pcap_close(p);
    return n;
}

static void bounded_and_readable(void **state)
{
    (void)state;
    size_t bytes;
    uint8_t tag = 0;
    struct ring *r = ring_open(DIRFD, 4, FILE_BYTES);
    assert_non_null(r);
    assert_int_equal(files("spare-", &bytes), 4);
    for (uint32_t i = 0; i < 100; i++)
        assert_int_equal(put(r, 0, (uint8_t)i), i / 8 + 1);
    assert_int_equal(ring_flush(r, 0), 0);
    assert_int_equal(files("denied-", &bytes), 4);
    assert_true(bytes <= 4 * FILE_BYTES);
    assert_int_equal(files("", &bytes), 4 + 2); /* with . and .. */
    for (uint32_t number = 10; number <= 13; number++) {
        assert_int_equal(read_back(number, &tag), number < 13 ? 8 : 4);
        assert_int_equal(tag, (number - 1) * 8);
    }
    ring_close(r);
}

static void numbers_go_on_after_a_restart(void **state)
{
    (void)state;
    size_t bytes;
    uint8_t tag;
    struct ring *r = ring_open(DIRFD, 4, FILE_BYTES);
    assert_int_equal(put(r, 0, 1), 1);
    ring_close(r);
    r = ring_open(DIRFD, 4, FILE_BYTES);
    assert_non_null(r);
    assert_int_equal(put(r, 0, 2), 2);
    ring_close(r);
    assert_int_equal(read_back(1, &tag), 1);
    assert_int_equal(read_back(2, &tag), 1);

    /* A start that keeps nothing changes nothing; what is not ours stays. */
    assert_return_code(mknodat(DIRFD, "denied-17.pcap", S_IFREG | 0600, 0), 0);
    assert_return_code(mknodat(DIRFD, "denied-0000000099.pcap.gz", S_IFREG | 0600, 0), 0);
    assert_return_code(mknodat(DIRFD, "denied-0000000041.pcap", S_IFREG | 0600, 0), 0);
    r = ring_open(DIRFD, 2, FILE_BYTES);
    assert_non_null(r);
    assert_int_equal(read_back(1, &tag), -1); /* beyond 2 files: the oldest went */
    assert_int_equal(read_back(2, &tag), 1);
    assert_int_equal(put(r, 0, 3), 42);
    ring_close(r);
    assert_int_equal(read_back(2, &tag), -1);
    assert_int_equal(read_back(42, &tag), 1);
    assert_int_equal(files("denied-17", &bytes), 1);
    assert_int_equal(files("denied-0000000099", &bytes), 1);
}

/* A limit of the file's size stands for the full disk. */
static void limit(rlim_t bytes)
{
    struct rlimit r;
    getrlimit(RLIMIT_FSIZE, &r);
    r.rlim_cur = bytes;
    setrlimit(RLIMIT_FSIZE, &r);
}

static void full_disk(void **state)
{
    (void)state;
    uint8_t tag = 0;
    size_t bytes;
    signal(SIGXFSZ, SIG_IGN);
    struct ring *r = ring_open(DIRFD, 2, FILE_BYTES);
    for (uint8_t i = 0; i < 3; i++)
        assert_int_equal(put(r, 0, i), 1);
    assert_int_equal(ring_flush(r, 0), 0);

    limit(2000);
    assert_int_equal(put(r, 1000, 3), 1);
    assert_int_equal(put(r, 1000, 4), 1);
    assert_int_equal(ring_flush(r, 1000), -1);
    assert_int_equal(ring_flush(r, 1000), 0);
    assert_int_equal(put(r, 1001, 5), 0);    /* rests */
    assert_int_equal(read_back(1, &tag), 3); /* whole records only */
    assert_int_equal(put(r, 31000, 6), 1);   /* tries again, in vain */
    assert_int_equal(ring_flush(r, 31000), -1);
    assert_int_equal(put(r, 32000, 7), 0);
    limit(RLIM_INFINITY);

    assert_int_equal(put(r, 61000, 8), 1);
    assert_int_equal(ring_flush(r, 61000), 0);
    assert_int_equal(put(r, 61001, 9), 1);
    ring_close(r);
    assert_int_equal(read_back(1, &tag), 5);
    assert_int_equal(files("denied-", &bytes), 1);
}

/* The disk is full when a file begins: it gets its header later, and only one file is spent. */
static void full_disk_at_the_beginning(void **state)
{
    (void)state;
    uint8_t tag = 0;
    signal(SIGXFSZ, SIG_IGN);
    struct ring *r = ring_open(DIRFD, 2, FILE_BYTES);
    limit(10);
    assert_int_equal(put(r, 0, 1), 1);
    assert_int_equal(ring_flush(r, 0), -1);
    limit(RLIM_INFINITY);
    assert_int_equal(put(r, 40000, 2), 1);
    assert_int_equal(ring_flush(r, 40000), 0);
    ring_close(r);
    assert_int_equal(read_back(1, &tag), 1);
    assert_int_equal(tag, 2);
}

static void what_does_not_fit(void **state)
{
    (void)state;
    static uint8_t large[1 << 20];
    struct ring *r = ring_open(DIRFD, 2, FILE_BYTES);
    assert_int_equal(ring_put(r, 0, 0, large, sizeof large), 0);
    assert_int_equal(ring_put(r, 0, 0, large, 8000), 1); /* larger than a file: alone in one */
    assert_int_equal(put(r, 0, 1), 2);
    ring_close(r);
}

static void no_directory(void **state)
{
    (void)state;
    assert_null(ring_open(-1, 2, FILE_BYTES));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(bounded_and_readable, begin, end),
        cmocka_unit_test_setup_teardown(numbers_go_on_after_a_restart, begin, end),
        cmocka_unit_test_setup_teardown(full_disk, begin, end),
        cmocka_unit_test_setup_teardown(full_disk_at_the_beginning, begin, end),
        cmocka_unit_test_setup_teardown(what_does_not_fit, begin, end),
        cmocka_unit_test(no_directory),
    };
    return cmocka_run_group_tests_name("ring", tests, NULL, NULL);
}
