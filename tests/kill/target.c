/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "target.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

enum { WAIT_S = 60 };

int target_init(struct target *t, const char *program, const char *listen, const char *dir,
                struct err *e)
{
    struct sockaddr_un addr = { .sun_family = AF_UNIX };

    *t = (struct target){ .program = program, .listen = listen };
    snprintf(t->dir, sizeof t->dir, "%s", dir);
    snprintf(t->state, sizeof t->state, "%s/state", dir);
    snprintf(t->client, sizeof t->client, "ipc://%s/client.sock", dir);
    snprintf(t->notify, sizeof t->notify, "%s/notify.sock", dir);
    if (strlen(t->notify) >= sizeof addr.sun_path)
        return err_set(e, -ENAMETOOLONG, "%s is too long for a socket", t->notify);
    memcpy(addr.sun_path, t->notify, strlen(t->notify) + 1);
    t->ready = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    unlink(t->notify);
    if (t->ready < 0 || bind(t->ready, (struct sockaddr *)&addr, sizeof addr) != 0)
        return err_set(e, -errno, "cannot listen on %s: %s", t->notify, strerror(errno));
    return 0;
}

void target_deinit(struct target *t)
{
    target_kill(t);
    if (t->ready >= 0)
        close(t->ready);
    unlink(t->notify);
}

/* In the child: what it logs is kept, warnings and worse. */
static void become(const struct target *t, pid_t parent)
{
    char path[320];
    int null = open("/dev/null", O_RDWR | O_CLOEXEC), log;

    snprintf(path, sizeof path, "%s/coordinator.log", t->dir);
    log = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (null < 0 || log < 0 || getppid() != parent || setenv("NOTIFY_SOCKET", t->notify, 1) != 0)
        _exit(126);
    dup2(null, 0);
    dup2(null, 1);
    dup2(log, 2);
    execl(t->program, t->program, "--state-dir", t->state, "--listen", t->listen, "--client-ipc",
          t->client, "--log-level", "warning", "--set", "lease_ttl_ms=6000", "--set",
          "heartbeat_ms=400", "--set", "peer_messages_per_s=5000", "--set",
          "peer_messages_burst=10000", "--set", "lease_history=10000000", (char *)NULL);
    _exit(127);
}

int target_start(struct target *t, struct err *e)
{
    pid_t parent = getpid();
    char said[64];

    while (recv(t->ready, said, sizeof said, 0) > 0)
        ; /* of one that was killed in the moment in which it had said it */
    t->pid = fork();
    if (t->pid == 0)
        become(t, parent);
    return t->pid < 0 ? err_set(e, -errno, "fork: %s", strerror(errno)) : 0;
}

int target_serves(struct target *t, struct err *e)
{
    struct muster_options o = { .endpoint = t->client, .timeout_ms = 20000 };
    char said[64];
    ssize_t n = recv(t->ready, said, sizeof said - 1, 0);

    if (t->conn != NULL)
        return true;
    said[n < 0 ? 0 : n] = '\0';
    if (strcmp(said, "READY=1") == 0) {
        if (muster_connect(&o, &t->conn) != 0)
            return err_set(e, -EIO, "%s", muster_error(NULL));
        return true;
    }
    if (waitpid(t->pid, NULL, WNOHANG) != t->pid)
        return false;
    t->pid = 0;
    return err_set(e, -ECHILD, "the coordinator has ended by itself; see %s/coordinator.log",
                   t->dir);
}

int target_wait(struct target *t, struct err *e)
{
    struct pollfd said = { .fd = t->ready, .events = POLLIN };
    int rc = 0;

    for (int i = 0; rc == 0 && i < WAIT_S; i++) {
        poll(&said, 1, 1000);
        rc = target_serves(t, e);
    }
    if (rc == 0)
        return err_set(e, -ETIMEDOUT, "the coordinator does not serve");
    return rc < 0 ? rc : 0;
}

static void signal_it(struct target *t, int number)
{
    if (t->pid > 0) {
        kill(t->pid, number);
        waitpid(t->pid, NULL, 0);
    }
    t->pid = 0;
    muster_disconnect(t->conn);
    t->conn = NULL;
}

void target_kill(struct target *t)
{
    signal_it(t, SIGKILL);
}

void target_stop(struct target *t)
{
    signal_it(t, SIGTERM);
}

int target_ask(struct target *t, const struct request *req, struct muster_reply *out, struct err *e)
{
    int rc = muster_call(t->conn, req, out);

    return rc == 0 ? 0 : err_set(e, rc, "%s", muster_error(t->conn));
}

/* ---- copies --------------------------------------------------------------------------------- */

static int copy_file(const char *from, const char *to)
{
    char bytes[65536];
    int in = open(from, O_RDONLY | O_CLOEXEC);
    int out = open(to, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    ssize_t n = in < 0 || out < 0 ? -1 : 1;

    while (n > 0) {
        n = read(in, bytes, sizeof bytes);
        if (n > 0 && write(out, bytes, (size_t)n) != n)
            n = -1;
    }
    if (in >= 0)
        close(in);
    if (out >= 0)
        close(out);
    return n < 0 ? -1 : 0;
}

/* Calls for each file of a database in the folder. */
static int each_file(const char *folder, const char *other)
{
    char from[600], to[600];
    DIR *dir = opendir(folder);
    struct dirent *entry;
    int rc = dir == NULL ? -1 : 0;

    while (rc == 0 && (entry = readdir(dir)) != NULL) {
        if (strncmp(entry->d_name, "muster.db", 9) != 0)
            continue;
        snprintf(from, sizeof from, "%s/%s", folder, entry->d_name);
        if (other == NULL) { /* another file than it was would be known as a copy */
            rc = strcmp(entry->d_name, "muster.db") == 0 ? 0 : unlink(from);
            continue;
        }
        snprintf(to, sizeof to, "%s/%s", other, entry->d_name);
        rc = copy_file(from, to);
    }
    if (dir != NULL)
        closedir(dir);
    return rc;
}

int target_copy(const char *from, const char *to, struct err *e)
{
    if ((mkdir(to, 0700) != 0 && errno != EEXIST) || each_file(to, NULL) != 0 ||
        each_file(from, to) != 0)
        return err_set(e, -EIO, "%s cannot be copied to %s: %s", from, to, strerror(errno));
    return 0;
}
