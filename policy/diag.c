/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What is wrong with a file, said so that a person can mend it: place, sentence, the line with a
 * caret, and a hint where one helps.
 */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "policy/lang.h"

#define LINE_SHOWN 160           /* bytes of a source line that are shown */

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

const char *quote(const char *s, size_t len, char out[QUOTED])
{
    bool whole = len < QUOTED;
    size_t n = whole ? len : QUOTED - sizeof "..";

    for (size_t i = 0; i < n; i++)
        out[i] = (unsigned char)s[i] < ' ' || s[i] == 0x7f ? '?' : s[i];
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

void suggest(const char *wrong, const char *(*at)(const void *arg, size_t i), const void *arg,
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

struct word_list { const char *const *words; };

static const char *word_at(const void *arg, size_t i)
{
    return ((const struct word_list *)arg)->words[i];
}

void suggest_word(const char *wrong, const char *const words[], char *hint, size_t hint_size)
{
    struct word_list list = {words};

    suggest(wrong, word_at, &list, hint, hint_size);
}

/* ---- printing ----------------------------------------------------------------------------- */

struct sink { char *out; size_t size, need; };

static void sink_put(struct sink *s, char c)
{
    if (s->need + 1 < s->size)
        s->out[s->need] = c;
    s->need++;
}

/* Nothing from the source may steer a terminal: control characters become '?'. */
static void sink_text(struct sink *s, const char *text, size_t len)
{
    for (size_t i = 0; i < len; i++)
        sink_put(s, (unsigned char)text[i] < ' ' || text[i] == 0x7f ? '?' : text[i]);
}

static void sink_string(struct sink *s, const char *text) { sink_text(s, text, strlen(text)); }

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

/* A tab is shown as one blank, so that the caret stands under its byte. */
static void sink_source(struct sink *s, const struct diag *d, const char *text, size_t len)
{
    size_t line_len;
    const char *line = line_start(text, len, d->pos.line, &line_len);
    size_t shown = line_len < LINE_SHOWN ? line_len : LINE_SHOWN;
    int room = (int)shown - (d->pos.col - 1);

    if (shown > 0 && line[shown - 1] == '\r')
        shown--;
    sink_string(s, "  ");
    for (size_t i = 0; i < shown; i++)
        sink_text(s, line[i] == '\t' ? " " : &line[i], 1);
    sink_put(s, '\n');
    if (room < 0)
        return;
    sink_repeat(s, ' ', 2 + d->pos.col - 1);
    sink_put(s, '^');
    sink_repeat(s, '~', (d->width < room ? d->width : room) - 1);
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
