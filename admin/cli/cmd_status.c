/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * `status`, and `explain`.
 */
#include "admin/cli/term.h"
#include "admin/cli/views.h"

#include <string.h>

static void show_policy(const json_t *p)
{
    char when[32];
    bool itself = strcmp(text_of(p, "applied_by"), "engine") == 0;
    show_linef("policy", "version %lld (%.12s), applied %s by %s", (long long)int_of(p, "version"),
               text_of(p, "sha256"), time_of(p, "applied_at", "?", when),
               itself ? "the gateway itself" : text_of(p, "applied_by"));
    if (json_object_get(p, "confirm_until"))
        show_linef("", "rolls back at %s unless confirmed: portcullis policy confirm",
                   time_of(p, "confirm_until", "?", when));
}

static void show_kernel(const json_t *k)
{
    const char *drift = text_of(k, "drift");
    show_linef("kernel", "table %s, %s%s", text_of(k, "table"), *drift ? "DIFFERS: " : "as it should be",
               drift);
}

static void show_denied(const json_t *denied)
{
    const char *reason;
    json_t *n;
    bool any = false;
    json_object_foreach((json_t *)(uintptr_t)denied, reason, n) {
        int64_t all = int_of(n, "denied");
        if (all == 0)
            continue;
        show_linef(any ? "" : "denied", "%-18s %lld packet%s, %lld in detail", reason,
                   (long long)all, all == 1 ? "" : "s", (long long)int_of(n, "kept"));
        any = true;
    }
    if (!any)
        show_line("denied", "nothing");
}

/* Handshakes at the tunnel's port, by what they were; what is zero is left out. */
static void show_knocks(const json_t *knocks)
{
    const char *name;
    json_t *n;
    show_linef("knocks", "%lld handshake%s at the tunnel's port", (long long)int_of(knocks, "seen"),
               int_of(knocks, "seen") == 1 ? "" : "s");
    json_object_foreach((json_t *)(uintptr_t)knocks, name, n)
        if (json_integer_value(n) > 0 && strcmp(name, "seen") != 0)
            show_linef("", "%-18s %lld", name, (long long)json_integer_value(n));
}

static void show_alarms(const json_t *alarms)
{
    char when[32], safe[TERM_SAFE];
    size_t i;
    json_t *a;
    json_array_foreach(alarms, i, a)
        printf("%salarm%s  %s  %s\n", term_colour(stdout, RED), term_colour(stdout, PLAIN),
               time_of(a, "time", "?", when), term_safe(text_of(a, "text"), safe));
}

static void show_roles(const json_t *roles)
{
    const char *name;
    json_t *r;
    json_object_foreach((json_t *)(uintptr_t)roles, name, r)
        if (int_of(r, "restarts") > 0)
            show_linef("restarted", "%s, %lld times", name, (long long)int_of(r, "restarts"));
}

static void show_admins(const json_t *sessions)
{
    char safe[TERM_SAFE], when[32];
    size_t i;
    json_t *s;
    json_array_foreach(sessions, i, s)
        show_linef(i ? "" : "signed in", "%s (%s) from %s, since %s",
                   term_safe(text_of(s, "user"), safe), text_of(s, "role"), text_of(s, "from"),
                   time_of(s, "since", "?", when));
}

static void show_outlets(const json_t *outlets)
{
    size_t i;
    json_t *o;
    json_array_foreach(outlets, i, o)
        show_linef(i ? "" : "sent to", "%s: %lld, %lld wait, %lld dropped%s%s", text_of(o, "name"),
                   (long long)int_of(o, "delivered"), (long long)int_of(o, "queued"),
                   (long long)int_of(o, "dropped"), *text_of(o, "fault") ? "; " : "",
                   text_of(o, "fault"));
}

static void show_passkeys(const json_t *p)
{
    if (json_is_true(json_object_get(p, "on")))
        show_line("passkeys", text_of(p, "site"));
    else
        show_linef("passkeys", "none: %s", text_of(p, "why"));
}

/* What a browser shows of a certificate that it does not know is compared with this. */
static void show_tls(const json_t *tls)
{
    char when[32];

    if (!tls)
        return;
    show_linef("TLS", "the certificate %s, until %s; its SHA-256, as browsers show it:",
               json_is_true(json_object_get(tls, "own")) ? "is the gateway's own"
                                                         : "is from a file",
               time_of(tls, "until", "?", when));
    show_line("", text_of(tls, "sha256"));
}

static const char *clock_state(const json_t *clock)
{
    if (json_is_true(json_object_get(clock, "synchronised")))
        return "synchronised";
    if (strcmp(text_of(clock, "source"), "host") == 0)
        return "trusted to the host that keeps it (clock host in gateway.conf)";
    return "NOT SYNCHRONISED: nothing new is granted";
}

static void show_status(const json_t *s)
{
    const json_t *users = json_object_get(s, "users"), *devices = json_object_get(s, "devices");
    const json_t *wg = json_object_get(s, "wireguard"), *kernel = json_object_get(s, "kernel");
    const json_t *policy = json_object_get(s, "policy");
    char safe[TERM_SAFE], company[TERM_SAFE], up[32];

    printf("%s%s%s of %s, version %s, up %s\n", term_colour(stdout, BOLD),
           term_safe(text_of(s, "gateway"), safe), term_colour(stdout, PLAIN),
           term_safe(text_of(policy, "company"), company), VERSION,
           term_span(int_of(s, "uptime_s"), up));
    show_policy(policy);
    show_line("clock", clock_state(json_object_get(s, "clock")));
    show_kernel(kernel);
    show_linef("WireGuard", "%s, port %lld, in the %s", text_of(wg, "iface"),
               (long long)int_of(wg, "listen_port"),
               strcmp(text_of(kernel, "backend"), "userspace") == 0 ? "wireguard-go process"
                                                                    : "kernel");
    show_line("", text_of(wg, "public_key"));
    show_linef("people", "%lld active, %lld revoked", (long long)int_of(users, "active"),
               (long long)int_of(users, "revoked"));
    show_admins(json_object_get(s, "admins"));
    show_linef("devices", "%lld enrolled: %lld in, %lld in quarantine (%lld locked, %lld to be approved); "
               "%lld ended", (long long)int_of(devices, "enrolled"),
               (long long)int_of(devices, "leased"), (long long)int_of(devices, "quarantine"),
               (long long)int_of(devices, "locked"), (long long)int_of(devices, "waiting"),
               (long long)int_of(devices, "ended"));
    show_denied(json_object_get(s, "denied"));
    show_knocks(json_object_get(s, "knocks"));
    show_linef("lost", "%lld logged packets not read", (long long)int_of(s, "lost"));
    show_outlets(json_object_get(s, "outlets"));
    show_tls(json_object_get(s, "tls"));
    show_passkeys(json_object_get(s, "passkeys"));
    show_roles(json_object_get(s, "roles"));
    show_alarms(json_object_get(s, "alarms"));
}

enum cli_exit cmd_status(struct cli *c)
{
    struct target t;
    target_begin(&t, "/v1/status");
    return call_show(c, "GET", &t, NULL, show_status);
}

/* ---- explain -------------------------------------------------------------------------------- */

static void explain_device(const json_t *d)
{
    const json_t *k = json_object_get(d, "kernel");
    bool permitted = json_is_true(json_object_get(d, "permitted"));
    bool agrees = json_is_true(json_object_get(k, "agrees"));
    char when[32];

    show_linef("device", "%s (%s)", text_of(d, "device"), text_of(d, "state"));
    if (*text_of(d, "role"))
        show_linef("role", "%s, line %lld of the policy", text_of(d, "role"),
                   (long long)int_of(d, "line"));
    if (*text_of(d, "resource"))
        show_line("resource", text_of(d, "resource"));
    if (!permitted)
        show_line("reason", text_of(d, "reason"));
    if (json_object_get(d, "lease_until"))
        show_linef("lease", "until %s", time_of(d, "lease_until", "?", when));
    show_linef("kernel", "%s%s%s", agrees ? "agrees" : "DISAGREES", *text_of(k, "detail") ? ": " : "",
               text_of(k, "detail"));
}

static void show_explanation(const json_t *e)
{
    char safe[TERM_SAFE];
    bool yes = json_is_true(json_object_get(e, "permitted"));
    size_t i;
    json_t *d;
    printf("%s%s%s\n", term_colour(stdout, yes ? GREEN : RED),
           term_safe(text_of(e, "sentence"), safe), term_colour(stdout, PLAIN));
    json_array_foreach(json_object_get(e, "devices"), i, d)
        explain_device(d);
}

/* Adds a typed destination to the question; false after a complaint. */
static bool ask_about(struct target *t, const char *typed)
{
    struct destination to;
    if (!word_destination(typed, &to)) {
        complain_usage("this is no destination:", typed,
                       "ADDRESS:PORT/PROTO as in 10.20.0.9:5432/tcp or [fd20::9]:443, or the name "
                       "of a resource");
        return false;
    }
    target_query(t, "to", to.to);
    target_query(t, "port", *to.port ? to.port : NULL);
    target_query(t, "proto", *to.proto ? to.proto : NULL);
    return true;
}

static void show_who(const json_t *answer)
{
    static const char *const heads[] = {"NAME", "FULL NAME", "ROLES", "NOW, FROM"};
    struct table t;
    char roles[TERM_SAFE], devices[TERM_SAFE];
    const json_t *items = json_object_get(answer, "items");
    size_t i;
    json_t *p;
    table_begin(&t, 4, heads);
    json_array_foreach(items, i, p) {
        names_of(json_object_get(p, "roles"), roles, sizeof roles);
        names_of(json_object_get(p, "devices"), devices, sizeof devices);
        table_cell(&t, text_of(p, "user"));
        table_cell(&t, text_of(p, "full_name"));
        table_cell(&t, roles);
        table_cell(&t, *devices ? devices : "-");
    }
    if (json_array_size(items) > 0)
        table_print(&t, stdout);
    else
        puts("Nobody: no person has a role that reaches it.");
}

enum cli_exit cmd_who(struct cli *c)
{
    struct target t;
    target_begin(&t, "/v1/who");
    if (!ask_about(&t, c->args[0]))
        return CLI_USAGE;
    return call_show(c, "GET", &t, NULL, show_who);
}

enum cli_exit cmd_explain(struct cli *c)
{
    struct target t;
    target_begin(&t, "/v1/explain");
    target_query(&t, "user", c->args[0]);
    target_query(&t, "device", cli_option(c, "--device"));
    if (!ask_about(&t, c->args[1]))
        return CLI_USAGE;
    return call_show(c, "GET", &t, NULL, show_explanation);
}
