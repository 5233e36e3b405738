/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Bundles and keys in files. */
#include "admin/cli/bundle_file.h"

#include "admin/cli/call.h"
#include "admin/cli/term.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define FILE_MAX (256ll << 20)

static void tell(const char *what, const char *path, const char *why)
{
    char safe[TERM_SAFE], reason[TERM_SAFE];

    fprintf(stderr, "portcullis: %s %s: %s\n", what, term_safe(path, safe), term_safe(why, reason));
}

json_t *bundle_read(const char *path)
{
    json_error_t error = {.text = "too large"};
    FILE *f = fopen(path, "re");
    struct stat st;
    json_t *doc = NULL;

    if (!f)
        tell("cannot read", path, strerror(errno));
    if (f && fstat(fileno(f), &st) == 0 && st.st_size <= FILE_MAX)
        doc = json_loadf(f, JSON_REJECT_DUPLICATES, &error);
    if (f && !doc)
        tell("cannot read", path, error.text);
    if (f)
        fclose(f);
    return doc;
}

bool bundle_write(const char *path, const json_t *doc)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
    FILE *f = fd < 0 ? NULL : fdopen(fd, "w");
    bool written = f && json_dumpf(doc, f, JSON_INDENT(1) | JSON_PRESERVE_ORDER) == 0 &&
                   fputc('\n', f) != EOF && fflush(f) == 0 && fsync(fd) == 0;
    int err = errno;

    if (f)
        written = fclose(f) == 0 && written;
    if (!written)
        tell("cannot write", path, strerror(err));
    if (!written && fd >= 0)
        (void)unlink(path);
    return written;
}

bool key_read(const char *key_or_file, struct note_key *out)
{
    char text[NOTE_KEY_TEXT + 1] = "";

    if (note_key_parse(key_or_file, strlen(key_or_file), out) == 0)
        return true;
    int fd = open(key_or_file, O_RDONLY | O_CLOEXEC);
    ssize_t n = fd < 0 ? -1 : read(fd, text, sizeof text - 1);
    if (fd >= 0)
        close(fd);
    while (n > 0 && (text[n - 1] == '\n' || text[n - 1] == ' '))
        n--;
    if (n > 0 && note_key_parse(text, (size_t)n, out) == 0)
        return true;
    complain_usage("this is no verifier key, and no file with one:", key_or_file,
                   "portcullis audit key prints it");
    return false;
}

json_t *bundle_make(const json_t *visit, json_t *records)
{
    static const char *const names[] = {"origin", "keys", "checkpoint", "consistency"};
    json_t *doc = json_pack("{s:s}", "portcullis", BUNDLE_FORM);

    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        json_object_set(doc, names[i], json_object_get(visit, names[i]));
    json_object_set_new(doc, "records", records);
    return doc;
}
