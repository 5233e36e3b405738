/* SPDX-License-Identifier: GPL-2.0-or-later */
/* policy.conf as a whole: parse and check, look up by name, give zones, free. */
#include "policy/policy.h"

#include <stdlib.h>
#include <string.h>

#include "policy/lang.h"

/* ---- statements of the file ---------------------------------------------------------------- */

static void parse_company(struct parser *p)
{
    char *company = p->policy->company;
    bool seen = company[0] != '\0';

    if (parse_once(p, &seen, "company"))
        parse_string(p, "the company's name", company, TEXT_SIZE);
}

static void parse_contact(struct parser *p)
{
    char *contact = p->policy->contact;
    bool seen = contact[0] != '\0';

    if (parse_once(p, &seen, "contact"))
        parse_string(p, "whom to call", contact, TEXT_SIZE);
}

static void remediation_names(struct parser *p)
{
    struct policy *pol = p->policy;

    parse_name_list(p, REF_REMEDIATION, "a resource", 0, &pol->remediation, &pol->n_remediation,
                    NULL, REACH_MAX);
}

static void parse_remediation(struct parser *p)
{
    static const struct statement body[] = {{NULL, remediation_names}};
    bool seen = p->policy->n_remediation > 0;

    if (parse_once(p, &seen, "remediation"))
        parse_block(p, "remediation", body);
}

static void tokens_accept(struct parser *p)
{
    if (!take_word(p, "EdDSA"))
        parse_fail(p, "the deprecated spelling of Ed25519", "'EdDSA' expected");
    else
        parse_once(p, &p->policy->accept_eddsa, "accept EdDSA");
}

static void parse_tokens(struct parser *p)
{
    static const struct statement body[] = {{"accept", tokens_accept}, {NULL, NULL}};

    parse_block(p, "tokens", body);
}

static const struct statement statements[] = {{"company", parse_company},
                                              {"contact", parse_contact},
                                              {"network", parse_network},
                                              {"resource", parse_resource},
                                              {"remediation", parse_remediation},
                                              {"posture", parse_posture_block},
                                              {"role", parse_role},
                                              {"tokens", parse_tokens},
                                              {"respond", parse_respond},
                                              {"enrolment", parse_enrolment},
                                              {"acknowledge", parse_acknowledge},
                                              {"test", parse_test},
                                              {NULL, NULL}};

struct policy *policy_parse(const char *text, size_t len, struct diags *diags)
{
    static const char *const elsewhere[] = {"gateway", NULL};
    struct parser p;

    parser_start(&p, text, len, diags);
    if (len > POLICY_TEXT_MAX) {
        diag_error(diags, (struct src_pos){1, 1}, 1, "", "the file is larger than 1 MiB");
        return NULL;
    }
    p.policy = calloc(1, sizeof *p.policy);
    if (!p.policy)
        return NULL;
    respond_defaults(&p.policy->respond);
    parse_file(&p, statements, elsewhere, "gateway.conf");
    if (p.policy->enrol_valid.s == 0)
        p.policy->enrol_valid.s = INVITATION_DEFAULT;
    if (!p.oom)
        check_policy(&p);
    free(p.refs);
    if (p.oom)
        diags->errors = 0;
    if (p.oom || diags->errors > 0) {
        policy_free(p.policy);
        return NULL;
    }
    return p.policy;
}

/* ---- the end of it ------------------------------------------------------------------------- */

static void free_resource(struct resource *r)
{
    for (size_t i = 0; i < r->n_entries; i++) {
        free(r->entries[i].ranges);
        free(r->entries[i].networks);
        free(r->entries[i].services);
    }
    free(r->entries);
}

static void free_role(struct role *r)
{
    free(r->reach);
    free(r->reach_pos);
    free(r->hours.slots);
    zone_free(r->hours.tz);
}

void policy_free(struct policy *p)
{
    if (!p)
        return;
    for (size_t i = 0; i < p->n_networks; i++)
        free(p->networks[i].ranges);
    for (size_t i = 0; i < p->n_resources; i++)
        free_resource(&p->resources[i]);
    for (size_t i = 0; i < p->n_roles; i++)
        free_role(&p->roles[i]);
    for (size_t i = 0; i < p->n_tests; i++)
        free(p->tests[i].cases);
    free(p->networks);
    free(p->resources);
    free(p->postures);
    free(p->roles);
    free(p->tests);
    free(p->remediation);
    free(p);
}

/* ---- by name ------------------------------------------------------------------------------- */

int policy_role(const struct policy *p, const char *name)
{
    for (size_t i = 0; i < p->n_roles; i++)
        if (strcmp(p->roles[i].name, name) == 0)
            return (int)i;
    return -1;
}

int policy_resource(const struct policy *p, const char *name)
{
    for (size_t i = 0; i < p->n_resources; i++)
        if (strcmp(p->resources[i].name, name) == 0)
            return (int)i;
    return -1;
}

/* ---- zones --------------------------------------------------------------------------------- */

static bool zone_named_before(const struct policy *p, size_t role)
{
    for (size_t i = 0; i < role; i++)
        if (strcmp(p->roles[i].hours.zone, p->roles[role].hours.zone) == 0)
            return true;
    return false;
}

const char *policy_zone_name(const struct policy *p, size_t i)
{
    for (size_t r = 0; r < p->n_roles; r++)
        if (p->roles[r].hours.zone[0] != '\0' && !zone_named_before(p, r) && i-- == 0)
            return p->roles[r].hours.zone;
    return NULL;
}

int policy_zone_set(struct policy *p, const char *name, const uint8_t *tzif, size_t len)
{
    for (size_t r = 0; r < p->n_roles; r++) {
        struct hours *h = &p->roles[r].hours;

        if (strcmp(h->zone, name) != 0 || name[0] == '\0')
            continue;
        zone_free(h->tz);
        h->tz = zone_parse(tzif, len);
        if (!h->tz)
            return -1;
    }
    return 0;
}
