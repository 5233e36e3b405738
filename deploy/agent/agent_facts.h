/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The facts of this machine, as far as its files and its own programs tell them. What cannot be
 * known is left out: an absent fact is unknown to the gateway, never false.
 */
#ifndef AGENT_FACTS_H
#define AGENT_FACTS_H

#include <jansson.h>
#include <stdint.h>
#include <stdio.h>

struct agent_facts {
    json_t *pst;        /* the pst claim, v and at included */
    json_t *device;     /* claims beside pst: oemboot, hwmodel, swname ... */
    json_t *from;       /* "os.ver": "/etc/os-release": where each was read */
    json_t *unknown;    /* "lock.on": "nobody is logged in at a screen": what is not known, and why */
};

/* Reads below root ("" = this machine). 0, or -1: memory. */
int agent_facts_gather(const char *root, int64_t now, struct agent_facts *out);

/* Takes them from a JSON object in a file instead: the members of pst, and beside them oemboot,
 * dbgstat and hwmodel. "v" and "at" are added when they are not there. 0, or -1 with why. */
int agent_facts_file(const char *path, int64_t now, struct agent_facts *out, char why[160]);

/* A line a fact: value and source, or "unknown" and why. */
void agent_facts_print(const struct agent_facts *f, FILE *out);

void agent_facts_clear(struct agent_facts *f);

#endif
