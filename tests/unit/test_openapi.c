/* SPDX-License-Identifier: GPL-2.0-or-later */
/* admin/openapi.json beside the table of verbs: each of them is in it, with its right, and no other. */
#include "tests/unit/engine_lab.h"

#include "gateway/admins.h"

static struct lab L;
static json_t *doc;

static int begin(void **state)
{
    (void)state;
    lab_new(&L);
    lab_start(&L, LAB_POLICY);
    doc = lab_must(&L, CONTROL_GET, "/v1/openapi", NULL, 200);
    return 0;
}

static int end(void **state)
{
    (void)state;
    json_decref(doc);
    lab_end(&L);
    return 0;
}

static const char *const methods[] = {[CONTROL_GET] = "get", [CONTROL_POST] = "post",
                                      [CONTROL_PUT] = "put", [CONTROL_DELETE] = "delete"};

/* "/v1/users/{NAME}/roles" as the table writes it: "/v1/users/STAR/roles", with '*' for STAR. */
static void as_pattern(const char *path, char out[128])
{
    size_t n = 0;

    for (; *path; path++) {
        out[n++] = *path == '{' ? '*' : *path;
        if (*path == '{')
            path = strchr(path, '}');
    }
    out[n] = '\0';
}

static const json_t *documented(const struct verb_said *v)
{
    const char *path;
    char pattern[128];
    json_t *item;

    json_object_foreach(json_object_get(doc, "paths"), path, item) {
        as_pattern(path, pattern);
        if (strcmp(pattern, v->path) == 0)
            return json_object_get(item, methods[v->method]);
    }
    return NULL;
}

static void each_verb_is_in_it_with_its_right(void **state)
{
    struct verb_said v;

    (void)state;
    for (size_t i = 0; control_verb_at(i, &v); i++) {
        const json_t *o = documented(&v);
        const char *right = v.least == RIGHT_SIGN_IN ? "sign-in" : right_name(v.least);
        if (!o)
            fail_msg("%s %s is not in admin/openapi.json", methods[v.method], v.path);
        if (strcmp(lab_text(o, "x-right"), right) != 0)
            fail_msg("%s %s is for %s", methods[v.method], v.path, right);
        assert_true(v.least > RIGHT_NONE);
    }
}

static void nothing_else_is(void **state)
{
    const char *path, *method;
    size_t verbs = 0, said = 0;
    struct verb_said v;
    json_t *item, *o, *ids = json_object();

    (void)state;
    while (control_verb_at(verbs, &v))
        verbs++;
    json_object_foreach(json_object_get(doc, "paths"), path, item)
        json_object_foreach(item, method, o) {
            said++;
            assert_true(lab_text(o, "summary")[0]);
            if (json_object_set(ids, lab_text(o, "operationId"), o) < 0 ||
                json_object_size(ids) != said)
                fail_msg("%s %s: its operationId is another's", method, path);
        }
    assert_int_equal(said, verbs);
    json_decref(ids);
}

/* Each "$ref" leads to something. */
static void references_lead_somewhere(const json_t *v)
{
    const char *name, *ref = json_string_value(json_object_get(v, "$ref"));
    char part[64];
    size_t i;
    json_t *x;
    const json_t *at = doc;

    if (ref) {
        assert_memory_equal(ref, "#/", 2);
        for (const char *s = ref + 2; at && *s;) {
            size_t n = strcspn(s, "/");
            snprintf(part, sizeof part, "%.*s", (int)n, s);
            at = json_object_get(at, part);
            s += n + (s[n] == '/');
        }
        if (!at)
            fail_msg("%s leads nowhere", ref);
    }
    json_object_foreach((json_t *)(uintptr_t)v, name, x)
        references_lead_somewhere(x);
    json_array_foreach(v, i, x)
        references_lead_somewhere(x);
}

static void it_is_whole(void **state)
{
    (void)state;
    assert_string_equal(lab_text(doc, "openapi"), "3.1.0");
    references_lead_somewhere(doc);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(each_verb_is_in_it_with_its_right, begin, end),
        cmocka_unit_test_setup_teardown(nothing_else_is, begin, end),
        cmocka_unit_test_setup_teardown(it_is_whole, begin, end),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
