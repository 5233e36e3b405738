/* SPDX-License-Identifier: GPL-2.0-or-later */
/* portcullisd: the options, then the parent, or with --role one of the processes it starts. */
#include <getopt.h>
#include <sodium.h>
#include <stdio.h>
#include <string.h>

#include "gateway/log.h"
#include "gateway/parent.h"

static const char usage[] =
    "usage: portcullisd [--config FILE] [--policy FILE] [--state DIR] [--control SOCKET]\n"
    "                   [--foreground]\n"
    "       portcullisd --version | --help\n"
    "\n"
    "The Portcullis gateway: lets a device through while it holds a lease.\n"
    "\n"
    "  --config FILE     this gateway             (/etc/portcullis/gateway.conf)\n"
    "  --policy FILE     the firm's policy        (/etc/portcullis/policy.conf)\n"
    "  --state DIR       keys, database, captures (/var/lib/portcullis)\n"
    "  --control SOCKET  for the portcullis tool  (/run/portcullis/control.sock)\n"
    "  --foreground      stay with the terminal or the supervisor: it always does\n";

enum { OPT_CONFIG = 1, OPT_POLICY, OPT_STATE, OPT_CONTROL, OPT_FOREGROUND, OPT_VERSION, OPT_HELP };

static const struct option options[] = {
    {"config", required_argument, NULL, OPT_CONFIG},
    {"policy", required_argument, NULL, OPT_POLICY},
    {"state", required_argument, NULL, OPT_STATE},
    {"control", required_argument, NULL, OPT_CONTROL},
    {"foreground", no_argument, NULL, OPT_FOREGROUND},
    {"version", no_argument, NULL, OPT_VERSION},
    {"help", no_argument, NULL, OPT_HELP},
    {0},
};

static int misused(void)
{
    fputs(usage, stderr);
    return 2;
}

/* -1: go on; otherwise the exit status. */
static int read_options(int argc, char **argv, struct parent_options *o)
{
    for (int opt; (opt = getopt_long(argc, argv, "", options, NULL)) != -1;) {
        switch (opt) {
        case OPT_CONFIG:
            o->config = optarg;
            break;
        case OPT_POLICY:
            o->policy = optarg;
            break;
        case OPT_STATE:
            o->state = optarg;
            break;
        case OPT_CONTROL:
            o->control = optarg;
            break;
        case OPT_FOREGROUND:
            break;
        case OPT_VERSION:
            puts("portcullisd " VERSION);
            return 0;
        case OPT_HELP:
            fputs(usage, stdout);
            return 0;
        default:
            return misused();
        }
    }
    return optind < argc ? misused() : -1;
}

int main(int argc, char **argv)
{
    struct parent_options o = {.config = "/etc/portcullis/gateway.conf",
                               .policy = "/etc/portcullis/policy.conf",
                               .state = "/var/lib/portcullis",
                               .control = "/run/portcullis/control.sock"};
    log_init("parent");
    if (sodium_init() < 0)
        fatal("libsodium does not start");
    if (argc >= 3 && argc <= 4 && strcmp(argv[1], "--role") == 0)
        return role_main(argv[2], argv[3]);
    int status = read_options(argc, argv, &o);
    return status >= 0 ? status : parent_main(&o);
}
