/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The table of the portal's words. */
#include "gateway/text.h"

static const struct {
    const char *name, *words;
} ENGLISH[TEXTS] = {
#define TEXT(name, words) [TEXT_##name] = {#name, words},
#include "gateway/text.def"
#undef TEXT
};

const char *text_of(enum text t) { return ENGLISH[t].words; }

const char *text_name(enum text t) { return ENGLISH[t].name; }
