/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Rows and fields of comma-separated values, cut out in place. */
#include "admin/cli/csv.h"

#include <string.h>

static const char bom[] = "\xEF\xBB\xBF";

void csv_begin(struct csv *c, char *text, size_t len)
{
    *c = (struct csv){.at = text, .end = text + len, .sep = ',', .line = 1};
    if (memchr(text, 0, len))
        c->error = "there is a NUL byte: is this a text file?";
    if (strncmp(text, bom, sizeof bom - 1) == 0)
        c->at += sizeof bom - 1;
    size_t found = strcspn(c->at, ",;\t\r\n");
    if (c->at[found] == ';' || c->at[found] == '\t')
        c->sep = c->at[found];
}

/* Takes the quotes off: from behind the first to the closing one. NULL: there is none. */
static char *unquote(struct csv *c, char **field)
{
    char *in = c->at + 1, *out = in;

    *field = out;
    for (; in < c->end; in++) {
        if (*in == '"' && in[1] != '"')
            break;
        in += *in == '"';
        c->line += *in == '\n';
        *out++ = *in;
    }
    if (in == c->end) {
        c->error = "a quote is not closed";
        return NULL;
    }
    in++;
    in += strspn(in, " ");
    *out = 0;
    return in;
}

static char *plain(struct csv *c, char **field)
{
    char *in = c->at, *last;

    *field = in;
    while (in < c->end && *in != c->sep && *in != '\n' && *in != '\r')
        in++;
    for (last = in; last > *field && last[-1] == ' ';)
        last--;
    if (last < in)
        *last = 0;
    return in;
}

/* One field, and the character that ended it: the separator, '\n' or 0. */
static bool take_field(struct csv *c, char **field, char *ended)
{
    c->at += strspn(c->at, " ");
    char *in = *c->at == '"' ? unquote(c, field) : plain(c, field);

    if (!in)
        return false;
    *ended = *in;
    c->at = in < c->end ? in + 1 : in;
    if (*ended == '\r' && *c->at == '\n') {
        *ended = '\n';
        c->at++;
    }
    *in = 0;
    if (*ended == c->sep || *ended == '\n' || *ended == 0)
        return true;
    c->error = *ended == '\r' ? "a carriage return stands alone"
                              : "something follows a closing quote";
    return false;
}

static bool take_row(struct csv *c, struct csv_row *row)
{
    char ended = c->sep;

    row->line = c->line;
    for (row->n = 0; ended == c->sep; row->n++) {
        if (row->n == CSV_COLUMNS_MAX) {
            c->error = "there are too many columns";
            return false;
        }
        if (!take_field(c, &row->field[row->n], &ended))
            return false;
    }
    c->line += ended == '\n';
    return true;
}

static bool empty(const struct csv_row *row)
{
    for (size_t i = 0; i < row->n; i++)
        if (row->field[i][0])
            return false;
    return true;
}

bool csv_next(struct csv *c, struct csv_row *row)
{
    while (!c->error && c->at < c->end)
        if (take_row(c, row) && !empty(row))
            return true;
    return false;
}
