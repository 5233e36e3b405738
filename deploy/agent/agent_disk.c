/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * From the device of a mount point down through /sys/dev/block/M:m: dm/uuid begins with "CRYPT-" for a
 * dm-crypt device (cryptsetup), slaves/ names what a mapped or RAID device rests on.
 */
#include "deploy/agent/agent_disk.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "deploy/agent/agent_file.h"
#include "deploy/agent/agent_gather.h"

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

/* ---- where to begin ---- */

#define BLOCK_CLASS "/sys/class/block"

/* The device-mapper device of that name: dm/name says it. */
static bool block_of_mapping(const char *root, const char *name, char block[AGENT_PATH])
{
    char folder[AGENT_PATH], path[AGENT_PATH], *text;
    DIR *d = agent_path(root, BLOCK_CLASS, folder) ? opendir(folder) : NULL;
    bool found = false;
    struct dirent *e;

    while (d && !found && (e = readdir(d)) != NULL) {
        snprintf(path, sizeof path, BLOCK_CLASS "/%.200s/dm/name", e->d_name);
        text = e->d_name[0] == '.' ? NULL : agent_file_read(root, path, 256, NULL);
        if (!text)
            continue;
        text[strcspn(text, "\n")] = '\0';
        found = strcmp(text, name) == 0;
        if (found)
            snprintf(block, AGENT_PATH, BLOCK_CLASS "/%.200s", e->d_name);
        free(text);
    }
    if (d)
        closedir(d);
    return found;
}

/* btrfs and its like show a number that is no block device's; their source names one. */
static bool block_of_source(const char *root, const char *source, char block[AGENT_PATH])
{
    if (strncmp(source, "/dev/mapper/", 12) == 0)
        return block_of_mapping(root, source + 12, block);
    if (strncmp(source, "/dev/", 5) != 0 || strchr(source + 5, '/'))
        return false;
    snprintf(block, AGENT_PATH, BLOCK_CLASS "/%s", source + 5);
    return true;
}

static enum agent_answer_3 mount_encrypted(const char *root, const struct agent_mount *m)
{
    char block[AGENT_PATH];

    if (m->major == 0 && !block_of_source(root, m->source, block))
        return AGENT_UNKNOWN;
    if (m->major != 0)
        snprintf(block, sizeof block, "/sys/dev/block/%u:%u", m->major, m->minor);
    return encrypted(root, block, LAYERS_MAX);
}

static const char *next_line(const char *s)
{
    s += strcspn(s, "\n");
    return *s ? s + 1 : s;
}

enum agent_answer_3 agent_disk_encrypted(const char *root, const char *point)
{
    char *mounts = agent_file_read(root, "/proc/self/mountinfo", MOUNTS_MAX, NULL);
    enum agent_answer_3 answer = AGENT_UNKNOWN;
    struct agent_mount m;

    for (const char *s = mounts; s && *s; s = next_line(s)) /* the last one hides those before it */
        if (agent_read_mount(s, &m) && strcmp(m.point, point) == 0)
            answer = mount_encrypted(root, &m);
    free(mounts);
    return answer;
}

/* ---- all of them ---- */

/* Kernels and loaders lie open by their nature; snaps and discs hold nothing of anybody's. */
static bool counts(const struct agent_mount *m)
{
    static const char *const images[] = {"squashfs", "iso9660", "erofs", "udf"};

    for (size_t i = 0; i < sizeof images / sizeof *images; i++)
        if (strcmp(m->type, images[i]) == 0)
            return false;
    return strncmp(m->point, "/boot", 5) != 0 && strncmp(m->point, "/efi", 4) != 0 &&
           (m->major != 0 || strncmp(m->source, "/dev/", 5) == 0 || strcmp(m->type, "zfs") == 0 ||
            strcmp(m->point, "/") == 0);
}

static enum agent_answer_3 worse(enum agent_answer_3 a, enum agent_answer_3 b)
{
    if (a == AGENT_NO || b == AGENT_NO)
        return AGENT_NO;
    return a == AGENT_UNKNOWN || b == AGENT_UNKNOWN ? AGENT_UNKNOWN : AGENT_YES;
}

/* "/dev/dm-1  partition  8388604 0 -2": proc(5). A file lies in a file system, zram in memory. */
static enum agent_answer_3 swap_encrypted(const char *root)
{
    char *text = agent_file_read(root, "/proc/swaps", MOUNTS_MAX, NULL), block[AGENT_PATH];
    enum agent_answer_3 answer = AGENT_YES;

    for (const char *s = text; s && *s; s = next_line(s)) {
        char path[256], kind[32];

        if (sscanf(s, "%255s %31s", path, kind) != 2 || strcmp(kind, "partition") != 0 ||
            strncmp(path, "/dev/zram", 9) == 0)
            continue;
        answer = worse(answer, block_of_source(root, path, block)
                                   ? encrypted(root, block, LAYERS_MAX)
                                   : AGENT_UNKNOWN);
    }
    free(text);
    return answer;
}

enum agent_answer_3 agent_disk_all_encrypted(const char *root)
{
    char *mounts = agent_file_read(root, "/proc/self/mountinfo", MOUNTS_MAX, NULL);
    enum agent_answer_3 answer = AGENT_YES;
    bool any = false;
    struct agent_mount m;

    for (const char *s = mounts; s && *s; s = next_line(s)) {
        if (!agent_read_mount(s, &m) || !counts(&m))
            continue;
        any = true;
        answer = worse(answer, mount_encrypted(root, &m));
    }
    free(mounts);
    return any ? worse(answer, swap_encrypted(root)) : AGENT_UNKNOWN;
}

/* ---- the facts ---- */

void agent_gather_disk(struct agent_gather *g)
{
    const char *from = "/proc/self/mountinfo and /sys/dev/block",
               *why = "a file system is not on a disk that the kernel names";

    agent_put_answer(g, "fde.sys", agent_disk_encrypted(g->root, "/"), from, why);
    agent_put_answer(g, "fde.all", agent_disk_all_encrypted(g->root), from, why);
}
