/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * test "title" { role NAME can|cannot WHAT }, where WHAT is a list of resources or a literal:
 * tcp 10.20.0.9:5432, tcp [fd20::10]:443, icmp 10.20.0.9, proto gre 10.20.0.7.
 */
#include <string.h>

#include "policy/address.h"
#include "policy/lang.h"

static size_t test_index(const struct parser *p) { return p->policy->n_tests - 1; }
static struct policy_test *this_test(struct parser *p) { return &p->policy->tests[test_index(p)]; }

/* ---- literals ----------------------------------------------------------------------------- */

static bool bad_endpoint(struct parser *p, const struct token *t)
{
    char shown[QUOTED];

    return parse_fail_at(p, t, "like 10.20.0.9:5432 or [fd20::10]:443",
                         "'%s' is not an address and port", diag_quote(t->s, t->len, shown));
}

/* "10.20.0.9:5432" or "[fd20::10]:443" */
static bool parse_endpoint(struct parser *p, struct test_case *c)
{
    struct token t = p->tok;
    bool six = t.kind == TOK_WORD && t.s[0] == '[';
    size_t colon = t.len;
    int64_t port;

    if (t.kind != TOK_WORD)
        return parse_fail(p, "", "an address and port expected");
    while (colon > 0 && t.s[colon - 1] != ':')
        colon--;
    if (colon < 2 || (six && (colon < 4 || t.s[colon - 2] != ']')))
        return bad_endpoint(p, &t);
    if (!ip_parse(t.s + six, colon - 1 - 2 * (size_t)six, &c->dst) ||
        c->dst.family != (six ? 6 : 4) || !number_read(t.s + colon, t.len - colon, &port) ||
        port < 1 || port > 65535)
        return bad_endpoint(p, &t);
    c->port = (uint16_t)port;
    parse_advance(p);
    return true;
}

static bool parse_destination(struct parser *p, struct test_case *c)
{
    struct token t = p->tok;
    char shown[QUOTED];

    if (t.kind != TOK_WORD || !ip_parse(t.s, t.len, &c->dst))
        return parse_fail_at(p, &t, "like 10.20.0.9 or fd20::10", "'%s' is not an address",
                             diag_quote(t.s, t.len, shown));
    parse_advance(p);
    return true;
}

static bool parse_literal_case(struct parser *p, struct test_case *c)
{
    c->resource = -1;
    if (!parse_protocol(p, &c->proto))
        return false;
    if (has_ports(c->proto) ? !parse_endpoint(p, c) : !parse_destination(p, c))
        return false;
    c->proto = proto_for(c->proto, c->dst.family);
    return true;
}

/* ---- cases -------------------------------------------------------------------------------- */

static bool add_case(struct parser *p, const struct test_case *c, const struct ref *role,
                     struct ref *resource)
{
    struct policy_test *t = this_test(p);
    struct ref r = *role;

    if (p->n_cases >= TEST_CASES_MAX)
        return parse_fail_at(p, &p->last, "", "more than %d cases in the tests of one file",
                             TEST_CASES_MAX);
    if (!parse_grow(p, &t->cases, t->n_cases, sizeof *t->cases))
        return false;
    t->cases[t->n_cases] = *c;
    r.slot = t->n_cases++;
    p->n_cases++;
    if (!parse_add_ref(p, r))
        return false;
    if (!resource)
        return true;
    resource->slot = r.slot;
    return parse_add_ref(p, *resource);
}

static bool add_resource_cases(struct parser *p, const struct test_case *c, const struct ref *role)
{
    do {
        struct ref r = {REF_TEST_RESOURCE, test_index(p), 0, 0, p->tok.pos, ""};

        if (!parse_name(p, "a resource", r.name) || !add_case(p, c, role, &r))
            return false;
    } while (take_sign(p, ","));
    return true;
}

static bool parse_can(struct parser *p, bool *can)
{
    *can = take_word(p, "can");
    return *can || take_word(p, "cannot") || parse_fail(p, "", "'can' or 'cannot' expected");
}

static void test_role(struct parser *p)
{
    struct ref role = {REF_TEST_ROLE, test_index(p), 0, 0, p->tok.pos, ""};
    struct test_case c = {.pos = p->last.pos};

    if (!parse_name(p, "a role", role.name) || !parse_can(p, &c.expect_can))
        return;
    if (!take_word(p, "reach") && at_service(p)) {
        if (parse_literal_case(p, &c))
            add_case(p, &c, &role, NULL);
        return;
    }
    add_resource_cases(p, &c, &role);
}

void parse_test(struct parser *p)
{
    static const struct statement body[] = {{"role", test_role}, {NULL, NULL}};
    struct policy *pol = p->policy;

    if (pol->n_tests >= TESTS_MAX) {
        parse_fail_at(p, &p->last, "", "more than %d tests", TESTS_MAX);
        return;
    }
    if (!parse_grow(p, &pol->tests, pol->n_tests, sizeof *pol->tests))
        return;
    pol->n_tests++;
    this_test(p)->pos = p->tok.pos;
    if (parse_string(p, "the title of a test", this_test(p)->title, sizeof this_test(p)->title))
        parse_block(p, "a test", body);
}
