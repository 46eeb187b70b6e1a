/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "scan/walk.h"

#include <stdlib.h>

#include "base/arena.h"
#include "scan/limits.h"

struct walk {
    struct walk_limits limits;
    struct walk_tally tally;
    mono_ms start;
    struct arena *names;
    struct walk_folder *stack; /* folders that wait */
    size_t stack_n, stack_room;
    struct walk_file *files;
    size_t file_n, file_room, next;
};

static const char *const bound_names[] = {
    [WALK_HIT_DEPTH] = "depth",   [WALK_HIT_ENTRIES] = "entries", [WALK_HIT_FILES] = "files",
    [WALK_HIT_BYTES] = "bytes",   [WALK_HIT_TIME] = "time",       [WALK_HIT_PATH] = "path",
    [WALK_HIT_MEMORY] = "memory",
};
_Static_assert(ARRAY_LEN(bound_names) == WALK_BOUND_COUNT, "each has a name");

struct walk_limits walk_limits_default(void)
{
    return (struct walk_limits){ .depth = WALK_DEPTH,
                                 .entries = WALK_ENTRIES,
                                 .files = WALK_FILES,
                                 .bytes = (uint64_t)WALK_BYTES,
                                 .memory = WALK_MEMORY,
                                 .time_ms = WALK_TIME_MS };
}

const char *walk_bound_name(enum walk_bound b)
{
    return bound_names[b];
}

/* Room for one more of `size` bytes; false: out of memory. */
static bool make_room(void **v, size_t n, size_t *room, size_t size)
{
    size_t more = *room == 0 ? 64 : 2 * *room;
    void *p;

    if (n < *room)
        return true;
    p = more > SIZE_MAX / size ? NULL : realloc(*v, more * size);
    if (p == NULL)
        return false;
    *v = p;
    *room = more;
    return true;
}

static void push(struct walk *w, const char *path, uint32_t depth)
{
    void *stack = w->stack;

    if (path == NULL || !make_room(&stack, w->stack_n, &w->stack_room, sizeof *w->stack)) {
        w->tally.hit[WALK_HIT_MEMORY]++;
        return;
    }
    w->stack = stack;
    w->stack[w->stack_n++] = (struct walk_folder){ path, depth };
}

struct walk *walk_new(const struct walk_limits *limits, mono_ms start)
{
    struct walk *w = calloc(1, sizeof *w);

    if (w == NULL)
        return NULL;
    w->limits = *limits;
    w->start = start;
    w->names = arena_new(limits->memory);
    if (w->names == NULL) {
        walk_free(w);
        return NULL;
    }
    push(w, "", 0);
    return w;
}

void walk_free(struct walk *w)
{
    if (w == NULL)
        return;
    arena_free(w->names);
    free(w->stack);
    free(w->files);
    free(w);
}

static bool time_is_up(const struct walk *w, mono_ms now)
{
    return mono_since(now, w->start) >= w->limits.time_ms;
}

bool walk_folder(struct walk *w, mono_ms now, struct walk_folder *out)
{
    enum walk_bound bound = WALK_HIT_TIME;

    if (w->stack_n == 0)
        return false;
    if (!time_is_up(w, now)) {
        if (w->tally.entries < w->limits.entries) {
            *out = w->stack[--w->stack_n];
            w->tally.folders++;
            return true;
        }
        bound = WALK_HIT_ENTRIES;
    }
    w->tally.hit[bound] += w->stack_n;
    w->stack_n = 0;
    return false;
}

/* NULL, with its bound hit: there is no such path, or no memory. */
static const char *path_of(struct walk *w, const struct walk_folder *folder, const char *name)
{
    size_t n = strlen(folder->path);
    const char *path;

    if (n + 1 + strlen(name) > WALK_PATH_BYTES) {
        w->tally.hit[WALK_HIT_PATH]++;
        return NULL;
    }
    path = arena_printf(w->names, "%s%s%s", folder->path, n == 0 ? "" : "/", name);
    if (path == NULL)
        w->tally.hit[WALK_HIT_MEMORY]++;
    return path;
}

static void add_file(struct walk *w, const struct walk_folder *folder, const char *name,
                     uint64_t inode)
{
    void *files = w->files;
    const char *path;

    w->tally.files++;
    if (w->file_n >= w->limits.files) {
        w->tally.hit[WALK_HIT_FILES]++;
        return;
    }
    path = path_of(w, folder, name);
    if (path == NULL)
        return;
    if (!make_room(&files, w->file_n, &w->file_room, sizeof *w->files)) {
        w->tally.hit[WALK_HIT_MEMORY]++;
        return;
    }
    w->files = files;
    w->files[w->file_n++] = (struct walk_file){ path, inode };
}

static void add_folder(struct walk *w, const struct walk_folder *folder, const char *name)
{
    const char *path;

    if (folder->depth >= w->limits.depth) {
        w->tally.hit[WALK_HIT_DEPTH]++;
        return;
    }
    path = path_of(w, folder, name);
    if (path != NULL)
        push(w, path, folder->depth + 1);
}

bool walk_entry(struct walk *w, const struct walk_folder *folder, const char *name,
                enum walk_kind kind, uint64_t inode, mono_ms now)
{
    if (strcmp(name, ".") == 0 || strcmp(name, "..") == 0)
        return true;
    if (w->tally.entries >= w->limits.entries || time_is_up(w, now)) {
        w->tally.hit[time_is_up(w, now) ? WALK_HIT_TIME : WALK_HIT_ENTRIES]++;
        return false;
    }
    w->tally.entries++;
    switch (kind) {
    case WALK_FILE:
        add_file(w, folder, name, inode);
        break;
    case WALK_FOLDER:
        add_folder(w, folder, name);
        break;
    case WALK_LINK:
        w->tally.links++;
        break;
    case WALK_OTHER:
        w->tally.others++;
        break;
    }
    return true;
}

void walk_failed(struct walk *w)
{
    w->tally.failed++;
}

void walk_is_mount(struct walk *w)
{
    w->tally.mounts++;
}

static int compare_files(const void *a, const void *b)
{
    const struct walk_file *x = a, *y = b;

    if (x->inode != y->inode)
        return x->inode < y->inode ? -1 : 1;
    return strcmp(x->path, y->path);
}

void walk_sort(struct walk *w)
{
    if (w->file_n > 1)
        qsort(w->files, w->file_n, sizeof *w->files, compare_files);
}

const struct walk_file *walk_file(struct walk *w, mono_ms now)
{
    bool late;

    if (w->next == w->file_n)
        return NULL;
    late = time_is_up(w, now);
    if (!late && w->tally.bytes < w->limits.bytes)
        return &w->files[w->next++];
    w->tally.hit[late ? WALK_HIT_TIME : WALK_HIT_BYTES] += w->file_n - w->next;
    w->next = w->file_n;
    return NULL;
}

bool walk_size(struct walk *w, uint64_t size_bytes)
{
    if (size_bytes < IMAGE_LEAST_BYTES)
        return false;
    w->tally.candidates++;
    return true;
}

void walk_spent(struct walk *w, uint64_t bytes)
{
    w->tally.bytes += bytes;
}

const struct walk_tally *walk_tally(const struct walk *w)
{
    return &w->tally;
}

bool walk_is_complete(const struct walk_tally *t)
{
    uint64_t left_out = t->failed + t->mounts;

    for (size_t i = 0; i < WALK_BOUND_COUNT; i++)
        left_out += t->hit[i];
    return left_out == 0;
}
