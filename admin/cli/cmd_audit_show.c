/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * `audit show`, and how records are shown to a person.
 */
#include "admin/cli/known.h"
#include "admin/cli/term.h"
#include "admin/cli/views.h"

#include <stdarg.h>
#include <stdint.h>
#include <string.h>
#include <time.h>

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

/* ---- a record as a person reads it ---------------------------------------------------------- */

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

/* Who was signed in is the person; at the control socket it is a name that was given. */
static const char *who_text(const json_t *r, char out[TERM_SAFE])
{
    bool console = json_is_true(json_object_get(r, "console"));
    snprintf(out, TERM_SAFE, "%.80s%s", text_of(r, "actor"), console ? " (console)" : "");
    return out;
}

static void list_audit(const json_t *answer)
{
    static const char *const heads[] = {"SEQ", "TIME", "WHO", "ACT", "OBJECT", "DETAIL"};
    struct table t;
    char when[32], seq[24], who[TERM_SAFE], object[TERM_SAFE];
    size_t i;
    json_t *r;
    table_begin(&t, 6, heads);
    json_array_foreach(json_object_get(answer, "items"), i, r) {
        struct text detail = {0};
        detail_members(json_object_get(r, "detail"), &detail);
        snprintf(seq, sizeof seq, "%lld", (long long)int_of(r, "seq"));
        table_cell(&t, seq);
        table_cell(&t, time_of(r, "time", "?", when));
        table_cell(&t, who_text(r, who));
        table_cell(&t, text_of(r, "act"));
        table_cell(&t, object_text(text_of(r, "object"), object));
        table_cell(&t, detail.s);
    }
    table_print(&t, stdout);
    show_more(answer);
}

/* ---- asking --------------------------------------------------------------------------------- */

bool audit_filters(const struct cli *c, struct target *t, const char *from, const char *to)
{
    static const char *const names[][2] = {{"--user", "about"}, {"--object", "about"},
                                           {"--act", "act"}, {"--actor", "actor"}};
    const char *dates[][2] = {{from, "since"}, {to, "until"}};
    int64_t now = (int64_t)time(NULL), when;
    char number[24];

    if (cli_option(c, "--user") && cli_option(c, "--object")) {
        (void)complain_usage("only one of these:", "--user, --object", NULL);
        return false;
    }
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        target_query(t, names[i][1], cli_option(c, names[i][0]));
    for (size_t i = 0; i < 2; i++) {
        const char *said = cli_option(c, dates[i][0]);
        if (!said)
            continue;
        if (!word_date(said, now, &when)) {
            (void)complain_usage("this is no date:", said, "2027-01-31, 2027-01-31T18:00 or -2h");
            return false;
        }
        /* A day as the end means all of it. */
        when += i == 1 && strlen(said) == strlen("2027-01-31") && said[0] != '-' ? 86399 : 0;
        snprintf(number, sizeof number, "%lld", (long long)when);
        target_query(t, dates[i][1], number);
    }
    return true;
}

enum cli_exit audit_cmd_show(struct cli *c)
{
    static const char *const filters[] = {"--last", NULL};
    struct target t;
    struct visit v;

    if (!word_count(c, "--limit", 5000) || !word_count(c, "--last", 5000) ||
        !word_count(c, "--after", INT32_MAX))
        return CLI_USAGE;
    target_begin(&t, "/v1/audit");
    target_options(&t, c, filters);
    if (!audit_filters(c, &t, "--since", "--until"))
        return CLI_USAGE;
    /* A log that cannot be signed any more can still be read; one that was rewritten is refused. */
    enum cli_exit seen = visit_begin(c, &v, "audit"), rc = seen;
    bool stop = v.refused || seen == CLI_NO_DAEMON;
    visit_end(&v);
    json_t *answer = stop ? NULL : call_list(c, &t, cli_option(c, "--after"), &rc);
    if (answer && c->json)
        rc = print_json(answer);
    else if (answer)
        list_audit(answer);
    json_decref(answer);
    return rc == CLI_DONE ? seen : rc;
}
