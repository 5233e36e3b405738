/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Strict reading of JSON bodies and queries: what is not known is refused by name. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "gateway/control.h"
#include "policy/json_bounds.h"

void body_fail(struct body *b, struct reply r)
{
    if (b->failed)
        json_decref(r.body);
    else
        b->error = r;
    b->failed = true;
}

void body_open(struct body *b, const struct request *q, bool may_be_empty)
{
    json_error_t error;

    memset(b, 0, sizeof *b);
    if (q->body_len == 0 && may_be_empty) {
        b->o = json_object();
        return;
    }
    if (json_bounded(q->body, q->body_len))
        b->o = json_loadb((const char *)q->body, q->body_len, JSON_REJECT_DUPLICATES, &error);
    else
        snprintf(error.text, sizeof error.text, "it is too deep, too wide or too long");
    if (json_is_object(b->o))
        return;
    body_fail(b, b->o ? reply_error(400, "bad_json", "The body is not a JSON object.", NULL)
                      : reply_errorf(400, "bad_json", NULL, "The body is not JSON: %s.",
                                     error.text));
}

json_t *body_member(struct body *b, const char *name, json_type type, bool needed)
{
    json_t *v = b->failed ? NULL : json_object_get(b->o, name);
    size_t n = strlen(b->names);

    snprintf(b->names + n, sizeof b->names - n, "%s%s", n ? ", " : "", name);
    if (!v) {
        if (needed && !b->failed)
            body_fail(b, reply_errorf(400, "missing_member", NULL, "The body lacks '%s'.", name));
        return NULL;
    }
    b->taken++;
    bool fits = json_typeof(v) == type || (type == JSON_TRUE && json_is_false(v));
    if (!fits)
        body_fail(b, reply_errorf(400, "bad_member", NULL, "'%s' is of the wrong type.", name));
    return fits ? v : NULL;
}

const char *body_text(struct body *b, const char *name, size_t max, bool needed)
{
    const json_t *v = body_member(b, name, JSON_STRING, needed);

    if (!v)
        return NULL;
    const char *s = json_string_value(v);
    size_t n = json_string_length(v);
    if (n <= max && strlen(s) == n && text_printable(s, n))
        return s;
    body_fail(b, reply_errorf(400, "bad_member", NULL,
                              "'%s' is longer than %zu bytes or holds control characters.", name,
                              max));
    return NULL;
}

int64_t body_int(struct body *b, const char *name, int64_t least, int64_t most, int64_t otherwise)
{
    const json_t *v = body_member(b, name, JSON_INTEGER, false);

    if (!v)
        return otherwise;
    int64_t n = json_integer_value(v);
    if (n < least || n > most)
        body_fail(b, reply_errorf(400, "bad_member", NULL, "'%s' is not within %lld and %lld.",
                                  name, (long long)least, (long long)most));
    return n;
}

bool body_bool(struct body *b, const char *name, bool otherwise)
{
    const json_t *v = body_member(b, name, JSON_TRUE, false);

    return v ? json_is_true(v) : otherwise;
}

static const char *unknown_member(const struct body *b)
{
    const char *name;
    json_t *v;

    json_object_foreach(b->o, name, v) {
        const char *at = strstr(b->names, name);
        size_t n = strlen(name);
        while (at && ((at > b->names && at[-1] != ' ') || (at[n] && at[n] != ',')))
            at = strstr(at + 1, name);
        if (!at)
            return name;
    }
    return "";
}

bool body_done(struct body *b)
{
    char hint[300];

    if (!b->failed && json_object_size(b->o) != b->taken) {
        const char *name = unknown_member(b);
        snprintf(hint, sizeof hint, "Known are: %s.", b->names);
        body_fail(b, text_printable(name, strlen(name))
                         ? reply_errorf(400, "unknown_member", hint, "'%.64s' is not known here.",
                                        strlen(name) <= 64 ? name : "a member of the body")
                         : reply_error(400, "unknown_member", "A member is not known here.", hint));
    }
    return !b->failed;
}

/* Of what was typed nothing stays behind; what borrows jansson's text may only read it. */
static void wipe_texts(json_t *o)
{
    const char *name;
    json_t *v;

    json_object_foreach(o, name, v)
        if (json_is_string(v))
            explicit_bzero((void *)(uintptr_t)json_string_value(v), json_string_length(v));
}

void body_close(struct body *b)
{
    wipe_texts(b->o);
    json_decref(b->o);
}

/* ---- queries -------------------------------------------------------------------------------- */

const char *query_get(const struct request *q, const char *name)
{
    for (size_t i = 0; i < q->n_query; i++)
        if (strcmp(q->query[i].name, name) == 0)
            return q->query[i].value;
    return NULL;
}

bool query_int(const struct request *q, const char *name, int64_t least, int64_t most, int64_t *v)
{
    const char *s = query_get(q, name);
    char *end;

    if (!s)
        return true;
    size_t digits = strspn(s + (*s == '-'), "0123456789");
    if (digits == 0 || digits > 18 || s[digits + (*s == '-')])
        return false;
    *v = strtoll(s, &end, 10);
    return *v >= least && *v <= most;
}

bool query_page(const struct request *q, int64_t *limit, int64_t *after, struct reply *error)
{
    *limit = 1000;
    if (query_int(q, "limit", 1, 5000, limit) && query_int(q, "after", -1, INT64_MAX, after))
        return true;
    *error = reply_error(400, "bad_query", "limit is 1 to 5000, after is a number.", NULL);
    return false;
}

bool name_valid(const char *s)
{
    size_t n = strlen(s);

    return n >= 1 && n < NAME_SIZE && s[0] != '.' && s[0] != '_' && s[0] != '-' &&
           strspn(s, "abcdefghijklmnopqrstuvwxyz0123456789._-") == n;
}
