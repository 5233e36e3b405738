/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * `import FILE`: the peers of a wg-quick server become devices with the keys and addresses that
 * they have, waiting for somebody to belong to. The gateway must have the server's own key by
 * then: portcullis setup --from FILE gives it.
 */
#include "admin/cli/text_file.h"
#include "admin/cli/term.h"
#include "admin/cli/views.h"
#include "admin/cli/wg_quick.h"
#include "policy/address.h"

#include <sodium.h>
#include <string.h>

enum fate { FATE_ADD = 0, FATE_THERE, FATE_NETWORKS, FATE_NO_ADDRESS, FATES };
static const char *const fates[FATES] = {
    "add", "is a device already", "not taken over: it stands for networks behind it",
    "not taken over: it has no IPv4 address"};

struct move {
    struct cli *c;
    struct text_file file;
    struct wg_quick q;
    json_t *keys;                /* of the devices that are there: key -> name */
    size_t count[FATES];
};

static enum fate fate_of(const struct move *m, const struct wg_quick_peer *p)
{
    char key[KEY_TEXT];
    if (json_object_get(m->keys, wg_key_print(&p->key, key)))
        return FATE_THERE;
    if (p->others > 0)
        return FATE_NETWORKS;
    return p->addr4.family ? FATE_ADD : FATE_NO_ADDRESS;
}

/* ---- the gateway it moves to ---------------------------------------------------------------- */

static bool same_server(const struct move *m, const json_t *status)
{
    const json_t *wg = json_object_get(status, "wireguard");
    struct wg_key public_key;
    char key[KEY_TEXT], safe[TERM_SAFE];
    bool same = m->q.has_key &&
                crypto_scalarmult_curve25519_base(public_key.b, m->q.private_key.b) == 0 &&
                strcmp(wg_key_print(&public_key, key), text_of(wg, "public_key")) == 0 &&
                (m->q.port == 0 || m->q.port == int_of(wg, "listen_port"));
    if (!same)
        fprintf(stderr, "portcullis: the gateway has not the key and port of this configuration: no "
                        "device of it could reach the gateway\n"
                        "  hint: portcullis setup --from %s, before the daemon's first start\n",
                term_safe(m->file.name, safe));
    return same;
}

static enum cli_exit ask_gateway(struct move *m)
{
    struct target t;
    enum cli_exit rc;
    json_t *status, *devices, *d;
    size_t i;
    target_begin(&t, "/v1/status");
    if (!(status = call(m->c, "GET", &t, NULL, &rc)))
        return rc;
    bool same = same_server(m, status);
    json_decref(status);
    if (!same)
        return CLI_REFUSED;
    target_begin(&t, "/v1/devices");
    if (!(devices = call_list(m->c, &t, NULL, &rc)))
        return rc;
    m->keys = json_object();
    json_array_foreach(json_object_get(devices, "items"), i, d)
        json_object_set(m->keys, text_of(d, "wireguard_key"), json_object_get(d, "name"));
    json_decref(devices);
    return CLI_DONE;
}

/* ---- showing --------------------------------------------------------------------------------- */

static enum cli_exit show_json(const struct move *m, bool applied)
{
    json_t *list = json_array(), *o;
    char key[KEY_TEXT], addr[ADDR_TEXT];
    for (size_t i = 0; i < m->q.n_peers; i++) {
        const struct wg_quick_peer *p = &m->q.peers[i];
        o = json_pack("{s:s,s:s,s:s}", "name", p->name, "wireguard_key", wg_key_print(&p->key, key),
                      "what", fates[fate_of(m, p)]);
        if (p->addr4.family)
            json_object_set_new(o, "address4", json_string(ip_print(&p->addr4, addr)));
        json_array_append_new(list, o);
    }
    o = json_pack("{s:b,s:o}", "applied", applied, "peers", list);
    enum cli_exit rc = print_json(o);
    json_decref(o);
    return rc;
}

static void show_table(const struct move *m)
{
    static const char *const heads[] = {"NAME", "ADDRESS", "WHAT"};
    struct table t;
    char addr[ADDR_TEXT];
    table_begin(&t, 3, heads);
    for (size_t i = 0; i < m->q.n_peers; i++) {
        const struct wg_quick_peer *p = &m->q.peers[i];
        table_cell(&t, p->name);
        table_cell(&t, p->addr4.family ? ip_print(&p->addr4, addr) : "-");
        table_cell(&t, fates[fate_of(m, p)]);
    }
    table_print(&t, stdout);
}

static enum cli_exit show(struct move *m, bool applied)
{
    char safe[TERM_SAFE];
    if (m->c->json)
        return show_json(m, applied);
    show_table(m);
    printf("%zu to add, %zu there already, %zu not taken over.\n", m->count[FATE_ADD],
           m->count[FATE_THERE], m->count[FATE_NETWORKS] + m->count[FATE_NO_ADDRESS]);
    if (m->count[FATE_ADD] > 0)
        printf("Nothing is changed yet: portcullis import --apply %s\n",
               term_safe(m->file.name, safe));
    return CLI_DONE;
}

static enum cli_exit show_done(struct move *m, size_t added)
{
    if (m->c->json)
        return show_json(m, true);
    printf("%zu devices added, in quarantine until they belong to somebody:\n"
           "  portcullis device list\n  portcullis device assign NAME USER\n", added);
    return CLI_DONE;
}

/* ---- doing ----------------------------------------------------------------------------------- */

static enum cli_exit add(struct move *m, const struct wg_quick_peer *p)
{
    char key[KEY_TEXT], addr[ADDR_TEXT], safe[TERM_SAFE];
    struct target t;
    enum cli_exit rc;
    json_t *d;
    target_begin(&t, "/v1/devices");
    d = call(m->c, "POST", &t,
             json_pack("{s:s,s:s,s:s}", "name", p->name, "wireguard_key",
                       wg_key_print(&p->key, key), "address4", ip_print(&p->addr4, addr)), &rc);
    if (!d)
        fprintf(stderr, "  at %s:%u; what comes before it is done\n", term_safe(m->file.name, safe),
                p->line);
    else if (p->addr6.family && strcmp(text_of(d, "address6"), ip_print(&p->addr6, addr)) != 0)
        fprintf(stderr, "portcullis: %s had %s and now has %s: change Address on the device, or it "
                        "has no IPv6\n", p->name, addr, term_safe(text_of(d, "address6"), safe));
    json_decref(d);
    return rc;
}

static enum cli_exit add_all(struct move *m)
{
    size_t added = 0;
    for (size_t i = 0; i < m->q.n_peers; i++) {
        if (fate_of(m, &m->q.peers[i]) != FATE_ADD)
            continue;
        enum cli_exit rc = add(m, &m->q.peers[i]);
        if (rc != CLI_DONE)
            return rc;
        added++;
    }
    return show_done(m, added);
}

static enum cli_exit import(struct move *m)
{
    char name[TERM_SAFE], safe[TERM_SAFE];
    if (wg_quick_parse(m->file.text, m->file.len, &m->q) < 0) {
        fprintf(stderr, "%s:%u: %s\n", term_safe(m->file.name, name), m->q.line,
                term_safe(m->q.error, safe));
        return CLI_REFUSED;
    }
    enum cli_exit rc = ask_gateway(m);
    if (rc != CLI_DONE)
        return rc;
    for (size_t i = 0; i < m->q.n_peers; i++)
        m->count[fate_of(m, &m->q.peers[i])]++;
    return cli_option(m->c, "--apply") ? add_all(m) : show(m, false);
}

enum cli_exit cmd_import(struct cli *c)
{
    static struct move m;
    enum cli_exit rc = CLI_REFUSED;
    m.c = c;
    if (text_file_read(&m.file, c->args[0]) == 0)
        rc = import(&m);
    wg_quick_clear(&m.q);
    text_file_close(&m.file);
    json_decref(m.keys);
    return rc;
}
