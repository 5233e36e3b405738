/* SPDX-License-Identifier: GPL-2.0-or-later */
/* libsodium's decoder, with the two things asked of it that it leaves to its caller. */
#include "policy/base64url.h"

#include <sodium.h>

bool base64url_decode(const char *s, size_t len, uint8_t *out, size_t size, size_t *n)
{
    const char *end = NULL;
    size_t written = 0;

    if (len == 0) {
        *n = 0;
        return true;
    }
    if (sodium_base642bin(out, size, s, len, NULL, &written, &end,
                          sodium_base64_VARIANT_URLSAFE_NO_PADDING) != 0)
        return false;
    if (end != s + len)
        return false;
    *n = written;
    return true;
}
