/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The language of policy.conf: what is taken and becomes what, and what is refused, where, how. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "policy/address.h"
#include "policy/policy.h"
#include "policy/posture.h"

static struct diags diags;

static struct policy *parse(const char *text)
{
    struct policy *p = policy_parse(text, strlen(text), &diags);

    if (!p)
        fail_msg("line %d col %d: %s in\n%s", diags.v[0].pos.line, diags.v[0].pos.col,
                 diags.v[0].text, text);
    return p;
}

/* ---- refusals: one case each ------------------------------------------------------------------
 */

#define R "resource r { 10.0.0.1 tcp 1 }\n" /* line 1 of cases about later lines */
#define RP R "posture p { }\n"              /* lines 1 and 2 */

static const struct refusal {
    const char *what, *text;
    int line, col;
    const char *message; /* the whole text */
    const char *hint;    /* NULL: any; else the whole hint */
} refusals[] = {
    /* numbers, ports, addresses */
    {"not a number", "resource r { 10.0.0.1 tcp 12x }", 1, 27, "'12x' is not a number", ""},
    {"leading zero", "resource r { 10.0.0.1 tcp 080 }", 1, 27, "'080' is not a number", ""},
    {"port 0", "resource r { 10.0.0.1 tcp 0 }", 1, 27, "a port must be 1 to 65535", ""},
    {"port 65536", "resource r { 10.0.0.1 tcp 65536 }", 1, 27, "a port must be 1 to 65535", ""},
    {"port that wraps 64 bits", "resource r { 10.0.0.1 tcp 18446744073709551696 }", 1, 27,
     "'18446744073709551696' is not a number", ""},
    {"range of ports reversed", "resource r { 10.0.0.1 tcp 90-80 }", 1, 27,
     "this range of ports is empty", "write the lower port first"},
    {"end of a range of ports", "resource r { 10.0.0.1 tcp 80-9x }", 1, 30, "'9x' is not a number",
     ""},
    {"range of ports without end", "resource r { 10.0.0.1 tcp 80- }", 1, 30, "'' is not a number",
     ""},
    {"tcp without ports", "resource r { 10.0.0.1 tcp }", 1, 27,
     "a port (1-65535) expected, not '}'", NULL},
    {"address out of range", "resource r { 10.20.0.300 tcp 1 }", 1, 14,
     "'10.20.0.300' is not an address", "each part of an IPv4 address is 0 to 255"},
    {"address with leading zero", "resource r { 10.20.0.09 tcp 1 }", 1, 14,
     "'10.20.0.09' is not an address", "no leading zeros"},
    {"address of three parts", "resource r { 10.20.9 tcp 1 }", 1, 14, "'10.20.9' is not an address",
     "an IPv4 address has four parts"},
    {"host bits", "resource r { 10.20.0.5/24 tcp 1 }", 1, 14,
     "'10.20.0.5/24' has bits set beyond its prefix", "the network is 10.20.0.0/24"},
    {"host bits of v6", "resource r { fd20::5/64 tcp 1 }", 1, 14,
     "'fd20::5/64' has bits set beyond its prefix", "the network is fd20::/64"},
    {"short range", "resource r { 10.20.0.30-39 tcp 1 }", 1, 14,
     "'10.20.0.30-39' is not an address", "write both ends in full: 10.20.0.30-10.20.0.39"},
    {"range reversed", "resource r { 10.0.0.9-10.0.0.1 tcp 1 }", 1, 14,
     "this range of addresses is empty", "write the lower address first"},
    {"range of two families", "resource r { 10.0.0.9-fd::1 tcp 1 }", 1, 14,
     "a range has both ends in IPv4 or both in IPv6", ""},
    /* services */
    {"no service", "resource r { 10.0.0.1 }", 1, 23, "a service expected, not '}'", NULL},
    {"protocol that needs proto", "resource r { 10.0.0.1 gre }", 1, 23,
     "a service expected, not 'gre'", "put 'proto' before it"},
    {"unknown protocol", "resource r { 10.0.0.1 proto gree }", 1, 29,
     "'gree' is not a protocol that is known by name", "give its number"},
    {"protocol 256", "resource r { 10.0.0.1 proto 256 }", 1, 29,
     "256 is not the number of a protocol", ""},
    {"protocol 0", "resource r { 10.0.0.1 proto 0 }", 1, 29, "0 is not the number of a protocol",
     ""},
    {"extension header", "resource r { fd::1 proto 44 }", 1, 26,
     "44 is not the number of a protocol", ""},
    {"tcp by number", "resource r { 10.0.0.1 proto 6 }", 1, 29,
     "this protocol has ports: write 'tcp 80'", ""},
    {"ICMP by number", "resource r { fd::1 proto 58 }", 1, 26, "ICMP is not asked for by number",
     NULL},
    {"comma and nothing", "resource r { 10.0.0.1 icmp, }", 1, 29, "a service expected, not '}'",
     NULL},
    /* names */
    {"capital", "resource Db { 10.0.0.1 tcp 1 }", 1, 10, "'Db' is not a name", NULL},
    {"dash in front", "resource -db { 10.0.0.1 tcp 1 }", 1, 10, "'-db' is not a name", NULL},
    {"64 characters",
     "resource a234567890123456789012345678901234567890123456789012345678901234 "
     "{ 10.0.0.1 tcp 1 }",
     1, 10, "a name has at most 63 characters", ""},
    {"word of the language", "resource tcp { 10.0.0.1 tcp 1 }", 1, 10,
     "'tcp' is a word of the language", "choose another name"},
    {"network that looks like a number", "network 10net { 10.0.0.1 }", 1, 9,
     "the name of a network begins with a letter", ""},
    {"defined twice", R "resource r { 10.0.0.2 tcp 1 }", 2, 10,
     "resource 'r' is defined already in line 1", "names are unique"},
    {"posture defined twice", "posture p { }\nposture p { }", 2, 9,
     "posture 'p' is defined already in line 1", "names are unique"},
    {"role defined twice", RP "role a { reach r posture p }\nrole a { reach r posture p }", 4, 6,
     "role 'a' is defined already in line 3", "names are unique"},
    {"network defined twice", "network n { 10.0.0.1 }\nnetwork n { 10.0.0.1 }", 2, 9,
     "network 'n' is defined already in line 1", "names are unique"},
    /* references */
    {"unknown resource",
     "resource customs-db { 10.0.0.1 tcp 1 }\nposture p { }\n"
     "role a { reach customs-bd posture p }",
     3, 16, "unknown resource 'customs-bd'", "did you mean 'customs-db'?"},
    {"the first of two that are near",
     "resource aab { 10.0.0.1 tcp 1 }\n"
     "resource aac { 10.0.0.1 tcp 1 }\nremediation { aaa }",
     3, 15, "unknown resource 'aaa'", "did you mean 'aab'?"},
    {"nothing near", RP "role a { reach something-else posture p }", 3, 16,
     "unknown resource 'something-else'", ""},
    {"unknown posture", R "posture baseline { }\nrole a { reach r posture basline }", 3, 26,
     "unknown posture 'basline'", "did you mean 'baseline'?"},
    {"unknown network", "network servers { 10.0.0.1 }\nresource r { server tcp 1 }", 2, 14,
     "unknown network 'server'", "did you mean 'servers'?"},
    {"unknown in remediation", R "remediation { q }", 2, 15, "unknown resource 'q'", NULL},
    {"unknown role in a test",
     RP "role clerk { reach r posture p }\ntest \"t\" { role clark can r }", 4, 17,
     "unknown role 'clark'", "did you mean 'clerk'?"},
    {"unknown resource in a test", RP "role a { reach r posture p }\ntest \"t\" { role a can rr }",
     4, 23, "unknown resource 'rr'", NULL},
    {"role without posture", R "role a { reach r }", 2, 6,
     "role 'a' names no posture, so it could never be granted", "name one: posture baseline"},
    /* statements and braces */
    {"unknown statement", "resouce r { 10.0.0.1 tcp 1 }", 1, 1,
     "'resouce' is not a statement of this file", "did you mean 'resource'?"},
    {"unknown in a role", RP "role a { raech r posture p }", 3, 10,
     "'raech' is not a statement of a role", "did you mean 'reach'?"},
    {"statement of the other file", "gateway g { }", 1, 1,
     "'gateway' is not a statement of this file", "it belongs in gateway.conf"},
    {"brace missing at the end", "resource r { 10.0.0.1 tcp 1", 1, 28,
     "'}' expected to close a resource, but the file ends", ""},
    {"brace missing before the next block", "resource r { 10.0.0.1 tcp 1\nposture p { }", 2, 1,
     "'}' expected to close a resource, not 'posture'", ""},
    {"brace too many", "posture p { } }", 1, 15, "'}' closes nothing", ""},
    {"no block", "posture p", 1, 10, "'{' expected to open the block, but the file ends", ""},
    {"twice in a block", RP "role a { reach r posture p posture p }", 3, 28,
     "'posture' is given twice in this block", "remove one of the two"},
    {"remediation twice", R "remediation { r }\nremediation { r }", 3, 1,
     "'remediation' is given twice in this block", NULL},
    {"a word on the next line is no zone",
     RP "role a { reach r hours Mon-Sun 00:00-24:00\npostur p }", 4, 1,
     "'postur' is not a statement of a role", "did you mean 'posture'?"},
    {"company twice", "company \"A\" company \"B\"", 1, 13,
     "'company' is given twice in this block", NULL},
    {"strange byte", "resource r { 10.0.0.1 tcp 1 } $", 1, 31, "'$' has no meaning here", ""},
    {"control character", "company \"A\" \x01", 1, 13, "'?' has no meaning here", ""},
    {"quote missing", "company \"A", 1, 9, "the closing quote is missing", NULL},
    {"control character in quotes", "company \"A\tB\"", 1, 9,
     "the company's name holds a control character or is not UTF-8", ""},
    {"not UTF-8", "company \"A\xff\"", 1, 9,
     "the company's name holds a control character or is not UTF-8", ""},
    {"overlong UTF-8", "company \"A\xc0\xaf\"", 1, 9,
     "the company's name holds a control character or is not UTF-8", ""},
    {"control character of two bytes", "company \"A\xc2\x9b\"", 1, 9,
     "the company's name holds a control character or is not UTF-8", ""},
    {"line separator", "company \"A\xe2\x80\xa8\"", 1, 9,
     "the company's name holds a control character or is not UTF-8", ""},
    /* durations, dates, hours */
    {"duration without unit", "posture p { lease 15 }", 1, 19, "'15' is not a duration", NULL},
    {"duration of two units", "posture p { lease 1h30m }", 1, 19, "'1h30m' is not a duration",
     NULL},
    {"lease too short", "posture p { lease 1s }", 1, 19, "a lease must be 5s to 1d", ""},
    {"lease too long", "posture p { lease 25h }", 1, 19, "a lease must be 5s to 1d", ""},
    {"duration that wraps", "posture p { lease 999999999999999w }", 1, 19,
     "a lease must be 5s to 1d", ""},
    {"no such date", "posture p { require os.patch >= 2026-02-29 }", 1, 33,
     "'2026-02-29' is not a date", "dates are written YYYY-MM-DD"},
    {"short date", "posture p { require os.patch >= 2026-2-09 }", 1, 33,
     "'2026-2-09' is not a date", NULL},
    {"no such day", RP "role a { reach r posture p hours Mo 06:00-07:00 }", 3, 34,
     "'Mo' is not a day", NULL},
    {"no such time", RP "role a { reach r posture p hours Mon 06:00-24:30 }", 3, 38,
     "'06:00-24:30' is not a time of day", NULL},
    {"the day does not begin at its end", RP "role a { reach r posture p hours Mon 24:00-06:00 }",
     3, 38, "'24:00-06:00' is not a time of day", NULL},
    {"time of one digit", RP "role a { reach r posture p hours Mon 6:00-20:00 }", 3, 38,
     "'6:00-20:00' is not a time of day", NULL},
    {"empty hours", RP "role a { reach r posture p hours Mon 06:00-06:00 }", 3, 38,
     "these hours are empty", "the whole day is 00:00-24:00"},
    {"zone that is a path", RP "role a { reach r posture p hours Mon 06:00-07:00 ../etc/passwd }",
     3, 50, "'../etc/passwd' is not the name of a time zone", NULL},
    {"zone with an empty part", RP "role a { reach r posture p hours Mon 06:00-07:00 America//x }",
     3, 50, "'America//x' is not the name of a time zone", NULL},
    {"zone with a root", RP "role a { reach r posture p hours Mon 06:00-07:00 /etc/passwd }", 3, 50,
     "'/etc/passwd' is not the name of a time zone", NULL},
    {"sign-in without every", RP "role a { reach r posture p sign-in 12h }", 3, 36,
     "'every' expected, not '12h'", NULL},
    {"sign-in too often", RP "role a { reach r posture p sign-in every 1m }", 3, 42,
     "the time between sign-ins must be 5m to 90d", ""},
    /* postures */
    {"unknown fact", "posture p { require fde.syss }", 1, 21, "unknown fact 'fde.syss'",
     "did you mean 'fde.sys'?"},
    {"age of what has none", "posture p { require age(fde.sys) <= 3d }", 1, 25,
     "'fde.sys' is not a date", NULL},
    {"not of a number", "posture p { require not pend.crit }", 1, 25,
     "'not' is for facts that are true or false", NULL},
    {"a number for a text", "posture p { require own <= corp }", 1, 25,
     "a text is not compared by size", NULL},
    {"a text for a number", "posture p { require pend.crit == none }", 1, 34,
     "'none' is not a number", ""},
    {"negative number", "posture p { require pend.crit >= -1 }", 1, 34, "'-1' is not a number", ""},
    {"not a version", "posture p { os macos >= 14.x }", 1, 25, "'14.x' is not a version", NULL},
    {"system twice", "posture p { os macos >= 14, macos >= 15 }", 1, 29, "'macos' is listed twice",
     ""},
    {"no members", "posture p { require os in { } }", 1, 29,
     "at least one member expected, not '}'", ""},
    {"17 members", "posture p { require os in { a b c d e f g h i j k l m n o q r } }", 1, 61,
     "at most 16 members expected, not 'r'", ""},
    {"assurance", "posture p { assurance >= PA5 }", 1, 26,
     "an assurance level (PA1, PA2, PA3 or PA4) expected, not 'PA5'", ""},
    {"option twice", "posture p { require fde.sys warn deny }", 1, 34,
     "'warn, deny or quarantine' is given twice in this block", NULL},
    {"empty text", "posture p { require own == \"\" }", 1, 28, "this text is empty", ""},
    {"text of 64",
     "posture p { require own == "
     "a234567890123456789012345678901234567890123456789012345678901234 }",
     1, 28, "a literal has at most 63 bytes", ""},
    {"version of 64",
     "posture p { require os.ver == "
     "1234567890123456789012345678901234567890123456789012345678901234 }",
     1, 31, "'1234567890123456789012345678901234567..' is not a version", NULL},
    {"grace twice", "posture p { require fde.sys grace 3d grace 4d }", 1, 38,
     "'grace' is given twice in this block", NULL},
    {"when twice", "posture p { require fde.sys when fw.on when fw.in }", 1, 40,
     "'when' is given twice in this block", NULL},
    {"grace of a warning", "posture p { require fde.sys warn grace 3d }", 1, 13,
     "a rule that only warns needs no grace", NULL},
    {"rule twice", "posture p { require fde.sys\n require fde.sys warn }", 2, 2,
     "this rule is in the block already", NULL},
    {"rule too long",
     "posture p { require own in { aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa "
     "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb cccccccccccccccccccccccccccccc } }",
     1, 13, "a rule has at most 123 bytes", NULL},
    {"missing what", "posture p { require fde.sys missing }", 1, 37,
     "'ok' expected after 'missing', not '}'", ""},
    {"report what", "posture p { report }", 1, 20, "'only' expected after 'report', not '}'", ""},
    /* tests */
    {"neither can nor cannot", RP "role a { reach r posture p }\ntest \"t\" { role a may r }", 4,
     19, "'can' or 'cannot' expected, not 'may'", ""},
    {"port missing", RP "role a { reach r posture p }\ntest \"t\" { role a can tcp 10.0.0.1 }", 4,
     27, "'10.0.0.1' is not an address and port", NULL},
    {"brackets missing", RP "role a { reach r posture p }\ntest \"t\" { role a can tcp fd::1:80 }",
     4, 27, "'fd::1:80' is not an address and port", NULL},
    {"brackets around IPv4",
     RP "role a { reach r posture p }\ntest \"t\" { role a can tcp [10.0.0.1]:80 }", 4, 27,
     "'[10.0.0.1]:80' is not an address and port", NULL},
    {"bracket not closed",
     RP "role a { reach r posture p }\ntest \"t\" { role a can tcp [fd::1x:80 }", 4, 27,
     "'[fd::1x:80' is not an address and port", NULL},
    {"port 0 in a test",
     RP "role a { reach r posture p }\ntest \"t\" { role a can tcp 10.0.0.1:0 }", 4, 27,
     "'10.0.0.1:0' is not an address and port", NULL},
    {"port of a ping", RP "role a { reach r posture p }\ntest \"t\" { role a can icmp 10.0.0.1:7 }",
     4, 28, "'10.0.0.1:7' is not an address", NULL},
    {"title without quotes", "test t { }", 1, 6, "the title of a test in quotes expected, not 't'",
     ""},
};

/* What differs from the case, in words; NULL when nothing does. */
static const char *compare_refusal(const struct refusal *r)
{
    static char says[256];
    const struct diag *d = &diags.v[0];

    if (policy_parse(r->text, strlen(r->text), &diags))
        return "was taken";
    if (diags.errors == 1 && strcmp(d->text, r->message) == 0 && d->pos.line == r->line &&
        d->pos.col == r->col && (!r->hint || strcmp(d->hint, r->hint) == 0))
        return NULL;
    snprintf(says, sizeof says, "%zu errors, %d:%d \"%.120s\" (%.80s)", diags.errors, d->pos.line,
             d->pos.col, d->text, d->hint);
    return says;
}

static void refused(void **state)
{
    int wrong = 0;

    (void)state;
    for (size_t i = 0; i < sizeof refusals / sizeof refusals[0]; i++) {
        const char *difference = compare_refusal(&refusals[i]);

        if (!difference)
            continue;
        print_error("%s: %s\n", refusals[i].what, difference);
        wrong++;
    }
    assert_int_equal(wrong, 0);
}

/* ---- all of them at once ------------------------------------------------------------------------
 */

static void every_error_is_reported(void **state)
{
    static const char text[] = "resource a { 10.0.0.300 tcp 1\n"
                               "    10.0.0.1 tcp 12x\n"
                               "    10.0.0.2 tcp 80 }\n"
                               "resouce b { x }\n"
                               "role c { reach a, nothing\n"
                               "    posture gone\n"
                               "    hours Mon 9-17 }\n"
                               "posture d { lease 15 evidence 3\n"
                               "    require fde.sis\n"
                               "    require fw.on when }\n";
    static const int lines[] = {1, 2, 4, 5, 6, 7, 8, 9, 10};

    (void)state;
    assert_null(policy_parse(text, sizeof text - 1, &diags));
    assert_int_equal(diags.errors, sizeof lines / sizeof lines[0]);
    for (size_t i = 0; i < sizeof lines / sizeof lines[0]; i++)
        assert_int_equal(diags.v[i].pos.line, lines[i]);
}

static void errors_are_counted_beyond_the_kept(void **state)
{
    char text[4096] = "";

    (void)state;
    for (int i = 0; i < 100; i++)
        strcat(text, "rubbish\n");
    assert_null(policy_parse(text, strlen(text), &diags));
    assert_int_equal(diags.errors, 100);
    assert_int_equal(diags.n, POLICY_ERRORS_MAX);
}

static void too_large(void **state)
{
    char *text = malloc(POLICY_TEXT_MAX + 1);

    (void)state;
    assert_non_null(text);
    memset(text, '\n', POLICY_TEXT_MAX + 1);
    policy_free(policy_parse(text, POLICY_TEXT_MAX, &diags));
    assert_int_equal(diags.errors, 0);
    assert_null(policy_parse(text, POLICY_TEXT_MAX + 1, &diags));
    assert_int_equal(diags.errors, 1);
    free(text);
}

/* head, `limit` times piece (with a running number), tail: taken; once more: refused. */
static const struct bound {
    const char *what, *head, *piece, *tail;
    int limit;
    const char *message;
} bounds[] = {
    {"roles", RP, "role a%d { reach r posture p }\n", "", 64, "more than 64 roles"},
    {"resources", "", "resource r%d { 10.0.0.1 tcp 1 }\n", "", 4096, "more than 4096 resources"},
    {"networks", "", "network n%d { 10.0.0.1 }\n", "", 1024, "more than 1024 networks"},
    {"postures", "", "posture p%d { }\n", "", 32, "more than 32 postures"},
    {"tests", "", "test \"%d\" { }\n", "", 1024, "more than 1024 tests"},
    {"cases", RP "role a { reach r posture p } test \"t\" {\n", "role a can tcp 10.0.0.1:%d\n", "}",
     4096, "more than 4096 cases in the tests of one file"},
    {"addresses of a network", "network n { ", "fd::%d\n", "}", 1024,
     "more than 1024 addresses in one list"},
    {"services of an entry", "resource r { 10.0.0.1 udp 1", ", %d\n", " }", 255,
     "more than 256 services in one list"},
    {"names of a reach", RP "role a { posture p reach r #\n", ", r #%d\n", "}", 1023,
     "more than 1024 names in one list"},
    {"systems of a posture", "posture p { os s >= 1", ",\ns%d >= 1", "}", 15,
     "more than 16 systems in one posture"},
    {"rules of a posture", "posture p {", "\nrequire pend.crit != %d", "}", 48,
     "more than 48 rules in one posture"},
    {"permits of a policy", "resource r { 10.0.0.1 tcp 1 }\n",
     "resource r%d { 10.0.0.0, 10.0.0.1 tcp "
     "1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17,18,19,20,21,22,23,24,25,26,27,28,29,30,31,32 }\n",
     "", 127, "more than 8192 pairs of address and service up to here"},
};

static size_t put_bound(char *text, const struct bound *b, int n)
{
    size_t len = (size_t)sprintf(text, "%s", b->head);

    for (int i = 1; i <= n; i++) {
        const char *number = strstr(b->piece, "%d");

        len += (size_t)sprintf(text + len, "%.*s%d%s", (int)(number - b->piece), b->piece, i,
                               number + 2);
    }
    return len + (size_t)sprintf(text + len, "%s", b->tail);
}

static void limits(void **state)
{
    char *text = malloc(POLICY_TEXT_MAX);

    (void)state;
    assert_non_null(text);
    for (size_t i = 0; i < sizeof bounds / sizeof bounds[0]; i++) {
        struct policy *p = policy_parse(text, put_bound(text, &bounds[i], bounds[i].limit), &diags);

        if (!p)
            fail_msg("%s: %d were refused: %s", bounds[i].what, bounds[i].limit, diags.v[0].text);
        policy_free(p);
        if (policy_parse(text, put_bound(text, &bounds[i], bounds[i].limit + 1), &diags))
            fail_msg("%s: %d were taken", bounds[i].what, bounds[i].limit + 1);
        if (strcmp(diags.v[0].text, bounds[i].message) != 0)
            fail_msg("%s: says \"%s\"", bounds[i].what, diags.v[0].text);
    }
    free(text);
}

/* ---- warnings ---------------------------------------------------------------------------------
 */

static void warned(void **state)
{
    static const struct {
        const char *what, *text, *message;
    } cases[] = {
        {"unused resource", R, "nobody reaches resource 'r'"},
        {"unused posture", "posture p { }", "no role asks for posture 'p'"},
        {"unused network", "network n { 10.0.0.1 }", "no resource uses network 'n'"},
        {"unused network beside a resource",
         "network n { 10.0.0.1 } resource r { 10.0.0.1 tcp 1 } remediation { r }",
         "no resource uses network 'n'"},
        {"role that reaches nothing", "posture p { }\nrole a { posture p }",
         "role 'a' reaches nothing"},
        {"listed twice", RP "role a { reach r, r posture p }", "'r' is listed twice"},
        {"no zone", RP "role a { reach r posture p hours Mon 08:00-12:00 }",
         "these hours name no time zone and are taken as UTC"},
        {"a system that is not admitted",
         R "posture p { os debian >= 12 require own == corp require fw.on when os in { debian "
           "linux } }\n"
           "role a { reach r posture p }",
         "posture 'p' admits no system 'linux'"},
        {"empty test", "test \"t\" { }", "this test tests nothing"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct policy *p = parse(cases[i].text);

        if (diags.warnings != 1 || !diags.v[0].warning ||
            strcmp(diags.v[0].text, cases[i].message) != 0)
            fail_msg("%s: %zu warnings, \"%s\"", cases[i].what, diags.warnings, diags.v[0].text);
        policy_free(p);
    }
}

/* ---- what becomes of what is taken --------------------------------------------------------------
 */

static void resources(void **state)
{
    struct policy *p =
        parse("network servers { 10.20.0.0/30, fd20::1-fd20::4 }\n"
              "resource mixed {\n"
              "    10.20.0.9, servers tcp 80, 443, 8000-8010, udp 53 icmp proto gre\n"
              "    10.20.0.10 proto 99; 10.20.0.11 sctp 9 sensitive\n"
              "}\n"
              "remediation { mixed }");
    const struct resource *r = &p->resources[0];
    const struct resource_entry *e = &r->entries[0];

    (void)state;
    assert_int_equal(diags.warnings, 0);
    assert_int_equal(r->n_entries, 3);
    assert_true(r->sensitive);
    assert_int_equal(r->pos.line, 2);
    assert_int_equal(r->pos.col, 10);
    assert_int_equal(e->n_own, 1);
    assert_int_equal(e->n_ranges, 3);
    assert_int_equal(e->ranges[1].last.b[3], 3);
    assert_int_equal(e->ranges[2].first.family, 6);
    assert_int_equal(e->n_services, 6);
    assert_int_equal(e->services[2].port_first, 8000);
    assert_int_equal(e->services[2].port_last, 8010);
    assert_int_equal(e->services[3].proto, 17);
    assert_int_equal(e->services[4].proto, 1);
    assert_int_equal(e->services[5].proto, 47);
    assert_int_equal(r->entries[1].services[0].proto, 99);
    assert_int_equal(r->entries[2].services[0].proto, 132);
    policy_free(p);
}

static void roles(void **state)
{
    struct policy *p =
        parse("company \"Z\xc3\xbcrich \\\"Zoll\\\" \\\\ AG\"  tokens { accept EdDSA }\n"
              "role late { reach b, a   posture p   sign-in every 12h\n"
              "    hours Sat-Sun 22:00-02:00, Mon 09:00-10:00 America/Chicago }\n"
              "resource a { 10.0.0.1 tcp 1 }\nresource b { 10.0.0.2 tcp 1 }\n"
              "posture p { }");
    const struct role *r = &p->roles[0];

    (void)state;
    assert_string_equal(p->company, "Z\xc3\xbcrich \"Zoll\" \\ AG");
    assert_true(p->accept_eddsa);
    assert_int_equal(r->n_reach, 2);
    assert_int_equal(r->reach[0], 1);
    assert_int_equal(r->reach_pos[1].col, 22);
    assert_int_equal(r->posture, 0);
    assert_int_equal(r->sign_in.s, 12 * 3600);
    assert_string_equal(r->hours.zone, "America/Chicago");
    assert_int_equal(r->hours.n_slots, 4);
    assert_int_equal(r->hours.slots[0].from, 0);
    assert_int_equal(r->hours.slots[0].to, 120);
    assert_int_equal(r->hours.slots[1].from, 9 * 60);
    assert_int_equal(r->hours.slots[3].to, 7 * 1440);
    assert_int_equal(policy_role(p, "late"), 0);
    assert_int_equal(policy_role(p, "early"), -1);
    assert_int_equal(policy_resource(p, "b"), 1);
    policy_free(p);
}

static void postures(void **state)
{
    struct policy *p =
        parse("posture a { }\n"
              "posture b { lease 90s   evidence <= 1h   assurance >= PA3   report only\n"
              "    os windows >= 10.0.19045, macos >= 14.7\n"
              "    require age(os.patch) <= 2w grace 7d when os in { windows, macos linux }\n"
              "    require not tamper.rooted deny missing ok\n"
              "    require own not in { byod \"some thing\" } quarantine\n"
              "    require os.patch >= 2026-01-02 warn when not fw.on\n"
              "    require lic.unauth == 0 }\n");
    const struct posture *a = &p->postures[0], *b = &p->postures[1];

    (void)state;
    assert_int_equal(a->lease.s, 900);
    assert_int_equal(a->evidence.s, 8 * 3600);
    assert_int_equal(a->assurance, 1);
    assert_false(a->report_only);
    assert_int_equal(b->lease.s, 90);
    assert_int_equal(b->assurance, 3);
    assert_true(b->report_only);
    assert_int_equal(b->n_os, 2);
    assert_string_equal(b->os[1].version, "14.7");
    assert_int_equal(b->n_rules, 5);
    assert_true(b->rules[0].require.age);
    assert_int_equal(b->rules[0].require.n, 14 * 86400);
    assert_int_equal(b->rules[0].grace.s, 7 * 86400);
    assert_int_equal(b->rules[0].when.fact, FACT_OS_FAMILY);
    assert_int_equal(b->rules[0].when.n_text, 3);
    assert_int_equal(b->rules[1].require.op, OP_FALSE);
    assert_int_equal(b->rules[1].action, RULE_DENY);
    assert_true(b->rules[1].missing_ok);
    assert_int_equal(b->rules[2].require.op, OP_NOT_IN);
    assert_string_equal(b->rules[2].require.text[1], "some thing");
    assert_int_equal(b->rules[3].require.n, civil_days(2026, 1, 2) * 86400);
    assert_int_equal(b->rules[3].when.op, OP_FALSE);
    assert_int_equal(b->rules[4].require.n, 0);
    policy_free(p);
}

/* Each rule carries the code of posture.md that its fact stands for. */
static void codes(void **state)
{
    static const struct {
        const char *rule;
        enum refusal_code code;
    } cases[] = {
        {"os in { debian }", PL701},
        {"os.ver >= 12", PL702},
        {"os.build >= 12", PL702},
        {"age(os.patch) <= 3d", PL703},
        {"pend.crit == 0", PL704},
        {"pend.imp == 0", PL704},
        {"av.name == defender", PL705},
        {"av.on", PL706},
        {"av.rt", PL706},
        {"age(av.defs_at) <= 3d", PL707},
        {"fde.sys", PL708},
        {"fde.all", PL708},
        {"fw.on", PL709},
        {"fw.in", PL709},
        {"lock.on", PL710},
        {"lock.max_s <= 900", PL710},
        {"oemboot", PL711},
        {"dbgstat == 0", PL712},
        {"not tamper.rooted", PL713},
        {"not tamper.devmode", PL713},
        {"inv.asset != x", PL714},
        {"lic.genuine", PL715},
        {"lic.unauth == 0", PL716},
        {"mdm.enrolled", PL717},
        {"mdm.id == x", PL717},
        {"not usb.storage", PL718},
        {"edr.on", PL721},
        {"edr.risk <= 3", PL721},
        {"hwmodel == x", PL722},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char text[128];
        struct policy *p;

        snprintf(text, sizeof text, "posture p { require %s }", cases[i].rule);
        p = parse(text);
        if (p->postures[0].rules[0].code != cases[i].code)
            fail_msg("%s: PL%d", cases[i].rule, (int)p->postures[0].rules[0].code);
        policy_free(p);
    }
}

/* A word of any length is shown whole or cut with ".."; 38 bytes once wrote past the end. */
static void words_of_any_length(void **state)
{
    char text[64];

    (void)state;
    for (size_t n = 1; n < sizeof text; n++) {
        char expected[128];

        memset(text, '$', n);
        assert_null(policy_parse(text, n, &diags));
        snprintf(expected, sizeof expected, "'%.*s%s' has no meaning here", n < 40 ? (int)n : 37,
                 "$$$$$$$$$$$$$$$$$$$$$$$$$$$$$$$$$$$$$$$$", n < 40 ? "" : "..");
        assert_string_equal(diags.v[0].text, expected);
    }
}

/* A fact that is added later must not make rules whose failure carries no code. */
static void every_fact_has_a_code(void **state)
{
    static const char *const rest[] = {
        [FACT_BOOL] = "",        [FACT_INT] = "== 0",           [FACT_STRING] = "== x",
        [FACT_VERSION] = ">= 1", [FACT_DATE] = ">= 2026-01-01", [FACT_LIST] = "== 0"};

    (void)state;
    for (unsigned i = 0; i < FACT_COUNT; i++) {
        char text[128];
        struct policy *p;

        snprintf(text, sizeof text, "posture p { require %s %s }", fact_name((enum fact_id)i),
                 rest[fact_type((enum fact_id)i)]);
        p = parse(text);
        assert_int_not_equal(p->postures[0].rules[0].code, CODE_NONE);
        policy_free(p);
    }
}

static void longest_text(void **state)
{
    char text[256], title[TEXT_SIZE + 1];

    (void)state;
    memset(title, 'x', sizeof title);
    title[TEXT_SIZE - 1] = '\0';
    snprintf(text, sizeof text, "company \"%s\"", title);
    struct policy *p = parse(text);
    assert_string_equal(p->company, title);
    policy_free(p);
    title[TEXT_SIZE - 1] = 'x';
    title[TEXT_SIZE] = '\0';
    snprintf(text, sizeof text, "company \"%s\"", title);
    assert_null(policy_parse(text, strlen(text), &diags));
    assert_string_equal(diags.v[0].text, "the company's name has at most 127 bytes");
}

static void lines_of_windows(void **state)
{
    struct policy *p = parse("company \"A\"\r\n# B\r\nposture p { }\r\n");

    (void)state;
    assert_int_equal(p->postures[0].pos.line, 3);
    policy_free(p);
}

static void nothing_at_all(void **state)
{
    struct policy *p = parse("# only a comment");

    (void)state;
    assert_int_equal(p->n_roles, 0);
    policy_free(p);
    policy_free(NULL);
}

/* ---- how an error looks -------------------------------------------------------------------------
 */

static void shown(void **state)
{
    static const struct {
        const char *what, *text, *shown;
    } cases[] = {
        {"a caret under the word, and a hint",
         "resource db { 10.0.0.1 tcp 1 }\nremediation { bd }\n",
         "f:2:15: error: unknown resource 'bd'\n  remediation { bd }\n                ^~\n"},
        {"a tab is one blank, a control character is '?'", "\tcompany x \x1b[31m\n",
         "f:1:10: error: the company's name in quotes expected, not 'x'\n"
         "   company x ?[31m\n           ^\n"},
        {"characters of several bytes take one column", "company \"\xc3\xbc\" x\n",
         "f:1:14: error: 'x' is not a statement of this file\n  company \"\xc3\xbc\" x\n"
         "              ^\n"},
        {"bytes that are no characters", "company \"\xff\xe2\x80\xa8\" \xfe\n",
         "f:1:9: error: the company's name holds a control character or is not UTF-8\n"
         "  company \"?\?\?\?\" ?\n          ^~~~~~\n"},
        {"the end of the file", "posture p {\n",
         "f:2:1: error: '}' expected to close a posture, but the file ends\n  \n  ^\n"},
    };
    char out[512], small[16];

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const struct diag *d = &diags.v[0];
        size_t n;

        assert_null(policy_parse(cases[i].text, strlen(cases[i].text), &diags));
        n = diag_print(d, "f", cases[i].text, strlen(cases[i].text), out, sizeof out);
        if (strcmp(out, cases[i].shown) != 0)
            fail_msg("%s: shows\n%s", cases[i].what, out);
        assert_int_equal(n, strlen(out));
        assert_int_equal(
            diag_print(d, "f", cases[i].text, strlen(cases[i].text), small, sizeof small), n);
        assert_int_equal(strlen(small), sizeof small - 1);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(refused),
        cmocka_unit_test(every_error_is_reported),
        cmocka_unit_test(errors_are_counted_beyond_the_kept),
        cmocka_unit_test(too_large),
        cmocka_unit_test(limits),
        cmocka_unit_test(warned),
        cmocka_unit_test(resources),
        cmocka_unit_test(roles),
        cmocka_unit_test(postures),
        cmocka_unit_test(codes),
        cmocka_unit_test(every_fact_has_a_code),
        cmocka_unit_test(words_of_any_length),
        cmocka_unit_test(longest_text),
        cmocka_unit_test(lines_of_windows),
        cmocka_unit_test(nothing_at_all),
        cmocka_unit_test(shown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
