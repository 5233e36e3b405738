/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * One line per event on stderr (journald reads it): "portcullisd[engine]: text". Everything that is
 * not printable ASCII or valid, visible UTF-8 is escaped as \xNN (the backslash too, so that the
 * escape is unambiguous); a line stays a line of at most LOG_LINE bytes.
 */
#ifndef GATEWAY_LOG_H
#define GATEWAY_LOG_H

#include <stdarg.h>
#include <stddef.h>
#include <stdnoreturn.h>

#define LOG_LINE 1024

void log_init(const char *role);
void log_info(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
void log_warn(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
void log_alarm(const char *fmt, ...) __attribute__((format(printf, 1, 2)));   /* "ALARM: ..." */
/* What the lines are escaped by: s into out, cut before the character that does not fit. Returns
 * the length. */
size_t log_escape(const char *s, char *out, size_t size);
/* For memory, a broken channel, an impossible state: says it and exits 1. */
noreturn void fatal(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

#endif
