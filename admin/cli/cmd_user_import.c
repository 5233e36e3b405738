/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * `user import FILE`: the staff list, a row a person. What it would do is shown; with --apply it
 * is done. People are added and their roles set as the list has them; nobody is ever removed by
 * being absent from a file.
 */
#include "admin/cli/csv.h"
#include "admin/cli/policy_file.h"
#include "admin/cli/term.h"
#include "admin/cli/views.h"
#include "policy/utf8.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define ERRORS_SHOWN 20

enum column { COL_NAME, COL_FULL, COL_ROLES, COL_END, COLS };
static const char *const column_names[COLS] = {"name", "full_name", "roles", "end"};

enum todo { TODO_NOTHING = 0, TODO_ADD, TODO_ROLES, TODO_REVOKED };

struct person {
    const char *name, *full;       /* in the file's text */
    json_t *roles;                 /* sorted as written; owned */
    int64_t end;                   /* 0 = none */
    unsigned line;
    enum todo todo;
    const json_t *now;             /* as the gateway has them; NULL = not yet */
};

struct import {
    struct cli *c;
    struct text_file file;
    struct policy_file policy;   /* the one in force, for the names of its roles */
    struct person *v;
    size_t n;
    int at[COLS];                  /* where each column stands, -1 = nowhere */
    json_t *users;                 /* the gateway's people */
    unsigned errors;
    size_t count[TODO_REVOKED + 1];
};

__attribute__((format(printf, 3, 4))) static void wrong(struct import *m, unsigned line,
                                                        const char *fmt, ...)
{
    char text[TERM_SAFE], safe[TERM_SAFE], name[TERM_SAFE];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    if (m->errors++ < ERRORS_SHOWN)
        fprintf(stderr, "%s:%u: %s\n", term_safe(m->file.name, name), line,
                term_safe(text, safe));
}

/* ---- the file ------------------------------------------------------------------------------- */

static int column_of(const char *head)
{
    for (int i = 0; i < COLS; i++)
        if (strcmp(head, column_names[i]) == 0)
            return i;
    return -1;
}

static void read_head(struct import *m, const struct csv_row *row)
{
    memset(m->at, -1, sizeof m->at);
    for (size_t i = 0; i < row->n; i++) {
        int col = column_of(row->field[i]);
        if (col < 0)
            wrong(m, row->line, "there is no column '%s': name, full_name, roles and end",
                  row->field[i]);
        else if (m->at[col] >= 0)
            wrong(m, row->line, "the column '%s' is there twice", row->field[i]);
        else
            m->at[col] = (int)i;
    }
    if (m->at[COL_NAME] < 0 || m->at[COL_ROLES] < 0)
        wrong(m, row->line, "the first row names the columns; name and roles must be among them");
}

static const char *cell(const struct import *m, const struct csv_row *row, enum column col)
{
    return m->at[col] >= 0 ? row->field[m->at[col]] : "";
}

/* "filing, warehouse" or "filing;warehouse" or "filing warehouse". */
static json_t *read_roles(struct import *m, unsigned line, const char *text)
{
    json_t *roles = json_array();
    char name[NAME_SIZE];
    while (*(text += strspn(text, ",; "))) {
        size_t n = strcspn(text, ",; ");
        snprintf(name, sizeof name, "%.*s", (int)(n < sizeof name ? n : sizeof name), text);
        if (n >= sizeof name || policy_role(m->policy.policy, name) < 0)
            wrong(m, line, "the policy in force has no role '%s'", name);
        json_array_append_new(roles, json_stringn(text, n));
        text += n;
    }
    return roles;
}

static bool name_good(const char *s)
{
    size_t n = strspn(s, "abcdefghijklmnopqrstuvwxyz0123456789._-");
    return n > 0 && n < NAME_SIZE && !s[n] && !strchr("._-", s[0]);
}

static void read_person(struct import *m, const struct csv_row *row, int64_t now)
{
    const char *end = cell(m, row, COL_END);
    struct person *p = &m->v[m->n];
    *p = (struct person){.name = cell(m, row, COL_NAME), .full = cell(m, row, COL_FULL),
                         .line = row->line};
    if (!name_good(p->name))
        wrong(m, row->line, "'%s' is no name: a-z, 0-9, '.', '_' and '-', such as maria.lopez",
              p->name);
    for (size_t i = 0; i < m->n; i++)
        if (strcmp(m->v[i].name, p->name) == 0)
            wrong(m, row->line, "'%s' is in line %u, too", p->name, m->v[i].line);
    if (strlen(p->full) >= TEXT_SIZE)
        wrong(m, row->line, "a full name has at most %d bytes", TEXT_SIZE - 1);
    else if (!utf8_valid((const uint8_t *)p->full, strlen(p->full)))
        wrong(m, row->line, "a full name is not UTF-8: save the list as \"CSV UTF-8\"");
    if (*end && (!word_date(end, now, &p->end) || p->end <= now))
        wrong(m, row->line, "'%s' is no date to come: 2027-01-31", end);
    p->roles = read_roles(m, row->line, cell(m, row, COL_ROLES));
    m->n++;
}

static void read_people(struct import *m)
{
    int64_t now = (int64_t)time(NULL);
    struct csv csv;
    struct csv_row row = {0};
    csv_begin(&csv, m->file.text, m->file.len);
    m->v = calloc(m->file.len / 2 + 1, sizeof *m->v);   /* a row has two bytes at least */
    if (!m->v)
        wrong(m, 0, "out of memory");
    else if (csv_next(&csv, &row))
        read_head(m, &row);
    else if (!csv.error)
        wrong(m, 1, "the file is empty");
    bool readable = m->errors == 0;
    size_t columns = row.n;
    while (readable && csv_next(&csv, &row)) {
        if (row.n == columns)
            read_person(m, &row, now);
        else
            wrong(m, row.line, "%zu columns, and the first row has %zu", row.n, columns);
    }
    if (csv.error)
        wrong(m, csv.line, "%s", csv.error);
}

/* ---- what is to be done ---------------------------------------------------------------------- */

/* Both are names without order; a role written twice counts once. */
static bool holds_all(const json_t *roles, const json_t *of)
{
    size_t i, k;
    json_t *a, *b;
    json_array_foreach(of, i, a) {
        bool found = false;
        json_array_foreach(roles, k, b)
            found = found || json_equal(a, b);
        if (!found)
            return false;
    }
    return true;
}

static void decide(struct import *m, struct person *p)
{
    const json_t *roles = json_object_get(p->now, "roles");
    if (!p->now)
        p->todo = TODO_ADD;
    else if (strcmp(text_of(p->now, "state"), "revoked") == 0)
        p->todo = TODO_REVOKED;
    else if (!holds_all(roles, p->roles) || !holds_all(p->roles, roles))
        p->todo = TODO_ROLES;
    m->count[p->todo]++;
}

static void decide_all(struct import *m)
{
    json_t *by_name = json_object(), *u;
    size_t i;
    json_array_foreach(json_object_get(m->users, "items"), i, u)
        json_object_set(by_name, text_of(u, "name"), u);
    for (i = 0; i < m->n; i++) {
        m->v[i].now = json_object_get(by_name, m->v[i].name);
        decide(m, &m->v[i]);
    }
    json_decref(by_name);
}

/* People who are here, active, and not in the file. */
static json_t *absent(const struct import *m)
{
    json_t *list = json_array(), *in_file = json_object(), *u;
    size_t i;
    for (i = 0; i < m->n; i++)
        json_object_set_new(in_file, m->v[i].name, json_true());
    json_array_foreach(json_object_get(m->users, "items"), i, u)
        if (strcmp(text_of(u, "state"), "active") == 0 &&
            !json_object_get(in_file, text_of(u, "name")))
            json_array_append(list, json_object_get(u, "name"));
    json_decref(in_file);
    return list;
}

/* ---- showing --------------------------------------------------------------------------------- */

static json_t *names_json(const struct import *m, enum todo todo)
{
    json_t *list = json_array();
    for (size_t i = 0; i < m->n; i++)
        if (m->v[i].todo == todo)
            json_array_append_new(list, json_string(m->v[i].name));
    return list;
}

static enum cli_exit show_json(const struct import *m, bool applied)
{
    json_t *o = json_pack("{s:b,s:o,s:o,s:o,s:o,s:o}", "applied", applied,
                          "add", names_json(m, TODO_ADD), "set_roles", names_json(m, TODO_ROLES),
                          "unchanged", names_json(m, TODO_NOTHING),
                          "revoked", names_json(m, TODO_REVOKED), "not_in_file", absent(m));
    enum cli_exit rc = print_json(o);
    json_decref(o);
    return rc;
}

static void show_plan(const struct import *m)
{
    static const char *const heads[] = {"WHAT", "NAME", "ROLES", "NOW"};
    static const char *const words[] = {"", "add", "set roles", "revoked: left as it is"};
    struct table t;
    char roles[TERM_SAFE], now[TERM_SAFE];
    table_begin(&t, 4, heads);
    for (size_t i = 0; i < m->n; i++) {
        const struct person *p = &m->v[i];
        if (p->todo == TODO_NOTHING)
            continue;
        names_of(p->roles, roles, sizeof roles);
        names_of(json_object_get(p->now, "roles"), now, sizeof now);
        table_cell(&t, words[p->todo]);
        table_cell(&t, p->name);
        table_cell(&t, *roles ? roles : "none");
        table_cell(&t, now);
    }
    table_print(&t, stdout);
}

static void show_absent(const struct import *m)
{
    json_t *names = absent(m);
    char list[TERM_SAFE];
    if (json_array_size(names) > 0)
        printf("Not in this file, and left as they are: %s\n", names_of(names, list, sizeof list));
    json_decref(names);
}

static enum cli_exit show(const struct import *m, bool applied)
{
    char safe[TERM_SAFE];
    if (m->c->json)
        return show_json(m, applied);
    if (m->count[TODO_ADD] + m->count[TODO_ROLES] + m->count[TODO_REVOKED] > 0)
        show_plan(m);
    show_absent(m);
    printf("%s%zu added, %zu with other roles, %zu unchanged, %zu revoked ones left as they are.\n",
           applied ? "" : "Would be: ", m->count[TODO_ADD], m->count[TODO_ROLES],
           m->count[TODO_NOTHING], m->count[TODO_REVOKED]);
    if (!applied && m->count[TODO_ADD] + m->count[TODO_ROLES] > 0)
        printf("Nothing is changed yet: portcullis user import --apply %s\n",
               term_safe(m->file.name, safe));
    return CLI_DONE;
}

/* ---- doing ----------------------------------------------------------------------------------- */

static enum cli_exit do_one(struct import *m, const struct person *p)
{
    struct target t;
    enum cli_exit rc;
    json_t *body = json_pack("{s:O}", "roles", p->roles), *answer;
    target_begin(&t, "/v1/users");
    if (p->todo == TODO_ROLES) {
        target_name(&t, p->name);
        target_word(&t, "/roles");
    } else {
        json_object_set_new(body, "name", json_string(p->name));
        if (*p->full)
            json_object_set_new(body, "full_name", json_string(p->full));
        if (p->end)
            json_object_set_new(body, "end", json_integer(p->end));
    }
    answer = call(m->c, p->todo == TODO_ROLES ? "PUT" : "POST", &t, body, &rc);
    json_decref(answer);
    return rc;
}

/* Stops at the first refusal; a second run goes on where it stopped. */
static enum cli_exit do_all(struct import *m)
{
    enum cli_exit rc = CLI_DONE;
    for (size_t i = 0; i < m->n; i++) {
        const struct person *p = &m->v[i];
        if (p->todo == TODO_ADD || p->todo == TODO_ROLES)
            rc = do_one(m, p);
        if (rc != CLI_DONE) {
            fprintf(stderr, "  stopped at line %u; what comes before it is done\n", p->line);
            return rc;
        }
    }
    return show(m, true);
}

static enum cli_exit load_gateway(struct import *m)
{
    struct target t;
    enum cli_exit rc;
    json_t *answer;
    target_begin(&t, "/v1/policy");
    answer = call(m->c, "GET", &t, NULL, &rc);
    if (!answer)
        return rc;
    m->policy.policy = policy_parse(text_of(answer, "text"), strlen(text_of(answer, "text")),
                                    &m->policy.diags);
    json_decref(answer);
    target_begin(&t, "/v1/users");
    m->users = m->policy.policy ? call_list(m->c, &t, NULL, &rc) : NULL;
    if (!m->policy.policy)
        fprintf(stderr, "portcullis: the policy in force is newer than this command\n");
    return m->users ? CLI_DONE : rc == CLI_DONE ? CLI_REFUSED : rc;
}

static enum cli_exit import(struct import *m)
{
    enum cli_exit rc = load_gateway(m);
    if (rc != CLI_DONE)
        return rc;
    read_people(m);
    if (m->errors > ERRORS_SHOWN)
        fprintf(stderr, "... and %u more\n", m->errors - ERRORS_SHOWN);
    if (m->errors > 0)
        return CLI_REFUSED;
    decide_all(m);
    return cli_option(m->c, "--apply") ? do_all(m) : show(m, false);
}

enum cli_exit user_cmd_import(struct cli *c)
{
    static struct import m;
    enum cli_exit rc = CLI_REFUSED;
    m.c = c;
    if (text_file_read(&m.file, c->args[0]) == 0)
        rc = import(&m);
    for (size_t i = 0; i < m.n; i++)
        json_decref(m.v[i].roles);
    free(m.v);
    json_decref(m.users);
    text_file_close(&m.file);
    policy_file_close(&m.policy);
    return rc;
}
