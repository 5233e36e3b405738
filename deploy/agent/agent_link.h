/* SPDX-License-Identifier: GPL-2.0-or-later */
/* An invitation as a person gets it: a link, and by another way a code. */
#ifndef AGENT_LINK_H
#define AGENT_LINK_H

#include <stdbool.h>

#define AGENT_TOKEN_TEXT 27      /* 26 characters of base32 and a NUL: 130 bits */
#define AGENT_WHERE_TEXT 264     /* "HOST:PORT" and a NUL */
#define AGENT_PIN_TEXT 53        /* "sha256//", 32 bytes as base64, and a NUL */
#define AGENT_CODE_TEXT 10       /* "1234-5678" and a NUL */

struct agent_link {
    char where[AGENT_WHERE_TEXT];   /* host, and port if the link names one */
    char token[AGENT_TOKEN_TEXT];
    char pin[AGENT_PIN_TEXT];       /* as libcurl wants it; "" = the link has none */
};

/* https://HOST[:PORT]/enrol#TOKEN[.PIN], strictly. False for anything else. */
bool agent_link_parse(const char *text, struct agent_link *out);

/* Eight digits, however they are grouped, as "1234-5678". */
bool agent_code_parse(const char *text, char out[AGENT_CODE_TEXT]);

#endif
