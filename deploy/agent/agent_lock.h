/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Does the screen lock by itself, and after how long? Pure: what the desktops say goes in. */
#ifndef AGENT_LOCK_H
#define AGENT_LOCK_H

#include <stdbool.h>
#include <stdint.h>

struct agent_lock { bool known, on; int64_t max_s; };

/* `gsettings get` of lock-enabled, idle-delay and lock-delay: "true", "uint32 300". */
struct agent_lock agent_lock_gnome(const char *enabled, const char *idle, const char *delay);
/* ~/.config/kscreenlockerrc: Autolock and Timeout (minutes) of its group Daemon. What it does not
 * say is KDE's own default, locked after five minutes. */
struct agent_lock agent_lock_kde(const char *text);
/* `xfconf-query -c xfce4-screensaver`: lock enabled, idle activation, minutes until it. */
struct agent_lock agent_lock_xfce(const char *enabled, const char *idle, const char *minutes);

#endif
