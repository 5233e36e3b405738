/* SPDX-License-Identifier: GPL-2.0-or-later */
/* One event, one line on stderr, whatever bytes are in it. */
#include "gateway/log.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "policy/utf8.h"

static const char *log_role = "?";

void log_init(const char *role) { log_role = role; }

/* Characters that show as themselves: no controls, no invisible or direction-changing ones, no
 * line separators, nothing private. */
static bool visible(uint32_t c)
{
    if (c < 0x80)
        return c >= 0x20 && c != 0x7f && c != '\\';
    if (c < 0xa0 || c == 0xad || c == 0x61c || c == 0x180e || c == 0xfeff)
        return false;
    if ((c >= 0x200b && c <= 0x200f) || (c >= 0x2028 && c <= 0x202e) ||
        (c >= 0x2060 && c <= 0x206f))
        return false;
    return !(c >= 0xe000 && c <= 0xf8ff) && !(c >= 0xfff0 && c <= 0xffff) && c < 0xe0000;
}

/* Escapes s into out as far as it fits; never half a character. Returns the length. */
size_t log_escape(const char *s, char *out, size_t size)
{
    static const char hex[] = "0123456789abcdef";
    const uint8_t *p = (const uint8_t *)s;
    size_t left = strlen(s), n = 0;
    while (left > 0) {
        uint32_t c;
        size_t len = utf8_char(p, left, &c);
        bool plain = len > 0 && visible(c);
        size_t bytes = len > 0 ? len : 1;
        if (n + (plain ? bytes : 4 * bytes) >= size)
            break;
        for (size_t i = 0; i < bytes; i++) {
            if (!plain) {
                out[n++] = '\\';
                out[n++] = 'x';
                out[n++] = hex[p[i] >> 4];
                out[n++] = hex[p[i] & 15];
            } else {
                out[n++] = (char)p[i];
            }
        }
        p += bytes;
        left -= bytes;
    }
    out[n] = '\0';
    return n;
}

static void write_all(const char *s, size_t n)
{
    while (n > 0) {
        ssize_t done = write(STDERR_FILENO, s, n);
        if (done <= 0)
            return; /* nobody is left to be told */
        s += done;
        n -= (size_t)done;
    }
}

__attribute__((format(printf, 2, 0))) static void log_line(const char *level, const char *fmt,
                                                           va_list args)
{
    char text[LOG_LINE], line[LOG_LINE];
    int head = snprintf(line, sizeof line, "portcullisd[%s]: %s", log_role, level);
    if (head < 0 || (size_t)head >= sizeof line / 2)
        head = 0;
    if (vsnprintf(text, sizeof text, fmt, args) < 0)
        memcpy(text, "(unprintable)", sizeof "(unprintable)");
    size_t n = (size_t)head;
    n += log_escape(text, line + n, sizeof line - n - 1);
    line[n++] = '\n';
    write_all(line, n);
}

#define LOG_AT(level)                                                                              \
    do {                                                                                           \
        va_list args;                                                                              \
        va_start(args, fmt);                                                                       \
        log_line(level, fmt, args);                                                                \
        va_end(args);                                                                              \
    } while (0)

void log_info(const char *fmt, ...) { LOG_AT(""); }
void log_warn(const char *fmt, ...) { LOG_AT("warning: "); }
void log_alarm(const char *fmt, ...) { LOG_AT("ALARM: "); }

noreturn void fatal(const char *fmt, ...)
{
    LOG_AT("fatal: ");
    exit(1);
}
