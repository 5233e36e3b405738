/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * WireGuard handshakes a second, while peers are added and removed by libkernel_rules.
 *
 *   shake PORT CHANGES SECONDS RUNS
 *
 * On the host of a wireguard-go that serves wg0: 400 peers whose keys this program has send their
 * first message round-robin, never more than 32 without an answer (beyond that WireGuard defends
 * itself with cookies, and a single peer is heard 50 times a second); in every other run another
 * thread adds and removes a peer CHANGES times a second. Counts the answers. The messages are those
 * of the WireGuard paper, section 5.4.2, with the ephemeral key of a peer used again.
 */
#include "tests/bench/bench.h"

#include <arpa/inet.h>
#include <blake2.h>
#include <pthread.h>
#include <sodium.h>
#include <stdatomic.h>
#include <sys/socket.h>

#include "kernel_rules/wireguard.h"

#define PEERS 400
#define WINDOW 32
#define INITIATION 148
#define RESPONSE 92

struct peer {
    uint8_t public[32], ephemeral[32];
    uint8_t with_ephemeral[32], with_static[32]; /* X25519 with the gateway's key */
};
static struct peer peers[PEERS];
static uint8_t gateway_secret[32], gateway_public[32], mac1_key[32];
static atomic_bool over;
static atomic_ulong changed;

/* ---- the first message ---------------------------------------------------------------------- */

static void hash2(uint8_t out[32], const void *a, size_t a_len, const void *b, size_t b_len)
{
    blake2s_state s;

    (void)blake2s_init(&s, 32);
    (void)blake2s_update(&s, a, a_len);
    (void)blake2s_update(&s, b, b_len);
    (void)blake2s_final(&s, out, 32);
}

static void hmac(uint8_t out[32], const uint8_t key[32], const void *text, size_t len)
{
    uint8_t pad[64];

    for (int i = 0; i < 64; i++)
        pad[i] = (uint8_t)((i < 32 ? key[i] : 0) ^ 0x36);
    hash2(out, pad, 64, text, len);
    for (int i = 0; i < 64; i++)
        pad[i] ^= 0x36 ^ 0x5c;
    hash2(out, pad, 64, out, 32);
}

/* chain and key from chain and input; key may be NULL. */
static void kdf(uint8_t chain[32], uint8_t *key, const uint8_t input[32])
{
    uint8_t secret[32], second[33];

    hmac(secret, chain, input, 32);
    hmac(chain, secret, "\x01", 1);
    memcpy(second, chain, 32);
    second[32] = 2;
    if (key)
        hmac(key, secret, second, sizeof second);
}

static void seal(uint8_t *out, const uint8_t *text, size_t len, uint8_t hash[32],
                 const uint8_t key[32])
{
    static const uint8_t nonce[12];

    (void)crypto_aead_chacha20poly1305_ietf_encrypt(out, NULL, text, len, hash, 32, NULL, nonce,
                                                    key);
    hash2(hash, hash, 32, out, len + 16);
}

static void stamp(uint8_t out[12])
{
    struct timespec t;

    clock_gettime(CLOCK_REALTIME, &t);
    const uint64_t s = 0x400000000000000au + (uint64_t)t.tv_sec;
    for (int i = 0; i < 8; i++)
        out[i] = (uint8_t)(s >> (56 - 8 * i));
    for (int i = 0; i < 4; i++)
        out[8 + i] = (uint8_t)((uint64_t)t.tv_nsec >> (24 - 8 * i));
}

static void initiation(uint8_t m[INITIATION], const struct peer *p, uint32_t index)
{
    static const char construction[] = "Noise_IKpsk2_25519_ChaChaPoly_BLAKE2s";
    static const char identifier[] = "WireGuard v1 zx2c4 Jason@zx2c4.com";
    uint8_t chain[32], hash[32], key[32], now[12];

    memset(m, 0, INITIATION);
    m[0] = 1;
    memcpy(m + 4, &index, 4);
    memcpy(m + 8, p->ephemeral, 32);
    hash2(chain, construction, sizeof construction - 1, NULL, 0);
    hash2(hash, chain, 32, identifier, sizeof identifier - 1);
    hash2(hash, hash, 32, gateway_public, 32);
    kdf(chain, NULL, p->ephemeral);
    hash2(hash, hash, 32, p->ephemeral, 32);
    kdf(chain, key, p->with_ephemeral);
    seal(m + 40, p->public, 32, hash, key);
    kdf(chain, key, p->with_static);
    stamp(now);
    seal(m + 88, now, sizeof now, hash, key);
    (void)blake2s(m + 116, m, mac1_key, 16, 116, 32);
}

/* ---- peers ---------------------------------------------------------------------------------- */

static void make_key(uint8_t secret[32], uint8_t public[32], const char *kind, uint32_t n)
{
    hash2(secret, kind, strlen(kind), &n, sizeof n);
    secret[0] &= 248;
    secret[31] = (uint8_t)((secret[31] & 127) | 64);
    need(crypto_scalarmult_base(public, secret) == 0, "a key");
}

static void make_peers(void)
{
    uint8_t secret[32];

    make_key(gateway_secret, gateway_public, "gateway", 0);
    hash2(mac1_key, "mac1----", 8, gateway_public, 32);
    for (uint32_t i = 0; i < PEERS; i++) {
        struct peer *p = &peers[i];
        make_key(secret, p->public, "static", i);
        need(crypto_scalarmult(p->with_static, secret, gateway_public) == 0, "a key");
        make_key(secret, p->ephemeral, "ephemeral", i);
        need(crypto_scalarmult(p->with_ephemeral, secret, gateway_public) == 0, "a key");
    }
}

static struct wg *program_peers(uint16_t port)
{
    struct wg *w;
    struct wg_key key;
    struct device d[PEERS];

    memcpy(key.b, gateway_secret, 32);
    need(wg_open(&w, "wg0", WG_USERSPACE) == 0 && wg_set_device(w, &key, port) == 0, "wireguard-go");
    for (uint32_t i = 0; i < PEERS; i++) {
        d[i] = bench_device(i + 1);
        memcpy(d[i].key.b, peers[i].public, 32);
    }
    need(wg_put_peers(w, d, PEERS) == 0, "peers");
    return w;
}

struct churn { struct wg *w; size_t per_second; };

/* One peer comes, one goes. */
static void *change_peers(void *arg)
{
    const struct churn *c = arg;
    int64_t next = now_ns();

    for (uint32_t i = 0; !over; i++) {
        const struct device d = bench_device(10000 + i / 2 % 1000);
        const int rc = i % 2 ? wg_drop_peers(c->w, &d.key, 1) : wg_put_peers(c->w, &d, 1);
        need(rc == 0, "a change of peers");
        changed++;
        next += 1000000000 / (int64_t)c->per_second;
        const int64_t wait = next - now_ns();
        if (wait > 0)
            nanosleep(&(struct timespec){.tv_nsec = wait}, NULL);
    }
    return NULL;
}

/* ---- shaking -------------------------------------------------------------------------------- */

static int open_socket(uint16_t port)
{
    const struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(port),
                                   .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    const struct timeval patience = {.tv_usec = 20000};
    const int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

    need(fd >= 0 && connect(fd, (const struct sockaddr *)&to, sizeof to) == 0 &&
             setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience) == 0,
         "socket");
    return fd;
}

/* Answers a second. A message that is not answered in 20 ms frees the whole window; a cookie, by which
 * WireGuard defends itself, frees its own place alone, or it would have to go on doing so. */
static double shake(int fd, size_t seconds)
{
    uint8_t m[INITIATION], answer[256];
    const int64_t start = now_ns(), end = start + (int64_t)seconds * 1000000000;
    unsigned long answers = 0;
    uint32_t sent = 0;
    int open = 0;

    while (now_ns() < end) {
        for (; open < WINDOW; open++, sent++) {
            initiation(m, &peers[sent % PEERS], sent);
            need(send(fd, m, sizeof m, 0) == sizeof m, "send");
        }
        const ssize_t n = recv(fd, answer, sizeof answer, 0);
        answers += n == RESPONSE && answer[0] == 2;
        open = n > 0 ? open - 1 : 0;
    }
    const int64_t took = now_ns() - start;
    while (recv(fd, answer, sizeof answer, 0) > 0)
        ; /* answers that are late would free places in the next run's window, run after run */
    return (double)answers * 1e9 / (double)took;
}

static void one_run(struct wg *w, int fd, size_t changes, size_t seconds, unsigned run)
{
    struct churn c = {w, changes};
    char labels[100];
    pthread_t thread;

    over = false;
    changed = 0;
    if (changes > 0)
        need(pthread_create(&thread, NULL, change_peers, &c) == 0, "thread");
    const double rate = shake(fd, seconds);
    over = true;
    if (changes > 0)
        pthread_join(thread, NULL);
    snprintf(labels, sizeof labels, "\"changes\":\"%zu/s\",\"what\":\"handshakes\"", changes);
    tell("handshake", labels, run, rate, "handshakes/s");
    if (changes == 0)
        return;
    snprintf(labels, sizeof labels, "\"changes\":\"%zu/s\",\"what\":\"peer changes\"", changes);
    tell("handshake", labels, run, (double)changed / (double)seconds, "changes/s");
}

int main(int argc, char **argv)
{
    need(argc == 5 && sodium_init() >= 0, "usage: shake PORT CHANGES SECONDS RUNS");
    const uint16_t port = (uint16_t)number(argv[1], 65535);
    const size_t changes = number(argv[2], 100000), seconds = number(argv[3], 1000);
    const unsigned runs = (unsigned)number(argv[4], 1000);

    make_peers();
    struct wg *w = program_peers(port);
    const int fd = open_socket(port);
    for (unsigned run = 0; run < runs; run++) {
        one_run(w, fd, 0, seconds, run);
        one_run(w, fd, changes, seconds, run);
    }
    wg_close(w);
    return 0;
}
