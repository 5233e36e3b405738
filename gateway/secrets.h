/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What a person signs in with, at the portal and, who administers, at the console: a passphrase
 * (Argon2id), a second factor (TOTP), codes to recover.
 *
 * An admin gives a one-time code for a person (control: .../sign-in-code). The person opens the
 * portal from a device of theirs, or the console, gives the code and chooses a passphrase; the
 * gateway makes the second factor's secret, which holds once a code of it was typed back. Then the
 * old ones end.
 */
#ifndef GATEWAY_SECRETS_H
#define GATEWAY_SECRETS_H

#include <jansson.h>

#include "gateway/control.h"
#include "gateway/totp.h"

#define SECRET_HASH 128          /* crypto_pwhash_STRBYTES */
#define CODE_HASH 32
#define CODE_LETTERS "ABCDEFGHJKLMNPQRSTUVWXYZ23456789"   /* 32; none looks like a digit */
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

#define TYPED_MAX 1024           /* bytes of one field */

/* Where somebody says who they are. */
struct place {
    struct dev *dev;             /* the device, at the portal; NULL: at the console */
    struct ip_addr peer;         /* at the console: from where */
    const char *name;            /* at the console: as typed */
    struct user *user;           /* NULL: nobody who may; is refused like a wrong passphrase */
};
/* In the order of the portal's verbs. Two typed fields: passphrase, code | code, passphrase |
 * code, TOTP. 200 when that person has done it, and it is recorded. */
enum secrets_step { STEP_SIGN_IN = 0, STEP_CHOOSE, STEP_CONFIRM };
struct reply secrets_step(struct engine *e, const struct place *p, enum secrets_step step,
                          const char *first, const char *second);
/* Are there tries left? One is taken. False: *no. */
bool secrets_may_try(struct engine *e, const struct place *p, struct reply *no);
enum passphrase_check { PASSPHRASE_WRONG = 0, PASSPHRASE_RIGHT, PASSPHRASE_NONE };   /* none chosen */
enum passphrase_check secrets_passphrase(struct engine *e, const struct place *p,
                                         const char *typed);
bool secrets_set_up(struct engine *e, const struct user *u);
/* On no device of theirs anybody has just proved to be them. */
void secrets_unprove(struct engine *e, const struct user *u);
/* Somebody could not sign in there. */
void secrets_note(struct engine *e, const struct place *p, enum sign_in_refusal why);
/* Signed in as by STEP_SIGN_IN, with this passkey, whose new counter and time are kept with it. */
struct passkey;
struct reply secrets_by_passkey(struct engine *e, const struct place *p, const struct passkey *k);

/* 201 {user, code, until}: a new one-time code for this person; or why not. */
struct reply secrets_new_code(struct engine *e, const struct request *q, const struct user *u);
control_verb control_user_sign_in_code;

/* ---- secrets_portal.c ----------------------------------------------------------------------- */

/* The portal's verbs PORTAL_SIGN_IN .. PORTAL_LOST: two typed fields, from this device. */
struct reply secrets_ask(struct engine *e, struct dev *d, unsigned verb, const uint8_t *body,
                         size_t len);
/* {asked, set_up, until?}: what the person sees of it. */
json_t *secrets_json(struct engine *e, const struct user *u);

#endif
