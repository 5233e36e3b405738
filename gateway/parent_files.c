/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Files of the parent: the two configuration files, the state directory with its lock, and
 * WireGuard's secrets. Nothing here follows a link in a directory that others may write.
 */
#include "gateway/parent.h"

#include <errno.h>
#include <fcntl.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "gateway/log.h"
#include "policy/policy.h"

/* Reads up to n bytes to the end of the file: their number, or -1. */
static ssize_t read_to_end(int fd, void *out, size_t n)
{
    size_t have = 0;
    while (have < n) {
        ssize_t got = read(fd, (uint8_t *)out + have, n - have);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return -1;
        if (got == 0)
            break;
        have += (size_t)got;
    }
    return (ssize_t)have;
}

/* ---- configuration -------------------------------------------------------------------- */

/* Whoever can write the file decides who may reach what: only root may. */
static int config_trusted(const char *path, const struct stat *st)
{
    if (!S_ISREG(st->st_mode)) {
        log_warn("%s is not a regular file", path);
        return -1;
    }
    if (st->st_uid != 0 || (st->st_mode & 022)) {
        log_warn("%s can be written by others than root: chown root %s; chmod go-w %s", path, path,
                 path);
        return -1;
    }
    if (st->st_size > (off_t)POLICY_TEXT_MAX) {
        log_warn("%s is larger than 1 MiB", path);
        return -1;
    }
    return 0;
}

int files_read_config(const char *path, struct file_text *out)
{
    struct stat st;
    char *bytes = NULL;
    ssize_t n = -1;
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    if (fd < 0 || fstat(fd, &st) < 0) {
        log_warn("cannot read %s: %s", path, strerror(errno));
    } else if (config_trusted(path, &st) == 0) {
        bytes = malloc(POLICY_TEXT_MAX + 1);
        n = bytes ? read_to_end(fd, bytes, POLICY_TEXT_MAX + 1) : -1;
        if (n < 0 || n > (ssize_t)POLICY_TEXT_MAX)
            log_warn("cannot read %s: %s", path, n < 0 ? strerror(errno) : "it is too large");
    }
    if (fd >= 0)
        close(fd);
    if (n < 0 || n > (ssize_t)POLICY_TEXT_MAX) {
        free(bytes);
        return -1;
    }
    char *fitting = realloc(bytes, (size_t)n + 1);
    free(out->bytes);
    *out = (struct file_text){fitting ? fitting : bytes, (size_t)n};
    return 0;
}

int files_boot_id(struct parent *p)
{
    int fd = open("/proc/sys/kernel/random/boot_id", O_RDONLY | O_CLOEXEC);
    ssize_t n = fd >= 0 ? read_to_end(fd, p->boot_id, sizeof p->boot_id - 1) : -1;
    if (fd >= 0)
        close(fd);
    if (n < 36) {
        log_warn("cannot read the kernel's boot id: is /proc mounted?");
        return -1;
    }
    p->boot_id[36] = '\0';
    return 0;
}

/* ---- the state directory -------------------------------------------------------------- */

static int check_dir(const char *what, int fd, uid_t uid, mode_t mode)
{
    struct stat st;
    if (fstat(fd, &st) < 0 || !S_ISDIR(st.st_mode)) {
        log_warn("%s is not a directory", what);
        return -1;
    }
    if (st.st_uid != uid || (st.st_mode & 07777) != mode) {
        log_warn("%s must belong to uid %u with mode %04o", what, uid, mode);
        return -1;
    }
    return 0;
}

int files_state_dir(struct parent *p)
{
    const char *path = p->opt.state;
    if (mkdir(path, 0711) < 0 && errno != EEXIST) {
        log_warn("cannot make the state directory %s: %s", path, strerror(errno));
        return -1;
    }
    p->state_dir = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (p->state_dir < 0) {
        log_warn("cannot open the state directory %s: %s%s", path, strerror(errno),
                 errno == ENOTDIR ? " (nor may it be a link)" : "");
        return -1;
    }
    struct stat st;
    if (fstat(p->state_dir, &st) < 0 || st.st_uid != 0) {
        log_warn("the state directory %s must belong to root", path);
        return -1;
    }
    if (fchmod(p->state_dir, 0711) == 0)
        return 0;
    log_warn("cannot set the mode of the state directory %s: %s", path, strerror(errno));
    return -1;
}

int files_lock(struct parent *p)
{
    char pid[32] = "";
    p->lock = openat(p->state_dir, "lock", O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (p->lock < 0) {
        log_warn("cannot open %s/lock: %s", p->opt.state, strerror(errno));
        return -1;
    }
    if (flock(p->lock, LOCK_EX | LOCK_NB) < 0) {
        ssize_t n = read_to_end(p->lock, pid, sizeof pid - 1);
        pid[n > 0 ? strspn(pid, "0123456789") : 0] = '\0';
        log_warn("another portcullisd, process %s, works on %s: stop it first, or give another "
                 "--state",
                 pid[0] ? pid : "unknown", p->opt.state);
        return -1;
    }
    int n = snprintf(pid, sizeof pid, "%d\n", (int)getpid());
    if (ftruncate(p->lock, 0) < 0 || pwrite(p->lock, pid, (size_t)n, 0) != n) {
        log_warn("cannot write %s/lock: %s", p->opt.state, strerror(errno));
        return -1;
    }
    return 0;
}

static int role_dir(struct parent *p, enum gateway_role r)
{
    const char *name = role_name(r);
    if (mkdirat(p->state_dir, name, 0700) < 0 && errno != EEXIST)
        goto fail;
    /* Not for reading: it is the role's, and systemd starts a root without CAP_DAC_OVERRIDE. */
    int fd = openat(p->state_dir, name, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0)
        goto fail;
    p->dirs[r] = fd;
    if (fchownat(fd, "", p->ids[r].uid, p->ids[r].gid, AT_EMPTY_PATH) < 0)
        goto fail;
    return check_dir(name, fd, p->ids[r].uid, 0700);
fail:
    log_warn("cannot make %s/%s: %s", p->opt.state, name, strerror(errno));
    return -1;
}

int files_role_dirs(struct parent *p)
{
    return role_dir(p, ROLE_ENGINE) < 0 || role_dir(p, ROLE_CAPTURE) < 0 ? -1 : 0;
}

/* ---- the WireGuard private key -------------------------------------------------------- */

#define KEY_FILE "wireguard.key"
#define KEY_NEW "wireguard.key.new"

static int write_key(struct parent *p, const struct wg_key *key)
{
    int fd =
        openat(p->state_dir, KEY_NEW, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (fd < 0)
        return -1;
    bool written = write(fd, key->b, sizeof key->b) == (ssize_t)sizeof key->b && fsync(fd) == 0;
    if (close(fd) < 0 || !written)
        return -1;
    return renameat(p->state_dir, KEY_NEW, p->state_dir, KEY_FILE) < 0 ? -1 : fsync(p->state_dir);
}

static int make_key(struct parent *p)
{
    struct wg_key key;
    randombytes_buf(key.b, sizeof key.b);
    key.b[0] &= 248; /* RFC 7748, section 5: the clamped form */
    key.b[31] = (uint8_t)((key.b[31] & 127) | 64);
    (void)unlinkat(p->state_dir, KEY_NEW, 0); /* of a start that was cut off */
    int rc = write_key(p, &key);
    sodium_memzero(&key, sizeof key);
    if (rc < 0)
        log_warn("cannot write %s/" KEY_FILE ": %s", p->opt.state, strerror(errno));
    else
        log_info("made the tunnel's private key, %s/" KEY_FILE, p->opt.state);
    return rc;
}

/* A secret's file: of root, and for nobody else's eyes. */
static int check_secret(const struct parent *p, const char *file, int fd, struct stat *st)
{
    if (fstat(fd, st) == 0 && S_ISREG(st->st_mode) && st->st_uid == 0 && !(st->st_mode & 077))
        return 0;
    log_warn("%s/%s must be a file of root that nobody else can read (chmod 600); if others may "
             "have read it, remove it: new keys are needed, on the gateway and on the devices",
             p->opt.state, file);
    return -1;
}

static int open_secret(const struct parent *p, const char *file)
{
    return openat(p->state_dir, file, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
}

static int read_key(const struct parent *p, int fd, struct wg_key *out)
{
    struct stat st;
    if (check_secret(p, KEY_FILE, fd, &st) < 0)
        return -1;
    if (st.st_size != (off_t)sizeof out->b ||
        read_to_end(fd, out->b, sizeof out->b) != (ssize_t)sizeof out->b) {
        log_warn("%s/" KEY_FILE " is damaged: %lld bytes where a key has 32", p->opt.state,
                 (long long)st.st_size);
        return -1;
    }
    return 0;
}

int files_private_key(struct parent *p, struct wg_key *out)
{
    int fd = open_secret(p, KEY_FILE);
    if (fd < 0 && errno == ENOENT && make_key(p) == 0)
        fd = open_secret(p, KEY_FILE);
    if (fd < 0) {
        log_warn("cannot read %s/" KEY_FILE ": %s", p->opt.state, strerror(errno));
        return -1;
    }
    (void)sodium_mlock(out, sizeof *out);
    int rc = read_key(p, fd, out);
    close(fd);
    if (rc < 0)
        sodium_munlock(out, sizeof *out);
    return rc;
}

/* ---- preshared keys ------------------------------------------------------------------- */

#define PRESHARED_FILE "wireguard.preshared"
#define PRESHARED_MAX 131072

/* The file is an array of struct wg_preshared: a peer's public key, the key shared with it. */
static int read_preshared(const struct parent *p, int fd, struct wg_preshared **v, size_t *n)
{
    struct stat st;
    if (check_secret(p, PRESHARED_FILE, fd, &st) < 0)
        return -1;
    size_t size = (size_t)st.st_size;
    *n = size / sizeof **v;
    *v = size % sizeof **v == 0 && *n <= PRESHARED_MAX ? malloc(size + 1) : NULL;
    if (*v && read_to_end(fd, *v, size) == (ssize_t)size)
        return 0;
    log_warn("%s/" PRESHARED_FILE " is damaged: %zu bytes; import the old configuration again",
             p->opt.state, size);
    free(*v);
    return -1;
}

int files_preshared(struct parent *p, struct wg_preshared **v, size_t *n)
{
    int fd = open_secret(p, PRESHARED_FILE);
    *v = NULL;
    *n = 0;
    if (fd < 0 && errno == ENOENT)
        return 0;
    if (fd < 0) {
        log_warn("cannot read %s/" PRESHARED_FILE ": %s", p->opt.state, strerror(errno));
        return -1;
    }
    int rc = read_preshared(p, fd, v, n);
    close(fd);
    return rc;
}
