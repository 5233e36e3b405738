/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Cases: opened on attempts, kept as evidence, closed once, each step in the audit log. */
#include "gateway/cases.h"
#include "tests/unit/engine_lab.h"

static struct lab L;
static struct laptop maria;

static int begin(void **state)
{
    (void)state;
    lab_new(&L);
    lab_start(&L, LAB_POLICY);
    lab_person(&L, "maria", "filing");
    lab_enrol(&L, &maria, "maria-laptop", "maria");
    for (uint16_t port = 1; port <= 5; port++) {
        struct attempt a = {.device = "maria-laptop", .user = "maria", .proto = 6, .port = port,
                            .destination = {4, {10, 20, 0, 9}}, .source = {4, {10, 77, 0, 2}},
                            .reason = DENY_NOT_PERMITTED, .count = port, .first = clock_wall(),
                            .last = clock_wall()};
        attempts_add(&L.e->attempts, &a);
    }
    attempts_keep(L.e);
    return 0;
}

static int end(void **state)
{
    (void)state;
    lab_end(&L);
    return 0;
}

static json_t *open_one(void)
{
    return lab_must(&L, CONTROL_POST, "/v1/cases",
                    "{\"user\":\"maria\",\"attempts\":[2,4],\"note\":\"asked her\"}", 201);
}

/* The detail of the newest record of this act; owned by the caller. */
static json_t *recorded(const char *act, const char *object)
{
    int status;
    json_t *o = lab_ask(&L, CONTROL_GET, "/v1/audit", "", NULL, &status), *one, *found = NULL;
    size_t i;

    json_array_foreach(json_object_get(o, "items"), i, one)
        if (strcmp(lab_text(one, "act"), act) == 0 && strcmp(lab_text(one, "object"), object) == 0)
            found = json_object_get(one, "detail");
    assert_non_null(found);
    json_incref(found);
    json_decref(o);
    return found;
}

static void from_opening_to_the_outcome(void **state)
{
    json_t *o = open_one();

    (void)state;
    assert_string_equal(lab_text(o, "state"), "open");
    assert_string_equal(lab_text(o, "opened_by"), "anna");
    assert_int_equal(json_array_size(json_object_get(o, "attempts")), 2);
    assert_int_equal(json_array_size(json_object_get(o, "notes")), 1);
    json_decref(o);

    o = lab_must(&L, CONTROL_POST, "/v1/cases/1/notes",
                 "{\"text\":\"and again\",\"attempts\":[4,5]}", 200);
    assert_int_equal(json_array_size(json_object_get(o, "attempts")), 3);
    assert_int_equal(json_array_size(json_object_get(o, "notes")), 2);
    json_decref(o);

    o = lab_must(&L, CONTROL_GET, "/v1/attempts/5", NULL, 200);
    assert_int_equal(json_integer_value(json_array_get(json_object_get(o, "cases"), 0)), 1);
    json_decref(o);
    o = lab_must(&L, CONTROL_GET, "/v1/attempts/1", NULL, 200);
    assert_int_equal(json_array_size(json_object_get(o, "cases")), 0);
    json_decref(o);

    o = lab_must(&L, CONTROL_POST, "/v1/cases/1/close",
                 "{\"finding\":\"a scanner came with a game\",\"outcome\":\"training\"}", 200);
    assert_string_equal(lab_text(o, "state"), "closed");
    assert_string_equal(lab_text(o, "outcome"), "training");
    assert_string_equal(lab_text(o, "finding"), "a scanner came with a game");
    assert_string_equal(lab_text(o, "closed_by"), "anna");
    json_decref(o);

    lab_do(&L, CONTROL_POST, "/v1/cases/1/notes", "{\"text\":\"late\"}", 409);
    lab_do(&L, CONTROL_POST, "/v1/cases/1/close",
           "{\"finding\":\"x\",\"outcome\":\"no-action\"}", 409);

    o = recorded("case.open", "case-1");
    const json_t *kept = json_array_get(json_object_get(o, "attempts"), 1);
    assert_int_equal(json_integer_value(json_object_get(kept, "port")), 4);
    assert_int_equal(json_integer_value(json_object_get(kept, "count")), 4);
    json_decref(o);
    o = recorded("case.close", "case-1");
    assert_string_equal(lab_text(o, "outcome"), "training");
    json_decref(o);
}

static void refuses(void **state)
{
    static const struct { const char *what, *path, *body; int status; } cases[] = {
        {"nobody", "/v1/cases", "{\"user\":\"otto\",\"attempts\":[1]}", 404},
        {"no attempt", "/v1/cases", "{\"user\":\"maria\",\"attempts\":[]}", 400},
        {"attempts left out", "/v1/cases", "{\"user\":\"maria\"}", 400},
        {"unknown attempt", "/v1/cases", "{\"user\":\"maria\",\"attempts\":[1,99]}", 404},
        {"not a number", "/v1/cases", "{\"user\":\"maria\",\"attempts\":[\"1\"]}", 400},
        {"another member", "/v1/cases", "{\"user\":\"maria\",\"attempts\":[1],\"x\":1}", 400},
        {"a note of two lines", "/v1/cases",
         "{\"user\":\"maria\",\"attempts\":[1],\"note\":\"a\\nb\"}", 400},
        {"unknown case", "/v1/cases/7/notes", "{\"text\":\"x\"}", 404},
        {"no case number", "/v1/cases/x/notes", "{\"text\":\"x\"}", 404},
        {"a number too long", "/v1/cases/1234567890123456789/notes", "{\"text\":\"x\"}", 404},
        {"unknown outcome", "/v1/cases/1/close", "{\"finding\":\"x\",\"outcome\":\"gallows\"}", 400},
        {"the outcome of open ones", "/v1/cases/1/close", "{\"finding\":\"x\",\"outcome\":\"\"}", 400},
        {"no finding", "/v1/cases/1/close", "{\"outcome\":\"training\"}", 400},
    };
    char body[512] = "{\"user\":\"maria\",\"attempts\":[1";

    (void)state;
    json_decref(open_one());
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        print_message("%s\n", cases[i].what);
        lab_do(&L, CONTROL_POST, cases[i].path, cases[i].body, cases[i].status);
    }
    for (int i = 1; i < CASE_GATHER_MAX; i++)
        strcat(body, ",1");
    strcat(body, "]}");
    lab_do(&L, CONTROL_POST, "/v1/cases", body, 201);
    strcpy(strrchr(body, ']'), ",1]}");
    lab_do(&L, CONTROL_POST, "/v1/cases", body, 400);
    json_t *o = lab_must(&L, CONTROL_GET, "/v1/cases/1", NULL, 200);
    assert_string_equal(lab_text(o, "state"), "open");
    assert_int_equal(json_array_size(json_object_get(o, "notes")), 1);
    json_decref(o);
}

static size_t listed(const char *query)
{
    int status;
    json_t *o = lab_ask(&L, CONTROL_GET, "/v1/cases", query, NULL, &status);
    size_t n = json_array_size(json_object_get(o, "items"));

    assert_int_equal(status, 200);
    json_decref(o);
    return n;
}

static void lists(void **state)
{
    int status;

    (void)state;
    json_decref(open_one());
    json_decref(open_one());
    lab_do(&L, CONTROL_POST, "/v1/cases/1/close",
           "{\"finding\":\"x\",\"outcome\":\"no-action\"}", 200);
    assert_int_equal(listed(""), 2);
    assert_int_equal(listed("state=open"), 1);
    assert_int_equal(listed("state=closed"), 1);
    assert_int_equal(listed("user=maria"), 2);
    assert_int_equal(listed("user=otto"), 0);
    assert_int_equal(listed("after=1"), 1);
    json_t *o = lab_ask(&L, CONTROL_GET, "/v1/cases", "limit=1", NULL, &status);
    assert_int_equal(json_integer_value(json_object_get(o, "next")), 1);
    json_decref(o);
    json_decref(lab_ask(&L, CONTROL_GET, "/v1/cases", "state=ajar", NULL, &status));
    assert_int_equal(status, 400);
}

static void evidence_is_never_given_up(void **state)
{
    int status;

    (void)state;
    json_decref(open_one());
    store_begin(L.e->store);
    store_prune_attempts(L.e->store, 0);
    assert_int_equal(store_commit(L.e->store), STORE_OK);
    json_t *o = lab_ask(&L, CONTROL_GET, "/v1/attempts", "", NULL, &status);
    assert_int_equal(json_array_size(json_object_get(o, "items")), 2);
    json_decref(o);

    lab_restart(&L, LAB_POLICY);
    o = lab_must(&L, CONTROL_GET, "/v1/cases/1", NULL, 200);
    assert_int_equal(json_array_size(json_object_get(o, "attempts")), 2);
    json_decref(o);
}

static void outcomes_have_names(void **state)
{
    (void)state;
    for (int i = OUTCOME_NONE + 1; i < OUTCOMES; i++) {
        const char *name = case_outcome_name((enum case_outcome)i);
        assert_int_equal(case_outcome_parse(name), i);
        assert_non_null(strstr(case_outcomes(), name));
    }
    assert_int_equal(case_outcome_parse(""), OUTCOME_NONE);
    assert_string_equal(case_outcome_name(OUTCOMES), "");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(from_opening_to_the_outcome, begin, end),
        cmocka_unit_test_setup_teardown(refuses, begin, end),
        cmocka_unit_test_setup_teardown(lists, begin, end),
        cmocka_unit_test_setup_teardown(evidence_is_never_given_up, begin, end),
        cmocka_unit_test(outcomes_have_names),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
