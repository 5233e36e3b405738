/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A client for one HTTP/1.1 exchange: the head parsed strictly, every size bounded.
 */
#include "admin/cli/http.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#define ANSWER_LIMIT_S 60          /* applying a policy to 100,000 devices takes its time */

/* ---- the head ------------------------------------------------------------------------------ */

/* Digits only (RFC 9110 8.6), at most nine of them. */
static bool take_length(const char *s, size_t len, size_t *out)
{
    size_t v = 0;
    if (len == 0 || len > 9)
        return false;
    for (size_t i = 0; i < len; i++) {
        if (s[i] < '0' || s[i] > '9')
            return false;
        v = v * 10 + (size_t)(s[i] - '0');
    }
    *out = v;
    return v <= HTTP_BODY_MAX;
}

static bool take_status(const char *s, size_t len, int *status)
{
    if (len < 13 || memcmp(s, "HTTP/1.1 ", 9) != 0 || s[12] != ' ')
        return false;
    for (size_t i = 9; i < 12; i++)
        if (s[i] < '0' || s[i] > '9')
            return false;
    *status = (s[9] - '0') * 100 + (s[10] - '0') * 10 + (s[11] - '0');
    return *status >= 200;
}

static bool is_name(const char *s, size_t len, const char *name)
{
    return strlen(name) == len && strncasecmp(s, name, len) == 0;
}

static bool take_field(const char *s, size_t len, size_t *body, bool *has_length)
{
    const char *colon = memchr(s, ':', len);
    if (!colon || colon == s || memchr(s, ' ', (size_t)(colon - s)))
        return false;
    size_t name = (size_t)(colon - s), at = name + 1;
    while (at < len && (s[at] == ' ' || s[at] == '\t'))
        at++;
    while (len > at && (s[len - 1] == ' ' || s[len - 1] == '\t'))
        len--;
    if (is_name(s, name, "Transfer-Encoding"))
        return false;
    if (!is_name(s, name, "Content-Length"))
        return true;
    if (*has_length)
        return false;
    *has_length = true;
    return take_length(s + at, len - at, body);
}

/* The length of the line at s without its CR LF, or -1 when it holds a bare CR, LF or a NUL. */
static ssize_t line_length(const char *s, const char *end)
{
    for (const char *p = s; p < end; p++) {
        if (p[0] == '\r')
            return p + 1 < end && p[1] == '\n' ? p - s : -1;
        if (p[0] == '\n' || p[0] == 0)
            return -1;
    }
    return -1;
}

int http_parse_head(const char *s, size_t len, int *status, size_t *head, size_t *body)
{
    const char *stop = memmem(s, len, "\r\n\r\n", 4);
    bool has_length = false, first = true;
    if (!stop)
        return len >= HTTP_HEAD_MAX ? -EBADMSG : 0;
    *head = (size_t)(stop - s) + 4;
    if (*head > HTTP_HEAD_MAX)
        return -EBADMSG;
    for (const char *at = s; at < stop; first = false) {
        ssize_t n = line_length(at, stop + 2);
        if (n < 0 || !(first ? take_status(at, (size_t)n, status)
                             : take_field(at, (size_t)n, body, &has_length)))
            return -EBADMSG;
        at += n + 2;
    }
    return has_length ? 1 : -EBADMSG;
}

/* ---- the exchange -------------------------------------------------------------------------- */

static int connect_to(const char *path)
{
    struct sockaddr_un sa = {.sun_family = AF_UNIX};
    const struct timeval limit = {.tv_sec = ANSWER_LIMIT_S};
    if (strlen(path) >= sizeof sa.sun_path)
        return -ENAMETOOLONG;
    memcpy(sa.sun_path, path, strlen(path));
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return -errno;
    if (setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit) != 0 ||
        setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit) != 0 ||
        connect(fd, (const struct sockaddr *)&sa, sizeof sa) != 0) {
        int rc = -errno;
        close(fd);
        return rc;
    }
    return fd;
}

static int send_all(int fd, const char *s, size_t len)
{
    while (len > 0) {
        ssize_t n = send(fd, s, len, MSG_NOSIGNAL);
        if (n < 0 && errno != EINTR)
            return errno == EAGAIN ? -ETIMEDOUT : -errno;
        if (n > 0) {
            s += n;
            len -= (size_t)n;
        }
    }
    return 0;
}

static int send_request(int fd, const struct http_request *q)
{
    char *head = NULL, length[64] = "";
    if (q->body)
        snprintf(length, sizeof length, "Content-Length: %zu\r\n", q->len);
    int n = asprintf(&head,
                     "%s %s HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n%s%s%s%s%s%s%s\r\n",
                     q->method, q->target, q->actor ? "Portcullis-Actor: " : "",
                     q->actor ? q->actor : "", q->actor ? "\r\n" : "",
                     q->body ? "Content-Type: " : "", q->body ? q->type : "", q->body ? "\r\n" : "",
                     length);
    if (n < 0)
        return -ENOMEM;
    int rc = send_all(fd, head, (size_t)n);
    free(head);
    return rc < 0 || !q->body ? rc : send_all(fd, q->body, q->len);
}

/* Reads into s until `want` bytes are there; -EBADMSG when the other side ends before. */
static int read_until(int fd, char *s, size_t *have, size_t want)
{
    while (*have < want) {
        ssize_t n = recv(fd, s + *have, want - *have, 0);
        if (n < 0 && errno != EINTR)
            return errno == EAGAIN ? -ETIMEDOUT : -errno;
        if (n == 0)
            return -EBADMSG;
        *have += n > 0 ? (size_t)n : 0;
    }
    return 0;
}

static int read_head(int fd, char *s, size_t *have, int *status, size_t *head, size_t *body)
{
    for (;;) {
        int rc = http_parse_head(s, *have, status, head, body);
        if (rc != 0)
            return rc;
        ssize_t n = recv(fd, s + *have, HTTP_HEAD_MAX - *have, 0);
        if (n == 0)
            return -EBADMSG;
        if (n < 0 && errno != EINTR)
            return errno == EAGAIN ? -ETIMEDOUT : -errno;
        *have += n > 0 ? (size_t)n : 0;
    }
}

static int read_reply(int fd, struct http_reply *out)
{
    char first[HTTP_HEAD_MAX];
    size_t have = 0, head = 0, body = 0;
    int rc = read_head(fd, first, &have, &out->status, &head, &body);
    if (rc < 0)
        return rc;
    have -= head;
    if (have > body)
        return -EBADMSG;
    out->body = malloc(body + 1);
    if (!out->body)
        return -ENOMEM;
    memcpy(out->body, first + head, have);
    out->body[body] = 0;
    out->len = body;
    return read_until(fd, out->body, &have, body);
}

int http_exchange(const char *socket_path, const struct http_request *q, struct http_reply *out)
{
    *out = (struct http_reply){0};
    int fd = connect_to(socket_path);
    if (fd < 0)
        return fd;
    /* A refusal may come before the whole body went out: what was answered counts. */
    int sent = send_request(fd, q);
    int rc = sent == 0 || sent == -EPIPE ? read_reply(fd, out) : sent;
    close(fd);
    if (rc < 0) {
        free(out->body);
        *out = (struct http_reply){0};
    }
    return rc;
}
