/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <fcntl.h>
#include <linux/loop.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "collect/read.h"
#include "collect/read_block.h"
#include "collect/storage_memory.h"

#define ANSWER_MS 300 /* for one device */
#define STUCK_MAX 8   /* children that may be given up; then the rest counts as stuck unasked */

/* What a child writes for each device, in their order. */
struct answer {
    uint64_t dev, inode; /* 0: not in use any more, or it may not be asked */
};

static void ask(const char *device, struct answer *out)
{
    struct loop_info64 info = { 0 };
    char path[64];
    int fd;

    *out = (struct answer){ 0, 0 };
    snprintf(path, sizeof path, "/dev/%s", device);
    fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd >= 0 && ioctl(fd, LOOP_GET_STATUS64, &info) == 0)
        *out = (struct answer){ info.lo_device, info.lo_inode };
    if (fd >= 0)
        close(fd);
}

__attribute__((noreturn)) static void child(const struct loop_facts *loops, size_t n, int out)
{
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    setpgid(0, 0); /* the supervisor waits for the worker's group */
    for (size_t i = 0; i < n; i++) {
        struct answer answer;

        ask(loops[i].device, &answer);
        if (write(out, &answer, sizeof answer) != (ssize_t)sizeof answer)
            break;
    }
    _exit(0);
}

static int64_t now_ms(void)
{
    struct timespec t = { 0 };

    clock_gettime(CLOCK_BOOTTIME, &t);
    return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

/* A whole answer within the limit: pipes do not cut what is shorter than PIPE_BUF. */
static bool next_answer(int fd, struct answer *out)
{
    int64_t deadline = now_ms() + ANSWER_MS, left;
    struct pollfd p = { .fd = fd, .events = POLLIN };

    while ((left = deadline - now_ms()) > 0) {
        if (poll(&p, 1, (int)left) > 0)
            return read(fd, out, sizeof *out) == (ssize_t)sizeof *out;
    }
    return false;
}

/* One that does not die waits inside the kernel; it is left to whoever inherits it. */
static void end_child(pid_t pid)
{
    struct pollfd p = { .fd = (int)syscall(SYS_pidfd_open, pid, 0), .events = POLLIN };

    kill(pid, SIGKILL);
    if (p.fd >= 0) {
        poll(&p, 1, ANSWER_MS);
        close(p.fd);
    }
    waitpid(pid, NULL, WNOHANG);
}

/* Asks from the first of `n` on, until one does not answer. The number that did; SIZE_MAX: no child
 * can be started. */
static size_t ask_some(struct loop_facts *loops, size_t n)
{
    struct answer answer;
    size_t done = 0;
    int ends[2];
    pid_t pid;

    if (pipe2(ends, O_CLOEXEC) < 0)
        return SIZE_MAX;
    pid = fork();
    if (pid == 0)
        child(loops, n, ends[1]);
    close(ends[1]);
    while (pid > 0 && done < n && next_answer(ends[0], &answer)) {
        loops[done].dev = answer.dev;
        loops[done++].inode = answer.inode;
    }
    close(ends[0]);
    if (pid > 0)
        end_child(pid);
    return pid > 0 ? done : SIZE_MAX;
}

static const struct loop_known *find_known(const struct loop_facts *f,
                                           const struct loop_known *known, size_t n)
{
    unsigned long number = strtoul(f->device + strlen("loop"), NULL, 10);

    for (size_t i = 0; i < n; i++) {
        if (known[i].number == number && known[i].file == memory_hash(f->file))
            return &known[i];
    }
    return NULL;
}

static void remember(struct loop_facts *f, const struct loop_known *known)
{
    f->stuck = true;
    f->dev = known == NULL ? 0 : known->dev;
    f->inode = known == NULL ? 0 : known->inode;
}

/* How many from the first on may be asked. */
static size_t count_askable(const struct loop_facts *loops, size_t n,
                            const struct loop_known *known, size_t known_count)
{
    size_t i = 0;

    for (; i < n; i++) {
        const struct loop_known *k = find_known(&loops[i], known, known_count);

        if (k != NULL && k->waits)
            break;
    }
    return i;
}

static void ask_all(struct loop_facts *loops, size_t n, const struct loop_known *known,
                    size_t known_count)
{
    size_t given_up = 0;

    for (size_t i = 0; i < n; i++) {
        size_t some = count_askable(loops + i, n - i, known, known_count);
        size_t done = given_up < STUCK_MAX && some > 0 ? ask_some(loops + i, some) : 0;

        if (done == SIZE_MAX)
            return;
        i += done;
        if (i < n)
            remember(&loops[i], find_known(&loops[i], known, known_count));
        given_up += done < some;
    }
}

/* The loop devices that have a file. */
static size_t find_loops(const struct tree *t, struct arena *a, struct loop_facts *out,
                         bool *failed)
{
    struct tree all = tree_children(t, "/sys/block");
    size_t n = 0;

    for (size_t i = 0; i < all.n; i++) {
        const char *dir;
        struct bytes file;

        if (strncmp(all.v[i].name, "loop", 4) != 0 || all.v[i].kind != TREE_LINK)
            continue;
        dir = arena_printf(a, "%s/loop", (const char *)all.v[i].data);
        file = bytes_trim(tree_file(t, dir, "backing_file"));
        *failed |= dir == NULL;
        if (file.n == 0)
            continue;
        out[n] = (struct loop_facts){ .device = all.v[i].name };
        out[n].file = arena_strndup(a, (const char *)file.p, file.n);
        *failed |= out[n++].file == NULL;
    }
    return n;
}

int read_loops(const struct tree *t, const struct loop_known *known, size_t known_count,
               struct arena *a, const struct loop_facts **out, size_t *count, struct err *e)
{
    struct loop_facts *loops = arena_array(a, tree_children(t, "/sys/block").n, sizeof *loops);
    bool failed = loops == NULL;

    *count = failed ? 0 : find_loops(t, a, loops, &failed);
    *out = loops;
    if (failed)
        return err_set(e, -ENOMEM, "out of memory while reading loop devices");
    ask_all(loops, *count, known, known_count);
    return 0;
}
