/* SPDX-License-Identifier: GPL-2.0-or-later */
/* RFC 3629, table of section 4, as one check after decoding. */
#include "policy/utf8.h"

static size_t length_of(uint8_t lead)
{
    if (lead < 0x80)
        return 1;
    if (lead >= 0xc2 && lead < 0xe0)
        return 2;
    if (lead >= 0xe0 && lead < 0xf0)
        return 3;
    return lead >= 0xf0 && lead < 0xf5 ? 4 : 0;
}

size_t utf8_char(const uint8_t *s, size_t n, uint32_t *cp)
{
    static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
    size_t len = n > 0 ? length_of(s[0]) : 0;
    if (len == 0 || len > n)
        return 0;
    uint32_t c = len == 1 ? s[0] : s[0] & (0x7fu >> len);
    for (size_t i = 1; i < len; i++) {
        if ((s[i] & 0xc0) != 0x80)
            return 0;
        c = c << 6 | (s[i] & 0x3fu);
    }
    if (c < least[len] || c > 0x10ffff || (c >= 0xd800 && c < 0xe000))
        return 0;
    *cp = c;
    return len;
}

bool utf8_valid(const uint8_t *s, size_t n)
{
    uint32_t cp;
    while (n > 0) {
        size_t len = utf8_char(s, n, &cp);
        if (len == 0)
            return false;
        s += len;
        n -= len;
    }
    return true;
}
