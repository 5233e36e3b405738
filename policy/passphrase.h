/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What a passphrase must be: long, and not what one guesses first (NIST SP 800-63B, 5.1.1.2:
 * length and a list of what is common or near to the person; no rules about kinds of characters).
 */
#ifndef POLICY_PASSPHRASE_H
#define POLICY_PASSPHRASE_H

#include <stddef.h>

#define PASSPHRASE_LEAST 15      /* characters */
#define PASSPHRASE_BYTES 256     /* at most, so that nobody makes the gateway hash a novel */

/* NULL: it may be used. Otherwise one sentence for the person that says why not. `near` holds words
 * that others know of this person (names, the company), ended by NULL. */
const char *passphrase_fault(const char *s, size_t len, const char *const *near);

#endif
