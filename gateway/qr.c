/* SPDX-License-Identifier: GPL-2.0-or-later */
/* QR codes, by libqrencode: one path of the dark modules' runs. */
#include "gateway/qr.h"

#include <qrencode.h>
#include <stdio.h>

#define QUIET 4                  /* modules around it; ISO/IEC 18004, 5.3.8 */

static void add_runs(struct page *p, const QRcode *q)
{
    char run[64];

    for (int y = 0; y < q->width; y++)
        for (int x = 0; x < q->width;) {
            int from = x;
            while (x < q->width && (q->data[y * q->width + x] & 1))
                x++;
            if (x > from) {
                snprintf(run, sizeof run, "M%d %dh%dv1h-%dz", from + QUIET, y + QUIET, x - from,
                         x - from);
                page_html(p, run);
            } else {
                x++;
            }
        }
}

void qr_add(struct page *p, const char *text, const char *label)
{
    QRcode *q = QRcode_encodeString8bit(text, 0, QR_ECLEVEL_M);
    char size[160];

    if (!q)
        return;
    snprintf(size, sizeof size, "\" viewBox=\"0 0 %d %d\" width=\"224\" height=\"224\" "
             "shape-rendering=\"crispEdges\">", q->width + 2 * QUIET, q->width + 2 * QUIET);
    page_wrap(p, "<svg class=\"qr\" role=\"img\" aria-label=\"", label, "");
    page_html(p, size);
    page_html(p, "<rect width=\"100%\" height=\"100%\" fill=\"#fff\"/><path fill=\"#000\" d=\"");
    add_runs(p, q);
    page_html(p, "\"/></svg>\n");
    QRcode_free(q);
}
