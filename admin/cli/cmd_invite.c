/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * `device invite`, `device approve`, `device config`, `invite ...`
 */
#include "admin/cli/qr_term.h"
#include "admin/cli/term.h"
#include "admin/cli/views.h"

#include <stdlib.h>
#include <unistd.h>

/* ---- inviting ------------------------------------------------------------------------------- */

static void show_invitation(const json_t *o, bool own_certificate)
{
    char safe[TERM_SAFE], when[32];
    printf("Invitation %lld for %s, until %s. Send them this link; it is shown this once:\n\n",
           (long long)int_of(o, "id"), term_safe(text_of(o, "user"), safe),
           time_of(o, "until", "?", when));
    printf("  %s\n\n", term_safe(text_of(o, "link"), safe));
    printf("The page asks for this code:  %s%s%s\n", term_colour(stdout, BOLD),
           term_safe(text_of(o, "code"), safe), term_colour(stdout, PLAIN));
    puts("Read it out to them by telephone, and do not send it with the link.");
    if (own_certificate)
        puts("Their browser will warn of the certificate, which is the gateway's own: tls in\n"
             "gateway.conf names a better one. portcullis-agent knows it by the link.");
    if (!isatty(STDOUT_FILENO))
        return;
    puts("\nThe link for a camera:\n");
    qr_print(stdout, text_of(o, "link"));
}

/* Does the gateway show a certificate that no browser knows? */
static bool certificate_is_own(struct cli *c)
{
    struct target t;
    enum cli_exit rc;
    target_begin(&t, "/v1/status");
    json_t *s = call(c, "GET", &t, NULL, &rc);
    bool own = json_is_true(json_object_get(json_object_get(s, "tls"), "own"));
    json_decref(s);
    return own;
}

enum cli_exit device_cmd_invite(struct cli *c)
{
    static const struct { const char *option, *member; } texts[] = {
        {"--device", "device"}, {"--own", "own"}};
    const char *valid = cli_option(c, "--valid");
    json_t *body = json_object();
    struct target t;
    enum cli_exit rc;
    int64_t seconds;
    if (valid && !word_duration(valid, &seconds)) {
        json_decref(body);
        return complain_usage("this is no duration:", valid, "90m, 24h, 7d");
    }
    if (valid)
        json_object_set_new(body, "valid_s", json_integer(seconds));
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++)
        if (cli_option(c, texts[i].option))
            json_object_set_new(body, texts[i].member, json_string(cli_option(c, texts[i].option)));
    target_begin(&t, "/v1/users");
    target_name(&t, c->args[0]);
    target_word(&t, "/invite");
    json_t *o = call(c, "POST", &t, body, &rc);
    if (o && c->json)
        rc = print_json(o);
    else if (o)
        show_invitation(o, certificate_is_own(c));
    json_decref(o);
    return rc;
}

enum cli_exit device_cmd_approve(struct cli *c)
{
    struct target t;
    target_begin(&t, "/v1/devices");
    target_name(&t, c->args[0]);
    target_word(&t, "/approve");
    return call_show(c, "POST", &t, NULL, show_device);
}

/* The text alone goes to standard output: it may be a file's. */
static void show_config(const json_t *o)
{
    term_lines(stdout, text_of(o, "wg_quick"));
    fputs("PRIVATE_KEY stands for the device's own key, which is on the device alone.\n", stderr);
}

enum cli_exit device_cmd_config(struct cli *c)
{
    struct target t;
    target_begin(&t, "/v1/devices");
    target_name(&t, c->args[0]);
    target_word(&t, "/config");
    return call_show(c, "GET", &t, NULL, show_config);
}

/* ---- those that there are ------------------------------------------------------------------- */

static void list_invites(const json_t *answer)
{
    static const char *const heads[] = {"ID", "USER", "STATE", "UNTIL", "DEVICE", "BY"};
    struct table t;
    char id[24], when[32];
    size_t i;
    json_t *x;
    table_begin(&t, 6, heads);
    json_array_foreach(json_object_get(answer, "items"), i, x) {
        snprintf(id, sizeof id, "%lld", (long long)int_of(x, "id"));
        table_cell(&t, id);
        table_cell(&t, text_of(x, "user"));
        table_cell(&t, text_of(x, "state"));
        table_cell(&t, time_of(x, "until", "?", when));
        table_cell(&t, *text_of(x, "device") ? text_of(x, "device") : "-");
        table_cell(&t, text_of(x, "by"));
    }
    table_print(&t, stdout);
    show_more(answer);
}

enum cli_exit invite_cmd_list(struct cli *c)
{
    static const char *const filters[] = {"--user", "--state", NULL};
    struct target t;
    if (!word_choice(c, "--state", "open used withdrawn void expired") ||
        !word_count(c, "--limit", 5000))
        return CLI_USAGE;
    target_begin(&t, "/v1/invites");
    target_options(&t, c, filters);
    return call_list_show(c, &t, list_invites);
}

static void show_withdrawn(const json_t *x)
{
    char safe[TERM_SAFE];
    printf("invitation %lld of %s is withdrawn\n", (long long)int_of(x, "id"),
           term_safe(text_of(x, "user"), safe));
}

enum cli_exit invite_cmd_withdraw(struct cli *c)
{
    struct target t;
    target_begin(&t, "/v1/invites");
    target_name(&t, c->args[0]);
    target_word(&t, "/withdraw");
    return call_show(c, "POST", &t, NULL, show_withdrawn);
}
