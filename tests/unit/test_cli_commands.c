/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The grammar: looking up, hints, the line typed, and that help, examples, completion file and
 * manual page agree with the table.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "admin/cli/cli.h"

static void nearest(void **state)
{
    static const struct { const char *typed, *meant; } nouns[] = {
        {"usr", "user"}, {"devise", "device"}, {"statsu", "status"}, {"polcy", "policy"},
        {"attempt", "attempts"}, {"frobnicate", NULL}, {"x", NULL},
        {"averyveryveryverylongwordthatnobodytypes", NULL},
    };
    (void)state;
    for (size_t i = 0; i < sizeof nouns / sizeof nouns[0]; i++) {
        const char *got = command_nearest_noun(nouns[i].typed);
        if ((got == NULL) != (nouns[i].meant == NULL) || (got && strcmp(got, nouns[i].meant)))
            fail_msg("'%s': %s", nouns[i].typed, got ? got : "-");
    }
    assert_string_equal(command_nearest_verb("user", "revok"), "revoke");
    assert_null(command_nearest_verb("audit", "revoke"));
    const struct command *revoke = command_find("user", "revoke");
    assert_string_equal(command_nearest_option(revoke, "--raeson"), "--reason");
    assert_string_equal(command_nearest_option(revoke, "--jsn"), "--json");
    assert_null(command_find("user", NULL));
    assert_null(command_find("status", "x"));
}

/* Splits a line of words with single quotes; the words live in `copy`. */
static int split(const char *line, char *copy, char **argv, int max)
{
    int n = 0;
    char *out = copy;
    argv[n++] = strcpy(out, "portcullis");
    out += sizeof "portcullis";
    while (*line && n < max) {
        line += strspn(line, " ");
        argv[n++] = out;
        for (bool quoted = false; *line && (quoted || *line != ' '); line++) {
            if (*line == '\'')
                quoted = !quoted;
            else
                *out++ = *line;
        }
        *out++ = 0;
    }
    return n;
}

static enum cli_exit parse(struct cli *c, const char *line, char *said, size_t size)
{
    static char copy[512];
    char *argv[24];
    int argc = split(line, copy, argv, 24);
    FILE *err = fmemopen(said, size, "w");
    assert_non_null(err);
    memset(said, 0, size);
    enum cli_exit rc = cli_parse(c, argc, argv, err);
    fclose(err);
    return rc;
}

static void lines(void **state)
{
    static const struct { const char *line, *said; } cases[] = {
        {"status", NULL},
        {"--json status", NULL},
        {"status --json", NULL},
        {"-s /tmp/x user revoke maria", NULL},
        {"user revoke maria --reason=left", NULL},
        {"user revoke --reason left maria", NULL},
        {"user add a --role x --role y", NULL},
        {"user revoke -- -odd-", NULL},
        {"policy test -", NULL},
        {"usr list", "did you mean 'user'?"},
        {"user revok maria", "did you mean 'revoke'?"},
        {"user revoke maria --raeson x", "did you mean '--reason'?"},
        {"user revoke", "NAME is missing"},
        {"user revoke a b", "one word too many: 'b'"},
        {"user revoke a b c d e", "one word too many: 'e'"},
        {"user revoke a --reason", "a value must follow '--reason'"},
        {"status --json=yes", "no value may follow '--json'"},
        {"status --reason x", "there is no option '--reason'"},
        {"\x1b[2J", "there is no command '\\x1b[2J'"},
    };
    char said[4096];
    struct cli c;
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        enum cli_exit rc = parse(&c, cases[i].line, said, sizeof said);
        if (rc != (cases[i].said ? CLI_USAGE : CLI_DONE) ||
            (cases[i].said && !strstr(said, cases[i].said)))
            fail_msg("%s: %d %s", cases[i].line, (int)rc, said);
    }
}

static void what_was_typed_is_kept(void **state)
{
    char said[1024];
    struct cli c;
    (void)state;
    parse(&c, "-s /tmp/x user add maria --role a,b --json --role=c --end ''", said, sizeof said);
    assert_string_equal(c.socket, "/tmp/x");
    assert_true(c.json);
    assert_string_equal(c.args[0], "maria");
    assert_string_equal(cli_option(&c, "--role"), "a,b");
    assert_string_equal(cli_option_again(&c, "--role", 1), "c");
    assert_null(cli_option_again(&c, "--role", 2));
    assert_string_equal(cli_option(&c, "--end"), "");
    parse(&c, "device retire x --yes", said, sizeof said);
    assert_true(c.yes);
    assert_string_equal(c.socket, CLI_SOCKET);
}

static void every_example_parses_to_its_command(void **state)
{
    (void)state;
    for (const struct command *cmd = commands; cmd->noun; cmd++) {
        assert_non_null(cmd->run);
        for (const char *at = cmd->examples; *at;) {
            char line[256], said[4096];
            struct cli c;
            size_t n = strcspn(at, "\n");
            snprintf(line, sizeof line, "%.*s", (int)n, at);
            if (parse(&c, line, said, sizeof said) != CLI_DONE || c.cmd != cmd)
                fail_msg("%s: %s", line, said);
            at += n + (at[n] == '\n');
        }
    }
}

static char *whole_file(const char *path)
{
    FILE *f = fopen(path, "re");
    char *text = calloc(1, 65536);
    if (!f || !text)
        fail_msg("%s cannot be read; run the tests from the top folder", path);
    assert_true(fread(text, 1, 65535, f) > 0);
    fclose(f);
    return text;
}

static void the_completion_file_is_this_table(void **state)
{
    char *made = NULL, *there = whole_file("deploy/completion/portcullis.bash");
    size_t size;
    FILE *out = open_memstream(&made, &size);
    (void)state;
    completion_print(out);
    fclose(out);
    assert_string_equal(there, made);
    free(made);
    free(there);
}

static void the_manual_names_every_verb_and_option(void **state)
{
    char *man = whole_file("deploy/man/portcullis.1"), want[64];
    (void)state;
    for (const struct command *c = commands; c->noun; c++) {
        snprintf(want, sizeof want, "\n.It Cm %s%s%s", c->noun, c->verb ? " " : "",
                 c->verb ? c->verb : "");
        if (!strstr(man, want))
            fail_msg("portcullis(1) lacks '%s'", want + 1);
        for (const struct option_spec *o = c->options; o && o->name; o++) {
            snprintf(want, sizeof want, "Fl -%s", o->name + 2);
            if (!strstr(man, want))
                fail_msg("portcullis(1) lacks '%s' of %s", o->name, c->noun);
        }
    }
    free(man);
}

static void help_fits_the_screen(void **state)
{
    char *text = NULL;
    size_t size;
    FILE *out = open_memstream(&text, &size);
    (void)state;
    help_overview(out);
    for (const struct command *c = commands; c->noun; c++)
        help_noun(out, c->noun);
    fclose(out);
    for (const char *at = text; *at;) {
        size_t n = strcspn(at, "\n");
        if (n > 80)
            fail_msg("%zu columns: %.*s", n, (int)n, at);
        at += n + (at[n] == '\n');
    }
    free(text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nearest),
        cmocka_unit_test(lines),
        cmocka_unit_test(what_was_typed_is_kept),
        cmocka_unit_test(every_example_parses_to_its_command),
        cmocka_unit_test(the_completion_file_is_this_table),
        cmocka_unit_test(the_manual_names_every_verb_and_option),
        cmocka_unit_test(help_fits_the_screen),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
