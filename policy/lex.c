/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Bytes to tokens. A word is deliberately wide (it holds addresses, ports, times and names), so
 * that the parser can say "10.20.0.300 is not an address" instead of "unexpected '.'".
 */
#include <string.h>

#include "policy/lang.h"

void lex_start(struct lexer *l, const char *text, size_t len, struct diags *diags)
{
    *l = (struct lexer){text, len, 0, {1, 1}, true, diags};
}

static int peek(const struct lexer *l, size_t ahead)
{
    return l->at + ahead < l->len ? (unsigned char)l->text[l->at + ahead] : -1;
}

static void step(struct lexer *l)
{
    if (l->text[l->at++] == '\n') {
        l->pos.line++;
        l->pos.col = 1;
        l->line_start = true;
    } else {
        l->pos.col++;
    }
}

static bool is_word_byte(int c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           (c > 0 && strchr("._:/+-[]%", c) != NULL);
}

static void skip_blank(struct lexer *l)
{
    for (int c; (c = peek(l, 0)) >= 0;) {
        if (c == '#')
            while (peek(l, 0) >= 0 && peek(l, 0) != '\n')
                step(l);
        else if (c == ' ' || c == '\t' || c == '\n' || (c == '\r' && peek(l, 1) == '\n'))
            step(l);
        else
            return;
    }
}

/* Length of the sign at hand: 0 when there is none. */
static size_t sign_length(const struct lexer *l)
{
    int c = peek(l, 0), next = peek(l, 1);

    if ((c == '<' || c == '>' || c == '=' || c == '!') && next == '=')
        return 2;
    return c > 0 && strchr("{}(),;<>", c) ? 1 : 0;
}

static void take_bytes(struct lexer *l, struct token *t, size_t n)
{
    t->len = n;
    while (n-- > 0)
        step(l);
}

/* The quoted text on this line; a missing quote ends it with the line. */
static void take_string(struct lexer *l, struct token *t)
{
    step(l);
    t->kind = TOK_STRING;
    t->s = l->text + l->at;
    while (peek(l, 0) >= 0 && peek(l, 0) != '"' && peek(l, 0) != '\n') {
        if (peek(l, 0) == '\\' && (peek(l, 1) == '"' || peek(l, 1) == '\\'))
            step(l);
        step(l);
    }
    t->len = (size_t)(l->text + l->at - t->s);
    if (peek(l, 0) == '"')
        step(l);
    else
        diag_error(l->diags, t->pos, 1, "a quoted text ends on its own line",
                   "the closing quote is missing");
}

/* A run of bytes that belong to nothing is one error. */
static void refuse_bytes(struct lexer *l)
{
    struct src_pos pos = l->pos;
    const char *from = l->text + l->at;
    char shown[QUOTED];
    int width = 0;

    while (peek(l, 0) > ' ' && peek(l, 0) != '"' && peek(l, 0) != '#' && !sign_length(l) &&
           !is_word_byte(peek(l, 0))) {
        step(l);
        width++;
    }
    if (width == 0) {
        step(l);
        width = 1;
    }
    diag_error(l->diags, pos, width, "", "'%s' has no meaning here",
               diag_quote(from, (size_t)width, shown));
}

struct token lex_next(struct lexer *l)
{
    for (;;) {
        struct token t = {.kind = TOK_END};
        size_t n = 0;

        skip_blank(l);
        t.pos = l->pos;
        t.first_on_line = l->line_start;
        t.s = l->text + l->at;
        if (l->at == l->len)
            return t;
        while (is_word_byte(peek(l, n)))
            n++;
        t.kind = n ? TOK_WORD : TOK_SIGN;
        if (n || (n = sign_length(l)) != 0)
            take_bytes(l, &t, n);
        else if (peek(l, 0) == '"')
            take_string(l, &t);
        else
            t.kind = TOK_END;
        l->line_start = false;
        if (t.kind != TOK_END)
            return t;
        refuse_bytes(l);
    }
}

bool token_is(const struct token *t, const char *word)
{
    return t->kind != TOK_END && t->kind != TOK_STRING && t->len == strlen(word) &&
           memcmp(t->s, word, t->len) == 0;
}

int token_width(const struct token *t)
{
    size_t quotes = t->kind == TOK_STRING ? 2 : 0;

    return t->len + quotes > 0 ? (int)(t->len + quotes) : 1;
}
