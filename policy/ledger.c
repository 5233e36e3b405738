/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A log's directory from its first file to its last byte, and what to say of it. */
#include "policy/ledger.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SEGMENT "records-"
#define WINDOW (RECORD_MAX + RECORD_FRAME)

char *ledger_segment_name(uint64_t first, char out[LEDGER_NAME_SIZE])
{
    snprintf(out, LEDGER_NAME_SIZE, SEGMENT "%020" PRIu64, first);
    return out;
}

uint64_t ledger_segment_first(const char *name)
{
    const char *digits = name + sizeof SEGMENT - 1;

    if (strncmp(name, SEGMENT, sizeof SEGMENT - 1) != 0 || strlen(digits) != 20 ||
        strspn(digits, "0123456789") != 20)
        return 0;
    uint64_t n = strtoull(digits, NULL, 10);
    return n <= MERKLE_SIZE_MAX ? n : 0;
}

/* ---- reading -------------------------------------------------------------------------------- */

/* A part of a file in memory. */
struct window {
    const struct ledger_files *files;
    char file[LEDGER_NAME_SIZE];
    uint8_t *v;                  /* WINDOW bytes */
    uint64_t offset;
    size_t n;
};

/* n bytes at an offset; NULL when the file ends before. */
static const uint8_t *window_at(struct window *w, uint64_t offset, size_t n)
{
    if (offset < w->offset || offset + n > w->offset + w->n) {
        long got = w->files->read(w->files->arg, w->file, offset, w->v, WINDOW);
        w->offset = offset;
        w->n = got > 0 ? (size_t)got : 0;
    }
    return n <= w->n ? w->v + (offset - w->offset) : NULL;
}

static void window_turn(struct window *w, const char *file)
{
    snprintf(w->file, sizeof w->file, "%s", file);
    w->offset = 0;
    w->n = 0;
}

static int read_hash(void *arg, uint64_t position, struct merkle_hash *out)
{
    const uint8_t *p = window_at(arg, position * MERKLE_HASH, MERKLE_HASH);

    if (p)
        memcpy(out->b, p, MERKLE_HASH);
    return p ? 0 : -1;
}

/* A whole file of at most `max` bytes, malloc'd with a NUL; NULL: none, or larger. */
static char *read_whole(const struct ledger_files *f, const char *file, size_t max, size_t *n)
{
    size_t size = 4096;
    char *v = malloc(size + 1), *more;
    long got;

    for (*n = 0; v; *n += (size_t)got) {
        got = f->read(f->arg, file, *n, v + *n, size - *n);
        if (got < 0 || *n + (size_t)got > max)
            break;
        if (*n + (size_t)got < size) {
            *n += (size_t)got;
            v[*n] = '\0';
            return v;
        }
        size *= 2;
        if (!(more = realloc(v, size + 1)))
            break;
        v = more;
    }
    free(v);
    return NULL;
}

/* ---- saying --------------------------------------------------------------------------------- */

__attribute__((format(printf, 2, 3))) static bool wrong(struct ledger_report *out,
                                                        const char *fmt, ...)
{
    va_list args;

    va_start(args, fmt);
    vsnprintf(out->text, sizeof out->text, fmt, args);
    va_end(args);
    return false;
}

struct place { const char *file; uint64_t byte; };

static bool say_fault(struct ledger_report *out, const struct ledger_check *c,
                      const struct place *at)
{
    unsigned long long n = c->where, byte = at->byte, signed_ = c->at.size;

    switch (c->fault) {
    case LEDGER_FORM:
        return wrong(out, "record %llu, at byte %llu of %s, is damaged", n, byte, at->file);
    case LEDGER_NUMBER:
        return wrong(out, "at byte %llu of %s stands another record than number %llu, whose turn "
                     "it is", byte, at->file, n);
    case LEDGER_RECORD:
        return wrong(out, "record %llu is not the one that was signed", n);
    case LEDGER_HASH:
        out->unsigned_tail = n > signed_;
        return wrong(out, "the records are those that were signed, but the file hashes is wrong "
                     "where record %llu stands (byte %llu)", n,
                     (unsigned long long)(merkle_stored(n - 1) * MERKLE_HASH));
    case LEDGER_SHORT:
        return wrong(out, "the records end with number %llu, but more were signed (%llu in the "
                     "checkpoint, %llu seen earlier)", n, signed_,
                     (unsigned long long)(c->known ? c->known->size : 0));
    case LEDGER_LONG:
        out->unsigned_tail = true;
        return wrong(out, "the records from number %llu on are not signed", n);
    case LEDGER_ROOT:
        return wrong(out, "these %llu records are not those that were signed: the whole log was "
                     "replaced", n);
    case LEDGER_EPOCH:
        return wrong(out, "the first %llu records are not those that were signed when the key "
                     "changed: history was rewritten", n);
    case LEDGER_KNOWN:
        return wrong(out, "the first %llu records are not those of the checkpoint seen earlier: "
                     "history was rewritten", n);
    case LEDGER_GONE:
        return wrong(out, "record %llu and others are missing, and no record tells of their "
                     "removal", n);
    case LEDGER_SOUND:
        break;
    }
    return wrong(out, "unknown");
}

static bool say_sound(struct ledger_report *out)
{
    char removed[80] = "", keys[64] = "";

    if (out->first > 1)
        snprintf(removed, sizeof removed, ", of which 1 to %llu were removed by retention",
                 (unsigned long long)out->first - 1);
    if (out->epochs > 1)
        snprintf(keys, sizeof keys, " and the %zu that followed it", out->epochs - 1);
    snprintf(out->text, sizeof out->text,
             "%llu records%s: each is there, unchanged and in order, as signed by the key "
             "%s+%02x%02x%02x%02x%s", (unsigned long long)out->records, removed, out->origin.name,
             out->origin.id[0], out->origin.id[1], out->origin.id[2], out->origin.id[3], keys);
    return true;
}

/* ---- the parts ------------------------------------------------------------------------------ */

static bool read_origin(const struct ledger_files *f, const struct note_key *want,
                        struct ledger_report *out)
{
    size_t n = 0;
    char *text = read_whole(f, LEDGER_ORIGIN, NOTE_KEY_TEXT, &n);
    bool read = text && n > 0 && text[n - 1] == '\n' &&
                note_key_parse(text, n - 1, &out->origin) == 0;

    free(text);
    if (!read)
        return wrong(out, "the file origin does not hold a verifier key");
    if (want && !note_key_same(want, &out->origin))
        return wrong(out, "this is the log of another key than the one that was given");
    return true;
}

static bool read_keys(const struct ledger_files *f, struct keychain *keys,
                      struct ledger_report *out)
{
    size_t n = 0, at = 0;
    char *text = read_whole(f, LEDGER_KEYS, LEDGER_KEYS_MAX, &n);

    if (!text)
        return wrong(out, "the file keys cannot be read");
    int rc = keychain_begin(keys, &out->origin);
    if (rc == 0)
        rc = keychain_read(keys, text, n, &at);
    free(text);
    if (rc < 0)
        return wrong(out, "the file keys is damaged or not signed by the key before, at byte %zu",
                     at);
    out->epochs = keys->n;
    return true;
}

static bool read_checkpoint(const struct ledger_files *f, const struct keychain *keys,
                            struct ledger_report *out)
{
    size_t n = 0;
    char *text = read_whole(f, LEDGER_CHECKPOINT, CHECKPOINT_MAX, &n);
    bool read = text && keychain_open(keys, text, n, &out->at) == 0;

    free(text);
    return read || wrong(out, "the file checkpoint is missing, damaged or not signed by the key in "
                         "force");
}

/* The records of one segment; place is where the last one looked at stands. */
static bool walk_segment(struct window *w, struct ledger_check *c, bool all, struct place *place,
                         struct ledger_report *out)
{
    for (place->byte = 0; all || c->tree.size < c->at.size;) {
        const uint8_t *head = window_at(w, place->byte, RECORD_FRAME);
        uint32_t n = head ? record_length(head) : 0;
        if (!head && w->n == 0)
            return true;
        const uint8_t *p = n <= RECORD_MAX ? window_at(w, place->byte, RECORD_FRAME + n) : NULL;
        out->unsigned_tail = !p && c->tree.size >= c->at.size;
        if (!p)
            return wrong(out, "record %llu, at byte %llu of %s, is cut off or damaged",
                         (unsigned long long)c->tree.size + 1, (unsigned long long)place->byte,
                         place->file);
        if (!ledger_record(c, p + RECORD_FRAME, n))
            return say_fault(out, c, place);
        place->byte += RECORD_FRAME + n;
    }
    return true;
}

static bool walk(const struct ledger_files *f, struct window *w, struct ledger_check *c, bool all,
                 struct place *place, struct ledger_report *out)
{
    char name[LEDGER_NAME_SIZE];
    uint64_t first = f->segment(f->arg, 0);

    while (c->tree.size + 1 < (first ? first : c->at.size + 1))
        if (!ledger_absent(c))
            return say_fault(out, c, place);
    for (; first && (all || c->tree.size < c->at.size); first = f->segment(f->arg, first)) {
        window_turn(w, ledger_segment_name(first, name));
        place->file = w->file;
        if (first != c->tree.size + 1)
            return wrong(out, "the file %s should be the one that begins with record %llu", name,
                         (unsigned long long)c->tree.size + 1);
        if (!walk_segment(w, c, all, place, out))
            return false;
    }
    return ledger_end(c) == LEDGER_SOUND || say_fault(out, c, place);
}

static bool hashes_end(struct window *hashes, const struct ledger_check *c,
                       struct ledger_report *out)
{
    uint64_t end = merkle_stored(c->tree.size) * MERKLE_HASH;

    hashes->n = 0;
    (void)window_at(hashes, end, 1);
    if (hashes->n == 0)
        return true;
    out->unsigned_tail = true;
    return wrong(out, "the file hashes goes on behind byte %llu, where the last record's end",
                 (unsigned long long)end);
}

bool ledger_verify(const struct ledger_files *f, const struct note_key *origin,
                   const struct checkpoint *known, const struct checkpoint *at,
                   struct ledger_report *out)
{
    struct window records = {.files = f, .v = malloc(WINDOW)};
    struct window hashes = {.files = f, .v = malloc(WINDOW)};
    struct place place = {"", 0};
    struct keychain keys = {0};
    struct ledger_check c;

    memset(out, 0, sizeof *out);
    window_turn(&hashes, LEDGER_HASHES);
    out->sound = records.v && hashes.v && read_origin(f, origin, out) && read_keys(f, &keys, out) &&
                 (at || read_checkpoint(f, &keys, out));
    if (out->sound) {
        out->at = at ? *at : out->at;
        ledger_begin(&c, &keys, &out->at, known, read_hash, &hashes);
        out->sound = walk(f, &records, &c, !at, &place, out) &&
                     (at || hashes_end(&hashes, &c, out));
        out->records = c.tree.size;
        out->first = c.first ? c.first : c.tree.size + 1;
    }
    if (out->sound)
        say_sound(out);
    else if (!out->text[0])
        wrong(out, "memory is out");
    keychain_clear(&keys);
    free(records.v);
    free(hashes.v);
    return out->sound;
}
