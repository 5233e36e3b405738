/* SPDX-License-Identifier: GPL-2.0-or-later */
/* `attempts ...`: what was refused, to whom it belongs, why. */
#include "admin/cli/term.h"
#include "admin/cli/views.h"

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

/* Options that are members of an attempt and words of the query. */
static const char *const filters[] = {"--user", "--device", "--role", "--kind", "--reason", NULL};

/* Of what came to the gateway itself: from where. False: it was on its way to somewhere. */
static bool origin_text(const json_t *a, char out[160])
{
    const char *kind = text_of(a, "kind"), *to = text_of(a, "destination");
    bool both = strcmp(kind, "two-places") == 0, there = strcmp(kind, "knock") == 0 ||
        strcmp(kind, "sign-in") == 0 || strcmp(kind, "admin") == 0 || strcmp(kind, "enrol") == 0;
    if (!*text_of(a, "source") || !(both || there))
        return false;
    snprintf(out, 160, "from %s%s%s", text_of(a, "source"), both ? " and " : "", both ? to : "");
    return true;
}

static void destination_text(const json_t *a, char out[160])
{
    const char *to = text_of(a, "destination"), *proto = text_of(a, "proto");
    bool v6 = strchr(to, ':') != NULL, ports = int_of(a, "port") != 0;
    char port[24] = "";
    if (origin_text(a, out))
        return;
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

/* The reason, by which --reason asks, and behind it why there was no lease, or since when the key
 * has none. */
static const char *reason_text(const json_t *a, char out[80])
{
    const char *why = text_of(a, "why");
    char since[32], day[16] = "";
    if (json_object_get(a, "ended"))
        snprintf(day, sizeof day, " %.10s", time_of(a, "ended", "", since));
    snprintf(out, 80, "%s%s%s%s", text_of(a, "reason"), *why ? ": " : "", why, day);
    return out;
}

/* Device, person, or where nobody is known what there is of them. */
static const char *who_text(const json_t *a)
{
    static const char *const members[] = {"device", "user", "actor", "source"};
    for (size_t i = 0; i < sizeof members / sizeof *members; i++)
        if (*text_of(a, members[i]))
            return text_of(a, members[i]);
    return "";
}

static void list_attempts(const json_t *answer)
{
    static const char *const heads[] = {"LAST", "TIMES", "WHO", "REASON", "WHERE"};
    struct table t;
    char when[32], times[24], to[160], reason[80];
    size_t i;
    json_t *a;
    table_begin(&t, 5, heads);
    json_array_foreach(json_object_get(answer, "items"), i, a) {
        snprintf(times, sizeof times, "%lld", (long long)int_of(a, "count"));
        destination_text(a, to);
        table_cell(&t, time_of(a, "last", "?", when));
        table_cell(&t, times);
        table_cell(&t, who_text(a));
        table_cell(&t, reason_text(a, reason));
        table_cell(&t, to);
    }
    table_print(&t, stdout);
    show_more(answer);
}

/* One line of ASCII: what is in it cannot end the line or steer a terminal. */
static void print_line(const json_t *o)
{
    json_dumpf(o, stdout, JSON_COMPACT | JSON_ENSURE_ASCII);
    fputc('\n', stdout);
}

static void list_ecs(const json_t *answer)
{
    size_t i;
    json_t *a;
    json_array_foreach(json_object_get(answer, "items"), i, a)
        print_line(json_object_get(a, "ecs"));
}

/* A date option as a number of the query; false after a complaint. */
static bool date_query(struct target *t, struct cli *c, const char *option)
{
    const char *typed = cli_option(c, option);
    char number[24];
    int64_t at;

    if (typed && !word_date(typed, (int64_t)time(NULL), &at)) {
        complain_usage("this is no date:", typed, "2027-01-31, 2027-01-31T18:00 or -2h");
        return false;
    }
    if (typed) {
        snprintf(number, sizeof number, "%lld", (long long)at);
        target_query(t, option + 2, number);
    }
    return true;
}

enum cli_exit attempts_cmd_list(struct cli *c)
{
    struct target t;
    enum cli_exit rc;

    if (!word_count(c, "--limit", cli_option(c, "--ecs") ? 1000 : 5000))
        return CLI_USAGE;
    target_begin(&t, "/v1/attempts");
    target_options(&t, c, filters);
    if (!date_query(&t, c, "--since") || !date_query(&t, c, "--until"))
        return CLI_USAGE;
    target_query(&t, "format", cli_option(c, "--ecs") ? "ecs" : NULL);
    json_t *answer = call_list(c, &t, NULL, &rc);
    if (answer && cli_option(c, "--ecs"))
        list_ecs(answer);
    else if (answer && c->json)
        rc = print_json(answer);
    else if (answer)
        list_attempts(answer);
    json_decref(answer);
    return rc;
}

/* ---- one attempt ---------------------------------------------------------------------------- */

static bool attempt_target(struct target *t, const struct cli *c)
{
    const char *id = c->args[0];

    if (!*id || strspn(id, "0123456789") != strlen(id)) {
        complain_usage("this is no number of an attempt:", id, "see portcullis attempts list");
        return false;
    }
    target_begin(t, "/v1/attempts");
    target_name(t, id);
    return true;
}

static void show_some(const char *label, const json_t *a, const char *key)
{
    if (*text_of(a, key))
        show_line(label, text_of(a, key));
}

static void show_evidence(const json_t *a)
{
    if (strcmp(text_of(a, "kind"), "packet") != 0)
        return;
    if (int_of(a, "file") == 0)
        show_line("packets", "none was kept: only a sample is, and the oldest give way");
    else
        show_linef("packets", "in capture file %lld; portcullis attempts export %lld FILE.pcapng",
                   (long long)int_of(a, "file"), (long long)int_of(a, "id"));
}

static void show_attempt(const json_t *a)
{
    char when[32], to[160], reason[80], safe[TERM_SAFE];

    printf("%sattempt %lld%s  %s\n", term_colour(stdout, BOLD), (long long)int_of(a, "id"),
           term_colour(stdout, PLAIN), term_safe(text_of(a, "sentence"), safe));
    show_line("kind", text_of(a, "kind"));
    show_line("reason", reason_text(a, reason));
    show_some("code", a, "code");
    show_linef("times", "%lld", (long long)int_of(a, "count"));
    show_line("first", time_of(a, "first", "?", when));
    show_line("last", time_of(a, "last", "?", when));
    show_some("person", a, "user");
    show_some("device", a, "device");
    show_some("role", a, "role");
    show_some("asked by", a, "actor");
    show_some("source", a, "source");
    destination_text(a, to);
    if (*text_of(a, "destination"))
        show_line("destination", to);
    show_ids("in cases", json_object_get(a, "cases"));
    show_evidence(a);
}

enum cli_exit attempts_cmd_show(struct cli *c)
{
    struct target t;
    enum cli_exit rc;

    if (!attempt_target(&t, c))
        return CLI_USAGE;
    target_query(&t, "format", cli_option(c, "--ecs") ? "ecs" : NULL);
    json_t *answer = call(c, "GET", &t, NULL, &rc);
    if (answer && cli_option(c, "--ecs"))
        print_line(answer);
    else if (answer && c->json)
        rc = print_json(answer);
    else if (answer)
        show_attempt(answer);
    json_decref(answer);
    return rc;
}

/* A new file, for its owner alone. */
static enum cli_exit write_new(const char *path, const char *bytes, size_t n)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    size_t done = 0;
    ssize_t got = 1;

    while (fd >= 0 && done < n && got > 0) {
        got = write(fd, bytes + done, n - done);
        done += got > 0 ? (size_t)got : 0;
    }
    bool good = fd >= 0 && done == n;
    if (!good)
        fprintf(stderr, "portcullis: cannot write %s: %s\n", path, strerror(errno));
    if (fd >= 0)
        good = close(fd) == 0 && good;
    return good ? CLI_DONE : CLI_REFUSED;
}

enum cli_exit attempts_cmd_export(struct cli *c)
{
    struct target t;
    enum cli_exit rc;
    size_t n = 0;

    if (!attempt_target(&t, c))
        return CLI_USAGE;
    target_word(&t, "/packets");
    char *bytes = call_bytes(c, &t, &n, &rc);
    if (bytes)
        rc = write_new(c->args[1], bytes, n);
    free(bytes);
    return rc;
}

/* ---- live ----------------------------------------------------------------------------------- */

static bool wanted(const struct cli *c, const json_t *attempt)
{
    for (size_t i = 0; filters[i]; i++) {
        const char *value = cli_option(c, filters[i]);
        if (value && strcmp(value, text_of(attempt, filters[i] + 2)) != 0)
            return false;
    }
    return true;
}

static void show_attempt_event(struct cli *c, const json_t *e)
{
    char when[32], safe[TERM_SAFE];
    if (strcmp(text_of(e, "kind"), "attempt") != 0 || !wanted(c, json_object_get(e, "attempt")))
        return;
    if (cli_option(c, "--ecs"))
        print_line(json_object_get(e, "ecs"));
    else if (c->json)
        print_line(e);
    else
        printf("%s  %s\n", time_of(e, "time", "?", when), term_safe(text_of(e, "text"), safe));
}

enum cli_exit attempts_cmd_follow(struct cli *c) { return events_follow(c, show_attempt_event); }
