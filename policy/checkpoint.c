/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Checkpoints as text, strictly: what is read must be what would be written. */
#include "policy/checkpoint.h"

#include <inttypes.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TEXT_MAX (NOTE_NAME_SIZE + 24 + NOTE_BASE64(MERKLE_HASH))

size_t checkpoint_print(const struct checkpoint *c, char *out, size_t size)
{
    char root[NOTE_BASE64(MERKLE_HASH)];

    sodium_bin2base64(root, sizeof root, c->root.b, sizeof c->root.b,
                      sodium_base64_VARIANT_ORIGINAL);
    int n = snprintf(out, size, "%s\n%" PRIu64 "\n%s\n", c->origin, c->size, root);
    return n > 0 && (size_t)n < size ? (size_t)n : 0;
}

/* The line at *s: its start, and *s moved behind it. NULL: no '\n' in the n bytes that are left. */
static const char *line(const char **s, size_t *n, size_t *len)
{
    const char *start = *s, *end = memchr(start, '\n', *n);

    if (!end)
        return NULL;
    *len = (size_t)(end - start);
    *n -= *len + 1;
    *s = end + 1;
    return start;
}

static bool read_size(const char *s, size_t n, uint64_t *out)
{
    char digits[20] = "";

    if (n == 0 || n > 15)
        return false;
    memcpy(digits, s, n);
    if (strspn(digits, "0123456789") != n)
        return false;
    *out = strtoull(digits, NULL, 10);
    return *out <= MERKLE_SIZE_MAX;
}

size_t checkpoint_parse(const char *s, size_t n, struct checkpoint *out)
{
    const char *at = s, *origin, *size, *root;
    char again[TEXT_MAX];
    size_t len[3];

    memset(out, 0, sizeof *out);
    if (!(origin = line(&at, &n, &len[0])) || len[0] >= sizeof out->origin ||
        !(size = line(&at, &n, &len[1])) || !read_size(size, len[1], &out->size) ||
        !(root = line(&at, &n, &len[2])) ||
        !note_base64(root, len[2], out->root.b, sizeof out->root.b))
        return 0;
    memcpy(out->origin, origin, len[0]);
    size_t whole = (size_t)(at - s);
    return checkpoint_print(out, again, sizeof again) == whole && memcmp(again, s, whole) == 0
               ? whole : 0;
}

size_t checkpoint_sign(const struct checkpoint *c, const struct note_key *k,
                       const uint8_t secret[64], char out[CHECKPOINT_MAX])
{
    char text[TEXT_MAX];

    return note_sign(text, checkpoint_print(c, text, sizeof text), k, secret, out, CHECKPOINT_MAX);
}

int checkpoint_open(const char *note, size_t n, const struct note_key *k, struct checkpoint *out)
{
    size_t text = note_open(note, n, k);

    if (text == 0 || checkpoint_parse(note, text, out) != text)
        return -1;
    return strcmp(out->origin, k->name) == 0 ? 0 : -1;
}
