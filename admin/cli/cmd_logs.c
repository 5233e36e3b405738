/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * `audit ...` and `watch`.
 */
#include "admin/cli/term.h"
#include "admin/cli/views.h"

#include <stdarg.h>
#include <stdint.h>
#include <string.h>
#include <time.h>

#define POLL_MS 500

/* A text that grows by parts divided by ", "; what has no room ends in "..". */
struct text { char s[TERM_SAFE]; size_t n; };

__attribute__((format(printf, 2, 3))) static void text_addf(struct text *t, const char *fmt, ...)
{
    char part[TERM_SAFE];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(part, sizeof part, fmt, ap);
    va_end(ap);
    int n = snprintf(t->s + t->n, sizeof t->s - t->n, "%s%s", t->n ? ", " : "", part);
    t->n = n > 0 && (size_t)n < sizeof t->s - t->n ? t->n + (size_t)n : sizeof t->s - 1;
    if (t->n == sizeof t->s - 1)
        memcpy(t->s + t->n - 2, "..", 2);
}

/* ---- the audit log --------------------------------------------------------------------------- */

/* What a record says beyond its head, as a person reads it: "reason left the firm, user maria".
 * Numbers that are times by their name are shown as such; 0 and "" say nothing. */
static void detail_text(const json_t *v, const char *name, struct text *out);

static bool is_time(const char *name)
{
    static const char *const names[] = {"until", "end", "facts_at", "lease_until", "not_before",
                                        "not_after"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        if (strcmp(names[i], name) == 0)
            return true;
    return false;
}

static void detail_number(int64_t n, const char *name, struct text *out)
{
    char when[32];
    if (is_time(name))
        text_addf(out, "%s %s", name, term_time(n, when));
    else
        text_addf(out, "%s %lld", name, (long long)n);
}

/* What matters to a check of the record, or stands in its head already: --json has it. */
static bool is_for_json(const char *name)
{
    static const char *const names[] = {"token", "jti", "policy", "peer", "latency_us", "class",
                                        "actor", "object", "kind", "rules", "requested_us",
                                        "kernel_cut_us", "durable_us", "answered_us"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        if (strcmp(names[i], name) == 0)
            return true;
    return false;
}

static void detail_members(const json_t *o, struct text *out)
{
    const char *name;
    json_t *v;
    json_object_foreach((json_t *)(uintptr_t)o, name, v)
        if (!is_for_json(name))
            detail_text(v, name, out);
}

static void detail_text(const json_t *v, const char *name, struct text *out)
{
    char list[TERM_SAFE];
    if (json_is_object(v))
        detail_members(v, out);
    else if (json_is_array(v) && json_array_size(v) > 0)
        text_addf(out, "%s %s", name, names_of(v, list, sizeof list));
    else if (json_is_string(v) && *json_string_value(v))
        text_addf(out, "%s %s", name, json_string_value(v));
    else if (json_is_integer(v) && json_integer_value(v) != 0)
        detail_number(json_integer_value(v), name, out);
    else if (json_is_real(v))
        text_addf(out, "%s %.3f", name, json_real_value(v));
    else if (json_is_true(v))
        text_addf(out, "%s", name);
}

/* Hashes, by which a policy is named, are shown as short as by `status`. */
static const char *object_text(const char *object, char out[TERM_SAFE])
{
    bool hash = strlen(object) == 64 && strspn(object, "0123456789abcdef") == 64;
    snprintf(out, TERM_SAFE, hash ? "%.12s.." : "%s", object);
    return out;
}

static void list_audit(const json_t *answer)
{
    static const char *const heads[] = {"SEQ", "TIME", "WHO", "ACT", "OBJECT", "DETAIL"};
    struct table t;
    char when[32], seq[24], object[TERM_SAFE];
    size_t i;
    json_t *r;
    table_begin(&t, 6, heads);
    json_array_foreach(json_object_get(answer, "items"), i, r) {
        struct text detail = {0};
        detail_members(json_object_get(r, "detail"), &detail);
        snprintf(seq, sizeof seq, "%lld", (long long)int_of(r, "seq"));
        table_cell(&t, seq);
        table_cell(&t, time_of(r, "time", "?", when));
        table_cell(&t, text_of(r, "actor"));
        table_cell(&t, text_of(r, "act"));
        table_cell(&t, object_text(text_of(r, "object"), object));
        table_cell(&t, detail.s);
    }
    table_print(&t, stdout);
    show_more(answer);
}

enum cli_exit audit_cmd_show(struct cli *c)
{
    static const char *const filters[] = {"--last", NULL};
    struct target t;
    enum cli_exit rc;
    if (!word_count(c, "--limit", 5000) || !word_count(c, "--last", 5000) ||
        !word_count(c, "--after", INT32_MAX))
        return CLI_USAGE;
    target_begin(&t, "/v1/audit");
    target_options(&t, c, filters);
    json_t *answer = call_list(c, &t, cli_option(c, "--after"), &rc);
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

static void show_event(struct cli *c, const json_t *e)
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

enum cli_exit events_follow(struct cli *c, void (*show)(struct cli *c, const json_t *event))
{
    const struct timespec pause = {.tv_nsec = POLL_MS * 1000000L};
    enum cli_exit rc;
    int64_t after = -1;
    for (;;) {
        size_t i;
        json_t *e, *answer = events_after(c, after, &rc);
        if (!answer)
            return rc;
        json_array_foreach(json_object_get(answer, "items"), i, e)
            show(c, e);
        after = int_of(answer, "last");
        json_decref(answer);
        if (fflush(stdout) != 0)
            return CLI_REFUSED;
        nanosleep(&pause, NULL);
    }
}

enum cli_exit cmd_watch(struct cli *c) { return events_follow(c, show_event); }
