/* SPDX-License-Identifier: GPL-2.0-or-later */
/* One item of CBOR after the other: see cbor.h. */
#include "gateway/cbor.h"

#define MAJOR_SIMPLE 7
#define SIMPLE_FALSE 20
#define SIMPLE_NULL 22

static size_t left(const struct cbor *c) { return (size_t)(c->end - c->at); }

/* The first byte of an item, and the number that goes with it. */
static bool head(struct cbor *c, unsigned *major, uint64_t *value)
{
    if (left(c) == 0)
        return false;
    unsigned first = *c->at++, low = first & 31;
    *major = first >> 5;
    *value = low;
    if (low < 24)
        return true;
    if (low > 27)
        return false;
    size_t n = (size_t)1 << (low - 24);
    if (left(c) < n)
        return false;
    *value = 0;
    for (size_t i = 0; i < n; i++)
        *value = *value << 8 | *c->at++;
    return true;
}

bool cbor_string(struct cbor *c, enum cbor_major kind, const uint8_t **v, size_t *n)
{
    unsigned major;
    uint64_t len;

    if (!head(c, &major, &len) || major != kind || len > left(c))
        return false;
    *v = c->at;
    *n = (size_t)len;
    c->at += len;
    return true;
}

/* A member has a byte at least: no number is larger than what is left. */
bool cbor_members(struct cbor *c, enum cbor_major kind, size_t *n)
{
    unsigned major;
    uint64_t count;

    if (!head(c, &major, &count) || major != kind || count > left(c))
        return false;
    *n = (size_t)count;
    return true;
}

bool cbor_negative(struct cbor *c, int64_t *v)
{
    unsigned major;
    uint64_t value;

    if (!head(c, &major, &value) || major != CBOR_NEGATIVE || value > INT32_MAX)
        return false;
    *v = -1 - (int64_t)value;
    return true;
}

static bool skip(struct cbor *c, unsigned depth)
{
    unsigned major;
    uint64_t value;

    if (!head(c, &major, &value))
        return false;
    switch (major) {
    case CBOR_UNSIGNED:
    case CBOR_NEGATIVE:
        return true;
    case CBOR_BYTES:
    case CBOR_TEXT:
        if (value > left(c))
            return false;
        c->at += value;
        return true;
    case CBOR_ARRAY:
    case CBOR_MAP:
        if (depth == 0 || value > left(c))
            return false;
        for (uint64_t i = 0; i < value * (major == CBOR_MAP ? 2 : 1); i++)
            if (!skip(c, depth - 1))
                return false;
        return true;
    case MAJOR_SIMPLE:
        return value >= SIMPLE_FALSE && value <= SIMPLE_NULL;
    }
    return false;
}

bool cbor_skip(struct cbor *c) { return skip(c, CBOR_DEPTH); }

bool cbor_done(const struct cbor *c) { return c->at == c->end; }
