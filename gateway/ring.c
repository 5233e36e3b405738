/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A ring of pcap files. A slot is an open file; its number is its name, 0 while it is a spare.
 * When the disk is full the ring rests and tries again later: capture goes on without it.
 */
#include "gateway/ring.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "gateway/log.h"

#define BUFFER_BYTES (128u << 10)
#define NAME_BYTES 32
#define REST_MS 30000          /* after a failed write */
#define PCAP_MAGIC 0xa1b2c3d4u /* microseconds, host order */
#define PCAP_SNAPLEN 262144u
#define LINKTYPE_NFLOG 239u

struct slot {
    int fd;
    uint32_t number;
    unsigned int spare;
};

struct ring {
    int dir;
    unsigned int n_slots;
    struct slot slots[RING_FILES];
    struct slot *current; /* NULL: the next packet begins a file */
    uint32_t last_number;
    size_t file_bytes, written; /* of the current file, on the disk */
    size_t buffered;
    uint8_t buffer[BUFFER_BYTES];
    bool resting, failed; /* failed: since the last flush */
    int64_t rest_until_ms;
};

struct pcap_header {
    uint32_t magic;
    uint16_t major, minor;
    uint32_t zone, figures, snaplen, link;
};
struct pcap_record {
    uint32_t seconds, micros, kept, length;
};

/* ---- names --------------------------------------------------------------------------------- */

static void slot_name(uint32_t number, unsigned int spare, char out[NAME_BYTES])
{
    if (number > 0)
        snprintf(out, NAME_BYTES, "denied-%010u.pcap", number);
    else
        snprintf(out, NAME_BYTES, "spare-%u", spare);
}

/* The number in a name of ours, or 0. */
static uint32_t number_of(const char *name)
{
    unsigned int number = 0;
    char again[NAME_BYTES];
    if (sscanf(name, "denied-%10u.pcap", &number) != 1 || number == 0)
        return 0;
    slot_name(number, 0, again);
    return strcmp(name, again) == 0 ? number : 0;
}

/* ---- the files that are there --------------------------------------------------------------- */

/* Puts number among the newest n; *out of them holds what fell off, or 0. */
static uint32_t keep_newest(uint32_t *newest, unsigned int n, uint32_t number)
{
    for (unsigned int i = 0; i < n; i++)
        if (number > newest[i]) {
            uint32_t pushed = newest[i];
            newest[i] = number;
            number = pushed;
        }
    return number;
}

static void remove_file(int dir, uint32_t number)
{
    char name[NAME_BYTES];
    slot_name(number, 0, name);
    if (unlinkat(dir, name, 0) < 0)
        log_warn("cannot remove %s from the capture directory: %s", name, strerror(errno));
}

/* The newest numbers, descending; older files are removed. 0, or -1. */
static int scan(int dir, uint32_t *newest, unsigned int n)
{
    const struct dirent *e;
    int fd = openat(dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *d = fd >= 0 ? fdopendir(fd) : NULL;
    if (!d) {
        if (fd >= 0)
            close(fd);
        return -1;
    }
    while ((e = readdir(d))) {
        uint32_t number = number_of(e->d_name);
        uint32_t old = number ? keep_newest(newest, n, number) : 0;
        if (old > 0)
            remove_file(dir, old);
    }
    closedir(d);
    return 0;
}

static int open_slot(struct ring *r, struct slot *s)
{
    char name[NAME_BYTES];
    slot_name(s->number, s->spare, name);
    s->fd = openat(r->dir, name, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0640);
    return s->fd;
}

struct ring *ring_open(int dir, unsigned int files, size_t file_bytes)
{
    uint32_t newest[RING_FILES] = {0};
    struct ring *r = calloc(1, sizeof *r);
    if (!r)
        return NULL;
    r->dir = dir;
    r->file_bytes = file_bytes;
    if (scan(dir, newest, files) < 0)
        goto fail;
    r->last_number = newest[0];
    for (unsigned int i = 0; i < files; i++) {
        struct slot *s = &r->slots[i];
        *s = (struct slot){.number = newest[i], .spare = i};
        if (open_slot(r, s) < 0)
            goto fail;
        r->n_slots++;
    }
    return r;
fail:
    ring_close(r);
    return NULL;
}

/* ---- writing -------------------------------------------------------------------------------- */

/* The file ends where its last whole record does; the ring rests. */
static int fail(struct ring *r, int64_t now_ms, const char *what)
{
    if (!r->resting)
        log_warn("cannot %s a capture file: %s; denied packets are reported, not kept, until "
                 "this works again",
                 what, strerror(errno));
    if (r->current && ftruncate(r->current->fd, (off_t)r->written) < 0)
        r->current = NULL;
    r->buffered = 0;
    r->resting = r->failed = true;
    r->rest_until_ms = now_ms + REST_MS;
    return -1;
}

static int write_buffer(struct ring *r, int64_t now_ms)
{
    size_t done = 0;
    while (done < r->buffered) {
        ssize_t n = pwrite(r->current->fd, r->buffer + done, r->buffered - done,
                           (off_t)(r->written + done));
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return fail(r, now_ms, "write");
        done += (size_t)n;
    }
    r->written += done;
    r->buffered = 0;
    if (r->resting)
        log_info("denied packets are kept again");
    r->resting = false;
    return 0;
}

static void buffer(struct ring *r, const void *p, size_t n)
{
    memcpy(r->buffer + r->buffered, p, n);
    r->buffered += n;
}

static struct slot *oldest(struct ring *r)
{
    struct slot *s = &r->slots[0];
    for (unsigned int i = 1; i < r->n_slots; i++)
        if (r->slots[i].number < s->number)
            s = &r->slots[i];
    return s;
}

/* The oldest file under the next number, emptied. */
static int next_file(struct ring *r, int64_t now_ms)
{
    char from[NAME_BYTES], to[NAME_BYTES];
    struct slot *s = oldest(r);
    r->current = NULL;
    r->written = 0;
    slot_name(s->number, s->spare, from);
    slot_name(r->last_number + 1, 0, to);
    if (r->last_number == UINT32_MAX || renameat(r->dir, from, r->dir, to) < 0)
        return fail(r, now_ms, "rename");
    s->number = ++r->last_number;
    if (ftruncate(s->fd, 0) < 0)
        return fail(r, now_ms, "empty");
    r->current = s;
    return 0;
}

static void begin_file(struct ring *r)
{
    static const struct pcap_header header = {PCAP_MAGIC, 2, 4, 0, 0, PCAP_SNAPLEN, LINKTYPE_NFLOG};
    if (r->written == 0 && r->buffered == 0)
        buffer(r, &header, sizeof header);
}

uint32_t ring_put(struct ring *r, int64_t now_ms, int64_t time_us, const void *packet, size_t len)
{
    const struct pcap_record record = {(uint32_t)(time_us / 1000000), (uint32_t)(time_us % 1000000),
                                       (uint32_t)len, (uint32_t)len};
    size_t need = sizeof record + len;
    if (need > BUFFER_BYTES - sizeof(struct pcap_header) ||
        (r->resting && now_ms < r->rest_until_ms))
        return 0;
    bool full = r->current && r->written + r->buffered + need > r->file_bytes;
    if ((full || r->buffered + need > BUFFER_BYTES) && write_buffer(r, now_ms) < 0)
        return 0;
    if ((full || !r->current) && next_file(r, now_ms) < 0)
        return 0;
    begin_file(r);
    buffer(r, &record, sizeof record);
    buffer(r, packet, len);
    return r->current->number;
}

int ring_flush(struct ring *r, int64_t now_ms)
{
    if (r->buffered > 0)
        (void)write_buffer(r, now_ms);
    bool failed = r->failed;
    r->failed = false;
    return failed ? -1 : 0;
}

/* ---- reading -------------------------------------------------------------------------------- */

/* A file is small (RING_FILE_BYTES) and read whole. malloc'd; NULL: nothing to read. */
static uint8_t *whole_file(const struct slot *s, size_t *n)
{
    off_t size = lseek(s->fd, 0, SEEK_END);
    uint8_t *bytes = size > 0 ? malloc((size_t)size) : NULL;
    ssize_t got = 0;

    for (*n = 0; bytes && *n < (size_t)size; *n += (size_t)got) {
        got = pread(s->fd, bytes + *n, (size_t)size - *n, (off_t)*n);
        if (got <= 0)
            break;
    }
    return bytes;
}

static void read_file(const uint8_t *bytes, size_t n,
                      void (*each)(void *arg, int64_t time_us, const uint8_t *packet, size_t len),
                      void *arg)
{
    struct pcap_header h;
    struct pcap_record r;
    size_t at = sizeof h;

    if (n < sizeof h)
        return;
    memcpy(&h, bytes, sizeof h);
    if (h.magic != PCAP_MAGIC || h.link != LINKTYPE_NFLOG)
        return;
    while (n - at >= sizeof r) {
        memcpy(&r, bytes + at, sizeof r);
        at += sizeof r;
        if (r.kept > n - at || r.kept > BUFFER_BYTES)
            return;
        each(arg, (int64_t)r.seconds * 1000000 + r.micros, bytes + at, r.kept);
        at += r.kept;
    }
}

/* The slot with the least number above this one; NULL: there is none. */
static const struct slot *next_slot(const struct ring *r, uint32_t above)
{
    const struct slot *found = NULL;

    for (unsigned int i = 0; i < r->n_slots; i++)
        if (r->slots[i].number > above && (!found || r->slots[i].number < found->number))
            found = &r->slots[i];
    return found;
}

void ring_each(struct ring *r, void (*each)(void *arg, int64_t time_us, const uint8_t *packet,
                                            size_t len), void *arg)
{
    const struct slot *s;
    size_t n;

    for (uint32_t above = 0; (s = next_slot(r, above)); above = s->number) {
        uint8_t *bytes = whole_file(s, &n);
        if (bytes)
            read_file(bytes, n, each, arg);
        free(bytes);
    }
}

void ring_close(struct ring *r)
{
    if (!r)
        return;
    (void)ring_flush(r, 0);
    for (unsigned int i = 0; i < r->n_slots; i++)
        close(r->slots[i].fd);
    free(r);
}
