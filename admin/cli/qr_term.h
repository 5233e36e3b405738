/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A QR code for a terminal. */
#ifndef ADMIN_CLI_QR_TERM_H
#define ADMIN_CLI_QR_TERM_H

#include <stdio.h>

/* Two rows of modules a line, as UTF-8 half blocks, black on white whatever the terminal's own
 * colours are. Nothing when the text is too long for a code. */
void qr_print(FILE *out, const char *text);

#endif
