/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Putting facts, and asking programs for them. */
#include "deploy/agent/agent_gather.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "deploy/agent/agent_exec.h"

#define WHY 160
#define ANSWER_MAX (8u << 20)
#define PATIENCE_S 30

void agent_put(struct agent_gather *g, const char *name, json_t *value, const char *from)
{
    char group[32];
    const char *dot = strchr(name, '.');
    json_t *into = g->f->pst;

    if (dot) {
        snprintf(group, sizeof group, "%.*s", (int)(dot - name), name);
        if (!json_object_get(into, group))
            json_object_set_new(into, group, json_object());
        into = json_object_get(into, group);
    }
    json_object_set_new(into, dot ? dot + 1 : name, value);
    json_object_set_new(g->f->from, name, json_string(from));
    json_object_del(g->f->unknown, name);
}

void agent_put_claim(struct agent_gather *g, const char *name, json_t *value, const char *from)
{
    json_object_set_new(g->f->device, name, value);
    json_object_set_new(g->f->from, name, json_string(from));
    json_object_del(g->f->unknown, name);
}

void agent_put_unknown(struct agent_gather *g, const char *name, const char *why)
{
    if (!json_object_get(g->f->from, name) && !json_object_get(g->f->unknown, name))
        json_object_set_new(g->f->unknown, name, json_string(why));
}

void agent_put_answer(struct agent_gather *g, const char *name, enum agent_answer_3 a,
                      const char *from, const char *why)
{
    if (a != AGENT_UNKNOWN)
        agent_put(g, name, json_boolean(a == AGENT_YES), from);
    else
        agent_put_unknown(g, name, why);
}

char *agent_ask(struct agent_gather *g, const char *const *argv, int *status, char why[WHY])
{
    struct agent_command c = {.root = g->root, .argv = argv, .seconds = PATIENCE_S};
    int ended = -1;
    char *out;
    enum agent_exec how = agent_exec(&c, &out, ANSWER_MAX, &ended);

    if (how == AGENT_EXEC_ENDED && (status || ended == 0)) {
        if (status)
            *status = ended;
        return out;
    }
    if (how == AGENT_EXEC_ABSENT)
        snprintf(why, WHY, "%s is not installed", argv[0]);
    else if (how == AGENT_EXEC_ENDED)
        snprintf(why, WHY, "%s ended with %d", argv[0], ended);
    else
        snprintf(why, WHY, "%s did not end as it must", argv[0]);
    if (how == AGENT_EXEC_ENDED)
        free(out);
    return NULL;
}
