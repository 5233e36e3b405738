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

/* Its name in text.def, and its words, with placeholders and markup as text.def has them. Static. */
extern const struct text_entry { const char *name, *words; } text_english[TEXTS];
static inline const char *text_of(enum text t) { return text_english[t].words; }
static inline const char *text_name(enum text t) { return text_english[t].name; }

#endif
