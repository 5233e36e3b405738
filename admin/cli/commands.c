/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The grammar, as data: every noun and verb with its arguments, options, help and examples.
 */
#include "admin/cli/cli.h"

#include <stdint.h>
#include <string.h>

#define END {NULL, NULL, NULL}
#define PAGE {"--limit", "N", "no more than the first N, at most 5000; otherwise all"}

const struct option_spec cli_globals[] = {
    {"--socket", "PATH", "the daemon's control socket (also -s; " CLI_SOCKET ")"},
    {"--json", NULL, "print the daemon's answer as JSON"},
    {"--help", NULL, "what this command does (also -h)"},
    END};

static const struct option_spec explain_options[] = {
    {"--device", "NAME", "only this device of the person"}, END};
static const struct option_spec apply_options[] = {
    {"--confirm", "TIME", "roll back by itself unless confirmed within this time: 60s, 5m"},
    {"--confirm-mass-removal", NULL, "although it leaves nothing to most devices that are in"},
    END};
static const struct option_spec show_options[] = {
    {"--version", "N", "an earlier version, not the one in force"}, END};
static const struct option_spec user_add_options[] = {
    {"--role", "ROLE", "a role, or several divided by commas; may be given again"},
    {"--full-name", "TEXT", "the person's name"},
    {"--end", "DATE", "when the account ends: 2027-01-31, 2027-01-31T18:00 or +30d"}, END};
static const struct option_spec user_list_options[] = {
    {"--role", "ROLE", "only people with this role"},
    {"--state", "STATE", "active, revoked or ended"}, PAGE, END};
static const struct option_spec import_options[] = {
    {"--apply", NULL, "do it; otherwise what would be done is shown"}, END};
static const struct option_spec reason_options[] = {
    {"--reason", "TEXT", "why; it is kept in the audit log"}, END};
static const struct option_spec retire_options[] = {
    {"--reason", "TEXT", "why; it is kept in the audit log"},
    {"--yes", NULL, "do not ask"}, END};
static const struct option_spec device_add_options[] = {
    {"--user", "NAME", "whose device it is; without it, it waits for device assign"},
    {"--address", "IPV4", "the tunnel address that it has already; otherwise the next free one"},
    {"--key", "KEY", "its WireGuard public key"},
    {"--own", "WHOSE", "corp (the default) or byod"},
    {"--ueid", "TEXT", "the machine's identifier; otherwise its first token fixes it"},
    {"--issuer-key", "LINE", "its signing key, KID:ALG:KEY, as portcullis-agent keygen prints it"},
    END};
static const struct option_spec assign_options[] = {
    {"--issuer-key", "LINE", "its signing key, KID:ALG:KEY, as portcullis-agent keygen prints it"},
    END};
static const struct option_spec device_list_options[] = {
    {"--user", "NAME", "only devices of this person"},
    {"--state", "STATE", "in, quarantine, locked, waiting or ended"}, PAGE, END};
static const struct option_spec invite_options[] = {
    {"--device", "NAME", "what the device will be called; otherwise the person may say"},
    {"--own", "WHOSE", "corp (the default) or byod"},
    {"--valid", "TIME", "how long it is good: 90m, 24h, 7d; otherwise as the policy says"}, END};
static const struct option_spec invite_list_options[] = {
    {"--user", "NAME", "only of this person"},
    {"--state", "STATE", "open, used, withdrawn, void or expired"}, PAGE, END};
static const struct option_spec except_options[] = {
    {"--until", "DATE", "when the exception ends: 2027-01-31, 2027-01-31T18:00 or +30d"},
    {"--reason", "TEXT", "why; it is kept in the audit log"}, END};
static const struct option_spec issuer_add_options[] = {
    {"--iss", "TEXT", "the issuer that tokens name"},
    {"--kind", "KIND", "mdm, device or edr"},
    {"--alg", "ALG", "Ed25519 (the default) or ES256"},
    {"--key", "KEY", "the public key in base64url"},
    {"--assurance", "PA", "the most that its word is worth: PA1 to PA4"},
    {"--not-before", "DATE", "valid from"},
    {"--not-after", "DATE", "valid until"},
    {"--life-max", "TIME", "longest life of its tokens: 600s, 10m"},
    {"--nonce", NULL, "its tokens must carry a nonce"}, END};
#define WHOSE_ATTEMPTS                                                                              \
    {"--user", "NAME", "only this person's"},                                                      \
    {"--device", "NAME", "only this device's"},                                                    \
    {"--role", "ROLE", "only of this role"},                                                       \
    {"--kind", "KIND", "only packet, token, knock, admin, two-places, sign-in or enrol"},                          \
    {"--reason", "REASON", "only with this reason, such as no-lease or not-permitted"},            \
    {"--ecs", NULL, "one JSON document a line, in the names of the Elastic Common Schema"}
static const struct option_spec attempts_options[] = {
    WHOSE_ATTEMPTS,
    {"--since", "DATE", "not before: 2026-11-22, 2026-11-22T18:00 or -2h"},
    {"--until", "DATE", "not after"}, PAGE, END};
static const struct option_spec follow_options[] = {WHOSE_ATTEMPTS, END};
static const struct option_spec attempt_options[] = {
    {"--ecs", NULL, "as one JSON document in the names of the Elastic Common Schema"}, END};
#define WHICH_RECORDS                                                                              \
    {"--user", "NAME", "only about this person or their leases"},                                  \
    {"--object", "NAME", "only about this object: a person, a device, a policy"},                  \
    {"--act", "ACT", "only this act, such as user.revoke; user stands for all of user"},           \
    {"--actor", "NAME", "only what this administrator did"}
static const struct option_spec audit_options[] = {
    WHICH_RECORDS,
    {"--since", "DATE", "not before: 2026-11-22, 2026-11-22T18:00 or -2h"},
    {"--until", "DATE", "not after"},
    {"--last", "N", "only of the newest N"},
    {"--after", "N", "only after this number"}, PAGE, END};
static const struct option_spec export_options[] = {
    WHICH_RECORDS,
    {"--from", "DATE", "not before: 2026-01-01, 2026-11-22T18:00 or -30d"},
    {"--to", "DATE", "not after; a day means all of it"},
    {"--log", "LOG", "audit (the default) or attempts"}, END};
static const struct option_spec log_options[] = {
    {"--log", "LOG", "audit (the default) or attempts"}, END};
static const struct option_spec key_options[] = {
    {"--key", "KEY", "the log's key as audit key prints it, or a file that holds it"}, END};
static const struct option_spec revoke_options[] = {
    {"--reason", "TEXT", "why; it is kept in the audit log"},
    {"--receipt", "FILE", "write the signed receipt into this new file"}, END};

static const struct option_spec setup_options[] = {
    {"--yes", NULL, "do not ask: take what would be proposed"},
    {"--from", "FILE", "take over key, port and networks of a wg-quick server: wg0.conf"},
    {"--company", "TEXT", "the company's name"},
    {"--name", "NAME", "this gateway's name; otherwise the host's"},
    {"--outside", "IFACE", "the interface to the internet; otherwise that of the default route"},
    {"--office", "IFACE", "the interface to the office's servers"},
    {"--network", "ADDRESS", "the gateway's address in the tunnel: 10.77.0.1/16[, fd77::1/64]"},
    {"--port", "PORT", "WireGuard's UDP port; otherwise 51820"},
    {"--endpoint", "HOST", "where devices find the gateway: access.example.com[:51820]"},
    {"--enrol", "PORT", "open this TCP port to the internet, for invitations alone"},
    {"--console", "IFACE", "open the admins' console on this interface of the office"},
    {"--etc", "DIR", "where both files go; otherwise /etc/portcullis"},
    {"--state", "DIR", "where secrets go; otherwise /var/lib/portcullis"}, END};

static const struct option_spec case_open_options[] = {
    {"--user", "NAME", "whom it is about"},
    {"--attempts", "IDS", "numbers of attempts, divided by commas"},
    {"--note", "TEXT", "what is known"}, END};
static const struct option_spec case_list_options[] = {
    {"--user", "NAME", "only about this person"},
    {"--state", "STATE", "open or closed"}, PAGE, END};
static const struct option_spec case_note_options[] = {
    {"--attempts", "IDS", "more attempts, divided by commas"}, END};
static const struct option_spec case_close_options[] = {
    {"--finding", "TEXT", "what was found"},
    {"--outcome", "CODE", "no-action, false-alarm, training, warning, access-changed, suspended, "
     "terminated or referred"}, END};

static const struct option_spec admin_options[] = {
    {"--role", "ROLE", "owner, operator, helpdesk or auditor"}, END};

const struct command commands[] = {
    {"setup", NULL, "", setup_options,
     "Write gateway.conf and policy.conf for this machine, and say what comes next. Needs no daemon.",
     "setup\nsetup --from /etc/wireguard/wg0.conf", cmd_setup},
    {"import", NULL, "FILE", import_options,
     "The peers of a wg-quick server as devices, with the keys and addresses that they have.",
     "import /etc/wireguard/wg0.conf\nimport --apply /etc/wireguard/wg0.conf", cmd_import},
    {"status", NULL, "", NULL, "How the gateway is: policy, kernel, people, denials, alarms.",
     "status\nstatus --json", cmd_status},
    {"watch", NULL, "", NULL, "Leases, attempts, acts and alarms as they happen, until Ctrl-C.",
     "watch", cmd_watch},
    {"explain", NULL, "WHO DESTINATION", explain_options,
     "Why a person may or may not reach a destination, checked against the live kernel.",
     "explain maria 10.20.0.9:5432/tcp\nexplain maria customs-db\nexplain maria [fd20::9]:443",
     cmd_explain},
    {"who", NULL, "DESTINATION", NULL,
     "The people whose roles reach a destination, and from which devices they can now.",
     "who customs-db\nwho 10.20.0.9:5432/tcp", cmd_who},

    {"policy", "check", "FILE", NULL, "Parse a policy and report every error. Needs no daemon.",
     "policy check /etc/portcullis/policy.conf", policy_cmd_check},
    {"policy", "test", "FILE", NULL, "Run the tests inside a policy. Needs no daemon.",
     "policy test /etc/portcullis/policy.conf", policy_cmd_test},
    {"policy", "diff", "FILE [FILE]", NULL,
     "Who gains and who loses what: from the policy in force, or from the first file, to the last.",
     "policy diff new.conf\npolicy diff old.conf new.conf", policy_cmd_diff},
    {"policy", "show", "[FILE]", show_options,
     "The policy in force as it was applied; or a file in canonical form, without a daemon.",
     "policy show\npolicy show --version 3\npolicy show draft.conf", policy_cmd_show},
    {"policy", "apply", "FILE", apply_options,
     "Put a policy in force, at once and for live connections too; all of it or nothing.",
     "policy apply new.conf\npolicy apply --confirm 60s new.conf", policy_cmd_apply},
    {"policy", "confirm", "", NULL, "Keep the policy that was applied with --confirm.",
     "policy confirm", policy_cmd_confirm},
    {"policy", "rollback", "", NULL, "Go back to the policy before the one in force.",
     "policy rollback", policy_cmd_rollback},

    {"user", "add", "NAME", user_add_options, "Add a person.",
     "user add maria --role entry-filing --full-name 'Maria Lopez'\n"
     "user add vendor --role outside-vendor --end +30d", user_cmd_add},
    {"user", "list", "", user_list_options, "List people.",
     "user list\nuser list --role warehouse --state active", user_cmd_list},
    {"user", "import", "FILE", import_options,
     "The staff list, a CSV file with columns name, full_name, roles, end: adds people, sets roles.",
     "user import staff.csv\nuser import --apply staff.csv", user_cmd_import},
    {"user", "show", "NAME", NULL, "One person with roles and devices.", "user show maria",
     user_cmd_show},
    {"user", "set-role", "NAME ROLES", NULL,
     "Give a person these roles, divided by commas, and no others.",
     "user set-role maria entry-filing,accounting", user_cmd_set_role},
    {"user", "revoke", "NAME", revoke_options,
     "Cut a person off: leases, peers and live connections of all their devices. Prints the receipt.",
     "user revoke maria --reason 'left the firm'", user_cmd_revoke},
    {"user", "compromised", "NAME", revoke_options,
     "Passphrase or keys of a person may be known to others: all of them end, the person stays.",
     "user compromised maria --reason 'laptop cloned'", user_cmd_compromised},
    {"user", "restore", "NAME", NULL, "Let a revoked person back in.", "user restore maria",
     user_cmd_restore},
    {"user", "sign-in", "NAME", NULL, "Vouch that the person has signed in just now.",
     "user sign-in maria", user_cmd_sign_in},
    {"user", "sign-in-code", "NAME", NULL,
     "A one-time code with which the person chooses a passphrase and second factor, for a day.",
     "user sign-in-code maria", user_cmd_sign_in_code},
    {"user", "remove-passkey", "NAME ID", NULL,
     "Take a passkey away from a person; user show has its number.",
     "user remove-passkey maria 3", user_cmd_remove_passkey},
    {"user", "acknowledgements", "", NULL,
     "Who has signed their part of the policy on the portal, who has not, and until when.",
     "user acknowledgements", user_cmd_acknowledgements},

    {"device", "add", "NAME", device_add_options,
     "Enrol a device; prints what its WireGuard configuration needs.",
     "device add maria-laptop --user maria --key KEY --issuer-key LINE", device_cmd_add},
    {"device", "invite", "USER", invite_options,
     "Make a link and a code with which a person enrols one device: in a browser, or with the agent.",
     "device invite maria\ndevice invite maria --device maria-phone --valid 2h", device_cmd_invite},
    {"device", "approve", "NAME", NULL,
     "Let a device in that came by an invitation, where the policy asks for approval.",
     "device approve maria-phone", device_cmd_approve},
    {"device", "config", "NAME", NULL,
     "A device's WireGuard configuration by its person's roles as they are now, without its key.",
     "device config maria-laptop", device_cmd_config},
    {"device", "assign", "NAME USER", assign_options,
     "Say whose device it is, of one that was imported or added without a person; once, for good.",
     "device assign old-laptop maria", device_cmd_assign},
    {"device", "list", "", device_list_options, "List devices.",
     "device list\ndevice list --state quarantine", device_cmd_list},
    {"device", "show", "NAME", NULL, "One device: lease, posture rule by rule, tunnel.",
     "device show maria-laptop", device_cmd_show},
    {"device", "revoke", "NAME", revoke_options, "Cut one device off. Prints the receipt.",
     "device revoke maria-laptop --reason 'key copied'", device_cmd_revoke},
    {"device", "lost", "NAME", revoke_options, "A lost or stolen device: cut off, and on record.",
     "device lost maria-phone", device_cmd_lost},
    {"device", "retire", "NAME", retire_options,
     "End a device for good: its name, key and addresses never come back.",
     "device retire old-laptop", device_cmd_retire},
    {"device", "unlock", "NAME", reason_options,
     "End what attempts have brought on a device: a lock, a quarantine, or what is withheld.",
     "device unlock maria-laptop --reason 'talked to her, it was the new printer driver'",
     device_cmd_unlock},
    {"device", "except", "NAME RULE", except_options,
     "Excuse a device from one posture rule until a date.",
     "device except maria-laptop 'require fde.sys' --until +14d --reason 'new disk ordered'",
     device_cmd_except},

    {"invite", "list", "", invite_list_options, "List the invitations of the last 90 days.",
     "invite list\ninvite list --state open", invite_cmd_list},
    {"invite", "withdraw", "ID", NULL, "Withdraw an invitation that is open.",
     "invite withdraw 3", invite_cmd_withdraw},

    {"issuer", "add", "KID", issuer_add_options, "Trust a key that signs posture tokens.",
     "issuer add mdm-2026 --iss mdm.example --kind mdm --key BASE64URL --assurance PA3",
     issuer_cmd_add},
    {"issuer", "list", "", NULL, "List the keys that may sign posture tokens.", "issuer list",
     issuer_cmd_list},
    {"issuer", "revoke", "KID", NULL, "Trust a key no longer; leases that rest on it end.",
     "issuer revoke mdm-2026", issuer_cmd_revoke},

    {"admin", "add", "NAME", admin_options,
     "Let a person administer; or change what they may.",
     "admin add anna --role owner\nadmin add otto --role auditor", admin_cmd_add},
    {"admin", "list", "", NULL, "Who administers, and what they may.", "admin list",
     admin_cmd_list},
    {"admin", "remove", "NAME", NULL, "This person administers no more; the person stays.",
     "admin remove otto", admin_cmd_remove},
    {"admin", "link", "NAME", NULL,
     "A one-time link with which an admin chooses passphrase and second factor, for a day.",
     "admin link anna", admin_cmd_link},
    {"admin", "sign-out", "NAME", NULL, "End every session that an admin has at the console.",
     "admin sign-out anna", admin_cmd_sign_out},

    {"attempts", "list", "", attempts_options, "What was denied: who, from where, to what, why.",
     "attempts list --user carla\nattempts list --reason not-permitted --since -2h\n"
     "attempts list --since -1d --ecs", attempts_cmd_list},
    {"attempts", "show", "ID", attempt_options, "All that is known of one attempt.",
     "attempts show 17", attempts_cmd_show},
    {"attempts", "export", "ID FILE", NULL,
     "Write the packets of an attempt that were kept to a new pcapng file, for Wireshark.",
     "attempts export 17 evidence.pcapng", attempts_cmd_export},
    {"attempts", "follow", "", follow_options, "Denied attempts as they happen, until Ctrl-C.",
     "attempts follow\nattempts follow --role warehouse --ecs", attempts_cmd_follow},
    {"respond", "show", "", NULL,
     "What follows on attempts, which devices are held for them, and what is withheld.",
     "respond show", respond_cmd_show},
    {"respond", "allow", "[DEVICE]", reason_options,
     "Do what was withheld because too many devices would be held at once; of all, or of one.",
     "respond allow otto-laptop --reason 'he scans, I saw it'\nrespond allow --reason 'all of them do'",
     respond_cmd_allow},
    {"case", "open", "", case_open_options,
     "Gather attempts against a person's name. What is gathered is kept as evidence.",
     "case open --user carla --attempts 12,13 --note 'asked her on Monday'", case_cmd_open},
    {"case", "list", "", case_list_options, "List cases.", "case list\ncase list --state open",
     case_cmd_list},
    {"case", "show", "CASE", NULL, "One case: attempts, notes, finding, outcome.", "case show 3",
     case_cmd_show},
    {"case", "note", "CASE TEXT", case_note_options, "Add a note, and attempts, to an open case.",
     "case note 3 'her manager was there' --attempts 20", case_cmd_note},
    {"case", "close", "CASE", case_close_options, "Say what was found and what comes of it.",
     "case close 3 --finding 'a scanner came with a game' --outcome training", case_cmd_close},
    {"audit", "show", "", audit_options, "The audit log: who did what, when.",
     "audit show --last 20\naudit show --user maria --since -30d\naudit show --act policy",
     audit_cmd_show},
    {"audit", "verify", "[PATH]", key_options,
     "Check that nothing in the logs was changed or cut: the daemon's; or a directory or an exported "
     "file, which needs no daemon.",
     "audit verify\naudit verify /mnt/backup/audit --key hq.key\naudit verify 2026.json",
     audit_cmd_verify},
    {"audit", "export", "FILE", export_options,
     "Write records with the proofs by which anybody can check them.",
     "audit export --from 2026-01-01 --to 2026-12-31 2026.json\naudit export --user maria maria.json",
     audit_cmd_export},
    {"audit", "key", "", log_options, "Print the key by which the log is verified.",
     "audit key\naudit key --log attempts",
     audit_cmd_key},
    {"audit", "checkpoint", "", log_options, "Print the newest signed checkpoint.",
     "audit checkpoint", audit_cmd_checkpoint},
    {"audit", "new-key", "", NULL, "Sign the logs with new keys from now on, and erase the old ones.",
     "audit new-key", audit_cmd_new_key},
    {"audit", "forget", "ORIGIN", NULL,
     "Forget what this computer saw of a gateway's log: after a new installation.",
     "audit forget portcullis/hq-edge-1/audit", audit_cmd_forget},

    {"receipt", "verify", "FILE", key_options, "Check a signed revocation receipt. Needs no daemon.",
     "receipt verify maria.receipt --key hq.key", receipt_cmd_verify},
    {"receipt", "save", "NUMBER FILE", NULL, "Write the signed receipt of an earlier revocation.",
     "receipt save R000009 maria.receipt", receipt_cmd_save},

    {"completion", NULL, "SHELL", NULL, "Print the tab completion for a shell: bash.",
     "completion bash", cmd_completion},
    {"help", NULL, "[NOUN] [VERB]", NULL, "What there is, or what one command does.",
     "help\nhelp user revoke", cmd_help},
    {"version", NULL, "", NULL, "Print the version.", "version", cmd_version},
    {0}};

/* ---- looking up --------------------------------------------------------------------------- */

const struct command *command_find(const char *noun, const char *verb)
{
    for (const struct command *c = commands; c->noun; c++)
        if (strcmp(c->noun, noun) == 0 &&
            (c->verb ? verb && strcmp(c->verb, verb) == 0 : verb == NULL))
            return c;
    return NULL;
}

bool command_noun(const char *noun)
{
    for (const struct command *c = commands; c->noun; c++)
        if (strcmp(c->noun, noun) == 0)
            return true;
    return false;
}

void command_args(const struct command *cmd, size_t *least, size_t *most)
{
    *least = *most = 0;
    for (const char *s = cmd->args; *s;) {
        *least += *s != '[';
        *most += 1;
        s += strcspn(s, " ");
        s += *s == ' ';
    }
}

/* ---- what was meant ----------------------------------------------------------------------- */

#define WORD_MAX 32

/* Edits between two words (insert, delete, change); large for long ones. */
static size_t distance(const char *a, const char *b)
{
    size_t n = strlen(a), m = strlen(b), row[WORD_MAX + 1];
    if (n > WORD_MAX || m > WORD_MAX)
        return SIZE_MAX;
    for (size_t j = 0; j <= m; j++)
        row[j] = j;
    for (size_t i = 1; i <= n; i++) {
        size_t diagonal = row[0];
        row[0] = i;
        for (size_t j = 1; j <= m; j++) {
            size_t change = diagonal + (a[i - 1] != b[j - 1]);
            size_t other = (row[j] < row[j - 1] ? row[j] : row[j - 1]) + 1;
            diagonal = row[j];
            row[j] = change < other ? change : other;
        }
    }
    return row[m];
}

struct guess { const char *typed, *best; size_t distance; };

static void consider(struct guess *g, const char *word)
{
    size_t d = distance(g->typed, word);
    if (d < g->distance) {
        g->distance = d;
        g->best = word;
    }
}

/* Two edits are a slip of the hand, half the word is another word. */
static struct guess guess_for(const char *typed)
{
    size_t len = strlen(typed);
    return (struct guess){.typed = typed, .distance = len < 4 ? 2 : 3};
}

const char *command_nearest_noun(const char *typed)
{
    struct guess g = guess_for(typed);
    for (const struct command *c = commands; c->noun; c++)
        consider(&g, c->noun);
    return g.best;
}

const char *command_nearest_verb(const char *noun, const char *typed)
{
    struct guess g = guess_for(typed);
    for (const struct command *c = commands; c->noun; c++)
        if (c->verb && strcmp(c->noun, noun) == 0)
            consider(&g, c->verb);
    return g.best;
}

const char *command_nearest_option(const struct command *cmd, const char *typed)
{
    struct guess g = guess_for(typed);
    for (const struct option_spec *o = cli_globals; o->name; o++)
        consider(&g, o->name);
    for (const struct option_spec *o = cmd ? cmd->options : NULL; o && o->name; o++)
        consider(&g, o->name);
    return g.best;
}
