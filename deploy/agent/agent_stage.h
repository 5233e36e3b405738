/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Several files written as one act. Room for each is taken on the disk before anything is asked of
 * the gateway, so that a full disk cannot cost an invitation; each takes its name only when all
 * hold their text. Files are mode 0600, links are not followed, and what stands there is replaced.
 */
#ifndef AGENT_STAGE_H
#define AGENT_STAGE_H

#include <limits.h>
#include <stddef.h>

#define AGENT_STAGE_FILES 6

struct agent_stage {
    struct agent_staged {
        int folder, fd;
        char name[NAME_MAX + 1], draft[NAME_MAX + 1];
    } file[AGENT_STAGE_FILES];
    size_t n;
};

/* Takes room for `size` bytes of folder/name. The folder is not a link, belongs to who runs this
 * and nobody else may write in it; what stands under the name is a plain file. 0, or -1 with why:
 * then agent_stage_drop() what there is. */
int agent_stage_add(struct agent_stage *s, const char *folder, const char *name, size_t size,
                    char why[160]);
/* The text of the file that was added as number i, durable when it returns. */
int agent_stage_put(struct agent_stage *s, size_t i, const char *text, size_t len, char why[160]);
/* All get their names. After a failure some may have them: why says which did not. */
int agent_stage_commit(struct agent_stage *s, char why[160]);
/* Removes the drafts and closes; also after a commit. */
void agent_stage_drop(struct agent_stage *s);

#endif
