/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * `admin ...`: who administers.
 */
#include "admin/cli/term.h"
#include "admin/cli/views.h"

#include <string.h>

#define ROLES "owner operator helpdesk auditor"

static void admin_target(struct target *t, const char *name)
{
    target_begin(t, "/v1/admins");
    target_name(t, name);
}

static void show_added(const json_t *o)
{
    char safe[2][TERM_SAFE];
    printf("%s administers as %s. A link to begin with: portcullis admin link %s\n",
           term_safe(text_of(o, "name"), safe[0]), term_safe(text_of(o, "role"), safe[1]), safe[0]);
}

enum cli_exit admin_cmd_add(struct cli *c)
{
    const char *role = cli_option(c, "--role");
    struct target t;
    if (!role)
        return complain_usage("as what?", c->args[0], "--role is " ROLES);
    if (!word_choice(c, "--role", ROLES))
        return CLI_USAGE;
    admin_target(&t, c->args[0]);
    return call_show(c, "PUT", &t, json_pack("{s:s}", "role", role), show_added);
}

static void show_removed(const json_t *o)
{
    char safe[TERM_SAFE];
    printf("%s administers no more.\n", term_safe(text_of(o, "name"), safe));
}

enum cli_exit admin_cmd_remove(struct cli *c)
{
    struct target t;
    admin_target(&t, c->args[0]);
    return call_show(c, "DELETE", &t, NULL, show_removed);
}

enum cli_exit admin_cmd_link(struct cli *c)
{
    struct target t;
    enum cli_exit rc;
    char safe[TERM_SAFE], when[32];
    admin_target(&t, c->args[0]);
    target_word(&t, "/link");
    json_t *o = call(c, "POST", &t, json_object(), &rc);
    if (o && c->json) {
        rc = print_json(o);
    } else if (o) {
        printf("For %s alone, once, until %s, in a browser that reaches the console:\n\n    %s\n\n",
               c->args[0], term_time(int_of(o, "until"), when), term_safe(text_of(o, "link"), safe));
        puts("What they signed in with until now holds until they have chosen anew.");
    }
    json_decref(o);
    return rc;
}

static bool end_session(struct cli *c, const json_t *session, enum cli_exit *rc)
{
    struct target t;
    char id[24];
    snprintf(id, sizeof id, "%lld", (long long)int_of(session, "id"));
    target_begin(&t, "/v1/sessions");
    target_name(&t, id);
    target_word(&t, "/end");
    json_t *o = call(c, "POST", &t, json_object(), rc);
    bool ended = o != NULL;
    json_decref(o);
    return ended;
}

enum cli_exit admin_cmd_sign_out(struct cli *c)
{
    struct target t;
    enum cli_exit rc;
    json_t *s, *ended = json_array();
    size_t i;
    target_begin(&t, "/v1/sessions");
    json_t *answer = call(c, "GET", &t, NULL, &rc);
    json_array_foreach(json_object_get(answer, "items"), i, s)
        if (rc == CLI_DONE && strcmp(text_of(s, "user"), c->args[0]) == 0 &&
            end_session(c, s, &rc))
            json_array_append(ended, s);
    if (answer && c->json && rc == CLI_DONE)
        rc = print_json(ended);
    else if (answer && rc == CLI_DONE)
        printf("%zu ended.\n", json_array_size(ended));
    json_decref(ended);
    json_decref(answer);
    return rc;
}

static const char *signs_in(const json_t *a)
{
    if (!json_is_true(json_object_get(a, "active")))
        return "no";
    return json_is_true(json_object_get(a, "set_up")) ? "yes" : "not yet: admin link";
}

static void list_admins(const json_t *answer)
{
    static const char *const heads[] = {"NAME", "ROLE", "SIGNS IN", "SINCE", "BY", "FULL NAME"};
    struct table t;
    char when[32];
    size_t i;
    json_t *a;
    table_begin(&t, 6, heads);
    json_array_foreach(json_object_get(answer, "items"), i, a) {
        table_cell(&t, text_of(a, "name"));
        table_cell(&t, text_of(a, "role"));
        table_cell(&t, signs_in(a));
        table_cell(&t, time_of(a, "since", "?", when));
        table_cell(&t, text_of(a, "by"));
        table_cell(&t, text_of(a, "full_name"));
    }
    table_print(&t, stdout);
}

enum cli_exit admin_cmd_list(struct cli *c)
{
    struct target t;
    target_begin(&t, "/v1/admins");
    return call_show(c, "GET", &t, NULL, list_admins);
}
