/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * `user acknowledgements`: who has signed their part of the policy, and who has not
 */
#include "admin/cli/term.h"
#include "admin/cli/views.h"

#include <string.h>

struct count { size_t all, signed_, due, overdue; };

static const char *state_of(const json_t *u)
{
    return text_of(json_object_get(u, "acknowledgement"), "state");
}

static void add(struct count *n, const char *state)
{
    n->all += strcmp(state, "not-asked") != 0;
    n->signed_ += strcmp(state, "signed") == 0;
    n->due += strcmp(state, "due") == 0;
    n->overdue += strcmp(state, "overdue") == 0;
}

static void row(struct table *t, const json_t *u)
{
    const json_t *ack = json_object_get(u, "acknowledgement");
    char when[32], version[24] = "";
    if (json_is_integer(json_object_get(ack, "version")))
        snprintf(version, sizeof version, "%lld", (long long)int_of(ack, "version"));
    table_cell(t, text_of(u, "name"));
    table_cell(t, state_of(u));
    table_cell(t, time_of(ack, "by", "", when));
    table_cell(t, time_of(ack, "signed_at", "never", when));
    table_cell(t, version);
}

/* Those who have not come first. */
static void show(const json_t *items)
{
    static const char *const heads[] = {"NAME", "STATE", "SIGN BY", "LAST SIGNED", "VERSION"};
    static const char *const states[] = {"overdue", "due", "signed", "not-asked"};
    struct count n = {0};
    struct table t;
    size_t i;
    json_t *u;
    table_begin(&t, 5, heads);
    for (size_t s = 0; s < sizeof states / sizeof *states; s++)
        json_array_foreach(items, i, u)
            if (strcmp(state_of(u), states[s]) == 0)
                row(&t, u);
    table_print(&t, stdout);
    json_array_foreach(items, i, u)
        add(&n, state_of(u));
    if (n.all == 0)
        puts("The policy asks nobody to sign it ('acknowledge within 14d' would).");
    else
        printf("%zu of %zu have signed; %zu may still do so, %zu are overdue and have the portal "
               "alone.\n", n.signed_, n.all, n.due, n.overdue);
}

/* Of each person what belongs here. */
static json_t *only(const json_t *items)
{
    json_t *list = json_array(), *u;
    size_t i;
    json_array_foreach(items, i, u)
        json_array_append_new(list, json_pack("{s:O,s:O,s:O,s:O}", "name",
                                              json_object_get(u, "name"), "full_name",
                                              json_object_get(u, "full_name"), "roles",
                                              json_object_get(u, "roles"), "acknowledgement",
                                              json_object_get(u, "acknowledgement")));
    return json_pack("{s:o}", "items", list);
}

enum cli_exit user_cmd_acknowledgements(struct cli *c)
{
    struct target t;
    enum cli_exit rc;
    target_begin(&t, "/v1/users");
    target_query(&t, "state", "active");
    json_t *answer = call_list(c, &t, NULL, &rc), *items = json_object_get(answer, "items");
    if (answer && c->json) {
        json_t *o = only(items);
        rc = print_json(o);
        json_decref(o);
    } else if (answer) {
        show(items);
    }
    json_decref(answer);
    return rc;
}
