/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Private to courier*.c. */
#ifndef GATEWAY_COURIER_PARTS_H
#define GATEWAY_COURIER_PARTS_H

#include "gateway/channel.h"
#include "gateway/courier.h"
#include "gateway/loop.h"
#include "gateway/socket_address.h"

struct courier;
struct post;

/* A line in a stream: it is through when the bytes up to `end` are acknowledged. */
struct line { uint64_t id, end; };

struct door {                        /* to one outlet */
    struct courier *c;
    struct outlet o;
    bool known, failed;              /* failed: in this round; what else comes of it is forgotten */
    uint8_t index;
    uint32_t round;                  /* of the items that are here */
    int fd;                          /* -1: none */
    /* a stream */
    bool connecting;
    uint8_t *out;  size_t out_len, out_sent, out_room;
    uint64_t written;                /* bytes given to the kernel since the connection began */
    struct line lines[COURIER_WINDOW];  size_t n_lines;
    int timer;                       /* -1: none was made yet */
    int64_t deadline_ms;
    /* a webhook */
    struct post *post;
    void *trust;                     /* gnutls_certificate_credentials_t */
};

struct courier {
    struct loop *loop;
    struct channel *engine;
    struct door doors[OUTLETS_MAX];
};

/* Says it. */
void courier_tell(struct door *d, uint64_t id, enum delivery what, uint16_t status);

/* One line each; the answer may come at once or later. */
void datagram_send(struct door *d, uint64_t id, const uint8_t *line, size_t n);
void stream_send(struct door *d, uint64_t id, const uint8_t *line, size_t n);
/* Ends the connection; nothing is said. */
void stream_close(struct door *d);

/* 0, or -1: the certificates cannot be read. ca_len 0: the system's. */
int webhook_trust(struct door *d, const uint8_t *ca, size_t ca_len);
void webhook_send(struct door *d, uint64_t id, const char *signature, const uint8_t *body,
                  size_t n);
void webhook_close(struct door *d);

#endif
