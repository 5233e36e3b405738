/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What surrounds the engine in fuzz_engine: clocks, a disk that can be full, a kernel that ends
 * leases by its own time, laptops with keys, and the ways to ask. The clocks and the reserve are
 * functions of the product's names: linked first, they are the ones that the engine calls.
 */
#ifndef TESTS_FUZZ_ENGINE_WORLD_H
#define TESTS_FUZZ_ENGINE_WORLD_H

#include <fcntl.h>
#include <ftw.h>
#include <sodium.h>
#include <sqlite3.h>

#include "deploy/agent/token_encode.h"
#include "gateway/control.h"
#include "tests/unit/engine_parent.h"

/* A gateway that asks whether its clock is synchronised. */
#define LAB_GATEWAY_SYNCED                                                                         \
    "gateway hq { tunnel wg0 { listen 51820 address 10.77.0.1/16 "                                 \
    "mtu 1420 portal 80 } outside eth0 office eth1 "                                               \
    "log { group 77 rate 100 } }\n"

static struct lab L = {.lock = PTHREAD_MUTEX_INITIALIZER};

/* ---- clocks --------------------------------------------------------------------------------- */

static struct {
    int64_t wall, boot_ms;
    bool synced;
} now;

struct wall clock_wall(void) { return (struct wall){now.wall}; }
int64_t clock_wall_us(void) { return now.wall * 1000000; }
int64_t clock_boot_ms(void) { return now.boot_ms; }
uint64_t clock_mono_ns(void) { return (uint64_t)now.boot_ms * 1000000u; }
bool clock_synchronised(void) { return now.synced; }

/* ---- disk ----------------------------------------------------------------------------------- */

#define RESERVE "reserve"
static struct {
    bool full, reserve;
    size_t room;
} disk;

/* The engine's reserve is made, and holds nothing. */
int posix_fallocate(int fd, off_t offset, off_t len)
{
    (void)fd, (void)offset, (void)len;
    return 0;
}

/* On a full disk: room there is only when the reserve was given back. */
static ssize_t disk_pwrite(int fd, const void *p, size_t n, off_t at)
{
    if (disk.full && disk.room < n && disk.reserve && access(RESERVE, F_OK) < 0) {
        disk.reserve = false;
        disk.room = 4u << 20;
    }
    if (disk.full && disk.room < n) {
        errno = ENOSPC;
        return -1;
    }
    disk.room -= disk.full ? n : 0;
    return pwrite(fd, p, n, at);
}

static void disk_watch(void)
{
    sqlite3_vfs *v = sqlite3_vfs_find(NULL);

    v->xSetSystemCall(v, "pwrite", (sqlite3_syscall_ptr)disk_pwrite);
    v->xSetSystemCall(v, "pwrite64", (sqlite3_syscall_ptr)disk_pwrite);
}

/* ---- directories ---------------------------------------------------------------------------- */

static char base[] = "/dev/shm/pcfuzz-engine-XXXXXX";
static int home = -1; /* where the corpus is named from */
static int quiet = -1, loud = -1;

static int remove_one(const char *path, const struct stat *st, int flag, struct FTW *f)
{
    (void)st, (void)flag;
    return f->level > 0 ? remove(path) : 0;
}

static void empty(const char *dir) { nftw(dir, remove_one, 4, FTW_DEPTH | FTW_PHYS); }

static void world_end(void)
{
    empty(base);
    rmdir(base);
}

/* What the engine has to say goes nowhere unless FUZZ_LOG is set; ours goes out. */
static void hush(bool on)
{
    if (getenv("FUZZ_LOG") == NULL)
        dup2(on ? quiet : loud, STDERR_FILENO);
}

void __sanitizer_set_report_fd(void *fd) __attribute__((weak));

static void world_begin(void)
{
    home = open(".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    quiet = open("/dev/null", O_WRONLY | O_CLOEXEC);
    loud = dup(STDERR_FILENO);
    if (home < 0 || quiet < 0 || loud < 0 || sodium_init() < 0 || !mkdtemp(base) ||
        atexit(world_end) != 0)
        abort();
    if (__sanitizer_set_report_fd)
        __sanitizer_set_report_fd((void *)(intptr_t)loud);
    disk_watch();
}

/* A new, empty directory to work in. */
static void enter_dir(const char *name)
{
    char path[64];

    snprintf(path, sizeof path, "%s/%s", base, name);
    empty(path);
    if ((mkdir(path, 0700) < 0 && errno != EEXIST) || chdir(path) < 0)
        abort();
    snprintf(L.dir, sizeof L.dir, "%s", path);
}

static char copy_from[64];

static int copy_one(const char *path, const struct stat *st, int flag, struct FTW *f)
{
    const char *name = path + strlen(copy_from) + 1;
    static char bytes[65536];
    ssize_t n;

    (void)st;
    if (f->level == 0 || strcmp(name, RESERVE) == 0)
        return 0;
    if (flag == FTW_D)
        return mkdir(name, 0700);
    int from = open(path, O_RDONLY | O_CLOEXEC);
    int to = open(name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (from < 0 || to < 0)
        abort();
    while ((n = read(from, bytes, sizeof bytes)) > 0)
        if (write(to, bytes, (size_t)n) != n)
            abort();
    close(from);
    close(to);
    return 0;
}

/* kill -9 at this moment: the files as they are, in another directory. */
static inline void crash_files(void)
{
    static unsigned crashes;

    snprintf(copy_from, sizeof copy_from, "%s", L.dir);
    enter_dir(crashes++ % 2 ? "b" : "c");
    if (nftw(copy_from, copy_one, 4, FTW_PHYS) != 0)
        abort();
}

/* ---- the kernel ----------------------------------------------------------------------------- */

/* Leases end by the kernel's own time, whatever the engine does. */
static inline void kernel_time(void)
{
    size_t kept = 0;

    for (size_t i = 0; i < L.dp.n_leases; i++)
        if (L.lease_end_ms[L.dp.leases[i].device] > now.boot_ms)
            L.dp.leases[kept++] = L.dp.leases[i];
    L.dp.n_leases = kept;
}

/* When the lease of this device ends by CLOCK_BOOTTIME; 0 = it has none. */
static inline int64_t kernel_lease_end(uint32_t index)
{
    return dataplane_lease(&L.dp, index) ? L.lease_end_ms[index] : 0;
}

static inline bool kernel_reaches(const struct device *d, unsigned last, uint16_t port)
{
    struct ip_addr dst = {.family = 4, .b = {10, 20, 0, (uint8_t)last}};
    enum deny_reason why;

    return dataplane_verdict(&L.dp, &d->addr4, &dst, 6, port, &why) == VERDICT_PERMIT;
}

/* ---- laptops -------------------------------------------------------------------------------- */

struct laptop {
    char name[16];
    struct ip_addr address;
    uint8_t secret[64], public[32], wg[32];
    char *last_token; /* accepted */
    char last_nonce[64];
};

static void laptop_make(struct laptop *t, unsigned i)
{
    uint8_t seed[32] = {0, (uint8_t)(i + 1)};

    snprintf(t->name, sizeof t->name, "d%u", i);
    crypto_sign_seed_keypair(t->public, t->secret, seed);
    crypto_scalarmult_base(t->wg, seed);
}

/* ---- asking --------------------------------------------------------------------------------- */

/* As the api role would bring it; the answer is owned by the caller. */
static json_t *ask(enum control_method method, const char *path, const char *query,
                   const char *body, int *status)
{
    static struct request q;

    memset(&q, 0, sizeof q);
    q.method = method;
    q.uid = 1000;
    q.arrived_us = clock_wall_us();
    q.arrived_ns = clock_mono_ns();
    snprintf(q.actor, sizeof q.actor, "anna");
    snprintf(q.path, sizeof q.path, "%s", path);
    q.body = (const uint8_t *)body;
    q.body_len = body ? strlen(body) : 0;
    struct reply r = control_answer(L.e, &q, query);
    control_after(L.e);
    *status = r.status;
    return r.body;
}

static int act(enum control_method method, const char *path, const char *query, const char *body)
{
    int status;

    json_decref(ask(method, path, query, body, &status));
    return status;
}

/* The portal's question of a laptop, which is known by its address. */
static json_t *ask_portal(const struct ip_addr *from, enum portal_verb verb, const char *body,
                          int *status)
{
    struct message m = {.type = MSG_PORTAL, .seq = 9, .fd = -1}, answer;
    struct writer w;
    struct reader r;
    int sv[2];
    size_t n;

    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, sv) < 0)
        abort();
    L.e->peer[ROLE_PORTAL] = channel_new(sv[0]);
    struct channel *portal = channel_new(sv[1]);
    writer_init(&w, 16384);
    put_u8(&w, (uint8_t)verb);
    put_addr(&w, from);
    put_blob(&w, body, strlen(body));
    m.body = w.v;
    m.len = w.n;
    if (portal_message(L.e, &m) != 0 || channel_receive(portal, &answer) != 1)
        abort();
    reader_init(&r, answer.body, answer.len);
    *status = get_u16(&r);
    const uint8_t *text = get_blob(&r, &n, 65536);
    json_t *o = json_loadb((const char *)text, n, 0, NULL);
    channel_free(portal);
    channel_free(L.e->peer[ROLE_PORTAL]);
    L.e->peer[ROLE_PORTAL] = NULL;
    writer_clear(&w);
    return o;
}

struct report {
    bool encrypted, pending, odd_key, broken;
    int64_t iat, life;
    const char *sub, *nonce;
};

static char *token_of(const struct laptop *t, const struct report *say)
{
    char jti[TOKEN_JTI_TEXT];

    token_jti(jti);
    json_t *pst =
        json_pack("{s:i,s:I,s:s,s:{s:s,s:s},s:{s:b},s:{s:i}}", "v", 1, "at", (json_int_t)say->iat,
                  "own", "corp", "os", "family", "debian", "ver", "12.7", "fde", "sys",
                  say->encrypted, "pend", "crit", (int)say->pending);
    struct token_fields f = {.iss = t->name,
                             .sub = say->sub ? say->sub : t->name,
                             .aud = "hq",
                             .ueid = "AQIDBAUGBwgJCgsMDQ4PEBE",
                             .jti = jti,
                             .nonce = say->nonce,
                             .iat = say->iat,
                             .exp = say->iat + say->life,
                             .wg_public = say->odd_key ? t->public : t->wg,
                             .pst = pst};
    json_t *claims = token_claims(&f);
    char *token = token_seal(t->name, claims, t->secret);
    if (!token)
        abort();
    if (say->broken)
        token[strlen(token) - 20] = token[strlen(token) - 20] == 'A' ? 'B' : 'A';
    json_decref(claims);
    json_decref(pst);
    return token;
}

#endif
