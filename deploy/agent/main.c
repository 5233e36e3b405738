/* SPDX-License-Identifier: GPL-2.0-or-later */
/* portcullis-agent: keys, facts and posture reports of a staff machine. portcullis-agent(1). */
#include <curl/curl.h>
#include <getopt.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "deploy/agent/agent_enrol.h"
#include "deploy/agent/agent_facts.h"
#include "deploy/agent/agent_file.h"
#include "deploy/agent/agent_hands.h"
#include "deploy/agent/agent_keys.h"
#include "deploy/agent/agent_run.h"
#include "deploy/agent/agent_status.h"

#define DEFAULT_DIR "/etc/portcullis-agent"
#define WHY 160

static const char USAGE[] =
    "usage: portcullis-agent enroll LINK [--code CODE] [--up wg-quick|nm] [options]\n"
    "       portcullis-agent keygen [--dir DIR] [--json]\n"
    "       portcullis-agent facts  [--facts FILE] [--json]\n"
    "       portcullis-agent status [--json]\n"
    "       portcullis-agent post | run [--gateway ADDRESS[:PORT] --device NAME] [options]\n"
    "\n"
    "  enroll  redeem an invitation: make keys, write the tunnel's configuration\n"
    "  keygen  make this machine's keys, once, and print what the administrator needs\n"
    "  facts   show what would be reported, and where each fact was read\n"
    "  status  in or not, what is wrong and how to mend it\n"
    "  post    report once\n"
    "  run     report, and again at a third of each lease\n"
    "\n"
    "  -g, --gateway   the gateway's address inside the tunnel (default: as enrolled)\n"
    "  -d, --device    the name this machine was enrolled by\n"
    "  -a, --audience  the gateway's name (default: as it says itself)\n"
    "  -f, --facts     take the facts from a JSON file\n"
    "      --dir       folder of the keys (default " DEFAULT_DIR ", or for\n"
    "                  who is not root ~/.config/portcullis-agent)\n"
    "      --code      the invitation's code (default: asked for)\n"
    "      --up        bring the tunnel up, by wg-quick or by NetworkManager (nm)\n"
    "      --interface the tunnel's name (default " AGENT_INTERFACE ")\n"
    "      --again     give up the keys that are there for new ones\n"
    "      --json      print JSON\n"
    "\n"
    "Examples:\n"
    "  sudo portcullis-agent enroll 'https://access.example.com:8443/enrol#...' --up wg-quick\n"
    "  sudo systemctl enable --now portcullis-agent\n"
    "  portcullis-agent status\n"
    "\n"
    "Exit: 0 in, 1 refused or in quarantine, 2 usage, 3 the gateway cannot be reached.\n";

static enum agent_exit usage(const char *why)
{
    fprintf(stderr, "portcullis-agent: %s\n\n%s", why, USAGE);
    return AGENT_USAGE;
}

static enum agent_exit fault(const char *why)
{
    fprintf(stderr, "portcullis-agent: %s\n", why);
    return AGENT_REFUSED;
}

/* ---- keygen ---- */

static void print_keys(const struct agent_keys *k, const char *dir)
{
    char wg[AGENT_KEY_TEXT], line[AGENT_LINE_TEXT];

    printf("WireGuard public key  %s\n", agent_wg_text(k, wg));
    printf("Signing key           %s\n", agent_issuer_line(k, line));
    printf("Machine (ueid)        %s\n\n", k->ueid);
    printf("For your administrator:\n  portcullis device add NAME --user PERSON --key %s "
           "--issuer-key %s\n\n", wg, line);
    printf("The tunnel's private key is in %s/wireguard.key.\n", dir);
}

static void print_keys_json(const struct agent_keys *k)
{
    char wg[AGENT_KEY_TEXT], line[AGENT_LINE_TEXT];
    json_t *v;

    agent_wg_text(k, wg);
    agent_issuer_line(k, line);
    v = json_pack("{s:s, s:s, s:s, s:{s:s, s:s, s:s}}", "wireguard_key", wg, "ueid", k->ueid,
                  "issuer_key", line, "issuer", "kid", k->kid, "alg", "Ed25519", "key",
                  strrchr(line, ':') + 1);
    json_dumpf(v, stdout, JSON_COMPACT);
    putchar('\n');
    json_decref(v);
}

static enum agent_exit keygen(const struct agent_options *o)
{
    struct agent_keys k;
    char why[WHY];

    if (agent_keys_make(o->dir, why) != 0 || agent_keys_load(o->dir, &k, why) != 0)
        return fault(why);
    if (o->json)
        print_keys_json(&k);
    else
        print_keys(&k, o->dir);
    agent_keys_clear(&k);
    return AGENT_IN;
}

/* ---- facts ---- */

static void print_facts_json(const struct agent_facts *f)
{
    json_t *all = json_pack("{s:O, s:O, s:O, s:O}", "pst", f->pst, "claims", f->device, "from",
                            f->from, "unknown", f->unknown);

    json_dumpf(all, stdout, JSON_INDENT(2) | JSON_ENSURE_ASCII);
    putchar('\n');
    json_decref(all);
}

static enum agent_exit facts(const struct agent_options *o)
{
    struct agent_facts f = {NULL, NULL, NULL, NULL};
    int64_t now = (int64_t)time(NULL);
    char why[WHY] = "out of memory";
    int rc = o->facts ? agent_facts_file(o->facts, now, &f, why)
                      : agent_facts_gather("", now, &f);

    if (rc == 0 && o->json)
        print_facts_json(&f);
    else if (rc == 0)
        agent_facts_print(&f, stdout);
    agent_facts_clear(&f);
    return rc == 0 ? AGENT_IN : fault(why);
}

/* ---- post and run ---- */

static enum agent_exit told_where(const struct agent_options *o)
{
    if (o->gateway[0] == '\0')
        return usage("--gateway is missing: the gateway's address inside the tunnel");
    if (!o->device)
        return usage("--device is missing: the name this machine was enrolled by");
    return AGENT_IN;
}

static enum agent_exit post(const struct agent_options *o)
{
    static const struct agent_hands NONE = {.fd = -1};
    enum agent_exit code = told_where(o);
    struct agent_report r;

    if (code != AGENT_IN)
        return code;
    agent_post(o, &NONE, &r);
    code = r.code;
    agent_report_clear(&r);
    return code;
}

static enum agent_exit run(const struct agent_options *o)
{
    enum agent_exit code = told_where(o);

    if (code == AGENT_IN)
        agent_run(o);
    return code == AGENT_IN ? AGENT_REFUSED : code;
}

static enum agent_exit status(const struct agent_options *o)
{
    return o->gateway[0] ? agent_status(o)
                         : usage("this machine is not enrolled (status --gateway ADDRESS asks all the same)");
}

static enum agent_exit enrol(const struct agent_options *o)
{
    return o->link ? agent_enrol(o) : usage("enroll takes the link of the invitation");
}

static const struct verb {
    const char *name;
    enum agent_exit (*act)(const struct agent_options *o);
} verbs[] = {{"enroll", enrol}, {"enrol", enrol}, {"keygen", keygen},
             {"facts", facts},  {"post", post},   {"run", run},
             {"status", status}};

static const struct verb *verb_find(const char *name)
{
    for (size_t i = 0; i < sizeof verbs / sizeof verbs[0]; i++)
        if (strcmp(verbs[i].name, name) == 0)
            return &verbs[i];
    return NULL;
}

/* ---- options ---- */

enum { OPT_DIR = 256, OPT_JSON, OPT_CODE, OPT_UP, OPT_INTERFACE, OPT_AGAIN };

static const struct option OPTIONS[] = {
    {"gateway", required_argument, NULL, 'g'},  {"device", required_argument, NULL, 'd'},
    {"audience", required_argument, NULL, 'a'}, {"facts", required_argument, NULL, 'f'},
    {"file", required_argument, NULL, 'f'},     {"dir", required_argument, NULL, OPT_DIR},
    {"json", no_argument, NULL, OPT_JSON},      {"code", required_argument, NULL, OPT_CODE},
    {"up", required_argument, NULL, OPT_UP},    {"again", no_argument, NULL, OPT_AGAIN},
    {"interface", required_argument, NULL, OPT_INTERFACE},
    {"help", no_argument, NULL, 'h'},
    {"version", no_argument, NULL, 'V'},        {NULL, 0, NULL, 0},
};

/* False when there is nothing more to do: *code says how it ended. */
static bool take_option(int opt, struct agent_options *o, enum agent_exit *code)
{
    *code = AGENT_IN;
    switch (opt) {
    case 'g':
        if (agent_gateway_parse(optarg, o->gateway))
            return true;
        *code = usage("--gateway takes an address like 10.77.0.1, [fd77::1] or 10.77.0.1:8080");
        return false;
    case 'd':
        o->device = optarg;
        return true;
    case 'a':
        o->audience = optarg;
        return true;
    case 'f':
        o->facts = optarg;
        return true;
    case OPT_DIR:
        o->dir = optarg;
        return true;
    case OPT_JSON:
        o->json = true;
        return true;
    case OPT_CODE:
        o->code = optarg;
        return true;
    case OPT_UP:
        o->up = optarg;
        return true;
    case OPT_INTERFACE:
        o->interface = optarg;
        return true;
    case OPT_AGAIN:
        o->again = true;
        return true;
    case 'h':
        fputs(USAGE, stdout);
        return false;
    case 'V':
        puts("portcullis-agent " VERSION);
        return false;
    default:
        fputs(USAGE, stderr);
        *code = AGENT_USAGE;
        return false;
    }
}

/* root's keys are the machine's; anybody else's are in their own folder. */
static const char *default_dir(char own[AGENT_PATH])
{
    const char *home = getenv("HOME");

    if (geteuid() == 0 || !home)
        return DEFAULT_DIR;
    snprintf(own, AGENT_PATH, "%.400s/.config", home);
    mkdir(own, 0700);
    snprintf(own, AGENT_PATH, "%.400s/.config/portcullis-agent", home);
    return own;
}

static enum agent_exit act(const char *name, const struct agent_options *o)
{
    const struct verb *v = verb_find(name);
    struct agent_options whole = *o;
    char device[64];

    agent_settings(&whole, device);
    return v ? v->act(v->act == enrol ? o : &whole) : usage("there is no such verb");
}

int main(int argc, char **argv)
{
    char own[AGENT_PATH];
    struct agent_options o = {.dir = default_dir(own), .interface = AGENT_INTERFACE};
    enum agent_exit code;
    int opt;

    while ((opt = getopt_long(argc, argv, "g:d:a:f:hV", OPTIONS, NULL)) != -1)
        if (!take_option(opt, &o, &code))
            return (int)code;
    if (optind == argc)
        return (int)usage("what shall I do?");
    if (argc > optind + 2 || (argc == optind + 2 && strncmp(argv[optind], "enrol", 5) != 0))
        return (int)usage("one verb at a time");
    o.link = argv[optind + 1];
    if (sodium_init() < 0 || curl_global_init(CURL_GLOBAL_NOTHING) != 0)
        return (int)fault("libsodium or libcurl does not start");
    code = act(argv[optind], &o);
    curl_global_cleanup();
    return (int)code;
}
