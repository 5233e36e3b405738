/* SPDX-License-Identifier: GPL-2.0-or-later */
/* News, and the file of the last report. */
#include "deploy/agent/agent_state.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "deploy/agent/agent_answer.h"

#define FOLDER "portcullis-agent"

/* ---- news ---- */

static enum agent_state state_of(const struct agent_report *r, unsigned failures)
{
    if (r->code == AGENT_IN)
        return AGENT_STATE_IN;
    if (r->code == AGENT_REFUSED)
        return AGENT_STATE_QUARANTINE;
    return failures >= AGENT_UNREACHABLE_TELL ? AGENT_STATE_UNREACHABLE : AGENT_STATE_NONE;
}

static void say_quarantine(const struct agent_report *r, char *summary, char *body)
{
    char sentence[AGENT_SHOWN], fix[AGENT_SHOWN];

    snprintf(summary, AGENT_SUMMARY_TEXT, "This computer is in quarantine");
    agent_answer_reason(r->answer, sentence, fix);
    snprintf(body, AGENT_BODY_TEXT, "%s%s%s\nMore: portcullis-agent status",
             *sentence ? sentence : r->why, *fix ? "\nWhat to do: " : "", fix);
}

bool agent_state_news(struct agent_told *t, const struct agent_report *r, unsigned failures,
                      char summary[AGENT_SUMMARY_TEXT], char body[AGENT_BODY_TEXT])
{
    enum agent_state was = t->state, is = state_of(r, failures);
    char code[AGENT_SHOWN];

    agent_answer_code(r->answer, code);
    if (is == AGENT_STATE_NONE || (is == was && strncmp(code, t->code, sizeof t->code - 1) == 0))
        return false;
    t->state = is;
    snprintf(t->code, sizeof t->code, "%.15s", code);
    if (is == AGENT_STATE_QUARANTINE) {
        say_quarantine(r, summary, body);
    } else if (is == AGENT_STATE_UNREACHABLE) {
        snprintf(summary, AGENT_SUMMARY_TEXT, "The office's gateway cannot be reached");
        snprintf(body, AGENT_BODY_TEXT, "%s", r->why);
    } else {
        snprintf(summary, AGENT_SUMMARY_TEXT, "You are in again");
        snprintf(body, AGENT_BODY_TEXT, "This computer may use the office's network.");
    }
    return is != AGENT_STATE_IN || (was != AGENT_STATE_NONE && was != AGENT_STATE_IN);
}

/* ---- the file ---- */

static const char *runtime(void)
{
    return geteuid() == 0 ? "/run" : getenv("XDG_RUNTIME_DIR");
}

bool agent_state_path(char out[AGENT_STATE_PATH])
{
    const char *dir = runtime();

    return dir && snprintf(out, AGENT_STATE_PATH, "%s/" FOLDER "/state.json", dir) < AGENT_STATE_PATH;
}

static void write_text(const char *path, const char *text, size_t len)
{
    char draft[AGENT_STATE_PATH + 8];
    int fd;

    snprintf(draft, sizeof draft, "%s.new", path);
    unlink(draft);
    fd = open(draft, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0644);
    if (fd < 0)
        return;
    if (fchmod(fd, 0644) == 0 && write(fd, text, len) == (ssize_t)len)
        rename(draft, path);
    close(fd);
}

void agent_state_write(const struct agent_options *o, const struct agent_report *r, int64_t now)
{
    static const char *const names[] = {"in", "refused", "usage", "unreachable"};
    char path[AGENT_STATE_PATH], *text;
    json_t *v;

    if (!agent_state_path(path))
        return;
    *strrchr(path, '/') = '\0';
    if (mkdir(path, 0755) != 0 && errno != EEXIST)
        return;
    path[strlen(path)] = '/';
    v = json_pack("{s:s, s:s, s:I, s:s, s:s, s:O*}", "gateway", o->gateway, "device", o->device,
                  "time", (json_int_t)now, "state", names[r->code], "why", r->why, "answer",
                  r->answer);
    text = v ? json_dumps(v, JSON_COMPACT) : NULL;
    if (text)
        write_text(path, text, strlen(text));
    free(text);
    json_decref(v);
}
