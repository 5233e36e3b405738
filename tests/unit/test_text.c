/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The portal's words stand in one table, in good form, and nowhere else: no page has any itself. */
#include <ctype.h>
#include <glob.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "gateway/page_text.h"

/* ---- the table -------------------------------------------------------------------------------- */

static const char *after(const char *s, const char *begin)
{
    return strncmp(s, begin, strlen(begin)) == 0 ? s + strlen(begin) : NULL;
}

static bool placeholder(const char *s)
{
    return s[0] == '{' && s[1] >= '1' && s[1] < '1' + TEXT_ARGUMENTS && s[2] == '}';
}

/* The piece of markup at s that words may have: where it ends. */
static const char *markup(const char *s)
{
    static const char *const TAGS[] = {"<b>", "</b>", "<code>", "</code>", "</a>", "&amp;"};
    const char *link = after(s, "<a href=\"");

    if (link && placeholder(link))
        return after(link + 3, "\">");
    for (size_t i = 0; i < sizeof TAGS / sizeof *TAGS; i++)
        if (after(s, TAGS[i]))
            return after(s, TAGS[i]);
    return NULL;
}

static size_t times_in(const char *s, const char *what)
{
    size_t n = 0;

    for (; (s = strstr(s, what)); s++)
        n++;
    return n;
}

static void each_is_well_formed(void **state)
{
    (void)state;
    for (enum text t = 0; t < TEXTS; t++) {
        const char *words = text_of(t);
        assert_true(words[0] != '\0');
        for (const char *s = words; *s != '\0'; s++) {
            if (*s == '<' || *s == '&') {
                s = markup(s);
                if (!s)
                    fail_msg("TEXT_%s has other markup: %s", text_name(t), words);
                s--;
            } else if ((*s == '{' && !placeholder(s)) || *s == '"' || (unsigned char)*s < ' ')
                fail_msg("TEXT_%s: %s", text_name(t), words);
        }
        assert_int_equal(times_in(words, "<b>"), times_in(words, "</b>"));
        assert_int_equal(times_in(words, "<code>"), times_in(words, "</code>"));
        assert_int_equal(times_in(words, "<a "), times_in(words, "</a>"));
    }
}

static void said_once(void **state)
{
    (void)state;
    for (enum text t = 0; t < TEXTS; t++)
        for (enum text u = 0; u < t; u++)
            if (strcmp(text_of(t), text_of(u)) == 0)
                fail_msg("TEXT_%s says the same as TEXT_%s", text_name(t), text_name(u));
}

static void arguments_are_escaped(void **state)
{
    (void)state;
    struct page p = {0};
    size_t len = 0;
    char out[32];

    page_say(&p, "<p>", TEXT_WHO_NAMED, "</p>", "<i>", "\"");
    page_say(&p, "<p>", TEXT_WHO_NAMED, "</p>", NULL);
    char *html = page_take(&p, &len);
    assert_string_equal(html, "<p><b>&lt;i&gt;</b> (&quot;)</p><p><b></b> ()</p>");
    free(html);
    assert_string_equal(page_words(out, sizeof out, TEXT_DATE, "Fri", "1", "May"), "Fri 1 May");
    assert_string_equal(page_words(out, 6, TEXT_DATE, "Fri", "1", "May"), "Fri 1");
}

/* ---- the pages -------------------------------------------------------------------------------- */

/* The next string literal behind s, without its quotes and escapes; NULL: no more. Comments and
 * lines of the preprocessor that include are passed over. */
static const char *literal(const char *s, char *out, size_t size)
{
    size_t n = 0;

    for (; *s != '"'; s++) {
        if (*s == '\0')
            return NULL;
        const char *end = after(s, "/*") ? strstr(s, "*/") : after(s, "#include") ? strchr(s, '\n') : s;
        s = after(s, "'\"'") ? s + 2 : end;
    }
    for (s++; *s != '"' && n + 1 < size; s++) {
        if (*s == '\\')
            out[n++] = *++s == 'n' ? '\n' : *s;
        else
            out[n++] = *s;
    }
    out[n] = '\0';
    return s + 1;
}

/* Takes out what is no words: whole tags, the end of one that began before and the beginning of
 * one that goes on, entities, and what printf and strftime put in. */
static void strip(char *s)
{
    char *to = s, *open = strchr(s, '<'), *close = strchr(s, '>');

    if (close && (!open || close < open))
        s = close + 1;
    while (*s != '\0') {
        if (*s == '<' || *s == '&') {
            char *end = strchr(s, *s == '<' ? '>' : ';');
            s = end ? end + 1 : s + strlen(s);
        } else if (*s == '%') {
            s += strspn(s, "%.*0123456789l");
            s += *s != '\0';
        } else
            *to++ = *s++;
    }
    *to = '\0';
}

/* Attributes that are read out hold words. */
static bool spoken_attribute(const char *s)
{
    static const char *const SPOKEN[] = {"aria-label=\"", "title=\"", "alt=\"", "placeholder=\""};

    for (size_t i = 0; i < sizeof SPOKEN / sizeof *SPOKEN; i++) {
        const char *at = strstr(s, SPOKEN[i]);
        if (at && isalpha((unsigned char)at[strlen(SPOKEN[i])]))
            return true;
    }
    return false;
}

/* A name of the engine's JSON, of a field or a state; or attributes alone. */
static bool is_name(const char *s)
{
    return s[0] == '"' || s[strspn(s, "abcdefghijklmnopqrstuvwxyz0123456789_.-/")] == '\0' ||
           strstr(s, "=\"") || s[strlen(s) - 1] == '=';
}

static bool has_words(const char *written)
{
    char rest[1024];

    snprintf(rest, sizeof rest, "%s", written);
    strip(rest);
    if (spoken_attribute(written))
        return true;
    if (strcmp(rest, written) == 0 && is_name(rest))
        return false;
    for (const char *s = rest; *s != '\0'; s++)
        if (isalpha((unsigned char)*s) && !is_name(rest))
            return true;
    return strpbrk(written, "<>") && strpbrk(rest, "abcdefghijklmnopqrstuvwxyz");
}

static void words_are_noticed(void **state)
{
    (void)state;
    static const struct {
        const char *written;
        bool words;
    } cases[] = {
        {"full_name", false},       {"<p class=\"note\">", false},  {"\">\n", false},
        {"<h1>Sign in</h1>", true}, {"<b>open</b>", true},          {" or newer", true},
        {"<a title=\"Home\">", true}, {"</b>, until ", true},       {"&middot; ", false},
        {"%H:%M", false},           {"type=\"password\" maxlength=\"256\" autocomplete=", false},
        {"Portcullis", true},       {"</span> (this one)", true},   {"<= ", false},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        if (has_words(cases[i].written) != cases[i].words)
            fail_msg("%s", cases[i].written);
}

static char *read_all(const char *path)
{
    FILE *f = fopen(path, "r");
    size_t size = 1u << 20;
    char *text = malloc(size);

    assert_non_null(f);
    assert_non_null(text);
    text[fread(text, 1, size - 1, f)] = '\0';
    fclose(f);
    return text;
}

static void no_page_has_words(void **state)
{
    (void)state;
    static char one[4096];
    size_t literals = 0;
    glob_t files;

    assert_int_equal(glob("gateway/page*.c", 0, NULL, &files), 0);
    for (size_t i = 0; i < files.gl_pathc; i++) {
        if (strcmp(files.gl_pathv[i], "gateway/page_style.c") == 0)
            continue;
        char *text = read_all(files.gl_pathv[i]);
        for (const char *s = text; (s = literal(s, one, sizeof one)); literals++)
            if (has_words(one))
                fail_msg("%s: \"%s\" belongs into gateway/text.def", files.gl_pathv[i], one);
        free(text);
    }
    assert_true(literals > 200);
    globfree(&files);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_is_well_formed), cmocka_unit_test(said_once),
        cmocka_unit_test(arguments_are_escaped), cmocka_unit_test(words_are_noticed),
        cmocka_unit_test(no_page_has_words),
    };
    return cmocka_run_group_tests_name("text", tests, NULL, NULL);
}
