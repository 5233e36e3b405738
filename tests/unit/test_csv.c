/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Comma-separated values, as spreadsheets write them and as they should not. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "admin/cli/csv.h"

/* Rows as "a|b|c/d|e", then "!LINE error". */
static void show(const char *text, size_t len, char *out, size_t size)
{
    struct csv c;
    struct csv_row row;
    char *copy = malloc(len + 1);
    size_t at = 0;

    memcpy(copy, text, len);
    copy[len] = 0;
    out[0] = 0;
    csv_begin(&c, copy, len);
    while (csv_next(&c, &row))
        for (size_t i = 0; i < row.n; i++)
            at += (size_t)snprintf(out + at, size - at, "%s%s", i ? "|" : at ? "/" : "", row.field[i]);
    if (c.error)
        snprintf(out + at, size - at, "!%u %s", c.line, c.error);
    free(copy);
}

static void rows(void **state)
{
    static const struct { const char *what, *text, *shown; } cases[] = {
        {"plain", "name,roles\nmaria,filing\n", "name|roles/maria|filing"},
        {"no last line break", "a,b\nc,d", "a|b/c|d"},
        {"carriage returns", "a,b\r\nc,d\r\n", "a|b/c|d"},
        {"semicolons", "a;b,c\nd;e\n", "a|b,c/d|e"},
        {"tabs", "a\tb\nc\td\n", "a|b/c|d"},
        {"byte order mark", "\xEF\xBB\xBF" "a,b\n", "a|b"},
        {"spaces around", " a , b \n", "a|b"},
        {"quoted separator", "a,\"b,c\"\n", "a|b,c"},
        {"quoted quote", "\"say \"\"hi\"\"\",b\n", "say \"hi\"|b"},
        {"quoted line break", "\"a\nb\",c\nd,e\n", "a\nb|c/d|e"},
        {"spaces kept in quotes", "\" a \" ,b\n", " a |b"},
        {"empty fields", "a,,\n,b,\n", "a||/|b|"},
        {"empty rows", "a\n\n ,\n\"\"\nb\n", "a/b"},
        {"empty", "", ""},
        {"open quote", "a,b\n\"c,d\n", "a|b!3 a quote is not closed"},
        {"open quote at the end", "a,\"", "!1 a quote is not closed"},
        {"text behind a quote", "\"a\"b,c\n", "!1 something follows a closing quote"},
        {"old line ends", "a,b\rc,d\r", "!1 a carriage return stands alone"},
        {"too many", ",,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,x\n", "!1 there are too many columns"},
    };
    char out[256];

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        show(cases[i].text, strlen(cases[i].text), out, sizeof out);
        if (strcmp(out, cases[i].shown) != 0)
            fail_msg("%s: '%s', not '%s'", cases[i].what, out, cases[i].shown);
    }
}

static void a_nul_is_refused(void **state)
{
    char out[128];

    (void)state;
    show("a,b\n\0,c\n", 8, out, sizeof out);
    assert_string_equal(out, "!1 there is a NUL byte: is this a text file?");
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(rows),
        cmocka_unit_test(a_nul_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
