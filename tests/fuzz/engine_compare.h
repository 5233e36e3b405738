/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The engine's kernel and books against the model's; what differs ends the program. */
#ifndef TESTS_FUZZ_ENGINE_COMPARE_H
#define TESTS_FUZZ_ENGINE_COMPARE_H

#include "gateway/leases.h"
#include "tests/fuzz/engine_model.h"
#include "tests/fuzz/engine_world.h"

static struct model M;
static struct laptop laptop[MODEL_DEVICES];
static int64_t held[MODEL_DEVICES];      /* when the kernel's lease ends (boot ms); 0 = none */
static int64_t held_wall[MODEL_DEVICES]; /* and by the wall clock of when it was put */
static char trace[8192];
static size_t traced;

/* ---- saying what is wrong ------------------------------------------------------------------- */

static void say(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
static void say(const char *fmt, ...)
{
    va_list args;

    if (traced >= sizeof trace - 256)
        return;
    va_start(args, fmt);
    traced += (size_t)vsnprintf(trace + traced, 256, fmt, args);
    va_end(args);
}

static void must(bool good, const char *what, int which)
{
    if (good)
        return;
    hush(false);
    dprintf(STDERR_FILENO, "%s\nDIVERGES: %s (%d) at wall %lld, boot %lld ms\n", trace, what, which,
            (long long)now.wall, (long long)now.boot_ms);
    abort();
}

/* Nothing but a full disk may say that it is. */
static bool done(int status, int want)
{
    say(" -> %d", status);
    must(status == want || (status == 503 && M.full), "the answer is not the one expected", want);
    return status == want && want < 300;
}

/* A cut is written even on a full disk, while there is the reserve. */
static bool cut_written(int status, int want)
{
    must(status != 503 || !disk.reserve, "a full disk, a reserve, and a cut is not written", want);
    return done(status, want);
}

/* ---- comparing ------------------------------------------------------------------------------ */

static unsigned reached(const struct device *d)
{
    static const struct {
        unsigned last;
        uint16_t port;
    } places[] = {{9, 5432}, {10, 80}, {10, 443}, {22, 8081}, {40, 443}, {9, 22}};
    unsigned got = 0;

    for (unsigned i = 0; i < 6; i++)
        got |= kernel_reaches(d, places[i].last, places[i].port) ? 1u << i : 0;
    return got;
}

/* Is the model's answer exact, or only a bound? */
static bool exact(const struct model_device *d)
{
    return !M.full && M.synced && !d->loose && M.wall >= d->blind_until;
}

/* The kernel has a lease that it had not, or one with another end, or this one was decided. */
static void compare_new(int i, const struct model_device *d, const struct model_lease *l,
                        int64_t end)
{
    int64_t put_now = M.wall + (end - M.boot_ms) / 1000; /* it may end as before, and be new */
    int64_t until = model_min(held_wall[i], put_now);

    must(l->reach != 0, "a lease, and nothing speaks for it", i);
    must(until <= l->until, "a lease that ends too late", i);
    must(end <= d->ev.end_ms, "a lease longer than its evidence", i);
    if (exact(d) && M.wall >= d->lag_until)
        must(until >= l->least || end == d->ev.end_ms, "a lease that ends too early", i);
}

static void compare_lease(int i, const struct device *k, unsigned got)
{
    struct model_device *d = &M.dev[i];
    unsigned remediation = model_policies[M.policy].remediation;
    struct model_lease l = model_lease(&M, d);
    int64_t end = kernel_lease_end(k->index), before = held[i];
    bool changed = end != before;

    if (end && changed)
        held_wall[i] = M.wall + (end - M.boot_ms) / 1000;
    held[i] = end;
    if (end == 0) {
        must(got == remediation, "quarantine reaches something else", i);
        must(l.reach == 0 || !exact(d), "no lease, and there is reason for one", i);
        return;
    }
    if (changed && !M.synced)
        must(before != 0 && end <= before, "a lease is given while no clock is", i);
    if (changed || d->decided || exact(d))
        compare_new(i, d, &l, end);
    if (exact(d))
        must(got == ((l.reach & 63u) | remediation), "a lease reaches something else", i);
    else if (changed || d->decided)
        must((got & ~((l.reach & 63u) | remediation)) == 0, "a lease reaches more", i);
}

static void compare(void)
{
    size_t enrolled = 0;

    pthread_mutex_lock(&L.lock);
    for (int i = 0; i < MODEL_DEVICES; i++) {
        const struct device *k = M.dev[i].there ? dataplane_device(&L.dp, M.dev[i].index) : NULL;
        must((k != NULL) == model_enrolled(&M, &M.dev[i]), "enrolled in the kernel, or not", i);
        if (k) {
            must(memcmp(k->key.b, laptop[i].wg, 32) == 0, "another's key", i);
            compare_lease(i, k, reached(k));
            enrolled++;
        } else {
            held[i] = 0;
        }
    }
    must(enrolled == L.dp.n_devices, "the kernel knows a device more", 0);
    pthread_mutex_unlock(&L.lock);
}

/* A policy that nobody confirmed goes; on a full disk perhaps only when there is room again. */
static void policy_second(void)
{
    policy_tick(L.e);
    if (!model_over(&M))
        return;
    if (L.e->version.confirm_until.s == 0)
        model_apply(&M, M.previous, 0);
    else
        M.confirm_ms = M.boot_ms + 10000;
    must(M.confirm_ms == 0 || M.full, "a policy that was not confirmed stays", M.policy);
}

/* The engine's second. */
static void second(void)
{
    policy_second();
    leases_tick(L.e);
    audit_flush(L.e);
    compare();
}

static const char *text(const json_t *o, const char *name)
{
    const char *s = json_string_value(json_object_get(o, name));

    return s ? s : "";
}

static void compare_acknowledgement(int i, const char *state)
{
    const struct model_user *u = &M.user[i];
    int64_t by = model_sign_by(&M, u);
    const char *want = by ? by > M.wall ? "due" : "overdue"
                          : model_text(&M, u) ? "signed" : "not-asked";

    must(!u->active || strcmp(state, want) == 0, "has signed, or has not", i);
}

/* What was answered with success is what the engine knows. */
static void compare_books(void)
{
    char path[64];
    int status;

    for (int i = 0; i < MODEL_USERS; i++) {
        snprintf(path, sizeof path, "/v1/users/u%d", i);
        json_t *o = ask(CONTROL_GET, path, "", NULL, &status), *role;
        unsigned roles = 0;
        size_t n;
        must((status == 200) == M.user[i].there, "a person is lost or found", i);
        json_array_foreach(json_object_get(o, "roles"), n, role) {
            for (int r = 0; r < MODEL_ROLES; r++)
                if (strcmp(json_string_value(role), model_role_names[r]) == 0)
                    roles |= 1u << r;
        }
        if (M.user[i].there) {
            must(roles == M.user[i].roles, "a person's roles", i);
            must((strcmp(text(o, "state"), "revoked") == 0) == !M.user[i].active, "revoked", i);
            compare_acknowledgement(i, text(json_object_get(o, "acknowledgement"), "state"));
        }
        json_decref(o);
    }
    for (int i = 0; i < MODEL_DEVICES; i++) {
        snprintf(path, sizeof path, "/v1/devices/d%d", i);
        json_t *o = ask(CONTROL_GET, path, "", NULL, &status);
        must((status == 200) == M.dev[i].there, "a device is lost or found", i);
        if (exact(&M.dev[i]) && model_enrolled(&M, &M.dev[i]))
            must((strcmp(text(o, "state"), "in") == 0) == (held[i] != 0), "in, or not", i);
        json_decref(o);
    }
}

#endif
