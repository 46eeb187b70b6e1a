/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "collect/read.h"

static int64_t now_ms(void)
{
    struct timespec t = { 0 };

    clock_gettime(CLOCK_BOOTTIME, &t);
    return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static int start(const char *const *argv, int out, pid_t *pid)
{
    static char *const environment[] = { "LC_ALL=C", NULL };
    posix_spawn_file_actions_t actions;
    int rc = posix_spawn_file_actions_init(&actions);

    if (rc != 0)
        return -rc;
    rc = posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0);
    if (rc == 0)
        rc = posix_spawn_file_actions_adddup2(&actions, out, 1);
    if (rc == 0)
        rc = posix_spawn_file_actions_addopen(&actions, 2, "/dev/null", O_WRONLY, 0);
    if (rc == 0)
        rc = posix_spawn(pid, argv[0], &actions, NULL, (char *const *)(uintptr_t)argv, environment);
    posix_spawn_file_actions_destroy(&actions);
    return -rc;
}

/* Until the program closes its output. */
static int gather(int fd, int64_t deadline_ms, size_t limit_bytes, struct buf *out)
{
    size_t limit = out->n + limit_bytes;

    for (;;) {
        struct pollfd p = { .fd = fd, .events = POLLIN };
        int64_t left = deadline_ms - now_ms();
        ssize_t n;

        if (left <= 0)
            return -ETIMEDOUT;
        if (poll(&p, 1, (int)left) <= 0)
            continue;
        if (!buf_reserve(out, 4096))
            return -ENOMEM;
        n = read(fd, out->p + out->n, 4096);
        if (n < 0 && errno != EINTR)
            return -errno;
        if (n == 0)
            return 0;
        out->n += n > 0 ? (size_t)n : 0;
        if (out->n > limit)
            return -EFBIG;
    }
}

static int end_status(pid_t pid)
{
    int status = 0;

    while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
        continue;
    return status;
}

int read_program(const char *const *argv, int limit_ms, size_t limit_bytes, struct buf *out,
                 struct err *e)
{
    int64_t deadline_ms = now_ms() + limit_ms;
    int pipes[2], status, rc;
    pid_t pid;

    if (pipe2(pipes, O_CLOEXEC) < 0)
        return err_set(e, -errno, "cannot make a pipe: %s", strerror(errno));
    rc = start(argv, pipes[1], &pid);
    close(pipes[1]);
    if (rc < 0) {
        close(pipes[0]);
        return err_set(e, rc, "cannot run %s: %s", argv[0], strerror(-rc));
    }
    rc = gather(pipes[0], deadline_ms, limit_bytes, out);
    close(pipes[0]);
    if (rc < 0)
        kill(pid, SIGKILL);
    status = end_status(pid);
    if (rc == -ETIMEDOUT)
        return err_set(e, rc, "%s did not answer in %d ms", argv[0], limit_ms);
    if (rc == -EFBIG)
        return err_set(e, rc, "%s answered more than %zu bytes", argv[0], limit_bytes);
    if (rc < 0)
        return err_set(e, rc, "cannot read from %s: %s", argv[0], strerror(-rc));
    if (WIFSIGNALED(status))
        return err_set(e, -EIO, "%s was ended by signal %d", argv[0], WTERMSIG(status));
    if (WEXITSTATUS(status) != 0)
        return err_set(e, -EIO, "%s failed with status %d", argv[0], WEXITSTATUS(status));
    return 0;
}
