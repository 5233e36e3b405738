/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What an admin's program may send, as the api role brings it: requests divided by 0x1e, each
 * "method digit, path, newline, query, newline, body", to a fresh engine with two people in it.
 * Whatever comes, a refusal has its form, and the parent holds exactly the devices that memory
 * says are enrolled.
 */
#include "tests/fuzz/engine_fresh.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static void ask(enum control_method method, const char *path, const char *query, const void *body,
                size_t len)
{
    static struct request q;

    memset(&q, 0, sizeof q);
    q.method = method;
    q.uid = 1000;
    snprintf(q.actor, sizeof q.actor, "anna");
    snprintf(q.path, sizeof q.path, "%s", path);
    q.body = body;
    q.body_len = len;
    struct reply r = control_answer(L.e, &q, query);
    judge(&r);
}

/* Up to `end`, as a C string without it; *p moves behind it. */
static size_t field(const uint8_t **p, const uint8_t *stop, int end, char *out, size_t size)
{
    const uint8_t *at = memchr(*p, end, (size_t)(stop - *p));
    size_t n = (size_t)((at ? at : stop) - *p);
    size_t keep = n < size ? n : size - 1;

    memcpy(out, *p, keep);
    out[keep] = '\0';
    *p = at ? at + 1 : stop;
    return n;
}

static void one(const uint8_t *p, size_t len)
{
    static const enum control_method methods[] = {CONTROL_GET, CONTROL_POST, CONTROL_PUT,
                                                  CONTROL_DELETE};
    const uint8_t *stop = p + len;
    char path[513], query[1025];

    if (len < 2)
        return;
    enum control_method method = methods[*p++ & 3];
    field(&p, stop, '\n', path, sizeof path);
    field(&p, stop, '\n', query, sizeof query);
    ask(method, path, query, p, (size_t)(stop - p));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    static const char maria[] = "{\"name\":\"maria\",\"roles\":[\"filing\"]}";
    static const char device[] = "{\"name\":\"laptop\",\"user\":\"maria\",\"wireguard_key\":"
                                 "\"Nlrd1XLgu9sRzHFqf32ELyYv9W4PF2JBdlFcTJz6WnQ=\"}";

    begin(LAB_GATEWAY);
    ask(CONTROL_POST, "/v1/users", "", maria, sizeof maria - 1);
    ask(CONTROL_POST, "/v1/devices", "", device, sizeof device - 1);
    for (const uint8_t *p = data, *stop = data + len; p < stop;) {
        const uint8_t *at = memchr(p, 0x1e, (size_t)(stop - p));
        size_t n = (size_t)((at ? at : stop) - p);
        one(p, n);
        (void)agree();
        p += n + 1;
    }
    leave();
    return 0;
}
