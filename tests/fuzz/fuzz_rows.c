/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A database that is not as the engine wrote it. A good one of a small firm is edited and an engine
 * is started on it, asked for everything, and stopped. It may refuse to start, and it may end where
 * it finds damage; it may not crash, and the fake kernel's checks must hold for what it is told.
 *
 * The first byte picks what the rest is: edits of the file (three bytes each: where, what), or of
 * values: column, row, type, value, in a schema that has lost its NOT NULL.
 */
#include "gateway/acknowledge.h"
#include "gateway/invites.h"
#include "gateway/leases.h"
#include "gateway/passkeys.h"
#include "gateway/respond.h"
#include "tests/fuzz/engine_world.h"

#include <dlfcn.h>
#include <setjmp.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

#define DB "portcullis.db"
#define EDITS_MAX 24
#define COLUMNS_MAX 256
#define TEXT_MAX 70000

static char *image; /* of a good database */
static size_t image_size;
static struct {
    char table[24], column[24], key[24];
} columns[COLUMNS_MAX];
static unsigned n_columns;
static struct laptop laptop[3];

/* ---- an end that can be survived ------------------------------------------------------------ */

static jmp_buf refused;
static bool may_end;

void __lsan_disable(void) __attribute__((weak));
void __lsan_enable(void) __attribute__((weak));

/* fatal() ends the engine's process. Here it ends the input. */
__attribute__((noreturn)) void exit(int status)
{
    if (may_end)
        longjmp(refused, 1);
    void (*real)(int) = (void (*)(int))dlsym(RTLD_NEXT, "exit");
    real(status);
    abort();
}

#define ROWS_POLICY LAB_POLICY "acknowledge within 14d\n"

/* ---- the good database ---------------------------------------------------------------------- */

#define must(good) must_at(good, __LINE__)
static void must_at(bool good, int line)
{
    if (good)
        return;
    hush(false);
    dprintf(STDERR_FILENO, "line %d\n", line);
    abort();
}

static void enrol(unsigned i)
{
    char wg[64], key[64], body[512];
    struct laptop *t = &laptop[i];
    int status;

    laptop_make(t, i);
    t->address = (struct ip_addr){.family = 4, .b = {10, 77, 0, (uint8_t)(i + 2)}};
    sodium_bin2base64(wg, sizeof wg, t->wg, 32, sodium_base64_VARIANT_ORIGINAL);
    sodium_bin2base64(key, sizeof key, t->public, 32, sodium_base64_VARIANT_URLSAFE_NO_PADDING);
    snprintf(body, sizeof body,
             "{\"name\":\"d%u\",\"user\":\"u%u\",\"wireguard_key\":\"%s\",\"own\":\"corp\","
             "\"issuer\":{\"kid\":\"d%u\",\"alg\":\"Ed25519\",\"key\":\"%s\"}}",
             i, i, wg, i, key);
    must(act(CONTROL_POST, "/v1/devices", "", body) == 201);
    json_t *o = ask_portal(&t->address, PORTAL_NONCE, "", &status);
    char *token =
        token_of(t, &(struct report){.encrypted = true,
                                     .pending = i == 1,
                                     .iat = now.wall,
                                     .life = 900,
                                     .nonce = json_string_value(json_object_get(o, "nonce"))});
    json_decref(ask_portal(&t->address, PORTAL_POSTURE, token, &status));
    must(status == 200);
    json_decref(ask_portal(&t->address, PORTAL_POSTURE, token, &status)); /* an attempt */
    json_decref(o);
    free(token);
}

static void list_columns(void)
{
    sqlite3_stmt *q;
    sqlite3 *db;

    must(sqlite3_open(DB, &db) == SQLITE_OK);
    must(sqlite3_prepare_v2(db,
                            "SELECT m.name, i.name, (SELECT name FROM pragma_table_info(m.name)"
                            " WHERE cid = 0) FROM sqlite_schema m, pragma_table_info(m.name) i"
                            " WHERE m.type = 'table' AND m.name NOT LIKE 'sqlite%'",
                            -1, &q, NULL) == SQLITE_OK);
    while (sqlite3_step(q) == SQLITE_ROW && n_columns < COLUMNS_MAX) {
        char *to[] = {columns[n_columns].table, columns[n_columns].column, columns[n_columns].key};
        for (int i = 0; i < 3; i++)
            snprintf(to[i], sizeof columns[0].table, "%s", (const char *)sqlite3_column_text(q, i));
        n_columns++;
    }
    sqlite3_finalize(q);
    sqlite3_close(db);
}

static void read_image(void)
{
    struct stat st;
    int fd = open(DB, O_RDONLY | O_CLOEXEC);

    must(fd >= 0 && fstat(fd, &st) == 0);
    image_size = (size_t)st.st_size;
    image = malloc(image_size);
    must(image && read(fd, image, image_size) == st.st_size);
    close(fd);
}

/* A device held for a time, another locked; an attempt in a case. */
static void make_holds(void)
{
    struct hold h = {.device = dev_by_name(L.e, "d0")->k.index,
                     .kind = HOLD_QUARANTINE,
                     .pattern = PATTERN_HOST_SCAN,
                     .rule = {20, {60}, ACTION_QUARANTINE, {3600}},
                     .since = {now.wall},
                     .until = {now.wall + 3600},
                     .end_boot_ms = now.boot_ms + 3600000,
                     .by = "engine",
                     .attempts = {1}};
    struct attempt a = {.user = "u0",
                        .device = "d0",
                        .proto = 6,
                        .port = 22,
                        .count = 1,
                        .first = {now.wall},
                        .last = {now.wall}};

    attempts_add(&L.e->attempts, &a);
    attempts_keep(L.e);
    must(act(CONTROL_POST, "/v1/cases", "",
             "{\"user\":\"u0\",\"attempts\":[1],\"note\":\"asked\"}") == 201);
    store_begin(L.e->store);
    store_put_hold(L.e->store, &h);
    h.device = dev_by_name(L.e, "d1")->k.index;
    h.kind = HOLD_LOCK;
    h.until.s = h.end_boot_ms = h.rule.time.s = 0;
    store_put_hold(L.e->store, &h);
    must(store_commit(L.e->store) == STORE_OK);
}

/* Two passkeys, one of them stopped. */
static void make_passkeys(void)
{
    struct passkey k = {.user = 1, .name = "phone", .made = {now.wall},
                        .c = {.alg = FIDO_ES256, .id_len = CREDENTIAL_MIN, .counter = 3}};

    store_begin(L.e->store);
    store_add_passkey(L.e->store, &k);
    k.c.id_len = CREDENTIAL_MAX;
    k.c.alg = FIDO_EDDSA;
    k.stopped = k.c.synced = true;
    k.used.s = now.wall;
    store_add_passkey(L.e->store, &k);
    must(store_commit(L.e->store) == STORE_OK);
}

/* One invitation that is open, and one that became a device. */
static void make_invites(void)
{
    struct invite x = {.user = 1, .name = "desk", .by = "anna", .state = INVITE_OPEN,
                       .made = {now.wall}, .until = {now.wall + 3600},
                       .end_boot_ms = now.boot_ms + 3600000};

    store_begin(L.e->store);
    memset(x.token, 1, sizeof x.token);
    store_add_invite(L.e->store, &x);
    memset(x.token, 2, sizeof x.token);
    x.id = store_add_invite(L.e->store, &x);
    x.state = INVITE_USED;
    x.ended.s = now.wall;
    x.device = dev_by_name(L.e, "d1")->k.index;
    store_put_invite(L.e->store, &x);
    must(store_commit(L.e->store) == STORE_OK);
}

/* One has signed the policy, and is asked no more. */
static void make_signature(void)
{
    struct dev *d = dev_by_name(L.e, "d0");
    struct reply shown = acknowledge_show(L.e, d), r;
    struct writer w;

    writer_init(&w, 256);
    put_text(&w, json_string_value(json_object_get(shown.body, "sha256")));
    r = acknowledge_sign(L.e, d, w.v, w.n);
    must(r.status == 200);
    json_decref(r.body);
    json_decref(shown.body);
    writer_clear(&w);
}

static void make_good(void)
{
    static const char exception[] =
        "{\"rule\":\"require fde.sys\",\"until\":%lld,\"reason\":\"repair\"}";
    char body[128];

    world_begin();
    hush(true);
    enter_dir("a");
    must(lab_launch(&L, LAB_GATEWAY, ROWS_POLICY, "b") == 0);
    for (unsigned i = 0; i < 3; i++) {
        snprintf(body, sizeof body, "{\"name\":\"u%u\",\"full_name\":\"U\",\"roles\":[\"filing\"]}",
                 i);
        must(act(CONTROL_POST, "/v1/users", "", body) == 201);
        enrol(i);
    }
    snprintf(body, sizeof body, exception, (long long)now.wall + 3600);
    must(act(CONTROL_POST, "/v1/devices/d0/exceptions", "", body) == 200);
    must(act(CONTROL_POST, "/v1/users/u2/revoke", "", NULL) == 200);
    make_holds();
    make_passkeys();
    make_invites();
    make_signature();
    must(act(CONTROL_POST, "/v1/policy/apply", "confirm=600", ROWS_POLICY "\n") == 200);
    lab_stop(&L);
    list_columns();
    read_image();
}

/* ---- edits ---------------------------------------------------------------------------------- */

struct input {
    const uint8_t *p;
    size_t n;
};

static unsigned take(struct input *in)
{
    if (in->n == 0)
        return 0;
    in->n--;
    return *in->p++;
}

static void edit_file(struct input *in)
{
    char *copy = malloc(image_size);
    int fd = open(DB, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

    must(copy && fd >= 0);
    memcpy(copy, image, image_size);
    while (in->n >= 4) {
        size_t at = (size_t)take(in) << 16;
        at |= (size_t)take(in) << 8;
        at |= take(in);
        copy[at % image_size] = (char)take(in);
    }
    must(write(fd, copy, image_size) == (ssize_t)image_size);
    close(fd);
    free(copy);
}

/* A number that programs trip over, or any. */
static int64_t take_number(struct input *in)
{
    static const int64_t edges[] = {0,          1,
                                    -1,         2,
                                    3,          255,
                                    256,        4095,
                                    4096,       65535,
                                    65536,      262141,
                                    262142,     262143,
                                    INT32_MAX,  -2147483648LL,
                                    UINT32_MAX, 4294967296LL,
                                    INT64_MAX,  INT64_MIN,
                                    1796029200, 1796030100};
    unsigned kind = take(in);
    int64_t v = 0;

    if (kind < 128)
        return edges[kind % (sizeof edges / sizeof *edges)];
    for (int i = 0; i < 8; i++)
        v = (int64_t)((uint64_t)v << 8 | take(in));
    return v;
}

static void bind_value(sqlite3_stmt *q, struct input *in)
{
    static char text[TEXT_MAX];
    unsigned type = take(in), n = take(in);

    switch (type % 6) {
    case 0:
        sqlite3_bind_int64(q, 1, take_number(in));
        break;
    case 1:
    case 2:
        n = n > in->n ? (unsigned)in->n : n;
        if (type % 6 == 1)
            sqlite3_bind_text(q, 1, (const char *)in->p, (int)n, SQLITE_TRANSIENT);
        else
            sqlite3_bind_blob(q, 1, in->p, (int)n, SQLITE_TRANSIENT);
        in->p += n;
        in->n -= n;
        break;
    case 3:
        sqlite3_bind_null(q, 1);
        break;
    case 4:
        memset(text, (int)take(in), sizeof text);
        sqlite3_bind_text(q, 1, text, (int)((n + 1) * 270), SQLITE_STATIC);
        break;
    default:
        sqlite3_bind_double(q, 1, (double)take_number(in) * 1.5);
    }
}

static void edit_value(sqlite3 *db, struct input *in)
{
    unsigned c = take(in) % n_columns, row = take(in);
    const char *table = columns[c].table, *key = columns[c].key;
    sqlite3_stmt *q = NULL;
    char *sql = sqlite3_mprintf("UPDATE OR IGNORE %s SET %s = ?1 WHERE %d OR %s ="
                                " (SELECT %s FROM %s ORDER BY 1 LIMIT 1 OFFSET %d)",
                                table, columns[c].column, (int)(row & 0x80), key, key, table,
                                (int)(row % 8));

    must(sql && sqlite3_prepare_v2(db, sql, -1, &q, NULL) == SQLITE_OK);
    sqlite3_free(sql);
    bind_value(q, in);
    (void)sqlite3_step(q);
    sqlite3_finalize(q);
}

static void edit_values(struct input *in)
{
    static const char loose[] =
        "PRAGMA foreign_keys=OFF; PRAGMA journal_mode=OFF; PRAGMA synchronous=OFF;"
        "PRAGMA writable_schema=ON;"
        "UPDATE sqlite_schema SET sql = replace(sql, ' NOT NULL', '') WHERE type = 'table';"
        "PRAGMA writable_schema=RESET;";
    sqlite3 *db;

    edit_file(&(struct input){0});
    must(sqlite3_open(DB, &db) == SQLITE_OK);
    must(sqlite3_exec(db, loose, NULL, NULL, NULL) == SQLITE_OK);
    for (int i = 0; i < EDITS_MAX && in->n > 3; i++)
        edit_value(db, in);
    sqlite3_close(db);
}

/* ---- an engine on it ------------------------------------------------------------------------ */

static void ask_everything(void)
{
    static const char *const paths[] = {"/v1/status",  "/v1/users",    "/v1/devices", "/v1/issuers",
                                        "/v1/policy",  "/v1/attempts", "/v1/audit",   "/v1/events",
                                        "/v1/respond", "/v1/cases",    "/v1/cases/1",
                                        "/v1/users/u0", "/v1/invites"};
    char path[40];
    int status;

    for (size_t i = 0; i < sizeof paths / sizeof *paths; i++)
        act(CONTROL_GET, paths[i], "", NULL);
    for (unsigned i = 0; i < 3; i++) {
        snprintf(path, sizeof path, "/v1/devices/d%u", i);
        act(CONTROL_GET, path, "", NULL);
        snprintf(path, sizeof path, "who=u%u&to=10.20.0.9:5432/tcp", i);
        act(CONTROL_GET, "/v1/explain", path, NULL);
        json_decref(ask_portal(&laptop[i].address, PORTAL_ME, "", &status));
        json_decref(ask_portal(&laptop[i].address, PORTAL_POLICY, "", &status));
        json_decref(ask_portal(&laptop[i].address, PORTAL_SESSIONS, "", &status));
        json_decref(ask_portal(&laptop[i].address, PORTAL_DENIALS, "", &status));
    }
}

static void live(void)
{
    for (int i = 0; i < 3; i++) {
        ask_everything();
        now.wall += 400;
        now.boot_ms += 400000;
        policy_tick(L.e);
        leases_tick(L.e);
        respond_tick(L.e);
    }
    act(CONTROL_POST, "/v1/devices/d1/unlock", "", "{\"reason\":\"talked\"}");
    act(CONTROL_POST, "/v1/respond/allow", "", "{\"reason\":\"seen\"}");
    act(CONTROL_POST, "/v1/cases/1/close", "", "{\"finding\":\"none\",\"outcome\":\"no-action\"}");
    act(CONTROL_POST, "/v1/users/u0/roles", "", "{\"roles\":[\"warehouse\"]}");
    act(CONTROL_POST, "/v1/policy/confirm", "", NULL);
    act(CONTROL_POST, "/v1/policy/apply", "", LAB_POLICY);
    act(CONTROL_POST, "/v1/users/u0/revoke", "", NULL);
    act(CONTROL_POST, "/v1/invites/1/withdraw", "", NULL);
    act(CONTROL_POST, "/v1/devices/d1/lost", "", NULL);
    act(CONTROL_POST, "/v1/users/u2/restore", "", NULL);
}

static void start_on_it(bool reboot)
{
    if (__lsan_disable)
        __lsan_disable(); /* an engine that ends leaves what it had in hand */
    may_end = true;
    if (setjmp(refused) == 0 && lab_launch(&L, LAB_GATEWAY, ROWS_POLICY, reboot ? "c" : "b") == 0)
        live();
    may_end = false;
    if (__lsan_enable)
        __lsan_enable();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    now.wall = 1796029200;
    now.boot_ms = 1000000;
    now.synced = true;
    if (home < 0)
        make_good();
    struct input in = {data, len};
    hush(true);
    enter_dir("b");
    dataplane_clear(&L.dp);
    unsigned mode = take(&in);
    if (mode & 1)
        edit_values(&in);
    else
        edit_file(&in);
    start_on_it(mode & 2);
    lab_stop(&L);
    must(fchdir(home) == 0);
    hush(false);
    return 0;
}
