/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The screen lock of the person who is logged in, asked of their desktop's settings as that
 * person. */
#include "deploy/agent/agent_lock.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "deploy/agent/agent_gather.h"
#include "deploy/agent/agent_session.h"

#define WHY 160
#define LONGEST 1000000

/* ---- what the desktops say ---- */

/* "300", "uint32 300\n"; -1 for anything else. */
static int64_t number(const char *s)
{
    char *end;
    long n;

    if (!s)
        return -1;
    s += strncmp(s, "uint32 ", 7) == 0 ? 7 : 0;
    if (*s < '0' || *s > '9')
        return -1;
    n = strtol(s, &end, 10);
    return (*end == '\n' || *end == '\0') && n <= LONGEST ? n : -1;
}

static bool is_word(const char *s, const char *word)
{
    size_t len = strlen(word);

    return s && strncmp(s, word, len) == 0 && (s[len] == '\n' || s[len] == '\0');
}

static struct agent_lock answer(bool on, int64_t max_s)
{
    return (struct agent_lock){.known = true, .on = on, .max_s = on ? max_s : 0};
}

struct agent_lock agent_lock_gnome(const char *enabled, const char *idle, const char *delay)
{
    int64_t after = number(idle), then = number(delay);

    if (is_word(enabled, "false"))
        return answer(false, 0);
    if (!is_word(enabled, "true") || after < 0 || then < 0)
        return (struct agent_lock){.known = false};
    return answer(after > 0, after + then); /* idle-delay 0: never by itself */
}

/* The value of NAME= within [Daemon]. */
static const char *kde_value(const char *text, const char *name)
{
    size_t len = strlen(name);
    bool inside = false;

    for (; *text; text += strcspn(text, "\n"), text += *text == '\n') {
        if (*text == '[')
            inside = strncmp(text, "[Daemon]", 8) == 0;
        else if (inside && strncmp(text, name, len) == 0 && text[len] == '=')
            return text + len + 1;
    }
    return NULL;
}

struct agent_lock agent_lock_kde(const char *text)
{
    const char *on = kde_value(text, "Autolock"), *minutes = kde_value(text, "Timeout");
    char value[32];
    int64_t n = 5;

    if (is_word(on, "false"))
        return answer(false, 0);
    if (minutes) {
        snprintf(value, sizeof value, "%.*s", (int)strcspn(minutes, "\n"), minutes);
        n = number(value);
    }
    if (n < 0)
        return (struct agent_lock){.known = false};
    return answer(n > 0, n * 60);
}

struct agent_lock agent_lock_xfce(const char *enabled, const char *idle, const char *minutes)
{
    int64_t n = number(minutes);

    if (is_word(enabled, "false") || is_word(idle, "false"))
        return answer(false, 0);
    if (!is_word(enabled, "true") || !is_word(idle, "true") || n <= 0)
        return (struct agent_lock){.known = false};
    return answer(true, n * 60);
}

/* ---- asking ---- */

static char *setting(struct agent_gather *g, const struct agent_session *s, const char *schema,
                     const char *key)
{
    const char *const argv[] = {"gsettings", "get", schema, key, NULL};

    return agent_session_ask(g->root, s, argv);
}

static struct agent_lock ask_gnome(struct agent_gather *g, const struct agent_session *s)
{
    char *enabled = setting(g, s, "org.gnome.desktop.screensaver", "lock-enabled"),
         *idle = setting(g, s, "org.gnome.desktop.session", "idle-delay"),
         *delay = setting(g, s, "org.gnome.desktop.screensaver", "lock-delay");
    struct agent_lock l = agent_lock_gnome(enabled, idle, delay);

    free(enabled);
    free(idle);
    free(delay);
    return l;
}

/* Its own program reads the file: root without capabilities may not. */
static struct agent_lock ask_kde(struct agent_gather *g, const struct agent_session *s)
{
    char path[AGENT_HOME_TEXT + 32];
    const char *const argv[] = {"cat", path, NULL};
    struct agent_lock l = {.known = false};
    char *text;

    snprintf(path, sizeof path, "%s/.config/kscreenlockerrc", s->home);
    text = agent_session_ask(g->root, s, argv);
    if (text)
        l = agent_lock_kde(text);
    free(text);
    return l;
}

static char *xfconf(struct agent_gather *g, const struct agent_session *s, const char *property)
{
    const char *const argv[] = {"xfconf-query", "-c", "xfce4-screensaver", "-p", property, NULL};

    return agent_session_ask(g->root, s, argv);
}

static struct agent_lock ask_xfce(struct agent_gather *g, const struct agent_session *s)
{
    char *enabled = xfconf(g, s, "/lock/enabled"),
         *idle = xfconf(g, s, "/saver/idle-activation/enabled"),
         *minutes = xfconf(g, s, "/saver/idle-activation/delay");
    struct agent_lock l = agent_lock_xfce(enabled, idle, minutes);

    free(enabled);
    free(idle);
    free(minutes);
    return l;
}

static const struct desktop {
    const char *word, *from;
    struct agent_lock (*ask)(struct agent_gather *g, const struct agent_session *s);
} desktops[] = {
    {"gnome", "gsettings get org.gnome.desktop.screensaver", ask_gnome},
    {"ubuntu", "gsettings get org.gnome.desktop.screensaver", ask_gnome},
    {"kde", "~/.config/kscreenlockerrc", ask_kde},
    {"plasma", "~/.config/kscreenlockerrc", ask_kde},
    {"xfce", "xfconf-query -c xfce4-screensaver", ask_xfce},
};

static const struct desktop *desktop_of(const struct agent_session *s)
{
    for (size_t i = 0; i < sizeof desktops / sizeof *desktops; i++)
        if (strstr(s->desktop, desktops[i].word))
            return &desktops[i];
    return NULL;
}

void agent_gather_lock(struct agent_gather *g)
{
    struct agent_session s;
    const struct desktop *d = NULL;
    struct agent_lock l = {.known = false};
    char why[WHY];

    if (agent_session_find(g->root, &s, why)) {
        d = desktop_of(&s);
        snprintf(why, WHY, d ? "the desktop does not say: %s" : "the desktop is none that the agent "
                 "knows: %s", d ? d->from : s.desktop);
    }
    if (d)
        l = d->ask(g, &s);
    if (!l.known) {
        agent_put_unknown(g, "lock.on", why);
        agent_put_unknown(g, "lock.max_s", why);
        return;
    }
    agent_put(g, "lock.on", json_boolean(l.on), d->from);
    if (l.on)
        agent_put(g, "lock.max_s", json_integer(l.max_s), d->from);
}
