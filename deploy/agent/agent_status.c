/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Where the gateway is, and what it says of this device. */
#include "deploy/agent/agent_status.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "deploy/agent/agent_answer.h"
#include "deploy/agent/agent_file.h"
#include "deploy/agent/agent_read.h"
#include "deploy/agent/agent_state.h"

#define WHY 160
#define DEVICE 64
#define STATE_MAX (1u << 20)
#define SERVICE_STATE "/run/portcullis-agent/state.json"

/* ---- where ---- */

static bool take(struct agent_options *o, char device[DEVICE], const char *gateway, const char *name)
{
    if (!gateway || !name || !agent_gateway_parse(gateway, o->gateway))
        return false;
    snprintf(device, DEVICE, "%.63s", name);
    o->device = device;
    return true;
}

static bool from_environment(struct agent_options *o, char device[DEVICE])
{
    char path[AGENT_PATH], gateway[AGENT_FACT], name[AGENT_FACT], *text;
    bool found;

    snprintf(path, sizeof path, "%.400s/environment", o->dir);
    text = agent_file_read("", path, STATE_MAX, NULL);
    found = text && agent_read_assignment(text, "GATEWAY", gateway) &&
            agent_read_assignment(text, "DEVICE", name) && take(o, device, gateway, name);
    free(text);
    return found;
}

static json_t *state_read(const char *path)
{
    char *text = agent_file_read("", path, STATE_MAX, NULL);
    json_t *v = text ? json_loads(text, JSON_REJECT_DUPLICATES, NULL) : NULL;

    free(text);
    return v;
}

/* One's own service first, then the machine's. */
static json_t *last_state(void)
{
    char path[AGENT_STATE_PATH];
    json_t *v = agent_state_path(path) ? state_read(path) : NULL;

    return v ? v : state_read(SERVICE_STATE);
}

static bool from_state(struct agent_options *o, char device[DEVICE])
{
    json_t *v = last_state();
    bool found = take(o, device, json_string_value(json_object_get(v, "gateway")),
                      json_string_value(json_object_get(v, "device")));

    json_decref(v);
    return found;
}

bool agent_settings(struct agent_options *o, char device[DEVICE])
{
    struct agent_options asked = *o;

    if (!from_environment(o, device) && !from_state(o, device)) {
        *o = asked;
        return asked.gateway[0] != '\0' && asked.device;
    }
    if (asked.gateway[0])
        memcpy(o->gateway, asked.gateway, sizeof o->gateway);
    o->device = asked.device ? asked.device : o->device;
    return true;
}

/* ---- what ---- */

json_t *agent_status_answer(const json_t *me)
{
    const char *state = json_string_value(json_object_get(me, "state"));
    bool in = state && strcmp(state, "in") == 0;
    json_t *v = json_pack("{s:s, s:O?, s:O*, s:O*, s:O*, s:O*}", "result", in ? "in" : "quarantine",
                          "lease_seconds", json_object_get(me, "lease_seconds"), "code",
                          json_object_get(me, "code"), "sentence", json_object_get(me, "sentence"),
                          "fix", json_object_get(me, "fix"), "rules",
                          json_object_get(json_object_get(me, "posture"), "rules"));

    return v;
}

static enum agent_exit show(const struct agent_options *o, const json_t *me)
{
    json_t *answer = json_object_get(me, "error") ? json_deep_copy(me) : agent_status_answer(me);
    bool in = answer && agent_answer_read(answer).in;

    if (o->json) {
        json_dumpf(me, stdout, JSON_COMPACT | JSON_ENSURE_ASCII);
        putchar('\n');
    } else if (answer) {
        agent_answer_print(answer, (int64_t)time(NULL), stdout);
        agent_answer_contact(me, stdout);
    }
    json_decref(answer);
    return in ? AGENT_IN : AGENT_REFUSED;
}

static void show_last(void)
{
    json_t *v = last_state(), *answer = json_object_get(v, "answer");
    time_t at = (time_t)json_integer_value(json_object_get(v, "time"));
    struct tm tm;
    char clock[32];

    if (v && localtime_r(&at, &tm) && strftime(clock, sizeof clock, "%Y-%m-%d %H:%M", &tm) > 0) {
        printf("The last report was at %s:\n", clock);
        if (json_is_object(answer))
            agent_answer_print(answer, (int64_t)at, stdout);
        else
            puts("It did not reach the gateway.");
    }
    json_decref(v);
}

enum agent_exit agent_status(const struct agent_options *o)
{
    enum agent_exit code;
    char why[WHY];
    json_t *me;

    if (agent_portal_me(o->gateway, &me, why) != 0) {
        fprintf(stderr, "portcullis-agent: %s\n  Is the tunnel up? (sudo wg show)\n", why);
        show_last();
        return AGENT_UNREACHABLE;
    }
    code = show(o, me);
    json_decref(me);
    return code;
}
