/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The packets of one attempt: the engine knows which, the capture role has them and can read them.
 * The engine asks, gets a pcapng file, and hands it on unread.
 */
#ifndef GATEWAY_EVIDENCE_H
#define GATEWAY_EVIDENCE_H

#include "gateway/capture.h"
#include "gateway/messages.h"
#include "gateway/pcapng.h"

#define EVIDENCE_BYTES (1u << 20)        /* of one file */
#define EVIDENCE_PACKETS 1000
#define EVIDENCE_WAITING 4               /* requests at once */

/* What the packets have in common. Times in whole seconds, both included. */
struct evidence_query {
    enum deny_reason reason;
    struct ip_addr src, dst;
    uint8_t proto;
    uint16_t port;
    int64_t first, last;
    char comment[PCAPNG_COMMENT];        /* on the file and on each packet */
};
void put_evidence_query(struct writer *w, const struct evidence_query *q);
void get_evidence_query(struct reader *r, struct evidence_query *q);

struct ring;
/* The file of those that the ring still has, oldest first: how many they are. *more: there was no
 * room for all. */
uint32_t evidence_collect(struct ring *r, const struct evidence_query *q, struct writer *file,
                          bool *more);

/* ---- the engine's side ---------------------------------------------------------------------- */

struct attempt;
struct engine;
struct request;
struct reply;
struct message;
struct evidence_wait {
    uint32_t seq, control_seq;           /* seq 0: free */
    enum gateway_role asker;             /* api or console */
    int64_t until_ms;
};

/* A reply that is a refusal, or status 0: the answer is sent when it comes. */
struct reply evidence_ask(struct engine *e, struct request *q, const struct attempt *a);
int evidence_message(struct engine *e, const struct message *m);         /* -1: malformed */
/* This role was started anew: those that wait for it, or waited at it, wait no longer. */
void evidence_reset(struct engine *e, enum gateway_role role);

#endif
