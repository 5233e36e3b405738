/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The signing key: made, kept, handed over, erased. Each is random and not derived from the one
 * before: who has stolen one must come back for the next.
 *
 * The secret file is overwritten in place, so that the old seed does not stay behind in a block
 * that was given up (a file system that copies on write, or a flash disk, may keep it all the
 * same). While a handover is under way it holds both seeds: at whatever step the machine stops,
 * the key that signs next is there.
 */
#include "gateway/audit_parts.h"

#include <errno.h>
#include <fcntl.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "gateway/clock.h"

static const char magic[8] = "pcaudit1";

/* ---- the secret file ------------------------------------------------------------------------ */

static void secret_name(const struct audit *a, char out[64])
{
    snprintf(out, 64, "%s.secret", a->name);
}

static void seal(struct secret_file *s)
{
    memcpy(s->magic, magic, sizeof s->magic);
    crypto_hash_sha256(s->check, (const uint8_t *)s, offsetof(struct secret_file, check));
}

static int read_secret(const struct audit *a, struct secret_file *s)
{
    uint8_t check[32];
    char name[64];

    secret_name(a, name);
    int fd = openat(a->base, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    if (fd < 0)
        return -errno;
    int rc = file_get(fd, 0, s, sizeof *s);
    close(fd);
    crypto_hash_sha256(check, (const uint8_t *)s, offsetof(struct secret_file, check));
    if (rc == 0 && (memcmp(s->magic, magic, sizeof magic) != 0 ||
                    memcmp(check, s->check, sizeof check) != 0))
        rc = -EBADMSG;
    return rc;
}

static int overwrite_secret(const struct audit *a, struct secret_file *s)
{
    char name[64];

    seal(s);
    secret_name(a, name);
    int fd = openat(a->base, name, O_WRONLY | O_CLOEXEC | O_NOFOLLOW);
    if (fd < 0)
        return -errno;
    int rc = file_put(fd, 0, s, sizeof *s);
    if (rc == 0 && fdatasync(fd) < 0)
        rc = -errno;
    close(fd);
    return rc;
}

static int make_secret(const struct audit *a, struct secret_file *s)
{
    char name[64];

    memset(s, 0, sizeof *s);
    s->began = clock_wall().s;
    randombytes_buf(s->seed, sizeof s->seed);
    seal(s);
    secret_name(a, name);
    return file_replace(a->base, name, s, sizeof *s, true);
}

/* ---- keys ----------------------------------------------------------------------------------- */

static int key_of(const uint8_t seed[32], const char *name, struct note_key *k, uint8_t secret[64])
{
    uint8_t public[32];

    crypto_sign_seed_keypair(public, secret, seed);
    return note_key_make(k, name, public);
}

static int make_origin(struct audit *a, const char *origin, const struct secret_file *s)
{
    char text[NOTE_KEY_TEXT + 1];
    struct note_key k;
    int rc = key_of(s->seed, origin, &k, a->secret);

    if (rc < 0)
        return -EINVAL;
    note_key_print(&k, text);
    size_t n = strlen(text);
    text[n] = '\n';
    rc = file_replace(a->dir, LEDGER_KEYS, "", 0, true);
    return rc < 0 ? rc : file_replace(a->dir, LEDGER_ORIGIN, text, n + 1, true);
}

static int read_origin(const struct audit *a, struct note_key *k)
{
    char text[NOTE_KEY_TEXT + 1] = "";
    int fd = openat(a->dir, LEDGER_ORIGIN, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);

    if (fd < 0)
        return -errno;
    ssize_t n = pread(fd, text, sizeof text - 1, 0);
    close(fd);
    bool whole = n > 1 && text[n - 1] == '\n';
    return whole && note_key_parse(text, (size_t)n - 1, k) == 0 ? 0 : -EBADMSG;
}

char *audit_keys(struct audit *a, size_t *n)
{
    int fd = openat(a->dir, LEDGER_KEYS, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    struct stat st;
    char *text = NULL;

    if (fd >= 0 && fstat(fd, &st) == 0 && st.st_size <= (off_t)LEDGER_KEYS_MAX)
        text = calloc(1, (size_t)st.st_size + 1);
    if (text)
        *n = (size_t)st.st_size;
    if (text && file_get(fd, 0, text, *n) < 0) {
        free(text);
        text = NULL;
    }
    if (fd >= 0)
        close(fd);
    return text;
}

/* `over`: a handover was under way; then its note may be cut off, and goes. */
static int read_chain(struct audit *a, const struct note_key *origin, bool over)
{
    size_t n, at;
    char *text = audit_keys(a, &n);

    if (!text || keychain_begin(&a->keys, origin) < 0) {
        free(text);
        return -ENOENT;
    }
    int rc = keychain_read(&a->keys, text, n, &at);
    if (rc < 0 && over && note_length(text + at, n - at) == 0)
        rc = file_replace(a->dir, LEDGER_KEYS, text, at, true);
    free(text);
    return rc < 0 ? -EBADMSG : 0;
}

/* The seed in use: that of the chain's last key. A handover that was cut off is finished, or
 * forgotten. */
static int settle(struct audit *a, struct secret_file *s)
{
    const struct note_key *last = &keychain_last(&a->keys)->key;
    struct note_key k;

    if (!sodium_is_zero(s->next, sizeof s->next)) {
        if (key_of(s->next, last->name, &k, a->secret) == 0 && note_key_same(&k, last)) {
            memcpy(s->seed, s->next, sizeof s->seed);
            s->began = keychain_last(&a->keys)->time;
        }
        sodium_memzero(s->next, sizeof s->next);
        int rc = overwrite_secret(a, s);
        if (rc < 0)
            return rc;
    }
    bool fits = key_of(s->seed, last->name, &k, a->secret) == 0 && note_key_same(&k, last);
    return fits ? 0 : -EKEYREJECTED;
}

/* There is neither an origin nor a handover from it. */
static bool is_fresh(const struct audit *a)
{
    struct stat st;

    return fstatat(a->dir, LEDGER_ORIGIN, &st, AT_SYMLINK_NOFOLLOW) < 0 &&
           (fstatat(a->dir, LEDGER_KEYS, &st, AT_SYMLINK_NOFOLLOW) < 0 || st.st_size == 0);
}

static int open_steps(struct audit *a, const char *origin, struct secret_file *s)
{
    struct note_key first;
    bool fresh = is_fresh(a);
    int rc = read_secret(a, s);

    if (rc == -ENOENT && fresh)
        rc = make_secret(a, s);
    if (rc == 0 && fresh)
        rc = make_origin(a, origin, s);
    if (rc == 0)
        rc = read_origin(a, &first);
    if (rc == 0)
        rc = read_chain(a, &first, !sodium_is_zero(s->next, sizeof s->next));
    return rc == 0 ? settle(a, s) : rc;
}

int key_open(struct audit *a, const char *origin, char why[160])
{
    struct secret_file s = {0};
    int rc = open_steps(a, origin, &s);

    a->has_key = rc == 0;
    a->key_began = s.began;
    sodium_memzero(&s, sizeof s);
    if (rc == 0)
        return 0;
    snprintf(why, 160, "its signing key or its keys file is missing or damaged (%s): it is not "
             "signed any more", strerror(-rc));
    return -1;
}

void key_close(struct audit *a)
{
    sodium_memzero(a->secret, sizeof a->secret);
    keychain_clear(&a->keys);
}

/* ---- handing over --------------------------------------------------------------------------- */

static int append_keys(struct audit *a, const char *note, size_t n)
{
    int fd = openat(a->dir, LEDGER_KEYS, O_WRONLY | O_CLOEXEC | O_NOFOLLOW);
    struct stat st;
    int rc = fd < 0 || fstat(fd, &st) < 0 ? -errno : 0;

    if (rc == 0)
        rc = file_put(fd, (uint64_t)st.st_size, note, n);
    if (rc == 0 && fdatasync(fd) < 0)
        rc = -errno;
    if (rc < 0 && fd >= 0)
        (void)!ftruncate(fd, st.st_size);
    if (fd >= 0)
        close(fd);
    return rc;
}

/* The note by which the old key names the new one. 0 or -errno. */
static int write_handover(struct audit *a, const struct secret_file *s, const struct checkpoint *at)
{
    const struct epoch *last = keychain_last(&a->keys);
    struct handover h = {.at = *at, .epoch = a->keys.n, .from = last->size, .time = s->began};
    uint8_t secret[64];
    char note[HANDOVER_MAX];

    if (key_of(s->next, last->key.name, &h.next, secret) < 0 ||
        audit_consistency(a, h.from, at->size, &h.proof) < 0)
        return -EIO;
    size_t n = handover_sign(&h, &last->key, a->secret, note);
    int rc = n > 0 ? append_keys(a, note, n) : -EIO;
    if (rc == 0 && keychain_add(&a->keys, note, n) < 0)
        rc = -EIO;
    if (rc == 0)
        memcpy(a->secret, secret, sizeof secret);
    sodium_memzero(secret, sizeof secret);
    return rc;
}

int audit_new_key(struct audit *a, int64_t now)
{
    struct secret_file s;
    struct checkpoint at;
    size_t n;
    int rc = a->has_key ? read_secret(a, &s) : -ENOKEY;

    if (rc == 0 && !audit_checkpoint(a, &at, &n))
        rc = -EIO;
    if (rc == 0) {
        randombytes_buf(s.next, sizeof s.next);
        s.began = now;
        rc = overwrite_secret(a, &s);
    }
    if (rc == 0)
        rc = write_handover(a, &s, &at);
    if (rc == 0) {
        memcpy(s.seed, s.next, sizeof s.seed);
        sodium_memzero(s.next, sizeof s.next);
        a->key_began = now;
        a->note_n = 0;           /* from now on signed by the new one */
        rc = overwrite_secret(a, &s);
    }
    sodium_memzero(&s, sizeof s);
    return rc;
}

int64_t audit_key_began(const struct audit *a) { return a->key_began; }
const struct note_key *audit_origin(const struct audit *a) { return &a->keys.v[0].key; }
size_t audit_epochs(const struct audit *a) { return a->keys.n; }
uint64_t audit_last_handover(const struct audit *a) { return keychain_last(&a->keys)->size; }
