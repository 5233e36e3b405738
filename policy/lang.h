/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Private to the policy language: the lexer, the parser's state and the helpers that its files
 * share. Nothing outside policy/ includes this.
 *
 * Files: lex (bytes -> tokens), literal (words -> values), parse (statements, recovery), and one
 * parse_* per block; check resolves names once all are known; diag collects and prints.
 */
#ifndef POLICY_LANG_H
#define POLICY_LANG_H

#include "policy/policy.h"
#include "policy/posture.h"

/* ---- limits: together they bound time and memory for any input of POLICY_TEXT_MAX ---------- */

#define RESOURCES_MAX 4096
#define NETWORKS_MAX 1024
#define POSTURES_MAX 32          /* a block is large */
#define REACH_MAX 1024           /* of one role */
#define TESTS_MAX 1024
#define TEST_CASES_MAX 4096      /* of one file */
#define RANGES_MAX 1024          /* of one resource entry or network */
#define SERVICES_MAX 256         /* of one resource entry */
#define PERMITS_MAX 8192         /* ranges times services, over all resources */

/* ---- lex.c ---------------------------------------------------------------------------------- */

enum token_kind {
    TOK_END = 0,
    TOK_WORD,        /* letters, digits and . _ : / + - [ ] % : names, numbers, addresses, times */
    TOK_STRING,      /* "..." ; s and len exclude the quotes, escapes are still in it */
    TOK_SIGN,        /* one of { } ( ) , ; < <= > >= == != */
};

struct token {
    enum token_kind kind;
    struct src_pos pos;
    bool first_on_line;
    const char *s;
    size_t len;
};

struct lexer {
    const char *text;
    size_t len, at;
    struct src_pos pos;
    bool line_start;             /* no token yet on this line */
    struct diags *diags;
};

void lex_start(struct lexer *l, const char *text, size_t len, struct diags *diags);
/* The next token; what belongs to no token is reported and skipped. TOK_END for ever at the end. */
struct token lex_next(struct lexer *l);
bool token_is(const struct token *t, const char *word);
/* How many bytes the caret underlines. */
int token_width(const struct token *t);

/* ---- diag.c --------------------------------------------------------------------------------- */

#define QUOTED 40                /* a piece of the source as shown in a message, with its NUL */

void diag_error(struct diags *d, struct src_pos pos, int width, const char *hint, const char *fmt,
                ...) __attribute__((format(printf, 5, 6)));
void diag_warning(struct diags *d, struct src_pos pos, const char *hint, const char *fmt, ...)
    __attribute__((format(printf, 4, 5)));
/* Bytes of the printable UTF-8 character at s; 0 when there is none (len is at least 1). */
size_t printable_utf8(const char *s, size_t len);
/* A token's text, cut and with control characters replaced, for a message. */
const char *diag_quote(const char *s, size_t len, char out[QUOTED]);
/* Puts "did you mean 'x'?" for the nearest of the names into hint, or "". `at` gives the i-th
 * name, NULL past the end. */
void diag_suggest(const char *wrong, const char *(*at)(const void *arg, size_t i), const void *arg,
             char *hint, size_t hint_size);

/* ---- parse.c: the parser's state, statements and recovery ----------------------------------- */

enum ref_kind { REF_REACH, REF_POSTURE, REF_REMEDIATION, REF_NETWORK, REF_TEST_ROLE,
                REF_TEST_RESOURCE };

/* A name used before all names are known: check.c writes the index into its place. */
struct ref {
    enum ref_kind kind;
    size_t owner, slot, sub;     /* role/resource/test; entry, case or element; element */
    struct src_pos pos;
    char name[NAME_SIZE];
};

struct parser {
    struct lexer lex;
    struct token tok;            /* the one to be looked at next */
    struct token last;           /* the one taken last */
    int depth;                   /* open braces */
    bool lost;                   /* an error in this statement: skip to the next */
    bool oom;
    struct diags *diags;
    struct policy *policy;       /* being built; NULL in a gateway file */
    struct gateway_conf *gateway;
    bool clock_seen;             /* "clock" was said in this gateway file */
    bool tls_seen;               /* and "tls" */
    struct ref *refs;
    size_t n_refs;
    size_t n_permits, n_cases;
    struct src_pos respond_pos;  /* of the block */
    bool enrolment_seen;         /* "enrolment" was said in this policy */
};

struct statement { const char *word; void (*parse)(struct parser *p); };

void parser_start(struct parser *p, const char *text, size_t len, struct diags *diags);
void parse_advance(struct parser *p);
bool at_word(const struct parser *p, const char *word);
bool at_sign(const struct parser *p, const char *sign);
bool take_word(struct parser *p, const char *word);
bool take_sign(struct parser *p, const char *sign);
/* Complains about the token at hand unless it is this sign. */
bool expect_sign(struct parser *p, const char *sign, const char *where);
/* Reports an error at the token at hand, once per statement; always false. */
bool parse_fail(struct parser *p, const char *hint, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));
bool parse_fail_at(struct parser *p, const struct token *t, const char *hint, const char *fmt, ...)
    __attribute__((format(printf, 4, 5)));
/* "{ statement ... }": runs the table's function for each first word, recovers after errors. The
 * table ends with a line without a word; its function, if any, is run for everything else, with
 * the first token still to be taken. `block` names the block in messages. */
void parse_block(struct parser *p, const char *block, const struct statement *table);
/* The statements of a whole file. */
void parse_file(struct parser *p, const struct statement *table, const char *const elsewhere[],
                const char *other_file);
/* Makes room for element n of a growing array (*array is a T *); new elements are zero. False
 * when memory is out, and p->oom is set. */
bool parse_grow(struct parser *p, void *array, size_t n, size_t size);
/* "given twice" unless *seen is false; sets it. */
bool parse_once(struct parser *p, bool *seen, const char *what);

/* ---- literal.c: words to values; each complains and returns false when it is not one --------- */

bool parse_number(struct parser *p, const char *what, int64_t min, int64_t max, int64_t *out);
bool parse_duration(struct parser *p, const char *what, int64_t min, int64_t max,
                    struct span *out);
bool parse_date(struct parser *p, int64_t *seconds);
bool parse_name(struct parser *p, const char *what, char out[NAME_SIZE]);
bool parse_string(struct parser *p, const char *what, char *out, size_t size);
bool parse_ports(struct parser *p, uint16_t *first, uint16_t *last);
/* An address, prefix without host bits, or range. */
bool parse_range(struct parser *p, struct ip_range *out);
bool looks_like_address(const struct token *t);
/* Strict decimal of exactly these bytes. */
bool number_read(const char *s, size_t len, int64_t *out);

/* ---- parse_host.c ---------------------------------------------------------------------------- */

bool port_read(const char *s, size_t len, uint16_t *port);             /* 1 to 65535 */
/* The name of a host, or an address, which is then in *addr (otherwise family 0). */
bool host_read(const char *s, size_t len, char out[HOST_SIZE], struct ip_addr *addr);
/* "10.20.0.5:514", "[fd20::5]:514" */
bool parse_socket(struct parser *p, struct ip_addr *addr, uint16_t *port);
/* A file beside gateway.conf, by its name alone, which has this ending. */
void parse_file_name(struct parser *p, const char *word, const char *ending, char out[NAME_SIZE]);

/* ---- protocol.c ----------------------------------------------------------------------------- */

const char *protocol_name(uint8_t proto);                  /* NULL when it has none */
/* True at a word that begins a service: tcp udp sctp dccp udplite icmp proto. */
bool at_service(const struct parser *p);
/* "tcp" or "proto gre": the number alone. */
bool parse_protocol(struct parser *p, uint8_t *proto);
/* What a service means for an address of this family: ICMP becomes ICMPv6 for 6. */
uint8_t proto_for(uint8_t proto, uint8_t family);
/* Words that no network or resource may be called. */
bool reserved_word(const char *s);

/* ---- the blocks ------------------------------------------------------------------------------ */

void parse_attempts(struct parser *p);                     /* of the gateway file, as the next */
void parse_metrics(struct parser *p);
void parse_console(struct parser *p);
void parse_enrol(struct parser *p);
void parse_tls(struct parser *p);
void tunnel_endpoint(struct parser *p);
void tunnel_dns(struct parser *p);
void parse_network(struct parser *p);
void parse_resource(struct parser *p);
void parse_role(struct parser *p);
void parse_posture_block(struct parser *p);
void parse_rule(struct parser *p);                         /* into the last posture */
bool parse_version(struct parser *p, char out[FACT_TEXT]);
void parse_test(struct parser *p);
void parse_respond(struct parser *p);
void parse_enrolment(struct parser *p);
void parse_acknowledge(struct parser *p);
#define INVITATION_DEFAULT 86400
/* "a, b, c" of names to be resolved later as references of this kind; n counts what was added. */
bool parse_name_list(struct parser *p, enum ref_kind kind, const char *what, size_t owner,
                     uint16_t **list, size_t *n, struct src_pos **pos, size_t max);
bool parse_add_ref(struct parser *p, struct ref r);

/* What role.posture holds until check.c knows: none was named, or a name that is in the refs. */
#define POSTURE_ABSENT (-1)
#define POSTURE_NAMED (-2)

/* ---- hours.c --------------------------------------------------------------------------------- */

#define WEEK_MINUTES 10080
extern const char *const day_names[7];
/* Sorts and merges; slots must not wrap. */
void hours_normalise(struct hours *h);
bool zone_name_valid(const char *s, size_t len);

/* ---- check.c --------------------------------------------------------------------------------- */

/* Puts indexes for names, then looks for what is wrong with the whole. */
void check_policy(struct parser *p);

/* ---- out.c: a growing text ------------------------------------------------------------------- */

struct out { char *s; size_t len, room; bool oom; };
void out_put(struct out *o, const char *s);
void out_fmt(struct out *o, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* The text, owned by the caller; NULL when memory ran out on the way. */
char *out_take(struct out *o);
void out_range(struct out *o, const struct ip_range *r);
void out_duration(struct out *o, struct span d);
/* "tcp 80, 443, 8000-8010, icmp": services in the order given. */
void out_services(struct out *o, const struct service *v, size_t n);
void out_hours(struct out *o, const struct hours *h);
/* print.c: "require fde.sys missing ok warn grace 3d". */
void out_rule(struct out *o, const struct posture_rule *r);
/* print.c: "role warehouse cannot reach customs-db". */
void out_case(struct out *o, const struct policy *p, const struct test_case *c);

/* ---- rights.c: sets of permits --------------------------------------------------------------- */

struct permits { struct permit *v; size_t n, room; bool oom; };
void permits_add(struct permits *s, struct permit p);
/* What one resource grants, not merged. */
void permits_of_resource(struct permits *s, const struct resource *r);
/* a without b (b may be NULL) in canonical form: disjoint, merged, sorted. 0, or -1 for memory. */
int permits_minus(const struct permits *a, const struct permits *b, struct permits *out);
bool permits_equal(const struct permits *a, const struct permits *b);   /* both canonical */
void permits_free(struct permits *s);
/* Own rights of a role, without remediation; or remediation alone. Not merged. */
void permits_of_role(struct permits *s, const struct policy *p, size_t role);
void permits_of_remediation(struct permits *s, const struct policy *p);

/* ---- rights_group.c, diff_posture.c, diff_people.c: for diff.c ------------------------------- */

struct right_group { struct ip_range range; size_t first, count; bool said; };
struct right_groups { struct right_group *v; size_t n; struct service *services; };
/* Groups a canonical set (reorders it; ICMPv6 becomes ICMP). 0, or -1 for memory. */
int rights_group(struct permits *s, struct right_groups *g);
void rights_group_free(struct right_groups *g);
/* The addresses of all groups with the services of group i; they count as said from then on. */
void out_group_addresses(struct out *o, struct right_groups *g, size_t i);
void diff_postures(struct out *o, const struct policy *from, const struct policy *to);
void diff_people(struct out *o, const struct policy *from, const struct policy *to);
/* print.c: "20 within 1m lock". */
void out_pattern_rule(struct out *o, const struct pattern_rule *r);

#endif
