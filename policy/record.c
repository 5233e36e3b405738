/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Records to bytes and back. */
#include "policy/record.h"

#include <string.h>

#include "policy/utf8.h"

#define VERSION_1 1

/* ---- writing -------------------------------------------------------------------------------- */

struct out { uint8_t *p; size_t left; bool failed; };

static void put(struct out *o, const void *p, size_t n)
{
    if (o->failed || n > o->left) {
        o->failed = true;
        return;
    }
    memcpy(o->p, p, n);
    o->p += n;
    o->left -= n;
}

static void put_number(struct out *o, uint64_t v, size_t bytes)
{
    uint8_t b[8];

    for (size_t i = 0; i < bytes; i++)
        b[i] = (uint8_t)(v >> 8 * (bytes - 1 - i));
    put(o, b, bytes);
}

static void put_text(struct out *o, const char *s, size_t max)
{
    size_t n = strlen(s);

    if (n > max || !utf8_valid((const uint8_t *)s, n))
        o->failed = true;
    put_number(o, n, 4);
    put(o, s, n + 1);
}

static size_t detail_max(unsigned type)
{
    return type == RECORD_ATTEMPTS ? RECORD_BATCH_MAX : RECORD_DETAIL_MAX;
}

size_t record_encode(const struct record *r, uint8_t *out, size_t size)
{
    struct out o = {.p = out, .left = size};

    put_number(&o, VERSION_1, 1);
    put_number(&o, r->type, 1);
    put_number(&o, r->number, 8);
    put_number(&o, (uint64_t)r->time_us, 8);
    put_number(&o, r->uid, 4);
    put_text(&o, r->actor, RECORD_ACTOR_MAX);
    put_text(&o, r->act, RECORD_ACT_MAX);
    put_text(&o, r->object, RECORD_OBJECT_MAX);
    put_text(&o, r->detail, detail_max(r->type));
    return o.failed ? 0 : (size_t)(o.p - out);
}

/* ---- reading -------------------------------------------------------------------------------- */

struct in { const uint8_t *p; size_t left; bool failed; };

static uint64_t get_number(struct in *in, size_t bytes)
{
    uint64_t v = 0;

    if (in->failed || in->left < bytes) {
        in->failed = true;
        return 0;
    }
    for (size_t i = 0; i < bytes; i++)
        v = v << 8 | *in->p++;
    in->left -= bytes;
    return v;
}

static const char *get_text(struct in *in, size_t max)
{
    size_t n = (size_t)get_number(in, 4);
    const uint8_t *s = in->p;

    if (in->failed || n > max || in->left < n + 1 || s[n] != 0 || memchr(s, 0, n) ||
        !utf8_valid(s, n)) {
        in->failed = true;
        return "";
    }
    in->p += n + 1;
    in->left -= n + 1;
    return (const char *)s;
}

int record_decode(const uint8_t *p, size_t n, struct record *out)
{
    struct in in = {.p = p, .left = n};
    uint64_t version = get_number(&in, 1), type = get_number(&in, 1);

    if (version != VERSION_1 || type < RECORD_ACT || type > RECORD_REMOVED)
        return -1;
    out->type = (enum record_type)type;
    out->number = get_number(&in, 8);
    out->time_us = (int64_t)get_number(&in, 8);
    out->uid = (uint32_t)get_number(&in, 4);
    out->actor = get_text(&in, RECORD_ACTOR_MAX);
    out->act = get_text(&in, RECORD_ACT_MAX);
    out->object = get_text(&in, RECORD_OBJECT_MAX);
    out->detail = get_text(&in, detail_max(out->type));
    return in.failed || in.left > 0 ? -1 : 0;
}

uint32_t record_length(const uint8_t frame[RECORD_FRAME])
{
    struct in in = {.p = frame, .left = RECORD_FRAME};

    return (uint32_t)get_number(&in, RECORD_FRAME);
}

void record_frame(uint32_t length, uint8_t frame[RECORD_FRAME])
{
    struct out o = {.p = frame, .left = RECORD_FRAME};

    put_number(&o, length, RECORD_FRAME);
}

void record_fit(char *s, size_t max)
{
    size_t left = strlen(s), n = 0;
    uint32_t c;

    while (left > 0) {
        size_t one = utf8_char((const uint8_t *)s + n, left, &c);
        if (one == 0) {
            s[n] = '?';
            one = 1;
        }
        if (n + one > max)
            break;
        n += one;
        left -= one;
    }
    s[n] = '\0';
}
