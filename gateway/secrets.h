/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What a person signs in with: a passphrase (Argon2id), a second factor (TOTP), codes to recover.
 *
 * An admin gives a one-time code for a person (control: .../sign-in-code). The person opens the
 * portal from a device of theirs, gives the code and chooses a passphrase; the gateway makes the
 * second factor's secret, which holds once a code of it was typed back. Then the old ones end.
 */
#ifndef GATEWAY_SECRETS_H
#define GATEWAY_SECRETS_H

#include <jansson.h>

#include "gateway/control.h"
#include "gateway/totp.h"

#define SECRET_HASH 128          /* crypto_pwhash_STRBYTES */
#define CODE_HASH 32
#define CODE_TEXT 40             /* "ABCDE-FGHJK-LMNPQ-RSTUV-WXYZ2-3": 26 characters are 130 bits */
#define RECOVERY_CODES 8

struct secret {                  /* in force */
    char hash[SECRET_HASH];
    uint8_t totp[TOTP_SECRET];
    int64_t step;                /* of the last code that was taken */
    struct wall made;
};
struct sign_in_setup {           /* a one-time code, and what was chosen with it so far */
    uint8_t code[CODE_HASH];
    struct wall ends;
    bool begun;
    struct secret chosen;
};

/* ---- store_secrets.c ------------------------------------------------------------------------ */

bool store_get_secret(struct store *s, uint32_t user, struct secret *out);
void store_put_secret(struct store *s, uint32_t user, const struct secret *x);
void store_drop_secret(struct store *s, uint32_t user);        /* and the codes to recover */
bool store_get_setup(struct store *s, uint32_t user, struct sign_in_setup *out);
void store_put_setup(struct store *s, uint32_t user, const struct sign_in_setup *x);
void store_drop_setup(struct store *s, uint32_t user);
void store_add_recovery(struct store *s, uint32_t user, const uint8_t hash[CODE_HASH]);
bool store_has_recovery(struct store *s, uint32_t user, const uint8_t hash[CODE_HASH]);
void store_drop_recovery(struct store *s, uint32_t user, const uint8_t hash[CODE_HASH]);
int64_t store_count_recovery(struct store *s, uint32_t user);

/* ---- secrets.c ------------------------------------------------------------------------------ */

/* The portal's verbs PORTAL_SIGN_IN .. PORTAL_LOST: two typed fields, from this device. */
struct reply secrets_ask(struct engine *e, struct dev *d, unsigned verb, const uint8_t *body,
                         size_t len);
/* {asked, set_up, until?}: what the person sees of it. */
json_t *secrets_json(struct engine *e, const struct user *u);

control_verb control_user_sign_in_code;

#endif
