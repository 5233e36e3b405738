/* SPDX-License-Identifier: GPL-2.0-or-later */
/* fork, become, exec, read, wait. */
#include "deploy/agent/agent_exec.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "deploy/agent/agent_file.h"

#define ENV_MAX 16
#define PATH_VALUE "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

static const char *const FOLDERS[] = {"/usr/bin", "/usr/sbin", "/bin", "/sbin"};

static bool find(const char *root, const char *name, char path[AGENT_PATH])
{
    char inner[AGENT_PATH];

    for (size_t i = 0; i < sizeof FOLDERS / sizeof *FOLDERS; i++) {
        int n = snprintf(inner, sizeof inner, "%s/%s", FOLDERS[i], name);

        if (n > 0 && n < AGENT_PATH && agent_path(root, inner, path) && access(path, X_OK) == 0)
            return true;
    }
    return false;
}

bool agent_exec_there(const char *root, const char *name)
{
    char path[AGENT_PATH];

    return find(root, name, path);
}

/* ---- the child ---- */

static void become(const struct agent_command *c)
{
    if (c->as_user && (setgroups(0, NULL) != 0 || setresgid(c->gid, c->gid, c->gid) != 0 ||
                       setresuid(c->uid, c->uid, c->uid) != 0))
        _exit(127);
}

static void wire(int out)
{
    int null = open("/dev/null", O_RDWR | O_CLOEXEC);

    if (null < 0 || dup2(null, 0) < 0 || (out >= 0 && (dup2(out, 1) < 0 || dup2(null, 2) < 0)))
        _exit(127);
    close_range(3, ~0U, 0);
}

/* argv and envp of execve are not const by an old custom; it changes neither. */
_Noreturn static void child(const struct agent_command *c, const char *path, int out)
{
    const char *env[ENV_MAX] = {PATH_VALUE, "LC_ALL=C.UTF-8"};
    union { const char *const *in; char *const *out; } args = {.in = c->argv}, envs = {.in = env};

    for (size_t i = 0; c->env && c->env[i] && i < ENV_MAX - 3; i++)
        env[i + 2] = c->env[i];
    setpgid(0, 0);
    signal(SIGPIPE, SIG_DFL);
    wire(out);
    become(c);
    execve(path, args.out, envs.out);
    _exit(127);
}

/* ---- the parent ---- */

static int64_t now_ms(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

/* Reads until the end, the bound or the time. */
static enum agent_exec drain(int fd, char *text, size_t max, int64_t until)
{
    struct pollfd p = {.fd = fd, .events = POLLIN};
    size_t used = 0;

    for (;;) {
        int64_t left = until - now_ms();
        ssize_t n;

        if (left <= 0 || (poll(&p, 1, (int)left) == 0))
            return AGENT_EXEC_SLOW;
        n = read(fd, text + used, max + 1 - used);
        if (n < 0 && (errno == EINTR || errno == EAGAIN))
            continue;
        if (n <= 0) {
            text[used] = '\0';
            return n == 0 ? AGENT_EXEC_ENDED : AGENT_EXEC_FAILED;
        }
        used += (size_t)n;
        if (used > max)
            return AGENT_EXEC_LONG;
    }
}

/* It may have closed its output and go on: the time holds for that too. */
static enum agent_exec reap(pid_t pid, int64_t until, int *status)
{
    static const struct timespec PAUSE = {.tv_nsec = 2000000};
    int raw;
    pid_t got;

    while ((got = waitpid(pid, &raw, WNOHANG)) == 0 && now_ms() < until)
        nanosleep(&PAUSE, NULL);
    if (got == 0) {
        kill(-pid, SIGKILL);
        waitpid(pid, &raw, 0);
        return AGENT_EXEC_SLOW;
    }
    *status = got == pid && WIFEXITED(raw) ? WEXITSTATUS(raw) : -1;
    return AGENT_EXEC_ENDED;
}

static enum agent_exec run(const struct agent_command *c, const char *path, char *text, size_t max,
                           int *status)
{
    int64_t until = now_ms() + (int64_t)c->seconds * 1000;
    enum agent_exec how = AGENT_EXEC_ENDED, end;
    int fd[2] = {-1, -1};
    pid_t pid;

    if (text && pipe2(fd, O_CLOEXEC) != 0)
        return AGENT_EXEC_FAILED;
    fflush(stdout);
    pid = fork();
    if (pid == 0)
        child(c, path, fd[1]);
    if (text)
        close(fd[1]);
    if (pid > 0) {
        setpgid(pid, pid);
        how = text ? drain(fd[0], text, max, until) : AGENT_EXEC_ENDED;
        end = reap(pid, how == AGENT_EXEC_ENDED ? until : 0, status);
        how = how == AGENT_EXEC_ENDED ? end : how;
    }
    if (text)
        close(fd[0]);
    return pid < 0 ? AGENT_EXEC_FAILED : how;
}

enum agent_exec agent_exec(const struct agent_command *c, char **out, size_t max, int *status)
{
    char path[AGENT_PATH], *text = NULL;
    enum agent_exec how;

    *status = -1;
    if (out)
        *out = NULL;
    if (!find(c->root, c->argv[0], path))
        return AGENT_EXEC_ABSENT;
    if (out && !(text = malloc(max + 2)))
        return AGENT_EXEC_FAILED;
    how = run(c, path, text, max, status);
    if (how != AGENT_EXEC_ENDED) {
        free(text);
        return how;
    }
    if (out)
        *out = text;
    return *status == 127 ? AGENT_EXEC_FAILED : how;
}
