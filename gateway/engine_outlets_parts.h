/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Between engine_outlets.c (queues) and engine_courier.c (what the courier gets and says). */
#ifndef GATEWAY_ENGINE_OUTLETS_PARTS_H
#define GATEWAY_ENGINE_OUTLETS_PARTS_H

#include "gateway/engine_outlets.h"

/* Gives the courier what it has room for. */
void outlet_pump(struct engine *e, size_t index);
/* Begins a new round: what the courier has is not there any more. */
void outlet_call_back(struct outlet_state *s);

#endif
