/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Help, made from the table of commands.
 */
#include "admin/cli/cli.h"

#include "admin/cli/term.h"

#include <string.h>

static int width_of(const struct command *c)
{
    return (int)(strlen(c->noun) + (c->verb ? strlen(c->verb) + 1 : 0) +
                 (*c->args ? strlen(c->args) + 1 : 0));
}

static void usage(FILE *out, const struct command *c)
{
    fprintf(out, "%s%s%s%s%s", c->noun, c->verb ? " " : "", c->verb ? c->verb : "",
            *c->args ? " " : "", c->args);
}

#define LEFT 27                     /* columns before the sentence, of 80 */

/* The sentence in lines that leave LEFT + 2 columns free before them. */
static void wrapped(FILE *out, const char *text)
{
    size_t room = 80 - LEFT - 2;
    while (strlen(text) > room) {
        size_t n = room;
        while (n > 0 && text[n] != ' ')
            n--;
        if (n == 0)
            break;
        fprintf(out, "%.*s\n%*s", (int)n, text, LEFT + 2, "");
        text += n + 1;
    }
    fprintf(out, "%s\n", text);
}

static void line(FILE *out, const struct command *c)
{
    int gap = LEFT - width_of(c);
    fputs("  ", out);
    usage(out, c);
    fprintf(out, "%*s", gap > 1 ? gap : 1, "");
    wrapped(out, c->help);
}

void help_overview(FILE *out)
{
    const char *noun = "";
    fputs("portcullis: who may reach what through this gateway, now.\n\n"
          "usage: portcullis [-s SOCKET] [--json] COMMAND\n", out);
    for (const struct command *c = commands; c->noun; c++) {
        if (c->verb && strcmp(noun, c->noun) != 0)
            fputc('\n', out);
        noun = c->noun;
        line(out, c);
    }
    fputs("\nportcullis help NOUN VERB shows options and examples.\n"
          "Exit: 0 done, 1 refused or failed, 2 usage, 3 no daemon.\n", out);
}

void help_noun(FILE *out, const char *noun)
{
    fputs("usage:\n", out);
    for (const struct command *c = commands; c->noun; c++)
        if (strcmp(c->noun, noun) == 0)
            line(out, c);
}

static void options(FILE *out, const struct option_spec *o)
{
    for (; o && o->name; o++) {
        int w = (int)(strlen(o->name) + (o->value ? strlen(o->value) + 1 : 0));
        fprintf(out, "  %s%s%s%*s %s\n", o->name, o->value ? " " : "", o->value ? o->value : "",
                w < 20 ? 20 - w : 0, "", o->help);
    }
}

static void examples(FILE *out, const char *text)
{
    fputs("\nexamples:\n", out);
    while (*text) {
        size_t n = strcspn(text, "\n");
        fprintf(out, "  portcullis %.*s\n", (int)n, text);
        text += n + (text[n] == '\n');
    }
}

void help_command(FILE *out, const struct command *cmd)
{
    fputs("usage: portcullis ", out);
    usage(out, cmd);
    fprintf(out, "%s\n%s\n", cmd->options ? " [options]" : "", cmd->help);
    fputs("\noptions:\n", out);
    options(out, cmd->options);
    options(out, cli_globals);
    examples(out, cmd->examples);
}

enum cli_exit cmd_help(struct cli *c)
{
    char safe[TERM_SAFE];
    const struct command *one;
    if (c->n_args == 0) {
        help_overview(stdout);
        return CLI_DONE;
    }
    one = command_find(c->args[0], c->n_args > 1 ? c->args[1] : NULL);
    if (one)
        help_command(stdout, one);
    else if (c->n_args == 1 && command_noun(c->args[0]))
        help_noun(stdout, c->args[0]);
    else {
        fprintf(stderr, "portcullis: there is no help on '%s'\n",
                term_safe(c->args[c->n_args - 1], safe));
        return CLI_USAGE;
    }
    return CLI_DONE;
}

enum cli_exit cmd_version(struct cli *c)
{
    (void)c;
    puts("portcullis " VERSION);
    return CLI_DONE;
}
