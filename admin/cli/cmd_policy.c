/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * `policy ...`: check, test, diff and show work on files without a daemon; apply, confirm and
 * rollback are the daemon's.
 */
#include "admin/cli/policy_file.h"
#include "admin/cli/term.h"
#include "admin/cli/views.h"

#include <stdlib.h>
#include <string.h>

/* ---- check and test ------------------------------------------------------------------------- */

static size_t count_cases(const struct policy *p)
{
    size_t n = 0;
    for (size_t i = 0; p && i < p->n_tests; i++)
        n += p->tests[i].n_cases;
    return n;
}

static json_t *diags_json(const struct policy_file *f)
{
    json_t *list = json_array();
    for (size_t i = 0; i < f->diags.n; i++) {
        const struct diag *d = &f->diags.v[i];
        json_array_append_new(list, json_pack("{s:i,s:i,s:s,s:s,s:s}", "line", d->pos.line, "col",
                                              d->pos.col, "severity",
                                              d->warning ? "warning" : "error", "text", d->text,
                                              "hint", d->hint));
    }
    return list;
}

static void print_verdict_json(const struct policy_file *f, bool ok, bool tested, size_t cases,
                               size_t failed)
{
    json_t *o = json_pack("{s:b,s:o}", "ok", ok, "diagnostics", diags_json(f));
    if (tested)
        json_object_set_new(o, "tests", json_pack("{s:I,s:I}", "passed",
                                                  (json_int_t)(cases - failed), "failed",
                                                  (json_int_t)failed));
    print_json(o);
    json_decref(o);
}

static void print_parts(const struct policy_file *f)
{
    const struct policy *p = f->policy;
    char safe[TERM_SAFE];
    printf("%s%s is well formed:%s %zu roles, %zu resources, %zu postures, %zu tests%s\n",
           term_colour(stdout, GREEN), term_safe(f->file.name, safe), term_colour(stdout, PLAIN),
           p->n_roles, p->n_resources, p->n_postures, p->n_tests,
           f->diags.warnings ? "; with warnings" : "");
}

enum cli_exit policy_cmd_check(struct cli *c)
{
    static struct policy_file f;
    bool ok = policy_file_load(&f, c->args[0]) == 0;
    if (c->json)
        print_verdict_json(&f, ok, false, 0, 0);
    else
        policy_file_complain(&f);
    if (ok && !c->json)
        print_parts(&f);
    else if (!ok && f.diags.errors > 0)
        fprintf(stderr, "%zu error%s\n", f.diags.errors, f.diags.errors == 1 ? "" : "s");
    policy_file_close(&f);
    return ok ? CLI_DONE : CLI_REFUSED;
}

enum cli_exit policy_cmd_test(struct cli *c)
{
    static struct policy_file f;
    bool ok = policy_file_load(&f, c->args[0]) == 0;
    size_t cases = ok ? count_cases(f.policy) : 0;
    size_t failed = ok ? policy_run_tests(f.policy, &f.diags) : 0;
    if (c->json)
        print_verdict_json(&f, ok && failed == 0, ok, cases, failed);
    else
        policy_file_complain(&f);
    if (ok && !c->json)
        printf("%s%zu passed, %zu failed%s\n", term_colour(stdout, failed ? RED : GREEN),
               cases - failed, failed, term_colour(stdout, PLAIN));
    policy_file_close(&f);
    return ok && failed == 0 ? CLI_DONE : CLI_REFUSED;
}

/* ---- diff and show -------------------------------------------------------------------------- */

static enum cli_exit print_diff(const struct cli *c, const char *text)
{
    if (c->json) {
        json_t *o = json_pack("{s:s}", "text", text);
        enum cli_exit rc = print_json(o);
        json_decref(o);
        return rc;
    }
    term_lines(stdout, *text ? text : "Nothing changes.\n");
    return CLI_DONE;
}

static enum cli_exit diff_files(struct cli *c)
{
    static struct policy_file from, to;
    enum cli_exit rc = CLI_REFUSED;
    bool ok = policy_file_load(&from, c->args[0]) == 0;
    ok = policy_file_load(&to, c->args[1]) == 0 && ok;
    policy_file_complain(&from);
    policy_file_complain(&to);
    char *text = ok ? policy_diff(from.policy, to.policy) : NULL;
    if (text)
        rc = print_diff(c, text);
    free(text);
    policy_file_close(&from);
    policy_file_close(&to);
    return rc;
}

/* Sends a file; NULL after a complaint. */
static json_t *send_file(struct cli *c, const char *name, const struct target *t, enum cli_exit *rc)
{
    struct text_file f;
    json_t *answer = NULL;
    *rc = CLI_REFUSED;
    if (text_file_read(&f, name) == 0)
        answer = call_text(c, t, f.text, f.len, rc);
    text_file_close(&f);
    return answer;
}

enum cli_exit policy_cmd_diff(struct cli *c)
{
    struct target t;
    enum cli_exit rc;
    if (c->n_args == 2)
        return diff_files(c);
    target_begin(&t, "/v1/policy/diff");
    json_t *answer = send_file(c, c->args[0], &t, &rc);
    if (answer)
        rc = print_diff(c, text_of(answer, "text"));
    json_decref(answer);
    return rc;
}

static enum cli_exit show_file(struct cli *c)
{
    static struct policy_file f;
    bool ok = policy_file_load(&f, c->args[0]) == 0;
    char *text = ok ? policy_print(f.policy) : NULL;
    policy_file_complain(&f);
    if (text && c->json) {
        json_t *o = json_pack("{s:s}", "text", text);
        print_json(o);
        json_decref(o);
    } else if (text) {
        term_lines(stdout, text);
    }
    ok = text != NULL;
    free(text);
    policy_file_close(&f);
    return ok ? CLI_DONE : CLI_REFUSED;
}

enum cli_exit policy_cmd_show(struct cli *c)
{
    struct target t;
    enum cli_exit rc;
    if (c->n_args == 1)
        return show_file(c);
    target_begin(&t, "/v1/policy");
    target_query(&t, "version", cli_option(c, "--version"));
    json_t *answer = call(c, "GET", &t, NULL, &rc);
    if (answer && c->json)
        rc = print_json(answer);
    else if (answer)
        term_lines(stdout, text_of(answer, "text"));
    json_decref(answer);
    return rc;
}

/* ---- apply ---------------------------------------------------------------------------------- */

static void show_applied(const json_t *a)
{
    char when[32];
    int64_t devices = int_of(a, "changed_devices"), asked = int_of(a, "asked");
    term_lines(stdout, *text_of(a, "diff") ? text_of(a, "diff") : "Nothing changes.\n");
    printf("%sIn force:%s version %lld (%.12s), %lld device%s judged anew.\n",
           term_colour(stdout, GREEN), term_colour(stdout, PLAIN), (long long)int_of(a, "version"),
           text_of(a, "sha256"), (long long)devices, devices == 1 ? "" : "s");
    if (asked > 0)
        printf("%lld %s part of it anew: portcullis user acknowledgements shows who has.\n",
               (long long)asked, asked == 1 ? "person has to sign their" : "people have to sign their");
    if (json_object_get(a, "confirm_until"))
        printf("It rolls back at %s unless you type: portcullis policy confirm\n",
               time_of(a, "confirm_until", "?", when));
}

enum cli_exit policy_cmd_apply(struct cli *c)
{
    const char *confirm = cli_option(c, "--confirm");
    char seconds[24] = "";
    int64_t s;
    struct target t;
    enum cli_exit rc;

    if (confirm && !word_duration(confirm, &s))
        return complain_usage("this is no length of time:", confirm, "60s or 5m");
    if (confirm)
        snprintf(seconds, sizeof seconds, "%lld", (long long)s);
    target_begin(&t, "/v1/policy/apply");
    target_query(&t, "confirm", *seconds ? seconds : NULL);
    target_query(&t, "mass_removal", cli_option(c, "--confirm-mass-removal") ? "1" : NULL);
    json_t *answer = send_file(c, c->args[0], &t, &rc);
    if (answer && c->json)
        rc = print_json(answer);
    else if (answer)
        show_applied(answer);
    json_decref(answer);
    return rc;
}

static enum cli_exit change_version(struct cli *c, const char *path, const char *done)
{
    struct target t;
    enum cli_exit rc;
    target_begin(&t, path);
    json_t *answer = call(c, "POST", &t, json_object(), &rc);
    if (answer && c->json)
        rc = print_json(answer);
    else if (answer)
        printf("%s: version %lld (%.12s)\n", done, (long long)int_of(answer, "version"),
               text_of(answer, "sha256"));
    json_decref(answer);
    return rc;
}

enum cli_exit policy_cmd_confirm(struct cli *c)
{
    return change_version(c, "/v1/policy/confirm", "Confirmed");
}

enum cli_exit policy_cmd_rollback(struct cli *c)
{
    return change_version(c, "/v1/policy/rollback", "Back in force");
}
