/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A QR code as a picture inside a page. */
#ifndef GATEWAY_QR_H
#define GATEWAY_QR_H

#include "gateway/page_text.h"

/* Adds an SVG of the text, dark on light, with the quiet zone that readers want; nothing when the
 * text is too long for a code. `label` is what a screen reader says. */
void qr_add(struct page *p, const char *text, const char *label);

#endif
