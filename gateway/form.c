/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Fields of a form, found and decoded. */
#include "gateway/form.h"

#include <string.h>

static int hex(uint8_t c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

static bool decode(const uint8_t *s, size_t len, char *out, size_t size, size_t *n)
{
    *n = 0;
    for (size_t i = 0; i < len; i++) {
        uint8_t c = s[i] == '+' ? ' ' : s[i];
        if (c == '%') {
            int high = len - i > 2 ? hex(s[i + 1]) : -1, low = len - i > 2 ? hex(s[i + 2]) : -1;
            if (high < 0 || low < 0)
                return false;
            c = (uint8_t)(high << 4 | low);
            i += 2;
        }
        if (*n == size)
            return false;
        out[(*n)++] = (char)c;
    }
    return true;
}

bool form_get(const uint8_t *body, size_t len, const char *name, char *out, size_t size, size_t *n)
{
    size_t name_len = strlen(name), found = 0;

    for (size_t at = 0; at < len;) {
        const uint8_t *field = body + at, *end = memchr(field, '&', len - at);
        size_t field_len = end ? (size_t)(end - field) : len - at;
        at += field_len + 1;
        if (field_len <= name_len || memcmp(field, name, name_len) != 0 || field[name_len] != '=')
            continue;
        if (found++ > 0 || !decode(field + name_len + 1, field_len - name_len - 1, out, size, n))
            return false;
    }
    return found == 1;
}
