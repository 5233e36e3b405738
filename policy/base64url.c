/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The decoder. Not libsodium's: 1.0.18 looks at seven bits of a character and takes 0xdf for
 * '_', so that a text had several spellings; and what is decoded here is public.
 */
#include "policy/base64url.h"

/* One more than the value of each character; 0: it is none of the alphabet's. */
static const uint8_t value_plus_one[256] = {
    ['A'] = 1, ['B'] = 2, ['C'] = 3, ['D'] = 4, ['E'] = 5, ['F'] = 6, ['G'] = 7, ['H'] = 8,
    ['I'] = 9, ['J'] = 10, ['K'] = 11, ['L'] = 12, ['M'] = 13, ['N'] = 14, ['O'] = 15, ['P'] = 16,
    ['Q'] = 17, ['R'] = 18, ['S'] = 19, ['T'] = 20, ['U'] = 21, ['V'] = 22, ['W'] = 23, ['X'] = 24,
    ['Y'] = 25, ['Z'] = 26, ['a'] = 27, ['b'] = 28, ['c'] = 29, ['d'] = 30, ['e'] = 31, ['f'] = 32,
    ['g'] = 33, ['h'] = 34, ['i'] = 35, ['j'] = 36, ['k'] = 37, ['l'] = 38, ['m'] = 39, ['n'] = 40,
    ['o'] = 41, ['p'] = 42, ['q'] = 43, ['r'] = 44, ['s'] = 45, ['t'] = 46, ['u'] = 47, ['v'] = 48,
    ['w'] = 49, ['x'] = 50, ['y'] = 51, ['z'] = 52, ['0'] = 53, ['1'] = 54, ['2'] = 55, ['3'] = 56,
    ['4'] = 57, ['5'] = 58, ['6'] = 59, ['7'] = 60, ['8'] = 61, ['9'] = 62, ['-'] = 63, ['_'] = 64,
};

/* The n characters at s as one number; false: one of them does not belong. */
static bool take(const char *s, size_t n, uint32_t *out)
{
    *out = 0;
    for (size_t i = 0; i < n; i++) {
        const uint8_t v = value_plus_one[(uint8_t)s[i]];

        if (v == 0)
            return false;
        *out = *out << 6 | (uint32_t)(v - 1);
    }
    return true;
}

static void put(uint32_t bits, size_t n, uint8_t *out)
{
    for (size_t i = n; i > 0; i--) {
        out[i - 1] = (uint8_t)bits;
        bits >>= 8;
    }
}

/* Two or three characters make one or two bytes and bits that are left over: those are zero, or
 * a text would have several spellings. A lone character is no byte. */
static bool decode_end(const char *s, size_t len, uint8_t *out, size_t room, size_t *n)
{
    const uint32_t spare = len == 2 ? 4 : 2;
    uint32_t bits;

    *n = len > 0 ? len - 1 : 0;
    if (len == 0)
        return true;
    if (len == 1 || *n > room || !take(s, len, &bits) || (bits & ((1u << spare) - 1)) != 0)
        return false;
    put(bits >> spare, *n, out);
    return true;
}

bool base64url_decode(const char *s, size_t len, uint8_t *out, size_t size, size_t *n)
{
    size_t used = 0, rest;
    uint32_t bits;

    for (; len >= 4; s += 4, len -= 4, used += 3) {
        if (size - used < 3 || !take(s, 4, &bits))
            return false;
        put(bits, 3, out + used);
    }
    if (!decode_end(s, len, out + used, size - used, &rest))
        return false;
    *n = used + rest;
    return true;
}
