/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The reading walk where the system fails it: calls of it are caught by the linker (--wrap), and do
 * what each case wants. It has threads, and so a main() of its own. */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "scan/read_walk.h"

enum { FILE_BYTES = 1 << 20 };
enum trick {
    NOTHING,
    SHRINK,       /* the file, before its second read */
    GROW,         /* the file, after a read */
    NO_DIRECT,    /* no read with O_DIRECT */
    NEVER_OPEN,   /* nor an open */
    BAD_SECTOR,   /* the second read fails */
    PIECES,       /* a read gives one unit at most, and is interrupted now and then */
    BECOMES_FIFO, /* the file, after the walk has seen it */
    BECOMES_LINK,
    GONE,
    ONE_THREAD, /* no more can be made */
    NO_THREAD,
};

static enum trick trick;
static unsigned reads, threads, checks, faults;
static char dir[] = "/tmp/muster-read-XXXXXX", path[64], other[64];

ssize_t __real_pread64(int fd, void *p, size_t n, off_t at);
ssize_t __wrap_pread64(int fd, void *p, size_t n, off_t at);
int __real_pthread_create(pthread_t *t, const pthread_attr_t *a, void *(*f)(void *), void *arg);
int __wrap_pthread_create(pthread_t *t, const pthread_attr_t *a, void *(*f)(void *), void *arg);
int __real_open_beneath(int root, const char *name, int flags);
int __wrap_open_beneath(int root, const char *name, int flags);

static int fail(int error)
{
    errno = error;
    return -1;
}

ssize_t __wrap_pread64(int fd, void *p, size_t n, off_t at)
{
    bool direct = (fcntl(fd, F_GETFL) & O_DIRECT) != 0;

    reads++;
    if (trick == SHRINK && reads == 2 && truncate(path, 100 << 10) != 0)
        abort();
    if (trick == GROW && truncate(path, 2 * FILE_BYTES) != 0)
        abort();
    if (trick == NO_DIRECT && direct)
        return fail(EINVAL);
    if (trick == BAD_SECTOR && reads == 2)
        return fail(EIO);
    if (trick == PIECES && reads % 3 == 0)
        return fail(EINTR);
    return __real_pread64(fd, p, trick == PIECES && n > 4096 ? 4096 : n, at);
}

int __wrap_pthread_create(pthread_t *t, const pthread_attr_t *a, void *(*f)(void *), void *arg)
{
    threads++;
    if (trick == NO_THREAD || (trick == ONE_THREAD && threads > 1))
        return EAGAIN;
    return __real_pthread_create(t, a, f, arg);
}

int __wrap_open_beneath(int root, const char *name, int flags)
{
    if (trick == NEVER_OPEN && (flags & O_DIRECT) != 0)
        return -EINVAL;
    if (strcmp(name, ".") != 0 &&
        (trick == BECOMES_FIFO || trick == BECOMES_LINK || trick == GONE)) {
        if (unlink(path) != 0 && errno != ENOENT)
            abort();
        if ((trick == BECOMES_FIFO && mkfifo(path, 0600) != 0 && errno != EEXIST) ||
            (trick == BECOMES_LINK && symlink("other", path) != 0))
            abort();
    }
    return __real_open_beneath(root, name, flags);
}

/* ---- one walk ------------------------------------------------------------------------------- */

/* The only image of the walk. */
static struct {
    unsigned n;
    enum image_format format;
    enum image_fault fault;
    unsigned flags;
    bool buffered, changed, has_why;
} seen;
static int sink_says;

static int take(void *arg, const struct image_found *f)
{
    (void)arg;
    seen.n++;
    seen.format = f->image->format;
    seen.fault = f->image->fault;
    seen.flags = f->image->flags;
    seen.buffered = f->buffered;
    seen.changed = f->changed;
    seen.has_why = f->image->why != NULL;
    return sink_says;
}

/* A disk with an MBR, whose last sector is read too. */
static void make_file(void)
{
    static uint8_t bytes[FILE_BYTES];
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

    bytes[446 + 4] = 0x83;
    bytes[446 + 8] = 63;
    bytes[446 + 12] = 100;
    bytes[510] = 0x55;
    bytes[511] = 0xaa;
    if (fd < 0 || write(fd, bytes, sizeof bytes) != (ssize_t)sizeof bytes)
        abort();
    close(fd);
}

static int walk_with(enum trick what, struct walk_tally *tally, struct err *e)
{
    struct walk_options o = { .limits = walk_limits_default(), .threads = 4, .sink = take };
    int root = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC), rc;

    unlink(path);
    make_file();
    memset(&seen, 0, sizeof seen);
    e->text[0] = '\0';
    reads = threads = 0;
    trick = what;
    rc = read_walk(root, &o, tally, e);
    trick = NOTHING;
    close(root);
    return rc;
}

#define CHECK(condition)                                            \
    do {                                                            \
        checks++;                                                   \
        if (!(condition)) {                                         \
            faults++;                                               \
            fprintf(stderr, "line %d: %s\n", __LINE__, #condition); \
        }                                                           \
    } while (0)

static void try_files(void)
{
    struct walk_tally t;
    struct err e;

    CHECK(walk_with(NOTHING, &t, &e) == 0);
    CHECK(seen.n == 1 && seen.format == IMAGE_RAW && seen.fault == IMAGE_SOUND && !seen.changed);
    CHECK(walk_is_complete(&t) && t.bytes == (68 << 10) + 4096);
    CHECK(walk_with(SHRINK, &t, &e) == 0);
    CHECK(seen.n == 1 && seen.changed && (seen.flags & IMAGE_SHORT) != 0 && seen.has_why);
    CHECK(walk_with(GROW, &t, &e) == 0);
    CHECK(seen.n == 1 && seen.changed && seen.format == IMAGE_RAW);
    CHECK(walk_with(PIECES, &t, &e) == 0);
    CHECK(seen.format == IMAGE_RAW && seen.flags == 0 && t.bytes == (68 << 10) + 4096);
    CHECK(walk_with(BAD_SECTOR, &t, &e) == 0);
    CHECK(seen.n == 1 && seen.fault == IMAGE_UNREADABLE && seen.has_why);
    CHECK(t.failed == 1 && !walk_is_complete(&t));
}

static void try_buffered(void)
{
    struct walk_tally t;
    struct err e;

    CHECK(walk_with(NO_DIRECT, &t, &e) == 0);
    CHECK(seen.n == 1 && seen.buffered && seen.format == IMAGE_RAW && seen.fault == IMAGE_SOUND);
    CHECK(walk_with(NEVER_OPEN, &t, &e) == 0);
    CHECK(seen.n == 1 && seen.buffered && seen.format == IMAGE_RAW && seen.fault == IMAGE_SOUND);
}

static void try_replaced(void)
{
    static const enum trick tricks[] = { BECOMES_FIFO, BECOMES_LINK, GONE };
    struct walk_tally t;
    struct err e;

    for (size_t i = 0; i < ARRAY_LEN(tricks); i++) {
        CHECK(walk_with(tricks[i], &t, &e) == 0);
        CHECK(seen.n == 1 && seen.format == IMAGE_NONE && seen.fault == IMAGE_UNREADABLE);
        CHECK(seen.has_why && t.failed == 1 && t.bytes == 0 && !walk_is_complete(&t));
    }
}

static void try_threads(void)
{
    struct walk_tally t;
    struct err e;

    CHECK(walk_with(ONE_THREAD, &t, &e) == 0);
    CHECK(seen.n == 1 && seen.format == IMAGE_RAW);
    CHECK(walk_with(NO_THREAD, &t, &e) == -EAGAIN);
    CHECK(seen.n == 0 && e.text[0] != '\0');
    sink_says = -ENOSPC;
    CHECK(walk_with(NOTHING, &t, &e) == -ENOSPC);
    CHECK(seen.n == 1 && e.text[0] != '\0');
    sink_says = 0;
}

int main(void)
{
    if (mkdtemp(dir) == NULL)
        return 1;
    snprintf(path, sizeof path, "%s/disk", dir);
    snprintf(other, sizeof other, "%s/other", dir);
    if (symlink("nowhere", other) != 0)
        return 1;
    try_files();
    try_buffered();
    try_replaced();
    try_threads();
    unlink(path);
    unlink(other);
    rmdir(dir);
    printf("%u checks, %u faults\n", checks, faults);
    return checks == 0 || faults > 0;
}
