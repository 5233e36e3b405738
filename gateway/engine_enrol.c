/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the enrol role carries: a device that makes itself known. */
#include "gateway/control.h"

int enrol_message(struct engine *e, const struct message *m)
{
    struct ip_addr peer;
    struct reader r;
    size_t len;

    reader_init(&r, m->body, m->len);
    peer = get_addr(&r);
    unsigned verb = get_u8(&r);
    (void)get_blob(&r, &len, ENROL_BODY_MAX);
    if (!reader_done(&r) || verb != ENROL_REDEEM || peer.family == 0)
        return -1;
    struct reply reply = reply_error(503, "not_ready", "Nobody can enrol by this yet.", NULL);
    return reply_send(e, e->peer[ROLE_ENROL], MSG_ENROL_REPLY, m->seq, 1u << 16, &reply);
}
