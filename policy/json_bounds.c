/* SPDX-License-Identifier: GPL-2.0-or-later */
/* One pass over the bytes of a JSON text that counts what could hurt. */
#include "policy/json_bounds.h"

struct scan {
    const uint8_t *at, *end;
    size_t depth, members;
    bool array[JSON_DEPTH_MAX];      /* is the container at this depth an array? */
    size_t values[JSON_DEPTH_MAX];   /* its commas, plus one */
};

/* s->at is behind the opening quote; it is left behind the closing one, or at the end. */
static bool scan_string(struct scan *s)
{
    size_t bytes = 0;

    while (s->at < s->end && *s->at != '"') {
        if (*s->at == '\\' && s->end - s->at > 1)
            bytes += *++s->at == 'u' ? 0 : 1; /* the four digits behind u count themselves */
        else
            bytes++;
        s->at++;
        if (bytes > JSON_STRING_MAX)
            return false;
    }
    if (s->at < s->end)
        s->at++;
    return true;
}

static bool scan_open(struct scan *s, bool array)
{
    if (s->depth == JSON_DEPTH_MAX)
        return false;
    s->array[s->depth] = array;
    s->values[s->depth] = 1;
    s->depth++;
    return true;
}

static bool scan_comma(struct scan *s)
{
    if (s->depth == 0)
        return true;
    s->values[s->depth - 1]++;
    return !s->array[s->depth - 1] || s->values[s->depth - 1] <= JSON_ARRAY_MAX;
}

static bool scan_byte(struct scan *s)
{
    switch (*s->at++) {
    case '"':
        return scan_string(s);
    case '{':
        return scan_open(s, false);
    case '[':
        return scan_open(s, true);
    case '}':
    case ']':
        if (s->depth > 0)
            s->depth--;
        return true;
    case ':':
        return ++s->members <= JSON_MEMBERS_MAX;
    case ',':
        return scan_comma(s);
    default:
        return true;
    }
}

bool json_bounded(const uint8_t *text, size_t len)
{
    struct scan s = {.at = text, .end = text + len};

    while (s.at < s.end)
        if (!scan_byte(&s))
            return false;
    return true;
}

/* The UTF-8 sequences that move the cursor or the direction of what follows. */
static bool is_mover(const uint8_t *s, size_t len)
{
    if (len >= 2 && s[0] == 0xc2 && s[1] >= 0x80 && s[1] <= 0x9f)
        return true; /* C1 */
    if (len < 3 || s[0] != 0xe2)
        return false;
    if (s[1] == 0x80)
        return s[2] == 0x8e || s[2] == 0x8f || (s[2] >= 0xa8 && s[2] <= 0xae);
    return s[1] == 0x81 && s[2] >= 0xa6 && s[2] <= 0xa9;
}

bool text_printable(const char *s, size_t len)
{
    const uint8_t *p = (const uint8_t *)s;

    for (size_t i = 0; i < len; i++)
        if (p[i] < 0x20 || p[i] == 0x7f || is_mover(p + i, len - i))
            return false;
    return true;
}
