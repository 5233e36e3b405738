/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The agent's facts of sample machines, its keys, and that the verifier takes what it makes.
 * Each machine is a folder made for the test.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <sys/stat.h>
#include <unistd.h>

#include "deploy/agent/agent_disk.h"
#include "deploy/agent/agent_facts.h"
#include "deploy/agent/agent_file.h"
#include "deploy/agent/agent_keys.h"
#include "deploy/agent/agent_updates.h"
#include "tests/unit/token_maker.h"

static char root[64];
static struct agent_facts facts;

/* ---- the sample machine ---- */

static int make_root(void **state)
{
    (void)state;
    strcpy(root, "/tmp/portcullis-agent-test-XXXXXX");
    return mkdtemp(root) ? 0 : -1;
}

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *f)
{
    (void)st;
    (void)type;
    (void)f;
    return remove(path);
}

static int remove_root(void **state)
{
    (void)state;
    agent_facts_clear(&facts);
    return nftw(root, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

/* Makes the folders on the way to a path below root. */
static void path_of(const char *path, char out[512])
{
    snprintf(out, 512, "%s%s", root, path);
    for (char *p = out + strlen(root) + 1; (p = strchr(p, '/')) != NULL; p++) {
        *p = '\0';
        assert_true(mkdir(out, 0755) == 0 || errno == EEXIST);
        *p = '/';
    }
}

static void file(const char *path, const char *text, int64_t changed)
{
    char whole[512];
    struct timespec times[2] = {{.tv_sec = (time_t)changed}, {.tv_sec = (time_t)changed}};
    FILE *f;

    path_of(path, whole);
    f = fopen(whole, "w");
    assert_non_null(f);
    assert_int_equal(fwrite(text, 1, strlen(text), f), strlen(text));
    fclose(f);
    if (changed)
        assert_int_equal(utimensat(AT_FDCWD, whole, times, 0), 0);
}

static void folder(const char *path)
{
    char whole[512];

    path_of(path, whole);
    assert_int_equal(mkdir(whole, 0755), 0);
}

static void point(const char *path, const char *to)
{
    char whole[512];

    path_of(path, whole);
    assert_int_equal(symlink(to, whole), 0);
}

static void gather(void)
{
    agent_facts_clear(&facts);
    assert_int_equal(agent_facts_gather(root, MAKER_NOW, &facts), 0);
}

/* The value at "pst.os.ver" or "oemboot" as JSON text, "" when there is none; static. */
static const char *got(const char *group, const char *name)
{
    static char text[256];
    const json_t *in = group ? json_object_get(facts.pst, group) : facts.device;
    char *s = json_dumps(json_object_get(in, name), JSON_ENCODE_ANY);

    snprintf(text, sizeof text, "%s", s ? s : "");
    free(s);
    return text;
}

/* ---- facts ---- */

static void empty_machine_knows_nothing(void **state)
{
    (void)state;
    gather();
    assert_int_equal(json_object_size(facts.pst), 2); /* v, at */
    assert_int_equal(json_object_size(facts.device), 2); /* swname, swversion */
}

static void debian_machine(void **state)
{
    (void)state;
    file("/etc/os-release", "NAME=\"Debian GNU/Linux\"\nVERSION_ID=\"12\"\nID=debian\n", 0);
    gather();
    assert_string_equal(got("os", "ver"), "\"12\"");
    file("/etc/debian_version", "12.7\n", 0);
    file("/proc/sys/kernel/osrelease", "6.1.0-18-amd64\n", 0);
    file("/var/lib/dpkg/info/base-files.list", "", MAKER_NOW - 900);
    file("/var/lib/dpkg/info/libc6.list", "", MAKER_NOW - 500);
    file("/var/lib/dpkg/info/libc6.md5sums", "", MAKER_NOW - 100);
    file("/etc/ufw/ufw.conf", "ENABLED=no\n", 0);
    file("/sys/firmware/efi/efivars/SecureBoot-8be4df61-93ca-11d2-aa0d-00e098032b8c", "abcd\1", 0);
    file("/sys/class/dmi/id/product_name", "ThinkPad T14 of a very long name, longer than that\n",
         0);
    file("/sys/class/dmi/id/product_serial", "PF123\n", 0);
    file("/proc/uptime", "12.5 9.9\n", 0);
    gather();
    assert_string_equal(got("os", "family"), "\"debian\"");
    assert_string_equal(got("os", "ver"), "\"12.7\"");
    assert_string_equal(got("os", "build"), "\"6.1.0\"");
    assert_string_equal(got("os", "patch"), "1779999500");
    assert_string_equal(got("fw", "on"), "");
    assert_string_equal(got(NULL, "oemboot"), "true");
    assert_string_equal(got(NULL, "hwmodel"), "\"VGhpbmtQYWQgVDE0IG9mIGEgdmVyeSBsb25nIG5hbWU\"");
    assert_string_equal(got("inv", "serial_h"), "\"2ccaf9a00ceb2ddae5a7ea9eaaaa843f\"");
}

static void protections(void **state)
{
    (void)state;
    file("/etc/ufw/ufw.conf", "ENABLED=yes\n", 0);
    file("/var/lib/clamav/daily.cvd", "x", MAKER_NOW - 7);
    gather();
    assert_string_equal(got("fw", "on"), "true");
    assert_string_equal(got("av", "name"), "\"clamav\"");
    assert_string_equal(got("av", "on"), "false");
    assert_string_equal(got("av", "defs_at"), "1779999993");
    file("/etc/ufw/ufw.conf", "ENABLED=no\n", 0);
    file("/var/lib/clamav/daily.cvd", "ClamAV-VDB:d:1:2:3:m:s:b:1779000000   ", MAKER_NOW - 7);
    folder("/sys/fs/cgroup/system.slice/clamav-clamonacc.service");
    folder("/sys/fs/cgroup/system.slice/clamav-daemon.service");
    folder("/sys/fs/cgroup/system.slice/firewalld.service");
    gather();
    assert_string_equal(got("fw", "on"), "true");
    assert_string_equal(got("av", "on"), "true");
    assert_string_equal(got("av", "rt"), "true");
    assert_string_equal(got("av", "defs_at"), "1779000000"); /* its own word, not the file's time */
}

/* ---- disks ---- */

static void mounted_from(const char *device, const char *source)
{
    char text[128];

    snprintf(text, sizeof text, "21 1 %s / / rw - ext4 %s rw\n", device, source);
    file("/proc/self/mountinfo", text, 0);
}
static void mounted(const char *device) { mounted_from(device, "/dev/x"); }

static void disks(void **state)
{
    (void)state;
    assert_int_equal(agent_disk_encrypted(root, "/"), AGENT_UNKNOWN);
    mounted("8:3");
    assert_int_equal(agent_disk_encrypted(root, "/"), AGENT_UNKNOWN);
    folder("/sys/devices/sda3");
    point("/sys/dev/block/8:3", "../../devices/sda3");
    assert_int_equal(agent_disk_encrypted(root, "/"), AGENT_NO);
    file("/sys/dev/block/253:0/dm/uuid", "CRYPT-LUKS2-0123-root\n", 0);
    mounted("253:0");
    assert_int_equal(agent_disk_encrypted(root, "/"), AGENT_YES);
    file("/sys/dev/block/253:0/dm/uuid", "LVM-0123\n", 0);
    folder("/sys/dev/block/253:0/slaves");
    assert_int_equal(agent_disk_encrypted(root, "/"), AGENT_NO);
    file("/sys/dev/block/253:1/dm/uuid", "CRYPT-LUKS2-0123-pv\n", 0);
    point("/sys/dev/block/253:0/slaves/dm-1", "../../253:1");
    assert_int_equal(agent_disk_encrypted(root, "/"), AGENT_YES);
    point("/sys/dev/block/253:0/slaves/sda3", "../../8:3"); /* one half is plain */
    assert_int_equal(agent_disk_encrypted(root, "/"), AGENT_NO);
    mounted("0:27"); /* an overlay */
    assert_int_equal(agent_disk_encrypted(root, "/"), AGENT_UNKNOWN);
}

/* btrfs: the number says nothing, the source does. */
static void disks_by_their_source(void **state)
{
    (void)state;
    folder("/sys/class/block/sda3");
    file("/sys/class/block/dm-0/dm/name", "other\n", 0);
    file("/sys/class/block/dm-1/dm/name", "root\n", 0);
    file("/sys/class/block/dm-1/dm/uuid", "CRYPT-LUKS2-0123-root\n", 0);
    mounted_from("0:27", "/dev/sda3");
    assert_int_equal(agent_disk_encrypted(root, "/"), AGENT_NO);
    mounted_from("0:27", "/dev/mapper/root");
    assert_int_equal(agent_disk_encrypted(root, "/"), AGENT_YES);
    mounted_from("0:27", "/dev/mapper/other");
    assert_int_equal(agent_disk_encrypted(root, "/"), AGENT_NO);
    mounted_from("0:27", "/dev/mapper/absent");
    assert_int_equal(agent_disk_encrypted(root, "/"), AGENT_UNKNOWN);
    mounted_from("0:27", "/dev/../class/block/dm-1");
    assert_int_equal(agent_disk_encrypted(root, "/"), AGENT_UNKNOWN);
    mounted_from("0:27", "overlay");
    assert_int_equal(agent_disk_encrypted(root, "/"), AGENT_UNKNOWN);
}

/* A loop of slaves ends in "unknown". */
static void disk_loops_end(void **state)
{
    (void)state;
    mounted("253:0");
    folder("/sys/dev/block/253:0");
    point("/sys/dev/block/253:0/slaves/dm-0", "..");
    assert_int_equal(agent_disk_encrypted(root, "/"), AGENT_UNKNOWN);
}

/* Root and home, swap, and what does not count. */
static void all_disks(void **state)
{
    static const struct { const char *what, *mounts, *swaps; enum agent_answer_3 all; } cases[] = {
        {"one", "253:0 / / rw - ext4 /dev/dm-0 rw", "", AGENT_YES},
        {"a plain home", "253:0 / / rw - ext4 /dev/dm-0 rw\n3 1 8:3 / /home rw - ext4 /dev/sda3 rw", "",
         AGENT_NO},
        {"a plain /boot", "253:0 / / rw - ext4 /dev/dm-0 rw\n3 1 8:3 / /boot rw - ext4 /dev/sda3 rw",
         "", AGENT_YES},
        {"a snap", "253:0 / / rw - ext4 /dev/dm-0 rw\n3 1 8:3 / /snap/x ro - squashfs /dev/sda3 ro", "",
         AGENT_YES},
        {"a network's", "253:0 / / rw - ext4 /dev/dm-0 rw\n3 1 0:50 / /srv rw - nfs4 x:/ rw", "",
         AGENT_YES},
        {"a home of ZFS", "253:0 / / rw - ext4 /dev/dm-0 rw\n3 1 0:50 / /home rw - zfs r/home rw", "",
         AGENT_UNKNOWN},
        {"a plain swap", "253:0 / / rw - ext4 /dev/dm-0 rw", "/dev/sda3 partition 1 0 -2\n", AGENT_NO},
        {"a swap in a file, and in memory", "253:0 / / rw - ext4 /dev/dm-0 rw",
         "/swap file 1 0 -2\n/dev/zram0 partition 1 0 100\n", AGENT_YES},
        {"an overlay", "0:27 / / rw - overlay overlay rw", "", AGENT_UNKNOWN},
    };
    char text[512];

    (void)state;
    assert_int_equal(agent_disk_all_encrypted(root), AGENT_UNKNOWN);
    file("/sys/dev/block/253:0/dm/uuid", "CRYPT-LUKS2-0123-root\n", 0);
    folder("/sys/dev/block/8:3");
    folder("/sys/class/block/sda3");
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        snprintf(text, sizeof text, "2 1 %s\n", cases[i].mounts);
        file("/proc/self/mountinfo", text, 0);
        snprintf(text, sizeof text, "Filename Type Size Used Priority\n%s", cases[i].swaps);
        file("/proc/swaps", text, 0);
        if (agent_disk_all_encrypted(root) != cases[i].all)
            fail_msg("%s", cases[i].what);
    }
}

/* ---- updates ---- */

static void pending(const char *what, bool known, int64_t all, int64_t security)
{
    int64_t a = -1, s = -1;
    const char *from;

    if (agent_updates_pending(root, MAKER_NOW, &a, &s, &from) != known ||
        (known && (a != all || s != security)))
        fail_msg("%s: %lld, %lld", what, (long long)a, (long long)s);
}

#define LISTS "/var/lib/apt/lists/"
static void apt_lists(void **state)
{
    (void)state;
    pending("no lists", false, 0, 0);
    file("/var/lib/dpkg/status",
         "Package: a\nStatus: install ok installed\nArchitecture: amd64\nVersion: 1.0-1\n\n"
         "Package: b\nStatus: install ok installed\nArchitecture: all\nVersion: 2:1-1\n\n"
         "Package: gone\nStatus: deinstall ok config-files\nArchitecture: amd64\nVersion: 1-1\n\n"
         "Package: c\nStatus: hold ok installed\nArchitecture: amd64\nVersion: 3-1\n", 0);
    file("/var/lib/apt/periodic/update-success-stamp", "", MAKER_NOW - AGENT_LISTS_AGE + 1);
    file(LISTS "deb_bookworm_main_Packages",
         "Package: a\nArchitecture: amd64\nVersion: 1.0-1\n\n"
         "Package: gone\nArchitecture: amd64\nVersion: 9-1\n\n"
         "Package: c\nArchitecture: amd64\nVersion: 3-2\n\n"
         "Package: b\nArchitecture: amd64\nVersion: 9:9-1\n", 0);
    pending("no list of the security archive", false, 0, 0);
    file(LISTS "deb_bookworm-security_main_Packages",
         "\nPackage: a\nDescription: x\n y\nArchitecture: amd64\nVersion: 1.0-1+deb12u1\n\n\n"
         "Package: b\nArchitecture: all\nVersion: 2:0.9-1\n", 0);
    pending("one of security, one other", true, 2, 1);
    file(LISTS "deb_bookworm-backports_main_Packages",
         "Package: b\nArchitecture: all\nVersion: 7:1-1\n", 0);
    pending("backports do not count", true, 2, 1);
    gather();
    assert_string_equal(got("pend", "crit"), "1");
    assert_string_equal(got("pend", "imp"), "1");
    file("/var/lib/apt/periodic/update-success-stamp", "", MAKER_NOW - AGENT_LISTS_AGE);
    pending("lists of last week", false, 0, 0);
}

/* ---- facts from a file, keys, tokens ---- */

static void facts_from_a_file(void **state)
{
    char path[128], why[160];

    (void)state;
    snprintf(path, sizeof path, "%s/facts.json", root);
    assert_int_equal(agent_facts_file(path, MAKER_NOW, &facts, why), -1);
    file("/facts.json", "[1]", 0);
    assert_int_equal(agent_facts_file(path, MAKER_NOW, &facts, why), -1);
    file("/facts.json", "{\"os\":{},\"os\":{}}", 0);
    assert_int_equal(agent_facts_file(path, MAKER_NOW, &facts, why), -1);
    file("/facts.json", "{\"own\":\"byod\",\"os\":{\"family\":\"macos\"},\"oemboot\":true}", 0);
    assert_int_equal(agent_facts_file(path, MAKER_NOW, &facts, why), 0);
    assert_string_equal(got("os", "family"), "\"macos\"");
    assert_string_equal(got(NULL, "oemboot"), "true");
    assert_null(json_object_get(facts.pst, "oemboot"));
    assert_int_equal(json_integer_value(json_object_get(facts.pst, "at")), MAKER_NOW);
    agent_facts_clear(&facts);
    file("/facts.json", "{\"at\":5}", 0);
    assert_int_equal(agent_facts_file(path, MAKER_NOW, &facts, why), 0);
    assert_int_equal(json_integer_value(json_object_get(facts.pst, "at")), 5);
}

static void keys_are_made_once(void **state)
{
    char dir[128], path[160], why[160], text[AGENT_KEY_TEXT];
    struct agent_keys a, b;
    struct stat st;

    (void)state;
    snprintf(dir, sizeof dir, "%s/keys", root);
    assert_int_equal(agent_keys_load(dir, &a, why), -1);
    assert_int_equal(agent_keys_make(dir, why), 0);
    assert_int_equal(agent_keys_load(dir, &a, why), 0);
    assert_int_equal(agent_keys_make(dir, why), 0);
    assert_int_equal(agent_keys_load(dir, &b, why), 0);
    assert_memory_equal(&a, &b, sizeof a);
    assert_int_equal(strlen(a.kid), 20);
    assert_int_equal(strlen(agent_wg_text(&a, text)), 44);
    snprintf(path, sizeof path, "%s/signing.key", dir);
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0600);
    file("/keys/signing.key", "AAAA\n", 0);
    assert_int_equal(agent_keys_load(dir, &b, why), -1);
    assert_non_null(strstr(why, "does not hold a key"));
    file("/keys/signing.key", "", 0);
    assert_int_equal(agent_keys_load(dir, &b, why), -1);
}

/* The forms that others expect: a clamped Curve25519 secret, a ueid of type RAND. */
static void keys_have_their_form(void **state)
{
    char dir[128], path[160], why[160], *text;
    uint8_t secret[32], ueid[17], public[32];
    struct agent_keys k;

    (void)state;
    snprintf(dir, sizeof dir, "%s/keys", root);
    assert_int_equal(agent_keys_make(dir, why), 0);
    assert_int_equal(agent_keys_load(dir, &k, why), 0);
    snprintf(path, sizeof path, "%s/wireguard.key", dir);
    text = agent_file_read("", path, 100, NULL);
    assert_non_null(text);
    assert_int_equal(strlen(text), 45);
    assert_int_equal(sodium_base642bin(secret, 32, text, 44, NULL, NULL, NULL,
                                       sodium_base64_VARIANT_ORIGINAL), 0);
    free(text);
    assert_int_equal(secret[0] & 7, 0);
    assert_int_equal(secret[31] & 0xc0, 0x40);
    crypto_scalarmult_base(public, secret);
    assert_memory_equal(public, k.wg_public, 32);
    maker_unbase64(k.ueid, ueid, sizeof ueid);
    assert_int_equal(ueid[0], 1);
}

static void files_are_bounded(void **state)
{
    size_t len = 0;
    char *text;

    (void)state;
    file("/five", "12345", 0);
    text = agent_file_read(root, "/five", 5, &len);
    assert_non_null(text);
    assert_string_equal(text, "12345");
    assert_int_equal(len, 5);
    free(text);
    assert_null(agent_file_read(root, "/five", 4, NULL));
    assert_null(agent_file_read(root, "/absent", 4, NULL));
    assert_null(agent_file_read(root, "/", 4, NULL));
    file("/empty", "", 0);
    text = agent_file_read(root, "/empty", 4, &len);
    assert_non_null(text);
    assert_int_equal(len, 0);
    free(text);
}

/* Keys, facts and encoder together make what token_open() accepts and token_bind() binds. */
static void the_verifier_takes_it(void **state)
{
    char dir[128], why[160], jti[TOKEN_JTI_TEXT], *token;
    static const char nonce[] = "WlpaWlpaWlpaWlpaWlpaWlpaWlpaWlpaWlpaWlpaWlo";
    struct token_key key = {.iss = "maria-laptop", .alg = ALG_ED25519, .kind = ISSUER_DEVICE,
                            .assurance_max = 1, .status = KEY_ACTIVE, .nonce_required = true};
    struct token_trust trust = {.keys = &key, .n_keys = 1, .audience = "hq", .clock_synced = true};
    struct token_binding bind = {.device = DEVICE_ACTIVE, .device_iss = "maria-laptop",
                                 .user_enabled = true, .nonce = NONCE_VALID};
    struct agent_keys k;
    struct claims c;
    json_t *claims;

    debian_machine(state);
    snprintf(dir, sizeof dir, "%s/keys", root);
    assert_int_equal(agent_keys_make(dir, why), 0);
    assert_int_equal(agent_keys_load(dir, &k, why), 0);
    memcpy(key.key, k.sign_public, 32);
    strcpy(key.kid, k.kid);
    token_jti(jti);
    claims = token_claims(&(struct token_fields){
        .iss = "maria-laptop", .sub = "maria-laptop", .aud = "hq", .ueid = k.ueid, .jti = jti,
        .nonce = nonce, .iat = MAKER_NOW, .exp = MAKER_NOW + TOKEN_LIFE,
        .wg_public = k.wg_public, .pst = facts.pst, .device = facts.device});
    token = token_seal(k.kid, claims, k.sign_secret);
    assert_int_equal(token_open((const uint8_t *)token, strlen(token), &trust,
                                (struct wall){MAKER_NOW}, &c),
                     CODE_NONE);
    memcpy(bind.peer.b, k.wg_public, 32);
    memcpy(bind.device_key.b, k.wg_public, 32);
    assert_int_equal(token_bind(&c, &bind), CODE_NONE);
    assert_string_equal(c.facts.v[FACT_OS_VER].text, "12.7");
    assert_string_equal(c.ueid, k.ueid);
    assert_int_equal(c.facts.v[FACT_OEMBOOT].n, 1);
    free(token);
    json_decref(claims);
}

#define WITH_ROOT(test) cmocka_unit_test_setup_teardown(test, make_root, remove_root)
int main(void)
{
    static const struct CMUnitTest tests[] = {
        WITH_ROOT(empty_machine_knows_nothing), WITH_ROOT(debian_machine),
        WITH_ROOT(protections),                 WITH_ROOT(disks),
        WITH_ROOT(disks_by_their_source),       WITH_ROOT(disk_loops_end),
        WITH_ROOT(all_disks),                   WITH_ROOT(apt_lists),
        WITH_ROOT(facts_from_a_file),           WITH_ROOT(keys_are_made_once),
        WITH_ROOT(keys_have_their_form),        WITH_ROOT(files_are_bounded),
        WITH_ROOT(the_verifier_takes_it),
    };

    if (sodium_init() < 0)
        return 1;
    return cmocka_run_group_tests(tests, NULL, NULL);
}
