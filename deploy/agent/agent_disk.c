/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * From the device of "/" down through /sys/dev/block/M:m: dm/uuid begins with "CRYPT-" for a
 * dm-crypt device (cryptsetup), slaves/ names what a mapped or RAID device rests on.
 */
#include "deploy/agent/agent_disk.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include "deploy/agent/agent_file.h"

#define LAYERS_MAX 8
#define MOUNTS_MAX (1u << 20)

static bool is_crypt(const char *root, const char *block)
{
    char path[AGENT_PATH], *uuid = NULL;
    bool crypt = false;

    if (snprintf(path, sizeof path, "%s/dm/uuid", block) < (int)sizeof path)
        uuid = agent_file_read(root, path, 256, NULL);
    if (uuid)
        crypt = strncmp(uuid, "CRYPT-", 6) == 0;
    free(uuid);
    return crypt;
}

static enum agent_answer_3 encrypted(const char *root, const char *block, int layers);

/* A device without slaves is a disk or a part of one: plain. */
static enum agent_answer_3 all_slaves(const char *root, const char *block, DIR *slaves, int layers)
{
    enum agent_answer_3 all = AGENT_UNKNOWN;
    struct dirent *e;
    char path[AGENT_PATH];

    while ((e = readdir(slaves)) != NULL) {
        if (e->d_name[0] == '.')
            continue;
        if (snprintf(path, sizeof path, "%s/slaves/%s", block, e->d_name) >= (int)sizeof path)
            return AGENT_UNKNOWN;
        all = encrypted(root, path, layers - 1);
        if (all != AGENT_YES)
            return all;
    }
    return all == AGENT_YES ? AGENT_YES : AGENT_NO;
}

static enum agent_answer_3 encrypted(const char *root, const char *block, int layers)
{
    char below[AGENT_PATH], whole[AGENT_PATH];
    enum agent_answer_3 answer;
    DIR *slaves;

    if (layers == 0 || !agent_file_exists(root, block))
        return AGENT_UNKNOWN;
    if (is_crypt(root, block))
        return AGENT_YES;
    if (snprintf(below, sizeof below, "%s/slaves", block) >= (int)sizeof below ||
        !agent_path(root, below, whole))
        return AGENT_UNKNOWN;
    slaves = opendir(whole);
    if (!slaves)
        return AGENT_NO; /* a partition has none */
    answer = all_slaves(root, block, slaves, layers);
    closedir(slaves);
    return answer;
}

/* btrfs and its like show a number that is no block device's; their source names one. */
static bool device_of_source(const char *root, const char *source, unsigned *major,
                             unsigned *minor)
{
    char path[AGENT_PATH];
    struct stat st;

    if (strncmp(source, "/dev/", 5) != 0 || !agent_path(root, source, path) ||
        stat(path, &st) != 0 || !S_ISBLK(st.st_mode))
        return false;
    *major = major(st.st_rdev);
    *minor = minor(st.st_rdev);
    return true;
}

enum agent_answer_3 agent_disk_encrypted(const char *root)
{
    char block[64], source[256];
    char *mounts = agent_file_read(root, "/proc/self/mountinfo", MOUNTS_MAX, NULL);
    unsigned ma = 0, mi = 0;
    bool found = mounts && agent_read_root_device(mounts, &ma, &mi, source);

    free(mounts);
    if (!found || (ma == 0 && !device_of_source(root, source, &ma, &mi)))
        return AGENT_UNKNOWN;
    snprintf(block, sizeof block, "/sys/dev/block/%u:%u", ma, mi);
    return encrypted(root, block, LAYERS_MAX);
}
