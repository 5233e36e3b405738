/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The file of known gateways, and the visit that compares with it. */
#include "admin/cli/known.h"

#include <errno.h>
#include <fcntl.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "admin/cli/term.h"
#include "policy/bundle.h"

#define KNOWN_MAX (1 << 20)

/* ---- the file ------------------------------------------------------------------------------- */

/* The folder for state, without "/portcullis". */
static const char *state_home(char out[400])
{
    const char *xdg = getenv("XDG_STATE_HOME"), *home = getenv("HOME");

    if (xdg && xdg[0] == '/') {
        snprintf(out, 400, "%s", xdg);
        return out;
    }
    if (!home || home[0] != '/') {
        const struct passwd *pw = getpwuid(getuid());
        home = pw ? pw->pw_dir : "/";
    }
    snprintf(out, 400, "%s/.local/state", home);
    return out;
}

const char *known_path(char out[512])
{
    char home[400];

    snprintf(out, 512, "%s/portcullis/known_gateways", state_home(home));
    return out;
}

static void tell(const char *what, int err)
{
    char path[512], safe[TERM_SAFE];

    fprintf(stderr, "portcullis: %s %s: %s\n", what, term_safe(known_path(path), safe),
            strerror(err));
}

/* An object; an empty one when there is no file; NULL when it cannot be read, which is told. */
static json_t *load(void)
{
    char path[512];
    int fd = open(known_path(path), O_RDONLY | O_CLOEXEC);
    struct stat st;
    char *text = NULL;
    json_t *all = NULL;

    if (fd < 0 && (errno == ENOENT || errno == ENOTDIR))
        return json_object();
    if (fd >= 0 && fstat(fd, &st) == 0 && st.st_size <= KNOWN_MAX)
        text = malloc((size_t)st.st_size + 1);
    ssize_t n = text ? read(fd, text, (size_t)st.st_size) : -1;
    if (n >= 0)
        all = json_loadb(text, (size_t)n, JSON_REJECT_DUPLICATES, NULL);
    if (!json_is_object(all))
        tell("cannot read", fd < 0 ? errno : EBADMSG);
    if (fd >= 0)
        close(fd);
    free(text);
    if (json_is_object(all))
        return all;
    json_decref(all);
    return NULL;
}

static void make_folders(const char *path)
{
    char part[512];

    snprintf(part, sizeof part, "%s", path);
    for (char *p = strchr(part + 1, '/'); p; p = strchr(p + 1, '/')) {
        *p = '\0';
        (void)mkdir(part, 0700);         /* the open tells what is wrong */
        *p = '/';
    }
}

static int write_text(int fd, const char *text)
{
    size_t left = strlen(text);

    while (left > 0) {
        ssize_t n = write(fd, text, left);
        if (n < 0 && errno != EINTR)
            return -1;
        text += n > 0 ? n : 0;
        left -= n > 0 ? (size_t)n : 0;
    }
    return fsync(fd);
}

static bool save(const json_t *all)
{
    char path[512], new[540];
    char *text = json_dumps(all, JSON_INDENT(2) | JSON_SORT_KEYS);

    known_path(path);
    make_folders(path);
    snprintf(new, sizeof new, "%s.%d", path, (int)getpid());
    int fd = text ? open(new, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600) : -1;
    int rc = fd < 0 ? -1 : write_text(fd, text);
    if (fd >= 0 && close(fd) < 0)
        rc = -1;
    if (rc == 0)
        rc = rename(new, path);
    if (rc < 0)
        tell("cannot write", errno);
    if (rc < 0 && fd >= 0)
        (void)unlink(new);
    free(text);
    return rc == 0;
}

bool known_find(const char *origin, struct known *out)
{
    json_t *all = load();
    const json_t *one = json_object_get(all, origin);
    const char *key = text_of(one, "key"), *note = text_of(one, "checkpoint");

    *out = (struct known){.seen = int_of(one, "seen")};
    bool readable = all && (!one || (note_key_parse(key, strlen(key), &out->key) == 0 &&
                                     checkpoint_parse(note, strlen(note), &out->at) > 0));
    out->found = readable && one;
    if (all && !readable)
        tell("cannot read", EBADMSG);
    json_decref(all);
    return readable;
}

/* One of us at a time reads and writes: the folder is locked until the descriptor is closed. */
static int lock(void)
{
    char path[512];

    known_path(path);
    make_folders(path);
    *strrchr(path, '/') = '\0';
    int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0 || flock(fd, LOCK_EX) < 0)
        tell("cannot lock the folder of", errno);
    return fd;
}

static void unlock(int fd)
{
    if (fd >= 0)
        close(fd);
}

/* Another visit, meanwhile, was shown a later one. */
static bool is_later(const json_t *one, const char *key, const char *checkpoint)
{
    const char *note = text_of(one, "checkpoint");
    struct checkpoint have, given;

    return strcmp(text_of(one, "key"), key) == 0 &&
           checkpoint_parse(note, strlen(note), &have) > 0 &&
           checkpoint_parse(checkpoint, strlen(checkpoint), &given) > 0 && have.size > given.size;
}

static bool keep(const char *origin, const char *key, const char *checkpoint)
{
    json_t *all = load();

    if (!all)
        return false;
    if (is_later(json_object_get(all, origin), key, checkpoint)) {
        json_decref(all);
        return true;
    }
    json_object_set_new(all, origin,
                        json_pack("{s:s,s:s,s:I}", "key", key, "checkpoint", checkpoint, "seen",
                                  (json_int_t)time(NULL)));
    bool saved = save(all);
    json_decref(all);
    return saved;
}

bool known_keep(const char *origin, const char *key, const char *checkpoint)
{
    int fd = lock();
    bool kept = keep(origin, key, checkpoint);

    unlock(fd);
    return kept;
}

bool known_forget(const char *origin)
{
    int fd = lock();
    json_t *all = load();
    bool done = all && json_object_del(all, origin) == 0 && save(all);

    json_decref(all);
    unlock(fd);
    return done;
}

/* ---- a visit -------------------------------------------------------------------------------- */

static json_t *ask(struct cli *c, const char *log, const struct checkpoint *from, enum cli_exit *rc)
{
    struct target t;
    char number[24];

    target_begin(&t, "/v1/audit/checkpoint");
    target_query(&t, "log", log);
    if (from)
        snprintf(number, sizeof number, "%llu", (unsigned long long)from->size);
    target_query(&t, "from", from ? number : NULL);
    return call(c, "GET", &t, NULL, rc);
}

/* Is the answer sound in itself: the chain of keys, the checkpoint, what leads to it? */
static bool sound(struct visit *v)
{
    const char *key = text_of(v->answer, "origin"), *note = text_of(v->answer, "checkpoint");
    struct keychain keys = {0};
    struct merkle_proof p;

    bool good = note_key_parse(key, strlen(key), &v->origin) == 0 &&
                bundle_keys(json_object_get(v->answer, "keys"), &v->origin, &keys) &&
                keychain_open(&keys, note, strlen(note), &v->at) == 0 &&
                bundle_proof(json_object_get(v->answer, "consistency"), &p) &&
                merkle_consistent(keychain_last(&keys)->size, &keychain_last(&keys)->root,
                                  v->at.size, &v->at.root, &p);
    keychain_clear(&keys);
    return good;
}

static enum cli_exit refuse(struct visit *v, const char *what)
{
    char when[32], path[512], safe[TERM_SAFE], origin[TERM_SAFE];
    const struct known *k = &v->before;

    v->refused = true;
    fprintf(stderr, "%sportcullis: %s%s\n", term_colour(stderr, RED), what,
            term_colour(stderr, PLAIN));
    if (!k->found)
        return CLI_REFUSED;
    fprintf(stderr, "  seen %s: %llu records; shown now: %llu\n", term_time(k->seen, when),
            (unsigned long long)k->at.size, (unsigned long long)v->at.size);
    fprintf(stderr, "  The log was cut, rewritten, or put back from a backup. What was seen is in "
                    "%s.\n  hint: when you know why, forget it: portcullis audit forget %s\n",
            term_safe(known_path(path), safe), term_safe(v->origin.name, origin));
    return CLI_REFUSED;
}

static bool continues(const struct visit *v, const json_t *since)
{
    struct merkle_proof p;

    return bundle_proof(since, &p) &&
           merkle_consistent(v->before.at.size, &v->before.at.root, v->at.size, &v->at.root, &p);
}

static enum cli_exit compare(struct cli *c, struct visit *v)
{
    enum cli_exit rc;

    if (!note_key_same(&v->before.key, &v->origin))
        return refuse(v, "this gateway's log has another key than the one that was seen");
    if (v->at.size < v->before.at.size)
        return refuse(v, "this gateway shows a shorter history than it did");
    json_decref(v->answer);
    v->answer = ask(c, v->log, &v->before.at, &rc);
    if (!v->answer)
        return rc;
    if (!sound(v) || !continues(v, json_object_get(v->answer, "since")))
        return refuse(v, "this gateway shows a different history than it did");
    return CLI_DONE;
}

static void first_time(const struct visit *v)
{
    char safe[TERM_SAFE], key[TERM_SAFE];

    fprintf(stderr, "portcullis: first visit to the log %s; from now on it must continue as it "
                    "is.\n  its key: %s\n", term_safe(v->origin.name, safe),
            term_safe(text_of(v->answer, "origin"), key));
}

enum cli_exit visit_begin(struct cli *c, struct visit *v, const char *log)
{
    enum cli_exit rc;

    *v = (struct visit){.log = log};
    v->answer = ask(c, log, NULL, &rc);
    if (!v->answer)
        return rc;
    if (!sound(v))
        return refuse(v, "what the gateway shows of its log is not signed as it should be");
    if (!known_find(v->origin.name, &v->before)) {
        v->refused = true;
        return CLI_REFUSED;
    }
    rc = v->before.found ? compare(c, v) : CLI_DONE;
    if (rc != CLI_DONE)
        return rc;
    if (!v->before.found)
        first_time(v);
    (void)known_keep(v->origin.name, text_of(v->answer, "origin"),
                     text_of(v->answer, "checkpoint"));
    return CLI_DONE;
}

void visit_end(struct visit *v)
{
    json_decref(v->answer);
    v->answer = NULL;
}
