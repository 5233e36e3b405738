/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the gatherers of facts share: where they look, and where they put what they found. */
#ifndef AGENT_GATHER_H
#define AGENT_GATHER_H

#include "deploy/agent/agent_facts.h"
#include "deploy/agent/agent_read.h"

struct agent_gather { const char *root; int64_t now; struct agent_facts *f; };

/* Takes the value over. `name` is "group.member" or a plain name of pst; `from` says where it was
 * read, for a person. */
void agent_put(struct agent_gather *g, const char *name, json_t *value, const char *from);
void agent_put_claim(struct agent_gather *g, const char *name, json_t *value, const char *from);
/* AGENT_UNKNOWN is put as unknown, with `why`. */
void agent_put_answer(struct agent_gather *g, const char *name, enum agent_answer_3 a,
                      const char *from, const char *why);
/* The first reason stays, and only until the fact is known. */
void agent_put_unknown(struct agent_gather *g, const char *name, const char *why);

/* Standard output of a program of the machine, malloc'd; NULL, with why it is not known, when it
 * is absent, fails or does not end in time. *status may be NULL: then only 0 will do. */
char *agent_ask(struct agent_gather *g, const char *const *argv, int *status, char why[160]);

/* The gatherers, a file each. */
void agent_gather_system(struct agent_gather *g);
void agent_gather_updates(struct agent_gather *g);
void agent_gather_disk(struct agent_gather *g);
void agent_gather_firewall(struct agent_gather *g);
void agent_gather_antivirus(struct agent_gather *g);
void agent_gather_lock(struct agent_gather *g);
void agent_gather_tamper(struct agent_gather *g);

#endif
