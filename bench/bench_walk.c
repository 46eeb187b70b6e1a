/* SPDX-License-Identifier: GPL-2.0-or-later */
/* P6: a scan of 1,000 images, against what the device can do, and what it leaves in the page cache.
 *
 * limit  as many threads read with O_DIRECT, from the device itself and in its order, the very
 * bytes that a scan asks of the images; where they are was found out before. ours   the walk:
 * folders, inodes, files opened, read, parsed and passed on, on a file system that was mounted
 * anew, so that nothing of it is known.
 *
 * Both in turn, round by round; the medians are compared. */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "scan/limits.h"
#include "scan/read_walk.h"
#include "daemon.h"
#include "walk_disk.h"

#define LIMIT_RATIO 1.5 /* PERFORMANCE, P6 */

enum { ROUNDS_MOST = 101, PIECE_MOST = 128 << 10 };

struct bench {
    const char *dir;
    unsigned images, rounds, threads;
    struct walk_disk disk;
    struct walk_piece *pieces;
    size_t piece_count;
    int direct; /* the device, for O_DIRECT */
};

/* ---- the limit ------------------------------------------------------------------------------- */

struct limit {
    const struct bench *bench;
    atomic_size_t next;
    atomic_bool failed;
};

static void *read_pieces(void *arg)
{
    struct limit *l = arg;
    const struct bench *b = l->bench;
    void *buffer = aligned_alloc(4096, PIECE_MOST);
    size_t i;

    while (buffer != NULL && (i = atomic_fetch_add(&l->next, 1)) < b->piece_count) {
        const struct walk_piece *p = &b->pieces[i];

        if (p->bytes > PIECE_MOST ||
            pread(b->direct, buffer, p->bytes, (off_t)p->offset) != (ssize_t)p->bytes)
            atomic_store(&l->failed, true);
    }
    if (buffer == NULL)
        atomic_store(&l->failed, true);
    free(buffer);
    return NULL;
}

static int measure_limit(const struct bench *b, double *ms, struct err *e)
{
    struct limit l = { .bench = b };
    pthread_t threads[WALK_THREADS_MOST];
    double start = seconds_now();
    unsigned n = 0;

    while (n < b->threads && pthread_create(&threads[n], NULL, read_pieces, &l) == 0)
        n++;
    for (unsigned i = 0; i < n; i++)
        pthread_join(threads[i], NULL);
    *ms = (seconds_now() - start) * 1000;
    if (n < b->threads || atomic_load(&l.failed))
        return err_set(e, -EIO, "the device cannot be read");
    return 0;
}

/* ---- ours ------------------------------------------------------------------------------------ */

static int count_image(void *arg, const struct image_found *f)
{
    unsigned *images = arg;

    *images += f->image->format != IMAGE_NONE && f->image->fault == IMAGE_SOUND && !f->buffered;
    return 0;
}

static int measure_ours(struct bench *b, double *ms, uint64_t *bytes, struct err *e)
{
    unsigned images = 0;
    struct walk_options o = {
        .limits = walk_limits_default(), .threads = b->threads, .sink = count_image, .arg = &images
    };
    int rc = walk_disk_forget(&b->disk, e);
    int root = open(b->disk.mount, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    struct walk_tally tally = { .folders = 0 };
    double start = seconds_now();

    if (rc == 0 && root < 0)
        rc = err_set(e, -errno, "the file system cannot be opened");
    if (rc == 0)
        rc = read_walk(root, &o, &tally, e);
    *ms = (seconds_now() - start) * 1000;
    *bytes = tally.bytes;
    if (root >= 0)
        close(root);
    if (rc == 0 && (images != b->images || !walk_is_complete(&tally)))
        rc = err_set(e, -EIO, "%u of %u images were found with O_DIRECT", images, b->images);
    return rc;
}

static int prepare(struct bench *b, struct err *e)
{
    int rc = walk_disk_make(&b->disk, b->dir, b->images, e);

    if (rc == 0)
        rc = walk_disk_pieces(&b->disk, &b->pieces, &b->piece_count, e);
    if (rc == 0)
        rc = walk_disk_forget(&b->disk, e);
    b->direct = rc < 0 ? -1 : open(b->disk.device, O_RDONLY | O_DIRECT | O_CLOEXEC);
    if (rc == 0 && b->direct < 0)
        rc = err_set(e, -errno, "the device cannot be opened for O_DIRECT");
    return rc;
}

static void print_results(const struct bench *b, double *limit, double *ours, uint64_t bytes,
                          uint64_t cached)
{
    uint64_t piece_bytes = 0;
    double l, o;

    for (size_t i = 0; i < b->piece_count; i++)
        piece_bytes += b->pieces[i].bytes;
    l = median(limit, b->rounds);
    o = median(ours, b->rounds);
    printf("P6 scan of %u images: ext4 on a loop device (%s), mounted anew for each round, %u "
           "threads, %ld processors, median of %u rounds in turn\n",
           b->images, b->disk.direct ? "direct I/O" : "THROUGH THE PAGE CACHE", b->threads,
           sysconf(_SC_NPROCESSORS_ONLN), b->rounds);
    printf("  time                 limit %6.1f ms    ours %6.1f ms    ratio %5.2f   (target %.2f; "
           "read %llu KiB and %llu KiB; limit %.1f to %.1f, ours %.1f to %.1f)\n",
           l, o, o / l, LIMIT_RATIO, (unsigned long long)piece_bytes >> 10,
           (unsigned long long)bytes >> 10, limit[0], limit[b->rounds - 1], ours[0],
           ours[b->rounds - 1]);
    printf("  page cache left      limit %6d KiB   ours %6llu KiB\n", 0,
           (unsigned long long)cached >> 10);
}

static int measure(struct bench *b, struct err *e)
{
    double limit[ROUNDS_MOST], ours[ROUNDS_MOST], unused;
    uint64_t bytes = 0, cached = 0, left;
    int rc = measure_limit(b, &unused, e); /* the first round wakes up what sleeps */

    if (rc == 0)
        rc = measure_ours(b, &unused, &bytes, e);
    for (unsigned i = 0; i < b->rounds && rc == 0; i++) {
        rc = measure_limit(b, &limit[i], e);
        if (rc == 0)
            rc = measure_ours(b, &ours[i], &bytes, e);
        if (rc == 0)
            rc = walk_disk_cached(&b->disk, &left, e);
        if (rc == 0)
            cached += left;
    }
    if (rc == 0)
        print_results(b, limit, ours, bytes, cached);
    return rc;
}

static int parse(int argc, char **argv, struct bench *b)
{
    int c;

    while ((c = getopt(argc, argv, "d:n:r:t:h")) != -1) {
        if (c == 'd')
            b->dir = optarg;
        else if (c == 'n')
            b->images = (unsigned)strtoul(optarg, NULL, 10);
        else if (c == 'r')
            b->rounds = (unsigned)strtoul(optarg, NULL, 10);
        else if (c == 't')
            b->threads = (unsigned)strtoul(optarg, NULL, 10);
        else
            return -1;
    }
    return b->images == 0 || b->rounds == 0 || b->rounds > ROUNDS_MOST || b->threads == 0 ||
                   b->threads > WALK_THREADS_MOST
               ? -1
               : 0;
}

int main(int argc, char **argv)
{
    struct bench b = { .dir = "/var/tmp", .images = 1000, .rounds = 9, .threads = WALK_THREADS };
    struct err e = { "" };
    int rc;

    if (parse(argc, argv, &b) != 0) {
        fputs("Usage: bench-walk [-d FOLDER-FOR-THE-DISK] [-n IMAGES] [-r ROUNDS] [-t THREADS]\n",
              stderr);
        return 2;
    }
    b.direct = -1;
    rc = prepare(&b, &e);
    if (rc == 0)
        rc = measure(&b, &e);
    if (rc < 0)
        fprintf(stderr, "bench-walk: %s\n", e.text);
    if (b.direct >= 0)
        close(b.direct);
    free(b.pieces);
    walk_disk_remove(&b.disk);
    return rc == 0 ? 0 : 1;
}
