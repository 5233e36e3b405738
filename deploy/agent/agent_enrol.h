/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Redeeming an invitation: keys are made here, their public halves go to the server that the link
 * names and pins, its answer becomes a WireGuard configuration and the unit's environment.
 */
#ifndef AGENT_ENROL_H
#define AGENT_ENROL_H

#include "deploy/agent/agent_run.h"

#define AGENT_INTERFACE "portcullis"

/* Takes o->link, asks for o->code when there is none. Prints what was done and the next step. */
enum agent_exit agent_enrol(const struct agent_options *o);

#endif
