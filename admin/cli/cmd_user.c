/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * `user ...`
 */
#include "admin/cli/bundle_file.h"
#include "admin/cli/term.h"
#include "admin/cli/views.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

/* "a,b" appended to the array. */
static void add_roles(json_t *roles, const char *text)
{
    while (text && *text) {
        size_t n = strcspn(text, ",");
        if (n > 0)
            json_array_append_new(roles, json_stringn(text, n));
        text += n + (text[n] == ',');
    }
}

/* Sends, then shows the user of the answer. */
static enum cli_exit user_act(struct cli *c, const char *method, const struct target *t,
                              json_t *body)
{
    return call_show(c, method, t, body, show_user);
}

static void user_target(struct target *t, const char *name, const char *verb)
{
    target_begin(t, "/v1/users");
    target_name(t, name);
    target_word(t, verb);
}

enum cli_exit user_cmd_add(struct cli *c)
{
    struct target t;
    const char *end = cli_option(c, "--end"), *full = cli_option(c, "--full-name"), *role;
    int64_t when;
    int64_t now = (int64_t)time(NULL);
    if (end && !word_date(end, now, &when))
        return complain_usage("this is no date:", end, "2027-01-31, 2027-01-31T18:00 or +30d");
    if (end && when <= now)
        return complain_usage("this is past:", end, "--end says when the account will end");
    json_t *roles = json_array();
    for (size_t i = 0; (role = cli_option_again(c, "--role", i)); i++)
        add_roles(roles, role);
    json_t *body = json_pack("{s:s,s:o}", "name", c->args[0], "roles", roles);
    if (full)
        json_object_set_new(body, "full_name", json_string(full));
    if (end)
        json_object_set_new(body, "end", json_integer(when));
    target_begin(&t, "/v1/users");
    return user_act(c, "POST", &t, body);
}

enum cli_exit user_cmd_show(struct cli *c)
{
    struct target t;
    user_target(&t, c->args[0], "");
    return user_act(c, "GET", &t, NULL);
}

enum cli_exit user_cmd_set_role(struct cli *c)
{
    struct target t;
    json_t *roles = json_array();
    add_roles(roles, c->args[1]);
    user_target(&t, c->args[0], "/roles");
    return user_act(c, "PUT", &t, json_pack("{s:o}", "roles", roles));
}

enum cli_exit user_cmd_restore(struct cli *c)
{
    struct target t;
    user_target(&t, c->args[0], "/restore");
    return user_act(c, "POST", &t, json_object());
}

enum cli_exit user_cmd_sign_in(struct cli *c)
{
    struct target t;
    user_target(&t, c->args[0], "/sign-in");
    return user_act(c, "POST", &t, json_object());
}

enum cli_exit user_cmd_sign_in_code(struct cli *c)
{
    struct target t;
    enum cli_exit rc;
    char safe[TERM_SAFE], when[32];
    user_target(&t, c->args[0], "/sign-in-code");
    json_t *o = call(c, "POST", &t, json_object(), &rc);
    if (o && c->json) {
        rc = print_json(o);
    } else if (o) {
        printf("Read this out to %s, who types it at /set-up of the portal, from their own device, "
               "until %s:\n\n", term_safe(text_of(o, "user"), safe),
               term_time(int_of(o, "until"), when));
        printf("    %s\n\n", term_safe(text_of(o, "code"), safe));
        puts("What they signed in with until now holds until they have chosen anew.");
    }
    json_decref(o);
    return rc;
}

enum cli_exit user_cmd_remove_passkey(struct cli *c)
{
    struct target t;
    enum cli_exit rc;
    char safe[TERM_SAFE], *end;
    long long id = strtoll(c->args[1], &end, 10);
    if (id < 1 || *end != '\0')
        return complain_usage("this is no number of a passkey:", c->args[1],
                              "user show lists them by number");
    user_target(&t, c->args[0], "/passkeys/remove");
    json_t *o = call(c, "POST", &t, json_pack("{s:I}", "id", (json_int_t)id), &rc);
    if (o && c->json)
        rc = print_json(o);
    else if (o)
        printf("%s signs in with it no more; passkeys left: %zu\n",
               term_safe(text_of(o, "user"), safe), json_array_size(json_object_get(o, "items")));
    json_decref(o);
    return rc;
}

/* A cut: asks for it, shows its receipt. */
static enum cli_exit user_cut(struct cli *c, const char *verb)
{
    struct target t;
    enum cli_exit rc;
    const char *reason = cli_option(c, "--reason");
    json_t *body = json_object();
    if (reason)
        json_object_set_new(body, "reason", json_string(reason));
    user_target(&t, c->args[0], verb);
    json_t *r = call(c, "POST", &t, body, &rc);
    if (r && c->json) {
        rc = print_json(r);
        if (!json_is_true(json_object_get(r, "verified")))
            rc = CLI_REFUSED;
    } else if (r) {
        rc = show_receipt(r);
    }
    if (r && receipt_write(c, r) != CLI_DONE)
        rc = CLI_REFUSED;
    json_decref(r);
    return rc;
}

enum cli_exit user_cmd_revoke(struct cli *c) { return user_cut(c, "/revoke"); }

enum cli_exit user_cmd_compromised(struct cli *c)
{
    enum cli_exit rc = user_cut(c, "/compromised");
    if (rc == CLI_DONE && !c->json)
        puts("\nWhat they need now: a code for a new passphrase (user sign-in-code), and each machine a new\n"
             "key (portcullis-agent keygen in a new --dir, then device add).");
    return rc;
}

static void list_users(const json_t *answer)
{
    static const char *const heads[] = {"NAME", "STATE", "DEVICES", "ROLES"};
    struct table t;
    char list[TERM_SAFE], n[16];
    size_t i;
    json_t *u;
    table_begin(&t, 4, heads);
    json_array_foreach(json_object_get(answer, "items"), i, u) {
        snprintf(n, sizeof n, "%zu", json_array_size(json_object_get(u, "devices")));
        table_cell(&t, text_of(u, "name"));
        table_cell(&t, text_of(u, "state"));
        table_cell(&t, n);
        names_of(json_object_get(u, "roles"), list, sizeof list);
        table_cell(&t, *list ? list : "none");
    }
    table_print(&t, stdout);
    show_more(answer);
}

enum cli_exit user_cmd_list(struct cli *c)
{
    static const char *const filters[] = {"--role", "--state", NULL};
    struct target t;
    if (!word_choice(c, "--state", "active revoked ended") || !word_count(c, "--limit", 5000))
        return CLI_USAGE;
    target_begin(&t, "/v1/users");
    target_options(&t, c, filters);
    return call_list_show(c, &t, list_users);
}
