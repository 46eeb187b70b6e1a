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

#include "collect/parse_device_name.h"
#include "collect/parse_storage_memory.h"
#include "collect/read_block.h"
#include "collect/read_process.h"

enum {
    ANSWER_MS = 300,  /* for one device */
    ANSWER_TRIES = 4, /* of a child that is not let run */
    STUCK_MAX = 8,    /* children that may be given up; then the rest counts as stuck unasked */
};

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

/* A loop device while it is asked. */
struct question {
    struct loop_facts *facts;
    struct loop_known *known; /* what will be known of it */
};

__attribute__((noreturn)) static void child(const struct question *v, size_t n, int out)
{
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    setpgid(0, 0); /* the supervisor waits for the worker's group */
    for (size_t i = 0; i < n; i++) {
        struct answer answer;

        ask(v[i].facts->device, &answer);
        if (write(out, &answer, sizeof answer) != (ssize_t)sizeof answer)
            break;
    }
    _exit(0);
}

static mono_ms now(void)
{
    struct timespec t = { 0 };

    clock_gettime(CLOCK_BOOTTIME, &t);
    return (mono_ms){ (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000 };
}

/* A whole answer within the limit: pipes do not cut what is shorter than PIPE_BUF. A child that is
 * not let run has more time. */
static bool next_answer(int fd, pid_t pid, struct answer *out)
{
    struct pollfd p = { .fd = fd, .events = POLLIN };

    for (int i = 0; i < ANSWER_TRIES; i++) {
        mono_ms start = now();
        int64_t left = ANSWER_MS;

        while (left > 0) {
            if (poll(&p, 1, (int)left) > 0)
                return read(fd, out, sizeof *out) == (ssize_t)sizeof *out;
            left = ANSWER_MS - mono_since(now(), start);
        }
        if (process_waits(pid))
            return false;
    }
    return false;
}

/* Whether it is gone. One that does not die waits inside the kernel; it is left to whoever inherits
 * it. */
static bool end_child(pid_t pid)
{
    struct pollfd p = { .fd = (int)syscall(SYS_pidfd_open, pid, 0), .events = POLLIN };

    kill(pid, SIGKILL);
    if (p.fd >= 0) {
        poll(&p, 1, ANSWER_MS);
        close(p.fd);
    }
    return waitpid(pid, NULL, WNOHANG) != 0;
}

/* Asks from the first of `n` on, until one does not answer; *left: the child that waits for that
 * one, 0: none. The number that did; SIZE_MAX: no child can be started. */
static size_t ask_some(const struct question *v, size_t n, pid_t *left)
{
    struct answer answer;
    size_t done = 0;
    int ends[2];
    pid_t pid;

    *left = 0;
    if (pipe2(ends, O_CLOEXEC) < 0)
        return SIZE_MAX;
    pid = fork();
    if (pid == 0)
        child(v, n, ends[1]);
    close(ends[1]);
    while (pid > 0 && done < n && next_answer(ends[0], pid, &answer)) {
        v[done].facts->dev = answer.dev;
        v[done++].facts->inode = answer.inode;
    }
    close(ends[0]);
    if (pid > 0 && !end_child(pid))
        *left = pid;
    return pid > 0 ? done : SIZE_MAX;
}

static int compare_known(const void *device, const void *known)
{
    return strcmp(device, ((const struct loop_known *)known)->device);
}

/* They are in the order of a tree. */
static const struct loop_known *known_of(const struct loop_memory *m, const char *device)
{
    return m->n == 0 ? NULL : bsearch(device, m->v, m->n, sizeof *m->v, compare_known);
}

static void say_stuck(const struct question *q, const struct loop_known *before, pid_t pid)
{
    struct loop_facts *f = q->facts;

    f->stuck = true;
    f->since = before != NULL && before->since.v != 0 ? before->since : now();
    if (before != NULL && before->file == q->known->file) {
        f->dev = before->dev;
        f->inode = before->inode;
    }
    q->known->since = f->since;
    q->known->pid = pid;
    q->known->pid_started = pid == 0 ? 0 : process_started(pid, NULL);
}

static void ask_all(const struct question *v, size_t n, const struct loop_memory *before)
{
    size_t given_up = 0;

    for (size_t i = 0; i < n; i++) {
        pid_t left = 0;
        size_t done = given_up < STUCK_MAX ? ask_some(v + i, n - i, &left) : 0;

        if (done == SIZE_MAX)
            return;
        i += done;
        if (i < n)
            say_stuck(&v[i], known_of(before, v[i].facts->device), left);
        given_up++;
    }
}

/* Whether it need not be asked for the file that it is known to have: a reader of its label waits
 * for it, or nothing has happened to it. */
static bool is_spared(const struct collect_request *req, const struct loop_known *k, uint64_t file)
{
    if (k->file != file || k->inode == 0)
        return false;
    return k->waits ||
           (k->since.v == 0 && !req->whole && !device_is_touched(k->device, req->touched));
}

/* Those that nobody waits for already. How many. */
static size_t choose(const struct collect_request *req, struct loop_facts *loops,
                     struct loop_known *known, size_t n, const struct loop_memory *before,
                     struct question *out)
{
    size_t chosen = 0;

    for (size_t i = 0; i < n; i++) {
        const struct loop_known *k = known_of(before, loops[i].device);
        struct question q = { &loops[i], &known[i] };

        known[i] =
            (struct loop_known){ .device = loops[i].device, .file = storage_hash(loops[i].file) };
        if (k != NULL && process_lives(k->pid, k->pid_started)) {
            say_stuck(&q, k, k->pid);
        } else if (k != NULL && is_spared(req, k, known[i].file)) {
            loops[i].dev = k->dev;
            loops[i].inode = k->inode;
        } else {
            out[chosen++] = q;
        }
    }
    return chosen;
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

int read_loops(const struct collect_request *req, const struct tree *t, struct loop_memory *memory,
               struct arena *a, const struct loop_facts **out, size_t *count, struct err *e)
{
    size_t room = tree_children(t, "/sys/block").n;
    struct loop_facts *loops = arena_array(a, room, sizeof *loops);
    struct loop_known *known = arena_array(a, room, sizeof *known);
    struct question *questions = arena_array(a, room, sizeof *questions);
    bool failed = loops == NULL || known == NULL || questions == NULL;

    *count = failed ? 0 : find_loops(t, a, loops, &failed);
    *out = loops;
    if (failed)
        return err_set(e, -ENOMEM, "out of memory while reading loop devices");
    ask_all(questions, choose(req, loops, known, *count, memory, questions), memory);
    for (size_t i = 0; i < *count; i++) {
        known[i].dev = loops[i].dev;
        known[i].inode = loops[i].inode;
    }
    *memory = (struct loop_memory){ known, *count };
    return 0;
}
