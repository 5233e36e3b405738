/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * `watch`, and what follows events.
 */
#include "admin/cli/term.h"
#include "admin/cli/views.h"

#include <stdint.h>
#include <string.h>
#include <time.h>

#define POLL_MS 500

/* ---- live ----------------------------------------------------------------------------------- */

static void show_event(struct cli *c, const json_t *e)
{
    char when[32], kind[TERM_SAFE], safe[TERM_SAFE];
    const char *k = text_of(e, "kind");
    enum colour col = strcmp(k, "alarm") == 0 ? RED : strcmp(k, "attempt") == 0 ? YELLOW
                    : strcmp(k, "lease") == 0 ? GREEN : PLAIN;
    if (c->json) {
        json_dumpf(e, stdout, JSON_COMPACT | JSON_ENSURE_ASCII);
        fputc('\n', stdout);
        return;
    }
    printf("%s  %s%-8s%s %s\n", time_of(e, "time", "?", when), term_colour(stdout, col),
           term_safe(k, kind), term_colour(stdout, PLAIN), term_safe(text_of(e, "text"), safe));
}

static json_t *events_after(struct cli *c, int64_t after, enum cli_exit *rc)
{
    struct target t;
    char number[24];
    snprintf(number, sizeof number, "%lld", (long long)after);
    target_begin(&t, "/v1/events");
    target_query(&t, "after", number);
    return call(c, "GET", &t, NULL, rc);
}

enum cli_exit events_follow(struct cli *c, void (*show)(struct cli *c, const json_t *event))
{
    const struct timespec pause = {.tv_nsec = POLL_MS * 1000000L};
    enum cli_exit rc;
    int64_t after = -1;
    for (;;) {
        size_t i;
        json_t *e, *answer = events_after(c, after, &rc);
        if (!answer)
            return rc;
        json_array_foreach(json_object_get(answer, "items"), i, e)
            show(c, e);
        after = int_of(answer, "last");
        json_decref(answer);
        if (fflush(stdout) != 0)
            return CLI_REFUSED;
        nanosleep(&pause, NULL);
    }
}

enum cli_exit cmd_watch(struct cli *c) { return events_follow(c, show_event); }
