/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * `setup`: both files and, where an older server moves in, its secrets. What it cannot find it
 * asks; with --yes, or away from a terminal, it takes what it proposes. It writes new files only.
 */
#include "admin/cli/machine.h"
#include "admin/cli/text_file.h"
#include "admin/cli/setup_doors.h"
#include "admin/cli/term.h"
#include "admin/cli/call.h"
#include "admin/cli/wg_quick.h"
#include "policy/address.h"

#include <errno.h>
#include <fcntl.h>
#include <sodium.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define ANSWER_MAX 256

struct setup {
    struct cli *c;
    bool asks;                   /* a person sits there */
    struct machine machine;
    struct text_file old;        /* of --from */
    struct wg_quick q;
    char name[ANSWER_MAX], company[ANSWER_MAX], outside[ANSWER_MAX], office[ANSWER_MAX],
        network[ANSWER_MAX], port[ANSWER_MAX], endpoint[ANSWER_MAX], enrol[ANSWER_MAX],
        console[ANSWER_MAX];
    const char *etc, *state;
};

/* ---- questions ------------------------------------------------------------------------------- */

static bool cannot(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
static bool cannot(const char *fmt, ...)
{
    char text[TERM_SAFE], safe[TERM_SAFE];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    fprintf(stderr, "portcullis: %s\n", term_safe(text, safe));
    return false;
}

struct question {
    const char *option, *text;
    char *answer;                /* what is proposed; then what holds */
    bool (*good)(struct setup *s, const char *answer);   /* says why not */
    bool optional;               /* "none", or nothing at all, will do */
};

static bool typed(const struct question *q)
{
    char line[ANSWER_MAX], safe[TERM_SAFE];
    fprintf(stderr, "%s%s%s%s: ", q->text, *q->answer ? " [" : "", term_safe(q->answer, safe),
            *q->answer ? "]" : "");
    if (!fgets(line, sizeof line, stdin))
        return cannot("the answers ended");
    line[strcspn(line, "\n")] = 0;
    if (*line)
        snprintf(q->answer, ANSWER_MAX, "%s", line);
    if (q->optional && strcmp(q->answer, "none") == 0)
        *q->answer = 0;
    return true;
}

/* A bad answer is told why, and asked again with what was proposed. */
static bool ask(struct setup *s, const struct question *q)
{
    const char *given = cli_option(s->c, q->option);
    char proposed[ANSWER_MAX];
    if (given) {
        snprintf(q->answer, ANSWER_MAX, "%s", given);
        return q->good(s, q->answer);
    }
    if (!s->asks && !*q->answer)
        return q->optional || cannot("%s cannot be found out here: give %s", q->text, q->option);
    if (!s->asks)
        return q->good(s, q->answer);
    memcpy(proposed, q->answer, sizeof proposed);
    for (;; memcpy(q->answer, proposed, sizeof proposed)) {
        if (!typed(q))
            return false;
        if ((q->optional && !*q->answer) || q->good(s, q->answer))
            return true;
    }
}

/* ---- what is a good answer ------------------------------------------------------------------- */

static bool good_name(struct setup *s, const char *v)
{
    (void)s;
    size_t n = strspn(v, "abcdefghijklmnopqrstuvwxyz0123456789._-");
    return (n > 0 && n < NAME_SIZE && !v[n] && !strchr("._-", v[0])) ||
           cannot("'%s' is no name: a-z, 0-9, '.', '_' and '-', such as hq-edge-1", v);
}

static bool good_company(struct setup *s, const char *v)
{
    (void)s;
    for (const char *p = v; *p; p++)
        if (*p == '"' || *p == '\\' || (unsigned char)*p < ' ')
            return cannot("a company's name is one line without quotes");
    return *v || cannot("what is the company called?");
}

static bool good_nic(struct setup *s, const char *v)
{
    if (machine_nic(&s->machine, v))
        return true;
    cannot("there is no interface '%s' here; there are:", v);
    for (size_t i = 0; i < s->machine.n; i++) {
        const struct nic *n = &s->machine.nics[i];
        char a[ADDR_TEXT];
        fprintf(stderr, "  %-15s %s%s\n", n->name,
                n->net4.addr.family ? ip_print(&n->net4.addr, a) : "no address",
                n->up ? "" : " (down)");
    }
    return false;
}

static bool good_office(struct setup *s, const char *v)
{
    return good_nic(s, v) &&
           (strcmp(v, s->outside) != 0 || cannot("the office and the outside are two interfaces"));
}

static bool good_port(struct setup *s, const char *v)
{
    (void)s;
    size_t n = strspn(v, "0123456789");
    return (n > 0 && n < 6 && v[0] != '0' && !v[n] && atoi(v) < 65536) ||
           cannot("'%s' is no port", v);
}

static bool good_endpoint(struct setup *s, const char *v)
{
    char why[192];
    (void)s;
    return !doors_endpoint_fault(v, why) || cannot("%s", why);
}

/* Invitations are links, and a link names a host. */
static bool good_enrol(struct setup *s, const char *v)
{
    return good_port(s, v) && (*s->endpoint || cannot("invitations need --endpoint, too"));
}

static bool good_console(struct setup *s, const char *v)
{
    const struct nic *n = machine_nic(&s->machine, v);
    return (strcmp(v, s->office) == 0 || cannot("the console is on the office's interface: %s",
                                                s->office)) &&
           ((n && n->net4.addr.family) || cannot("%s has no IPv4 address yet", v));
}

static bool good_network(struct setup *s, const char *v)
{
    struct ip_prefix net;
    size_t n = strcspn(v, ",");
    if (!prefix_parse(v, n, &net) || net.addr.family != 4 || net.len < 8 || net.len > 29)
        return cannot("'%s' is no tunnel network: the gateway's own address in it, such as "
                      "10.77.0.1/16", v);
    if (machine_overlaps(&s->machine, &net))
        return cannot("%.*s overlaps a network of this machine", (int)n, v);
    v += n;
    v += strspn(v, ", ");
    return !*v || (prefix_parse(v, strlen(v), &net) && net.addr.family == 6) ||
           cannot("'%s' is no IPv6 network", v);
}

/* ---- proposals ------------------------------------------------------------------------------- */

static void propose_interfaces(struct setup *s)
{
    for (size_t i = 0; i < s->machine.n; i++) {
        const struct nic *n = &s->machine.nics[i];
        if (n->gateway && !*s->outside)
            snprintf(s->outside, ANSWER_MAX, "%s", n->name);
    }
    for (size_t i = 0; i < s->machine.n; i++) {
        const struct nic *n = &s->machine.nics[i];
        if (!*s->office && n->net4.addr.family && strcmp(n->name, s->outside) != 0)
            snprintf(s->office, ANSWER_MAX, "%s", n->name);
    }
}

/* The old server's; else a private one that nothing here uses, with a random ULA (RFC 4193). */
static void propose_network(struct setup *s)
{
    struct ip_prefix net = {.addr = {.family = 4, .b = {10, 77, 0, 1}}, .len = 16};
    struct ip_addr ula = {.family = 6, .b = {0xfd}};
    char a4[ADDR_TEXT], a6[ADDR_TEXT];
    if (s->q.net4.addr.family) {
        size_t n = (size_t)snprintf(s->network, ANSWER_MAX, "%s/%u",
                                    ip_print(&s->q.net4.addr, a4), s->q.net4.len);
        if (s->q.net6.addr.family)
            snprintf(s->network + n, ANSWER_MAX - n, ", %s/%u", ip_print(&s->q.net6.addr, a6),
                     s->q.net6.len);
        return;
    }
    while (machine_overlaps(&s->machine, &net) && net.addr.b[1] < 255)
        net.addr.b[1]++;
    randombytes_buf(ula.b + 1, 5);
    ula.b[15] = 1;
    snprintf(s->network, ANSWER_MAX, "%s/16, %s/64", ip_print(&net.addr, a4), ip_print(&ula, a6));
}

static void propose(struct setup *s)
{
    if (gethostname(s->name, NAME_SIZE) < 0 || strcspn(s->name, ".") == 0)
        s->name[0] = 0;
    s->name[strcspn(s->name, ".")] = 0;
    snprintf(s->port, ANSWER_MAX, "%u", s->q.port ? s->q.port : 51820);
    propose_interfaces(s);
    propose_network(s);
}

static bool ask_list(struct setup *s, const struct question *q, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (!ask(s, &q[i]))
            return false;
    return true;
}

static bool ask_all(struct setup *s)
{
    const struct question all[] = {
        {"--company", "The company's name", s->company, good_company, false},
        {"--name", "This gateway's name", s->name, good_name, false},
        {"--outside", "The interface to the internet", s->outside, good_nic, false},
        {"--office", "The interface to the office's servers", s->office, good_office, false},
        {"--network", "The tunnel's network, with the gateway's own address in it", s->network,
         good_network, false},
        {"--port", "WireGuard's UDP port", s->port, good_port, false},
    };
    return ask_list(s, all, sizeof all / sizeof all[0]);
}

/* A door opens because somebody said so: asked for, proposed to who sits there, never by --yes. */
static bool ask_doors(struct setup *s)
{
    const struct question host =
        {"--endpoint", "Where devices find this gateway from the internet: a name or an address, or "
         "none yet", s->endpoint, good_endpoint, true};
    const struct question doors[] = {
        {"--enrol", "The TCP port for invitations, open to the internet, or none", s->enrol,
         good_enrol, true},
        {"--console", "The office's interface for the admins' console, or none", s->console,
         good_console, true},
    };
    const struct nic *office = machine_nic(&s->machine, s->office);
    doors_public(machine_nic(&s->machine, s->outside), s->endpoint);
    if (!ask(s, &host))
        return false;
    if (s->asks && *s->endpoint)
        snprintf(s->enrol, ANSWER_MAX, "8443");
    if (s->asks && office && office->net4.addr.family)
        snprintf(s->console, ANSWER_MAX, "%s", s->office);
    return ask_list(s, doors, sizeof doors / sizeof doors[0]);
}

/* ---- the older server ------------------------------------------------------------------------ */

static bool read_old(struct setup *s, const char *file)
{
    char name[TERM_SAFE], safe[TERM_SAFE];
    if (text_file_read(&s->old, file) < 0)
        return false;
    if (wg_quick_parse(s->old.text, s->old.len, &s->q) == 0 && s->q.has_key && s->q.net4.addr.family)
        return true;
    fprintf(stderr, "%s:%u: %s\n", term_safe(file, name), s->q.line,
            *s->q.error ? term_safe(s->q.error, safe)
                        : "a server has a PrivateKey and an IPv4 Address");
    return false;
}

/* ---- writing --------------------------------------------------------------------------------- */

static bool write_new(const char *dir, const char *file, mode_t mode, const void *bytes, size_t n)
{
    char path[512], safe[TERM_SAFE];
    snprintf(path, sizeof path, "%s/%s", dir, file);
    int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, mode);
    if (fd < 0 && errno == EEXIST) {
        printf("  %s is there already: left as it is\n", term_safe(path, safe));
        return true;
    }
    bool written = fd >= 0 && fchmod(fd, mode) == 0 && write(fd, bytes, n) == (ssize_t)n &&
                   fsync(fd) == 0;
    if (fd >= 0 && (close(fd) < 0 || !written)) {
        int why = errno;
        unlink(path);
        errno = why;
    }
    if (!written)
        return cannot("cannot write %s: %s", path, strerror(errno));
    printf("  wrote %s\n", term_safe(path, safe));
    return true;
}

/* What `fill` prints, as a new file. */
static bool write_text(struct setup *s, const char *file, void (*fill)(struct setup *s, FILE *f))
{
    char *text = NULL;
    size_t n = 0;
    FILE *f = open_memstream(&text, &n);
    if (f)
        fill(s, f);
    bool ok = f && fclose(f) == 0 ? write_new(s->etc, file, 0644, text, n)
                                  : cannot("out of memory");
    free(text);
    return ok;
}

static void gateway_text(struct setup *s, FILE *f)
{
    const struct doors d = {s->endpoint, s->enrol, *s->console != 0, s->port,
                            machine_nic(&s->machine, s->office)};
    fprintf(f, "# This box. The firm's rules are in policy.conf; see policy.conf(5).\n\n"
            "gateway %s {\n"
            "    tunnel wg0 {\n"
            "        listen %s                 # UDP: let it in from the internet\n"
            "        address %s   # the gateway's own\n", s->name, s->port, s->network);
    if (s->q.mtu && s->q.mtu <= 1500)
        fprintf(f, "        mtu %u\n", s->q.mtu);
    doors_tunnel(&d, f);
    fprintf(f, "    }\n"
            "    outside %s                    # towards the internet\n"
            "    office %s { masquerade }      # towards the servers; they see the gateway's\n"
            "                                    # address. Without it they need a route back\n",
            s->outside, s->office);
    doors_blocks(&d, f);
    fputs("}\n", f);
}

static void policy_text(struct setup *s, FILE *f)
{
    fprintf(f, "# Who may reach what, from which devices, and when; see policy.conf(5).\n"
            "# Change it, then: portcullis policy check FILE; portcullis policy apply FILE\n\n"
            "company \"%s\"\n"
            "contact \"the IT person\"           # whom staff call when they are blocked\n\n"
            "# What there is in the office. Name each server once:\n"
            "# resource files { 10.20.0.11 tcp 445 }\n\n"
            "# What a device must be like to get in.\n"
            "posture baseline {\n"
            "    lease 15m   evidence <= 8h   assurance >= PA1\n"
            "    require fde.sys                 # its disk is encrypted\n"
            "    require fw.on                   # its firewall is on\n"
            "}\n\n"
            "# Who may reach what: nobody and nothing, until you say it.\n"
            "role staff { posture baseline }     # reach files\n\n"
            "# New devices come in by invitation; without this: any number, and no approval.\n"
            "# enrolment { at most 3 devices   approve every device   invitation 24h }\n\n"
            "# People read and sign their part of this on the portal, anew when it changes.\n"
            "# acknowledge within 14d\n",
            s->company);
}

/* A new office's own, as `wg genkey` makes one. */
static void make_key(struct setup *s)
{
    uint8_t *b = s->q.private_key.b;
    randombytes_buf(b, 32);
    b[0] &= 248;
    b[31] = (uint8_t)((b[31] & 127) | 64);
}

/* The parent reads the key as 32 bytes, and beside it pairs of a peer's key and the shared one. */
static bool write_secrets(struct setup *s)
{
    size_t n = 0;
    uint8_t *pairs = calloc(s->q.n_peers + 1, 64);
    if (!pairs)
        return cannot("out of memory");
    for (size_t i = 0; i < s->q.n_peers; i++) {
        if (!s->q.peers[i].has_preshared)
            continue;
        memcpy(pairs + 64 * n, s->q.peers[i].key.b, 32);
        memcpy(pairs + 64 * n++ + 32, s->q.peers[i].preshared.b, 32);
    }
    bool ok = write_new(s->state, "wireguard.key", 0600, s->q.private_key.b, 32) &&
              (n == 0 || write_new(s->state, "wireguard.preshared", 0600, pairs, 64 * n));
    explicit_bzero(pairs, 64 * n);
    free(pairs);
    return ok;
}

static bool make_directory(const char *path, mode_t mode)
{
    return mkdir(path, mode) == 0 || errno == EEXIST ||
           cannot("cannot make %s: %s", path, strerror(errno));
}

/* ---- the whole ------------------------------------------------------------------------------- */

static void say_next(const struct setup *s, const char *from)
{
    char safe[TERM_SAFE], etc[TERM_SAFE];
    if (*s->q.ignored)
        printf("Not taken over from %s: %s\n", term_safe(from, safe), s->q.ignored);
    printf("\nNext:\n");
    if (from)
        printf("  wg-quick down %s; systemctl disable wg-quick@...     # the older server\n",
               term_safe(from, safe));
    printf("  editor %s/policy.conf\n  systemctl enable --now portcullisd\n",
           term_safe(s->etc, etc));
    if (from)
        printf("  portcullis import --apply %s\n", term_safe(from, safe));
    else
        printf("  portcullis user add NAME --role staff\n");
    if (*s->enrol)
        printf("  portcullis device invite NAME\n");
    if (*s->console)
        printf("  portcullis admin add NAME --role owner; portcullis admin link NAME\n");
    printf("  portcullis status\n");
}

static enum cli_exit set_up(struct setup *s)
{
    const char *from = cli_option(s->c, "--from"), *what, *hint;
    if (machine_lacks(&what, &hint)) {
        fprintf(stderr, "portcullis: %s\n  hint: %s\n", what, hint);
        return CLI_REFUSED;
    }
    if (machine_read(&s->machine) < 0 || (from && !read_old(s, from)))
        return CLI_REFUSED;
    if (!from)
        make_key(s);
    propose(s);
    if (!ask_all(s) || !ask_doors(s) || !make_directory(s->etc, 0755) || !make_directory(s->state, 0711) ||
        !write_text(s, "gateway.conf", gateway_text) || !write_text(s, "policy.conf", policy_text) ||
        !write_secrets(s))
        return CLI_REFUSED;
    say_next(s, from);
    return CLI_DONE;
}

enum cli_exit cmd_setup(struct cli *c)
{
    static struct setup s;
    const char *etc = cli_option(c, "--etc"), *state = cli_option(c, "--state");
    s.c = c;
    s.etc = etc ? etc : "/etc/portcullis";
    s.state = state ? state : "/var/lib/portcullis";
    s.asks = !cli_option(c, "--yes") && isatty(STDIN_FILENO);
    enum cli_exit rc = sodium_init() < 0 ? CLI_REFUSED : set_up(&s);
    wg_quick_clear(&s.q);
    text_file_close(&s.old);
    return rc;
}
