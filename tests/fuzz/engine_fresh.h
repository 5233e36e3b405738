/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A fresh engine for each input, in a directory in memory.
 */
#ifndef TESTS_ENGINE_FRESH_H
#define TESTS_ENGINE_FRESH_H

#include <fcntl.h>
#include <ftw.h>
#include <sodium.h>

#include "gateway/control.h"
#include "tests/unit/engine_parent.h"

static struct lab L = {.lock = PTHREAD_MUTEX_INITIALIZER, .dir = "/dev/shm/pcengine-fuzz-XXXXXX"};

static int home = -1;      /* where the corpus is named from */

static inline void must(bool ok)
{
    if (!ok)
        abort();
}

static inline int remove_one(const char *path, const struct stat *st, int flag, struct FTW *f)
{
    (void)st, (void)flag;
    return f->level > 0 ? remove(path) : 0;
}

static inline void end(void)
{
    nftw(L.dir, remove_one, 4, FTW_DEPTH | FTW_PHYS);
    rmdir(L.dir);
}

static inline void begin(const char *gateway)
{
    if (home < 0) {
        home = open(".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        must(home >= 0 && sodium_init() >= 0 && mkdtemp(L.dir) && atexit(end) == 0);
    }
    must(chdir(L.dir) == 0);
    nftw(L.dir, remove_one, 4, FTW_DEPTH | FTW_PHYS);
    dataplane_clear(&L.dp);
    must(lab_launch(&L, gateway, LAB_POLICY, "b") == 0);
}

/* What a refusal is, whatever was asked. Frees the answer. */
static inline void judge(struct reply *r)
{
    must(r->body && r->status >= 200 && r->status < 600);
    if (r->status >= 400) {
        json_t *e = json_object_get(r->body, "error");
        must(json_string_value(json_object_get(e, "code")) &&
             json_string_value(json_object_get(e, "message")));
    }
    char *text = json_dumps(r->body, JSON_COMPACT);
    must(text != NULL);
    free(text);
    json_decref(r->body);
}

/* The parent holds exactly the devices that memory says are enrolled: how many. */
static inline size_t agree(void)
{
    size_t enrolled = 0;

    for (size_t i = 0; i < L.e->n_devs; i++)
        enrolled += L.e->devs[i].state && dev_should_enrol(L.e, &L.e->devs[i]);
    pthread_mutex_lock(&L.lock);
    must(enrolled == L.dp.n_devices);
    pthread_mutex_unlock(&L.lock);
    return enrolled;
}

/* Back to where the corpus is. */
static inline void leave(void)
{
    lab_stop(&L);
    must(fchdir(home) == 0);
}

#endif
