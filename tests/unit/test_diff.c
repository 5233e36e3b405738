/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Who gains and who loses what between two policies: by meaning, in sentences. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "policy/policy.h"

static struct diags diags;

static struct policy *parse(const char *text)
{
    struct policy *p = policy_parse(text, strlen(text), &diags);

    if (!p)
        fail_msg("line %d: %s in\n%s", diags.v[0].pos.line, diags.v[0].text, text);
    return p;
}

#define POSTURE "posture p { require fde.sys }\n"
#define BASE                                                                                       \
    "resource db { 10.20.0.9 tcp 5432 }\n"                                                         \
    "resource web { 10.20.0.10, fd20::10 tcp 80, 443 icmp }\n"                                     \
    "resource updates { 10.20.0.40 tcp 443 }\n"                                                    \
    "remediation { updates }\n" POSTURE

static const struct {
    const char *what, *from, *to, *says;
} cases[] = {
    {"nothing", BASE "role a { reach db posture p }", BASE "role a { reach db posture p }", ""},
    {"written otherwise", BASE "role a { reach db, web posture p }",
     "posture p { require fde.sys }\n"
     "resource one { 10.20.0.9 tcp 5432  10.20.0.10 tcp 80 icmp  fd20::10 icmp }\n"
     "resource two { 10.20.0.10 tcp 443  fd20::10 tcp 443, 80 }\n"
     "resource other { 10.20.0.40 tcp 443 } remediation { other }\n"
     "role a { reach two, one posture p }",
     ""},
    {"reordered", BASE "role a { reach db posture p } role b { reach web posture p }",
     BASE "role b { reach web posture p } role a { reach db posture p }", ""},
    {"a resource less", BASE "role warehouse { reach db, web posture p }",
     BASE "role warehouse { reach web posture p }",
     "role warehouse loses tcp 5432 on db (10.20.0.9)\n"},
    {"a resource more", BASE "role a { reach db posture p }",
     BASE "role a { reach db, web posture p }",
     "role a gains icmp, tcp 80, 443 on web (10.20.0.10, fd20::10)\n"},
    {"reached by two names, one taken away",
     BASE "resource db2 { 10.20.0.9 tcp 5432-5433 } role a { reach db, db2 posture p }",
     BASE "resource db2 { 10.20.0.9 tcp 5432-5433 } role a { reach db posture p }",
     "role a loses tcp 5433 on db2 (10.20.0.9)\n"},
    {"a port moves, for those who reach it",
     BASE "role a { reach db posture p } role b { reach web posture p }",
     "resource db { 10.20.0.9 tcp 5433 }\n"
     "resource web { 10.20.0.10, fd20::10 tcp 80, 443 icmp }\n"
     "resource updates { 10.20.0.40 tcp 443 } remediation { updates }\n" POSTURE
     "role a { reach db posture p } role b { reach web posture p }",
     "role a loses tcp 5432 on db (10.20.0.9)\nrole a gains tcp 5433 on db (10.20.0.9)\n"},
    {"a hole in a range",
     "resource r { 10.0.0.0/29 tcp 1 }\n" POSTURE "role a { reach r posture p }",
     "resource r { 10.0.0.0-10.0.0.2, 10.0.0.5-10.0.0.7 tcp 1 }\n" POSTURE
     "role a { reach r posture p }",
     "role a loses tcp 1 on r (10.0.0.3-10.0.0.4)\n"},
    {"remediation grows for every role",
     BASE "role a { reach db posture p } role b { reach db posture p }",
     "resource db { 10.20.0.9 tcp 5432 }\n"
     "resource updates { 10.20.0.40 tcp 80, 443 } remediation { updates }\n" POSTURE
     "role a { reach db posture p } role b { reach db posture p }",
     "every role: gains tcp 80 on updates (10.20.0.40), in quarantine too\n"},
    {"remediation that one role had already",
     BASE "role a { reach web posture p } role b { reach db posture p }",
     "resource db { 10.20.0.9 tcp 5432 }\n"
     "resource web { 10.20.0.10, fd20::10 tcp 80, 443 icmp }\n"
     "resource updates { 10.20.0.40 tcp 443 } remediation { updates, web }\n" POSTURE
     "role a { reach web posture p } role b { reach db posture p }",
     "quarantine gains icmp, tcp 80, 443 on web (10.20.0.10, fd20::10)\n"
     "role b gains icmp, tcp 80, 443 on web (10.20.0.10, fd20::10)\n"},
    {"a new role", BASE "role a { reach db posture p }",
     BASE "role a { reach db posture p } role b { reach db posture p }",
     "role b is new\nrole b gains tcp 5432 on db (10.20.0.9)\n"
     "role b gains tcp 443 on updates (10.20.0.40)\n"},
    {"a role gone", BASE "role a { reach db posture p } role b { reach db posture p }",
     BASE "role a { reach db posture p }",
     "role b is gone\nrole b loses tcp 5432 on db (10.20.0.9)\n"
     "role b loses tcp 443 on updates (10.20.0.40)\n"},
    {"posture, hours and sign-in of a role",
     BASE
     "posture q { require fde.sys } role a { reach db posture p hours Mon-Fri 06:00-20:00 UTC }",
     BASE "posture q { require fde.sys } role a { reach db posture q sign-in every 12h }",
     "role a: posture q, was p\n"
     "role a: hours at all times, was Mon-Fri 06:00-20:00 UTC\n"
     "role a: sign-in every 12h, was not asked\n"},
    {"the zone of hours", BASE "role a { reach db posture p hours Mon 06:00-20:00 UTC }",
     BASE "role a { reach db posture p hours Mon 06:00-20:00 Europe/Berlin }",
     "role a: hours Mon 06:00-20:00 Europe/Berlin, was Mon 06:00-20:00 UTC\n"},
    {"limits of a posture", "posture p { lease 15m } role a { posture p } role b { posture p }",
     "posture p { lease 5m evidence <= 1h assurance >= PA3 report only } role a { posture p } role "
     "b { posture p }",
     "posture p (a, b): lease 5m, was 15m\nposture p (a, b): evidence <= 1h, was 8h\n"
     "posture p (a, b): assurance >= PA3, was PA1\nposture p (a, b): now reports only\n"},
    {"systems of a posture", "posture p { os macos >= 14, debian >= 12 }",
     "posture p { os macos >= 15, ubuntu >= 22.04 }",
     "posture p: macos >= 15, was 14\nposture p: ubuntu >= 22.04, was not admitted\n"
     "posture p: debian is no longer admitted\n"},
    {"systems asked for the first time", "posture p { }", "posture p { os macos >= 15 }",
     "posture p: macos >= 15, was any\nposture p: other systems are no longer admitted\n"},
    {"rules of a posture",
     "posture p { require fde.sys  require fw.on  require age(os.patch) <= 30d grace 7d }",
     "posture p { require fde.sys  require fw.on warn  require age(os.patch) <= 14d grace 7d }",
     "posture p: now require fw.on warn, was require fw.on\n"
     "posture p: new require age(os.patch) <= 14d grace 7d\n"
     "posture p: no longer require age(os.patch) <= 30d grace 7d\n"},
    {"marks", "resource r { 10.0.0.1 tcp 1 }",
     "resource r { 10.0.0.1 tcp 1 sensitive } tokens { accept EdDSA }",
     "resource r is now sensitive\ntokens that spell their method 'EdDSA' are now accepted\n"},
    {"tests grant nothing", "", "test \"t\" { }", ""},
};

static void sentences(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct policy *from = parse(cases[i].from), *to = parse(cases[i].to);
        char *says = policy_diff(from, to);

        assert_non_null(says);
        if (strcmp(says, cases[i].says) != 0)
            fail_msg("%s: says\n%s", cases[i].what, says);
        free(says);
        policy_free(from);
        policy_free(to);
    }
}

/* Forty roles that each reach 200 resources of twelve networks: the whole engine waits for it. */
static char *large(void)
{
    char *text = NULL;
    size_t n;
    FILE *f = open_memstream(&text, &n);

    assert_non_null(f);
    for (int i = 0; i < 200; i++) {
        fprintf(f, "resource r%d { 10.%d.0.0/24", i, i);
        for (int k = 1; k < 12; k++)
            fprintf(f, ", 10.%d.%d.0/24", (i * 7 + k) % 200, k);
        fprintf(f, " tcp %d-%d, udp %d-%d }\n", 1 + i, 40000 + i, 1 + i, 30000 + i);
    }
    fputs(POSTURE, f);
    for (int i = 0; i < 40; i++) {
        fprintf(f, "role q%d { posture p reach r0", i);
        for (int k = 1; k < 200; k++)
            fprintf(f, ", r%d", k);
        fputs(" }\n", f);
    }
    assert_int_equal(fclose(f), 0);
    return text;
}

static void no_more_than_anybody_waits_for(void **state)
{
    char *text = large();
    struct policy *from = parse(""), *to = parse(text);
    clock_t began = clock();
    char *says = policy_diff(from, to);

    (void)state;
    assert_non_null(says);
    if ((double)(clock() - began) / CLOCKS_PER_SEC > 30)
        fail_msg("it takes longer than anybody waits");
    assert_non_null(strstr(says, "role q0 gains tcp "));
    assert_non_null(strstr(says, "role q39 is new\n"));
    assert_non_null(strstr(says, "role q39 gains more than is told here\n"));
    free(says);
    policy_free(from);
    policy_free(to);
    free(text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(sentences),
                                       cmocka_unit_test(no_more_than_anybody_waits_for)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
