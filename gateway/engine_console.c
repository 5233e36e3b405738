/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the console role carries: an admin's request, or one that is yet to be somebody's. */
#include "gateway/engine_console.h"

#include <stdio.h>
#include <string.h>

#include "gateway/clock.h"

static int console_send(struct engine *e, uint32_t seq, const char *new_session, struct reply *r)
{
    struct writer w;

    reply_write(&w, CHANNEL_MESSAGE_MAX, new_session, r);
    int rc = channel_send(e->peer[ROLE_CONSOLE], MSG_CONSOLE_REPLY, seq, &w, -1);
    writer_clear(&w);
    return rc;
}

/* What a page asks by itself keeps nobody signed in: it says so by by=page. */
static bool by_itself(const struct request *q, const char *query)
{
    const char *said = strstr(query, "by=page");

    return q->method == CONTROL_GET &&
           (strcmp(q->path, "/v1/events") == 0 || strcmp(q->path, "/v1/session") == 0 ||
            (said && (said == query || said[-1] == '&') && (said[7] == '\0' || said[7] == '&')));
}

/* Who asks: the admin of this session, with the rights of their role; or nobody yet. */
static void identify(struct engine *e, struct request *q, const char *token, const char *query)
{
    struct session *s = session_find(e, token, &q->peer);

    q->console = true;
    q->uid = CONSOLE_UID;
    q->right = RIGHT_SIGN_IN;
    snprintf(q->actor, sizeof q->actor, "console");
    snprintf(q->new_session, sizeof q->new_session, "%s", token[0] && !s ? "-" : "");
    if (!s)
        return;
    q->session = s->id;
    q->user = s->user;
    q->right = s->as.right;
    snprintf(q->actor, sizeof q->actor, "%s", e->users[s->user - 1].name);
    if (!by_itself(q, query))
        session_seen(s);
}

struct reply console_answer(struct engine *e, struct request *q, const char *token,
                            const char *query)
{
    identify(e, q, token, query);
    return control_act(e, q, query);
}

int console_message(struct engine *e, const struct message *m)
{
    static struct request q;
    char session[SESSION_MAX + 1], query[CONTROL_QUERY];
    struct reader r;

    memset(&q, 0, sizeof q);
    reader_init(&r, m->body, m->len);
    get_text(&r, session, sizeof session);
    q.peer = get_addr(&r);
    unsigned method = get_u8(&r);
    if (!control_read(&r, method, &q, query))
        return -1;
    q.seq = m->seq;
    struct reply reply = console_answer(e, &q, session, query);
    int rc = reply.status == 0 ? 0 : console_send(e, m->seq, q.new_session, &reply);
    control_after(e);
    return rc;
}
