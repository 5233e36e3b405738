/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What a client says about its request: the first byte picks target, host, origin, actor or
 * length; the rest is the text. What passes must hold nothing that could mean something elsewhere.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "gateway/http_check.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static void must(bool ok)
{
    if (!ok)
        abort();
}

static void target(const char *text)
{
    struct http_target t, again;
    if (http_target_split(text, &t) != HTTP_TARGET_OK) {
        must(t.path[0] == '\0' && t.query[0] == '\0');
        return;
    }
    must(t.path[0] == '/' && strlen(t.path) <= HTTP_PATH_MAX && strlen(t.query) <= HTTP_QUERY_MAX);
    must(!strstr(t.path, "//") && !strstr(t.path, "/../") && !strpbrk(t.path, "%?#\\ \t\r\n\"'<>"));
    must(!strpbrk(t.query, "# \t\r\n"));
    must(strncmp(text, t.path, strlen(t.path)) == 0);
    must(http_target_split(t.path, &again) == HTTP_TARGET_OK && strcmp(again.path, t.path) == 0);
}

/* An address has one canonical Host without a port; what passes begins with that address's text. */
static void host(const char *text)
{
    static const struct ip_addr v4 = {.family = 4, .b = {10, 77, 0, 1}};
    static const struct ip_addr v6 = {.family = 6, .b = {0xfd, 0x77, [15] = 1}};
    if (http_host_is(text, &v4, 80))
        must(strcmp(text, "10.77.0.1") == 0 || strcmp(text, "10.77.0.1:80") == 0);
    if (http_host_is(text, &v6, 80))
        must(text[0] == '[' && !strpbrk(text, "%/@ .") && strlen(text) < 64);
}

static void origin(const char *text)
{
    static const struct ip_addr v4 = {.family = 4, .b = {10, 77, 0, 1}};
    if (http_origin_is(text, &v4, 8080))
        must(strcmp(text, "http://10.77.0.1:8080") == 0);
}

static void actor(const char *text)
{
    if (http_actor_valid(text))
        must(strlen(text) >= 1 && strlen(text) <= HTTP_ACTOR_MAX &&
             !strpbrk(text, " \t\r\n\"'<>&%/\\:;"));
}

static void length(const char *text)
{
    uint64_t v = 0;
    if (http_length_parse(text, &v))
        must(strspn(text, "0123456789") == strlen(text) && v == strtoull(text, NULL, 10));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    static void (*const parsers[])(const char *) = {target, host, origin, actor, length};
    if (len == 0)
        return 0;
    char *text = malloc(len);
    if (!text)
        return 0;
    memcpy(text, data + 1, len - 1);
    text[len - 1] = '\0';
    parsers[data[0] % 5](text);
    free(text);
    return 0;
}
