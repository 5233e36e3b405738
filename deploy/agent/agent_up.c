/* SPDX-License-Identifier: GPL-2.0-or-later */
/* wg-quick(8) and NetworkManager. */
#include "deploy/agent/agent_up.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "deploy/agent/agent_exec.h"
#include "deploy/agent/agent_file.h"

#define WHY 160
#define PATIENCE_S 30
#define SAID_MAX 65536

bool agent_up_known(const char *how)
{
    return !how || strcmp(how, "wg-quick") == 0 || strcmp(how, "nm") == 0;
}

bool agent_up_resolves(void) { return agent_exec_there("", "resolvconf"); }

/* The file of its name may be another one by now: wg-quick needs no more than the name to end it. */
static void end_older(const char *how, const char *interface)
{
    const char *const quick[] = {"wg-quick", "down", interface, NULL},
                     *const nm[] = {"nmcli", "connection", "delete", "id", interface, NULL};
    struct agent_command c = {.root = "", .argv = how[0] == 'n' ? nm : quick,
                              .seconds = PATIENCE_S};
    char path[64], *said;
    int status;

    snprintf(path, sizeof path, "/sys/class/net/%s", interface);
    if (agent_file_exists("", path) && agent_exec(&c, &said, SAID_MAX, &status) == AGENT_EXEC_ENDED)
        free(said);
}

bool agent_up(const char *how, const char *interface, const char *conf, char why[WHY])
{
    const char *const quick[] = {"wg-quick", "up", interface, NULL},
                     *const nm[] = {"nmcli", "connection", "import", "type", "wireguard", "file",
                                    conf, NULL};
    const char *const *argv = how[0] == 'n' ? nm : quick;
    struct agent_command c = {.root = "", .argv = argv, .seconds = PATIENCE_S};
    int status;

    end_older(how, interface);
    switch (agent_exec(&c, NULL, 0, &status)) {
    case AGENT_EXEC_ENDED:
        snprintf(why, WHY, "%s ended with %d", argv[0], status);
        return status == 0;
    case AGENT_EXEC_ABSENT:
        snprintf(why, WHY, "%s is not installed", argv[0]);
        return false;
    default:
        snprintf(why, WHY, "%s did not end within %d seconds", argv[0], PATIENCE_S);
        return false;
    }
}
