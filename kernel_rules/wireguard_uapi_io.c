/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * WireGuard in user space: one exchange per connection on /var/run/wireguard/<iface>.sock, with
 * time limits and a bound on the reply. The texts are wireguard_uapi.c's. Buffers that held the
 * private key are wiped.
 */
#include "kernel_rules/wireguard_parts.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#define SILENCE_LIMIT_S 5          /* no byte either way for this long: -ETIMEDOUT */
#define EXCHANGE_LIMIT_S 30        /* the whole exchange */
#define FIRST_ROOM 65536u

static int connect_to(const struct wg *w)
{
    struct sockaddr_un sa = {.sun_family = AF_UNIX};
    const struct timeval limit = {.tv_sec = SILENCE_LIMIT_S};
    snprintf(sa.sun_path, sizeof sa.sun_path, "/var/run/wireguard/%s.sock", w->iface);

    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return -errno;
    if (setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit) != 0 ||
        setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit) != 0 ||
        connect(fd, (const struct sockaddr *)&sa, sizeof sa) != 0) {
        int rc = errno == EAGAIN ? -ETIMEDOUT : -errno;
        close(fd);
        return rc;
    }
    return fd;
}

int wg_uapi_probe(const struct wg *w)
{
    int fd = connect_to(w);
    if (fd < 0)
        return fd;
    close(fd);
    return 0;
}

static time_t seconds_now(void)
{
    struct timespec ts;
    clock_gettime(CLOCK_MONOTONIC, &ts);
    return ts.tv_sec;
}

static int io_error(void) { return errno == EAGAIN ? -ETIMEDOUT : -errno; }

static int write_all(int fd, const char *s, size_t len, time_t until)
{
    while (len > 0) {
        ssize_t n = send(fd, s, len, MSG_NOSIGNAL);
        if (n < 0 && errno != EINTR)
            return io_error();
        if (seconds_now() > until)
            return -ETIMEDOUT;
        if (n > 0) {
            s += n;
            len -= (size_t)n;
        }
    }
    return 0;
}

/* ---- the reply: a buffer that grows, and leaves no copy of a key behind ------------------ */

struct heard { char *s; size_t len, room; };

static void heard_clear(struct heard *h)
{
    if (h->s)
        explicit_bzero(h->s, h->len);
    free(h->s);
    *h = (struct heard){0};
}

static int heard_grow(struct heard *h)
{
    size_t room = h->room ? h->room * 2 : FIRST_ROOM;
    if (room > WG_REPLY_MAX)
        return -EMSGSIZE;
    char *s = malloc(room);
    if (!s)
        return -ENOMEM;
    if (h->s)
        memcpy(s, h->s, h->len);
    size_t len = h->len;
    heard_clear(h);
    *h = (struct heard){.s = s, .len = len, .room = room};
    return 0;
}

static bool heard_all(const struct heard *h)
{
    return h->len >= 2 && h->s[h->len - 1] == '\n' && h->s[h->len - 2] == '\n';
}

static int read_some(int fd, struct heard *h)
{
    int rc = h->len == h->room ? heard_grow(h) : 0;
    if (rc < 0)
        return rc;
    ssize_t n = recv(fd, h->s + h->len, h->room - h->len, 0);
    if (n == 0)
        return -EBADMSG;            /* the other side hung up before the empty line */
    if (n < 0)
        return errno == EINTR ? 0 : io_error();
    h->len += (size_t)n;
    return 0;
}

/* Only the end of a reply is an empty line. */
static int read_reply(int fd, struct heard *h, time_t until)
{
    int rc = 0;
    while (rc == 0 && !heard_all(h)) {
        rc = read_some(fd, h);
        if (rc == 0 && seconds_now() > until)
            rc = -ETIMEDOUT;
    }
    return rc;
}

static int exchange(struct wg *w, const char *request, size_t len, struct heard *h)
{
    time_t until = seconds_now() + EXCHANGE_LIMIT_S;
    int fd = connect_to(w);
    if (fd < 0)
        return fd;
    int rc = write_all(fd, request, len, until);
    if (rc == 0)
        rc = read_reply(fd, h, until);
    close(fd);
    return rc;
}

/* ---- the verbs ------------------------------------------------------------------------ */

static const char get[] = "get=1\n\n";

static int uapi_read(struct wg *w, struct wg_state *out)
{
    struct heard h = {0};
    *out = (struct wg_state){0};
    int rc = exchange(w, get, sizeof get - 1, &h);
    if (rc == 0)
        rc = wg_uapi_parse(h.s, h.len, &w->preshared, out);
    heard_clear(&h);
    return rc;
}

/* The protocol has no request for one peer: all are asked for, and looked through as text. */
static int uapi_count(struct wg *w, const struct wg_key *keys, size_t n, uint32_t *there)
{
    struct heard h = {0};
    int rc = exchange(w, get, sizeof get - 1, &h);
    if (rc == 0)
        rc = wg_uapi_count(h.s, h.len, keys, n, there);
    heard_clear(&h);
    return rc;
}

static int set(struct wg *w, const char *request, int len)
{
    struct heard h = {0};
    if (len < 0)
        return len;
    int rc = exchange(w, request, (size_t)len, &h);
    if (rc == 0)
        rc = wg_uapi_parse_status(h.s, h.len);
    heard_clear(&h);
    return rc;
}

static int uapi_set_device(struct wg *w, const struct wg_key *key, const uint16_t *port)
{
    char *text = malloc(WG_REQUEST_SIZE);
    if (!text)
        return -ENOMEM;
    int rc = set(w, text, wg_uapi_build_device(text, key, port));
    explicit_bzero(text, WG_REQUEST_SIZE);
    free(text);
    return rc;
}

static int uapi_put(struct wg *w, const struct device *d, size_t n)
{
    char *text = malloc(WG_REQUEST_SIZE);
    if (!text)
        return -ENOMEM;
    int rc = set(w, text, wg_uapi_build_put(text, d, n, &w->preshared));
    explicit_bzero(text, WG_REQUEST_SIZE);
    free(text);
    return rc;
}

static int uapi_end(struct wg *w, const struct wg_key *keys, size_t n, enum wg_end how)
{
    char *text = malloc(WG_REQUEST_SIZE);
    if (!text)
        return -ENOMEM;
    int rc = set(w, text, wg_uapi_build_end(text, keys, n, how));
    free(text);
    return rc;
}

const struct wg_ops wg_uapi_ops = {
    .read = uapi_read, .set_device = uapi_set_device, .put = uapi_put, .end = uapi_end,
    .count = uapi_count};
