/* SPDX-License-Identifier: GPL-2.0-or-later */
/* token_open() behind the signature: limits of the payload, claims, times, facts. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "policy/json_bounds.h"
#include "tests/unit/token_maker.h"

#define NOW "1780000000"

static struct maker m;

struct edit { const char *what, *path, *value; enum refusal_code code; };

static void expect_edit(const struct edit *e, enum maker_kid kid)
{
    json_t *claims = maker_claims(&m, kid);
    struct claims c;
    enum refusal_code got;

    maker_edit(claims, e->path, e->value);
    got = maker_judge(&m, kid, claims, &c);
    if (got != e->code)
        fail_msg("%s: %s instead of %s", e->what, code_id(got), code_id(e->code));
}

static void expect_edits(const struct edit *e, size_t n)
{
    for (size_t i = 0; i < n; i++)
        expect_edit(&e[i], K_DEVICE);
}

#define X63 "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
#define X256 X63 X63 X63 X63 "aaaa"

static void required_claims(void **state)
{
    static const char *const required[] = {"iss", "sub", "aud",  "iat", "exp", "jti",
                                           "eat_profile", "ueid", "cnf", "pst", "pst.v", "pst.at"};

    (void)state;
    for (size_t i = 0; i < sizeof required / sizeof required[0]; i++)
        expect_edit(&(struct edit){required[i], required[i], NULL, PT301}, K_DEVICE);
}

static void claim_forms(void **state)
{
    static const struct edit cases[] = {
        {"sub a number", "sub", "7", PT302},
        {"sub null", "sub", "null", PT302},
        {"sub empty", "sub", "\"\"", PT303},
        {"sub with a newline", "sub", "\"lap\\ntop\"", PT303},
        {"sub with an escape", "sub", "\"lap\\u001btop\"", PT303},
        {"sub with a C1 control", "sub", "\"lap\\u0085top\"", PT303},
        {"sub with a line separator", "sub", "\"lap\\u2028top\"", PT303},
        {"sub that turns direction", "sub", "\"lap\\u202etop\"", PT303},
        {"sub that isolates direction", "sub", "\"lap\\u2067top\"", PT303},
        {"sub in other letters", "sub", "\"l\\u00e4ptop\"", CODE_NONE},
        {"sub of 256", "sub", "\"" X256 "\"", CODE_NONE},
        {"sub of 257", "sub", "\"" X256 "a\"", PT107},
        {"aud a list", "aud", "[\"" MAKER_AUD "\"]", PT302},
        {"iat a real", "iat", NOW ".0", PT302},
        {"iat a string", "iat", "\"" NOW "\"", PT302},
        {"iat zero", "iat", "0", PT303},
        {"iat negative", "iat", "-5", PT303},
        {"exp true", "exp", "true", PT302},
        {"exp after year 9999", "exp", "253402300800", PT303},
        {"exp that overflows", "exp", "9223372036854775807", PT303},
        {"nbf a real", "nbf", "1.5", PT302},
        {"jti a number", "jti", "1234567890123456", PT302},
        {"jti of 15", "jti", "\"0123456789abcde\"", PT303},
        {"jti of 64", "jti", "\"" X63 "a\"", CODE_NONE},
        {"jti of 65", "jti", "\"" X63 "aa\"", PT303},
        {"jti of all its characters", "jti", "\"AZaz09._-AZaz09._-\"", CODE_NONE},
        {"jti with what is beside them", "jti", "\"@[`{/:+,aaaaaaaaaaaa\"", PT303},
        {"jti with a space", "jti", "\"0123456789 abcdef\"", PT303},
        {"ueid not base64url", "ueid", "\"ab+/\"", PT303},
        {"ueid of 6 bytes", "ueid", "\"AQIDBAUG\"", PT303},
        {"ueid of 7 bytes", "ueid", "\"AQIDBAUGBw\"", CODE_NONE},
        {"ueid of 33 bytes", "ueid", "\"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\"", CODE_NONE},
        {"ueid of 34 bytes", "ueid", "\"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\"", PT303},
        {"ueid an object", "ueid", "{}", PT302},
        {"nonce a list", "eat_nonce", "[\"a\"]", PT302},
        {"nonce of 31 bytes", "eat_nonce", "\"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\"", PT303},
        {"nonce of 33 bytes", "eat_nonce", "\"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\"", PT303},
        {"nonce padded", "eat_nonce", "\"WlpaWlpaWlpaWlpaWlpaWlpaWlpaWlpaWlpaWlpaWlo=\"", PT303},
        {"nonce absent is for token_bind", "eat_nonce", NULL, CODE_NONE},
        {"profile of another year", "eat_profile", "\"tag:portcullis,2025:posture-v1\"", PT305},
        {"profile a number", "eat_profile", "1", PT302},
        {"another gateway", "aud", "\"hq-edge-2\"", PT306},
        {"aud with something behind", "aud", "\"" MAKER_AUD "x\"", PT306},
        {"another issuer's name", "iss", "\"mdm.example\"", PT202},
        {"issuer empty", "iss", "\"\"", PT303},
    };

    (void)state;
    expect_edits(cases, sizeof cases / sizeof cases[0]);
}

static void optional_claims(void **state)
{
    static const struct edit cases[] = {
        {"role", "role", "\"it\"", PT304},
        {"roles", "roles", "[]", PT304},
        {"scope", "scope", "\"all\"", PT304},
        {"claim in other case", "Sub", "\"x\"", PT304},
        {"oemid by number", "oemid", "7", CODE_NONE},
        {"oemid by text", "oemid", "\"AQID\"", CODE_NONE},
        {"oemid a list", "oemid", "[]", PT302},
        {"hwmodel", "hwmodel", "\"VDE0\"", CODE_NONE},
        {"hwmodel not base64url", "hwmodel", "\"T 14\"", PT303},
        {"hwmodel of 33 bytes", "hwmodel", "\"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\"", PT303},
        {"hwversion", "hwversion", "[\"1.2\",1]", CODE_NONE},
        {"hwversion a text", "hwversion", "\"1.2\"", PT302},
        {"hwversion of three", "hwversion", "[\"1\",1,1]", PT303},
        {"hwversion of numbers", "hwversion", "[1]", PT302},
        {"oemboot", "oemboot", "true", CODE_NONE},
        {"oemboot a number", "oemboot", "1", PT302},
        {"dbgstat", "dbgstat", "\"disabled-permanently\"", CODE_NONE},
        {"dbgstat a CBOR number", "dbgstat", "3", PT302},
        {"dbgstat made up", "dbgstat", "\"off\"", PT303},
        {"swname", "swname", "\"portcullis-agent\"", CODE_NONE},
        {"swname a list", "swname", "[]", PT302},
        {"swversion", "swversion", "[\"0.1\"]", CODE_NONE},
        {"swversion empty", "swversion", "[]", PT303},
        {"uptime", "uptime", "12", CODE_NONE},
        {"uptime zero", "uptime", "0", CODE_NONE},
        {"uptime negative", "uptime", "-1", PT303},
        {"bootcount a text", "bootcount", "\"1\"", PT302},
        {"measres", "measres", "[]", CODE_NONE},
        {"measres an object", "measres", "{}", PT302},
        {"submods a list", "submods", "[]", PT302},
        {"submods empty", "submods", "{}", PT303},
        {"submods of another kind", "submods", "{\"tee\":{}}", PT304},
        {"submods tpm and another", "submods", "{\"tpm\":{\"quote\":\"AQ\"},\"tee\":{}}", PT304},
        {"tpm", "submods", "{\"tpm\":{\"quote\":\"AQ\",\"sig\":\"AQ\"}}", CODE_NONE},
        {"tpm empty", "submods", "{\"tpm\":{}}", PT602},
        {"tpm a text", "submods", "{\"tpm\":\"AQ\"}", PT602},
        {"tpm with a number", "submods", "{\"tpm\":{\"quote\":1}}", PT602},
    };

    (void)state;
    expect_edits(cases, sizeof cases / sizeof cases[0]);
}

static void times(void **state)
{
    static const struct {
        const char *what;
        int64_t iat, exp, nbf, at;   /* relative to now; nbf INT64_MIN = absent */
        enum maker_kid kid;
        enum refusal_code code;
    } cases[] = {
        {"ordinary", 0, 600, INT64_MIN, 0, K_DEVICE, CODE_NONE},
        {"longest life", 0, 900, INT64_MIN, 0, K_DEVICE, CODE_NONE},
        {"a second longer", 0, 901, INT64_MIN, 0, K_DEVICE, PT307},
        {"longest life of the key", 0, 300, INT64_MIN, 0, K_SHORT, CODE_NONE},
        {"a second longer than the key's", 0, 301, INT64_MIN, 0, K_SHORT, PT307},
        {"no life", 0, 0, INT64_MIN, 0, K_DEVICE, PT303},
        {"ends before it begins", 0, -1, INT64_MIN, 0, K_DEVICE, PT303},
        {"issued as far ahead as may be", 60, 600, INT64_MIN, 0, K_DEVICE, CODE_NONE},
        {"a second further ahead", 61, 600, INT64_MIN, 0, K_DEVICE, PT308},
        {"nbf now", 0, 600, 0, 0, K_DEVICE, CODE_NONE},
        {"nbf in a second", 0, 600, 1, 0, K_DEVICE, PT309},
        {"last second", -600, 1, INT64_MIN, 0, K_DEVICE, CODE_NONE},
        {"exp now", -600, 0, INT64_MIN, 0, K_DEVICE, PT310},
        {"exp a second ago", -600, -1, INT64_MIN, 0, K_DEVICE, PT310},
        {"lifetime before expiry", -2000, -1, INT64_MIN, 0, K_DEVICE, PT307},
        {"facts as far ahead as may be", 0, 600, INT64_MIN, 60, K_DEVICE, CODE_NONE},
        {"facts a second further ahead", 0, 600, INT64_MIN, 61, K_DEVICE, PT308},
        {"facts of last year are the posture's matter", 0, 600, INT64_MIN, -31536000, K_DEVICE,
         CODE_NONE},
    };
    struct claims c;

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        json_t *claims = maker_claims(&m, cases[i].kid), *pst = json_object_get(claims, "pst");
        enum refusal_code got;

        json_object_set_new(claims, "iat", json_integer(MAKER_NOW + cases[i].iat));
        json_object_set_new(claims, "exp", json_integer(MAKER_NOW + cases[i].exp));
        json_object_set_new(pst, "at", json_integer(MAKER_NOW + cases[i].at));
        if (cases[i].nbf != INT64_MIN)
            json_object_set_new(claims, "nbf", json_integer(MAKER_NOW + cases[i].nbf));
        got = maker_judge(&m, cases[i].kid, claims, &c);
        if (got != cases[i].code)
            fail_msg("%s: %s instead of %s", cases[i].what, code_id(got), code_id(cases[i].code));
    }
}

static void cnf(void **state)
{
#define ZERO32 "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"
    static const struct edit cases[] = {
        {"a text", "cnf", "\"x\"", PT501},
        {"empty", "cnf", "{}", PT501},
        {"by kid", "cnf", "{\"kid\":\"x\"}", PT501},
        {"something beside jwk", "cnf.kid", "\"x\"", PT501},
        {"jwk a text", "cnf.jwk", "\"x\"", PT501},
        {"no kty", "cnf.jwk.kty", NULL, PT501},
        {"another kty", "cnf.jwk.kty", "\"EC\"", PT501},
        {"another curve", "cnf.jwk.crv", "\"Ed25519\"", PT501},
        {"no x", "cnf.jwk.x", NULL, PT501},
        {"x a number", "cnf.jwk.x", "1", PT501},
        {"x of 31 bytes", "cnf.jwk.x", "\"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\"", PT501},
        {"x padded", "cnf.jwk.x", "\"" ZERO32 "=\"", PT501},
        {"x zero", "cnf.jwk.x", "\"" ZERO32 "\"", PT501},
        {"private part", "cnf.jwk.d", "\"" ZERO32 "\"", PT501},
    };

    (void)state;
    expect_edits(cases, sizeof cases / sizeof cases[0]);
}

static void facts_forms(void **state)
{
    static const struct edit cases[] = {
        {"pst a list", "pst", "[]", PT302},
        {"another version", "pst.v", "2", PT303},
        {"version a text", "pst.v", "\"1\"", PT302},
        {"at a date", "pst.at", "\"2026-06-01\"", PT302},
        {"at zero", "pst.at", "0", PT303},
        {"at one", "pst.at", "1", CODE_NONE},
        {"unknown group", "pst.bios", "{}", PT304},
        {"unknown fact", "pst.os.name", "\"x\"", PT304},
        {"fact of another group", "pst.os.sys", "true", PT304},
        {"role", "pst.role", "\"it\"", PT304},
        {"a claim's name in pst", "pst.oemboot", "true", PT304},
        {"part of a group's name", "pst.o", "{}", PT304},
        {"long group", "pst." X63 X63, "{}", PT304},
        {"long member", "pst.os." X63 X63, "true", PT304},
        {"group a text", "pst.os", "\"x\"", PT302},
        {"group empty", "pst.usb", "{}", CODE_NONE},
        {"own byod", "pst.own", "\"byod\"", CODE_NONE},
        {"own absent", "pst.own", NULL, CODE_NONE},
        {"own made up", "pst.own", "\"leased\"", PT303},
        {"own a list", "pst.own", "[]", PT302},
        {"bool a number", "pst.fde.sys", "1", PT302},
        {"bool null is not unknown", "pst.fde.sys", "null", PT302},
        {"int a bool", "pst.pend.crit", "false", PT302},
        {"int negative", "pst.pend.crit", "-1", PT303},
        {"int largest", "pst.pend.crit", "2147483647", CODE_NONE},
        {"int too large", "pst.pend.crit", "2147483648", PT303},
        {"int a real", "pst.pend.crit", "1.0", PT302},
        {"text of 63", "pst.av.name", "\"" X63 "\"", CODE_NONE},
        {"text of 64", "pst.av.name", "\"" X63 "a\"", PT303},
        {"text with a space", "pst.av.name", "\"a b\"", CODE_NONE},
        {"text empty", "pst.av.name", "\"\"", PT303},
        {"text with a tab", "pst.av.name", "\"a\\tb\"", PT303},
        {"version with letters", "pst.os.ver", "\"12a\"", PT303},
        {"version with two dots", "pst.os.ver", "\"12..1\"", PT303},
        {"version a number", "pst.os.ver", "12", PT302},
        {"date by seconds", "pst.os.patch", "1779000000", CODE_NONE},
        {"date by day", "pst.os.patch", "\"2026-05-01\"", CODE_NONE},
        {"date of a leap day", "pst.os.patch", "\"2024-02-29\"", CODE_NONE},
        {"date of no leap day", "pst.os.patch", "\"2026-02-29\"", PT303},
        {"date with month 13", "pst.os.patch", "\"2026-13-01\"", PT303},
        {"date with a letter", "pst.os.patch", "\"2026-0x-01\"", PT303},
        {"date with what follows 9", "pst.os.patch", "\"2026-0:-01\"", PT303},
        {"date with a slash", "pst.os.patch", "\"2026-05/01\"", PT303},
        {"first day of all", "pst.os.patch", "\"1970-01-01\"", CODE_NONE},
        {"date too short", "pst.os.patch", "\"2026-5-1\"", PT303},
        {"date with a time", "pst.os.patch", "\"2026-05-01T00:00:00Z\"", PT303},
        {"date before 1970", "pst.os.patch", "\"1969-12-31\"", PT303},
        {"date negative", "pst.os.patch", "-1", PT303},
        {"date a bool", "pst.os.patch", "true", PT302},
        {"list", "pst.lic.unauth", "[\"a\",\"b\"]", CODE_NONE},
        {"list a text", "pst.lic.unauth", "\"a\"", PT302},
        {"list of numbers", "pst.lic.unauth", "[1]", PT302},
        {"list with an empty text", "pst.lic.unauth", "[\"\"]", PT303},
        {"list with a newline", "pst.lic.unauth", "[\"a\\nb\"]", PT303},
    };

    (void)state;
    expect_edits(cases, sizeof cases / sizeof cases[0]);
}

static void facts_values(void **state)
{
    json_t *claims = maker_claims(&m, K_DEVICE);
    struct claims c;
    const struct fact *v = c.facts.v;

    (void)state;
    maker_edit(claims, "pst.os.patch", "\"2026-05-01\"");
    maker_edit(claims, "pst.fde.all", "false");
    maker_edit(claims, "pst.lic.unauth", "[\"winrar\",\"teamviewer\"]");
    maker_edit(claims, "pst.edr.risk", "3");
    maker_edit(claims, "oemboot", "true");
    maker_edit(claims, "dbgstat", "\"disabled-since-boot\"");
    maker_edit(claims, "hwmodel", "\"VDE0\"");
    maker_edit(claims, "submods", "{\"tpm\":{\"quote\":\"AQ\"}}");
    assert_int_equal(maker_judge(&m, K_DEVICE, claims, &c), CODE_NONE);
    assert_int_equal(c.facts.at.s, MAKER_NOW - 10);
    assert_string_equal(v[FACT_OWN].text, "corp");
    assert_string_equal(v[FACT_OS_VER].text, "12.7");
    assert_int_equal(v[FACT_OS_PATCH].n, 1777593600);
    assert_true(v[FACT_FDE_SYS].known && v[FACT_FDE_SYS].n == 1);
    assert_true(v[FACT_FDE_ALL].known && v[FACT_FDE_ALL].n == 0);
    assert_true(v[FACT_PEND_CRIT].known && v[FACT_PEND_CRIT].n == 0);
    assert_int_equal(v[FACT_LIC_UNAUTH].n, 2);
    assert_string_equal(v[FACT_LIC_UNAUTH].text, "winrar, teamviewer");
    assert_int_equal(v[FACT_EDR_RISK].n, 3);
    assert_true(v[FACT_OEMBOOT].known && v[FACT_OEMBOOT].n == 1);
    assert_int_equal(v[FACT_DBGSTAT].n, 2);
    assert_string_equal(v[FACT_HWMODEL].text, "VDE0");
    assert_false(v[FACT_FW_ON].known);
    assert_false(v[FACT_PEND_IMP].known);
    assert_true(c.has_tpm);
}

static void long_lists_are_cut(void **state)
{
    static const struct { const char *list, *text; } cases[] = {
        {"[]", ""},
        {"[\"" X63 X63 "\"]", "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa.."},
        {"[\"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\",\"b\",\"c\"]",
         "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa.."},
        {"[\"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\",\"bcdefg\",\"c\"]",
         "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa, bc.."},
        {"[\"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\",\"b\\u00e4\\u00e4\"]",
         "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa, b.."},
    };
    struct claims c;

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        json_t *claims = maker_claims(&m, K_DEVICE);

        maker_edit(claims, "pst.lic.unauth", cases[i].list);
        assert_int_equal(maker_judge(&m, K_DEVICE, claims, &c), CODE_NONE);
        assert_string_equal(c.facts.v[FACT_LIC_UNAUTH].text, cases[i].text);
    }
}

/* A payload of this many of that, signed well. */
static enum refusal_code judge_payload(const char *payload, size_t len)
{
    struct claims c;
    char *token = maker_seal_text(&m, K_DEVICE,
                                  "{\"alg\":\"Ed25519\",\"typ\":\"eat+jwt\",\"kid\":\"laptop-7\"}",
                                  payload, len);
    enum refusal_code code = maker_open(&m, token, &c);

    free(token);
    return code;
}

static void not_json(void **state)
{
    static const char *const cases[] = {
        "x", "{", "{}x", "{} {}", "[]", "\"x\"", "1", "null", "{\"a\":}", "{\"a\":1,}",
        "{\"a\":1,\"a\":1}", "{\"pst\":{\"v\":1,\"v\":1}}", "{\"a\":\"\\ud800\"}",
        "{\"a\":\"\\u0000\"}", "{\"a\":\"\xff\"}", "{\"a\":99999999999999999999}",
        "{\"a\":1e999}", "{'a':1}", "{\"a\":NaN}", "\xef\xbb\xbf{}", "{\"a\":01}",
        "{\"a\":\"b", "{\"a\":\"\\", "{\"a\":1/**/}",
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        if (judge_payload(cases[i], strlen(cases[i])) != PT107)
            fail_msg("%s: not PT107", cases[i]);
    assert_int_equal(judge_payload("{}\0", 3), PT107);
    assert_int_equal(judge_payload("{}", 2), PT301);
    assert_int_equal(judge_payload(" {\"sub\":\"x\"} \n", 14), PT301);
}

/* n times `one` between `open` and `close`, commas between. */
static bool bounded(const char *open, const char *one, int n, const char *close)
{
    char *text = calloc(1, strlen(open) + strlen(close) + (strlen(one) + 1) * (size_t)n + 1);
    bool ok;

    strcpy(text, open);
    for (int i = 0; i < n; i++) {
        strcat(text, i > 0 && *one == '"' ? "," : "");
        strcat(text, one);
    }
    strcat(text, close);
    ok = json_bounded((const uint8_t *)text, strlen(text));
    free(text);
    return ok;
}

static void limits(void **state)
{
    (void)state;
    assert_true(bounded("", "[", 6, ""));
    assert_false(bounded("", "[", 7, ""));
    assert_false(bounded("", "{", 7, ""));
    assert_true(bounded("{\"a\":\"", "[", 200, "\"}"));
    assert_true(bounded("[", "[]", 30, "]"));
    assert_true(bounded("{", "\"a\":1", 200, "}"));
    assert_false(bounded("{", "\"a\":1", 201, "}"));
    assert_true(bounded("[", "\"\"", 32, "]"));
    assert_false(bounded("[", "\"\"", 33, "]"));
    assert_true(bounded("[[],", "\"\"", 31, "]"));
    assert_false(bounded("[[],", "\"\"", 32, "]"));
    assert_true(bounded("\"", "x", 256, "\""));
    assert_false(bounded("\"", "x", 257, "\""));
    assert_true(bounded("\"", "\\n", 256, "\""));
    assert_false(bounded("\"", "\\n", 257, "\""));
    assert_true(bounded("\"", "\\u00e4", 64, "\""));
    assert_false(bounded("\"", "\\u00e4", 65, "\""));
    assert_true(bounded("\"", "\\\"", 256, "\""));
    assert_false(bounded("{\"", "x", 257, "\":1}"));
    assert_true(bounded("", "]", 9, "[[[[[["));
    assert_true(bounded("\"abc\\", "", 0, ""));
    assert_true(bounded("", "", 0, ""));
}

static void printable_texts(void **state)
{
    static const struct { const char *what, *text; bool ok; } cases[] = {
        {"nothing", "", true},          {"a space", " ", true},      {"below space", "\x1f", false},
        {"tilde", "~", true},           {"DEL", "\x7f", false},      {"U+0080", "\xc2\x80", false},
        {"U+009F", "\xc2\x9f", false}, {"U+00A0", "\xc2\xa0", true}, {"U+00C5", "\xc3\x85", true},
        {"U+200D", "\xe2\x80\x8d", true},  {"U+200E", "\xe2\x80\x8e", false},
        {"U+200F", "\xe2\x80\x8f", false}, {"U+2010", "\xe2\x80\x90", true},
        {"U+2027", "\xe2\x80\xa7", true},  {"U+2028", "\xe2\x80\xa8", false},
        {"U+202E", "\xe2\x80\xae", false}, {"U+202F", "\xe2\x80\xaf", true},
        {"U+2065", "\xe2\x81\xa5", true},  {"U+2066", "\xe2\x81\xa6", false},
        {"U+2069", "\xe2\x81\xa9", false}, {"U+206A", "\xe2\x81\xaa", true},
        {"U+2128", "\xe2\x84\xa8", true},  {"U+3028", "\xe3\x80\xa8", true},
        {"in the middle", "a\nb", false},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        if (text_printable(cases[i].text, strlen(cases[i].text)) != cases[i].ok)
            fail_msg("%s", cases[i].what);
}

static void limits_hold_for_tokens(void **state)
{
    static const struct edit cases[] = {
        {"depth 6", "measres", "[[[[[]]]]]", CODE_NONE},
        {"depth 7", "measres", "[[[[[[]]]]]]", PT107},
        {"array of 32", "measres", "[1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1]",
         CODE_NONE},
        {"array of 33", "measres",
         "[1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1]", PT107},
    };

    (void)state;
    expect_edits(cases, sizeof cases / sizeof cases[0]);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(required_claims), cmocka_unit_test(claim_forms),
        cmocka_unit_test(optional_claims), cmocka_unit_test(times),
        cmocka_unit_test(cnf),             cmocka_unit_test(facts_forms),
        cmocka_unit_test(facts_values),    cmocka_unit_test(long_lists_are_cut),
        cmocka_unit_test(not_json),        cmocka_unit_test(limits),
        cmocka_unit_test(printable_texts), cmocka_unit_test(limits_hold_for_tokens),
    };

    maker_start(&m);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
