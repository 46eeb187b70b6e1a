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
    struct err *e;
    pthread_mutex_t lock; /* of all that follows, and of the sink */
    pthread_cond_t news;  /* a folder waits, or one is done */
    struct walk *walk;
    unsigned in_work; /* folders */
    bool sorted;
    int rc;
};

/* One of these to each thread. */
struct hand {
    struct reader *reader;
    pthread_t thread;
    struct arena *arena;
    void *buffer;
};

static mono_ms now(void)
{
    struct timespec t = { 0 };

    clock_gettime(CLOCK_BOOTTIME, &t);
    return (mono_ms){ (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000 };
}

/* ---- folders ------------------------------------------------------------------------------- */

static enum walk_kind kind_of(mode_t mode)
{
    if (S_ISREG(mode))
        return WALK_FILE;
    if (S_ISDIR(mode))
        return WALK_FOLDER;
    return S_ISLNK(mode) ? WALK_LINK : WALK_OTHER;
}

/* Most file systems tell it in the folder; then no inode is read for it yet. */
static int look_at(int folder, const struct dirent *d, enum walk_kind *kind)
{
    struct stat st = { .st_mode = (mode_t)DTTOIF(d->d_type) };

    if (d->d_type == DT_UNKNOWN &&
        fstatat(folder, d->d_name, &st, AT_SYMLINK_NOFOLLOW | AT_NO_AUTOMOUNT) != 0)
        return -errno;
    *kind = kind_of(st.st_mode);
    return 0;
}

/* False: a bound is hit. */
static bool take_name(struct reader *r, const struct walk_folder *folder, int fd,
                      const struct dirent *d)
{
    enum walk_kind kind = WALK_OTHER;
    int rc = look_at(fd, d, &kind);
    bool go_on = true;

    pthread_mutex_lock(&r->lock);
    if (rc < 0)
        walk_failed(r->walk);
    else
        go_on = walk_entry(r->walk, folder, d->d_name, kind, d->d_ino, now());
    if (kind == WALK_FOLDER)
        pthread_cond_signal(&r->news);
    pthread_mutex_unlock(&r->lock);
    return go_on;
}

/* 0, a negative errno when its end was not reached. */
static int read_names(struct reader *r, const struct walk_folder *folder, DIR *dir)
{
    const struct dirent *d;

    while (errno = 0, (d = readdir(dir)) != NULL) {
        if (!take_name(r, folder, dirfd(dir), d))
            return 0;
    }
    return -errno;
}

static int read_folder(struct reader *r, const struct walk_folder *folder)
{
    int flags = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_NONBLOCK | O_NOATIME, rc;
    int fd = open_beneath(r->root, *folder->path == '\0' ? "." : folder->path, flags);
    DIR *dir = fd < 0 ? NULL : fdopendir(fd);

    if (dir == NULL) {
        rc = fd < 0 ? fd : -errno;
        if (fd >= 0)
            close(fd);
        return rc;
    }
    rc = read_names(r, folder, dir);
    closedir(dir);
    return rc;
}

static void folder_failed(struct reader *r, const struct walk_folder *folder, int rc)
{
    if (*folder->path == '\0' && r->rc == 0)
        r->rc = err_set(r->e, rc, "the top folder cannot be read: %s", strerror(-rc));
    else if (rc == -EXDEV)
        walk_is_mount(r->walk);
    else
        walk_failed(r->walk);
}

/* Until none waits and none is in work. Called, and returns, with the lock. */
static void read_folders(struct reader *r)
{
    struct walk_folder folder;
    int rc;

    while (r->rc == 0) {
        if (!walk_folder(r->walk, now(), &folder)) {
            if (r->in_work == 0)
                break;
            pthread_cond_wait(&r->news, &r->lock);
            continue;
        }
        r->in_work++;
        pthread_mutex_unlock(&r->lock);
        rc = read_folder(r, &folder);
        pthread_mutex_lock(&r->lock);
        if (rc < 0)
            folder_failed(r, &folder, rc);
        r->in_work--;
        pthread_cond_broadcast(&r->news);
    }
    if (!r->sorted)
        walk_sort(r->walk);
    r->sorted = true;
}

/* ---- files --------------------------------------------------------------------------------- */

/* What one file came to. `none` is its image when none was read. */
struct outcome {
    struct image_found found;
    struct parsed_image none;
    uint64_t bytes;
    bool is_mount, has_failed, is_small;
};

static bool is_changed(const struct stat *was, int fd)
{
    struct stat st;

    return fstat(fd, &st) != 0 || st.st_size != was->st_size ||
           memcmp(&st.st_mtim, &was->st_mtim, sizeof st.st_mtim) != 0 ||
           memcmp(&st.st_ctim, &was->st_ctim, sizeof st.st_ctim) != 0;
}

static void set_unread(struct outcome *o, struct rows *r, int error)
{
    o->none.fault = IMAGE_UNREADABLE;
    o->none.why = rows_printf(r, "it cannot be opened: %s", strerror(error));
}

static void read_opened(const struct hand *h, int fd, const struct stat *st, struct outcome *o)
{
    struct image_found *f = &o->found;
    struct image_read got =
        read_image(fd, (uint64_t)st->st_size, IMAGE_IN_FILE, f->buffered, h->buffer, h->arena);

    o->bytes = got.bytes;
    f->buffered = got.buffered;
    f->changed = is_changed(st, fd);
    f->inode = st->st_ino;
    f->size_bytes = (uint64_t)st->st_size;
    f->allocated_bytes = (uint64_t)st->st_blocks * 512;
    f->modified.v = (int64_t)st->st_mtim.tv_sec * 1000 + st->st_mtim.tv_nsec / 1000000;
    if (got.image != NULL)
        f->image = got.image;
}

/* It may be another file by now than the one that the walk has seen, but not opened it is then. */
static void open_and_read(const struct hand *h, const struct walk_file *file, struct rows *r,
                          struct outcome *o)
{
    struct reader *reader = h->reader;
    int fd = image_open(reader->root, file->path, &o->found.buffered);
    struct stat st;

    if (fd < 0) {
        o->is_mount = fd == -EXDEV;
        set_unread(o, r, -fd);
        return;
    }
    if (fstat(fd, &st) != 0 || !S_ISREG(st.st_mode)) {
        set_unread(o, r, ENOENT);
    } else {
        pthread_mutex_lock(&reader->lock);
        o->is_small = !walk_size(reader->walk, (uint64_t)st.st_size);
        pthread_mutex_unlock(&reader->lock);
        if (!o->is_small)
            read_opened(h, fd, &st, o);
    }
    close(fd);
}

static void read_file(const struct hand *h, const struct walk_file *file, struct outcome *o)
{
    const struct reader *reader = h->reader;
    struct image_found *f = &o->found;
    struct rows r = { .a = h->arena };

    *o = (struct outcome){ .none = { .fault = IMAGE_MEMORY, .why = "out of memory" } };
    f->image = &o->none;
    f->raw_path = file->path;
    f->path = path_text(&r, bytes_of(file->path));
    open_and_read(h, file, &r, o);
    f->links = read_image_links(reader->root, &r, file->path, f->image, reader->options->mounted);
    if (r.failed) {
        o->none = (struct parsed_image){ .fault = IMAGE_MEMORY, .why = "out of memory" };
        f->image = &o->none;
        f->links = (struct image_links){ .all_found = false };
        f->path = f->path == NULL ? "" : f->path;
    }
    o->has_failed = !o->is_mount && !o->is_small &&
                    (f->image->fault == IMAGE_UNREADABLE || f->image->fault == IMAGE_MEMORY);
}

/* Until there are no more. Called, and returns, with the lock. */
static void read_files(const struct hand *h)
{
    struct reader *r = h->reader;
    const struct walk_file *file;

    while (r->rc == 0 && (file = walk_file(r->walk, now())) != NULL) {
        struct outcome o;

        pthread_mutex_unlock(&r->lock);
        arena_reset(h->arena);
        read_file(h, file, &o);
        pthread_mutex_lock(&r->lock);
        walk_spent(r->walk, o.bytes);
        if (o.is_mount)
            walk_is_mount(r->walk);
        if (o.has_failed)
            walk_failed(r->walk);
        if (r->rc == 0 && !o.is_small && (r->rc = r->options->sink(r->options->arg, &o.found)) < 0)
            err_set(r->e, r->rc, "what was found could not be passed on: %s", strerror(-r->rc));
    }
}

/* ---- threads ------------------------------------------------------------------------------- */

static void *work(void *arg)
{
    const struct hand *h = arg;

    pthread_mutex_lock(&h->reader->lock);
    read_folders(h->reader);
    read_files(h);
    pthread_mutex_unlock(&h->reader->lock);
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
        rc = -pthread_create(&h->thread, NULL, work, h);
    if (rc < 0) {
        arena_free(h->arena);
        free(h->buffer);
    }
    return rc;
}

/* As many as can be had: one is enough. */
static int work_all(struct reader *r)
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
        return err_set(r->e, rc, "no thread can be started that reads: %s", strerror(-rc));
    return r->rc;
}

int read_walk(int root, const struct walk_options *o, struct walk_tally *out, struct err *e)
{
    struct reader r = { .root = root,
                        .options = o,
                        .e = e,
                        .lock = PTHREAD_MUTEX_INITIALIZER,
                        .news = PTHREAD_COND_INITIALIZER };
    int rc;

    *out = (struct walk_tally){ .folders = 0 };
    r.walk = walk_new(&o->limits, now());
    if (r.walk == NULL)
        return err_set(e, -ENOMEM, "out of memory before the walk");
    rc = work_all(&r);
    *out = *walk_tally(r.walk);
    walk_free(r.walk);
    return rc;
}
