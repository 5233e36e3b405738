/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the texts of a Linux system say: pure readers of their contents. A reader that is not sure
 * says so, and the fact stays unknown.
 */
#ifndef AGENT_READ_H
#define AGENT_READ_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define AGENT_FACT 64        /* a fact's text with its NUL: what the gateway takes */

enum agent_answer_3 { AGENT_UNKNOWN = 0, AGENT_NO, AGENT_YES };

/* The value of NAME= in os-release(5), unquoted, if it is plain text that fits. */
bool agent_read_assignment(const char *text, const char *name, char out[AGENT_FACT]);

/* The leading number of "6.1.0-18-amd64" or "12.7\n": digits and dots. */
bool agent_read_version(const char *text, char out[AGENT_FACT]);

/* Ubuntu's /var/lib/update-notifier/updates-available: how many updates, how many of security. */
bool agent_read_updates(const char *text, int64_t *all, int64_t *security);

/* ufw.conf: ENABLED=yes. Its absence or "no" does not say that there is no other firewall. */
enum agent_answer_3 agent_read_ufw(const char *text);

/* The EFI variable SecureBoot: four bytes of attributes and one of value. */
enum agent_answer_3 agent_read_secure_boot(const char *bytes, size_t len);

/* The head of a ClamAV database: "ClamAV-VDB:DATE:VERSION:...:SECONDS" of nine fields. -1 when
 * it is none or does not say the seconds. */
#define AGENT_CVD_HEAD 512
int64_t agent_read_cvd(const char *head);

/* The first whole number of /proc/uptime, -1 when there is none. */
int64_t agent_read_uptime(const char *text);

/* A line of /proc/self/mountinfo (proc(5)). False when it is none. */
struct agent_mount { unsigned major, minor; char point[256], type[64], source[256]; };
bool agent_read_mount(const char *line, struct agent_mount *out);

#endif
