/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Statements and recovery. One error per statement: after it the parser skips to the next line at
 * the same depth of braces, or to the closing brace, and goes on, so that one run shows all.
 */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "policy/lang.h"

/* ---- tokens ------------------------------------------------------------------------------- */

void parser_start(struct parser *p, const char *text, size_t len, struct diags *diags)
{
    memset(p, 0, sizeof *p);
    memset(diags, 0, sizeof *diags);
    p->diags = diags;
    lex_start(&p->lex, text, len, diags);
    p->tok = lex_next(&p->lex);
}

void parse_advance(struct parser *p)
{
    if (token_is(&p->tok, "{"))
        p->depth++;
    else if (token_is(&p->tok, "}"))
        p->depth--;
    p->last = p->tok;
    p->tok = lex_next(&p->lex);
}

bool at_word(const struct parser *p, const char *word)
{
    return p->tok.kind == TOK_WORD && token_is(&p->tok, word);
}

bool at_sign(const struct parser *p, const char *sign)
{
    return p->tok.kind == TOK_SIGN && token_is(&p->tok, sign);
}

bool take_word(struct parser *p, const char *word)
{
    bool here = at_word(p, word);

    if (here)
        parse_advance(p);
    return here;
}

bool take_sign(struct parser *p, const char *sign)
{
    bool here = at_sign(p, sign);

    if (here)
        parse_advance(p);
    return here;
}

bool expect_sign(struct parser *p, const char *sign, const char *where)
{
    return take_sign(p, sign) || parse_fail(p, "", "'%s' expected %s", sign, where);
}

/* ---- errors ------------------------------------------------------------------------------- */

bool parse_fail_at(struct parser *p, const struct token *t, const char *hint, const char *fmt, ...)
{
    char text[192];
    va_list args;

    if (p->lost || p->oom)
        return false;
    p->lost = true;
    va_start(args, fmt);
    vsnprintf(text, sizeof text, fmt, args);
    va_end(args);
    diag_error(p->diags, t->pos, token_width(t), hint, "%s", text);
    return false;
}

bool parse_fail(struct parser *p, const char *hint, const char *fmt, ...)
{
    char text[160], shown[QUOTED];
    va_list args;

    va_start(args, fmt);
    vsnprintf(text, sizeof text, fmt, args);
    va_end(args);
    if (p->tok.kind == TOK_END)
        return parse_fail_at(p, &p->tok, hint, "%s, but the file ends", text);
    return parse_fail_at(p, &p->tok, hint, "%s, not '%s'", text,
                         diag_quote(p->tok.s, p->tok.len, shown));
}

bool parse_once(struct parser *p, bool *seen, const char *what)
{
    if (*seen)
        return parse_fail_at(p, &p->last, "remove one of the two",
                             "'%s' is given twice in this block", what);
    return *seen = true;
}

/* Skips what is left of a statement that began at this depth. */
static void recover(struct parser *p, int depth)
{
    while (p->tok.kind != TOK_END && !p->oom) {
        bool level = p->depth <= depth;

        if (level && (at_sign(p, "}") || p->tok.first_on_line))
            break;
        parse_advance(p);
    }
    p->lost = false;
}

/* ---- statements --------------------------------------------------------------------------- */

static const char *statement_word(const void *arg, size_t i)
{
    return ((const struct statement *)arg)[i].word;
}

static void unknown_statement(struct parser *p, const struct statement *table, const char *block)
{
    char shown[QUOTED], hint[128];

    diag_quote(p->tok.s, p->tok.len, shown);
    diag_suggest(shown, statement_word, table, hint, sizeof hint);
    parse_fail_at(p, &p->tok, hint, "'%s' is not a statement of %s", shown, block);
}

/* The line of this word; the table's last line when there is none. */
static const struct statement *find_statement(const struct parser *p, const struct statement *table)
{
    while (table->word && !at_word(p, table->word))
        table++;
    return table;
}

static void run_statement(struct parser *p, const struct statement *s)
{
    int depth = p->depth;

    parse_advance(p);
    s->parse(p);
    if (p->lost)
        recover(p, depth);
}

/* A word that opens a block of the file, at the left margin, inside a block: a brace is missing. */
static bool brace_missing(const struct parser *p)
{
    static const char *const openers[] = {"network", "resource", "remediation", "posture", "role",
                                          "tokens",  "test",     "company",     "gateway", "contact",
                                          "respond", "enrolment", "acknowledge", NULL};

    for (size_t i = 0; openers[i]; i++)
        if (at_word(p, openers[i]))
            return p->tok.pos.col == 1;
    return false;
}

/* Runs what the table's last line names for anything else; always takes at least one token. */
static void run_other(struct parser *p, const struct statement *s)
{
    size_t before = p->lex.at;
    int depth = p->depth;

    s->parse(p);
    if (!p->lost)
        return;
    if (p->lex.at == before)
        parse_advance(p);
    recover(p, depth);
}

static void skip_unknown(struct parser *p, const struct statement *table, const char *block)
{
    int depth = p->depth;

    unknown_statement(p, table, block);
    parse_advance(p);
    recover(p, depth);
}

void parse_block(struct parser *p, const char *block, const struct statement *table)
{
    if (!expect_sign(p, "{", "to open the block"))
        return;
    while (!p->oom && !at_sign(p, "}")) {
        const struct statement *s = find_statement(p, table);

        if (p->tok.kind == TOK_END || (!s->word && brace_missing(p))) {
            parse_fail(p, "", "'}' expected to close %s", block);
            p->depth--;
            p->lost = false;
            return;
        }
        if (take_sign(p, ";"))
            continue;
        if (s->word)
            run_statement(p, s);
        else if (s->parse)
            run_other(p, s);
        else
            skip_unknown(p, table, block);
    }
    take_sign(p, "}");
}

static void misplaced_statement(struct parser *p, const struct statement *table,
                                const char *const elsewhere[], const char *other_file)
{
    char shown[QUOTED], hint[64];

    for (size_t i = 0; elsewhere[i]; i++)
        if (at_word(p, elsewhere[i])) {
            snprintf(hint, sizeof hint, "it belongs in %s", other_file);
            parse_fail_at(p, &p->tok, hint, "'%s' is not a statement of this file",
                          diag_quote(p->tok.s, p->tok.len, shown));
            return;
        }
    if (at_sign(p, "}"))
        parse_fail_at(p, &p->tok, "", "'}' closes nothing");
    else
        unknown_statement(p, table, "this file");
}

void parse_file(struct parser *p, const struct statement *table, const char *const elsewhere[],
                const char *other_file)
{
    while (!p->oom && p->tok.kind != TOK_END) {
        const struct statement *s = find_statement(p, table);

        if (take_sign(p, ";"))
            continue;
        if (s->word) {
            run_statement(p, s);
            continue;
        }
        misplaced_statement(p, table, elsewhere, other_file);
        parse_advance(p);
        p->depth = p->depth < 0 ? 0 : p->depth;
        recover(p, 0);
    }
}

/* ---- memory ------------------------------------------------------------------------------- */

/* Arrays double: element n is past the room exactly when n is 0 or a power of two. */
bool parse_grow(struct parser *p, void *array, size_t n, size_t size)
{
    void *old, *bigger;

    memcpy(&old, array, sizeof old);
    if (n == 0 || (n & (n - 1)) == 0) {
        bigger = reallocarray(old, n ? 2 * n : 1, size);
        if (!bigger) {
            p->oom = true;
            return false;
        }
        memcpy(array, &bigger, sizeof bigger);
        old = bigger;
    }
    memset((char *)old + n * size, 0, size);
    return true;
}
