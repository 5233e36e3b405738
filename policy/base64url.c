/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The decoder. Not libsodium's: 1.0.18 looks at seven bits of a character and takes 0xdf for
 * '_', so that a text had several spellings; and what is decoded here is public.
 */
#include "policy/base64url.h"

static int value_of(char c)
{
    if (c >= 'A' && c <= 'Z')
        return c - 'A';
    if (c >= 'a' && c <= 'z')
        return c - 'a' + 26;
    if (c >= '0' && c <= '9')
        return c - '0' + 52;
    if (c == '-')
        return 62;
    return c == '_' ? 63 : -1;
}

bool base64url_decode(const char *s, size_t len, uint8_t *out, size_t size, size_t *n)
{
    unsigned kept = 0, bits = 0; /* `bits` bits that do not make a byte yet */
    size_t used = 0;

    for (size_t i = 0; i < len; i++) {
        int value = value_of(s[i]);

        if (value < 0)
            return false;
        kept = kept << 6 | (unsigned)value;
        bits += 6;
        if (bits < 8)
            continue;
        if (used == size)
            return false;
        bits -= 8;
        out[used++] = (uint8_t)(kept >> bits);
        kept &= (1u << bits) - 1;
    }
    if (kept != 0 || bits == 6) /* a lone character is no byte, unused bits are zero */
        return false;
    *n = used;
    return true;
}
