/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Readers of small texts. */
#include "deploy/agent/agent_read.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *next_line(const char *s)
{
    const char *end = strchr(s, '\n');

    return end ? end + 1 : s + strlen(s);
}

static bool plain(const char *s, size_t len)
{
    for (size_t i = 0; i < len; i++)
        if ((unsigned char)s[i] < 0x20 || (unsigned char)s[i] > 0x7e || strchr("\"'\\$`", s[i]))
            return false;
    return len > 0 && len < AGENT_FACT;
}

static bool take_value(const char *s, char out[AGENT_FACT])
{
    size_t len = strcspn(s, "\n");

    if (len >= 2 && (s[0] == '"' || s[0] == '\'') && s[len - 1] == s[0]) {
        s++;
        len -= 2;
    }
    if (!plain(s, len))
        return false;
    memcpy(out, s, len);
    out[len] = '\0';
    return true;
}

bool agent_read_assignment(const char *text, const char *name, char out[AGENT_FACT])
{
    size_t len = strlen(name);

    for (; *text; text = next_line(text))
        if (strncmp(text, name, len) == 0 && text[len] == '=')
            return take_value(text + len + 1, out);
    return false;
}

static bool is_digit(char c) { return c >= '0' && c <= '9'; }

bool agent_read_version(const char *text, char out[AGENT_FACT])
{
    size_t n = 0;

    while (is_digit(text[n]) || (text[n] == '.' && n > 0 && is_digit(text[n - 1])))
        n++;
    while (n > 0 && text[n - 1] == '.')
        n--;
    if (n == 0 || n >= AGENT_FACT)
        return false;
    memcpy(out, text, n);
    out[n] = '\0';
    return true;
}

/* The number at the start of the line that contains these words; -1 when there is none. */
static int64_t count_in_line(const char *text, const char *words)
{
    const char *at = strstr(text, words), *line = at;
    char *end;
    long n;

    if (!at)
        return -1;
    while (line > text && line[-1] != '\n')
        line--;
    if (!is_digit(*line))
        return -1;
    n = strtol(line, &end, 10);
    return *end == ' ' && n < 1000000 ? n : -1;
}

bool agent_read_updates(const char *text, int64_t *all, int64_t *security)
{
    int64_t n = count_in_line(text, "can be applied immediately"),
            s = count_in_line(text, "standard security update");

    if (n < 0)
        n = count_in_line(text, "can be installed immediately");
    if (s < 0)
        s = count_in_line(text, "are security updates");
    if (n < 0 || s > n)
        return false;
    *all = n;
    *security = s < 0 ? 0 : s;
    return true;
}

enum agent_answer_3 agent_read_ufw(const char *text)
{
    char value[AGENT_FACT];

    if (agent_read_assignment(text, "ENABLED", value) && strcmp(value, "yes") == 0)
        return AGENT_YES;
    return AGENT_UNKNOWN;
}

enum agent_answer_3 agent_read_secure_boot(const char *bytes, size_t len)
{
    if (len != 5 || (bytes[4] != 0 && bytes[4] != 1))
        return AGENT_UNKNOWN;
    return bytes[4] == 1 ? AGENT_YES : AGENT_NO;
}

int64_t agent_read_uptime(const char *text)
{
    char *end;
    long n;

    if (!is_digit(*text))
        return -1;
    n = strtol(text, &end, 10);
    return *end == '.' ? n : -1;
}

#define CVD_SECONDS 8        /* the ninth field */

int64_t agent_read_cvd(const char *head)
{
    long long n;
    char *end;

    if (strncmp(head, "ClamAV-VDB:", 11) != 0)
        return -1;
    for (int i = 0; i < CVD_SECONDS; i++) {
        head = strchr(head, ':');
        if (!head)
            return -1;
        head++;
    }
    if (!is_digit(*head))
        return -1;
    n = strtoll(head, &end, 10);
    return (*end == ' ' || *end == '\0' || *end == '\n') && n < (1LL << 40) ? n : -1;
}

/* "36 35 98:0 /mnt1 / rw,noatime master:1 - ext3 /dev/root rw". */
bool agent_read_mount(const char *line, struct agent_mount *out)
{
    char copy[1024];
    size_t len = strcspn(line, "\n");
    const char *dash;

    memset(out, 0, sizeof *out);
    if (len >= sizeof copy)
        return false;
    memcpy(copy, line, len);
    copy[len] = '\0';
    if (sscanf(copy, "%*u %*u %9u:%9u %*s %255s", &out->major, &out->minor, out->point) != 3)
        return false;
    dash = strstr(copy, " - ");
    return dash && sscanf(dash + 3, "%63s %255s", out->type, out->source) == 2;
}
