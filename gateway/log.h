/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * One line per event on stderr (journald reads it): "portcullisd[engine]: text". Everything that is
 * not printable ASCII or valid UTF-8 letters is escaped as \xNN, so a line stays a line.
 */
#ifndef GATEWAY_LOG_H
#define GATEWAY_LOG_H

#include <stdarg.h>
#include <stdnoreturn.h>

void log_init(const char *role);
void log_info(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
void log_warn(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
void log_alarm(const char *fmt, ...) __attribute__((format(printf, 1, 2)));   /* "ALARM: ..." */
/* For memory, a broken channel, an impossible state: says it and exits 1. */
noreturn void fatal(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

#endif
