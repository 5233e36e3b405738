/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The golden cases of the policy language. Without arguments: every case has its expected text,
 * and none is left over. With arguments it is the program that tests/golden/run compares:
 *
 *   test_golden check|gateway|show|test FILE     test_golden diff FROM TO
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "policy/policy.h"

#define FILE_MAX 65536

static struct diags diags;

/* ---- the program ------------------------------------------------------------------------------
 */

static size_t read_file(const char *path, char *out)
{
    FILE *f = fopen(path, "r");
    size_t n;

    if (!f) {
        fprintf(stderr, "cannot open %s\n", path);
        exit(2);
    }
    n = fread(out, 1, FILE_MAX, f);
    fclose(f);
    return n;
}

static const char *base_name(const char *path)
{
    const char *slash = strrchr(path, '/');

    return slash ? slash + 1 : path;
}

static void show_diags(const char *path, const char *text, size_t len)
{
    char shown[2048];

    for (size_t i = 0; i < diags.n; i++) {
        diag_print(&diags.v[i], base_name(path), text, len, shown, sizeof shown);
        fputs(shown, stdout);
    }
}

static void show_sums(void) { printf("%zu errors, %zu warnings\n", diags.errors, diags.warnings); }

static struct policy *load(const char *path)
{
    static char text[FILE_MAX];
    size_t len = read_file(path, text);
    struct policy *p = policy_parse(text, len, &diags);

    show_diags(path, text, len);
    return p;
}

static void show(const struct policy *p)
{
    char *text = p ? policy_print(p) : NULL;

    if (text)
        fputs(text, stdout);
    free(text);
}

static void run_policy_tests(const struct policy *p, const char *path)
{
    static char text[FILE_MAX];
    size_t failed;

    if (!p)
        return;
    memset(&diags, 0, sizeof diags);
    failed = policy_run_tests(p, &diags);
    show_diags(path, text, read_file(path, text));
    printf("%zu failed\n", failed);
}

static void check_gateway(const char *path)
{
    static char text[FILE_MAX];
    size_t len = read_file(path, text);
    struct gateway_conf conf;

    printf("%s\n", gateway_parse(text, len, &conf, &diags) == 0 ? "taken" : "refused");
    show_diags(path, text, len);
    show_sums();
}

static void diff(const struct policy *from, const char *to_path)
{
    struct policy *to = load(to_path);
    char *says = from && to ? policy_diff(from, to) : NULL;

    if (says)
        fputs(says, stdout);
    free(says);
    policy_free(to);
}

static int run_command(const char *verb, const char *path, const char *other)
{
    struct policy *p;

    if (strcmp(verb, "gateway") == 0) {
        check_gateway(path);
        return 0;
    }
    p = load(path);
    if (strcmp(verb, "check") == 0)
        show_sums();
    else if (strcmp(verb, "show") == 0)
        show(p);
    else if (strcmp(verb, "test") == 0)
        run_policy_tests(p, path);
    else if (strcmp(verb, "diff") == 0 && other)
        diff(p, other);
    else
        return 2;
    policy_free(p);
    return 0;
}

/* ---- the test ---------------------------------------------------------------------------------
 */

static bool ends_with(const char *s, const char *end)
{
    return strlen(s) > strlen(end) && strcmp(s + strlen(s) - strlen(end), end) == 0;
}

/* The name of the other half of a case. */
static void partner(const char *folder, const char *name, char *out, size_t size)
{
    bool is_diff = strcmp(folder, "diff") == 0, expected = ends_with(name, ".out");
    const char *own = expected                                 ? ".out"
                      : is_diff && ends_with(name, ".to.conf") ? ".to.conf"
                      : is_diff                                ? ".from.conf"
                                                               : ".conf";
    const char *theirs = !expected ? ".out" : is_diff ? ".from.conf" : ".conf";

    snprintf(out, size, "tests/golden/%s/%.*s%s", folder, (int)(strlen(name) - strlen(own)), name,
             theirs);
}

static void complete(void **state)
{
    static const char *const folders[] = {"check", "gateway", "show", "test", "diff"};

    (void)state;
    for (size_t i = 0; i < sizeof folders / sizeof folders[0]; i++) {
        char path[600];
        struct dirent *e;
        size_t cases = 0;

        snprintf(path, sizeof path, "tests/golden/%s", folders[i]);
        DIR *dir = opendir(path);
        if (!dir)
            fail_msg("cannot open %s (run me from the top folder)", path);
        while ((e = readdir(dir)) != NULL) {
            FILE *f;

            if (!ends_with(e->d_name, ".conf") && !ends_with(e->d_name, ".out"))
                continue;
            partner(folders[i], e->d_name, path, sizeof path);
            f = fopen(path, "r");
            if (!f)
                fail_msg("%s/%s has no %s", folders[i], e->d_name, path);
            fclose(f);
            cases++;
        }
        closedir(dir);
        if (cases == 0)
            fail_msg("tests/golden/%s holds no case", folders[i]);
    }
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(complete)};

    if (argc > 2)
        return run_command(argv[1], argv[2], argv[3]);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
