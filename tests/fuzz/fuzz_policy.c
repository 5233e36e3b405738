/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * policy.conf and gateway.conf. What parses must print to a text that parses to the same print
 * and differs from the first in nothing; permits must come out for every role,
 * and a text for people, of bounded length.
 */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "policy/person.h"
#include "policy/policy.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static struct diags diags;

static void show_diags(const char *text, size_t len)
{
    char out[1024];

    for (size_t i = 0; i < diags.n; i++)
        if (diag_print(&diags.v[i], "f", text, len, out, sizeof out) == 0)
            abort();
}

static void same_meaning(const struct policy *p, const struct policy *q)
{
    char *diff = policy_diff(p, q);

    if (!diff || diff[0] != '\0')
        abort();
    free(diff);
}

static void print_and_back(const struct policy *p)
{
    char *first = policy_print(p), *second;
    struct policy *q;

    if (!first)
        abort();
    if (strlen(first) > POLICY_TEXT_MAX) {
        free(first);
        return;
    }
    q = policy_parse(first, strlen(first), &diags);
    if (!q)
        abort();
    second = policy_print(q);
    if (!second || strcmp(first, second) != 0)
        abort();
    same_meaning(p, q);
    policy_free(q);
    free(first);
    free(second);
}

static void ask(const struct policy *p)
{
    char *says = policy_person_text(p, UINT64_MAX);
    struct permit *permits;
    size_t n;

    if (!says || strlen(says) >= PERSON_TEXT_MAX)
        abort();
    free(says);
    if (policy_permits(p, UINT64_MAX, &permits, &n) != 0)
        abort();
    free(permits);
    policy_run_tests(p, &diags);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    const char *text = (const char *)data;
    struct gateway_conf conf;
    struct policy *p = policy_parse(text, len, &diags);

    if (!p && diags.errors == 0)
        abort();
    show_diags(text, len);
    if (p) {
        print_and_back(p);
        ask(p);
    }
    policy_free(p);
    if ((gateway_parse(text, len, &conf, &diags) == 0) != (diags.errors == 0))
        abort();
    show_diags(text, len);
    return 0;
}
