/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * portcullis: the command that admins type. See portcullis(1) and admin/CONTROL.md.
 */
#include "admin/cli/cli.h"

int main(int argc, char **argv)
{
    struct cli c;
    enum cli_exit rc = cli_parse(&c, argc, argv, stderr);

    if (rc == CLI_DONE && c.cmd) {
        if (c.help)
            help_command(stdout, c.cmd);
        else
            rc = c.cmd->run(&c);
    }
    if (fflush(stdout) != 0 && rc == CLI_DONE)
        rc = CLI_REFUSED;
    return (int)rc;
}
