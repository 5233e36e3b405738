/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Words of gateway.conf to hosts, ports and the names of files beside it. */
#include <string.h>

#include "policy/address.h"
#include "policy/lang.h"

#define LABEL_MAX 63 /* RFC 1035, 2.3.4 */

/* ---- hosts and ports ------------------------------------------------------------------------ */

bool port_read(const char *s, size_t len, uint16_t *port)
{
    int64_t n;

    if (!number_read(s, len, &n) || n < 1 || n > 65535)
        return false;
    *port = (uint16_t)n;
    return true;
}

/* RFC 1123, 2.1, in small letters; what is all digits and dots is a mistyped address. */
static bool name_read(const char *s, size_t len)
{
    size_t label = 0;
    bool letter = false;

    for (size_t i = 0; i < len; i++) {
        if (!memchr("abcdefghijklmnopqrstuvwxyz0123456789.-", s[i], 38))
            return false;
        if (s[i] == '.' ? label == 0 || s[i - 1] == '-' : label == 0 && s[i] == '-')
            return false;
        label = s[i] == '.' ? 0 : label + 1;
        if (label > LABEL_MAX)
            return false;
        letter = letter || (s[i] >= 'a' && s[i] <= 'z');
    }
    return letter && label > 0 && s[len - 1] != '-';
}

bool host_read(const char *s, size_t len, char out[HOST_SIZE], struct ip_addr *addr)
{
    *addr = (struct ip_addr){0};
    if (len == 0 || len >= HOST_SIZE || (!ip_parse(s, len, addr) && !name_read(s, len)))
        return false;
    memcpy(out, s, len);
    out[len] = '\0';
    return true;
}

/* "10.20.0.5:514", "[fd20::5]:514" */
static bool socket_read(const char *s, size_t len, struct ip_addr *addr, uint16_t *port)
{
    const char *colon = memrchr(s, ':', len);
    size_t host = colon ? (size_t)(colon - s) : 0;

    if (!colon || !port_read(colon + 1, len - host - 1, port))
        return false;
    if (host > 2 && s[0] == '[' && s[host - 1] == ']')
        return ip_parse(s + 1, host - 2, addr) && addr->family == 6;
    return ip_parse(s, host, addr) && addr->family == 4;
}

bool parse_socket(struct parser *p, struct ip_addr *addr, uint16_t *port)
{
    struct token t = p->tok;
    char shown[QUOTED];

    if (t.kind != TOK_WORD || !socket_read(t.s, t.len, addr, port))
        return parse_fail_at(p, &t, "like 10.20.0.5:514 or [fd20::5]:514",
                             "'%s' is not an address with its port",
                             diag_quote(t.s, t.len, shown));
    parse_advance(p);
    return true;
}

/* ---- files beside this one ------------------------------------------------------------------- */

void parse_file_name(struct parser *p, const char *word, const char *ending, char out[NAME_SIZE])
{
    bool seen = out[0] != '\0';
    struct token t = p->tok;
    size_t n = strlen(ending);

    if (!parse_once(p, &seen, word) || !parse_name(p, "a file beside gateway.conf", out))
        return;
    if (t.len <= n || memcmp(t.s + t.len - n, ending, n) != 0) {
        out[0] = '\0';
        parse_fail_at(p, &t, "it lies beside gateway.conf and is named without a folder",
                      "the name of this file ends in %s", ending);
    }
}
