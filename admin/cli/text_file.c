/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Files that are named on the command line: read whole, and wiped. */
#include "admin/cli/text_file.h"

#include "admin/cli/term.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* The whole stream, at most `max` bytes; NULL with errno, EFBIG when it is longer. */
static char *read_stream(FILE *in, size_t max, size_t *len)
{
    char *text = malloc(max + 2);
    if (!text)
        return NULL;
    *len = fread(text, 1, max + 1, in);
    if (!ferror(in) && *len <= max) {
        text[*len] = 0;
        return text;
    }
    int why = ferror(in) ? errno : EFBIG;
    free(text);
    errno = why;
    return NULL;
}

char *file_bytes(const char *path, size_t max, size_t *len)
{
    if (strcmp(path, "-") == 0)
        return read_stream(stdin, max, len);
    FILE *in = fopen(path, "re");
    if (!in)
        return NULL;
    char *text = read_stream(in, max, len);
    int why = errno;
    fclose(in);
    errno = why;
    return text;
}

int text_file_read(struct text_file *f, const char *name)
{
    char safe[TERM_SAFE];
    *f = (struct text_file){.name = name};
    f->text = file_bytes(name, TEXT_FILE_MAX, &f->len);
    if (f->text)
        return 0;
    fprintf(stderr, "portcullis: cannot read %s: %s\n", term_safe(name, safe),
            errno == EFBIG ? "it is longer than 1 MiB" : strerror(errno));
    return -1;
}

void text_file_close(struct text_file *f)
{
    if (f->text)
        explicit_bzero(f->text, f->len);
    free(f->text);
    f->text = NULL;
}
