/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Is what lies under the file systems encrypted? Read from /proc and /sys, no root needed. */
#ifndef AGENT_DISK_H
#define AGENT_DISK_H

#include "deploy/agent/agent_read.h"

/* Yes when every path from the device of the mount point down to a disk passes a dm-crypt device;
 * no when one does not; unknown when the device cannot be found (an overlay, a network file
 * system). */
enum agent_answer_3 agent_disk_encrypted(const char *root, const char *point);

/* The same of every file system on a device of this machine, and of its swap; /boot, and images
 * that are read only by their nature, apart. */
enum agent_answer_3 agent_disk_all_encrypted(const char *root);

#endif
