/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "daemon.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "port.h"

enum { MOST_WORDS = 8, TOKENS_AT_ONCE = 1000 };

int run_program(char *const argv[])
{
    int status = -1;
    pid_t pid = fork();

    if (pid == 0) {
        execvp(argv[0], argv);
        _exit(127);
    }
    if (pid > 0)
        waitpid(pid, &status, 0);
    return WIFEXITED(status) && WEXITSTATUS(status) == 0 ? 0 : -1;
}

double seconds_now(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

int compare_doubles(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;

    return x < y ? -1 : x > y;
}

double median(double *values, size_t n)
{
    qsort(values, n, sizeof *values, compare_doubles);
    return n % 2 ? values[n / 2] : (values[n / 2 - 1] + values[n / 2]) / 2;
}

int loopback_port(void)
{
    return port_take();
}

static void run_daemon(const char *program, const struct daemon_run *d, const char *const *more)
{
    const char *argv[MOST_WORDS + 8] = { program,  "--state-dir",  d->state, "--listen",
                                         d->nodes, "--client-ipc", d->client };
    int null = open("/dev/null", O_RDWR | O_CLOEXEC);

    for (int i = 0; more != NULL && more[i] != NULL && i < MOST_WORDS; i++)
        argv[7 + i] = more[i];
    dup2(null, 0);
    dup2(null, 1);
    dup2(null, 2);
    execv(program, (char *const *)(uintptr_t)argv);
    _exit(127);
}

int daemon_start(const char *program, struct daemon_run *d, struct err *e)
{
    return daemon_start_with(program, NULL, d, e);
}

int daemon_start_with(const char *program, const char *const *words, struct daemon_run *d,
                      struct err *e)
{
    struct muster_options o = { .timeout_ms = 60000 };
    struct muster_reply r = { 0 };
    struct request hello = { 0 };
    int rc;

    memset(d, 0, sizeof *d);
    rc = folder_make(&d->folder, "/tmp", e);
    if (rc < 0)
        return rc;
    snprintf(d->state, sizeof d->state, "%s/state", d->folder.path);
    snprintf(d->nodes, sizeof d->nodes, "tcp://127.0.0.1:%d", loopback_port());
    snprintf(d->client, sizeof d->client, "ipc://%s/client.sock", d->folder.path);
    d->pid = fork();
    if (d->pid == 0)
        run_daemon(program, d, words);
    folder_has(&d->folder, d->pid);
    o.endpoint = d->client;
    REC_SET(&hello, request, op, OP_STATUS);
    if (muster_connect(&o, &d->conn) != 0 || muster_call(d->conn, &hello, &r) != 0) {
        err_set(e, -EIO, "%s does not answer: %s", program, muster_error(d->conn));
        daemon_stop(d);
        return -EIO;
    }
    muster_reply_free(&r);
    return 0;
}

void daemon_stop(struct daemon_run *d)
{
    muster_disconnect(d->conn);
    d->conn = NULL;
    if (d->pid > 0) {
        kill(d->pid, SIGTERM);
        waitpid(d->pid, NULL, 0);
        d->pid = 0;
    }
    folder_remove(&d->folder);
}

double daemon_cpu_s(const struct daemon_run *d)
{
    char path[64], line[1024];
    unsigned long user = 0, system = 0;
    FILE *f;
    const char *p;

    snprintf(path, sizeof path, "/proc/%d/stat", d->pid);
    f = fopen(path, "re");
    if (f == NULL)
        return 0;
    if (fgets(line, sizeof line, f) != NULL && (p = strrchr(line, ')')) != NULL)
        sscanf(p + 1, " %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %lu %lu", &user, &system);
    fclose(f);
    return (double)(user + system) / (double)sysconf(_SC_CLK_TCK);
}

/* As many as one request may be for. */
static int some_tokens(struct daemon_run *d, uint32_t count, char **out, struct err *e)
{
    struct request req = { 0 };
    struct muster_reply r = { 0 };
    const struct token_info *tokens;

    REC_SET(&req, request, op, OP_TOKEN_CREATE);
    REC_SET(&req, request, role, "node");
    REC_SET(&req, request, count, count);
    if (muster_call(d->conn, &req, &r) != 0 || r.reply->tokens.n != count) {
        err_set(e, -EIO, "no tokens: %s", muster_error(d->conn));
        muster_reply_free(&r);
        return -EIO;
    }
    tokens = r.reply->tokens.v;
    for (uint32_t i = 0; i < count; i++)
        out[i] = strdup(tokens[i].token);
    muster_reply_free(&r);
    return 0;
}

int daemon_tokens(struct daemon_run *d, uint32_t count, char ***out, struct err *e)
{
    int rc = 0;

    *out = calloc(count, sizeof **out);
    if (*out == NULL)
        return err_set(e, -ENOMEM, "out of memory");
    for (uint32_t n = 0, some; rc == 0 && n < count; n += some) {
        some = count - n < TOKENS_AT_ONCE ? count - n : TOKENS_AT_ONCE;
        rc = some_tokens(d, some, &(*out)[n], e);
    }
    return rc;
}

long daemon_memory_kib(const struct daemon_run *d)
{
    char path[64], line[128];
    long kib = -1;
    FILE *f;

    snprintf(path, sizeof path, "/proc/%d/status", (int)d->pid);
    f = fopen(path, "re");
    while (f != NULL && kib < 0 && fgets(line, sizeof line, f) != NULL) {
        if (strncmp(line, "VmRSS:", 6) == 0)
            kib = strtol(line + 6, NULL, 10);
    }
    if (f != NULL)
        fclose(f);
    return kib;
}
