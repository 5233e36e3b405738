/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The gateway's answer, read strictly and shown carefully. */
#include "deploy/agent/agent_answer.h"

#include <string.h>
#include <time.h>

#define SHOWN_MAX AGENT_SHOWN
#define RULES_SHOWN 64
#define LEASE_LONGEST 86400

struct agent_verdict agent_answer_read(const json_t *answer)
{
    const char *result = json_string_value(json_object_get(answer, "result"));
    json_int_t left = json_integer_value(json_object_get(answer, "lease_seconds"));
    struct agent_verdict v = {.error = json_object_get(answer, "error") != NULL};

    if (v.error || !result || strcmp(result, "in") != 0 || left <= 0)
        return v;
    v.in = true;
    v.lease_seconds = left < LEASE_LONGEST ? left : LEASE_LONGEST;
    return v;
}

/* The text of a member with what could move the cursor replaced; "" when it is not there. */
static const char *shown(const json_t *object, const char *name, char out[SHOWN_MAX])
{
    const char *s = json_string_value(json_object_get(object, name));
    size_t n = 0;

    for (; s && *s && n < SHOWN_MAX - 1; s++) {
        uint8_t c = (uint8_t)*s, next = (uint8_t)s[1];
        bool c1 = c == 0xc2 && next >= 0x80 && next <= 0x9f;
        bool mover = c == 0xe2 && (next == 0x80 || next == 0x81);

        out[n++] = c < 0x20 || c == 0x7f || c1 || mover ? '?' : *s;
        s += c1 ? 1 : 0;
        if (mover)
            s += s[2] ? 2 : 1;
    }
    out[n] = '\0';
    return out;
}

static void print_duration(int64_t s, FILE *out)
{
    if (s >= 7200)
        fprintf(out, "%lld hours", (long long)(s / 3600));
    else if (s >= 120)
        fprintf(out, "%lld minutes", (long long)(s / 60));
    else
        fprintf(out, "%lld seconds", (long long)s);
}

static void print_in(int64_t left, int64_t now, FILE *out)
{
    time_t end = (time_t)(now + left);
    char clock[16] = "?";
    struct tm tm;

    if (localtime_r(&end, &tm))
        strftime(clock, sizeof clock, "%H:%M", &tm);
    fprintf(out, "You are in until %s (", clock);
    print_duration(left, out);
    fputs(").\n", out);
}

static void print_code(const json_t *of, FILE *out)
{
    char sentence[SHOWN_MAX], code[SHOWN_MAX], fix[SHOWN_MAX];

    if (*shown(of, "sentence", sentence))
        fprintf(out, "%s", sentence);
    if (*shown(of, "code", code))
        fprintf(out, " (%s)", code);
    if (*sentence || *code)
        fputs("\n", out);
    if (*shown(of, "fix", fix))
        fprintf(out, "What to do: %s\n", fix);
}

static bool passed(const json_t *rule)
{
    const char *result = json_string_value(json_object_get(rule, "result"));

    return result && strcmp(result, "pass") == 0;
}

static void print_rule(const json_t *rule, FILE *out)
{
    char a[SHOWN_MAX], b[SHOWN_MAX], c[SHOWN_MAX];

    fprintf(out, "  - %s: %s\n", shown(rule, "result", a), shown(rule, "rule", b));
    fprintf(out, "    expected %s, received %s\n", shown(rule, "expected", a),
            shown(rule, "received", b));
    if (*shown(rule, "sentence", a))
        fprintf(out, "    %s%s%s%s\n", a, *shown(rule, "code", b) ? " (" : "", b, *b ? ")" : "");
    if (*shown(rule, "fix", c))
        fprintf(out, "    What to do: %s\n", c);
}

/* Is the whole answer's code that of a rule that will be shown? */
static bool rule_says_it(const json_t *answer)
{
    const json_t *rules = json_object_get(answer, "rules"), *code = json_object_get(answer, "code");

    for (size_t i = 0; i < json_array_size(rules) && i < RULES_SHOWN; i++) {
        const json_t *rule = json_array_get(rules, i);

        if (!passed(rule) && json_equal(json_object_get(rule, "code"), code))
            return true;
    }
    return false;
}

static void print_rules(const json_t *rules, FILE *out)
{
    bool any = false;

    for (size_t i = 0; i < json_array_size(rules) && i < RULES_SHOWN; i++) {
        const json_t *rule = json_array_get(rules, i);

        if (passed(rule))
            continue;
        if (!any)
            fputs("Not as it should be:\n", out);
        any = true;
        print_rule(rule, out);
    }
}

static void print_error(const json_t *answer, FILE *out)
{
    const json_t *error = json_object_get(answer, "error"),
                 *left = json_object_get(answer, "tries_left");
    char message[SHOWN_MAX], code[SHOWN_MAX], hint[SHOWN_MAX];

    fprintf(out, "The gateway refused: %s (%s)\n", shown(error, "message", message),
            shown(error, "code", code));
    if (*shown(error, "hint", hint))
        fprintf(out, "What to do: %s\n", hint);
    if (json_is_integer(left))
        fprintf(out, "The invitation bears %lld more tries.\n",
                (long long)json_integer_value(left));
}

void agent_answer_print(const json_t *answer, int64_t now, FILE *out)
{
    struct agent_verdict v = agent_answer_read(answer);

    if (v.error) {
        print_error(answer, out);
        return;
    }
    if (v.in)
        print_in(v.lease_seconds, now, out);
    else
        fputs("You are in quarantine: only this gateway's page and the help it names are "
              "reachable.\n", out);
    if (!v.in && !rule_says_it(answer))
        print_code(answer, out);
    print_rules(json_object_get(answer, "rules"), out);
}

void agent_answer_code(const json_t *answer, char out[AGENT_SHOWN])
{
    const json_t *error = json_object_get(answer, "error");

    shown(error ? error : answer, "code", out);
}

static const json_t *first_failed(const json_t *rules)
{
    for (size_t i = 0; i < json_array_size(rules); i++)
        if (!passed(json_array_get(rules, i)))
            return json_array_get(rules, i);
    return NULL;
}

void agent_answer_reason(const json_t *answer, char sentence[AGENT_SHOWN], char fix[AGENT_SHOWN])
{
    const json_t *error = json_object_get(answer, "error"),
                 *rule = first_failed(json_object_get(answer, "rules"));

    if (error) {
        shown(error, "message", sentence);
        shown(error, "hint", fix);
        return;
    }
    if (!*shown(rule, "sentence", sentence))
        shown(answer, "sentence", sentence);
    if (!*shown(rule, "fix", fix))
        shown(answer, "fix", fix);
}

static const char *entity(char c)
{
    return c == '&' ? "&amp;" : c == '<' ? "&lt;" : c == '>' ? "&gt;" : NULL;
}

/* The bytes of the character at s; a broken one counts as a byte. */
static size_t character(const char *s)
{
    size_t n = 1;

    while (((uint8_t)*s & 0xc0) == 0xc0 && ((uint8_t)s[n] & 0xc0) == 0x80)
        n++;
    return n;
}

void agent_answer_markup(const char *text, char *out, size_t size)
{
    size_t n = 0;

    while (*text) {
        const char *as = entity(*text);
        size_t take = character(text), len = as ? strlen(as) : take;

        if (n + len >= size)
            break;
        memcpy(out + n, as ? as : text, len);
        n += len;
        text += take;
    }
    out[n] = '\0';
}

void agent_answer_contact(const json_t *me, FILE *out)
{
    char contact[AGENT_SHOWN];

    if (*shown(me, "contact", contact))
        fprintf(out, "To ask: %s\n", contact);
}
