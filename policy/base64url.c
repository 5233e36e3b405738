/* SPDX-License-Identifier: GPL-2.0-or-later */
/* libsodium's decoder, with what it leaves to its caller: the end of the text, and the alphabet
 * (1.0.18 looks at seven bits of a character and takes 0xdf for '_'). */
#include "policy/base64url.h"

#include <sodium.h>

static bool in_alphabet(const char *s, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        bool letter = (s[i] >= 'A' && s[i] <= 'Z') || (s[i] >= 'a' && s[i] <= 'z');

        if (!letter && !(s[i] >= '0' && s[i] <= '9') && s[i] != '-' && s[i] != '_')
            return false;
    }
    return true;
}

bool base64url_decode(const char *s, size_t len, uint8_t *out, size_t size, size_t *n)
{
    const char *end = NULL;
    size_t written = 0;

    if (!in_alphabet(s, len))
        return false;
    if (len > 0 && (sodium_base642bin(out, size, s, len, NULL, &written, &end,
                                      sodium_base64_VARIANT_URLSAFE_NO_PADDING) != 0 ||
                    end != s + len))
        return false;
    *n = written;
    return true;
}
