/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What reaches the terminal. No library: startup counts.
 */
#include "admin/cli/term.h"

#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

/* ---- harmless text ------------------------------------------------------------------------ */

/* One character of UTF-8 (RFC 3629): its length, 0 when it is none. */
static size_t decode(const unsigned char *s, size_t len, uint32_t *c)
{
    static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
    size_t n = s[0] < 0x80 ? 1 : s[0] >= 0xf0 ? 4 : s[0] >= 0xe0 ? 3 : 2;
    if (n == 1) {
        *c = s[0];
        return 1;
    }
    if (s[0] < 0xc2 || s[0] > 0xf4 || n > len)
        return 0;
    uint32_t v = s[0] & (0x7fu >> n);
    for (size_t i = 1; i < n; i++) {
        if ((s[i] & 0xc0) != 0x80)
            return 0;
        v = v << 6 | (s[i] & 0x3fu);
    }
    *c = v;
    return v < least[n] || v > 0x10ffff || (v >= 0xd800 && v <= 0xdfff) ? 0 : n;
}

static bool harmful(uint32_t c)
{
    return c < 0x20 || (c >= 0x7f && c < 0xa0) || c == 0xad || c == 0x61c || c == 0x180e ||
           (c >= 0x200b && c <= 0x200f) || (c >= 0x2028 && c <= 0x202e) ||
           (c >= 0x2060 && c <= 0x206f) || c == 0xfeff || (c >= 0xfff0 && c <= 0xfffb) ||
           (c >= 0xe0000 && c <= 0xe0fff);
}

/* The next piece of s as it may be shown, in piece[]; how many bytes of s it stands for. */
static size_t next_piece(const char *s, size_t len, char piece[16])
{
    uint32_t c = 0;
    size_t n = decode((const unsigned char *)s, len, &c);
    if (n == 0 || (n == 1 && harmful(c)))
        snprintf(piece, 16, "\\x%02x", (unsigned char)s[0]);
    else if (harmful(c))
        snprintf(piece, 16, "\\u{%x}", c);
    else {
        memcpy(piece, s, n);
        piece[n] = 0;
    }
    return n ? n : 1;
}

const char *term_escape(const char *s, size_t len, char *out, size_t size)
{
    size_t at = 0;
    char piece[16];
    while (len > 0) {
        size_t n = next_piece(s, len, piece), w = strlen(piece);
        if (at + w + 3 > size) {
            memcpy(out + at, "..", 2);
            at += 2;
            break;
        }
        memcpy(out + at, piece, w);
        at += w;
        s += n;
        len -= n;
    }
    out[at] = 0;
    return out;
}

const char *term_safe(const char *s, char out[TERM_SAFE])
{
    return term_escape(s ? s : "", s ? strlen(s) : 0, out, TERM_SAFE);
}

void term_lines(FILE *out, const char *s)
{
    char piece[16];
    for (size_t len = strlen(s), n; len > 0; s += n, len -= n) {
        n = 1;
        if (*s == '\n' || *s == '\t') {
            fputc(*s, out);
            continue;
        }
        n = next_piece(s, len, piece);
        fputs(piece, out);
    }
}

const char *term_colour(FILE *out, enum colour c)
{
    static const char *const codes[] = {"\033[0m",  "\033[32m", "\033[31m",
                                        "\033[33m", "\033[1m",  "\033[2m"};
    const char *no = getenv("NO_COLOR");
    return (no && *no) || !isatty(fileno(out)) ? "" : codes[c];
}

/* ---- times -------------------------------------------------------------------------------- */

const char *term_time(int64_t t, char out[32])
{
    struct tm tm;
    time_t when = (time_t)t;
    if (!localtime_r(&when, &tm) || strftime(out, 32, "%Y-%m-%d %H:%M:%S", &tm) == 0)
        snprintf(out, 32, "?");
    return out;
}

const char *term_span(int64_t s, char out[32])
{
    if (s < 0)
        s = 0;
    if (s < 60)
        snprintf(out, 32, "%ds", (int)s);
    else if (s < 3600)
        snprintf(out, 32, "%dm %ds", (int)(s / 60), (int)(s % 60));
    else if (s < 86400)
        snprintf(out, 32, "%dh %dm", (int)(s / 3600), (int)(s % 3600 / 60));
    else
        snprintf(out, 32, "%lldd %dh", (long long)(s / 86400), (int)(s % 86400 / 3600));
    return out;
}

/* ---- tables ------------------------------------------------------------------------------- */

static size_t shown_width(const char *s)
{
    size_t n = 0;
    for (; *s; s++)
        n += ((unsigned char)*s & 0xc0) != 0x80;
    return n;
}

/* The byte length of the first `width` characters. */
static size_t bytes_of(const char *s, size_t width)
{
    size_t i = 0;
    for (; s[i]; i++)
        if (((unsigned char)s[i] & 0xc0) != 0x80 && width-- == 0)
            break;
    return i;
}

void table_cell(struct table *t, const char *text)
{
    char safe[TERM_SAFE];
    if (t->n == t->room) {
        size_t room = t->room ? t->room * 2 : 128;
        char **cells = reallocarray(t->cells, room, sizeof *cells);
        if (!cells)
            abort();
        t->cells = cells;
        t->room = room;
    }
    t->cells[t->n] = strdup(term_safe(text, safe));
    if (!t->cells[t->n++])
        abort();
}

void table_begin(struct table *t, size_t columns, const char *const *heads)
{
    *t = (struct table){.columns = columns < TABLE_COLUMNS ? columns : TABLE_COLUMNS};
    for (size_t i = 0; i < t->columns; i++)
        table_cell(t, heads[i]);
}

static size_t screen_width(FILE *out)
{
    struct winsize ws;
    if (!isatty(fileno(out)))
        return SIZE_MAX;
    return ioctl(fileno(out), TIOCGWINSZ, &ws) == 0 && ws.ws_col >= 40 ? ws.ws_col : 80;
}

static void print_row(const struct table *t, size_t row, const size_t *widths, FILE *out)
{
    size_t left = screen_width(out);
    for (size_t i = 0; i < t->columns; i++) {
        const char *cell = t->cells[row + i];
        if (i + 1 == t->columns) {
            bool cut = shown_width(cell) > left;
            fprintf(out, "%.*s%s\n", (int)bytes_of(cell, cut ? left - 2 : left), cell,
                    cut ? ".." : "");
            return;
        }
        fprintf(out, "%s%*s", cell, (int)(widths[i] - shown_width(cell) + 2), "");
        left = left > widths[i] + 2 ? left - widths[i] - 2 : 8;
    }
}

void table_print(struct table *t, FILE *out)
{
    size_t widths[TABLE_COLUMNS] = {0};
    for (size_t i = 0; i < t->n; i++) {
        size_t w = shown_width(t->cells[i]);
        if (w > widths[i % t->columns])
            widths[i % t->columns] = w;
    }
    for (size_t row = 0; row + t->columns <= t->n; row += t->columns) {
        fputs(row == 0 ? term_colour(out, BOLD) : "", out);
        print_row(t, row, widths, out);
        fputs(row == 0 ? term_colour(out, PLAIN) : "", out);
    }
    for (size_t i = 0; i < t->n; i++)
        free(t->cells[i]);
    free(t->cells);
    *t = (struct table){0};
}
