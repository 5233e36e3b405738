/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Strict readers of what a client says about its request. See http_check.h. */
#include "gateway/http_check.h"

#include <string.h>
#include <strings.h>

#include "policy/address.h"

static bool is_alnum(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

static bool in_segment(char c) { return is_alnum(c) || (c != '\0' && strchr("._~@:-", c)); }

/* Length of the segment that begins at s, or 0 when there is no lawful one. */
static size_t segment_length(const char *s)
{
    size_t n = 0;
    while (in_segment(s[n]))
        n++;
    bool dots = (n == 1 && s[0] == '.') || (n == 2 && s[0] == '.' && s[1] == '.');
    return dots ? 0 : n;
}

static bool path_valid(const char *path)
{
    if (strcmp(path, "/") == 0)
        return true;
    const char *s = path;
    while (*s == '/') {
        size_t n = segment_length(s + 1);
        if (n == 0)
            return false;
        s += 1 + n;
    }
    return s != path && *s == '\0';
}

static bool query_valid(const char *query)
{
    for (const char *s = query; *s != '\0'; s++)
        if (*s <= ' ' || *s > '~' || *s == '#')
            return false;
    return true;
}

enum http_target_error http_target_split(const char *target, struct http_target *out)
{
    out->path[0] = out->query[0] = '\0';
    size_t path_len = strcspn(target, "?");
    const char *query = target[path_len] == '?' ? target + path_len + 1 : "";
    size_t query_len = strnlen(query, HTTP_QUERY_MAX + 1);
    if (path_len > HTTP_PATH_MAX || query_len > HTTP_QUERY_MAX)
        return HTTP_TARGET_TOO_LONG;
    memcpy(out->path, target, path_len);
    out->path[path_len] = '\0';
    memcpy(out->query, query, query_len + 1);
    if (path_valid(out->path) && query_valid(out->query))
        return HTTP_TARGET_OK;
    out->path[0] = out->query[0] = '\0';
    return HTTP_TARGET_FORM;
}

bool http_length_parse(const char *text, uint64_t *out)
{
    size_t n = strspn(text, "0123456789");
    if (n == 0 || n > 12 || text[n] != '\0')
        return false;
    uint64_t v = 0;
    for (size_t i = 0; i < n; i++)
        v = v * 10 + (uint64_t)(text[i] - '0');
    *out = v;
    return true;
}

static bool port_is(const char *text, uint16_t port, uint16_t otherwise)
{
    uint64_t v;
    if (text[0] == '\0')
        return port == otherwise;
    return text[0] == ':' && text[1] != '0' && http_length_parse(text + 1, &v) && v == port;
}

static bool address_is(const char *host, const struct ip_addr *local, uint16_t port,
                       uint16_t otherwise)
{
    bool brackets = host[0] == '[';
    const char *name = brackets ? host + 1 : host;
    size_t n = strcspn(name, brackets ? "]" : ":");
    struct ip_addr a;
    if (!ip_parse(name, n, &a) || ip_cmp(&a, local) != 0 || (a.family == 6) != brackets)
        return false;
    const char *rest = name + n;
    if (brackets && *rest++ != ']')
        return false;
    return port_is(rest, port, otherwise);
}

bool http_host_is(const char *host, const struct ip_addr *local, uint16_t port)
{
    return address_is(host, local, port, 80);
}

static bool text_is(const char *host, const char *name, uint16_t port, uint16_t otherwise)
{
    size_t n = strlen(name);
    return n > 0 && strncasecmp(host, name, n) == 0 && port_is(host + n, port, otherwise);
}

bool http_name_is(const char *host, const char *name, uint16_t port)
{
    return text_is(host, name, port, 80);
}

static bool name_is(const char *host, const char *name, uint16_t port)
{
    struct ip_addr a;
    if (ip_parse(name, strlen(name), &a))
        return address_is(host, &a, port, 443);
    return text_is(host, name, port, 443);
}

bool https_host_is(const char *host, const struct http_self *self)
{
    for (size_t i = 0; i < 2; i++)
        if (self->names[i] && self->names[i][0] && name_is(host, self->names[i], self->port))
            return true;
    return address_is(host, self->local, self->port, 443);
}

bool https_origin_is(const char *origin, const struct http_self *self)
{
    static const char scheme[] = "https://";
    return strncmp(origin, scheme, sizeof scheme - 1) == 0 &&
           https_host_is(origin + sizeof scheme - 1, self);
}

bool http_origin_is(const char *origin, const struct ip_addr *local, uint16_t port)
{
    static const char scheme[] = "http://";
    return strncmp(origin, scheme, sizeof scheme - 1) == 0 &&
           http_host_is(origin + sizeof scheme - 1, local, port);
}

bool http_actor_valid(const char *actor)
{
    size_t n = 0;
    while (is_alnum(actor[n]) || (actor[n] != '\0' && strchr("._@-", actor[n])))
        n++;
    return n >= 1 && n <= HTTP_ACTOR_MAX && actor[n] == '\0';
}
