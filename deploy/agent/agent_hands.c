/* SPDX-License-Identifier: GPL-2.0-or-later */
/* One packet a request over a socket pair: 'F' asks for facts, 'N' has a summary and a body. */
#include "deploy/agent/agent_hands.h"

#include <errno.h>
#include <linux/capability.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "deploy/agent/agent_answer.h"
#include "deploy/agent/agent_session.h"

#define WHY 160
#define PACKET_MAX 65536
#define PATIENCE_S 300

/* ---- the hands ---- */

static void notify(const char *summary, const char *body)
{
    char shown[AGENT_BODY_TEXT * 2], why[WHY], *out;
    const char *const argv[] = {"notify-send", "--app-name=Portcullis", "--icon=network-vpn", "--",
                                summary, shown, NULL};
    struct agent_session s;

    agent_answer_markup(body, shown, sizeof shown);
    if (!agent_session_find("", &s, why))
        return;
    out = agent_session_ask("", &s, argv);
    if (!out)
        fputs("portcullis-agent: notify-send did not show a message\n", stderr);
    free(out);
}

static void answer_facts(int fd)
{
    struct agent_facts f = {NULL, NULL, NULL, NULL};
    json_t *v = agent_facts_gather("", (int64_t)time(NULL), &f) == 0
                    ? json_pack("{s:O, s:O}", "pst", f.pst, "claims", f.device)
                    : NULL;
    char *text = v ? json_dumps(v, JSON_COMPACT) : NULL;

    if (!text || send(fd, text, strlen(text), MSG_NOSIGNAL) < 0)
        _exit(1);
    free(text);
    json_decref(v);
    agent_facts_clear(&f);
}

/* "N", a summary and a body, each with its NUL. */
static void take_notify(const char *packet, size_t len)
{
    const char *summary = packet + 1, *body = memchr(summary, '\0', len - 1);

    if (body && ++body < packet + len && packet[len - 1] == '\0')
        notify(summary, body);
}

_Noreturn static void serve(int fd)
{
    static char packet[AGENT_SUMMARY_TEXT + AGENT_BODY_TEXT + 8];
    ssize_t n;

    prctl(PR_SET_DUMPABLE, 0);
    while ((n = recv(fd, packet, sizeof packet, 0)) > 0) {
        if (packet[0] == 'F')
            answer_facts(fd);
        else if (packet[0] == 'N')
            take_notify(packet, (size_t)n);
    }
    _exit(0);
}

/* ---- whom they serve ---- */

static int give_up_capabilities(void)
{
    struct __user_cap_header_struct head = {.version = _LINUX_CAPABILITY_VERSION_3};
    struct __user_cap_data_struct none[2] = {{0}};

    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0)
        return -1;
    prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0);
    return (int)syscall(SYS_capset, &head, none);
}

int agent_hands_start(struct agent_hands *h, char why[WHY])
{
    struct timeval patience = {.tv_sec = PATIENCE_S};
    int fd[2];
    pid_t pid;

    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, fd) != 0 || (pid = fork()) < 0) {
        snprintf(why, WHY, "cannot start: %.100s", strerror(errno));
        return -1;
    }
    if (pid == 0) {
        close(fd[0]);
        serve(fd[1]);
    }
    close(fd[1]);
    h->fd = fd[0];
    if (setsockopt(h->fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience) == 0 &&
        give_up_capabilities() == 0)
        return 0;
    snprintf(why, WHY, "cannot give up capabilities: %.100s", strerror(errno));
    return -1;
}

bool agent_hands_alive(const struct agent_hands *h)
{
    char byte;

    return recv(h->fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT) < 0 && errno == EAGAIN;
}

static int take_facts(json_t *v, struct agent_facts *out)
{
    out->pst = json_incref(json_object_get(v, "pst"));
    out->device = json_incref(json_object_get(v, "claims"));
    return json_is_object(out->pst) && json_is_object(out->device) ? 0 : -1;
}

int agent_hands_facts(const struct agent_hands *h, int64_t now, struct agent_facts *out,
                      char why[WHY])
{
    char *packet = h->fd >= 0 ? malloc(PACKET_MAX) : NULL;
    json_t *v = NULL;
    ssize_t n = -1;
    int rc = -1;

    snprintf(why, WHY, "the part that looks at the machine has ended");
    if (h->fd < 0)
        return agent_facts_gather("", now, out);
    if (packet && send(h->fd, "F", 1, MSG_NOSIGNAL) == 1)
        n = recv(h->fd, packet, PACKET_MAX, 0);
    if (n > 0)
        v = json_loadb(packet, (size_t)n, JSON_REJECT_DUPLICATES, NULL);
    if (v)
        rc = take_facts(v, out);
    json_decref(v);
    free(packet);
    return rc;
}

void agent_hands_notify(const struct agent_hands *h, const char *summary, const char *body)
{
    char packet[AGENT_SUMMARY_TEXT + AGENT_BODY_TEXT + 8];
    int n;

    if (h->fd < 0)
        return;
    n = snprintf(packet, sizeof packet, "N%.*s%c%.*s", AGENT_SUMMARY_TEXT - 1, summary, 0,
                 AGENT_BODY_TEXT - 1, body);
    send(h->fd, packet, (size_t)n + 1, MSG_NOSIGNAL | MSG_DONTWAIT);
}
