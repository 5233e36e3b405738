/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What anybody outside may send to enrol: bodies divided by 0x1e, from two addresses by turns, to a
 * fresh engine that has invited a person twice. "@T" and "@C" stand for the token and the code of
 * the first invitation, "@U" and "@D" for those of the second. Whatever comes, each invitation is
 * redeemed once at most, a device is there for each that was, and for nothing else.
 */
#include "gateway/engine_enrol.h"
#include "tests/fuzz/engine_fresh.h"

#define GATEWAY "gateway hq { tunnel wg0 { listen 51820 address 10.77.0.1/16, fd77:acc::1/64 "     \
                "endpoint 192.0.2.1 } outside eth0 office eth1 clock host enrol { listen 8443 } }\n"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static struct invite_words words[2];
static int64_t ids[2];

static void invite(int which)
{
    struct invite x = {.user = 1, .state = INVITE_OPEN, .corp = true, .by = "anna",
                       .made = clock_wall(), .until = {clock_wall().s + 600},
                       .end_boot_ms = clock_boot_ms() + 600000};

    invite_draw(&x, &words[which]);
    store_begin(L.e->store);
    ids[which] = store_add_invite(L.e->store, &x);
    must(store_commit(L.e->store) == STORE_OK);
}

static const char *word(uint8_t sign)
{
    switch (sign) {
    case 'T':
        return words[0].token;
    case 'C':
        return words[0].code;
    case 'U':
        return words[1].token;
    case 'D':
        return words[1].code;
    default:
        return NULL;
    }
}

/* The body with its words filled in; what has no room is cut. */
static size_t fill(const uint8_t *p, size_t n, char *out, size_t size)
{
    size_t at = 0;

    for (size_t i = 0; i < n && at + 1 < size; i++) {
        const char *w = p[i] == '@' && i + 1 < n ? word(p[i + 1]) : NULL;
        size_t k = w ? strlen(w) : 1;
        if (at + k >= size)
            break;
        memcpy(out + at, w ? w : (const char *)p + i, k);
        at += k;
        i += w != NULL;
    }
    return at;
}

static bool used(int which)
{
    struct invite x;

    must(store_get_invite(L.e->store, ids[which], &x));
    must(x.state != INVITE_USED || dev_by_index(L.e, x.device));
    return x.state == INVITE_USED;
}

static bool one(const uint8_t *p, size_t n, uint8_t place)
{
    static char body[ENROL_BODY_MAX];
    struct ip_addr from = {4, {192, 0, 2, place}};
    struct reply r = enrol_answer(L.e, &from, (const uint8_t *)body, fill(p, n, body, sizeof body));
    bool in = r.status == 201;

    must(in || r.status == 400 || r.status == 403 || r.status == 409 || r.status == 429);
    judge(&r);
    return in;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    size_t in = 0;
    uint8_t turn = 0;
    struct request q = {.method = CONTROL_POST, .uid = 1000, .path = "/v1/users", .actor = "anna"};
    static const char maria[] = "{\"name\":\"maria\",\"roles\":[\"filing\"]}";

    begin(GATEWAY);
    q.body = (const uint8_t *)maria;
    q.body_len = sizeof maria - 1;
    struct reply r = control_answer(L.e, &q, "");
    must(r.status == 201);
    judge(&r);
    invite(0);
    invite(1);
    for (const uint8_t *p = data, *stop = data + len; p < stop;) {
        const uint8_t *at = memchr(p, 0x1e, (size_t)(stop - p));
        size_t n = (size_t)((at ? at : stop) - p);
        in += one(p, n, turn++ & 1);
        must(in == agree() && in == (size_t)used(0) + (size_t)used(1));
        p += n + 1;
    }
    leave();
    return 0;
}
