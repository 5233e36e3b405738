/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Canonical text: what is printed parses to the same policy, field by field, and prints the same.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "policy/policy.h"
#include "policy/posture.h"

static struct diags diags;

static struct policy *parse(const char *text)
{
    struct policy *p = policy_parse(text, strlen(text), &diags);

    if (!p)
        fail_msg("line %d: %s in\n%s", diags.v[0].pos.line, diags.v[0].text, text);
    return p;
}

/* ---- the same policy, but for places in the file ----------------------------------------------
 */

#define SAME_ARRAY(a, b, v, n)                                                                     \
    do {                                                                                           \
        assert_int_equal((a)->n, (b)->n);                                                          \
        for (size_t k_ = 0; k_ < (a)->n; k_++)                                                     \
            assert_memory_equal(&(a)->v[k_], &(b)->v[k_], sizeof(a)->v[k_]);                       \
    } while (0)

static void same_resource(const struct resource *a, const struct resource *b)
{
    assert_string_equal(a->name, b->name);
    assert_int_equal(a->sensitive, b->sensitive);
    assert_int_equal(a->n_entries, b->n_entries);
    for (size_t i = 0; i < a->n_entries; i++) {
        SAME_ARRAY(&a->entries[i], &b->entries[i], ranges, n_ranges);
        SAME_ARRAY(&a->entries[i], &b->entries[i], networks, n_networks);
        assert_int_equal(a->entries[i].n_own, b->entries[i].n_own);
        assert_int_equal(a->entries[i].n_services, b->entries[i].n_services);
        for (size_t k = 0; k < a->entries[i].n_services; k++) {
            const struct service *s = &a->entries[i].services[k], *t = &b->entries[i].services[k];

            assert_int_equal(s->proto, t->proto);
            assert_int_equal(s->port_first, t->port_first);
            assert_int_equal(s->port_last, t->port_last);
        }
    }
}

static void same_condition(const struct condition *a, const struct condition *b)
{
    assert_int_equal(a->fact, b->fact);
    assert_int_equal(a->age, b->age);
    assert_int_equal(a->op, b->op);
    assert_int_equal(a->n, b->n);
    assert_int_equal(a->n_text, b->n_text);
    assert_memory_equal(a->text, b->text, sizeof a->text);
}

static void same_posture(const struct posture *a, const struct posture *b)
{
    assert_string_equal(a->name, b->name);
    assert_int_equal(a->lease.s, b->lease.s);
    assert_int_equal(a->evidence.s, b->evidence.s);
    assert_int_equal(a->assurance, b->assurance);
    assert_int_equal(a->report_only, b->report_only);
    assert_int_equal(a->n_os, b->n_os);
    assert_memory_equal(a->os, b->os, sizeof a->os);
    assert_int_equal(a->n_rules, b->n_rules);
    for (int i = 0; i < a->n_rules; i++) {
        same_condition(&a->rules[i].require, &b->rules[i].require);
        same_condition(&a->rules[i].when, &b->rules[i].when);
        assert_int_equal(a->rules[i].has_when, b->rules[i].has_when);
        assert_int_equal(a->rules[i].missing_ok, b->rules[i].missing_ok);
        assert_int_equal(a->rules[i].action, b->rules[i].action);
        assert_int_equal(a->rules[i].grace.s, b->rules[i].grace.s);
        assert_int_equal(a->rules[i].code, b->rules[i].code);
    }
}

static void same_role(const struct role *a, const struct role *b)
{
    assert_string_equal(a->name, b->name);
    SAME_ARRAY(a, b, reach, n_reach);
    assert_int_equal(a->posture, b->posture);
    SAME_ARRAY(&a->hours, &b->hours, slots, n_slots);
    assert_string_equal(a->hours.zone, b->hours.zone);
    assert_int_equal(a->sign_in.s, b->sign_in.s);
    assert_int_equal(a->all_traffic, b->all_traffic);
}

static void same_test(const struct policy_test *a, const struct policy_test *b)
{
    assert_string_equal(a->title, b->title);
    assert_int_equal(a->n_cases, b->n_cases);
    for (size_t i = 0; i < a->n_cases; i++) {
        assert_int_equal(a->cases[i].role, b->cases[i].role);
        assert_int_equal(a->cases[i].expect_can, b->cases[i].expect_can);
        assert_int_equal(a->cases[i].resource, b->cases[i].resource);
        assert_memory_equal(&a->cases[i].dst, &b->cases[i].dst, sizeof a->cases[i].dst);
        assert_int_equal(a->cases[i].proto, b->cases[i].proto);
        assert_int_equal(a->cases[i].port, b->cases[i].port);
    }
}

static void same_policy(const struct policy *a, const struct policy *b)
{
    assert_string_equal(a->company, b->company);
    assert_int_equal(a->accept_eddsa, b->accept_eddsa);
    assert_int_equal(a->enrol_devices, b->enrol_devices);
    assert_int_equal(a->enrol_approve, b->enrol_approve);
    assert_int_equal(a->enrol_valid.s, b->enrol_valid.s);
    assert_int_equal(a->ack_within.s, b->ack_within.s);
    assert_int_equal(a->n_networks, b->n_networks);
    for (size_t i = 0; i < a->n_networks; i++) {
        assert_string_equal(a->networks[i].name, b->networks[i].name);
        SAME_ARRAY(&a->networks[i], &b->networks[i], ranges, n_ranges);
    }
    assert_int_equal(a->n_resources, b->n_resources);
    for (size_t i = 0; i < a->n_resources; i++)
        same_resource(&a->resources[i], &b->resources[i]);
    SAME_ARRAY(a, b, remediation, n_remediation);
    assert_int_equal(a->n_postures, b->n_postures);
    for (size_t i = 0; i < a->n_postures; i++)
        same_posture(&a->postures[i], &b->postures[i]);
    assert_int_equal(a->n_roles, b->n_roles);
    for (size_t i = 0; i < a->n_roles; i++)
        same_role(&a->roles[i], &b->roles[i]);
    assert_int_equal(a->n_tests, b->n_tests);
    for (size_t i = 0; i < a->n_tests; i++)
        same_test(&a->tests[i], &b->tests[i]);
}

static void there_and_back(const char *text)
{
    struct policy *a = parse(text), *b;
    char *first = policy_print(a), *second;

    assert_non_null(first);
    b = parse(first);
    if (diags.warnings > 0 && strstr(diags.v[0].text, "UTC"))
        fail_msg("the printed hours name no zone");
    second = policy_print(b);
    assert_non_null(second);
    same_policy(a, b);
    assert_string_equal(first, second);
    policy_free(a);
    policy_free(b);
    free(first);
    free(second);
}

static void file_there_and_back(const char *path)
{
    char *text = malloc(POLICY_TEXT_MAX);
    FILE *f = fopen(path, "r");
    size_t n;

    assert_non_null(text);
    if (!f)
        fail_msg("cannot open %s (run me from the top folder)", path);
    n = fread(text, 1, POLICY_TEXT_MAX - 1, f);
    fclose(f);
    text[n] = '\0';
    there_and_back(text);
    free(text);
}

static void files(void **state)
{
    (void)state;
    file_there_and_back("deploy/examples/policy.conf");
    file_there_and_back("tests/fuzz/corpus/policy/every-form");
}

static void small_things(void **state)
{
    static const char *const texts[] = {
        "",
        "company \"quotes \\\" and \\\\ backslashes\"",
        "resource r { 0.0.0.0/0, ::/0 icmp }",
        "resource r { 10.0.0.1 tcp 1 icmp tcp 2 }",
        "network n { 10.0.0.1 } network m { fd::/64 } resource r { m, n udp 1 }",
        "resource r { 10.0.0.1 proto 41 proto 255 udplite 7 }",
        "posture p { require own == \"two words\" require mdm.id in { \"\\\"\" \"{\" tcp } }",
        "posture p { require os.patch >= 1970-01-01 require age(av.defs_at) < 0s }",
        "posture p { } role r { posture p hours Mon 23:59-24:00 Asia/Kolkata }",
        "posture p { } role r { posture p hours Sun 23:00-01:00, Wed-Thu 12:00-13:00 UTC }",
        "posture p { } role r { posture p hours Mon-Sun 00:00-24:00 UTC sign-in every 301s }",
        "posture p { } role r { posture p hours Mon 08:00-09:00 all traffic }",
        "enrolment { at most 1 device }",
        "enrolment { approve every device invitation 1d }",
        "acknowledge within 61s enrolment { invitation 5m at most 100 devices }",
    };

    (void)state;
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++)
        there_and_back(texts[i]);
}

static void canonical(void **state)
{
    static const struct {
        const char *what, *text, *printed;
    } cases[] = {
        {"prefixes, ranges, services",
         "resource r { 10.0.0.0-10.0.0.3, 10.0.0.1-10.0.0.2 tcp 80 tcp 443-443 icmp }",
         "\nresource r {\n    10.0.0.0/30, 10.0.0.1-10.0.0.2 tcp 80, 443, icmp\n}\n"},
        {"defaults are written out", "posture p { }",
         "\nposture p {\n    lease 15m\n    evidence <= 8h\n    assurance >= PA1\n}\n"},
        {"hours are sorted and merged",
         "posture p { } role a { posture p hours Sat 08:00-12:00, Mon-Fri 06:00-12:00, "
         "Mon-Fri 12:00-20:00 America/Chicago }",
         "\nposture p {\n    lease 15m\n    evidence <= 8h\n    assurance >= PA1\n}\n"
         "\nrole a {\n    posture p\n    hours Mon-Fri 06:00-20:00, Sat 08:00-12:00 "
         "America/Chicago\n}\n"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct policy *p = parse(cases[i].text);
        char *printed = policy_print(p);

        if (strcmp(printed, cases[i].printed) != 0)
            fail_msg("%s: printed\n%s", cases[i].what, printed);
        free(printed);
        policy_free(p);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(files),
        cmocka_unit_test(small_things),
        cmocka_unit_test(canonical),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
