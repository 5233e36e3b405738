/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Facts as JSON and back: one member a known fact, by its name in the language. */
#include "gateway/store_facts.h"

#include <stdio.h>
#include <string.h>

static bool is_text(enum fact_id id)
{
    enum fact_type t = fact_type(id);

    return t == FACT_STRING || t == FACT_VERSION;
}

static json_t *fact_value(enum fact_id id, const struct fact *f)
{
    if (is_text(id))
        return json_string(f->text);
    if (fact_type(id) == FACT_LIST)
        return json_pack("[I,s]", (json_int_t)f->n, f->text);
    return fact_type(id) == FACT_BOOL ? json_boolean(f->n) : json_integer(f->n);
}

json_t *facts_to_json(const struct facts *f)
{
    json_t *o = json_object();

    json_object_set_new(o, "at", json_integer(f->at.s));
    for (int i = 0; i < FACT_COUNT; i++)
        if (f->v[i].known)
            json_object_set_new(o, fact_name((enum fact_id)i),
                                fact_value((enum fact_id)i, &f->v[i]));
    return o;
}

static int read_text(const json_t *v, struct fact *f)
{
    if (!json_is_string(v) || json_string_length(v) >= sizeof f->text)
        return -1;
    snprintf(f->text, sizeof f->text, "%s", json_string_value(v));
    return 0;
}

static int read_fact(enum fact_id id, const json_t *v, struct fact *f)
{
    f->known = true;
    if (is_text(id))
        return read_text(v, f);
    if (fact_type(id) == FACT_LIST) {
        f->n = json_integer_value(json_array_get(v, 0));
        return json_array_size(v) == 2 ? read_text(json_array_get(v, 1), f) : -1;
    }
    f->n = json_is_true(v) ? 1 : json_integer_value(v);
    return json_is_boolean(v) || json_is_integer(v) ? 0 : -1;
}

static int read_members(json_t *o, struct facts *out)
{
    const char *name;
    json_t *v;

    json_object_foreach(o, name, v) {
        enum fact_id id = fact_by_name(name, strlen(name));
        if (strcmp(name, "at") == 0)
            out->at.s = json_integer_value(v);
        else if (id == FACT_COUNT || read_fact(id, v, &out->v[id]) < 0)
            return -1;
    }
    return 0;
}

int facts_from_json(const char *text, size_t len, struct facts *out)
{
    json_t *o = json_loadb(text, len, JSON_REJECT_DUPLICATES, NULL);
    int rc = -1;

    memset(out, 0, sizeof *out);
    if (json_is_object(o))
        rc = read_members(o, out);
    json_decref(o);
    return rc;
}
