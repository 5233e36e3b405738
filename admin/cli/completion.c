/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Tab completion for bash, printed from the table of commands. deploy/completion/portcullis.bash
 * is this output; a test holds the two together.
 */
#include "admin/cli/cli.h"

#include <string.h>

static void nouns(FILE *out)
{
    const char *last = "";
    for (const struct command *c = commands; c->noun; c++)
        if (strcmp(last, c->noun) != 0) {
            fprintf(out, "%s%s", *last ? " " : "", c->noun);
            last = c->noun;
        }
}

static void verbs(FILE *out, const char *noun)
{
    const char *space = "";
    for (const struct command *c = commands; c->noun; c++)
        if (c->verb && strcmp(c->noun, noun) == 0) {
            fprintf(out, "%s%s", space, c->verb);
            space = " ";
        }
}

static void verb_cases(FILE *out)
{
    const char *last = "";
    for (const struct command *c = commands; c->noun; c++) {
        if (!c->verb || strcmp(last, c->noun) == 0)
            continue;
        last = c->noun;
        fprintf(out, "        %s) verbs='", last);
        verbs(out, last);
        fputs("' ;;\n", out);
    }
}

static void option_cases(FILE *out)
{
    for (const struct command *c = commands; c->noun; c++) {
        if (!c->options)
            continue;
        fprintf(out, "        '%s%s%s') options+='", c->noun, c->verb ? " " : "",
                c->verb ? c->verb : "");
        for (const struct option_spec *o = c->options; o->name; o++)
            fprintf(out, " %s", o->name);
        fputs("' ;;\n", out);
    }
}

void completion_print(FILE *out)
{
    fputs("# Tab completion of portcullis for bash; made by: portcullis completion bash\n"
          "_portcullis()\n{\n"
          "    local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD-1]}\n"
          "    local noun='' verb='' verbs='' options='--socket --json --help' i word\n"
          "    for ((i = 1; i < COMP_CWORD; i++)); do\n"
          "        word=${COMP_WORDS[i]}\n"
          "        case $word in\n"
          "        -s | --socket) ((i++)) ;;\n"
          "        -*) ;;\n"
          "        *) if [[ -z $noun ]]; then noun=$word; elif [[ -z $verb ]]; then verb=$word; fi ;;\n"
          "        esac\n"
          "    done\n"
          "    if [[ $prev == -s || $prev == --socket ]]; then\n"
          "        mapfile -t COMPREPLY < <(compgen -f -- \"$cur\")\n"
          "        return\n"
          "    fi\n"
          "    case $noun in\n", out);
    verb_cases(out);
    fputs("    esac\n"
          "    case \"$noun${verbs:+ $verb}\" in\n", out);
    option_cases(out);
    fputs("    esac\n"
          "    if [[ $cur == -* ]]; then\n"
          "        mapfile -t COMPREPLY < <(compgen -W \"$options\" -- \"$cur\")\n"
          "    elif [[ -z $noun ]]; then\n"
          "        mapfile -t COMPREPLY < <(compgen -W '", out);
    nouns(out);
    fputs("' -- \"$cur\")\n"
          "    elif [[ -n $verbs && -z $verb ]]; then\n"
          "        mapfile -t COMPREPLY < <(compgen -W \"$verbs\" -- \"$cur\")\n"
          "    elif [[ $noun =~ ^(policy|audit|receipt)$ ]]; then\n"
          "        mapfile -t COMPREPLY < <(compgen -f -- \"$cur\")\n"
          "    elif [[ $noun == completion ]]; then\n"
          "        mapfile -t COMPREPLY < <(compgen -W bash -- \"$cur\")\n"
          "    fi\n"
          "}\n"
          "complete -o filenames -F _portcullis portcullis\n", out);
}

enum cli_exit cmd_completion(struct cli *c)
{
    if (strcmp(c->args[0], "bash") != 0) {
        fprintf(stderr, "portcullis: completion is made for bash alone\n");
        return CLI_USAGE;
    }
    completion_print(stdout);
    return CLI_DONE;
}
