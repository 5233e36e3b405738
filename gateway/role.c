/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The entry of an exec'd role. */
#include "gateway/role.h"

#include <errno.h>
#include <jansson.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <time.h>

#include "gateway/log.h"
#include "gateway/loop.h"

static int64_t number(const char *s, int64_t max)
{
    char *end;
    errno = 0;
    long long v = s ? strtoll(s, &end, 10) : -1;
    if (v < 0 || v > max || errno != 0 || *end != '\0')
        fatal("this role needs a number from 0 to %lld", (long long)max);
    return v;
}

/* What libraries would open at their first use is opened now: in the cage it would end the role. */
static void prepare_libraries(void)
{
    tzset();             /* the time zone's file */
    json_object_seed(0); /* /dev/urandom */
}

int role_main(const char *name, const char *argument)
{
    log_init(name);
    prepare_libraries();
    signal(SIGPIPE, SIG_IGN);
    signal(SIGXFSZ, SIG_IGN);    /* most may write no file, and this may be one: then unheard, not dead */
    if (strcmp(name, "keeper") == 0)
        return keeper_main(number(argument, INT64_MAX));
    if (prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0) < 0)
        fatal("cannot tie this role to its parent: %s", strerror(errno));
    loop_beat_on(FD_BEAT);
    if (strcmp(name, "engine") == 0)
        return engine_main();
    if (strcmp(name, "portal") == 0)
        return portal_main();
    if (strcmp(name, "api") == 0)
        return api_main();
    if (strcmp(name, "capture") == 0)
        return capture_main(argument);
    if (strcmp(name, "courier") == 0)
        return courier_main();
    if (strcmp(name, "enrol") == 0)
        return enrol_main();
    if (strcmp(name, "console") == 0)
        return console_main();
    log_warn("there is no role '%s'", name);
    return 2;
}
