/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "scan/read_walk.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "scan/limits.h"
#include "scan/read_beneath.h"
#include "scan/read_image.h"

enum { ARENA_BYTES = 4 << 20 }; /* what one image may need in results */

struct reader {
    int root;
    const struct walk_options *options;
    struct walk *walk;
    pthread_mutex_t lock; /* of the walk, the sink and the result */
    int rc;
};

static mono_ms now(void)
{
    struct timespec t = { 0 };

    clock_gettime(CLOCK_BOOTTIME, &t);
    return (mono_ms){ (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000 };
}

static enum walk_kind kind_of(mode_t mode)
{
    if (S_ISREG(mode))
        return WALK_FILE;
    if (S_ISDIR(mode))
        return WALK_FOLDER;
    return S_ISLNK(mode) ? WALK_LINK : WALK_OTHER;
}

/* ---- folders ------------------------------------------------------------------------------- */

/* What a name is: most file systems tell it in the folder, and files alone are asked for more. */
static int look_at(int folder, const struct dirent *d, enum walk_kind *kind, struct walk_stat *out)
{
    struct statx st;

    if (d->d_type != DT_UNKNOWN && d->d_type != DT_REG) {
        *kind = kind_of(DTTOIF(d->d_type));
        return 0;
    }
    if (statx(folder, d->d_name, AT_SYMLINK_NOFOLLOW | AT_NO_AUTOMOUNT | AT_STATX_DONT_SYNC,
              STATX_TYPE | STATX_INO | STATX_SIZE | STATX_BLOCKS | STATX_MTIME, &st) != 0)
        return -errno;
    *kind = kind_of(st.stx_mode);
    *out = (struct walk_stat){
        .inode = st.stx_ino,
        .size_bytes = st.stx_size,
        .allocated_bytes = st.stx_blocks * 512,
        .modified = { st.stx_mtime.tv_sec * 1000 + st.stx_mtime.tv_nsec / 1000000 },
    };
    return 0;
}

static void read_names(struct walk *w, DIR *dir)
{
    const struct dirent *d;

    while (errno = 0, (d = readdir(dir)) != NULL) {
        struct walk_stat st = { .inode = 0 };
        enum walk_kind kind = WALK_OTHER;

        if (look_at(dirfd(dir), d, &kind, &st) < 0)
            walk_failed(w);
        else if (!walk_entry(w, d->d_name, kind, &st, now()))
            return;
    }
    if (errno != 0)
        walk_failed(w);
}

/* NULL, with *rc a negative errno. */
static DIR *open_folder(int root, const char *path, int *rc)
{
    int flags = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_NONBLOCK | O_NOATIME;
    int fd = open_beneath(root, *path == '\0' ? "." : path, flags);
    DIR *dir = fd < 0 ? NULL : fdopendir(fd);

    *rc = fd < 0 ? fd : dir == NULL ? -errno : 0;
    if (fd >= 0 && dir == NULL)
        close(fd);
    return dir;
}

static int read_folders(struct reader *r, struct err *e)
{
    const char *path;
    int rc;

    while ((path = walk_folder(r->walk, now())) != NULL) {
        DIR *dir = open_folder(r->root, path, &rc);

        if (dir != NULL) {
            read_names(r->walk, dir);
            closedir(dir);
        } else if (*path == '\0') {
            return err_set(e, rc, "the top folder cannot be opened: %s", strerror(-rc));
        } else if (rc == -EXDEV) {
            walk_is_mount(r->walk);
        } else {
            walk_failed(r->walk);
        }
    }
    return 0;
}

/* ---- files --------------------------------------------------------------------------------- */

/* One of these to each thread. */
struct hand {
    struct reader *reader;
    pthread_t thread;
    struct arena *arena;
    void *buffer;
};

struct outcome {
    uint64_t bytes;
    bool failed, mount;
};

static bool is_changed(const struct walk_stat *was, int fd)
{
    struct stat st;

    return fstat(fd, &st) != 0 || st.st_ino != was->inode ||
           (uint64_t)st.st_size != was->size_bytes ||
           (int64_t)st.st_mtim.tv_sec * 1000 + st.st_mtim.tv_nsec / 1000000 != was->modified.v;
}

/* Fills all of an image of which nothing is known. */
static void set_unread(struct image *image, struct rows *r, int error)
{
    *image = (struct image){ .format = IMAGE_NONE, .fault = IMAGE_UNREADABLE };
    image->why = rows_printf(r, "it cannot be opened: %s", strerror(error));
}

static void read_opened(const struct hand *h, int fd, struct image_found *f, struct image *none,
                        struct outcome *out)
{
    struct rows r = { .a = h->arena };
    struct image_read got;
    struct stat st;

    if (fstat(fd, &st) != 0 || !S_ISREG(st.st_mode)) {
        set_unread(none, &r, ENOENT);
        return;
    }
    got = read_image(fd, (uint64_t)st.st_size, IMAGE_IN_FILE, f->buffered, h->buffer, h->arena);
    out->bytes = got.bytes;
    f->buffered = got.buffered;
    f->changed = is_changed(&f->file->stat, fd);
    if (got.image != NULL)
        f->image = got.image;
}

static void read_file(const struct hand *h, struct image_found *f, struct image *none,
                      struct outcome *out)
{
    const struct reader *r = h->reader;
    struct rows rows = { .a = h->arena };
    int fd = image_open(r->root, f->file->path, &f->buffered);

    *none = (struct image){ .fault = IMAGE_MEMORY, .why = "out of memory" };
    f->image = none;
    f->path = path_text(&rows, bytes_of(f->file->path));
    if (fd < 0) {
        set_unread(none, &rows, -fd);
        out->mount = fd == -EXDEV;
    } else {
        read_opened(h, fd, f, none, out);
        close(fd);
    }
    f->links = read_image_links(r->root, &rows, f->file->path, f->image, r->options->mounted);
    if (rows.failed) {
        *none = (struct image){ .fault = IMAGE_MEMORY, .why = "out of memory" };
        f->image = none;
        f->links = (struct image_links){ .all_found = false };
    }
    out->failed =
        !out->mount && (f->image->fault == IMAGE_UNREADABLE || f->image->fault == IMAGE_MEMORY);
}

/* Takes file after file until there are no more. */
static void *read_files(void *arg)
{
    const struct hand *h = arg;
    struct reader *r = h->reader;
    const struct walk_file *file;

    pthread_mutex_lock(&r->lock);
    while (r->rc == 0 && (file = walk_file(r->walk, now())) != NULL) {
        struct image_found found = { .file = file };
        struct outcome out = { .bytes = 0 };
        struct image none;

        pthread_mutex_unlock(&r->lock);
        arena_reset(h->arena);
        read_file(h, &found, &none, &out);
        pthread_mutex_lock(&r->lock);
        walk_spent(r->walk, out.bytes);
        if (out.mount)
            walk_is_mount(r->walk);
        if (out.failed)
            walk_failed(r->walk);
        if (r->rc == 0)
            r->rc = r->options->sink(r->options->arg, &found);
    }
    pthread_mutex_unlock(&r->lock);
    return NULL;
}

/* 0 or a negative errno. */
static int start_hand(struct reader *r, struct hand *h)
{
    int rc = -ENOMEM;

    h->reader = r;
    h->arena = arena_new(ARENA_BYTES);
    h->buffer = image_buffer();
    if (h->arena != NULL && h->buffer != NULL)
        rc = -pthread_create(&h->thread, NULL, read_files, h);
    if (rc < 0) {
        arena_free(h->arena);
        free(h->buffer);
    }
    return rc;
}

/* As many as can be had: one is enough. */
static int read_all(struct reader *r, struct err *e)
{
    unsigned want = r->options->threads == 0 ? WALK_THREADS : r->options->threads, n = 0;
    struct hand hands[WALK_THREADS_MOST];
    int rc = 0;

    if (want > WALK_THREADS_MOST)
        want = WALK_THREADS_MOST;
    while (n < want && (rc = start_hand(r, &hands[n])) == 0)
        n++;
    for (unsigned i = 0; i < n; i++) {
        pthread_join(hands[i].thread, NULL);
        arena_free(hands[i].arena);
        free(hands[i].buffer);
    }
    if (n == 0)
        return err_set(e, rc, "no thread can be started that reads files: %s", strerror(-rc));
    if (r->rc < 0)
        return err_set(e, r->rc, "what was found could not be passed on: %s", strerror(-r->rc));
    return 0;
}

int read_walk(int root, const struct walk_options *o, struct walk_tally *out, struct err *e)
{
    struct reader r = { .root = root, .options = o, .lock = PTHREAD_MUTEX_INITIALIZER };
    int rc;

    *out = (struct walk_tally){ .folders = 0 };
    r.walk = walk_new(&o->limits, now());
    if (r.walk == NULL)
        return err_set(e, -ENOMEM, "out of memory before the walk");
    rc = read_folders(&r, e);
    walk_sort(r.walk);
    if (rc == 0)
        rc = read_all(&r, e);
    *out = *walk_tally(r.walk);
    walk_free(r.walk);
    return rc;
}
