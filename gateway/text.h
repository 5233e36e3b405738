/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The portal's words, by name: gateway/text.def has each of them once. A page holds none itself
 * (tests/unit/test_text.c).
 */
#ifndef GATEWAY_TEXT_H
#define GATEWAY_TEXT_H

enum text {
#define TEXT(name, words) TEXT_##name,
#include "gateway/text.def"
#undef TEXT
    TEXTS
};

#define TEXT_ARGUMENTS 4

/* Its words, with placeholders and markup as text.def has them. Static. */
const char *text_of(enum text t);
/* Its name in text.def. Static. */
const char *text_name(enum text t);

#endif
