/* SPDX-License-Identifier: GPL-2.0-or-later */
/* `portcullis-agent status`: in or not, what is wrong, how to mend it. */
#ifndef AGENT_STATUS_H
#define AGENT_STATUS_H

#include <jansson.h>

#include "deploy/agent/agent_run.h"

/* Asks the gateway; needs no key and no root. When it cannot be reached, says what the last report
 * came to. */
enum agent_exit agent_status(const struct agent_options *o);

/* The portal's /v1/me in the form of an answer to a report, a new reference. */
json_t *agent_status_answer(const json_t *me);

/* Gateway and device from the folder's environment, or from the state that the service left. False
 * when neither says. */
bool agent_settings(struct agent_options *o, char device[64]);

#endif
