/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * portcullis, the command: its grammar as one table, and what every verb shares. Help, usage
 * errors, hints and shell completion all come from the table (commands.c).
 */
#ifndef ADMIN_CLI_CLI_H
#define ADMIN_CLI_CLI_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#define CLI_SOCKET "/run/portcullis/control.sock"
#define CLI_ARGS_MAX 4
#define CLI_OPTIONS_MAX 24

enum cli_exit { CLI_DONE = 0, CLI_REFUSED = 1, CLI_USAGE = 2, CLI_NO_DAEMON = 3 };

struct option_spec {
    const char *name;            /* "--reason" */
    const char *value;           /* "TEXT"; NULL for a switch */
    const char *help;
};

struct cli;
struct command {
    const char *noun, *verb;     /* verb NULL: a command of one word */
    const char *args;            /* "NAME [FILE]"; those in brackets may be left out */
    const struct option_spec *options;   /* up to one with name NULL; NULL = none */
    const char *help;            /* one sentence */
    const char *examples;        /* lines, each without "portcullis " */
    enum cli_exit (*run)(struct cli *c);
};

struct cli {
    const char *socket;
    bool json, yes, help;
    const struct command *cmd;
    const char *args[CLI_ARGS_MAX];
    size_t n_args;
    struct { const char *name, *value; } options[CLI_OPTIONS_MAX];
    size_t n_options;
};

/* ---- the table (commands.c) -------------------------------------------------------------- */

extern const struct command commands[];       /* ends with noun NULL */
extern const struct option_spec cli_globals[];

const struct command *command_find(const char *noun, const char *verb);
bool command_noun(const char *noun);
/* What was probably meant: the nearest noun, or verb of a noun, or option; NULL when none is near. */
const char *command_nearest_noun(const char *typed);
const char *command_nearest_verb(const char *noun, const char *typed);
const char *command_nearest_option(const struct command *cmd, const char *typed);
void command_args(const struct command *cmd, size_t *least, size_t *most);

/* ---- the line typed (parse.c) ------------------------------------------------------------- */

/* Fills *c; CLI_DONE, or CLI_USAGE after one line and a hint on `err`. c->cmd is NULL when help
 * alone was asked for and has been printed. */
enum cli_exit cli_parse(struct cli *c, int argc, char **argv, FILE *err);
/* The value of an option: "" for a switch that is set, NULL when it is absent. */
const char *cli_option(const struct cli *c, const char *name);
/* The i-th time that an option was given, for those that may come again. */
const char *cli_option_again(const struct cli *c, const char *name, size_t i);

/* ---- help (help.c, completion.c) ------------------------------------------------------------ */

void help_overview(FILE *out);
void help_noun(FILE *out, const char *noun);
void help_command(FILE *out, const struct command *cmd);
void completion_print(FILE *out);

/* ---- the verbs ------------------------------------------------------------------------------ */

enum cli_exit cmd_setup(struct cli *c), cmd_import(struct cli *c);
enum cli_exit cmd_status(struct cli *c), cmd_watch(struct cli *c), cmd_explain(struct cli *c), cmd_who(struct cli *c),
    cmd_help(struct cli *c), cmd_version(struct cli *c), cmd_completion(struct cli *c);
enum cli_exit policy_cmd_check(struct cli *c), policy_cmd_test(struct cli *c),
    policy_cmd_diff(struct cli *c), policy_cmd_show(struct cli *c), policy_cmd_apply(struct cli *c),
    policy_cmd_confirm(struct cli *c), policy_cmd_rollback(struct cli *c);
enum cli_exit user_cmd_add(struct cli *c), user_cmd_list(struct cli *c),
    user_cmd_import(struct cli *c),
    user_cmd_show(struct cli *c), user_cmd_set_role(struct cli *c), user_cmd_revoke(struct cli *c),
    user_cmd_restore(struct cli *c), user_cmd_sign_in(struct cli *c),
    user_cmd_sign_in_code(struct cli *c), user_cmd_compromised(struct cli *c),
    user_cmd_remove_passkey(struct cli *c), user_cmd_acknowledgements(struct cli *c);
enum cli_exit device_cmd_add(struct cli *c), device_cmd_assign(struct cli *c),
    device_cmd_list(struct cli *c),
    device_cmd_show(struct cli *c), device_cmd_revoke(struct cli *c), device_cmd_lost(struct cli *c),
    device_cmd_retire(struct cli *c), device_cmd_except(struct cli *c), device_cmd_unlock(struct cli *c);
enum cli_exit device_cmd_invite(struct cli *c), device_cmd_approve(struct cli *c),
    device_cmd_config(struct cli *c),
    invite_cmd_list(struct cli *c), invite_cmd_withdraw(struct cli *c);
enum cli_exit case_cmd_open(struct cli *c), case_cmd_list(struct cli *c),
    case_cmd_show(struct cli *c), case_cmd_note(struct cli *c), case_cmd_close(struct cli *c);
enum cli_exit respond_cmd_show(struct cli *c), respond_cmd_allow(struct cli *c);
enum cli_exit issuer_cmd_add(struct cli *c), issuer_cmd_list(struct cli *c),
    issuer_cmd_revoke(struct cli *c);
enum cli_exit admin_cmd_add(struct cli *c), admin_cmd_list(struct cli *c),
    admin_cmd_remove(struct cli *c), admin_cmd_link(struct cli *c),
    admin_cmd_sign_out(struct cli *c);
enum cli_exit attempts_cmd_list(struct cli *c), attempts_cmd_follow(struct cli *c),
    attempts_cmd_show(struct cli *c), attempts_cmd_export(struct cli *c),
    audit_cmd_show(struct cli *c), audit_cmd_verify(struct cli *c), audit_cmd_key(struct cli *c),
    audit_cmd_checkpoint(struct cli *c), audit_cmd_new_key(struct cli *c),
    audit_cmd_forget(struct cli *c), audit_cmd_export(struct cli *c),
    receipt_cmd_verify(struct cli *c), receipt_cmd_save(struct cli *c);

#endif
