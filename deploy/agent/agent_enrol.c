/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The order matters: all room on the disk is taken and the keys are written before the invitation
 * is spent, and nothing has its name before the gateway's answer was found good.
 */
#include "deploy/agent/agent_enrol.h"

#include <errno.h>
#include <fcntl.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "deploy/agent/agent_answer.h"
#include "deploy/agent/agent_file.h"
#include "deploy/agent/agent_http.h"
#include "deploy/agent/agent_keys.h"
#include "deploy/agent/agent_link.h"
#include "deploy/agent/agent_offer.h"
#include "deploy/agent/agent_stage.h"
#include "deploy/agent/agent_up.h"

#define WHY 160
#define LINE 64
#define SMALL 256
#define INTERFACE_MAX 15
#define FILE_CONF AGENT_KEY_FILES          /* their places in the stage, after the keys */
#define FILE_ENVIRONMENT (AGENT_KEY_FILES + 1)

/* What the steps below share. */
struct enrolment {
    const struct agent_options *o;
    struct agent_link link;
    char code[AGENT_CODE_TEXT];
    char conf_dir[AGENT_PATH], conf[AGENT_PATH];   /* of the tunnel: folder and file */
    struct agent_key_files files;
    struct agent_keys keys;
    struct agent_stage stage;
    struct agent_offer offer;
    enum agent_exit exit;                  /* if the step fails */
    char why[WHY];
};

static int refuse(struct enrolment *e, const char *why)
{
    snprintf(e->why, WHY, "%s", why);
    return -1;
}

/* ---- what was asked for ---- */

static bool interface_good(const char *s)
{
    return *s != '\0' && *s != '.' && *s != '-' && strlen(s) <= INTERFACE_MAX &&
           strspn(s, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_=+.-") ==
               strlen(s);
}

static int take_link(struct enrolment *e)
{
    e->exit = AGENT_USAGE;
    if (!agent_link_parse(e->o->link, &e->link))
        return refuse(e, "this is no invitation; one looks like "
                         "https://access.example.com:8443/enrol#TOKEN.KEY (quote it in a shell)");
    if (!interface_good(e->o->interface))
        return refuse(e, "--interface takes a name of 1 to 15 letters, digits and _=+.-");
    return agent_up_known(e->o->up) ? 0 : refuse(e, "--up takes wg-quick or nm");
}

static int not_yet_enrolled(struct enrolment *e)
{
    char path[AGENT_PATH];

    e->exit = AGENT_REFUSED;
    snprintf(path, sizeof path, "%.400s/environment", e->o->dir);
    if (e->o->again || (!agent_keys_there(e->o->dir) && !agent_file_exists("", path)))
        return 0;
    snprintf(e->why, WHY, "this machine has keys in %.60s; --again gives them up for new ones",
             e->o->dir);
    return -1;
}

static int take_code(struct enrolment *e)
{
    char line[LINE];

    if (e->o->code)
        return agent_code_parse(e->o->code, e->code) ? 0 : refuse(e, "--code takes eight digits");
    if (isatty(STDIN_FILENO))
        fputs("The code of eight digits that you were told: ", stderr);
    if (!fgets(line, sizeof line, stdin) || !agent_code_parse(line, e->code))
        return refuse(e, "a code has eight digits, as in 1234-5678");
    return 0;
}

/* ---- where it goes ---- */

/* A tunnel whose configuration is ours gives way to --again; an interface that somebody else made
 * never does. */
static int name_is_free(struct enrolment *e)
{
    char link[AGENT_PATH];
    bool ours = agent_file_exists("", e->conf);

    snprintf(link, sizeof link, "/sys/class/net/%s", e->o->interface);
    if (ours ? e->o->again : !agent_file_exists("", link))
        return 0;
    snprintf(e->why, WHY, "%.90s is there already; --interface NAME chooses another",
             ours ? e->conf : e->o->interface);
    return -1;
}

/* root's tunnels are wg-quick's; anybody else's go with the keys. */
static int choose_folders(struct enrolment *e)
{
    snprintf(e->conf_dir, sizeof e->conf_dir, "%s", geteuid() == 0 ? "/etc/wireguard" : e->o->dir);
    snprintf(e->conf, sizeof e->conf, "%.400s/%s.conf", e->conf_dir, e->o->interface);
    if ((mkdir(e->o->dir, 0700) != 0 && errno != EEXIST) ||
        (mkdir(e->conf_dir, 0700) != 0 && errno != EEXIST)) {
        snprintf(e->why, WHY, "cannot make %.60s: %.60s", e->o->dir, strerror(errno));
        return -1;
    }
    return name_is_free(e);
}

/* Two at once would write into each other's drafts. The lock ends with this process. */
static int alone(struct enrolment *e)
{
    int fd = open(e->o->dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

    return fd >= 0 && flock(fd, LOCK_EX | LOCK_NB) == 0
               ? 0
               : refuse(e, "another enrolment is under way in the folder of the keys");
}

static int take_room(struct enrolment *e)
{
    char name[INTERFACE_MAX + sizeof ".conf"];

    snprintf(name, sizeof name, "%s.conf", e->o->interface);
    for (int i = 0; i < AGENT_KEY_FILES; i++)
        if (agent_stage_add(&e->stage, e->o->dir, agent_key_file_name[i], SMALL, e->why) != 0)
            return -1;
    return agent_stage_add(&e->stage, e->conf_dir, name, AGENT_CONF_TEXT, e->why) == 0
               ? agent_stage_add(&e->stage, e->o->dir, "environment", SMALL, e->why)
               : -1;
}

static int make_keys(struct enrolment *e)
{
    if (agent_keys_fresh(e->o->dir, &e->files, &e->keys, e->why) != 0)
        return -1;
    for (size_t i = 0; i < AGENT_KEY_FILES; i++)
        if (agent_stage_put(&e->stage, i, e->files.text[i], strlen(e->files.text[i]), e->why) != 0)
            return -1;
    return 0;
}

/* ---- the gateway ---- */

static char *request_text(const struct enrolment *e)
{
    char wg[AGENT_KEY_TEXT], line[AGENT_LINE_TEXT], *text;
    json_t *v;

    agent_wg_text(&e->keys, wg);
    agent_issuer_line(&e->keys, line);
    v = json_pack("{s:s, s:s, s:s, s:s*, s:{s:s, s:s, s:s}}", "token", e->link.token, "code",
                  e->code, "wireguard_key", wg, "name", e->o->device, "issuer", "kid", e->keys.kid,
                  "alg", "Ed25519", "key", strrchr(line, ':') + 1);
    text = json_dumps(v, JSON_COMPACT);
    json_decref(v);
    return text;
}

/* A refusal is said in the gateway's own words. */
static int take_answer(struct enrolment *e, long status, const json_t *answer)
{
    if (status == 201)
        return agent_offer_read(answer, &e->offer, e->why);
    if (status >= 300 && status < 400)
        return refuse(e, "the server sends us elsewhere; that is not followed");
    if (!json_object_get(answer, "error"))
        return refuse(e, "what answers there is not a Portcullis gateway");
    agent_answer_print(answer, 0, stderr);
    e->why[0] = '\0';
    return -1;
}

static int redeem(struct enrolment *e)
{
    char url[AGENT_WHERE_TEXT + 32], *text = request_text(e);
    struct agent_request r = {.url = url, .where = e->link.where, .type = "application/json",
                              .body = text, .tls = true,
                              .pin = e->link.pin[0] ? e->link.pin : NULL};
    json_t *answer = NULL;
    long status = 0;
    int rc;

    snprintf(url, sizeof url, "https://%s/v1/enrol", e->link.where);
    e->exit = AGENT_UNREACHABLE;
    rc = text ? agent_http(&r, &status, &answer, e->why) : refuse(e, "out of memory");
    if (rc == 0)
        e->exit = AGENT_REFUSED;
    if (rc == 0)
        rc = take_answer(e, status, answer);
    json_decref(answer);
    if (text)
        sodium_memzero(text, strlen(text));
    free(text);
    return rc;
}

/* ---- the files ---- */

static int write_conf(struct enrolment *e)
{
    char text[AGENT_CONF_TEXT], key[AGENT_KEY_TEXT];
    size_t len;
    int rc;

    snprintf(key, sizeof key, "%.44s", e->files.text[AGENT_KEY_WG]);
    len = agent_offer_conf(&e->offer, key, agent_up_resolves(), text);
    rc = len > 0 ? agent_stage_put(&e->stage, FILE_CONF, text, len, e->why)
                 : refuse(e, "the gateway's configuration is too long");
    sodium_memzero(text, sizeof text);
    sodium_memzero(key, sizeof key);
    return rc;
}

static int write_files(struct enrolment *e)
{
    char text[SMALL];
    size_t len = agent_offer_environment(&e->offer, text, sizeof text);

    if (write_conf(e) != 0 ||
        agent_stage_put(&e->stage, FILE_ENVIRONMENT, text, len, e->why) != 0)
        return -1;
    return agent_stage_commit(&e->stage, e->why);
}

/* ---- what was done ---- */

static void print_json(const struct enrolment *e)
{
    json_t *v = json_pack("{s:s, s:s, s:s, s:s, s:s, s:s}", "user", e->offer.user, "device",
                          e->offer.device, "state", e->offer.waiting ? "waiting" : "quarantine",
                          "gateway", e->offer.portal, "configuration", e->conf, "interface",
                          e->o->interface);

    json_dumpf(v, stdout, JSON_COMPACT);
    putchar('\n');
    json_decref(v);
}

static void print_done(const struct enrolment *e)
{
    printf("This machine is %s of %s. Its keys are in %s, its tunnel is %s.\n", e->offer.device,
           e->offer.user, e->o->dir, e->conf);
    if (agent_offer_takes_all(&e->offer))
        puts("All traffic of this machine will go through the gateway.");
    if (e->offer.waiting)
        puts("Your administrator has to approve it before it is let in.");
    if (e->offer.n_dns > 0 && !agent_up_resolves())
        puts("There is no resolvconf here: names of the office will not resolve by themselves.");
}

static void print_next(const struct enrolment *e, bool up)
{
    bool root = geteuid() == 0;

    puts("Next:");
    if (!up)
        printf("  sudo wg-quick up %s        # or: nmcli connection import type wireguard file %s\n",
               root ? e->o->interface : e->conf, e->conf);
    if (root)
        printf("  sudo systemctl %s portcullis-agent\n", e->o->again ? "restart" : "enable --now");
    else
        printf("  portcullis-agent run --dir %s\n", e->o->dir);
}

static enum agent_exit finish(const struct enrolment *e)
{
    char why[WHY];
    bool up = e->o->up && agent_up(e->o->up, e->o->interface, e->conf, why);

    if (e->o->json) {
        print_json(e);
    } else {
        print_done(e);
        print_next(e, up);
    }
    if (!e->o->up || up)
        return AGENT_IN;
    fprintf(stderr, "portcullis-agent: the tunnel does not come up: %s\n", why);
    return AGENT_UNREACHABLE;
}

enum agent_exit agent_enrol(const struct agent_options *o)
{
    static int (*const step[])(struct enrolment *) = {
        take_link, not_yet_enrolled, take_code, choose_folders, alone,
        take_room, make_keys,        redeem,    write_files};
    struct enrolment e = {.o = o};
    enum agent_exit code = AGENT_IN;

    for (size_t i = 0; code == AGENT_IN && i < sizeof step / sizeof *step; i++)
        if (step[i](&e) != 0)
            code = e.exit;
    agent_stage_drop(&e.stage);
    agent_key_files_clear(&e.files);
    agent_keys_clear(&e.keys);
    sodium_memzero(&e.link, sizeof e.link);
    sodium_memzero(e.code, sizeof e.code);
    if (code != AGENT_IN && e.why[0])
        fprintf(stderr, "portcullis-agent: %s\n", e.why);
    return code == AGENT_IN ? finish(&e) : code;
}
