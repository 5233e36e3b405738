/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A classic BPF program for a TCP socket that lets packets through from these networks alone: to
 * everybody else the port is as silent as one that a firewall drops. Pure.
 */
#ifndef GATEWAY_SOURCE_FILTER_H
#define GATEWAY_SOURCE_FILTER_H

#include <linux/filter.h>
#include <stddef.h>

#include "policy/model.h"

#define SOURCE_FILTER_NETS 8
#define SOURCE_FILTER_MAX (SOURCE_FILTER_NETS * 13 + 1)   /* instructions */

/* Networks of the given family (4 or 6); those of the other match nothing. Number of instructions;
 * with n = 0 a program that drops all. n is at most SOURCE_FILTER_NETS. */
size_t source_filter(uint8_t family, const struct ip_prefix *from, size_t n,
                     struct sock_filter out[SOURCE_FILTER_MAX]);

#endif
