/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * `receipt ...`: the signed document of a revocation.
 */
#include "admin/cli/bundle_file.h"
#include "admin/cli/known.h"
#include "admin/cli/term.h"
#include "admin/cli/views.h"

#include <stdlib.h>
#include <string.h>

struct found { json_t *receipt; char act[RECORD_ACT_MAX + 1]; uint64_t number; };

/* The record as `user revoke` shows its receipt. */
static void take(void *arg, const struct record *r, const uint8_t *bytes, size_t n)
{
    struct found *f = arg;
    char name[32];

    (void)bytes, (void)n;
    json_decref(f->receipt);
    f->receipt = json_loads(r->detail, JSON_REJECT_DUPLICATES, NULL);
    f->number = r->number;
    snprintf(f->act, sizeof f->act, "%s", r->act);
    snprintf(name, sizeof name, "R%06llu", (unsigned long long)r->number);
    json_object_set_new(f->receipt, "receipt", json_string(name));
    json_object_set_new(f->receipt, "object", json_string(r->object));
    json_object_set_new(f->receipt, "actor", json_string(r->actor));
}

static bool is_revocation(const char *act)
{
    static const char *const acts[] = {"user.revoke", "device.revoke", "device.lost",
                                       "device.retire"};

    for (size_t i = 0; i < sizeof acts / sizeof *acts; i++)
        if (strcmp(act, acts[i]) == 0)
            return true;
    return false;
}

static enum cli_exit show(const struct cli *c, const struct found *f, const struct bundle_report *r)
{
    char safe[TERM_SAFE];

    if (c->json)
        return print_json(f->receipt);
    enum cli_exit rc = show_receipt(f->receipt);
    show_line("reason", text_of(f->receipt, "reason"));
    printf("%s%s%s\n", term_colour(stdout, GREEN), term_safe(r->text, safe),
           term_colour(stdout, PLAIN));
    return rc;
}

static enum cli_exit not_sound(const char *path, const char *why)
{
    char safe[TERM_SAFE], text[TERM_SAFE];

    fprintf(stderr, "portcullis: %s is no sound receipt: %s\n", term_safe(path, safe),
            term_safe(why, text));
    return CLI_REFUSED;
}

enum cli_exit receipt_cmd_verify(struct cli *c)
{
    const char *given = cli_option(c, "--key");
    struct bundle_report r;
    struct note_key key;
    struct known k = {0};
    struct found f = {0};
    enum cli_exit rc;

    if (given && !key_read(given, &key))
        return CLI_USAGE;
    json_t *doc = bundle_read(c->args[0]);
    if (!doc)
        return CLI_REFUSED;
    bool sound = bundle_check(doc, given ? &key : NULL, take, &f, &r);
    json_decref(doc);
    if (sound && !given)
        (void)known_find(r.origin.name, &k);
    if (!sound)
        rc = not_sound(c->args[0], r.text);
    else if (r.records != 1 || !f.receipt || !is_revocation(f.act))
        rc = not_sound(c->args[0], "it does not hold the record of one revocation");
    else if (k.found && !note_key_same(&k.key, &r.origin))
        rc = not_sound(c->args[0], "its key is not the one that this gateway showed earlier");
    else
        rc = show(c, &f, &r);
    if (rc == CLI_DONE && !given && !k.found)
        fprintf(stderr, "portcullis: whose key this is only the file says: give --key, as "
                        "portcullis audit key prints it\n");
    json_decref(f.receipt);
    return rc;
}

enum cli_exit receipt_write(const struct cli *c, const json_t *answer)
{
    const char *path = cli_option(c, "--receipt");
    const json_t *doc = json_object_get(answer, "document");
    char safe[TERM_SAFE];

    if (!path)
        return CLI_DONE;
    if (doc)
        return bundle_write(path, doc) ? CLI_DONE : CLI_REFUSED;
    fprintf(stderr, "portcullis: the log cannot be signed now, there is no receipt in a file\n"
                    "  hint: later: portcullis receipt save %s FILE\n",
            term_safe(text_of(answer, "receipt"), safe));
    return CLI_REFUSED;
}

/* "R000009" or "9"; 0: neither. */
static uint64_t receipt_number(const char *s)
{
    s += *s == 'R';
    size_t n = strlen(s);

    return n > 0 && n < 16 && strspn(s, "0123456789") == n ? strtoull(s, NULL, 10) : 0;
}

enum cli_exit receipt_cmd_save(struct cli *c)
{
    uint64_t number = receipt_number(c->args[0]);
    char after[24], size[24];
    struct target t;
    struct visit v;

    if (number == 0)
        return complain_usage("this is no receipt's number:", c->args[0], "it looks like R000009");
    enum cli_exit rc = visit_begin(c, &v, "audit");
    snprintf(after, sizeof after, "%llu", (unsigned long long)number - 1);
    snprintf(size, sizeof size, "%llu", (unsigned long long)v.at.size);
    target_begin(&t, "/v1/audit/proof");
    target_query(&t, "limit", "1");
    target_query(&t, "after", after);
    target_query(&t, "size", size);
    json_t *page = rc == CLI_DONE ? call(c, "GET", &t, NULL, &rc) : NULL;
    if (page) {
        json_t *doc = bundle_make(v.answer, json_incref(json_object_get(page, "items")));
        struct bundle_report r;
        struct found f = {0};
        bool fits = bundle_check(doc, &v.origin, take, &f, &r) && r.records == 1 &&
                    f.number == number && is_revocation(f.act);
        if (!fits)
            rc = not_sound(c->args[0], "the record of this number is not a revocation");
        else
            rc = bundle_write(c->args[1], doc) ? show(c, &f, &r) : CLI_REFUSED;
        json_decref(f.receipt);
        json_decref(doc);
    }
    json_decref(page);
    visit_end(&v);
    return rc;
}
