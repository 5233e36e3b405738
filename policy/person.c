/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What a policy says to one person, as a text to be signed. */
#include "policy/person.h"

#include <stdlib.h>
#include <string.h>

#include "policy/lang.h"
#include "policy/posture_parts.h"

#define TAIL 160 /* bytes of the line that says that more was cut */

/* The roles in order of their names, so that a policy that is only written in another order says
 * the same. */
struct person {
    const struct policy *p;
    const struct role *role[ROLES_MAX];
    size_t n;
    struct out out;
};

static void add_role(struct person *x, const struct role *r)
{
    size_t at = x->n++;

    for (; at > 0 && strcmp(x->role[at - 1]->name, r->name) > 0; at--)
        x->role[at] = x->role[at - 1];
    x->role[at] = r;
}

static void put_span(struct out *o, struct span s)
{
    char text[48];
    struct shown t = shown_start(text, sizeof text);

    shown_duration(&t, s.s, true);
    out_put(o, text);
}

/* "entry-filing, import-clerk and it": those with this posture; -1: all. */
static void put_roles(struct person *x, int posture)
{
    size_t n = 0, at = 0;

    for (size_t i = 0; i < x->n; i++)
        n += posture < 0 || x->role[i]->posture == posture;
    for (size_t i = 0; i < x->n; i++) {
        if (posture >= 0 && x->role[i]->posture != posture)
            continue;
        out_put(&x->out, at == 0 ? "" : at + 1 < n ? ", " : " and ");
        out_put(&x->out, x->role[i]->name);
        at++;
    }
}

/* ---- reach ---------------------------------------------------------------------------------- */

static int by_name(const void *a, const void *b)
{
    const struct resource *const *x = a, *const *y = b;

    return strcmp((*x)->name, (*y)->name);
}

/* Each once. */
static void put_resources(struct person *x, const struct resource **v, size_t n, bool remediation)
{
    if (n > 0)
        qsort(v, n, sizeof(const struct resource *), by_name);
    for (size_t i = 0; i < n; i++) {
        if (i > 0 && v[i] == v[i - 1])
            continue;
        out_put(&x->out, v[i]->name);
        if (remediation)
            out_put(&x->out, ", with every device, so that it can get well again");
        else
            out_put(&x->out, v[i]->sensitive ? " (what is in it is sensitive)" : "");
        out_put(&x->out, "\n");
    }
}

static void put_reach(struct person *x)
{
    size_t n = 0, most = x->p->n_remediation + 1;
    const struct resource **v;

    for (size_t i = 0; i < x->n; i++)
        most += x->role[i]->n_reach;
    v = calloc(most, sizeof(const struct resource *));
    x->out.oom = x->out.oom || !v;
    if (!v)
        return;
    out_put(&x->out, "What you may reach, and nothing else:\n");
    for (size_t i = 0; i < x->n; i++)
        for (size_t k = 0; k < x->role[i]->n_reach; k++)
            v[n++] = &x->p->resources[x->role[i]->reach[k]];
    put_resources(x, v, n, false);
    for (n = 0; n < x->p->n_remediation; n++)
        v[n] = &x->p->resources[x->p->remediation[n]];
    put_resources(x, v, n, true);
    free(v);
}

/* ---- when, and what is asked of the person --------------------------------------------------- */

static void put_role(struct out *o, const struct role *r)
{
    out_fmt(o, "As %s you work ", r->name);
    if (r->hours.n_slots == 0)
        out_put(o, "at any time");
    else
        out_hours(o, &r->hours);
    out_put(o, r->hours.n_slots == 0 ? ".\n" : "; at their end connections end, too.\n");
    if (r->sign_in.s > 0) {
        out_fmt(o, "As %s you sign in every ", r->name);
        put_span(o, r->sign_in);
        out_put(o, ".\n");
    }
    if (r->all_traffic)
        out_fmt(o, "As %s all that your devices send passes the gateway, not only what is for the "
                "office.\n", r->name);
}

/* ---- devices --------------------------------------------------------------------------------- */

static void put_systems(struct out *o, const struct posture *post)
{
    if (post->n_os == 0)
        return;
    out_put(o, "Its system is ");
    for (int i = 0; i < post->n_os; i++)
        out_fmt(o, "%s%s %s or newer", i == 0 ? "" : i + 1 < post->n_os ? ", " : " or ",
                post->os[i].family, post->os[i].version);
    out_put(o, ".\n");
}

static void put_assurance(struct out *o, const struct posture *post)
{
    static const char *const says[] = {
        [2] = "A key in its hardware signs what it reports.\n",
        [3] = "Device management or threat detection reports on it, not the device itself.\n",
        [4] = "Device management reports on it, and its security chip confirms that.\n",
    };

    if (post->assurance >= 2 && post->assurance <= 4)
        out_put(o, says[post->assurance]);
}

static void put_posture(struct person *x, int index)
{
    const struct posture *post = &x->p->postures[index];
    char rule[PERSON_RULE];

    out_put(&x->out, "What your device must be like, for the work as ");
    put_roles(x, index);
    out_put(&x->out, ":\n");
    if (post->report_only)
        out_put(&x->out, "This is on trial: it is recorded, and shuts nobody out.\n");
    put_assurance(&x->out, post);
    put_systems(&x->out, post);
    for (int i = 0; i < post->n_rules; i++) {
        person_rule(&post->rules[i], rule);
        out_put(&x->out, rule);
        out_put(&x->out, "\n");
    }
    if (post->n_os == 0 && post->n_rules == 0)
        out_put(&x->out, "It reports its state; nothing more is asked of it.\n");
}

static bool posture_before(const struct person *x, size_t role)
{
    for (size_t i = 0; i < role; i++)
        if (x->role[i]->posture == x->role[role]->posture)
            return true;
    return false;
}

/* ---- what follows, and what is recorded ------------------------------------------------------ */

static void put_responses(struct out *o, const struct respond *r)
{
    bool any = false;

    for (int i = 0; i < PATTERNS; i++) {
        const struct pattern_rule *rule = &r->rule[i];

        if (rule->action == ACTION_ALARM)
            continue;
        out_put(o, any ? "" : "When your device is shut out by itself:\n");
        any = true;
        if (rule->action == ACTION_LOCK) {
            out_put(o, "Until an administrator unlocks it");
        } else {
            out_put(o, "For ");
            put_span(o, rule->time);
        }
        out_fmt(o, ", when %s.\n", pattern_sentence((enum pattern)i));
    }
}

static void put_records(struct out *o)
{
    out_put(o, "What is recorded about you:\n"
               "When each of your devices was let in, as what, until when, and when that ended.\n"
               "Each report of your devices: which of the rules above they met, and which not.\n"
               "What your devices send to what you may not reach: when, where to, how often, and "
               "the packets themselves.\n"
               "Your sign-ins and those that failed, and what you have signed.\n"
               "What administrators do with your account and your devices.\n"
               "What you do within what you may reach is not recorded.\n");
}

/* ---- the whole ------------------------------------------------------------------------------- */

/* FNV-1a: so that a change behind the cut is a change. */
static uint32_t mark_of(const char *s)
{
    uint32_t h = 2166136261u;

    for (; *s; s++)
        h = (h ^ (uint8_t)*s) * 16777619u;
    return h;
}

static void cut(struct out *o)
{
    uint32_t mark = mark_of(o->s);

    o->len = PERSON_TEXT_MAX - TAIL;
    while (o->len > 0 && o->s[o->len - 1] != '\n')
        o->len--;
    o->s[o->len] = '\0';
    out_fmt(o, "There is more than fits here (%08x): read it with your administrator.\n", mark);
}

char *policy_person_text(const struct policy *p, uint64_t roles)
{
    struct person x = {.p = p};
    struct out *o = &x.out;

    for (size_t i = 0; i < p->n_roles && i < ROLES_MAX; i++)
        if (roles >> i & 1)
            add_role(&x, &p->roles[i]);
    if (x.n == 0)
        return out_take(o);
    out_put(o, "What you work as:\n");
    put_roles(&x, -1);
    out_put(o, "\n");
    put_reach(&x);
    out_put(o, "When, and how you sign in:\n");
    for (size_t i = 0; i < x.n; i++)
        put_role(o, x.role[i]);
    for (size_t i = 0; i < x.n; i++)
        if (x.role[i]->posture >= 0 && !posture_before(&x, i))
            put_posture(&x, x.role[i]->posture);
    put_responses(o, &p->respond);
    put_records(o);
    if (!o->oom && o->len >= PERSON_TEXT_MAX)
        cut(o);
    return out_take(o);
}

/* ---- line by line ---------------------------------------------------------------------------- */

static size_t line_len(const char *s) { return strcspn(s, "\n"); }

static const char *next_line(const char *s)
{
    s += line_len(s);
    return *s ? s + 1 : s;
}

/* Where this line stands in the text; NULL when it does not. */
static const char *find_line(const char *text, const char *line, size_t len)
{
    for (; *text; text = next_line(text))
        if (line_len(text) == len && memcmp(text, line, len) == 0)
            return text;
    return NULL;
}

static void gone(const char *old, const char *whole,
                 void (*line)(void *arg, enum line_change c, const char *s, size_t len), void *arg)
{
    if (!find_line(whole, old, line_len(old)))
        line(arg, LINE_GONE, old, line_len(old));
}

void text_diff(const char *from, const char *to,
               void (*line)(void *arg, enum line_change c, const char *s, size_t len), void *arg)
{
    const char *old = from, *whole = to;

    for (; *to; to = next_line(to)) {
        const char *same = find_line(from, to, line_len(to));

        if (same && same >= old) {
            for (; old != same; old = next_line(old))
                gone(old, whole, line, arg);
            old = next_line(old);
        }
        line(arg, same ? LINE_SAME : LINE_NEW, to, line_len(to));
    }
    for (; *old; old = next_line(old))
        gone(old, whole, line, arg);
}
