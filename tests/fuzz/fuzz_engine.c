/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A sequence of operations on a whole engine (engine_world.h) and on a model (engine_model.h):
 * three bytes each, what and two numbers. After each, and after the engine's next second:
 *
 *   the fake kernel holds the peers and leases of the model, with its rights, and none that ends
 *   later than the model allows; nobody revoked has either;
 *   an answer is the one that the model gives, and what was acknowledged is there after a restart;
 *   at the end the audit log verifies.
 *
 * FUZZ_TRACE=1 prints the operations, FUZZ_LOG=1 what the engine says.
 */
#include "tests/fuzz/engine_acts.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

#define OPERATIONS_MAX 96
#define T0 1796029200 /* 2026-11-30, a Monday, 09:00 UTC */
#define BOOTED_MS 50000

/* ---- policies ------------------------------------------------------------------------------- */

static void policy_apply_one(int p, unsigned b)
{
    int64_t confirm = b & 1 ? 30 + (b >> 1) * 8 : 0;
    char query[48] = "mass_removal=1";

    say("\napply policy %d, confirm %lld", p, (long long)confirm);
    if (confirm)
        snprintf(query, sizeof query, "mass_removal=1&confirm=%lld", (long long)confirm);
    int want = M.confirm_until ? 409 : p == POLICY_REFUSED ? 422 : 200;
    if (done(act(CONTROL_POST, "/v1/policy/apply", query, model_policies[p].text), want))
        model_apply(&M, p, confirm);
}

static void policy_confirm(void)
{
    say("\nconfirm");
    if (done(act(CONTROL_POST, "/v1/policy/confirm", "", NULL), M.confirm_until ? 200 : 409))
        M.confirm_until = M.confirm_ms = 0;
}

static void policy_back(void)
{
    say("\nrollback");
    if (done(act(CONTROL_POST, "/v1/policy/rollback", "", NULL), M.previous < 0 ? 409 : 200))
        model_apply(&M, M.previous, 0);
}

/* ---- time ----------------------------------------------------------------------------------- */

static void time_is(int64_t wall, int64_t boot_ms)
{
    int64_t lag = (boot_ms - M.boot_ms) / 1000 - (wall - M.wall);

    for (int i = 0; i < MODEL_DEVICES && lag > 0; i++)
        if (M.dev[i].lag_until < wall + lag)
            M.dev[i].lag_until = M.dev[i].blind_until = wall + lag;
    now.wall = M.wall = wall;
    now.boot_ms = M.boot_ms = boot_ms;
    pthread_mutex_lock(&L.lock);
    kernel_time();
    pthread_mutex_unlock(&L.lock);
}

static int64_t seconds(unsigned a, unsigned b)
{
    static const int64_t unit[] = {1, 7, 60, 600, 3600, 43200, 86400, 86400};

    return unit[a & 7] * (1 + b % 32);
}

static void time_passes(unsigned a, unsigned b)
{
    int64_t s = seconds(a, b);

    say("\n%lld s pass", (long long)s);
    time_is(M.wall + s, M.boot_ms + s * 1000);
}

/* The wall clock alone, or the other alone. */
static void time_jumps(unsigned a, unsigned b)
{
    static const int64_t far[] = {86400 * 30, 2147483000, T0};
    int64_t s = seconds(a, b), wall = M.wall;

    if (a >> 3 & 1)
        wall = far[b % 3];
    else if (a >> 4 & 1)
        wall = wall > s + 86400 ? wall - s : wall;
    else if (a >> 5 & 1)
        wall += s;
    say("\nwall %+lld s", (long long)(wall - M.wall));
    time_is(wall, M.boot_ms + (wall == M.wall ? s * 1000 : 0));
}

static void clock_synced(bool yes)
{
    say("\nthe clock is %ssynchronised", yes ? "" : "not ");
    for (int i = 0; i < MODEL_DEVICES; i++)
        M.dev[i].loose = M.dev[i].loose || !yes;
    now.synced = M.synced = yes;
}

/* ---- disk, parent, restart ------------------------------------------------------------------ */

static void disk_is(bool full, bool reserve)
{
    say("\nthe disk is %s%s", full ? "full" : "not full", full && reserve ? " to the reserve" : "");
    disk.full = M.full = full;
    disk.reserve = reserve;
    disk.room = 0;
}

static void parent_fails(void)
{
    say("\nthe kernel refuses the next transaction");
    pthread_mutex_lock(&L.lock);
    L.refuse = -EIO;
    pthread_mutex_unlock(&L.lock);
}

static bool start(bool reboot)
{
    static unsigned boots;
    static char boot_id[16] = "boot-0";

    if (reboot) {
        snprintf(boot_id, sizeof boot_id, "boot-%u", ++boots);
        dataplane_clear(&L.dp);
        memset(held, 0, sizeof held);
        now.boot_ms = M.boot_ms = BOOTED_MS;
    }
    L.refuse = 0;
    bool up = lab_launch(&L, LAB_GATEWAY_SYNCED, model_policies[0].text, boot_id) == 0;
    if (!up)
        lab_stop(&L);
    must(up ? L.ready : L.failed[0] != 0, "started or not, and does not say so", up);
    return up;
}

static void restart(unsigned b)
{
    bool reboot = b & 1, killed = b & 2;

    say("\n%s%s", killed ? "kill -9" : "stop", reboot ? ", boot" : ", start");
    if (killed)
        crash_files();
    lab_stop(&L);
    if (!start(reboot)) {
        must(M.full, "it does not start", 0);
        say(" -> full: not started; room made");
        must(L.dp.n_leases == 0 || !reboot, "leases, and no engine since the boot", 0);
        disk_is(false, false);
        must(start(false), "it does not start", 1);
    }
    model_restart(&M, reboot);
    compare();
    compare_books();
}

/* ---- all of it ------------------------------------------------------------------------------ */

enum {
    USER_ADD,
    USER_ROLES,
    USER_REVOKE,
    USER_RESTORE,
    USER_SIGN_IN,
    DEVICE_ADD,
    DEVICE_END,
    KEY_REVOKE,
    TOKEN,
    TOKEN_BAD,
    POLICY_APPLY,
    POLICY_CONFIRM,
    POLICY_BACK,
    TIME_PASSES,
    TIME_JUMPS,
    CLOCK,
    DISK,
    PARENT,
    RESTART,
    OPERATIONS
};

static void operate(unsigned what, unsigned a, unsigned b)
{
    int user = (int)(a % MODEL_USERS), device = (int)(a % MODEL_DEVICES);

    switch (what % OPERATIONS) {
    case USER_ADD:
        user_add_one(user, b);
        break;
    case USER_ROLES:
        user_roles(user, b);
        break;
    case USER_REVOKE:
        user_revoke(user);
        break;
    case USER_RESTORE:
        user_restore(user);
        break;
    case USER_SIGN_IN:
        b & 1 ? user_acknowledge(user) : user_sign_in(user);
        break;
    case DEVICE_ADD:
        device_add(device, (int)(b % MODEL_USERS));
        break;
    case DEVICE_END:
        device_end(device, b);
        break;
    case KEY_REVOKE:
        key_revoke(device);
        break;
    case TOKEN:
        token_good(device, b);
        break;
    case TOKEN_BAD:
        token_bad(device, b);
        break;
    case POLICY_APPLY:
        policy_apply_one((int)(a % MODEL_POLICIES), b);
        break;
    case POLICY_CONFIRM:
        policy_confirm();
        break;
    case POLICY_BACK:
        policy_back();
        break;
    case TIME_PASSES:
        time_passes(a, b);
        return;
    case TIME_JUMPS:
        time_jumps(a, b);
        return;
    case CLOCK:
        clock_synced(a & 1);
        break;
    case DISK:
        disk_is(a & 1, b & 1);
        return;
    case PARENT:
        parent_fails();
        break;
    case RESTART:
        restart(b);
        break;
    }
    compare(); /* not after time has passed or room was made: the second comes first */
}

static void begin(void)
{
    if (home < 0)
        world_begin();
    hush(true);
    M = (struct model){.wall = T0, .boot_ms = BOOTED_MS, .synced = true, .previous = -1};
    now.wall = M.wall;
    now.boot_ms = M.boot_ms;
    now.synced = true;
    disk.full = false;
    traced = 0;
    memset(held, 0, sizeof held);
    for (unsigned i = 0; i < MODEL_DEVICES; i++) {
        free(laptop[i].last_token);
        laptop[i] = (struct laptop){0};
        laptop_make(&laptop[i], i);
    }
    dataplane_clear(&L.dp);
    enter_dir("a");
    must(start(false), "it does not start", 2);
}

static void end(void)
{
    int status;

    if (M.full)
        disk_is(false, false);
    second();
    compare_books();
    json_t *o = ask(CONTROL_POST, "/v1/audit/verify", "", NULL, &status);
    must(json_is_true(json_object_get(o, "ok")), "the audit log does not verify", status);
    json_decref(o);
    if (getenv("FUZZ_TRACE"))
        dprintf(loud, "%s\n", trace);
    lab_stop(&L);
    must(fchdir(home) == 0, "home", 0);
    hush(false);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    begin();
    for (size_t i = 0; i + 3 <= len && i < 3 * OPERATIONS_MAX; i += 3) {
        for (int d = 0; d < MODEL_DEVICES; d++)
            M.dev[d].decided = false;
        operate(data[i], data[i + 1], data[i + 2]);
        second();
    }
    end();
    return 0;
}
