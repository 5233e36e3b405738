/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The words typed, against the table. Options may stand anywhere; "--" ends them.
 */
#include "admin/cli/cli.h"

#include "admin/cli/term.h"

#include <string.h>

struct words { int argc, at; char **argv; bool plain; };

static enum cli_exit complain(FILE *err, const char *what, const char *word, const char *hint)
{
    char safe[TERM_SAFE];
    fprintf(err, "portcullis: %s '%s'\n", what, term_safe(word, safe));
    if (hint)
        fprintf(err, "  hint: did you mean '%s'?\n", hint);
    return CLI_USAGE;
}

static const struct option_spec *find_option(const struct option_spec *list, const char *name,
                                             size_t len)
{
    for (; list && list->name; list++)
        if (strlen(list->name) == len && memcmp(list->name, name, len) == 0)
            return list;
    return NULL;
}

static const char *long_name(const char *word)
{
    if (strcmp(word, "-s") == 0)
        return "--socket";
    if (strcmp(word, "-h") == 0)
        return "--help";
    return word;
}

static bool keep_option(struct cli *c, const char *name, const char *value)
{
    if (strcmp(name, "--socket") == 0)
        c->socket = value;
    else if (strcmp(name, "--json") == 0)
        c->json = true;
    else if (strcmp(name, "--help") == 0)
        c->help = true;
    else if (c->n_options == CLI_OPTIONS_MAX)
        return false;
    else {
        c->options[c->n_options].name = name;
        c->options[c->n_options++].value = value ? value : "";
    }
    return true;
}

/* "--name VALUE", "--name=VALUE" or "--name". */
static enum cli_exit take_option(struct cli *c, struct words *w, FILE *err)
{
    const char *word = long_name(w->argv[w->at]);
    const char *eq = strchr(word, '=');
    size_t len = eq ? (size_t)(eq - word) : strlen(word);
    const struct option_spec *o = find_option(cli_globals, word, len);
    if (!o && c->cmd)
        o = find_option(c->cmd->options, word, len);
    if (!o)
        return complain(err, "there is no option", word, command_nearest_option(c->cmd, word));
    const char *value = NULL;
    if (o->value) {
        value = eq ? eq + 1 : w->at + 1 < w->argc ? w->argv[++w->at] : NULL;
        if (!value)
            return complain(err, "a value must follow", o->name, NULL);
    } else if (eq) {
        return complain(err, "no value may follow", o->name, NULL);
    }
    return keep_option(c, o->name, value) ? CLI_DONE
                                          : complain(err, "too many options at", o->name, NULL);
}

/* The command is known by its noun, or by noun and verb. */
static enum cli_exit take_name(struct cli *c, const char **noun, const char *word, FILE *err)
{
    if (*noun) {
        c->cmd = command_find(*noun, word);
        if (c->cmd)
            return CLI_DONE;
        complain(err, "there is no verb", word, command_nearest_verb(*noun, word));
        help_noun(err, *noun);
        return CLI_USAGE;
    }
    if (!command_noun(word)) {
        const char *near = command_nearest_noun(word);
        complain(err, "there is no command", word, near);
        if (!near)
            fprintf(err, "  hint: portcullis help lists them\n");
        return CLI_USAGE;
    }
    *noun = word;
    c->cmd = command_find(word, NULL);
    return CLI_DONE;
}

static enum cli_exit take_word(struct cli *c, struct words *w, const char **noun, FILE *err)
{
    const char *word = w->argv[w->at];
    if (!w->plain && strcmp(word, "--") == 0) {
        w->plain = true;
        return CLI_DONE;
    }
    if (!w->plain && word[0] == '-' && word[1])
        return take_option(c, w, err);
    if (!c->cmd)
        return take_name(c, noun, word, err);
    if (c->n_args == CLI_ARGS_MAX)
        return complain(err, "one word too many:", word, NULL);
    c->args[c->n_args++] = word;
    return CLI_DONE;
}

/* What the n-th argument is called, of "NAME ROLES". */
static const char *missing(const struct command *cmd, size_t n, char out[32])
{
    const char *s = cmd->args;
    for (; n > 0; n--)
        s += strcspn(s, " ") + 1;
    snprintf(out, 32, "%.*s", (int)strcspn(s, " "), s);
    return out;
}

static enum cli_exit check_count(const struct cli *c, FILE *err)
{
    char name[32];
    size_t least, most;
    command_args(c->cmd, &least, &most);
    if (c->n_args >= least && c->n_args <= most)
        return CLI_DONE;
    if (c->n_args > most)
        complain(err, "one word too many:", c->args[most], NULL);
    else
        fprintf(err, "portcullis: %s is missing\n", missing(c->cmd, c->n_args, name));
    help_command(err, c->cmd);
    return CLI_USAGE;
}

static enum cli_exit no_command(const char *noun, bool help)
{
    if (noun)
        help_noun(help ? stdout : stderr, noun);
    else
        help_overview(help ? stdout : stderr);
    return help ? CLI_DONE : CLI_USAGE;
}

enum cli_exit cli_parse(struct cli *c, int argc, char **argv, FILE *err)
{
    struct words w = {.argc = argc, .at = 1, .argv = argv};
    const char *noun = NULL;

    *c = (struct cli){.socket = CLI_SOCKET};
    if (argc == 2 && (strcmp(argv[1], "--version") == 0 || strcmp(argv[1], "-V") == 0)) {
        c->cmd = command_find("version", NULL);
        return CLI_DONE;
    }
    for (; w.at < argc; w.at++) {
        enum cli_exit rc = take_word(c, &w, &noun, err);
        if (rc != CLI_DONE)
            return rc;
    }
    c->yes = cli_option(c, "--yes") != NULL;
    if (!c->cmd)
        return no_command(noun, c->help);
    return c->help ? CLI_DONE : check_count(c, err);
}

const char *cli_option_again(const struct cli *c, const char *name, size_t i)
{
    for (size_t k = 0; k < c->n_options; k++)
        if (strcmp(c->options[k].name, name) == 0 && i-- == 0)
            return c->options[k].value;
    return NULL;
}

const char *cli_option(const struct cli *c, const char *name)
{
    return cli_option_again(c, name, 0);
}
