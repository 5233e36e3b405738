/* SPDX-License-Identifier: GPL-2.0-or-later */
/* ClamAV: its daemon, and the age that its definitions say of themselves. Others are not known. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "deploy/agent/agent_file.h"
#include "deploy/agent/agent_gather.h"
#include "deploy/agent/agent_read.h"

#define FOLDER "/var/lib/clamav/"
#define SLICE "/sys/fs/cgroup/system.slice/"

static bool runs(struct agent_gather *g, const char *const *cgroups, const char **which)
{
    for (size_t i = 0; cgroups[i]; i++) {
        *which = cgroups[i];
        if (agent_file_exists(g->root, cgroups[i]))
            return true;
    }
    *which = cgroups[0];
    return false;
}

/* When the definitions were made; when they were put there, if they do not say. */
static int64_t made_at(struct agent_gather *g, const char *path)
{
    char head[AGENT_CVD_HEAD + 1];
    size_t len = agent_file_head(g->root, path, head, sizeof head);
    int64_t at = len > 0 ? agent_read_cvd(head) : -1;

    return at > 0 ? at : agent_file_changed(g->root, path);
}

void agent_gather_antivirus(struct agent_gather *g)
{
    static const char *const daemons[] = {SLICE "clamav-daemon.service",
                                          SLICE "system-clamd.slice/clamd@scan.service", NULL},
                            *const access[] = {SLICE "clamav-clamonacc.service",
                                               SLICE "clamonacc.service", NULL};
    const char *defs = FOLDER "daily.cld", *which, *why = "no ClamAV is here; the agent knows no other product";
    int64_t at = made_at(g, defs);
    bool on;

    if (at < 0)
        at = made_at(g, defs = FOLDER "daily.cvd");
    if (at < 0) { /* another product may be there */
        agent_put_unknown(g, "av.on", why);
        agent_put_unknown(g, "av.rt", why);
        agent_put_unknown(g, "av.defs_at", why);
        return;
    }
    agent_put(g, "av.name", json_string("clamav"), defs);
    agent_put(g, "av.defs_at", json_integer(at), defs);
    on = runs(g, daemons, &which);
    agent_put(g, "av.on", json_boolean(on), which);
    on = runs(g, access, &which);
    agent_put(g, "av.rt", json_boolean(on), which);
}
