/* SPDX-License-Identifier: GPL-2.0-or-later */
/* One small function a fact: where it is read, and what is put. */
#include "deploy/agent/agent_facts.h"

#include <dirent.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "deploy/agent/agent_disk.h"
#include "deploy/agent/agent_file.h"
#include "deploy/agent/agent_read.h"
#include "deploy/agent/agent_updates.h"

#define SMALL 65536
#define WHY 160
#define HWMODEL_BYTES 32     /* RFC 9711 section 4.2.4 */

/* What the functions below share. */
struct gather { const char *root; int64_t now; struct agent_facts *f; };

/* Takes the value over. `name` is "group.member" or a plain name of pst. */
static void put(struct gather *g, const char *name, json_t *value, const char *from)
{
    char group[32];
    const char *dot = strchr(name, '.');
    json_t *into = g->f->pst;

    if (dot) {
        snprintf(group, sizeof group, "%.*s", (int)(dot - name), name);
        if (!json_object_get(into, group))
            json_object_set_new(into, group, json_object());
        into = json_object_get(into, group);
    }
    json_object_set_new(into, dot ? dot + 1 : name, value);
    json_object_set_new(g->f->from, name, json_string(from));
}

static void put_claim(struct gather *g, const char *name, json_t *value, const char *from)
{
    json_object_set_new(g->f->device, name, value);
    json_object_set_new(g->f->from, name, json_string(from));
}

static void put_answer(struct gather *g, const char *name, enum agent_answer_3 a, const char *from)
{
    if (a != AGENT_UNKNOWN)
        put(g, name, json_boolean(a == AGENT_YES), from);
}

/* ---- the system ---- */

/* Debian's VERSION_ID is "12"; which point release it is stands in another file. */
static void os_point_release(struct gather *g)
{
    char *text = agent_file_read(g->root, "/etc/debian_version", SMALL, NULL), ver[AGENT_FACT];

    if (text && agent_read_version(text, ver))
        put(g, "os.ver", json_string(ver), "/etc/debian_version");
    free(text);
}

static void os(struct gather *g)
{
    const char *path = "/etc/os-release";
    char *text = agent_file_read(g->root, path, SMALL, NULL);
    char id[AGENT_FACT] = "", ver[AGENT_FACT], number[AGENT_FACT];

    if (!text)
        text = agent_file_read(g->root, path = "/usr/lib/os-release", SMALL, NULL);
    if (!text)
        return;
    if (agent_read_assignment(text, "ID", id))
        put(g, "os.family", json_string(id), path);
    if (agent_read_assignment(text, "VERSION_ID", ver) && agent_read_version(ver, number))
        put(g, "os.ver", json_string(number), path);
    if (strcmp(id, "debian") == 0)
        os_point_release(g);
    free(text);
}

static void kernel(struct gather *g)
{
    const char *path = "/proc/sys/kernel/osrelease";
    char *text = agent_file_read(g->root, path, SMALL, NULL), build[AGENT_FACT];

    if (text && agent_read_version(text, build))
        put(g, "os.build", json_string(build), path);
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
static void patch(struct gather *g)
{
    const char *path = "/var/lib/dpkg/info";
    int64_t newest = newest_in(g->root, path);

    if (newest < 0)
        newest = agent_file_changed(g->root, path = "/var/lib/rpm/rpmdb.sqlite");
    if (newest > 0)
        put(g, "os.patch", json_integer(newest), path);
}

static void updates(struct gather *g)
{
    const char *path = "/var/lib/update-notifier/updates-available";
    char *text = agent_file_read(g->root, path, SMALL, NULL);
    int64_t all = 0, security = 0;
    bool known = text && agent_read_updates(text, &all, &security);

    free(text);
    if (!known)
        known = agent_updates_pending(g->root, g->now, &all, &security, &path);
    if (!known)
        return;
    put(g, "pend.crit", json_integer(security), path);
    put(g, "pend.imp", json_integer(all - security), path);
}

/* ---- protections ---- */

static void disk(struct gather *g)
{
    put_answer(g, "fde.sys", agent_disk_encrypted(g->root), "/sys/dev/block");
}

/* A service that systemd runs has a control group. */
static bool runs(struct gather *g, const char *cgroup)
{
    return agent_file_exists(g->root, cgroup);
}

static void firewall(struct gather *g)
{
    const char *path = "/etc/ufw/ufw.conf", *firewalld =
        "/sys/fs/cgroup/system.slice/firewalld.service";
    char *text = agent_file_read(g->root, path, SMALL, NULL);

    if (text)
        put_answer(g, "fw.on", agent_read_ufw(text), path);
    free(text);
    if (runs(g, firewalld))
        put(g, "fw.on", json_true(), firewalld);
}

static void antivirus(struct gather *g)
{
    const char *daemon = "/sys/fs/cgroup/system.slice/clamav-daemon.service",
               *defs = "/var/lib/clamav/daily.cld";
    int64_t at = agent_file_changed(g->root, defs);

    if (at < 0)
        at = agent_file_changed(g->root, defs = "/var/lib/clamav/daily.cvd");
    if (at < 0)
        return; /* another product may be there */
    put(g, "av.name", json_string("clamav"), defs);
    put(g, "av.defs_at", json_integer(at), defs);
    put(g, "av.on", json_boolean(runs(g, daemon)), daemon);
}

/* ---- the machine ---- */

static void secure_boot(struct gather *g)
{
    const char *path =
        "/sys/firmware/efi/efivars/SecureBoot-8be4df61-93ca-11d2-aa0d-00e098032b8c";
    size_t len = 0;
    char *bytes = agent_file_read(g->root, path, SMALL, &len);
    enum agent_answer_3 on = bytes ? agent_read_secure_boot(bytes, len) : AGENT_UNKNOWN;

    if (on != AGENT_UNKNOWN)
        put_claim(g, "oemboot", json_boolean(on == AGENT_YES), path);
    free(bytes);
}

static void model(struct gather *g)
{
    const char *path = "/sys/class/dmi/id/product_name";
    char *text = agent_file_read(g->root, path, SMALL, NULL), shown[64];
    size_t len = text ? strcspn(text, "\n") : 0;

    if (len > HWMODEL_BYTES)
        len = HWMODEL_BYTES;
    if (len > 0) {
        sodium_bin2base64(shown, sizeof shown, (const uint8_t *)text, len,
                          sodium_base64_VARIANT_URLSAFE_NO_PADDING);
        put_claim(g, "hwmodel", json_string(shown), path);
    }
    free(text);
}

/* Only root may read it. The gateway gets 128 bits of its hash, to compare with a record. */
static void serial(struct gather *g)
{
    const char *path = "/sys/class/dmi/id/product_serial";
    char *text = agent_file_read(g->root, path, SMALL, NULL), hex[33];
    uint8_t hash[crypto_hash_sha256_BYTES];
    size_t len = text ? strcspn(text, "\n") : 0;

    if (len > 0) {
        crypto_hash_sha256(hash, (const uint8_t *)text, len);
        sodium_bin2hex(hex, sizeof hex, hash, 16);
        put(g, "inv.serial_h", json_string(hex), path);
    }
    free(text);
}

static void uptime(struct gather *g)
{
    const char *path = "/proc/uptime";
    char *text = agent_file_read(g->root, path, SMALL, NULL);
    int64_t s = text ? agent_read_uptime(text) : -1;

    if (s >= 0)
        put_claim(g, "uptime", json_integer(s), path);
    free(text);
}

static void software(struct gather *g)
{
    put_claim(g, "swname", json_string("portcullis-agent"), "this program");
    put_claim(g, "swversion", json_pack("[s]", VERSION), "this program");
}

static int start(int64_t now, struct agent_facts *out)
{
    out->pst = json_pack("{s:i, s:I}", "v", 1, "at", (json_int_t)now);
    out->device = json_object();
    out->from = json_object();
    return out->pst && out->device && out->from ? 0 : -1;
}

int agent_facts_gather(const char *root, int64_t now, struct agent_facts *out)
{
    static void (*const step[])(struct gather *) = {
        os, kernel, patch, updates, disk, firewall, antivirus, secure_boot, model, serial, uptime,
        software};
    struct gather g = {root, now, out};

    if (start(now, out) != 0)
        return -1;
    for (size_t i = 0; i < sizeof step / sizeof step[0]; i++)
        step[i](&g);
    return 0;
}

/* ---- from a file ---- */

static bool is_claim(const char *name)
{
    return strcmp(name, "oemboot") == 0 || strcmp(name, "dbgstat") == 0 ||
           strcmp(name, "hwmodel") == 0;
}

int agent_facts_file(const char *path, int64_t now, struct agent_facts *out, char why[WHY])
{
    json_error_t error;
    json_t *file = json_load_file(path, JSON_REJECT_DUPLICATES, &error), *v;
    struct gather g = {"", now, out};
    const char *name;

    if (!json_is_object(file)) {
        snprintf(why, WHY, "%.60s: %.80s", path, file ? "not a JSON object" : error.text);
        json_decref(file);
        return -1;
    }
    if (start(now, out) != 0) {
        snprintf(why, WHY, "out of memory");
        json_decref(file);
        return -1;
    }
    json_object_foreach(file, name, v)
        (is_claim(name) ? put_claim : put)(&g, name, json_incref(v), path);
    software(&g);
    json_decref(file);
    return 0;
}

void agent_facts_clear(struct agent_facts *f)
{
    json_decref(f->pst);
    json_decref(f->device);
    json_decref(f->from);
    memset(f, 0, sizeof *f);
}
