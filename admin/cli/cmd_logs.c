/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * `attempts ...`, `audit ...` and `watch`.
 */
#include "admin/cli/term.h"
#include "admin/cli/views.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#define POLL_MS 500

/* ---- lists ---------------------------------------------------------------------------------- */

static void destination_text(const json_t *a, char out[160])
{
    bool v6 = strchr(text_of(a, "destination"), ':') != NULL;
    if (!*text_of(a, "destination"))
        snprintf(out, 160, "%s", text_of(a, "code"));
    else
        snprintf(out, 160, "%s%s%s:%lld/%s%s%s%s", v6 ? "[" : "", text_of(a, "destination"),
                 v6 ? "]" : "", (long long)int_of(a, "port"), text_of(a, "proto"),
                 *text_of(a, "resource") ? " (" : "", text_of(a, "resource"),
                 *text_of(a, "resource") ? ")" : "");
}

static void list_attempts(const json_t *answer)
{
    static const char *const heads[] = {"LAST", "TIMES", "WHO", "REASON", "TO"};
    struct table t;
    char when[32], times[24], to[160];
    size_t i;
    json_t *a;
    table_begin(&t, 5, heads);
    json_array_foreach(json_object_get(answer, "items"), i, a) {
        const char *who = text_of(a, "device");
        snprintf(times, sizeof times, "%lld", (long long)int_of(a, "count"));
        destination_text(a, to);
        table_cell(&t, time_of(a, "last", "?", when));
        table_cell(&t, times);
        table_cell(&t, *who ? who : *text_of(a, "user") ? text_of(a, "user") : text_of(a, "source"));
        table_cell(&t, *text_of(a, "why") ? text_of(a, "why") : text_of(a, "reason"));
        table_cell(&t, to);
    }
    table_print(&t, stdout);
    show_more(answer);
}

enum cli_exit attempts_cmd_list(struct cli *c)
{
    static const char *const filters[] = {"--user", "--device", "--reason", "--limit", NULL};
    const char *since = cli_option(c, "--since");
    char number[24] = "";
    int64_t from;
    struct target t;
    enum cli_exit rc;

    if (since && !word_date(since, (int64_t)time(NULL), &from))
        return complain_usage("this is no date:", since, "2027-01-31, 2027-01-31T18:00Z or -2h");
    if (since)
        snprintf(number, sizeof number, "%lld", (long long)from);
    target_begin(&t, "/v1/attempts");
    target_options(&t, c, filters);
    target_query(&t, "since", *number ? number : NULL);
    json_t *answer = call(c, "GET", &t, NULL, &rc);
    if (answer && c->json)
        rc = print_json(answer);
    else if (answer)
        list_attempts(answer);
    json_decref(answer);
    return rc;
}

static void list_audit(const json_t *answer)
{
    static const char *const heads[] = {"SEQ", "TIME", "WHO", "ACT", "OBJECT", "DETAIL"};
    struct table t;
    char when[32], seq[24];
    size_t i;
    json_t *r;
    table_begin(&t, 6, heads);
    json_array_foreach(json_object_get(answer, "items"), i, r) {
        char *detail = json_dumps(json_object_get(r, "detail"), JSON_COMPACT | JSON_ENSURE_ASCII);
        snprintf(seq, sizeof seq, "%lld", (long long)int_of(r, "seq"));
        table_cell(&t, seq);
        table_cell(&t, time_of(r, "time", "?", when));
        table_cell(&t, text_of(r, "actor"));
        table_cell(&t, text_of(r, "act"));
        table_cell(&t, text_of(r, "object"));
        table_cell(&t, detail && strcmp(detail, "{}") != 0 ? detail : "");
        free(detail);
    }
    table_print(&t, stdout);
    show_more(answer);
}

enum cli_exit audit_cmd_show(struct cli *c)
{
    static const char *const filters[] = {"--after", "--limit", NULL};
    struct target t;
    enum cli_exit rc;
    target_begin(&t, "/v1/audit");
    target_options(&t, c, filters);
    json_t *answer = call(c, "GET", &t, NULL, &rc);
    if (answer && c->json)
        rc = print_json(answer);
    else if (answer)
        list_audit(answer);
    json_decref(answer);
    return rc;
}

enum cli_exit audit_cmd_verify(struct cli *c)
{
    struct target t;
    enum cli_exit rc;
    char safe[TERM_SAFE];
    target_begin(&t, "/v1/audit/verify");
    json_t *v = call(c, "POST", &t, json_object(), &rc);
    if (!v)
        return rc;
    bool ok = json_is_true(json_object_get(v, "ok"));
    if (c->json)
        print_json(v);
    else
        printf("%s%s%s\n", term_colour(stdout, ok ? GREEN : RED),
               term_safe(text_of(v, "text"), safe), term_colour(stdout, PLAIN));
    json_decref(v);
    return ok ? CLI_DONE : CLI_REFUSED;
}

/* ---- live ----------------------------------------------------------------------------------- */

static void show_event(const struct cli *c, const json_t *e)
{
    char when[32], kind[TERM_SAFE], safe[TERM_SAFE];
    const char *k = text_of(e, "kind");
    enum colour col = strcmp(k, "alarm") == 0 ? RED : strcmp(k, "attempt") == 0 ? YELLOW
                    : strcmp(k, "lease") == 0 ? GREEN : PLAIN;
    if (c->json) {
        json_dumpf(e, stdout, JSON_COMPACT | JSON_ENSURE_ASCII);
        fputc('\n', stdout);
        return;
    }
    printf("%s  %s%-8s%s %s\n", time_of(e, "time", "?", when), term_colour(stdout, col),
           term_safe(k, kind), term_colour(stdout, PLAIN), term_safe(text_of(e, "text"), safe));
}

static json_t *events_after(struct cli *c, int64_t after, enum cli_exit *rc)
{
    struct target t;
    char number[24];
    snprintf(number, sizeof number, "%lld", (long long)after);
    target_begin(&t, "/v1/events");
    target_query(&t, "after", number);
    return call(c, "GET", &t, NULL, rc);
}

static int64_t show_events(const struct cli *c, const json_t *answer, const char *only)
{
    size_t i;
    json_t *e;
    json_array_foreach(json_object_get(answer, "items"), i, e)
        if (!only || strcmp(text_of(e, "kind"), only) == 0)
            show_event(c, e);
    fflush(stdout);
    return int_of(answer, "last");
}

/* Ends with the terminal, by a signal, or with the daemon. */
static enum cli_exit follow(struct cli *c, const char *only)
{
    const struct timespec pause = {.tv_nsec = POLL_MS * 1000000L};
    enum cli_exit rc;
    int64_t after = -1;
    for (;;) {
        json_t *answer = events_after(c, after, &rc);
        if (!answer)
            return rc;
        after = show_events(c, answer, only);
        bool pipe_closed = ferror(stdout) != 0;
        json_decref(answer);
        if (pipe_closed)
            return CLI_REFUSED;
        nanosleep(&pause, NULL);
    }
}

enum cli_exit cmd_watch(struct cli *c) { return follow(c, NULL); }
enum cli_exit attempts_cmd_follow(struct cli *c) { return follow(c, "attempt"); }
