/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the agent reads of others, on any bytes: the first one says what the rest is. Whatever a
 * gateway offers, the file that wg-quick reads as root has no line that was not made here.
 */
#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#include "deploy/agent/agent_answer.h"
#include "deploy/agent/agent_firewall.h"
#include "deploy/agent/agent_link.h"
#include "deploy/agent/agent_lock.h"
#include "deploy/agent/agent_offer.h"
#include "deploy/agent/agent_pending.h"
#include "deploy/agent/agent_read.h"
#include "deploy/agent/agent_session.h"
#include "deploy/agent/agent_status.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char *const LINES[] = {
    "# Device ", "[Interface]", "PrivateKey = SECRET", "Address = ", "DNS = ", "# Names of the office",
    "MTU = ", "[Peer]", "PublicKey = ", "Endpoint = ", "AllowedIPs = ", "PersistentKeepalive = "};

static bool line_known(const char *line)
{
    for (size_t i = 0; i < sizeof LINES / sizeof *LINES; i++)
        if (strncmp(line, LINES[i], strlen(LINES[i])) == 0)
            return true;
    return *line == '\n';
}

static void offer(const json_t *v)
{
    static const char SET[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"
                              "#[]=+/:,._- \n";
    char why[160], conf[AGENT_CONF_TEXT], environment[256];
    struct agent_offer o;

    if (agent_offer_read(v, &o, why) != 0)
        return;
    for (int dns = 0; dns < 2; dns++) {
        if (agent_offer_conf(&o, "SECRET", dns, conf) == 0 || strspn(conf, SET) != strlen(conf))
            abort();
        for (const char *s = conf; *s; s += strcspn(s, "\n") + 1)
            if (!line_known(s))
                abort();
    }
    if (agent_offer_environment(&o, environment, sizeof environment) == 0 ||
        strspn(environment, SET) != strlen(environment))
        abort();
}

/* What is shown holds no byte that moves a cursor but the ends of lines. */
static void answer(const json_t *v)
{
    char text[65536] = "", code[AGENT_SHOWN], sentence[AGENT_SHOWN], fix[AGENT_SHOWN];
    FILE *f = fmemopen(text, sizeof text, "w");
    json_t *status = agent_status_answer(v);

    agent_answer_print(v, 0, f);
    if (status)
        agent_answer_print(status, 0, f);
    agent_answer_contact(v, f);
    fclose(f);
    json_decref(status);
    agent_answer_code(v, code);
    agent_answer_reason(v, sentence, fix);
    agent_answer_markup(sentence, fix, 16);
    for (const char *s = text; *s; s++)
        if ((*s > 0 && *s < 0x20 && *s != '\n') || *s == 0x7f)
            abort();
}

static void texts(const char *s)
{
    char code[AGENT_CODE_TEXT], fact[AGENT_FACT];
    struct agent_link link;
    struct agent_mount mount;
    struct agent_session session;
    int64_t all, security;
    bool active;

    agent_link_parse(s, &link);
    agent_code_parse(s, code);
    agent_read_mount(s, &mount);
    agent_read_cvd(s);
    agent_read_assignment(s, "ID", fact);
    agent_session_read(s, &session, &active);
    agent_pending_apt(s, &all, &security);
    agent_pending_dnf(s);
    agent_lock_kde(s);
    agent_lock_gnome(s, s, s);
    agent_firewall_iptables(s);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    json_t *v = size > 0 ? json_loadb((const char *)data + 1, size - 1, JSON_REJECT_DUPLICATES, NULL)
                         : NULL;
    char *text = size > 0 ? strndup((const char *)data + 1, size - 1) : NULL;

    if (v && data[0] == 'o')
        offer(v);
    else if (v && data[0] == 'a')
        answer(v);
    else if (v && data[0] == 'n')
        agent_firewall_nft(v);
    else if (text)
        texts(text);
    free(text);
    json_decref(v);
    return 0;
}
