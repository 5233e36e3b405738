/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * token_open() under a key that the harness knows. The first byte picks what the rest is:
 * a whole token; edits of a good one; a payload, or a header and a payload, that the harness
 * signs. Without the secret nothing but the good token itself may be accepted; with it, what is
 * accepted must keep every promise of the claims.
 */
#include <stddef.h>
#include <stdint.h>

#include "policy/json_bounds.h"
#include "policy/posture.h"
#include "tests/unit/token_maker.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct maker m;
static char *good;

static void start(void)
{
    if (good)
        return;
    maker_start(&m);
    good = maker_seal(&m, K_DEVICE, maker_claims(&m, K_DEVICE));
}

static void must(bool b)
{
    if (!b)
        abort();
}

static void promise_text(const char *s, size_t size)
{
    size_t len = strnlen(s, size);

    must(len > 0 && len < size && text_printable(s, len));
}

static void promise(const struct claims *c)
{
    promise_text(c->iss, sizeof c->iss);
    promise_text(c->sub, sizeof c->sub);
    promise_text(c->jti, sizeof c->jti);
    promise_text(c->ueid, sizeof c->ueid);
    must(strlen(c->jti) >= 16);
    must(c->exp.s > MAKER_NOW && c->iat.s <= MAKER_NOW + TOKEN_SKEW && c->nbf.s <= MAKER_NOW);
    must(c->exp.s > c->iat.s && c->exp.s - c->iat.s <= TOKEN_LIFE_MAX);
    must(c->facts.at.s > 0 && c->facts.at.s <= MAKER_NOW + TOKEN_SKEW);
    must(token_assurance(c) <= c->key.assurance_max);
    for (unsigned i = 0; i < FACT_COUNT; i++) {
        const struct fact *f = &c->facts.v[i];

        must(f->known || (f->n == 0 && f->text[0] == '\0'));
        must(strnlen(f->text, sizeof f->text) < sizeof f->text && f->n >= 0);
        must(!f->known || fact_type((enum fact_id)i) != FACT_VERSION || version_valid(f->text));
    }
}

/* Facts of any kind must be judged without harm. */
static void judge(const struct claims *c)
{
    static struct posture p = {.lease = {900}, .evidence = {3600}, .assurance = 1, .n_os = 1,
                               .os = {{"debian", "12"}}};
    static struct posture_report report;

    for (unsigned i = 0; i < FACT_COUNT && i < POSTURE_RULES_MAX; i++) {
        p.rules[i] = (struct posture_rule){
            .require = {.fact = (enum fact_id)i, .op = OP_EQ, .n = 1, .n_text = 1,
                        .text = {"12"}, .age = fact_type((enum fact_id)i) == FACT_DATE}};
        p.n_rules = (uint8_t)(i + 1);
    }
    posture_judge(&p, &c->facts, 1, NULL, (struct wall){MAKER_NOW}, &report);
    must(report.n_rules == p.n_rules + 3u && report.result >= POSTURE_PASS);
}

static enum refusal_code open_bytes(const uint8_t *token, size_t len, struct claims *c)
{
    enum refusal_code code = token_open(token, len, &m.trust, (struct wall){MAKER_NOW}, c);

    must(code == CODE_NONE || code_id(code)[0] == 'P');
    return code;
}

static void try_forged(const uint8_t *token, size_t len)
{
    struct claims c;

    if (open_bytes(token, len, &c) == CODE_NONE)
        must(len == strlen(good) && memcmp(token, good, len) == 0);
}

/* Three bytes an edit: where (16 bits) and what is put there. */
static void try_edits(const uint8_t *data, size_t size)
{
    size_t len = strlen(good);
    uint8_t *copy = malloc(len);

    must(copy != NULL);
    memcpy(copy, good, len);
    for (size_t i = 0; i + 3 <= size; i += 3)
        copy[(size_t)(data[i] << 8 | data[i + 1]) % len] = data[i + 2];
    try_forged(copy, len);
    free(copy);
}

static void try_signed(const char *header, size_t header_len, const char *payload, size_t len)
{
    char *token = token_seal_text(header, header_len, payload, len, m.secret[K_DEVICE]);
    struct claims c;

    must(token != NULL);
    if (open_bytes((const uint8_t *)token, strlen(token), &c) == CODE_NONE) {
        promise(&c);
        judge(&c);
    }
    free(token);
}

#define HEADER "{\"alg\":\"Ed25519\",\"typ\":\"eat+jwt\",\"kid\":\"laptop-7\"}"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const char *text = (const char *)data + 1;

    start();
    if (size == 0)
        return 0;
    size--;
    switch (data[0] % 4) {
    case 0:
        try_forged(data + 1, size);
        break;
    case 1:
        try_edits(data + 1, size);
        break;
    case 2:
        try_signed(HEADER, strlen(HEADER), text, size);
        break;
    default: {
        size_t header = strnlen(text, size);

        try_signed(text, header, text + header, size - header);
    }
    }
    return 0;
}
