/* SPDX-License-Identifier: GPL-2.0-or-later */
/* `case ...`: attempts gathered against a name, what was found, what came of it. */
#include "admin/cli/term.h"
#include "admin/cli/views.h"

#include <string.h>

#define IDS_MAX 32

/* ---- shown ---------------------------------------------------------------------------------- */

static void list_cases(const json_t *answer)
{
    static const char *const heads[] = {"CASE", "USER", "OPENED", "BY", "ATTEMPTS", "OUTCOME"};
    struct table t;
    char number[24], when[32];
    size_t i;
    json_t *c;
    table_begin(&t, 6, heads);
    json_array_foreach(json_object_get(answer, "items"), i, c) {
        snprintf(number, sizeof number, "%lld", (long long)int_of(c, "id"));
        table_cell(&t, number);
        table_cell(&t, text_of(c, "user"));
        table_cell(&t, time_of(c, "opened", "?", when));
        table_cell(&t, text_of(c, "opened_by"));
        snprintf(number, sizeof number, "%zu", json_array_size(json_object_get(c, "attempts")));
        table_cell(&t, number);
        table_cell(&t, *text_of(c, "outcome") ? text_of(c, "outcome") : "open");
    }
    table_print(&t, stdout);
    show_more(answer);
}

static void show_attempts(const json_t *attempts)
{
    static const char *const heads[] = {"ATTEMPT", "LAST", "TIMES", "DEVICE", "REASON", "TO"};
    struct table t;
    char number[24], when[32];
    size_t i;
    json_t *a;
    table_begin(&t, 6, heads);
    json_array_foreach(attempts, i, a) {
        snprintf(number, sizeof number, "%lld", (long long)int_of(a, "id"));
        table_cell(&t, number);
        table_cell(&t, time_of(a, "last", "?", when));
        snprintf(number, sizeof number, "%lld", (long long)int_of(a, "count"));
        table_cell(&t, number);
        table_cell(&t, text_of(a, "device"));
        table_cell(&t, text_of(a, "reason"));
        table_cell(&t, text_of(a, "destination"));
    }
    table_print(&t, stdout);
}

static void show_case(const json_t *c)
{
    char safe[TERM_SAFE], when[32];
    size_t i;
    json_t *n;
    printf("%sCase %lld%s about %s\n", term_colour(stdout, BOLD), (long long)int_of(c, "id"),
           term_colour(stdout, PLAIN), term_safe(text_of(c, "user"), safe));
    show_linef("opened", "%s by %s", time_of(c, "opened", "?", when), text_of(c, "opened_by"));
    json_array_foreach(json_object_get(c, "notes"), i, n)
        show_linef("note", "%s by %s: %s", time_of(n, "time", "?", when), text_of(n, "by"),
                   text_of(n, "text"));
    if (json_object_get(c, "closed")) {
        show_linef("closed", "%s by %s", time_of(c, "closed", "?", when), text_of(c, "closed_by"));
        show_line("finding", text_of(c, "finding"));
        show_line("outcome", text_of(c, "outcome"));
    }
    show_attempts(json_object_get(c, "attempts"));
}

/* ---- asking --------------------------------------------------------------------------------- */

/* "3,4,17" as numbers; NULL when it is not of this form, or more than the daemon takes at once. */
static json_t *ids_of(const char *s)
{
    json_t *list = json_array();
    while (*s >= '0' && *s <= '9') {
        size_t n = strspn(s, "0123456789");
        long long id = 0;
        for (size_t i = 0; i < n && n <= 15; i++)
            id = id * 10 + (s[i] - '0');
        json_array_append_new(list, json_integer(id));
        s += n;
        if (*s != ',' || s[1] < '0' || s[1] > '9')
            break;
        s++;
    }
    if (*s == 0 && json_array_size(list) > 0 && json_array_size(list) <= IDS_MAX)
        return list;
    json_decref(list);
    return NULL;
}

/* --attempts into the body; false after a complaint. */
static bool put_ids(struct cli *c, json_t *body)
{
    const char *typed = cli_option(c, "--attempts");
    json_t *ids = typed ? ids_of(typed) : NULL;
    if (ids)
        json_object_set_new(body, "attempts", ids);
    else if (typed)
        complain_usage("these are no numbers of attempts:", typed, "divided by commas, at most 32: 12,13,20");
    return !typed || ids;
}

static void case_target(struct target *t, const char *number, const char *verb)
{
    target_begin(t, "/v1/cases");
    target_name(t, number);
    target_word(t, verb);
}

enum cli_exit case_cmd_open(struct cli *c)
{
    const char *user = cli_option(c, "--user"), *note = cli_option(c, "--note");
    struct target t;
    if (!user || !cli_option(c, "--attempts"))
        return complain_usage("about whom, and for what?", user ? user : "",
                              "--user NAME and --attempts ID,ID are needed");
    json_t *body = json_pack("{s:s}", "user", user);
    if (note)
        json_object_set_new(body, "note", json_string(note));
    if (!put_ids(c, body)) {
        json_decref(body);
        return CLI_USAGE;
    }
    target_begin(&t, "/v1/cases");
    return call_show(c, "POST", &t, body, show_case);
}

enum cli_exit case_cmd_list(struct cli *c)
{
    static const char *const filters[] = {"--user", "--state", NULL};
    struct target t;
    if (!word_choice(c, "--state", "open closed") || !word_count(c, "--limit", 5000))
        return CLI_USAGE;
    target_begin(&t, "/v1/cases");
    target_options(&t, c, filters);
    return call_list_show(c, &t, list_cases);
}

enum cli_exit case_cmd_show(struct cli *c)
{
    struct target t;
    case_target(&t, c->args[0], "");
    return call_show(c, "GET", &t, NULL, show_case);
}

enum cli_exit case_cmd_note(struct cli *c)
{
    json_t *body = json_pack("{s:s}", "text", c->args[1]);
    struct target t;
    if (!put_ids(c, body)) {
        json_decref(body);
        return CLI_USAGE;
    }
    case_target(&t, c->args[0], "/notes");
    return call_show(c, "POST", &t, body, show_case);
}

enum cli_exit case_cmd_close(struct cli *c)
{
    const char *finding = cli_option(c, "--finding"), *outcome = cli_option(c, "--outcome");
    struct target t;
    if (!finding || !outcome)
        return complain_usage("what was found, and what comes of it? To close case", c->args[0],
                              "--finding TEXT and --outcome CODE are needed");
    if (!word_choice(c, "--outcome", "no-action false-alarm training warning access-changed "
                                     "suspended terminated referred"))
        return CLI_USAGE;
    case_target(&t, c->args[0], "/close");
    return call_show(c, "POST", &t,
                     json_pack("{s:s,s:s}", "finding", finding, "outcome", outcome), show_case);
}
