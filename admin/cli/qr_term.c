/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A QR code for a terminal, by libqrencode. */
#include "admin/cli/qr_term.h"

#include <qrencode.h>
#include <stdbool.h>

#define QUIET 4                  /* modules around it; ISO/IEC 18004, 5.3.8 */
#define BLACK_ON_WHITE "\033[0;30;107m"
#define PLAIN_AGAIN "\033[0m"

static bool dark(const QRcode *q, int x, int y)
{
    return x >= 0 && y >= 0 && x < q->width && y < q->width && (q->data[y * q->width + x] & 1);
}

void qr_print(FILE *out, const char *text)
{
    static const char *const halves[] = {" ", "▀", "▄", "█"};
    QRcode *q = QRcode_encodeString8bit(text, 0, QR_ECLEVEL_L);

    if (!q)
        return;
    for (int y = -QUIET; y < q->width + QUIET; y += 2) {
        fputs(BLACK_ON_WHITE, out);
        for (int x = -QUIET; x < q->width + QUIET; x++)
            fputs(halves[dark(q, x, y) + 2 * dark(q, x, y + 1)], out);
        fputs(PLAIN_AGAIN "\n", out);
    }
    QRcode_free(q);
}
