/* SPDX-License-Identifier: GPL-2.0-or-later */
/* `attempts ...`: what was refused, to whom it belongs, why. */
#include "admin/cli/term.h"
#include "admin/cli/views.h"

#include <stdint.h>
#include <string.h>
#include <time.h>

static void destination_text(const json_t *a, char out[160])
{
    const char *to = text_of(a, "destination"), *proto = text_of(a, "proto");
    bool v6 = strchr(to, ':') != NULL, ports = int_of(a, "port") != 0;
    char port[24] = "";
    if (!*to) {
        snprintf(out, 160, "%s", text_of(a, "code"));
        return;
    }
    if (ports)
        snprintf(port, sizeof port, ":%lld", (long long)int_of(a, "port"));
    snprintf(out, 160, "%s%s%s%s/%s%s%s%s", v6 && ports ? "[" : "", to, v6 && ports ? "]" : "",
             port, proto, *text_of(a, "resource") ? " (" : "", text_of(a, "resource"),
             *text_of(a, "resource") ? ")" : "");
}

/* The kernel's reason, by which --reason asks, and behind it why there was no lease. */
static const char *reason_text(const json_t *a, char out[80])
{
    const char *why = text_of(a, "why");
    snprintf(out, 80, "%s%s%s", text_of(a, "reason"), *why ? ": " : "", why);
    return out;
}

static void list_attempts(const json_t *answer)
{
    static const char *const heads[] = {"LAST", "TIMES", "WHO", "REASON", "TO"};
    struct table t;
    char when[32], times[24], to[160], reason[80];
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
        table_cell(&t, reason_text(a, reason));
        table_cell(&t, to);
    }
    table_print(&t, stdout);
    show_more(answer);
}

enum cli_exit attempts_cmd_list(struct cli *c)
{
    static const char *const filters[] = {"--user", "--device", "--reason", NULL};
    const char *since = cli_option(c, "--since");
    char number[24] = "";
    int64_t from;
    struct target t;
    enum cli_exit rc;

    if (!word_count(c, "--limit", 5000))
        return CLI_USAGE;
    if (since && !word_date(since, (int64_t)time(NULL), &from))
        return complain_usage("this is no date:", since, "2027-01-31, 2027-01-31T18:00 or -2h");
    if (since)
        snprintf(number, sizeof number, "%lld", (long long)from);
    target_begin(&t, "/v1/attempts");
    target_options(&t, c, filters);
    target_query(&t, "since", *number ? number : NULL);
    json_t *answer = call_list(c, &t, NULL, &rc);
    if (answer && c->json)
        rc = print_json(answer);
    else if (answer)
        list_attempts(answer);
    json_decref(answer);
    return rc;
}

/* ---- live ----------------------------------------------------------------------------------- */

static void show_attempt_event(struct cli *c, const json_t *e)
{
    char when[32], safe[TERM_SAFE];
    if (strcmp(text_of(e, "kind"), "attempt") != 0)
        return;
    if (c->json) {
        json_dumpf(e, stdout, JSON_COMPACT | JSON_ENSURE_ASCII);
        fputc('\n', stdout);
        return;
    }
    printf("%s  %s\n", time_of(e, "time", "?", when), term_safe(text_of(e, "text"), safe));
}

enum cli_exit attempts_cmd_follow(struct cli *c) { return events_follow(c, show_attempt_event); }
