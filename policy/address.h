/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Addresses, prefixes, ranges and keys as text and back. Strict: no leading zeros in IPv4, no
 * scope ids, no IPv4-mapped IPv6, no surrounding space. Texts need not be NUL-terminated.
 * Functions that parse return true and fill *out, or false and leave it alone.
 */
#ifndef POLICY_ADDRESS_H
#define POLICY_ADDRESS_H

#include "policy/model.h"

#define ADDR_TEXT 46      /* INET6_ADDRSTRLEN */
#define KEY_TEXT 45       /* 44 characters of base64 and a NUL */

bool ip_parse(const char *s, size_t len, struct ip_addr *out);
bool prefix_parse(const char *s, size_t len, struct ip_prefix *out);  /* host bits are kept */
const char *ip_print(const struct ip_addr *a, char out[ADDR_TEXT]);   /* canonical (RFC 5952) */

int ip_cmp(const struct ip_addr *a, const struct ip_addr *b);         /* family first, then value */
bool ip_in_range(const struct ip_addr *a, const struct ip_range *r);
bool ip_in_prefix(const struct ip_addr *a, const struct ip_prefix *p);
struct ip_range prefix_range(const struct ip_prefix *p);
/* Whom to count it as: of IPv6 the first of its /64, all of which one owner has. */
struct ip_addr ip_owner(const struct ip_addr *a);
/* The next address; false at the end of the family's space. */
bool ip_next(struct ip_addr *a);

bool wg_key_parse(const char *s, size_t len, struct wg_key *out);     /* canonical base64 only */
const char *wg_key_print(const struct wg_key *k, char out[KEY_TEXT]);
bool wg_key_equal(const struct wg_key *a, const struct wg_key *b);

#endif
