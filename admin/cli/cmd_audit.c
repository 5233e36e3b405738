/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * `audit verify`, `key`, `checkpoint`, `new-key`, `export`, `forget`.
 */
#include "admin/cli/bundle_file.h"
#include "admin/cli/known.h"
#include "admin/cli/ledger_dir.h"
#include "admin/cli/term.h"
#include "admin/cli/views.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static const char *const logs[] = {"audit", "attempts"};

/* ---- verify --------------------------------------------------------------------------------- */

static json_t *verdict_json(bool sound, const char *text, uint64_t records)
{
    return json_pack("{s:b,s:I,s:s}", "ok", sound, "records", (json_int_t)records, "text", text);
}

static enum cli_exit say(const struct cli *c, bool sound, const char *text, uint64_t records)
{
    char safe[TERM_SAFE];

    if (c->json) {
        json_t *o = verdict_json(sound, text, records);
        print_json(o);
        json_decref(o);
    } else {
        printf("%s%s%s\n", term_colour(stdout, sound ? GREEN : RED), term_safe(text, safe),
               term_colour(stdout, PLAIN));
    }
    return sound ? CLI_DONE : CLI_REFUSED;
}

/* A directory, without a daemon: against the key that was given, or what an earlier visit saw. */
static enum cli_exit verify_dir(const struct cli *c, const char *path, const struct note_key *key)
{
    struct ledger_report r;
    struct known k = {0};
    char safe[TERM_SAFE];
    int err;

    (void)ledger_dir_verify(path, key, NULL, &r, &err);
    if (err) {
        fprintf(stderr, "portcullis: cannot read %s: %s\n", term_safe(path, safe), strerror(err));
        return CLI_REFUSED;
    }
    if (r.sound && !known_find(r.origin.name, &k))
        return CLI_REFUSED;
    if (k.found && note_key_same(&k.key, &r.origin))
        (void)ledger_dir_verify(path, key, &k.at, &r, &err);
    else if (r.sound && !key)
        fprintf(stderr, "portcullis: that it is this key's log only the directory says: give "
                        "--key, as portcullis audit key prints it\n");
    return say(c, r.sound, r.text, r.records);
}

/* What was exported: against the key that was given, or the one that an earlier visit saw. */
static enum cli_exit verify_bundle(const struct cli *c, const char *path, const struct note_key *key)
{
    struct bundle_report r;
    struct known k = {0};
    json_t *doc = bundle_read(path);

    if (!doc)
        return CLI_REFUSED;
    bool sound = bundle_check(doc, key, NULL, NULL, &r);
    json_decref(doc);
    if (sound && !key && !known_find(r.origin.name, &k))
        return CLI_REFUSED;
    if (k.found && !note_key_same(&k.key, &r.origin))
        return say(c, false, "its key is not the one that this gateway showed earlier", r.records);
    if (sound && !key && !k.found)
        fprintf(stderr, "portcullis: whose key this is only the file says: give --key, as portcullis "
                        "audit key prints it\n");
    return say(c, sound, r.text, r.records);
}

static enum cli_exit verify_path(const struct cli *c, const char *path)
{
    struct note_key key;
    struct stat st;
    const char *given = cli_option(c, "--key");

    if (given && !key_read(given, &key))
        return CLI_USAGE;
    if (stat(path, &st) < 0 || S_ISDIR(st.st_mode))
        return verify_dir(c, path, given ? &key : NULL);
    return verify_bundle(c, path, given ? &key : NULL);
}

/* Of one of the daemon's logs: a line, or a member of `both`. */
static enum cli_exit say_of(const struct cli *c, json_t *both, const char *log, bool sound,
                            const char *text, uint64_t records)
{
    if (!c->json)
        return say(c, sound, text, records);
    json_object_set_new(both, log, verdict_json(sound, text, records));
    return sound ? CLI_DONE : CLI_REFUSED;
}

static enum cli_exit verify_by_daemon(struct cli *c, json_t *both, const char *log)
{
    struct target t;
    enum cli_exit rc;

    target_begin(&t, "/v1/audit/verify");
    target_query(&t, "log", log);
    json_t *v = call(c, "POST", &t, json_object(), &rc);
    if (v)
        rc = say_of(c, both, log, json_is_true(json_object_get(v, "ok")), text_of(v, "text"),
                    (uint64_t)int_of(v, "records"));
    json_decref(v);
    return rc;
}

/* The daemon's own: read by ourselves where we may, else we have to take its word. */
static enum cli_exit verify_log(struct cli *c, json_t *both, const char *log)
{
    struct ledger_report r;
    struct visit v;
    int err;
    enum cli_exit rc = visit_begin(c, &v, log);

    if (rc == CLI_DONE) {
        const char *dir = text_of(v.answer, "directory");
        (void)ledger_dir_verify(dir, &v.origin, v.before.found ? &v.before.at : NULL, &r, &err);
        rc = err ? verify_by_daemon(c, both, log)
                 : say_of(c, both, log, r.sound, r.text, r.records);
        if (err && !c->json)
            printf("  so says the daemon itself: %s may only be read by root\n", dir);
    }
    visit_end(&v);
    return rc;
}

enum cli_exit audit_cmd_verify(struct cli *c)
{
    enum cli_exit worst = CLI_DONE;

    if (c->n_args > 0)
        return verify_path(c, c->args[0]);
    json_t *both = json_object();
    for (size_t i = 0; i < 2; i++) {
        enum cli_exit rc = verify_log(c, both, logs[i]);
        worst = rc > worst ? rc : worst;
    }
    if (c->json)
        print_json(both);
    json_decref(both);
    return worst;
}

/* ---- key, checkpoint, new-key, forget ------------------------------------------------------- */

static enum cli_exit print_signed(struct cli *c, const char *log, const char *member)
{
    struct visit v;
    char safe[TERM_SAFE];
    enum cli_exit rc = visit_begin(c, &v, log);

    if (rc == CLI_DONE && c->json)
        rc = print_json(v.answer);
    else if (rc == CLI_DONE && strcmp(member, "checkpoint") == 0)
        term_lines(stdout, text_of(v.answer, member));
    else if (rc == CLI_DONE)
        printf("%s\n", term_safe(text_of(v.answer, member), safe));
    visit_end(&v);
    return rc;
}

static const char *chosen_log(const struct cli *c)
{
    const char *log = cli_option(c, "--log");

    return log ? log : logs[0];
}

enum cli_exit audit_cmd_key(struct cli *c)
{
    return word_choice(c, "--log", "audit attempts") ? print_signed(c, chosen_log(c), "origin")
                                                     : CLI_USAGE;
}

enum cli_exit audit_cmd_checkpoint(struct cli *c)
{
    return word_choice(c, "--log", "audit attempts") ? print_signed(c, chosen_log(c), "checkpoint")
                                                     : CLI_USAGE;
}

enum cli_exit audit_cmd_new_key(struct cli *c)
{
    struct target t;
    enum cli_exit rc;

    target_begin(&t, "/v1/audit/new-key");
    json_t *v = call(c, "POST", &t, json_object(), &rc);
    if (v && c->json)
        rc = print_json(v);
    else if (v)
        printf("From now on the logs are signed by the keys of epoch %lld; those before are "
               "erased.\n", (long long)int_of(v, "epoch"));
    json_decref(v);
    return rc;
}

enum cli_exit audit_cmd_forget(struct cli *c)
{
    if (known_forget(c->args[0]))
        return CLI_DONE;
    (void)complain_usage("no log of this name was seen:", c->args[0],
                         "its origin, such as portcullis/hq-edge-1/audit");
    return CLI_REFUSED;
}

/* ---- export --------------------------------------------------------------------------------- */

/* The records that were asked for, each with its proof in the tree of `size`, onto list. */
static enum cli_exit collect(struct cli *c, const char *log, uint64_t size, json_t *list)
{
    char after[24] = "";
    enum cli_exit rc = CLI_DONE;
    bool more = size > 0;

    while (more) {
        struct target t;
        char number[24];
        target_begin(&t, "/v1/audit/proof");
        target_query(&t, "log", log);
        snprintf(number, sizeof number, "%llu", (unsigned long long)size);
        target_query(&t, "size", number);
        target_query(&t, "limit", "500");
        target_query(&t, "after", *after ? after : NULL);
        if (!audit_filters(c, &t, "--from", "--to"))
            return CLI_USAGE;
        json_t *page = call(c, "GET", &t, NULL, &rc);
        if (!page)
            return rc;
        json_array_extend(list, json_object_get(page, "items"));
        more = json_is_integer(json_object_get(page, "next"));
        snprintf(after, sizeof after, "%lld", (long long)int_of(page, "next"));
        json_decref(page);
    }
    return rc;
}

enum cli_exit audit_cmd_export(struct cli *c)
{
    struct bundle_report r;
    struct target unused;
    struct visit v;

    target_begin(&unused, "");
    if (!word_choice(c, "--log", "audit attempts") || !audit_filters(c, &unused, "--from", "--to"))
        return CLI_USAGE;
    enum cli_exit rc = visit_begin(c, &v, chosen_log(c));
    if (rc == CLI_DONE) {
        json_t *records = json_array();
        rc = collect(c, v.log, v.at.size, records);
        json_t *doc = bundle_make(v.answer, records);
        if (rc == CLI_DONE && !bundle_check(doc, &v.origin, NULL, NULL, &r))
            rc = say(c, false, r.text, r.records);
        else if (rc == CLI_DONE && bundle_write(c->args[0], doc))
            rc = say(c, true, r.text, r.records);
        else if (rc == CLI_DONE)
            rc = CLI_REFUSED;
        json_decref(doc);
    }
    visit_end(&v);
    return rc;
}
