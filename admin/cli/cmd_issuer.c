/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * `issuer ...`: the keys that may sign posture tokens.
 */
#include "admin/cli/term.h"
#include "admin/cli/views.h"

#include <time.h>

static const struct { const char *option, *member, *usual; } texts[] = {
    {"--iss", "iss", NULL}, {"--kind", "kind", NULL}, {"--key", "key", NULL},
    {"--assurance", "assurance", NULL}, {"--alg", "alg", "Ed25519"}};

static enum cli_exit put_texts(struct cli *c, json_t *body)
{
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        const char *v = cli_option(c, texts[i].option);
        if (!v && !texts[i].usual)
            return complain_usage("this option is needed:", texts[i].option, NULL);
        json_object_set_new(body, texts[i].member, json_string(v ? v : texts[i].usual));
    }
    return CLI_DONE;
}

static enum cli_exit put_date(struct cli *c, json_t *body, const char *option, const char *member)
{
    const char *v = cli_option(c, option);
    int64_t when;
    if (!v)
        return CLI_DONE;
    if (!word_date(v, (int64_t)time(NULL), &when))
        return complain_usage("this is no date:", v, "2027-01-31, 2027-01-31T18:00 or +30d");
    json_object_set_new(body, member, json_integer(when));
    return CLI_DONE;
}

static enum cli_exit put_life(struct cli *c, json_t *body)
{
    const char *v = cli_option(c, "--life-max");
    int64_t s;
    if (!v)
        return CLI_DONE;
    if (!word_duration(v, &s))
        return complain_usage("this is no length of time:", v, "600s or 10m");
    json_object_set_new(body, "life_max", json_integer(s));
    return CLI_DONE;
}

static enum cli_exit put_all(struct cli *c, json_t *body)
{
    enum cli_exit rc = put_texts(c, body);
    if (rc == CLI_DONE)
        rc = put_date(c, body, "--not-before", "not_before");
    if (rc == CLI_DONE)
        rc = put_date(c, body, "--not-after", "not_after");
    if (rc == CLI_DONE)
        rc = put_life(c, body);
    if (cli_option(c, "--nonce"))
        json_object_set_new(body, "nonce_required", json_true());
    return rc;
}

static void show_issuer(const json_t *k)
{
    char when[32];
    show_line("kid", text_of(k, "kid"));
    show_line("issuer", text_of(k, "iss"));
    show_linef("key", "%s, %s, at most %s", text_of(k, "kind"), text_of(k, "alg"),
               text_of(k, "assurance"));
    show_line("status", text_of(k, "status"));
    show_line("valid until", time_of(k, "not_after", "no end", when));
    show_line("nonce", json_is_true(json_object_get(k, "nonce_required")) ? "required"
                                                                          : "not required");
}

enum cli_exit issuer_cmd_add(struct cli *c)
{
    struct target t;
    json_t *body = json_pack("{s:s}", "kid", c->args[0]);
    enum cli_exit rc = put_all(c, body);
    if (rc != CLI_DONE) {
        json_decref(body);
        return rc;
    }
    target_begin(&t, "/v1/issuers");
    return call_show(c, "POST", &t, body, show_issuer);
}

enum cli_exit issuer_cmd_revoke(struct cli *c)
{
    struct target t;
    target_begin(&t, "/v1/issuers");
    target_name(&t, c->args[0]);
    target_word(&t, "/revoke");
    return call_show(c, "POST", &t, json_object(), show_issuer);
}

static void list_issuers(const json_t *answer)
{
    static const char *const heads[] = {"KID", "STATUS", "KIND", "ALG", "WORTH", "ISSUER"};
    struct table t;
    size_t i;
    json_t *k;
    table_begin(&t, 6, heads);
    json_array_foreach(json_object_get(answer, "items"), i, k) {
        table_cell(&t, text_of(k, "kid"));
        table_cell(&t, text_of(k, "status"));
        table_cell(&t, text_of(k, "kind"));
        table_cell(&t, text_of(k, "alg"));
        table_cell(&t, text_of(k, "assurance"));
        table_cell(&t, text_of(k, "iss"));
    }
    table_print(&t, stdout);
    show_more(answer);
}

enum cli_exit issuer_cmd_list(struct cli *c)
{
    struct target t;
    target_begin(&t, "/v1/issuers");
    return call_list_show(c, &t, list_issuers);
}
