/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What is wrong with a file, said so that a person can mend it: place, sentence, the line with a
 * caret, and a hint where one helps.
 */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "policy/lang.h"

#define LINE_SHOWN 160 /* bytes of a source line that are shown */

/* ---- what may be shown ---------------------------------------------------------------------- */

/* RFC 3629, without C0, C1, DEL, surrogates and the line separators. */
size_t printable_utf8(const char *s, size_t len)
{
    const unsigned char *u = (const unsigned char *)s;
    size_t n = u[0] < 0x80   ? 1
               : u[0] < 0xc2 ? 0
               : u[0] < 0xe0 ? 2
               : u[0] < 0xf0 ? 3
               : u[0] < 0xf5 ? 4
                             : 0;

    if (n == 0 || n > len || u[0] < ' ' || u[0] == 0x7f)
        return 0;
    for (size_t i = 1; i < n; i++)
        if ((u[i] & 0xc0) != 0x80)
            return 0;
    if ((u[0] == 0xc2 && u[1] < 0xa0) || (u[0] == 0xe0 && u[1] < 0xa0) ||
        (u[0] == 0xed && u[1] > 0x9f) || (u[0] == 0xf0 && u[1] < 0x90) ||
        (u[0] == 0xf4 && u[1] > 0x8f) || (u[0] == 0xe2 && u[1] == 0x80 && (u[2] & 0xfe) == 0xa8))
        return 0;
    return n;
}

/* ---- collecting --------------------------------------------------------------------------- */

static struct diag *diag_slot(struct diags *d, bool warning)
{
    if (warning)
        d->warnings++;
    else
        d->errors++;
    return d->n < POLICY_ERRORS_MAX ? &d->v[d->n++] : NULL;
}

static void diag_fill(struct diag *slot, struct src_pos pos, int width, const char *hint,
                      const char *fmt, va_list args) __attribute__((format(printf, 5, 0)));
static void diag_fill(struct diag *slot, struct src_pos pos, int width, const char *hint,
                      const char *fmt, va_list args)
{
    slot->pos = pos;
    slot->width = width > 0 ? width : 1;
    vsnprintf(slot->text, sizeof slot->text, fmt, args);
    if (snprintf(slot->hint, sizeof slot->hint, "%s", hint) < 0)
        slot->hint[0] = '\0';
}

void diag_error(struct diags *d, struct src_pos pos, int width, const char *hint, const char *fmt,
                ...)
{
    struct diag *slot = diag_slot(d, false);
    va_list args;

    if (!slot)
        return;
    slot->warning = false;
    va_start(args, fmt);
    diag_fill(slot, pos, width, hint, fmt, args);
    va_end(args);
}

void diag_warning(struct diags *d, struct src_pos pos, const char *hint, const char *fmt, ...)
{
    struct diag *slot = diag_slot(d, true);
    va_list args;

    if (!slot)
        return;
    slot->warning = true;
    va_start(args, fmt);
    diag_fill(slot, pos, 1, hint, fmt, args);
    va_end(args);
}

const char *diag_quote(const char *s, size_t len, char out[QUOTED])
{
    bool whole = len < QUOTED;
    size_t room = whole ? len : QUOTED - sizeof "..", n = 0;

    while (n < room) {
        size_t bytes = printable_utf8(s + n, len - n), put = bytes ? bytes : 1;

        if (n + put > room)
            break;
        memcpy(out + n, bytes ? s + n : "?", put);
        n += put;
    }
    memcpy(out + n, whole ? "" : "..", whole ? 1 : sizeof "..");
    return out;
}

/* ---- suggestions -------------------------------------------------------------------------- */

static size_t smallest(size_t a, size_t b, size_t c)
{
    size_t ab = a < b ? a : b;

    return ab < c ? ab : c;
}

/* Levenshtein's distance, row by row. Both are names: shorter than NAME_SIZE. */
static size_t edit_distance(const char *a, const char *b)
{
    size_t row[NAME_SIZE + 1], la = strlen(a), lb = strlen(b);

    if (la > NAME_SIZE || lb > NAME_SIZE)
        return NAME_SIZE;
    for (size_t j = 0; j <= lb; j++)
        row[j] = j;
    for (size_t i = 1; i <= la; i++) {
        size_t diagonal = row[0];

        row[0] = i;
        for (size_t j = 1; j <= lb; j++) {
            size_t above = row[j];

            row[j] = smallest(row[j] + 1, row[j - 1] + 1, diagonal + (a[i - 1] != b[j - 1]));
            diagonal = above;
        }
    }
    return row[lb];
}

void diag_suggest(const char *wrong, const char *(*at)(const void *arg, size_t i), const void *arg,
                  char *hint, size_t hint_size)
{
    size_t best = strlen(wrong) / 3 + 2;
    const char *nearest = NULL;

    for (size_t i = 0; at(arg, i); i++) {
        size_t d = edit_distance(wrong, at(arg, i));

        if (d < best && d < strlen(at(arg, i))) {
            best = d;
            nearest = at(arg, i);
        }
    }
    if (nearest)
        snprintf(hint, hint_size, "did you mean '%s'?", nearest);
    else
        hint[0] = '\0';
}

/* ---- printing ----------------------------------------------------------------------------- */

struct sink {
    char *out;
    size_t size, need;
};

static void sink_put(struct sink *s, char c)
{
    if (s->need + 1 < s->size)
        s->out[s->need] = c;
    s->need++;
}

/* Nothing from the source may steer a terminal or break a JSON text: each byte that is no
 * printable character becomes '?', a tab a blank. Returns how many columns that takes. */
static int sink_text(struct sink *s, const char *text, size_t len)
{
    int columns = 0;

    for (size_t at = 0; at < len; columns++) {
        size_t bytes = printable_utf8(text + at, len - at);

        if (bytes == 0)
            sink_put(s, text[at++] == '\t' ? ' ' : '?');
        for (; bytes > 0; bytes--)
            sink_put(s, text[at++]);
    }
    return columns;
}

static void sink_string(struct sink *s, const char *text)
{
    (void)sink_text(s, text, strlen(text));
}

static void sink_number(struct sink *s, int n)
{
    char digits[16];

    snprintf(digits, sizeof digits, "%d", n);
    sink_string(s, digits);
}

static const char *line_start(const char *text, size_t len, int line, size_t *line_len)
{
    const char *at = text, *end = text + len;

    for (; line > 1 && at < end; at++)
        if (*at == '\n')
            line--;
    const char *stop = at < end ? memchr(at, '\n', (size_t)(end - at)) : NULL;
    *line_len = (size_t)((stop ? stop : end) - at);
    return at;
}

static void sink_repeat(struct sink *s, char c, int times)
{
    while (times-- > 0)
        sink_put(s, c);
}

/* The first bytes of a line, cut between characters. */
static size_t cut_line(const char *line, size_t len)
{
    size_t n = 0;

    while (n < len) {
        size_t bytes = printable_utf8(line + n, len - n), step = bytes ? bytes : 1;

        if (n + step > LINE_SHOWN)
            break;
        n += step;
    }
    return n > 0 && line[n - 1] == '\r' ? n - 1 : n;
}

/* The line, and under it a caret at the word: columns are characters there, not bytes. */
static void sink_source(struct sink *s, const struct diag *d, const char *text, size_t len)
{
    struct sink nowhere = {NULL, 0, 0};
    size_t line_len, shown, before = (size_t)d->pos.col - 1;
    const char *line = line_start(text, len, d->pos.line, &line_len);
    int columns, caret;

    shown = cut_line(line, line_len);
    sink_string(s, "  ");
    columns = sink_text(s, line, shown);
    sink_put(s, '\n');
    if (before > shown)
        return;
    caret = sink_text(&nowhere, line, before);
    sink_repeat(s, ' ', 2 + caret);
    sink_put(s, '^');
    sink_repeat(s, '~', (d->width < columns - caret ? d->width : columns - caret) - 1);
    sink_put(s, '\n');
}

size_t diag_print(const struct diag *d, const char *file, const char *text, size_t text_len,
                  char *out, size_t out_size)
{
    struct sink s = {out, out_size, 0};

    sink_string(&s, file);
    sink_put(&s, ':');
    sink_number(&s, d->pos.line);
    sink_put(&s, ':');
    sink_number(&s, d->pos.col);
    sink_string(&s, d->warning ? ": warning: " : ": error: ");
    sink_string(&s, d->text);
    sink_put(&s, '\n');
    sink_source(&s, d, text, text_len);
    if (d->hint[0]) {
        sink_string(&s, "  hint: ");
        sink_string(&s, d->hint);
        sink_put(&s, '\n');
    }
    if (out_size > 0)
        out[s.need < out_size ? s.need : out_size - 1] = '\0';
    return s.need;
}
