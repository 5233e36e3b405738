/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Targets, requests to the daemon, and what its answers and refusals look like to a person.
 */
#include "admin/cli/call.h"

#include "admin/cli/http.h"
#include "admin/cli/term.h"

#include <ctype.h>
#include <errno.h>
#include <pwd.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define PAGE_MOST "5000"       /* as many as the daemon gives at once */

/* ---- targets -------------------------------------------------------------------------------- */

static void append(struct target *t, const char *s, size_t n)
{
    size_t len = strlen(t->s);
    if (len + n >= sizeof t->s) {
        t->bad = true;
        return;
    }
    memcpy(t->s + len, s, n);
    t->s[len + n] = 0;
}

void target_begin(struct target *t, const char *path)
{
    *t = (struct target){0};
    append(t, path, strlen(path));
}

void target_word(struct target *t, const char *fixed) { append(t, fixed, strlen(fixed)); }

static bool plain(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           (c && strchr("._-", c));
}

void target_name(struct target *t, const char *name)
{
    size_t n = strlen(name);
    for (size_t i = 0; i < n; i++)
        t->bad = t->bad || !plain(name[i]);
    if (n == 0 || name[0] == '.')
        t->bad = true;
    append(t, "/", 1);
    append(t, name, n);
}

void target_query(struct target *t, const char *key, const char *value)
{
    char hex[4];
    if (!value)
        return;
    append(t, t->query ? "&" : "?", 1);
    t->query = true;
    append(t, key, strlen(key));
    append(t, "=", 1);
    for (; *value; value++) {
        if (plain(*value)) {
            append(t, value, 1);
        } else {
            snprintf(hex, sizeof hex, "%%%02X", (unsigned char)*value);
            append(t, hex, 3);
        }
    }
}

void target_options(struct target *t, const struct cli *c, const char *const *names)
{
    for (; *names; names++)
        target_query(t, *names + 2, cli_option(c, *names));
}

/* ---- asking --------------------------------------------------------------------------------- */

/* Who acts, for Portcullis-Actor; NULL when no fitting name is known. */
static const char *actor_name(void)
{
    const char *name = getenv("SUDO_USER");
    if (geteuid() != 0 || !name || !*name) {
        const struct passwd *pw = getpwuid(getuid());
        name = pw ? pw->pw_name : NULL;
    }
    if (!name || !*name || strlen(name) > 64)
        return NULL;
    for (const char *p = name; *p; p++)
        if (!plain(*p) && *p != '@')
            return NULL;
    return name;
}

/* Nobody is there, or one who may not be spoken to. */
static enum cli_exit no_daemon(const struct cli *c, int err)
{
    char safe[TERM_SAFE];
    if (err == -EACCES || err == -EPERM) {
        fprintf(stderr, "portcullis: you may not speak to the gateway (%s): %s\n"
                        "  hint: try sudo; or have yourself added to the group portcullis-admin\n",
                term_safe(c->socket, safe), strerror(-err));
        return CLI_REFUSED;
    }
    fprintf(stderr, "portcullis: no daemon answers at %s: %s\n", term_safe(c->socket, safe),
            strerror(-err));
    if (err == -ENOENT || err == -ECONNREFUSED)
        fprintf(stderr, "  hint: start it with: systemctl start portcullisd; "
                        "or name its socket with -s\n");
    else
        fprintf(stderr, "  hint: see journalctl -u portcullisd\n");
    return CLI_NO_DAEMON;
}

/* Diagnostics of a policy that was refused, as the daemon shows them: it knows the text as
 * "policy:LINE:COLUMN", the person by the file's name. */
static void print_shown(const struct cli *c, const json_t *list)
{
    static const char called[] = "policy:";
    char file[TERM_SAFE];
    size_t i;
    json_t *one;
    json_array_foreach(list, i, one) {
        const char *shown = text_of(one, "shown");
        if (c->n_args > 0 && strncmp(shown, called, strlen(called)) == 0) {
            fputs(term_safe(c->args[0], file), stderr);
            shown += strlen(called) - 1;
        }
        term_lines(stderr, *shown ? shown : text_of(one, "text"));
        if (!*shown || shown[strlen(shown) - 1] != '\n')
            fputc('\n', stderr);
    }
}

static enum cli_exit refused(const struct cli *c, int status, const json_t *answer)
{
    char safe[TERM_SAFE];
    const json_t *e = json_object_get(answer, "error");
    if (c->json && answer)
        print_json(answer);
    print_shown(c, json_object_get(answer, "diagnostics"));
    if (!json_is_object(e)) {
        fprintf(stderr, "portcullis: the daemon refused with status %d\n", status);
        return CLI_REFUSED;
    }
    fprintf(stderr, "%sportcullis:%s %s\n", term_colour(stderr, RED), term_colour(stderr, PLAIN),
            term_safe(text_of(e, "message"), safe));
    if (*text_of(e, "hint"))
        fprintf(stderr, "  hint: %s\n", term_safe(text_of(e, "hint"), safe));
    return CLI_REFUSED;
}

static json_t *exchange(struct cli *c, struct http_request *q, enum cli_exit *rc)
{
    struct http_reply r;
    q->actor = actor_name();
    int err = http_exchange(c->socket, q, &r);
    if (err < 0) {
        *rc = no_daemon(c, err);
        return NULL;
    }
    json_t *answer = json_loadb(r.body, r.len, JSON_REJECT_DUPLICATES, NULL);
    if (r.body)
        explicit_bzero(r.body, r.len);     /* an invitation or a code may be in it */
    free(r.body);
    if ((r.status == 200 || r.status == 201) && json_is_object(answer)) {
        *rc = CLI_DONE;
        return answer;
    }
    *rc = refused(c, r.status, answer);
    json_decref(answer);
    return NULL;
}

static bool target_good(const struct target *t, enum cli_exit *rc)
{
    if (t->bad)
        *rc = complain_usage("this holds a character that no name has, or is too long:",
                             strrchr(t->s, '/') + 1,
                             "names are a-z, 0-9, '.', '_' and '-'");
    return !t->bad;
}

json_t *call(struct cli *c, const char *method, const struct target *t, json_t *body,
             enum cli_exit *rc)
{
    json_t *answer = NULL;
    char *text = body ? json_dumps(body, JSON_COMPACT) : NULL;
    struct http_request q = {.method = method, .target = t->s, .type = "application/json",
                             .body = text, .len = text ? strlen(text) : 0};
    if (body && !text)
        *rc = complain_usage("a text here is not UTF-8:", c->cmd->noun, NULL);
    else if (target_good(t, rc))
        answer = exchange(c, &q, rc);
    free(text);
    json_decref(body);
    return answer;
}

json_t *call_text(struct cli *c, const struct target *t, const char *text, size_t len,
                  enum cli_exit *rc)
{
    struct http_request q = {.method = "POST", .target = t->s, .type = "text/plain; charset=utf-8",
                             .body = text, .len = len};
    return target_good(t, rc) ? exchange(c, &q, rc) : NULL;
}

char *call_bytes(struct cli *c, const struct target *t, size_t *len, enum cli_exit *rc)
{
    struct http_request q = {.method = "GET", .target = t->s, .actor = actor_name()};
    struct http_reply r;
    if (!target_good(t, rc))
        return NULL;
    int err = http_exchange(c->socket, &q, &r);
    if (err < 0) {
        *rc = no_daemon(c, err);
        return NULL;
    }
    if (r.status == 200) {
        *rc = CLI_DONE;
        *len = r.len;
        return r.body;
    }
    json_t *answer = json_loadb(r.body, r.len, JSON_REJECT_DUPLICATES, NULL);
    free(r.body);
    *rc = refused(c, r.status, answer);
    json_decref(answer);
    return NULL;
}

/* Where the next page begins; false when there is none, or it would not move on. */
static bool next_page(const json_t *answer, char from[64])
{
    const json_t *next = json_object_get(answer, "next");
    char now[64] = "";
    if (json_is_string(next))
        snprintf(now, sizeof now, "%s", json_string_value(next));
    else if (json_is_integer(next))
        snprintf(now, sizeof now, "%lld", (long long)json_integer_value(next));
    bool moves = *now && strcmp(now, from) != 0;
    memcpy(from, now, sizeof now);
    return moves;
}

/* Both pages as one; its "next" is that of the second. */
static json_t *joined(json_t *all, json_t *page)
{
    if (!all)
        return page;
    json_array_extend(json_object_get(all, "items"), json_object_get(page, "items"));
    if (json_object_get(page, "next"))
        json_object_set(all, "next", json_object_get(page, "next"));
    else
        json_object_del(all, "next");
    json_decref(page);
    return all;
}

json_t *call_list(struct cli *c, const struct target *t, const char *after, enum cli_exit *rc)
{
    const char *limit = cli_option(c, "--limit");
    char from[64] = "";
    bool more;
    json_t *all = NULL;
    snprintf(from, sizeof from, "%s", after ? after : "");
    do {
        struct target page = *t;
        target_query(&page, "limit", limit ? limit : PAGE_MOST);
        target_query(&page, "after", *from ? from : NULL);
        json_t *answer = call(c, "GET", &page, NULL, rc);
        if (!answer) {
            json_decref(all);
            return NULL;
        }
        more = !limit && next_page(answer, from);
        all = joined(all, answer);
    } while (more);
    return all;
}

/* ---- answers -------------------------------------------------------------------------------- */

/* On a terminal in ASCII: JSON escapes control characters, but none above them. */
enum cli_exit print_json(const json_t *v)
{
    size_t flags = JSON_INDENT(2) | JSON_REAL_PRECISION(10) |
                   (isatty(STDOUT_FILENO) ? JSON_ENSURE_ASCII : 0);
    if (json_dumpf(v, stdout, flags) != 0)
        return CLI_REFUSED;
    fputc('\n', stdout);
    return CLI_DONE;
}

/* Takes the answer over; NULL: why there is none has been told. */
static enum cli_exit shown(const struct cli *c, json_t *answer, enum cli_exit rc,
                           void (*show)(const json_t *answer))
{
    if (answer && c->json)
        rc = print_json(answer);
    else if (answer)
        show(answer);
    json_decref(answer);
    return rc;
}

enum cli_exit call_show(struct cli *c, const char *method, const struct target *t, json_t *body,
                        void (*show)(const json_t *answer))
{
    enum cli_exit rc;
    json_t *answer = call(c, method, t, body, &rc);
    return shown(c, answer, rc, show);
}

enum cli_exit call_list_show(struct cli *c, const struct target *t,
                             void (*show)(const json_t *answer))
{
    enum cli_exit rc;
    json_t *answer = call_list(c, t, NULL, &rc);
    return shown(c, answer, rc, show);
}

const char *text_of(const json_t *o, const char *key)
{
    const char *s = json_string_value(json_object_get(o, key));
    return s ? s : "";
}

int64_t int_of(const json_t *o, const char *key)
{
    return json_integer_value(json_object_get(o, key));
}

double real_of(const json_t *o, const char *key)
{
    return json_number_value(json_object_get(o, key));
}

const char *names_of(const json_t *array, char *out, size_t size)
{
    size_t i, at = 0;
    json_t *v;
    out[0] = 0;
    json_array_foreach(array, i, v) {
        const char *name = json_is_object(v) ? text_of(v, "name") : json_string_value(v);
        int n = snprintf(out + at, size - at, "%s%s", i ? ", " : "", name ? name : "");
        if (n < 0 || (size_t)n >= size - at) {
            snprintf(out + size - 3, 3, "..");
            break;
        }
        at += (size_t)n;
    }
    return out;
}
