/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Invitations: an admin makes one for a person, who enrols one device with it, once.
 *
 * What is given out is a token (130 bits, in a link) and a code of eight digits for another
 * channel, such as the telephone. The database holds hashes alone; that of the code is made with
 * the token, so that it is no help to who has the database. Five wrong codes void an invitation.
 */
#ifndef GATEWAY_INVITES_H
#define GATEWAY_INVITES_H

#include "gateway/control.h"

#define INVITE_HASH 32
#define INVITE_TOKEN 26          /* characters of 5 bits */
#define INVITE_CODE 8            /* digits */
#define INVITE_TRIES 5
#define INVITES_OPEN 16          /* of one person */

enum invite_state { INVITE_OPEN = 1, INVITE_USED, INVITE_WITHDRAWN, INVITE_VOID };   /* stored */

struct invite {
    int64_t id;                  /* 1.. */
    uint32_t user, device;       /* device: index of what became of it, 0 = nothing yet */
    char name[NAME_SIZE];        /* of the device, "" = not said */
    bool corp;                   /* whose the device is: the company's, or the person's own */
    char by[ACTOR_SIZE];         /* who invited */
    uint8_t token[INVITE_HASH], code[INVITE_HASH];
    enum invite_state state;
    unsigned wrong;              /* codes */
    struct wall made, until, ended;   /* ended 0 = is open */
    int64_t end_boot_ms;         /* until, by CLOCK_BOOTTIME: it ends by whichever says so first */
};

/* ---- store_invites.c ------------------------------------------------------------------------ */

int64_t store_add_invite(struct store *s, const struct invite *x);        /* its id */
void store_put_invite(struct store *s, const struct invite *x);           /* what changes of it */
bool store_get_invite(struct store *s, int64_t id, struct invite *out);
bool store_find_invite(struct store *s, const uint8_t token[INVITE_HASH], struct invite *out);
/* Behind `after`, of this person (0: of all). */
void store_each_invite(struct store *s, int64_t after, uint32_t user,
                       void (*each)(void *arg, const struct invite *x), void *arg);
int64_t store_count_invites(struct store *s, uint32_t user, struct wall now);   /* open ones */
void store_void_invites(struct store *s, uint32_t user, struct wall now);
void store_prune_invites(struct store *s, struct wall before);            /* that ended before */

/* ---- invites.c ------------------------------------------------------------------------------ */

/* As they are given out, and never stored. */
struct invite_words { char token[INVITE_TOKEN + 1], code[INVITE_CODE + 2]; };   /* "1234 5678" */

/* Draws both and puts their hashes into x. */
void invite_draw(struct invite *x, struct invite_words *out);
/* The hash to look for; false: no token looks like this. */
bool invite_token_hash(const char *token, uint8_t out[INVITE_HASH]);
/* Spaces and dashes do not count. */
bool invite_code_holds(const struct invite *x, const char *token, const char *typed);
/* Not used, not withdrawn, not void, and its time is not over by either clock. */
bool invite_open(const struct invite *x);

control_verb control_invite, control_invites, control_invite_withdraw;

#endif
