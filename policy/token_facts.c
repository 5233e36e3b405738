/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * pst v1 into facts. A member that is absent leaves its fact unknown; one that is present must be
 * of its type and within its range, or the whole token is refused: a half-read device is not
 * judged.
 */
#include <string.h>

#include "policy/json_bounds.h"
#include "policy/token_parts.h"
#include "policy/zone.h"

#define NAME_MAX_JOINED 128

/* "os" is a group when a fact is called "os.something". */
static bool is_group(const char *name)
{
    size_t len = strlen(name);

    for (unsigned i = 0; i < FACT_COUNT; i++) {
        const char *fact = fact_name((enum fact_id)i);

        if (strncmp(fact, name, len) == 0 && fact[len] == '.')
            return true;
    }
    return false;
}

static enum fact_id fact_in_group(const char *group, const char *member)
{
    char name[NAME_MAX_JOINED];
    size_t g = strlen(group), m = strlen(member);

    if (g + 1 + m >= sizeof name)
        return FACT_COUNT;
    memcpy(name, group, g);
    name[g] = '.';
    memcpy(name + g + 1, member, m);
    return fact_by_name(name, g + 1 + m);
}

static bool group_known(const char *group, const json_t *members)
{
    const char *member;
    json_t *v;

    json_object_foreach((json_t *)(uintptr_t)members, member, v)
        if (fact_in_group(group, member) == FACT_COUNT)
            return false;
    return true;
}

static bool is_plain(const char *name)
{
    return strcmp(name, "v") == 0 || strcmp(name, "at") == 0 ||
           strcmp(name, fact_name(FACT_OWN)) == 0;
}

static enum refusal_code facts_known(const json_t *pst)
{
    const char *name;
    json_t *v;

    json_object_foreach((json_t *)(uintptr_t)pst, name, v) {
        if (is_plain(name))
            continue;
        if (!is_group(name) || !group_known(name, v))
            return PT304;
    }
    return CODE_NONE;
}

static enum refusal_code fact_text(const json_t *v, struct fact *out)
{
    if (!json_is_string(v))
        return PT302;

    size_t len = json_string_length(v);

    if (len == 0 || len >= sizeof out->text || !text_printable(json_string_value(v), len))
        return PT303;
    memcpy(out->text, json_string_value(v), len + 1);
    return CODE_NONE;
}

static enum refusal_code fact_version(const json_t *v, struct fact *out)
{
    enum refusal_code code = fact_text(v, out);

    return code == CODE_NONE && !version_valid(out->text) ? PT303 : code;
}

static enum refusal_code fact_int(const json_t *v, int64_t max, struct fact *out)
{
    if (!json_is_integer(v))
        return PT302;
    out->n = json_integer_value(v);
    return out->n < 0 || out->n > max ? PT303 : CODE_NONE;
}

static int digits(const char *s, int n)
{
    int value = 0;

    for (int i = 0; i < n; i++) {
        if (s[i] < '0' || s[i] > '9')
            return -1;
        value = value * 10 + (s[i] - '0');
    }
    return value;
}

/* YYYY-MM-DD: the midnight (UTC) that begins the day. */
static enum refusal_code fact_day(const char *s, struct fact *out)
{
    if (strlen(s) != 10 || s[4] != '-' || s[7] != '-')
        return PT303;

    int year = digits(s, 4), month = digits(s + 5, 2), day = digits(s + 8, 2);

    if (year < 1970 || month < 0 || day < 0 || !civil_valid(year, month, day))
        return PT303;
    out->n = civil_days(year, month, day) * 86400;
    return CODE_NONE;
}

static enum refusal_code fact_date(const json_t *v, struct fact *out)
{
    return json_is_string(v) ? fact_day(json_string_value(v), out)
                             : fact_int(v, TIME_CLAIM_MAX, out);
}

/* Appends ", item"; what does not fit is cut between characters and shown as "..". */
static void list_append(struct fact *out, const char *item)
{
    size_t used = strlen(out->text), room = sizeof out->text - 1 - used, len = strlen(item);
    size_t comma = used > 0 ? 2 : 0;

    if (used >= 2 && strcmp(out->text + used - 2, "..") == 0)
        return;
    if (comma + len + 2 <= room) { /* 2: the next one may have to be cut to ".." */
        memcpy(out->text + used, ", ", comma);
        memcpy(out->text + used + comma, item, len + 1);
        return;
    }
    len = room > comma + 2 ? room - comma - 2 : 0;
    while (len > 0 && ((uint8_t)item[len] & 0xc0) == 0x80)
        len--;
    if (len == 0)
        comma = 0;
    memcpy(out->text + used, ", ", comma);
    memcpy(out->text + used + comma, item, len);
    memcpy(out->text + used + comma + len, "..", 3);
}

static enum refusal_code fact_list(const json_t *v, struct fact *out)
{
    if (!json_is_array(v))
        return PT302;
    for (size_t i = 0; i < json_array_size(v); i++) {
        const json_t *item = json_array_get(v, i);

        if (!json_is_string(item))
            return PT302;
        if (json_string_length(item) == 0 ||
            !text_printable(json_string_value(item), json_string_length(item)))
            return PT303;
        list_append(out, json_string_value(item));
    }
    out->n = (int64_t)json_array_size(v);
    return CODE_NONE;
}

static enum refusal_code fact_value(const json_t *v, enum fact_type type, struct fact *out)
{
    switch (type) {
    case FACT_BOOL:
        out->n = json_is_true(v);
        return json_is_boolean(v) ? CODE_NONE : PT302;
    case FACT_INT:
        return fact_int(v, INT32_MAX, out);
    case FACT_STRING:
        return fact_text(v, out);
    case FACT_VERSION:
        return fact_version(v, out);
    case FACT_DATE:
        return fact_date(v, out);
    case FACT_LIST:
        return fact_list(v, out);
    }
    return PT302;
}

enum refusal_code token_fact_read(const json_t *v, enum fact_type type, struct fact *out)
{
    struct fact f = {.known = true};
    enum refusal_code code = fact_value(v, type, &f);

    if (code == CODE_NONE)
        *out = f;
    return code;
}

static enum refusal_code group_read(const char *group, const json_t *members, struct facts *out)
{
    const char *member;
    json_t *v;

    if (!json_is_object(members))
        return PT302;
    json_object_foreach((json_t *)(uintptr_t)members, member, v) {
        enum fact_id id = fact_in_group(group, member);
        enum refusal_code code = token_fact_read(v, fact_type(id), &out->v[id]);

        if (code != CODE_NONE)
            return code;
    }
    return CODE_NONE;
}

/* v, at and own. */
static enum refusal_code plain_read(const json_t *pst, struct facts *out)
{
    const json_t *v = json_object_get(pst, "v"), *at = json_object_get(pst, "at"),
                 *own = json_object_get(pst, fact_name(FACT_OWN));
    struct fact *owner = &out->v[FACT_OWN];

    if (!v || !at)
        return PT301;
    if (!json_is_integer(v) || !json_is_integer(at))
        return PT302;
    out->at.s = json_integer_value(at);
    if (json_integer_value(v) != 1 || out->at.s < 1 || out->at.s > TIME_CLAIM_MAX)
        return PT303;
    if (!own)
        return CODE_NONE;

    enum refusal_code code = token_fact_read(own, FACT_STRING, owner);

    if (code == CODE_NONE && strcmp(owner->text, "corp") != 0 && strcmp(owner->text, "byod") != 0)
        return PT303;
    return code;
}

enum refusal_code token_facts_read(const json_t *pst, struct facts *out)
{
    const char *name;
    json_t *v;

    if (!json_is_object(pst))
        return PT302;

    enum refusal_code code = facts_known(pst);

    if (code == CODE_NONE)
        code = plain_read(pst, out);
    if (code != CODE_NONE)
        return code;
    json_object_foreach((json_t *)(uintptr_t)pst, name, v) {
        if (is_plain(name))
            continue;
        code = group_read(name, v, out);
        if (code != CODE_NONE)
            return code;
    }
    return CODE_NONE;
}
