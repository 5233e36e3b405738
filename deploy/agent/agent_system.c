/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The system and the machine: one small function a fact. */
#include <dirent.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "deploy/agent/agent_file.h"
#include "deploy/agent/agent_gather.h"

#define SMALL 65536
#define HWMODEL_BYTES 32     /* RFC 9711 section 4.2.4 */
#define EFI "/sys/firmware/efi"

/* ---- the system ---- */

/* Debian's VERSION_ID is "12"; which point release it is stands in another file. */
static void os_point_release(struct agent_gather *g)
{
    char *text = agent_file_read(g->root, "/etc/debian_version", SMALL, NULL), ver[AGENT_FACT];

    if (text && agent_read_version(text, ver))
        agent_put(g, "os.ver", json_string(ver), "/etc/debian_version");
    free(text);
}

static void os(struct agent_gather *g)
{
    const char *path = "/etc/os-release";
    char *text = agent_file_read(g->root, path, SMALL, NULL);
    char id[AGENT_FACT] = "", ver[AGENT_FACT], number[AGENT_FACT];

    if (!text)
        text = agent_file_read(g->root, path = "/usr/lib/os-release", SMALL, NULL);
    if (!text) {
        agent_put_unknown(g, "os.family", "there is no os-release");
        return;
    }
    if (agent_read_assignment(text, "ID", id))
        agent_put(g, "os.family", json_string(id), path);
    if (agent_read_assignment(text, "VERSION_ID", ver) && agent_read_version(ver, number))
        agent_put(g, "os.ver", json_string(number), path);
    if (strcmp(id, "debian") == 0)
        os_point_release(g);
    agent_put_unknown(g, "os.ver", "os-release has no number of a version");
    free(text);
}

static void kernel(struct agent_gather *g)
{
    const char *path = "/proc/sys/kernel/osrelease";
    char *text = agent_file_read(g->root, path, SMALL, NULL), build[AGENT_FACT];

    if (text && agent_read_version(text, build))
        agent_put(g, "os.build", json_string(build), path);
    free(text);
}

static int64_t newest_in(const char *root, const char *folder)
{
    char path[AGENT_PATH];
    int64_t newest = -1;
    struct dirent *e;
    struct stat st;
    DIR *d = agent_path(root, folder, path) ? opendir(path) : NULL;

    while (d && (e = readdir(d)) != NULL) {
        size_t len = strlen(e->d_name);

        if (len > 5 && strcmp(e->d_name + len - 5, ".list") == 0 &&
            fstatat(dirfd(d), e->d_name, &st, 0) == 0 && st.st_mtime > newest)
            newest = st.st_mtime;
    }
    if (d)
        closedir(d);
    return newest;
}

/* When a package was last installed or upgraded. */
static void patch(struct agent_gather *g)
{
    const char *path = "/var/lib/dpkg/info";
    int64_t newest = newest_in(g->root, path);

    if (newest < 0)
        newest = agent_file_changed(g->root, path = "/usr/lib/sysimage/rpm/rpmdb.sqlite");
    if (newest < 0)
        newest = agent_file_changed(g->root, path = "/var/lib/rpm/rpmdb.sqlite");
    if (newest > 0)
        agent_put(g, "os.patch", json_integer(newest), path);
    else
        agent_put_unknown(g, "os.patch", "there is neither dpkg's nor rpm's database");
}

/* ---- the machine ---- */

static void secure_boot(struct agent_gather *g)
{
    const char *path =
        "/sys/firmware/efi/efivars/SecureBoot-8be4df61-93ca-11d2-aa0d-00e098032b8c";
    size_t len = 0;
    char *bytes = agent_file_read(g->root, path, SMALL, &len);
    enum agent_answer_3 on = bytes ? agent_read_secure_boot(bytes, len) : AGENT_UNKNOWN;

    if (on != AGENT_UNKNOWN)
        agent_put_claim(g, "oemboot", json_boolean(on == AGENT_YES), path);
    else if (agent_file_exists(g->root, "/sys/firmware") && !agent_file_exists(g->root, EFI))
        agent_put_claim(g, "oemboot", json_false(), EFI " is absent: not started by UEFI");
    else
        agent_put_unknown(g, "oemboot", "the firmware's variable SecureBoot cannot be read");
    free(bytes);
}

static void model(struct agent_gather *g)
{
    const char *path = "/sys/class/dmi/id/product_name";
    char *text = agent_file_read(g->root, path, SMALL, NULL), shown[64];
    size_t len = text ? strcspn(text, "\n") : 0;

    if (len > HWMODEL_BYTES)
        len = HWMODEL_BYTES;
    if (len > 0) {
        sodium_bin2base64(shown, sizeof shown, (const uint8_t *)text, len,
                          sodium_base64_VARIANT_URLSAFE_NO_PADDING);
        agent_put_claim(g, "hwmodel", json_string(shown), path);
    } else {
        agent_put_unknown(g, "hwmodel", "the firmware's table has no product name");
    }
    free(text);
}

/* Only root may read it. The gateway gets 128 bits of its hash, to compare with a record. */
static void serial(struct agent_gather *g)
{
    const char *path = "/sys/class/dmi/id/product_serial";
    char *text = agent_file_read(g->root, path, SMALL, NULL), hex[33];
    uint8_t hash[crypto_hash_sha256_BYTES];
    size_t len = text ? strcspn(text, "\n") : 0;

    if (len > 0) {
        crypto_hash_sha256(hash, (const uint8_t *)text, len);
        sodium_bin2hex(hex, sizeof hex, hash, 16);
        agent_put(g, "inv.serial_h", json_string(hex), path);
    } else {
        agent_put_unknown(g, "inv.serial_h", agent_file_exists(g->root, path)
                                                 ? "only root may read the serial number"
                                                 : "the firmware's table has no serial number");
    }
    free(text);
}

static void uptime(struct agent_gather *g)
{
    const char *path = "/proc/uptime";
    char *text = agent_file_read(g->root, path, SMALL, NULL);
    int64_t s = text ? agent_read_uptime(text) : -1;

    if (s >= 0)
        agent_put_claim(g, "uptime", json_integer(s), path);
    free(text);
}

void agent_gather_system(struct agent_gather *g)
{
    os(g);
    kernel(g);
    patch(g);
    secure_boot(g);
    model(g);
    serial(g);
    uptime(g);
}
