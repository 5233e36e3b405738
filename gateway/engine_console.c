/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the console role carries: an admin's request, or one that is yet to be somebody's. */
#include <stdlib.h>
#include <string.h>

#include "gateway/control.h"

#define BODY_MAX (1127u << 10)

/* "" keeps the session that the browser has, "-" ends it, anything else is a new one. */
static int console_send(struct engine *e, uint32_t seq, const char *session, struct reply *r)
{
    char *text = json_dumps(r->body, JSON_COMPACT);
    struct writer w;

    writer_init(&w, CHANNEL_MESSAGE_MAX);
    put_u16(&w, (uint16_t)r->status);
    put_text(&w, session);
    put_blob(&w, text ? text : "", text ? strlen(text) : 0);
    int rc = channel_send(e->peer[ROLE_CONSOLE], MSG_CONSOLE_REPLY, seq, &w, -1);
    writer_clear(&w);
    free(text);
    json_decref(r->body);
    return rc;
}

int console_message(struct engine *e, const struct message *m)
{
    char session[SESSION_MAX + 1], path[513], query[1025];
    struct reader r;
    size_t len;

    reader_init(&r, m->body, m->len);
    get_text(&r, session, sizeof session);
    (void)get_addr(&r);
    unsigned method = get_u8(&r);
    get_text(&r, path, sizeof path);
    get_text(&r, query, sizeof query);
    (void)get_blob(&r, &len, BODY_MAX);
    if (!reader_done(&r) || method < CONTROL_GET || method > CONTROL_DELETE)
        return -1;
    struct reply reply = reply_error(503, "not_ready", "There is no console yet.", NULL);
    return console_send(e, m->seq, "", &reply);
}
