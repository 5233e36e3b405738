/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The policy in force: loaded with its time zones and its own tests, applied in one batch,
 * confirmed or rolled back.
 */
#include <errno.h>
#include <fcntl.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "gateway/acknowledge.h"
#include "gateway/clock.h"
#include "gateway/engine.h"
#include "gateway/leases.h"
#include "gateway/log.h"

#define ROLL_BACK_AGAIN_MS 10000
#define ZONE_DIR "/usr/share/zoneinfo"
#define ZONE_BYTES_MAX 65536
#define MASS_FLOOR 3             /* fewer devices are no mass */

/* ---- loading -------------------------------------------------------------------------------- */

/* Letters, digits, "_+-" and single slashes between: nothing that leaves the directory. */
static bool zone_name_sound(const char *s)
{
    static const char ok[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_+-/";

    return s[0] && s[0] != '/' && strspn(s, ok) == strlen(s) && !strstr(s, "//");
}

static ssize_t read_zone(const char *name, uint8_t *out)
{
    char path[sizeof ZONE_DIR + NAME_SIZE + 1];

    if (!zone_name_sound(name))
        return -1;
    snprintf(path, sizeof path, ZONE_DIR "/%s", name);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return -1;
    ssize_t n = read(fd, out, ZONE_BYTES_MAX);
    close(fd);
    return n;
}

static struct src_pos zone_user(const struct policy *p, const char *zone)
{
    for (size_t i = 0; i < p->n_roles; i++)
        if (strcmp(p->roles[i].hours.zone, zone) == 0)
            return p->roles[i].pos;
    return (struct src_pos){1, 1};
}

static void zone_error(const struct policy *p, const char *zone, struct diags *d)
{
    struct diag *one = &d->v[d->n];

    d->errors++;
    if (d->n == POLICY_ERRORS_MAX)
        return;
    *one = (struct diag){.pos = zone_user(p, zone), .width = 1};
    snprintf(one->text, sizeof one->text, "unknown time zone '%s' in the hours of this role", zone);
    snprintf(one->hint, sizeof one->hint, "see " ZONE_DIR " (package tzdata) for the names");
    d->n++;
}

static void load_zones(struct policy *p, struct diags *d)
{
    static uint8_t bytes[ZONE_BYTES_MAX];
    const char *name;

    for (size_t i = 0; (name = policy_zone_name(p, i)); i++) {
        ssize_t n = read_zone(name, bytes);
        if (n <= 0 || policy_zone_set(p, name, bytes, (size_t)n) < 0)
            zone_error(p, name, d);
    }
}

struct policy *policy_load_untested(const char *text, size_t len, struct diags *diags)
{
    struct policy *p = policy_parse(text, len, diags);

    if (!p && diags->errors == 0)
        fatal("out of memory");
    if (p)
        load_zones(p, diags);
    if (diags->errors == 0)
        return p;
    policy_free(p);
    return NULL;
}

struct policy *policy_load(const char *text, size_t len, struct diags *diags)
{
    struct policy *p = policy_load_untested(text, len, diags);

    if (!p || policy_run_tests(p, diags) == 0)
        return p;
    policy_free(p);
    return NULL;
}

char *diags_text(const struct diags *d, const char *file, const char *text, size_t len)
{
    size_t size = 1, at = 0;

    for (size_t i = 0; i < d->n; i++)
        size += diag_print(&d->v[i], file, text, len, NULL, 0);
    char *out = malloc(size);
    if (!out)
        fatal("out of memory");
    out[0] = '\0';
    for (size_t i = 0; i < d->n; i++)
        at += diag_print(&d->v[i], file, text, len, out + at, size - at);
    return out;
}

/* ---- in force ------------------------------------------------------------------------------- */

void policy_use(struct engine *e, struct policy *p)
{
    free(e->reports);
    e->reports = calloc(p->n_postures ? p->n_postures : 1, sizeof *e->reports);
    if (!e->reports)
        fatal("out of memory");
    e->policy = p;
    people_use_policy(e);
}

/* What the leases' bits mean is the policy's: told anew before another one comes into force. */
static uint64_t *translate_leases(struct engine *e, const struct policy *from,
                                  const struct policy *to)
{
    uint64_t *before = calloc(e->n_devs ? e->n_devs : 1, sizeof *before);
    char names[ROLE_LIST_SIZE];

    if (!before)
        fatal("out of memory");
    for (size_t i = 0; i < e->n_devs; i++) {
        before[i] = e->devs[i].lease.roles;
        if (before[i])
            e->devs[i].lease.roles = roles_mask(to, roles_text(from, before[i], names));
    }
    return before;
}

static void go_back(struct engine *e, struct policy *old, const uint64_t *leases)
{
    bool changed;

    policy_use(e, old);
    if (classes_use_policy(&e->classes, old, &changed) < 0)
        fatal("out of memory");
    e->classes.v[0]->known = true;
    for (size_t i = 0; i < e->n_devs; i++)
        e->devs[i].lease.roles = leases[i];
}

static void describe(struct engine *e, const char *text, size_t len, const struct apply *a,
                     struct policy_version *v)
{
    *v = (struct policy_version){.at = clock_wall(), .previous = e->version.version};
    snprintf(v->by, sizeof v->by, "%s", a->actor);
    crypto_hash_sha256(v->sha256, (const unsigned char *)text, len);
    if (a->confirm_s > 0)
        v->confirm_until.s = v->at.s + a->confirm_s;
}

static void record(struct engine *e, struct policy_version *v, const char *text, size_t len,
                   struct apply *a)
{
    char sha[65];

    v->version = a->version ? a->version : store_add_policy(e->store, v, text, len);
    a->version = v->version;
    store_policy_in_force(e->store, v->version, v->confirm_until, v->previous);
    sodium_bin2hex(sha, sizeof sha, v->sha256, sizeof v->sha256);
    audit_act(e, a->actor, a->uid, a->act, sha,
              json_pack("{s:I,s:I,s:I,s:I}", "version", (json_int_t)v->version, "changed_devices",
                        (json_int_t)a->changed, "confirm_s", (json_int_t)a->confirm_s, "asked",
                        (json_int_t)a->asked));
}

/* ---- how many lose everything? -------------------------------------------------------------- */

static bool reaches_nothing(const struct policy *p, uint64_t roles)
{
    for (size_t i = 0; i < p->n_roles; i++)
        if ((roles >> i & 1) && p->roles[i].n_reach > 0)
            return false;
    return true;
}

/* Asked of the policy that is to come, with everything else as it is. */
static void count_lost(struct engine *e, struct apply *a)
{
    for (size_t i = 0; i < e->n_devs; i++) {
        const struct dev *d = &e->devs[i];
        if (!d->state || !lease_holds(d))
            continue;
        a->in++;
        a->lost += reaches_nothing(e->policy, lease_roles_left(e, d));
    }
}

static bool is_mass_removal(const struct apply *a)
{
    return a->lost >= MASS_FLOOR && a->lost > a->in / 2;
}

/* ---- all of it ------------------------------------------------------------------------------ */

enum apply_result policy_apply(struct engine *e, struct policy *p, const char *text, size_t len,
                               struct apply *a)
{
    struct policy *old = e->policy;
    struct policy_version v;
    struct batch b;

    describe(e, text, len, a, &v);
    uint64_t *leases = translate_leases(e, old, p);
    policy_use(e, p);
    if (!a->removal_confirmed)
        count_lost(e, a);
    if (is_mass_removal(a)) {
        go_back(e, old, leases);
        policy_free(p);
        free(leases);
        return APPLY_REMOVAL;
    }
    batch_begin(e, &b);
    if (classes_use_policy(&e->classes, p, &b.class0) < 0)
        fatal("out of memory");
    b.sweep = true;
    a->asked = acknowledge_review_all(e);
    a->changed = leases_decide_all(&b, a->act);
    record(e, &v, text, len, a);
    enum store_result r = batch_commit(&b, DURABLE_FIRST);
    if (r != STORE_OK) {
        go_back(e, old, leases);
        acknowledge_load(e);
        policy_free(p);
    } else {
        e->version = v;
        e->confirm_boot_ms = a->confirm_s > 0 ? clock_boot_ms() + a->confirm_s * 1000 : 0;
        policy_free(old);
        event_add(e, "act", "policy version %lld is in force (%s)", (long long)v.version, a->actor);
    }
    free(leases);
    return r == STORE_OK ? APPLY_DONE : APPLY_FULL;
}

/* ---- going back, reloading ------------------------------------------------------------------ */

int policy_roll_back(struct engine *e, const char *actor, uint32_t uid, const char *why)
{
    struct apply a = {.actor = actor, .uid = uid, .act = why, .version = e->version.previous,
                      .removal_confirmed = true};
    struct policy_version v;
    struct diags d = {0};
    char *text = NULL;
    size_t len;
    int rc = -1;

    if (a.version == 0 || store_get_policy(e->store, a.version, &v, &text, &len) != STORE_OK)
        return -1;
    struct policy *p = policy_load(text, len, &d);
    if (p && policy_apply(e, p, text, len, &a) == APPLY_DONE)
        rc = 0;
    free(text);
    return rc;
}

static void tell_errors(struct engine *e, const struct diags *d, const char *text, size_t len)
{
    char *shown = diags_text(d, e->policy_file, text, len);

    for (char *line = strtok(shown, "\n"); line; line = strtok(NULL, "\n"))
        log_warn("%s", line);
    alarm_raise(e, "%s has %zu error(s): version %lld stays in force", e->policy_file, d->errors,
                (long long)e->version.version);
    free(shown);
}

/* The file as it was seen last: a file that did not change does not undo what was applied. */
static bool file_changed(struct engine *e, const uint8_t sha[32])
{
    uint8_t seen[32];

    return store_get_blob(e->store, "policy_file", seen, sizeof seen) != STORE_OK ||
           memcmp(seen, sha, sizeof seen) != 0;
}

static void tell_applied(struct engine *e, enum apply_result r, const struct apply *a)
{
    switch (r) {
    case APPLY_DONE:
        log_info("policy version %lld is in force, %zu device(s) changed", (long long)a->version,
                 a->changed);
        return;
    case APPLY_REMOVAL:
        alarm_raise(e, "%s would leave nothing to %zu of the %zu devices that are in: version %lld "
                    "stays in force (portcullis policy apply --confirm-mass-removal does it)",
                    e->policy_file, a->lost, a->in, (long long)e->version.version);
        return;
    case APPLY_FULL:
        alarm_raise(e, "the disk is full: the policy file was not applied");
    }
}

void policy_reload(struct engine *e, const char *text, size_t len, const char *cause)
{
    struct apply a = {.actor = "engine", .uid = ENGINE_UID, .act = cause};
    struct diags d = {0};
    uint8_t sha[32];

    crypto_hash_sha256(sha, (const unsigned char *)text, len);
    if (strcmp(cause, "policy.start") == 0 && !file_changed(e, sha))
        return;
    store_begin(e->store);
    store_set_blob(e->store, "policy_file", sha, sizeof sha);
    (void)store_commit(e->store);
    if (memcmp(sha, e->version.sha256, sizeof sha) == 0)
        return;
    struct policy *p = policy_load(text, len, &d);
    if (!p)
        tell_errors(e, &d, text, len);
    else
        tell_applied(e, policy_apply(e, p, text, len, &a), &a);
}

void policy_tick(struct engine *e)
{
    if (e->confirm_boot_ms == 0 || clock_boot_ms() < e->confirm_boot_ms)
        return;
    log_info("policy version %lld was not confirmed", (long long)e->version.version);
    if (policy_roll_back(e, "engine", ENGINE_UID, "policy.unconfirmed") == 0)
        return;
    alarm_raise(e, "the unconfirmed policy cannot be rolled back; trying again");
    e->confirm_boot_ms = clock_boot_ms() + ROLL_BACK_AGAIN_MS;
}
