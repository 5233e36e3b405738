/* SPDX-License-Identifier: GPL-2.0-or-later */
/* `respond ...`: what follows on attempts, who is held for them, and an admin's word. */
#include "admin/cli/term.h"
#include "admin/cli/views.h"

#include <string.h>

static const char *action_text(const json_t *o, char out[64])
{
    char span[32];
    bool time = json_is_integer(json_object_get(o, "time_s"));
    snprintf(out, 64, "%s%s%s", text_of(o, "action"), time ? " " : "",
             time ? term_span(int_of(o, "time_s"), span) : "");
    return out;
}

static void list_rules(const json_t *rules)
{
    static const char *const heads[] = {"PATTERN", "AT", "WITHIN", "THEN"};
    struct table t;
    char at[64], span[32], action[64];
    size_t i;
    json_t *r;
    table_begin(&t, 4, heads);
    json_array_foreach(rules, i, r) {
        snprintf(at, sizeof at, "%lld %s", (long long)int_of(r, "count"), text_of(r, "unit"));
        table_cell(&t, text_of(r, "pattern"));
        table_cell(&t, at);
        table_cell(&t, term_span(int_of(r, "within_s"), span));
        table_cell(&t, action_text(r, action));
    }
    table_print(&t, stdout);
}

static void list_holds(const char *title, const json_t *holds)
{
    static const char *const heads[] = {"DEVICE", "USER", "ACTION", "FOR", "SINCE", "UNTIL", "BY"};
    struct table t;
    char action[64], since[32], until[32];
    size_t i;
    json_t *h;
    if (json_array_size(holds) == 0) {
        printf("\n%s: none\n", title);
        return;
    }
    printf("\n%s:\n", title);
    table_begin(&t, 7, heads);
    json_array_foreach(holds, i, h) {
        table_cell(&t, text_of(h, "device"));
        table_cell(&t, text_of(h, "user"));
        table_cell(&t, action_text(h, action));
        table_cell(&t, text_of(h, "pattern"));
        table_cell(&t, time_of(h, "since", "?", since));
        table_cell(&t, time_of(h, "until", "an admin unlocks it", until));
        table_cell(&t, text_of(h, "by"));
    }
    table_print(&t, stdout);
}

static void show_respond(const json_t *o)
{
    const json_t *share = json_object_get(o, "share");
    list_rules(json_object_get(o, "rules"));
    printf("\nAt most %lld%% of devices are held without an admin's word: %lld now, %lld are.\n",
           (long long)int_of(share, "percent"), (long long)int_of(share, "most"),
           (long long)int_of(share, "held"));
    list_holds("Held", json_object_get(o, "held"));
    list_holds("Withheld, until you allow it", json_object_get(o, "withheld"));
}

static enum cli_exit respond_answer(struct cli *c, const char *method, const char *path,
                                    json_t *body)
{
    struct target t;
    target_begin(&t, path);
    return call_show(c, method, &t, body, show_respond);
}

enum cli_exit respond_cmd_show(struct cli *c)
{
    return respond_answer(c, "GET", "/v1/respond", NULL);
}

enum cli_exit respond_cmd_allow(struct cli *c)
{
    const char *reason = cli_option(c, "--reason");
    if (!reason)
        return complain_usage("why? To allow", c->n_args ? c->args[0] : "all of it",
                              "--reason TEXT is needed");
    json_t *body = json_pack("{s:s}", "reason", reason);
    if (c->n_args > 0)
        json_object_set_new(body, "device", json_string(c->args[0]));
    return respond_answer(c, "POST", "/v1/respond/allow", body);
}
