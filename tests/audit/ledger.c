/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Logs for tests and figures, by the daemon's own code.
 *
 *   ledger make DIR RECORDS HANDOVERS    DIR/audit, with so many keys one after the other
 *   ledger bench DIR RECORDS ROUNDS      records a second, beside as many bare fdatasync() writes
 */
#include <fcntl.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "gateway/audit.h"

#define BATCH 64
#define ROUNDS_MAX 99
#define DETAIL "{\"devices\":[{\"address4\":\"10.77.0.2\",\"name\":\"maria-laptop\"}],\"reason\":\"left\"}"

static void die(const char *what)
{
    perror(what);
    exit(1);
}

static struct audit *open_log(const char *path)
{
    static const struct audit_mark nothing;
    struct audit *a;
    uint64_t cut;
    char why[160] = "";
    int dir = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

    if (dir < 0)
        die(path);
    if (audit_open(&a, dir, "audit", "portcullis/test/audit", &nothing, &cut, why) < 0)
        fprintf(stderr, "%s\n", why);
    close(dir);
    return a;
}

static void add(struct audit *a, uint64_t i)
{
    char object[32];
    struct record r = {.type = RECORD_ACT, .time_us = 1700000000000000 + (int64_t)i, .uid = 1000,
                       .actor = "anna", .act = "user.revoke", .object = object, .detail = DETAIL};
    size_t n;

    snprintf(object, sizeof object, "user%llu", (unsigned long long)i);
    (void)audit_add(a, &r, &n);
}

static void write_out(struct audit *a)
{
    if (audit_write_pending(a) < 0)
        die("write");
}

static void sync_out(struct audit *a)
{
    struct audit_mark mark;

    write_out(a);
    if (audit_sync(a, &mark) < 0)
        die("fdatasync");
}

static int make(const char *path, uint64_t records, uint64_t handovers)
{
    struct audit *a = open_log(path);
    uint64_t every = handovers > 0 ? records / (handovers + 1) : 0;

    for (uint64_t i = 1; i <= records; i++) {
        add(a, i);
        write_out(a);
        if (every > 0 && i % every == 0 && i / every <= handovers &&
            audit_new_key(a, 1700000000 + (int64_t)i) < 0)
            die("new key");
    }
    sync_out(a);
    audit_close(a);
    return 0;
}

/* ---- figures -------------------------------------------------------------------------------- */

static double now(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

/* What a disk does at its best: as many bytes in the same steps, and nothing else. */
static void bare(const char *path, uint64_t records, uint64_t step)
{
    static const uint8_t block[180];
    int fd = openat(AT_FDCWD, path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

    for (uint64_t i = 1; i <= records; i++) {
        if (write(fd, block, sizeof block) != (ssize_t)sizeof block)
            die(path);
        if (i % step == 0 && fdatasync(fd) < 0)
            die(path);
    }
    close(fd);
}

static void logged(struct audit *a, uint64_t records, uint64_t step, bool sync)
{
    for (uint64_t i = 1; i <= records; i++) {
        add(a, i);
        if (i % step == 0 && sync)
            sync_out(a);
        else if (i % step == 0)
            write_out(a);
    }
    write_out(a);
}

enum kind { BARE_EACH, LOG_EACH, BARE_BATCH, LOG_BATCH, LOG_NONE, KINDS };

static double run(enum kind k, struct audit *a, const char *file, uint64_t records)
{
    double begin = now();

    switch (k) {
    case BARE_EACH:
        bare(file, records, 1);
        break;
    case LOG_EACH:
        logged(a, records, 1, true);
        break;
    case BARE_BATCH:
        bare(file, records * BATCH, BATCH);
        records *= BATCH;
        break;
    case LOG_BATCH:
        logged(a, records * BATCH, BATCH, true);
        records *= BATCH;
        break;
    default:
        logged(a, records * BATCH, 1, false);
        records *= BATCH;
    }
    return (double)records / (now() - begin);
}

static int by_size(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;

    return x < y ? -1 : x > y;
}

static int bench(const char *path, uint64_t records, uint64_t rounds)
{
    static const char *const names[KINDS] = {
        "bare write + fdatasync, each", "record, fsynced and signed, each",
        "bare writes, fdatasync each 64", "records, fsynced and signed each 64",
        "records, written, not fsynced"};
    static double rates[KINDS][ROUNDS_MAX];
    struct audit *a = open_log(path);
    char file[512];

    snprintf(file, sizeof file, "%s/bare", path);
    if (rounds == 0 || rounds > ROUNDS_MAX)
        rounds = 7;
    for (uint64_t i = 0; i < rounds; i++)
        for (int k = 0; k < KINDS; k++)
            rates[k][i] = run((enum kind)k, a, file, records);
    printf("%-38s %12s %12s %12s\n", "per second", "median", "least", "most");
    for (int k = 0; k < KINDS; k++) {
        qsort(rates[k], rounds, sizeof rates[k][0], by_size);
        printf("%-38s %12.0f %12.0f %12.0f\n", names[k], rates[k][rounds / 2], rates[k][0],
               rates[k][rounds - 1]);
    }
    printf("median of %llu interleaved rounds; a record here is %u bytes on disk and two hashes\n",
           (unsigned long long)rounds, 180u);
    audit_close(a);
    return unlink(file);
}

int main(int argc, char **argv)
{
    if (argc != 5 || sodium_init() < 0) {
        fprintf(stderr, "usage: ledger make DIR RECORDS HANDOVERS | bench DIR RECORDS ROUNDS\n");
        return 2;
    }
    uint64_t a = strtoull(argv[3], NULL, 10), b = strtoull(argv[4], NULL, 10);
    return strcmp(argv[1], "make") == 0 ? make(argv[2], a, b) : bench(argv[2], a, b);
}
