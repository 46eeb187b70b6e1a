/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "folder.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/wait.h>
#include <unistd.h>

enum { MOST_PROCESSES = 8, PATIENCE_MS = 5000 };

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *walk)
{
    (void)st, (void)type, (void)walk;
    return remove(path);
}

/* By its descriptor: its number may be another's when it has ended. */
static void end_process(int fd)
{
    struct pollfd ended = { .fd = fd, .events = POLLIN };

    pidfd_send_signal(fd, SIGTERM, NULL, 0);
    if (poll(&ended, 1, PATIENCE_MS) == 0) {
        pidfd_send_signal(fd, SIGKILL, NULL, 0);
        poll(&ended, 1, PATIENCE_MS);
    }
    close(fd);
}

/* Until it is told to (0), or nobody has the other end of the pipe. What ends the benchmark may be
 * sent to all of its group, so the guard takes no notice. */
static void guard(const char *path, int alive)
{
    int processes[MOST_PROCESSES], count = 0;
    pid_t pid;

    setsid();
    signal(SIGINT, SIG_IGN);
    signal(SIGTERM, SIG_IGN);
    signal(SIGHUP, SIG_IGN);
    while (read(alive, &pid, sizeof pid) == sizeof pid && pid != 0) {
        int fd = pidfd_open(pid, 0);

        if (fd >= 0 && count < MOST_PROCESSES)
            processes[count++] = fd;
    }
    while (count > 0)
        end_process(processes[--count]);
    nftw(path, remove_one, 16, FTW_DEPTH | FTW_PHYS | FTW_MOUNT);
}

int folder_make(struct folder *f, const char *parent, struct err *e)
{
    int ends[2];

    *f = (struct folder){ .alive = -1 };
    snprintf(f->path, sizeof f->path, "%s/muster-bench-XXXXXX", parent);
    if (pipe2(ends, O_CLOEXEC) != 0) {
        f->path[0] = '\0';
        return err_set(e, -errno, "no pipe can be made: %s", strerror(errno));
    }
    if (mkdtemp(f->path) == NULL) {
        int code = errno;

        close(ends[0]);
        close(ends[1]);
        f->path[0] = '\0';
        return err_set(e, -code, "cannot make a folder in %s: %s", parent, strerror(code));
    }
    f->guard = fork();
    if (f->guard == 0) {
        close(ends[1]);
        guard(f->path, ends[0]);
        _exit(0);
    }
    close(ends[0]);
    f->alive = ends[1];
    return 0;
}

void folder_has(const struct folder *f, pid_t pid)
{
    ssize_t n = write(f->alive, &pid, sizeof pid);

    (void)n; /* a guard that is no more guards nothing */
}

void folder_remove(struct folder *f)
{
    if (f->path[0] == '\0')
        return;
    folder_has(f, 0); /* children that were forked since have the pipe open too */
    close(f->alive);
    if (f->guard > 0)
        waitpid(f->guard, NULL, 0);
    f->path[0] = '\0';
}
