/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Answers shown to a person.
 */
#include "admin/cli/views.h"

#include "admin/cli/term.h"

#include <stdarg.h>
#include <string.h>
#include <time.h>

void show_line(const char *label, const char *text)
{
    char safe[TERM_SAFE];
    printf("  %-18s %s\n", label, term_safe(text, safe));
}

void show_linef(const char *label, const char *fmt, ...)
{
    char text[TERM_SAFE];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    show_line(label, text);
}

/* Names from an array of the answer, "none" when it is empty. */
static void show_names(const char *label, const json_t *array)
{
    char list[TERM_SAFE];
    names_of(array, list, sizeof list);
    show_line(label, *list ? list : "none");
}

void show_ids(const char *label, const json_t *array)
{
    char list[TERM_SAFE] = "none";
    size_t i, n = 0;
    json_t *id;
    json_array_foreach(array, i, id)
        if (n + 24 < sizeof list)
            n += (size_t)snprintf(list + n, sizeof list - n, "%s%lld", n ? ", " : "",
                                  (long long)json_integer_value(id));
    show_line(label, list);
}

const char *time_of(const json_t *o, const char *key, const char *none, char out[32])
{
    if (!json_is_integer(json_object_get(o, key)))
        snprintf(out, 32, "%s", none);
    else
        term_time(int_of(o, key), out);
    return out;
}

void show_more(const json_t *answer)
{
    const json_t *next = json_object_get(answer, "next");
    char safe[TERM_SAFE];
    if (json_is_integer(next))
        printf("... and more after number %lld\n", (long long)json_integer_value(next));
    else if (json_is_string(next))
        printf("... and more after %s\n", term_safe(json_string_value(next), safe));
}

/* ---- the receipt ---------------------------------------------------------------------------- */

static void show_cut_devices(const json_t *list)
{
    size_t i;
    json_t *d;
    if (json_array_size(list) == 0)
        show_line("devices", "none");
    json_array_foreach(list, i, d)
        show_linef(i ? "" : "devices", "%s (%s%s%s)", text_of(d, "name"), text_of(d, "address4"),
                   *text_of(d, "address6") ? ", " : "", text_of(d, "address6"));
}

enum cli_exit show_receipt(const json_t *r)
{
    char safe[TERM_SAFE], object[TERM_SAFE], actor[TERM_SAFE], when[32];
    int64_t us = int_of(r, "requested_us");
    bool verified = json_is_true(json_object_get(r, "verified"));

    printf("%sReceipt %s%s: %s %s cut off by %s\n", term_colour(stdout, BOLD),
           term_safe(text_of(r, "receipt"), safe), term_colour(stdout, PLAIN),
           strcmp(text_of(r, "kind"), "device") == 0 ? "device" : "user",
           term_safe(text_of(r, "object"), object), term_safe(text_of(r, "actor"), actor));
    show_linef("requested", "%s.%06d", term_time(us / 1000000, when), (int)(us % 1000000));
    if (json_array_size(json_object_get(r, "devices")) == 0)
        show_line("kernel cut", "there was nothing to cut");
    else
        show_linef("kernel cut", "after %.3f ms", real_of(r, "cut_ms"));
    if (json_object_get(r, "durable_ms"))
        show_linef("durable", "after %.3f ms", real_of(r, "durable_ms"));
    show_cut_devices(json_object_get(r, "devices"));
    show_linef("connections", "%lld ended", (long long)int_of(r, "connections_ended"));
    show_linef("tokens", "%lld revoked", (long long)int_of(r, "tokens_revoked"));
    show_linef("left in the kernel", "leases %lld, connections %lld, peers %lld",
               (long long)int_of(r, "leases_left"), (long long)int_of(r, "connections_left"),
               (long long)int_of(r, "peers_left"));
    printf("  %-18s %s%s%s\n", "verified", term_colour(stdout, verified ? GREEN : RED),
           verified ? "yes, read back from the kernel" : "NO: see portcullis status",
           term_colour(stdout, PLAIN));
    return verified ? CLI_DONE : CLI_REFUSED;
}

/* ---- people --------------------------------------------------------------------------------- */

static void show_revoked(const json_t *r)
{
    char when[32];
    if (json_is_object(r))
        show_linef("revoked", "%s by %s%s%s", time_of(r, "time", "?", when), text_of(r, "by"),
                   *text_of(r, "reason") ? ": " : "", text_of(r, "reason"));
}

static void show_passkeys(const json_t *list)
{
    char made[32], used[32];
    size_t i;
    json_t *k;
    json_array_foreach(list, i, k)
        show_linef(i ? "" : "passkeys", "%lld  %s, of %s, last used %s%s%s",
                   (long long)int_of(k, "id"), text_of(k, "name"), time_of(k, "created", "?", made),
                   time_of(k, "used", "never", used),
                   json_is_true(json_object_get(k, "synced")) ? ", copied by its vendor" : "",
                   json_is_true(json_object_get(k, "stopped")) ? ", STOPPED: there is a copy" : "");
}

static void show_acknowledgement(const json_t *ack)
{
    char by[32], at[32];
    if (json_is_integer(json_object_get(ack, "by")))
        show_linef("policy", "to be signed by %s%s", time_of(ack, "by", "", by),
                   strcmp(text_of(ack, "state"), "overdue") == 0 ? ", which is over" : "");
    if (json_is_integer(json_object_get(ack, "signed_at")))
        show_linef("policy signed", "version %lld, %s", (long long)int_of(ack, "version"),
                   time_of(ack, "signed_at", "", at));
}

void show_user(const json_t *u)
{
    char safe[TERM_SAFE], when[32];
    printf("%s%s%s\n", term_colour(stdout, BOLD), term_safe(text_of(u, "name"), safe),
           term_colour(stdout, PLAIN));
    if (*text_of(u, "full_name"))
        show_line("name", text_of(u, "full_name"));
    show_line("state", text_of(u, "state"));
    show_names("roles", json_object_get(u, "roles"));
    show_line("created", time_of(u, "created", "?", when));
    show_line("ends", time_of(u, "end", "never", when));
    show_line("signed in", time_of(u, "signed_in", "never", when));
    show_acknowledgement(json_object_get(u, "acknowledgement"));
    show_revoked(json_object_get(u, "revoked"));
    show_names("devices", json_object_get(u, "devices"));
    show_passkeys(json_object_get(u, "passkeys"));
}

/* ---- devices -------------------------------------------------------------------------------- */

static void show_rules(const json_t *rules)
{
    static const char *const heads[] = {"RESULT", "CODE", "EXPECTED", "RECEIVED", "RULE"};
    struct table t;
    size_t i;
    json_t *r;
    if (json_array_size(rules) == 0)
        return;
    table_begin(&t, 5, heads);
    json_array_foreach(rules, i, r) {
        bool excepted = json_is_true(json_object_get(r, "excepted"));
        table_cell(&t, excepted ? "excepted" : text_of(r, "result"));
        table_cell(&t, text_of(r, "code"));
        table_cell(&t, text_of(r, "expected"));
        table_cell(&t, text_of(r, "received"));
        table_cell(&t, text_of(r, "rule"));
    }
    table_print(&t, stdout);
}

static void show_posture(const json_t *p)
{
    char when[32];
    if (!json_is_object(p))
        return;
    show_linef("posture", "%s%s%s, PA%lld, %s", text_of(p, "result"),
               *text_of(p, "code") ? " " : "", text_of(p, "code"),
               (long long)int_of(p, "assurance"), time_of(p, "at", "?", when));
    show_rules(json_object_get(p, "rules"));
}

static void show_lease(const json_t *lease)
{
    char list[TERM_SAFE], when[32], left[32];
    if (!json_is_object(lease)) {
        show_line("lease", "none");
        return;
    }
    show_linef("lease", "until %s (%s left) as %s", time_of(lease, "until", "?", when),
               term_span(int_of(lease, "until") - (int64_t)time(NULL), left),
               names_of(json_object_get(lease, "roles"), list, sizeof list));
}

/* Why a device is held, since when, until when. */
static void show_hold(const json_t *h)
{
    char since[32], until[32];
    if (!json_is_object(h))
        return;
    show_linef("held", "%s for %s (%lld within %lld s), since %s, until %s", text_of(h, "action"),
               text_of(h, "pattern"), (long long)int_of(h, "count"),
               (long long)int_of(h, "within_s"), time_of(h, "since", "?", since),
               time_of(h, "until", "an admin unlocks it", until));
    show_ids("its attempts", json_object_get(h, "attempts"));
}

void show_device(const json_t *d)
{
    char safe[TERM_SAFE], user[TERM_SAFE], when[32];
    printf("%s%s%s of %s\n", term_colour(stdout, BOLD), term_safe(text_of(d, "name"), safe),
           term_colour(stdout, PLAIN), term_safe(text_of(d, "user"), user));
    if (*text_of(d, "sentence"))
        show_line("in words", text_of(d, "sentence"));
    show_line("state", text_of(d, "state"));
    show_lease(json_object_get(d, "lease"));
    show_hold(json_object_get(d, "hold"));
    show_linef("addresses", "%s %s", text_of(d, "address4"), text_of(d, "address6"));
    show_line("WireGuard key", text_of(d, "wireguard_key"));
    show_line("belongs to", strcmp(text_of(d, "own"), "byod") == 0 ? "the person (byod)"
                                                                   : "the firm (corp)");
    if (*text_of(d, "endpoint"))
        show_line("seen at", text_of(d, "endpoint"));
    show_line("last handshake", time_of(d, "last_handshake", "never", when));
    show_linef("traffic", "%lld bytes in, %lld out", (long long)int_of(d, "rx"),
               (long long)int_of(d, "tx"));
    show_posture(json_object_get(d, "posture"));
}
