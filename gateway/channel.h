/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A channel between two roles: a SOCK_SEQPACKET pair made by the parent before exec.
 *
 * A message may be larger than a packet: it travels in fragments and arrives whole or not at all.
 * Sending never blocks: what the socket does not take is queued up to CHANNEL_QUEUE_MAX; beyond
 * that the peer is too slow or hostile and the channel counts as broken. At most one file
 * descriptor travels with a message (on its last fragment).
 */
#ifndef GATEWAY_CHANNEL_H
#define GATEWAY_CHANNEL_H

#include "gateway/messages.h"
#include "gateway/wire.h"

#define CHANNEL_MESSAGE_MAX (4u << 20)
#define CHANNEL_QUEUE_MAX (16u << 20)

struct channel;   /* opaque */

struct message {
    enum message_type type;
    uint32_t seq;            /* of the request; an answer repeats it */
    const uint8_t *body;     /* valid until the next channel_receive(), which wipes it */
    size_t len;
    int fd;                  /* received descriptor, owned by the receiver; -1 = none */
};

struct channel *channel_new(int fd);            /* takes the fd, makes it non-blocking; NULL: memory */
void channel_free(struct channel *c);           /* closes; NULL-safe */
int channel_fd(const struct channel *c);
bool channel_wants_write(const struct channel *c);

/* 0, or -1: broken, to be ended. w may be NULL (no body); a failed writer is refused (-1). fd is
 * duplicated by sending; the caller keeps its own. */
int channel_send(struct channel *c, enum message_type type, uint32_t seq, const struct writer *w,
                 int fd);
int channel_flush(struct channel *c);           /* 0, or -1: broken */
/* Waits until everything queued is sent, at most timeout_ms: before more than CHANNEL_QUEUE_MAX
 * of messages in a row. 0, or -1. */
int channel_drain(struct channel *c, int timeout_ms);
/* 1: *m is a whole message; 0: none yet; -1: closed or malformed. */
int channel_receive(struct channel *c, struct message *m);

/* Sends and waits for the answer with this seq, at most timeout_ms; messages of other seqs that
 * arrive meanwhile are kept and come out of channel_receive() later, in order (look there before
 * the next wait for events). For the engine's requests to the parent; what the parent sends
 * unasked has seq 0. 1, or -1: timeout, broken. */
int channel_call(struct channel *c, enum message_type type, const struct writer *w,
                 struct message *answer, int timeout_ms);

#endif
