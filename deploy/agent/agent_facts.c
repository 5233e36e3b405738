/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Facts gathered, or taken from a file, and shown. */
#include "deploy/agent/agent_facts.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "deploy/agent/agent_gather.h"

#define WHY 160

static void software(struct agent_gather *g)
{
    agent_put_claim(g, "swname", json_string("portcullis-agent"), "this program");
    agent_put_claim(g, "swversion", json_pack("[s]", VERSION), "this program");
}

static int start(int64_t now, struct agent_facts *out)
{
    out->pst = json_pack("{s:i, s:I}", "v", 1, "at", (json_int_t)now);
    out->device = json_object();
    out->from = json_object();
    out->unknown = json_object();
    return out->pst && out->device && out->from && out->unknown ? 0 : -1;
}

int agent_facts_gather(const char *root, int64_t now, struct agent_facts *out)
{
    static void (*const step[])(struct agent_gather *) = {
        agent_gather_system,    agent_gather_updates, agent_gather_disk,   agent_gather_firewall,
        agent_gather_antivirus, agent_gather_lock,    agent_gather_tamper, software};
    struct agent_gather g = {root, now, out};

    if (start(now, out) != 0)
        return -1;
    for (size_t i = 0; i < sizeof step / sizeof step[0]; i++)
        step[i](&g);
    return 0;
}

/* ---- from a file ---- */

static bool is_claim(const char *name)
{
    return strcmp(name, "oemboot") == 0 || strcmp(name, "dbgstat") == 0 ||
           strcmp(name, "hwmodel") == 0;
}

int agent_facts_file(const char *path, int64_t now, struct agent_facts *out, char why[WHY])
{
    json_error_t error;
    json_t *file = json_load_file(path, JSON_REJECT_DUPLICATES, &error), *v;
    struct agent_gather g = {"", now, out};
    const char *name;

    if (!json_is_object(file)) {
        snprintf(why, WHY, "%.60s: %.80s", path, file ? "not a JSON object" : error.text);
        json_decref(file);
        return -1;
    }
    if (start(now, out) != 0) {
        snprintf(why, WHY, "out of memory");
        json_decref(file);
        return -1;
    }
    json_object_foreach(file, name, v)
        (is_claim(name) ? agent_put_claim : agent_put)(&g, name, json_incref(v), path);
    software(&g);
    json_decref(file);
    return 0;
}

void agent_facts_clear(struct agent_facts *f)
{
    json_decref(f->pst);
    json_decref(f->device);
    json_decref(f->from);
    json_decref(f->unknown);
    memset(f, 0, sizeof *f);
}

/* ---- shown ---- */

/* The value of "group.member" or of a claim. */
static const json_t *value_of(const struct agent_facts *f, const char *name)
{
    const char *dot = strchr(name, '.');
    const json_t *v = json_object_get(f->device, name);
    char group[32];

    if (v || !dot)
        return v ? v : json_object_get(f->pst, name);
    snprintf(group, sizeof group, "%.*s", (int)(dot - name), name);
    return json_object_get(json_object_get(f->pst, group), dot + 1);
}

static bool is_time(const char *name)
{
    return strcmp(name, "os.patch") == 0 || strcmp(name, "av.defs_at") == 0;
}

/* Texts come from files: a control character is shown as "\u001b". */
static void print_value(const char *name, const json_t *v, FILE *out)
{
    char *text = json_dumps(v, JSON_ENCODE_ANY | JSON_COMPACT | JSON_ENSURE_ASCII), day[32];
    time_t t = (time_t)json_integer_value(v);
    struct tm tm;

    if (is_time(name) && json_is_integer(v) && gmtime_r(&t, &tm) &&
        strftime(day, sizeof day, "%Y-%m-%d %H:%M UTC", &tm) > 0)
        fprintf(out, "%-24s ", day);
    else
        fprintf(out, "%-24s ", text ? text : "?");
    free(text);
}

void agent_facts_print(const struct agent_facts *f, FILE *out)
{
    const char *name;
    json_t *v;

    json_object_foreach(f->from, name, v) {
        fprintf(out, "%-15s ", name);
        print_value(name, value_of(f, name), out);
        fprintf(out, "%s\n", json_string_value(v));
    }
    json_object_foreach(f->unknown, name, v)
        fprintf(out, "%-15s %-24s %s\n", name, "unknown", json_string_value(v));
}
