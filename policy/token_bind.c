/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * token_bind(): does this genuine token belong to this peer, device, person and moment? The order
 * is posture.md's: cnf/peer, device/user, nonce, jti/iat.
 */
#include <string.h>

#include "policy/token.h"

#define ASSURANCE_DEVICE 2   /* PA2 when the ceiling says that the key lives in hardware */
#define ASSURANCE_MANAGED 3  /* PA4 needs a TPM quote that was verified: not there yet */

static bool key_equal(const struct wg_key *a, const struct wg_key *b)
{
    return memcmp(a->b, b->b, sizeof a->b) == 0;
}

/* NULL and "" in the record mean that nothing was recorded to compare with. */
static bool differs(const char *recorded, const char *stated)
{
    return recorded && *recorded && strcmp(recorded, stated) != 0;
}

static bool owner_differs(const struct claims *c, const struct token_binding *b)
{
    const struct fact *own = &c->facts.v[FACT_OWN];

    return own->known && differs(b->device_owner, own->text);
}

static bool issuer_may_speak(const struct claims *c, const struct token_binding *b)
{
    return c->key.kind != ISSUER_DEVICE || !differs(b->device_iss, c->iss);
}

static enum refusal_code bind_device(const struct claims *c, const struct token_binding *b)
{
    if (b->device == DEVICE_RETIRED)
        return PT504;
    if (b->device != DEVICE_ACTIVE)
        return PT503;
    if (!key_equal(&b->device_key, &b->peer))
        return PT502;
    if (!issuer_may_speak(c, b))
        return PT202;
    if (owner_differs(c, b))
        return PT505;
    if (!b->user_enabled)
        return PT506;
    return differs(b->device_ueid, c->ueid) ? PT507 : CODE_NONE;
}

static enum refusal_code bind_nonce(const struct claims *c, const struct token_binding *b)
{
    if (!c->has_nonce)
        return c->key.kind == ISSUER_DEVICE || c->key.nonce_required ? PT401 : CODE_NONE;
    if (b->nonce == NONCE_OTHER_PEER)
        return PT403;
    return b->nonce == NONCE_VALID ? CODE_NONE : PT402;
}

/* Two tokens of one second are told apart by their nonces. Without, the second might be the first
 * again, whose jti was forgotten while the clock was ahead: it must be newer. */
static bool is_older(const struct claims *c, const struct token_binding *b)
{
    return c->has_nonce ? c->iat.s < b->last_iat.s : c->iat.s <= b->last_iat.s;
}

static enum refusal_code bind_replay(const struct claims *c, const struct token_binding *b)
{
    if (b->jti_seen)
        return PT404;
    if (is_older(c, b))
        return PT405;
    return b->replay_cache_full ? PT406 : CODE_NONE;
}

enum refusal_code token_bind(const struct claims *c, const struct token_binding *b)
{
    enum refusal_code code;

    if (!key_equal(&c->cnf, &b->peer))
        return PT502;
    code = bind_device(c, b);
    if (code == CODE_NONE)
        code = bind_nonce(c, b);
    return code == CODE_NONE ? bind_replay(c, b) : code;
}

static uint8_t kind_assurance(enum issuer_kind kind)
{
    switch (kind) {
    case ISSUER_DEVICE:
        return ASSURANCE_DEVICE;
    case ISSUER_MDM:
    case ISSUER_EDR:
        return ASSURANCE_MANAGED;
    case ISSUER_NONE:
        break;
    }
    return 0;
}

uint8_t token_assurance(const struct claims *c)
{
    uint8_t kind = kind_assurance(c->key.kind);

    return kind < c->key.assurance_max ? kind : c->key.assurance_max;
}
