/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * `device ...`
 */
#include "admin/cli/bundle_file.h"
#include "admin/cli/term.h"
#include "admin/cli/views.h"

#include <string.h>
#include <time.h>
#include <unistd.h>

#define YEAR (366 * 86400 - 60)

static void device_target(struct target *t, const char *name, const char *verb)
{
    target_begin(t, "/v1/devices");
    target_name(t, name);
    target_word(t, verb);
}

/* ---- enrolment ------------------------------------------------------------------------------ */

/* "KID:ALG:KEY", as portcullis-agent keygen prints it. NULL when it is not of this form. */
static json_t *issuer_of(const char *line)
{
    const char *alg = strchr(line, ':');
    const char *key = alg ? strchr(alg + 1, ':') : NULL;
    if (!key || key == alg + 1 || alg == line || !key[1] || strchr(key + 1, ':'))
        return NULL;
    return json_pack("{s:s%,s:s%,s:s}", "kid", line, (size_t)(alg - line), "alg", alg + 1,
                     (size_t)(key - alg - 1), "key", key + 1);
}

/* The issuer of --issuer-key, NULL when it was not given. False after a complaint. */
static bool issuer_option(const struct cli *c, json_t **issuer)
{
    const char *line = cli_option(c, "--issuer-key");
    *issuer = line ? issuer_of(line) : NULL;
    if (line && !*issuer)
        complain_usage("this is no signing key:", line,
                       "KID:ALG:KEY, as portcullis-agent keygen prints it");
    return !line || *issuer;
}

static void show_enrolment(const json_t *d)
{
    const char *a6 = text_of(d, "address6"), *g6 = text_of(d, "gateway_address6");
    char safe[TERM_SAFE], line[TERM_SAFE];
    show_device(d);
    puts("\nThe device's /etc/wireguard/wg0.conf, for wg-quick up wg0:\n");
    snprintf(line, sizeof line, "Address = %s/32%s%s%s", text_of(d, "address4"), *a6 ? ", " : "", a6,
             *a6 ? "/128" : "");
    printf("  [Interface]\n  PostUp = wg set %%i private-key /etc/portcullis-agent/wireguard.key\n"
           "  %s\n\n  [Peer]\n", term_safe(line, safe));
    printf("  PublicKey = %s\n", term_safe(text_of(d, "gateway_key"), safe));
    printf("  Endpoint = YOUR-OUTSIDE-ADDRESS:%lld\n",
           (long long)int_of(d, "endpoint_port"));
    snprintf(line, sizeof line, "AllowedIPs = %s/32%s%s%s, YOUR-OFFICE-NETWORKS",
             text_of(d, "gateway_address4"), *g6 ? ", " : "", g6, *g6 ? "/128" : "");
    printf("  %s\n  PersistentKeepalive = 25\n", term_safe(line, safe));
}

static json_t *enrolment(struct cli *c, json_t *issuer)
{
    static const struct { const char *option, *member; } optional[] = {
        {"--user", "user"}, {"--own", "own"}, {"--ueid", "ueid"}, {"--address", "address4"}};
    json_t *body = json_pack("{s:s,s:s}", "name", c->args[0], "wireguard_key",
                             cli_option(c, "--key"));
    for (size_t i = 0; i < sizeof optional / sizeof optional[0]; i++)
        if (cli_option(c, optional[i].option))
            json_object_set_new(body, optional[i].member,
                                json_string(cli_option(c, optional[i].option)));
    if (issuer)
        json_object_set_new(body, "issuer", issuer);
    return body;
}

enum cli_exit device_cmd_add(struct cli *c)
{
    json_t *issuer;
    struct target t;

    if (!cli_option(c, "--key"))
        return complain_usage("which key? For", c->args[0], "--key KEY is needed");
    if (!issuer_option(c, &issuer))
        return CLI_USAGE;
    target_begin(&t, "/v1/devices");
    return call_show(c, "POST", &t, enrolment(c, issuer), show_enrolment);
}

enum cli_exit device_cmd_assign(struct cli *c)
{
    json_t *issuer, *body;
    struct target t;

    if (!issuer_option(c, &issuer))
        return CLI_USAGE;
    body = json_pack("{s:s}", "user", c->args[1]);
    if (issuer)
        json_object_set_new(body, "issuer", issuer);
    device_target(&t, c->args[0], "/user");
    return call_show(c, "PUT", &t, body, show_device);
}

/* ---- reading -------------------------------------------------------------------------------- */

static void list_devices(const json_t *answer)
{
    static const char *const heads[] = {"NAME", "USER", "STATE", "ADDRESS", "LEASE", "WHY"};
    struct table t;
    char left[32];
    size_t i;
    json_t *d;
    table_begin(&t, 6, heads);
    json_array_foreach(json_object_get(answer, "items"), i, d) {
        const json_t *lease = json_object_get(d, "lease");
        table_cell(&t, text_of(d, "name"));
        table_cell(&t, text_of(d, "user"));
        table_cell(&t, text_of(d, "state"));
        table_cell(&t, text_of(d, "address4"));
        table_cell(&t, lease ? term_span(int_of(lease, "until") - (int64_t)time(NULL), left) : "-");
        table_cell(&t, lease ? "" : *text_of(d, "code") ? text_of(d, "code") : text_of(d, "reason"));
    }
    table_print(&t, stdout);
    show_more(answer);
}

enum cli_exit device_cmd_list(struct cli *c)
{
    static const char *const filters[] = {"--user", "--state", NULL};
    struct target t;
    if (!word_choice(c, "--state", "in quarantine locked waiting ended revoked lost retired") ||
        !word_count(c, "--limit", 5000))
        return CLI_USAGE;
    target_begin(&t, "/v1/devices");
    target_options(&t, c, filters);
    return call_list_show(c, &t, list_devices);
}

enum cli_exit device_cmd_show(struct cli *c)
{
    struct target t;
    device_target(&t, c->args[0], "");
    return call_show(c, "GET", &t, NULL, show_device);
}

enum cli_exit device_cmd_except(struct cli *c)
{
    const char *until = cli_option(c, "--until"), *reason = cli_option(c, "--reason");
    struct target t;
    int64_t when, now = (int64_t)time(NULL);
    if (!until || !reason)
        return complain_usage("until when, and why? For the exception of", c->args[0],
                              "--until DATE and --reason TEXT are needed");
    if (!word_date(until, now, &when))
        return complain_usage("this is no date:", until, "2027-01-31, 2027-01-31T18:00 or +30d");
    if (when <= now || when > now + YEAR)
        return complain_usage("an exception ends within a year from now, not at", until,
                              "2027-01-31, 2027-01-31T18:00 or +30d");
    device_target(&t, c->args[0], "/exceptions");
    return call_show(c, "POST", &t,
                     json_pack("{s:s,s:I,s:s}", "rule", c->args[1], "until", (json_int_t)when,
                               "reason", reason), show_device);
}

enum cli_exit device_cmd_unlock(struct cli *c)
{
    const char *reason = cli_option(c, "--reason");
    struct target t;
    if (!reason)
        return complain_usage("why? To unlock", c->args[0], "--reason TEXT is needed");
    device_target(&t, c->args[0], "/unlock");
    return call_show(c, "POST", &t, json_pack("{s:s}", "reason", reason), show_device);
}

/* ---- ending --------------------------------------------------------------------------------- */

static enum cli_exit end_device(struct cli *c, const char *verb)
{
    const char *reason = cli_option(c, "--reason");
    struct target t;
    enum cli_exit rc;
    json_t *body = json_object();
    if (reason)
        json_object_set_new(body, "reason", json_string(reason));
    device_target(&t, c->args[0], verb);
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

enum cli_exit device_cmd_revoke(struct cli *c) { return end_device(c, "/revoke"); }
enum cli_exit device_cmd_lost(struct cli *c) { return end_device(c, "/lost"); }

/* There is no way back: a person is asked, a script says --yes. */
static bool sure(const struct cli *c)
{
    char safe[TERM_SAFE], answer[16];
    if (c->yes)
        return true;
    if (!isatty(STDIN_FILENO)) {
        fprintf(stderr, "portcullis: retiring is for good, and there is nobody to ask\n"
                        "  hint: say --yes\n");
        return false;
    }
    fprintf(stderr, "Retire %s for good? Its name, key and addresses never come back. [y/N] ",
            term_safe(c->args[0], safe));
    return fgets(answer, sizeof answer, stdin) &&
           (strcmp(answer, "y\n") == 0 || strcmp(answer, "yes\n") == 0);
}

enum cli_exit device_cmd_retire(struct cli *c)
{
    if (!sure(c)) {
        fprintf(stderr, "portcullis: nothing was done\n");
        return CLI_REFUSED;
    }
    return end_device(c, "/retire");
}
