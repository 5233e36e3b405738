/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * role NAME { reach a, b  posture x  hours ...  sign-in every 12h  all traffic },  lists of names,
 * and hours: "Mon-Fri 06:00-20:00, Sat 08:00-12:00 America/Chicago".
 */
#include <string.h>

#include "policy/lang.h"

#define SIGN_IN_MIN 300
#define SIGN_IN_MAX (90 * 86400)

/* ---- names to be resolved later ----------------------------------------------------------- */

bool parse_add_ref(struct parser *p, struct ref r)
{
    if (!parse_grow(p, &p->refs, p->n_refs, sizeof *p->refs))
        return false;
    p->refs[p->n_refs++] = r;
    return true;
}

bool parse_name_list(struct parser *p, enum ref_kind kind, const char *what, size_t owner,
                     uint16_t **list, size_t *n, struct src_pos **pos, size_t max)
{
    do {
        struct ref r = {kind, owner, *n, 0, p->tok.pos, ""};

        if (!parse_name(p, what, r.name))
            return false;
        if (*n >= max)
            return parse_fail_at(p, &p->last, "", "more than %zu names in one list", max);
        if (!parse_grow(p, list, *n, sizeof **list) ||
            (pos && !parse_grow(p, pos, *n, sizeof **pos)))
            return false;
        if (pos)
            (*pos)[*n] = r.pos;
        (*n)++;
        if (!parse_add_ref(p, r))
            return false;
    } while (take_sign(p, ","));
    return true;
}

/* ---- hours -------------------------------------------------------------------------------- */

const char *const day_names[7] = {"Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"};

static int day_read(const char *s, size_t len)
{
    for (int d = 0; d < 7; d++)
        if (len == 3 && memcmp(s, day_names[d], 3) == 0)
            return d;
    return -1;
}

/* "Mon" or "Mon-Fri"; "Sat-Mon" goes over the week's end. */
static bool parse_days(struct parser *p, int *first, int *last)
{
    struct token t = p->tok;
    char shown[QUOTED];

    if (t.kind != TOK_WORD)
        return parse_fail(p, "like Mon-Fri 06:00-20:00", "a day expected");
    *first = day_read(t.s, t.len < 3 ? t.len : 3);
    *last = t.len > 3 && t.s[3] == '-' ? day_read(t.s + 4, t.len - 4) : *first;
    if (*first < 0 || *last < 0 || (t.len > 3 && t.s[3] != '-'))
        return parse_fail_at(p, &t, "Mon Tue Wed Thu Fri Sat Sun, or a range like Mon-Fri",
                             "'%s' is not a day", diag_quote(t.s, t.len, shown));
    parse_advance(p);
    return true;
}

static int clock_read(const char *s, size_t len)
{
    int64_t h, m;

    if (len != 5 || s[2] != ':' || !number_read(s + (s[0] == '0'), 2 - (s[0] == '0'), &h) ||
        !number_read(s + 3 + (s[3] == '0'), 2 - (s[3] == '0'), &m))
        return -1;
    return h < 24 && m < 60 ? (int)(h * 60 + m) : h == 24 && m == 0 ? 1440 : -1;
}

static bool parse_times(struct parser *p, int *from, int *to)
{
    struct token t = p->tok;
    char shown[QUOTED];

    if (t.kind != TOK_WORD)
        return parse_fail(p, "like 06:00-20:00", "a time of day expected");
    *from = t.len == 11 && t.s[5] == '-' ? clock_read(t.s, 5) : -1;
    *to = *from >= 0 ? clock_read(t.s + 6, 5) : -1;
    if (*to < 0 || *from == 1440)
        return parse_fail_at(p, &t, "like 06:00-20:00; the day ends at 24:00",
                             "'%s' is not a time of day", diag_quote(t.s, t.len, shown));
    if (*from == *to)
        return parse_fail_at(p, &t, "the whole day is 00:00-24:00", "these hours are empty");
    parse_advance(p);
    return true;
}

static bool add_slot(struct parser *p, struct hours *h, int from, int to)
{
    if (from >= to)
        return true;
    if (!parse_grow(p, &h->slots, h->n_slots, sizeof *h->slots))
        return false;
    h->slots[h->n_slots++] = (struct hours_slot){(uint16_t)from, (uint16_t)to};
    return true;
}

/* A slot over midnight belongs to the day on which it begins; Sunday's goes on on Monday. */
static bool add_day(struct parser *p, struct hours *h, int day, int from, int to)
{
    int start = day * 1440 + from, end = day * 1440 + to + (to <= from ? 1440 : 0);

    if (end <= WEEK_MINUTES)
        return add_slot(p, h, start, end);
    return add_slot(p, h, start, WEEK_MINUTES) && add_slot(p, h, 0, end - WEEK_MINUTES);
}

static bool parse_slot(struct parser *p, struct hours *h)
{
    int first = 0, last = 0, from = 0, to = 0;

    if (!parse_days(p, &first, &last) || !parse_times(p, &from, &to))
        return false;
    for (int day = first;; day = (day + 1) % 7) {
        if (!add_day(p, h, day, from, to))
            return false;
        if (day == last)
            break;
    }
    hours_normalise(h);
    return true;
}

/* ---- role --------------------------------------------------------------------------------- */

static size_t role_index(const struct parser *p) { return p->policy->n_roles - 1; }
static struct role *this_role(struct parser *p) { return &p->policy->roles[role_index(p)]; }

static void role_reach(struct parser *p)
{
    struct role *r = this_role(p);

    parse_name_list(p, REF_REACH, "a resource", role_index(p), &r->reach, &r->n_reach,
                    &r->reach_pos, REACH_MAX);
}

static void role_posture(struct parser *p)
{
    struct role *r = this_role(p);
    struct ref ref = {REF_POSTURE, role_index(p), 0, 0, p->tok.pos, ""};
    bool seen = r->posture != POSTURE_ABSENT;

    if (!parse_once(p, &seen, "posture"))
        return;
    r->posture = POSTURE_NAMED;
    if (parse_name(p, "a posture", ref.name))
        parse_add_ref(p, ref);
}

/* The zone is the word after the slots, unless the next statement begins there. */
static bool at_zone(const struct parser *p)
{
    return p->tok.kind == TOK_WORD && !at_word(p, "reach") && !at_word(p, "posture") &&
           !at_word(p, "hours") && !at_word(p, "sign-in") && !at_word(p, "all") &&
           !(p->tok.first_on_line && !memchr(p->tok.s, '/', p->tok.len));
}

static void hours_zone(struct parser *p, struct hours *h)
{
    struct token t = p->tok;
    char shown[QUOTED];

    if (!zone_name_valid(t.s, t.len)) {
        parse_fail_at(p, &t, "like America/Chicago", "'%s' is not the name of a time zone",
                      diag_quote(t.s, t.len, shown));
        return;
    }
    if (!token_is(&t, "UTC"))
        memcpy(h->zone, t.s, t.len);
    parse_advance(p);
}

static void role_hours(struct parser *p)
{
    struct hours *h = &this_role(p)->hours;
    struct token t = p->last;
    bool seen = h->n_slots > 0;

    if (!parse_once(p, &seen, "hours"))
        return;
    do
        if (!parse_slot(p, h))
            return;
    while (take_sign(p, ","));
    if (at_zone(p))
        hours_zone(p, h);
    else if (h->n_slots != 1 || h->slots[0].to - h->slots[0].from != WEEK_MINUTES)
        diag_warning(p->diags, t.pos, "name it at the end: ... America/Chicago, or UTC",
                     "these hours name no time zone and are taken as UTC");
}

static void role_sign_in(struct parser *p)
{
    struct role *r = this_role(p);
    bool seen = r->sign_in.s != 0;

    if (!parse_once(p, &seen, "sign-in"))
        return;
    if (!take_word(p, "every"))
        parse_fail(p, "like 'sign-in every 12h'", "'every' expected");
    else
        parse_duration(p, "the time between sign-ins", SIGN_IN_MIN, SIGN_IN_MAX, &r->sign_in);
}

static void role_all(struct parser *p)
{
    if (!parse_once(p, &this_role(p)->all_traffic, "all traffic"))
        return;
    if (!take_word(p, "traffic"))
        parse_fail(p, "'all traffic': not that of its resources alone", "'traffic' expected");
}

void parse_role(struct parser *p)
{
    static const struct statement body[] = {{"reach", role_reach},
                                            {"posture", role_posture},
                                            {"hours", role_hours},
                                            {"sign-in", role_sign_in},
                                            {"all", role_all},
                                            {NULL, NULL}};
    struct policy *pol = p->policy;
    size_t errors = p->diags->errors;

    if (pol->n_roles >= ROLES_MAX) {
        parse_fail_at(p, &p->last, "", "more than %d roles", ROLES_MAX);
        return;
    }
    if (!parse_grow(p, &pol->roles, pol->n_roles, sizeof *pol->roles))
        return;
    pol->n_roles++;
    this_role(p)->pos = p->tok.pos;
    this_role(p)->posture = POSTURE_ABSENT;
    if (parse_name(p, "a role", this_role(p)->name))
        parse_block(p, "a role", body);
    if (p->diags->errors > errors && this_role(p)->posture == POSTURE_ABSENT)
        this_role(p)->posture = POSTURE_NAMED; /* it may be what the error has hidden */
}
