/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Tokens a second, per core (processor time) and by the clock:
 *
 *   bare Ed25519    libsodium's verification of the same bytes, nothing else
 *   verifier        token_open() and token_bind(): all that policy/ asks of a token
 *   engine          what the portal hands over until the answer: verified, nonce and jti used up,
 *                   judged, stored and synced to disk, recorded in the audit log, the lease told to
 *                   a parent (a thread that keeps the tables in memory)
 *
 *   token RUNS
 */
#include "tests/bench/bench.h"
#include "tests/bench/full_token.h"
#include "tests/unit/engine_lab.h"

#define TOKENS 400       /* of a run of the first two */
#define LAPTOPS 40
#define EACH 8           /* the portal takes ten in a row from a device */

static const char policy[] = "company \"Bench\"\n"
                             "resource files { 10.20.0.11 tcp 22 }\n"
                             "posture baseline { lease 15m evidence <= 8h assurance >= PA1\n"
                             "  os debian >= 12\n  require fde.sys\n  require pend.crit == 0 }\n"
                             "role clerk { reach files posture baseline }\n";

static void report(const char *way, const char *what, unsigned run, size_t n, int64_t took)
{
    char labels[100];

    snprintf(labels, sizeof labels, "\"way\":\"%s\",\"what\":\"%s\"", way, what);
    tell("token", labels, run, (double)n * 1e9 / (double)took, "tokens/s");
}

/* ---- verifier ------------------------------------------------------------------------------- */

struct work { struct maker m; char *token; size_t input_len; uint8_t signature[64]; };

static void work_make(struct work *w)
{
    maker_start(&w->m);
    w->token = full_token(&w->m);
    const char *dot = strrchr(w->token, '.');
    w->input_len = (size_t)(dot - w->token);
    maker_unbase64(dot + 1, w->signature, sizeof w->signature);
}

static void run_bare(const struct work *w, unsigned run)
{
    const int64_t start = cpu_ns();

    for (int i = 0; i < TOKENS; i++)
        need(crypto_sign_verify_detached(w->signature, (const uint8_t *)w->token, w->input_len,
                                         w->m.keys[K_MDM].key) == 0, "the signature");
    report("bare Ed25519", "per core", run, TOKENS, cpu_ns() - start);
}

static void run_verifier(const struct work *w, unsigned run)
{
    const struct token_binding b = {.peer = w->m.wg, .device = DEVICE_ACTIVE,
                                    .device_key = w->m.wg, .device_owner = "corp",
                                    .device_ueid = "", .device_iss = "", .user_enabled = true,
                                    .nonce = NONCE_VALID};
    const int64_t start = cpu_ns();
    struct claims c;

    for (int i = 0; i < TOKENS; i++)
        need(maker_open(&w->m, w->token, &c) == CODE_NONE && token_bind(&c, &b) == CODE_NONE,
             "the token");
    report("verifier", "per core", run, TOKENS, cpu_ns() - start);
}

/* ---- engine --------------------------------------------------------------------------------- */

static struct laptop laptops[LAPTOPS];

static void engine_begin(struct lab *l)
{
    char name[32], body[128];

    lab_new(l);
    lab_start(l, policy);
    for (int i = 0; i < LAPTOPS; i++) {
        snprintf(name, sizeof name, "laptop-%d", i);
        snprintf(body, sizeof body, "{\"name\":\"user-%d\",\"roles\":[\"clerk\"]}", i);
        lab_do(l, CONTROL_POST, "/v1/users", body, 201);
        snprintf(body, sizeof body, "user-%d", i);
        lab_enrol(l, &laptops[i], name, body);
    }
}

/* Every device has its nonces and tokens before the clock starts. */
static void run_engine(unsigned run)
{
    static char *tokens[LAPTOPS][EACH];
    struct lab l;
    int status;

    engine_begin(&l);
    for (int i = 0; i < LAPTOPS; i++)
        for (int k = 0; k < EACH; k++)
            tokens[i][k] = lab_token(&l, &laptops[i], &(struct report){.encrypted = true});
    const int64_t wall = now_ns(), cpu = cpu_ns();
    for (int k = 0; k < EACH; k++)
        for (int i = 0; i < LAPTOPS; i++) {
            json_decref(lab_portal(&l, &laptops[i], PORTAL_POSTURE, tokens[i][k], &status));
            need(status == 200, "the engine refuses");
        }
    report("engine", "per core", run, LAPTOPS * EACH, cpu_ns() - cpu);
    report("engine", "by the clock", run, LAPTOPS * EACH, now_ns() - wall);
    for (int i = 0; i < LAPTOPS; i++)
        for (int k = 0; k < EACH; k++)
            free(tokens[i][k]);
    lab_end(&l);
}

int main(int argc, char **argv)
{
    struct work w;

    need(argc == 2, "usage: token RUNS");
    const unsigned runs = (unsigned)number(argv[1], 1000);
    work_make(&w);
    for (unsigned run = 0; run < runs; run++) {
        run_bare(&w, run);
        run_verifier(&w, run);
        run_engine(run);
    }
    free(w.token);
    return 0;
}
