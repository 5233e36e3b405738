/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The CLI's HTTP client against replies good and hostile, and the verbs' output and exit codes
 * against a daemon that says what the test wants.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "admin/cli/cli.h"
#include "admin/cli/http.h"

static void heads(void **state)
{
    static const struct { const char *what, *head; int rc; } cases[] = {
        {"good", "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n", 1},
        {"other fields", "HTTP/1.1 404 Not Found\r\nDate: x\r\ncontent-length:\t2 \r\n\r\n", 1},
        {"reason empty", "HTTP/1.1 200 \r\nContent-Length: 0\r\n\r\n", 1},
        {"more needed", "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n", 0},
        {"nothing yet", "", 0},
        {"no length", "HTTP/1.1 200 OK\r\n\r\n", -EBADMSG},
        {"two lengths", "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 2\r\n\r\n",
         -EBADMSG},
        {"chunked", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nContent-Length: 2\r\n\r\n",
         -EBADMSG},
        {"length with sign", "HTTP/1.1 200 OK\r\nContent-Length: +2\r\n\r\n", -EBADMSG},
        {"length list", "HTTP/1.1 200 OK\r\nContent-Length: 2, 2\r\n\r\n", -EBADMSG},
        {"length too large", "HTTP/1.1 200 OK\r\nContent-Length: 8388609\r\n\r\n", -EBADMSG},
        {"length overflows", "HTTP/1.1 200 OK\r\nContent-Length: 18446744073709551618\r\n\r\n",
         -EBADMSG},
        {"HTTP/1.0", "HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\n", -EBADMSG},
        {"status of two digits", "HTTP/1.1 20 OK\r\nContent-Length: 2\r\n\r\n", -EBADMSG},
        {"status of letters", "HTTP/1.1 2x0 OK\r\nContent-Length: 2\r\n\r\n", -EBADMSG},
        {"interim", "HTTP/1.1 100 Continue\r\nContent-Length: 2\r\n\r\n", -EBADMSG},
        {"bare LF", "HTTP/1.1 200 OK\nContent-Length: 2\r\n\r\n", -EBADMSG},
        {"no colon", "HTTP/1.1 200 OK\r\nContent-Length 2\r\n\r\n", -EBADMSG},
        {"space before colon", "HTTP/1.1 200 OK\r\nContent-Length : 2\r\n\r\n", -EBADMSG},
        {"not HTTP", "{\"hello\": 1}\r\n\r\n", -EBADMSG},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        int status = 0;
        size_t head = 0, body = 0;
        int rc = http_parse_head(cases[i].head, strlen(cases[i].head), &status, &head, &body);
        if (rc != cases[i].rc || (rc == 1 && head != strlen(cases[i].head)))
            fail_msg("%s: %d", cases[i].what, rc);
    }
}

static void a_head_without_end(void **state)
{
    static char s[HTTP_HEAD_MAX + 1];
    int status;
    size_t head, body;
    (void)state;
    memset(s, 'a', HTTP_HEAD_MAX);
    assert_int_equal(http_parse_head(s, HTTP_HEAD_MAX, &status, &head, &body), -EBADMSG);
}

static void a_head_with_a_nul(void **state)
{
    static const char s[] = "HTTP/1.1 200 OK\r\nX: a\0b\r\nContent-Length: 2\r\n\r\n";
    int status;
    size_t head, body;
    (void)state;
    assert_int_equal(http_parse_head(s, sizeof s - 1, &status, &head, &body), -EBADMSG);
}

/* ---- a daemon that says what we want ----------------------------------------------------- */

static char folder[] = "/tmp/test_cli_http.XXXXXX";
static char sock[128], heard_path[128];

/* Answers one connection with these bytes, after the request's head (and body) came. */
static pid_t answer_once(const char *bytes, size_t len)
{
    struct sockaddr_un sa = {.sun_family = AF_UNIX};
    int l = socket(AF_UNIX, SOCK_STREAM, 0);
    unlink(sock);
    strcpy(sa.sun_path, sock);
    assert_int_equal(bind(l, (const struct sockaddr *)&sa, sizeof sa), 0);
    assert_int_equal(listen(l, 1), 0);
    pid_t pid = fork();
    if (pid == 0) {
        char heard[65536] = "";
        int fd = accept(l, NULL, NULL);
        FILE *f = fopen(heard_path, "w");
        size_t n = 0;
        for (ssize_t k; !strstr(heard, "\r\n\r\n") &&
                        (k = read(fd, heard + n, sizeof heard - n - 1)) > 0;)
            n += (size_t)k;
        const char *cl = strstr(heard, "Content-Length: ");
        size_t want = (size_t)(strstr(heard, "\r\n\r\n") + 4 - heard) + (cl ? (size_t)atoi(cl + 16) : 0);
        for (ssize_t k; n < want && (k = read(fd, heard + n, sizeof heard - n - 1)) > 0;)
            n += (size_t)k;
        fwrite(heard, 1, n, f);
        fclose(f);
        while (len > 0) {
            ssize_t k = write(fd, bytes, len);
            if (k <= 0)
                break;
            bytes += k;
            len -= (size_t)k;
        }
        _exit(0);
    }
    close(l);
    return pid;
}

static void exchanges(void **state)
{
    static const struct { const char *what, *bytes; int rc; } cases[] = {
        {"good", "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi", 0},
        {"no body", "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", 0},
        {"cut in the body", "HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nhi", -EBADMSG},
        {"cut in the head", "HTTP/1.1 200 OK\r\nConte", -EBADMSG},
        {"nothing", "", -EBADMSG},
        {"more than it said", "HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nhi", -EBADMSG},
    };
    const struct http_request q = {.method = "GET", .target = "/v1/status"};
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct http_reply r;
        pid_t pid = answer_once(cases[i].bytes, strlen(cases[i].bytes));
        int rc = http_exchange(sock, &q, &r);
        waitpid(pid, NULL, 0);
        if (rc != cases[i].rc)
            fail_msg("%s: %d", cases[i].what, rc);
        free(r.body);
    }
    struct http_reply r;
    unlink(sock);
    assert_int_equal(http_exchange(sock, &q, &r), -ENOENT);
    assert_null(r.body);
}

/* Runs a verb against a canned answer; what it printed goes to out (and errors to err). */
static int run_verb(const char *status, const char *json, char **argv, char *out, char *err)
{
    static char bytes[16384];
    char out_path[160], err_path[160];
    int len = snprintf(bytes, sizeof bytes, "HTTP/1.1 %s\r\nContent-Length: %zu\r\n\r\n%s", status,
                       strlen(json), json);
    int argc = 0, rc;
    while (argv[argc])
        argc++;
    pid_t server = answer_once(bytes, (size_t)len);
    snprintf(out_path, sizeof out_path, "%s/out", folder);
    snprintf(err_path, sizeof err_path, "%s/err", folder);
    pid_t pid = fork();
    if (pid == 0) {
        struct cli c;
        if (!freopen(out_path, "w", stdout) || !freopen(err_path, "w", stderr))
            _exit(99);
        setenv("SUDO_USER", "alice", 1);
        rc = (int)cli_parse(&c, argc, argv, stderr);
        rc = rc == 0 ? (int)c.cmd->run(&c) : rc;
        fflush(NULL);
        _exit(rc);
    }
    waitpid(pid, &rc, 0);
    kill(server, 9);
    waitpid(server, NULL, 0);
    const char *paths[] = {out_path, err_path};
    char *texts[] = {out, err};
    for (int i = 0; i < 2; i++) {
        FILE *f = fopen(paths[i], "r");
        size_t n = fread(texts[i], 1, 16383, f);
        texts[i][n] = 0;
        fclose(f);
    }
    assert_true(WIFEXITED(rc));
    return WEXITSTATUS(rc);
}

static char out[16384], err[16384];
#define RUN(status, json, ...)                                                                    \
    run_verb(status, json, (char *[]){(char []){"portcullis"}, (char []){"-s"}, sock, __VA_ARGS__, \
                                      NULL}, out, err)
#define W(text) (char []){text}

static const char receipt[] =
    "{\"receipt\":\"R000012\",\"kind\":\"user\",\"object\":\"carla\",\"actor\":\"alice\","
    "\"requested_us\":1795323004539701,\"cut_ms\":0.182,\"durable_ms\":3.4,\"devices\":[{\"name\":"
    "\"carla-laptop\",\"address4\":\"10.77.0.5\",\"address6\":\"fd77::5\"}],"
    "\"connections_ended\":3,\"leases_left\":0,\"connections_left\":0,\"peers_left\":%d,"
    "\"tokens_revoked\":1,\"verified\":%s}";

static void the_receipt(void **state)
{
    char json[1024], heard[4096] = "";
    (void)state;
    snprintf(json, sizeof json, receipt, 0, "true");
    int rc = RUN("200 OK", json, W("user"), W("revoke"), W("carla"), W("--reason"), W("left"));
    assert_int_equal(rc, CLI_DONE);
    static const char *const want[] = {"Receipt R000012: user carla cut off by alice",
        "kernel cut         after 0.182 ms", "durable            after 3.400 ms",
        "carla-laptop (10.77.0.5, fd77::5)", "3 ended", "leases 0, connections 0, peers 0",
        "yes, read back"};
    for (size_t i = 0; i < sizeof want / sizeof want[0]; i++)
        if (!strstr(out, want[i]))
            fail_msg("no '%s' in %s", want[i], out);
    FILE *f = fopen(heard_path, "r");
    assert_true(fread(heard, 1, sizeof heard - 1, f) > 0);
    fclose(f);
    assert_non_null(strstr(heard, "POST /v1/users/carla/revoke HTTP/1.1\r\n"));
    assert_non_null(strstr(heard, "\r\n\r\n{\"reason\":\"left\"}"));
    if (geteuid() == 0)
        assert_non_null(strstr(heard, "\r\nPortcullis-Actor: alice\r\n"));
}

static void a_receipt_that_does_not_verify(void **state)
{
    char json[1024];
    (void)state;
    snprintf(json, sizeof json, receipt, 1, "false");
    int rc = RUN("200 OK", json, W("user"), W("revoke"), W("carla"));
    assert_int_equal(rc, CLI_REFUSED);
    assert_non_null(strstr(out, "peers 1"));
    assert_non_null(strstr(out, "NO:"));
    rc = RUN("200 OK", json, W("user"), W("revoke"), W("carla"), W("--json"));
    assert_int_equal(rc, CLI_REFUSED);
}

static void refusals(void **state)
{
    static const char json[] = "{\"error\":{\"code\":\"unknown_user\",\"message\":\"There is no "
                               "user 'x\\u001b[2J'.\",\"hint\":\"Did you mean 'maria'?\"}}";
    (void)state;
    assert_int_equal(RUN("404 Not Found", json, W("user"), W("show"), W("x")), CLI_REFUSED);
    assert_string_equal(out, "");
    assert_string_equal(err, "portcullis: There is no user 'x\\x1b[2J'.\n"
                             "  hint: Did you mean 'maria'?\n");
    assert_int_equal(RUN("404 Not Found", json, W("user"), W("show"), W("x"), W("--json")),
                     CLI_REFUSED);
    assert_non_null(strstr(out, "unknown_user"));
    assert_int_equal(RUN("500 Oops", "not JSON", W("status")), CLI_REFUSED);
    assert_int_equal(RUN("200 OK", "not JSON", W("status")), CLI_REFUSED);
    assert_int_equal(RUN("200 OK", "[]", W("status")), CLI_REFUSED);
    assert_int_equal(RUN("200 OK", "{\"a\":1,\"a\":2}", W("status")), CLI_REFUSED);
}

static void no_daemon(void **state)
{
    (void)state;
    assert_int_equal(run_verb("200 OK", "{}", (char *[]){W("portcullis"), W("-s"), W("/tmp/absent"),
                                                         W("status"), NULL}, out, err),
                     CLI_NO_DAEMON);
    assert_non_null(strstr(err, "systemctl start portcullisd"));
}

/* What is not signed as it should be is refused, whatever it says. */
static void a_log_of_the_wrong_shape(void **state)
{
    static const char *const answers[] = {
        "{}", "{\"origin\":7}", "{\"origin\":\"\\u001b[2J\",\"keys\":[],\"checkpoint\":\"\\u001b\"}",
        "{\"origin\":\"PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW\","
        "\"keys\":[],\"checkpoint\":\"PeterNeumann\\n0\\n47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=\\n"
        "\\n\",\"consistency\":[]}"};
    static char *const verbs[] = {"show", "key", "checkpoint"};

    (void)state;
    for (size_t i = 0; i < sizeof answers / sizeof *answers; i++)
        for (size_t k = 0; k < sizeof verbs / sizeof *verbs; k++) {
            int rc = RUN("200 OK", answers[i], W("audit"), verbs[k], NULL);
            if (rc != CLI_REFUSED || strpbrk(out, "\x1b") || strpbrk(err, "\x1b") ||
                !strstr(err, "not signed as it should be"))
                fail_msg("%s: %d %s %s", verbs[k], rc, out, err);
        }
}

/* A daemon that went mad: right paths, wrong types everywhere, and text that steers terminals. */
static void answers_of_the_wrong_shape(void **state)
{
    static const char evil[] =
        "{\"items\":[1,null,\"x\",{\"name\":\"\\u001b]0;x\\u0007\",\"user\":7,\"state\":[],"
        "\"lease\":{\"until\":\"soon\"},\"roles\":{\"a\":1},\"devices\":[7,{}],\"last\":\"x\","
        "\"count\":{},\"detail\":{\"a\":\"\\u009b31m\"}}],\"next\":{},\"devices\":[5],"
        "\"kernel\":[],\"sentence\":\"\\u202eabc\",\"alarms\":[1],\"denied\":{\"x\":1},"
        "\"text\":\"a\\u001b[1mb\\nc\",\"posture\":{\"rules\":[1,{\"rule\":5}]},\"roles\":3}";
    static char *const lines[][4] = {
        {"user", "list"}, {"device", "list"}, {"attempts", "list"}, {"issuer", "list"}, {"status"}, {"explain", "maria", "customs-db"}, {"user", "show", "x"},
        {"device", "show", "x"}, {"policy", "show"}, {"policy", "confirm"}};
    (void)state;
    for (size_t i = 0; i < sizeof lines / sizeof lines[0]; i++) {
        int rc = RUN("200 OK", evil, lines[i][0], lines[i][1], lines[i][1] ? lines[i][2] : NULL);
        if (rc != CLI_DONE || strpbrk(out, "\x1b\x07\x9b") || strstr(out, "\xe2\x80\xae"))
            fail_msg("%s: %d %s %s", lines[i][0], rc, out, err);
    }
}

static int make_folder(void **state)
{
    (void)state;
    if (!mkdtemp(folder))
        return -1;
    snprintf(sock, sizeof sock, "%s/sock", folder);
    snprintf(heard_path, sizeof heard_path, "%s/heard", folder);
    return 0;
}

static int remove_folder(void **state)
{
    static const char *const names[] = {"sock", "heard", "out", "err"};
    char path[160];
    (void)state;
    for (size_t i = 0; i < 4; i++) {
        snprintf(path, sizeof path, "%s/%s", folder, names[i]);
        unlink(path);
    }
    return rmdir(folder);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(heads),
        cmocka_unit_test(a_head_without_end),
        cmocka_unit_test(a_head_with_a_nul),
        cmocka_unit_test(exchanges),
        cmocka_unit_test(the_receipt),
        cmocka_unit_test(a_receipt_that_does_not_verify),
        cmocka_unit_test(refusals),
        cmocka_unit_test(no_daemon),
        cmocka_unit_test(a_log_of_the_wrong_shape),
        cmocka_unit_test(answers_of_the_wrong_shape),
    };
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
