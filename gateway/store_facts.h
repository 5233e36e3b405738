/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Facts as JSON for the database and for decision records: {"at":..,"os.ver":"22.04",...}. */
#ifndef GATEWAY_STORE_FACTS_H
#define GATEWAY_STORE_FACTS_H

#include <jansson.h>

#include "policy/facts.h"

json_t *facts_to_json(const struct facts *f);              /* unknown facts are left out */
/* 0, or -1: not what facts_to_json() writes. */
int facts_from_json(const char *text, size_t len, struct facts *out);

#endif
