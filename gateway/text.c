/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The table of the portal's words. */
#include "gateway/text.h"

const struct text_entry text_english[TEXTS] = {
#define TEXT(name, words) [TEXT_##name] = {#name, words},
#include "gateway/text.def"
#undef TEXT
};
