/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "scan/scan_walk.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>

#include "base/limits.h"
#include "collect/rows.h"
#include "scan/read_walk.h"
#include "wire/messages.h"

enum { RESULT_BYTES = 3 << 20, EACH_BYTES = 160 }; /* there is room in a message for the rest */

struct gathering {
    struct rows r;
    struct image *v;
    size_t n, cap, bytes;
    uint64_t cut;
};

static bool has_room(struct gathering *g)
{
    size_t cap = g->cap == 0 ? 256 : 2 * g->cap;
    struct image *v;

    if (g->n < g->cap)
        return true;
    v = rows_array(&g->r, cap, sizeof *v);
    if (v == NULL)
        return false;
    if (g->n > 0)
        memcpy(v, g->v, g->n * sizeof *v);
    g->v = v;
    g->cap = cap;
    return true;
}

/* A copy that outlives the file; NULL stays NULL. */
static const char *keep(struct gathering *g, const char *text)
{
    if (text == NULL)
        return NULL;
    g->bytes += strlen(text) + 8;
    return rows_text(&g->r, bytes_of(text));
}

static const char *from_top(struct gathering *g, const char *path)
{
    if (path == NULL || *path == '/')
        return keep(g, path);
    g->bytes += strlen(path) + 9;
    return rows_printf(&g->r, "/%s", path);
}

static void set_flags(struct gathering *g, struct image *row, unsigned flags)
{
    static const struct {
        unsigned flag;
        const char *name;
    } names[] = { { IMAGE_CORRUPT, "corrupt" },
                  { IMAGE_DIRTY, "dirty" },
                  { IMAGE_ENCRYPTED, "encrypted" },
                  { IMAGE_NEEDS_LOG, "replay" } };
    const char **v = rows_array(&g->r, ARRAY_LEN(names), sizeof *v);
    size_t n = 0;

    for (size_t i = 0; v != NULL && i < ARRAY_LEN(names); i++) {
        if ((flags & names[i].flag) != 0)
            v[n++] = names[i].name;
    }
    if (n > 0)
        REC_SET(row, image, flags, ((struct strs){ v, n }));
}

static const char *state_of(const struct image_link *l)
{
    return l->state == LINK_UNCLEAR ? "unresolved" : link_state_name(l->state);
}

static void set_extents(struct gathering *g, struct image *row, const struct image_found *f)
{
    const struct parsed_image *i = f->image;
    const char **v = rows_array(&g->r, i->extent_count, sizeof *v);

    for (size_t k = 0; v != NULL && k < i->extent_count; k++) {
        const struct image_extent *x = &i->extents[k];
        const char *state = f->links.extents == NULL ? NULL : state_of(&f->links.extents[k]);

        v[k] = rows_printf(&g->r, "%s %s %" PRIu64 " %s", x->file.text == NULL ? "-" : x->file.text,
                           x->type == NULL ? "-" : x->type, x->bytes, state == NULL ? "-" : state);
        g->bytes += v[k] == NULL ? 0 : strlen(v[k]) + 8;
    }
    if (i->extent_count > 0 && v != NULL)
        REC_SET(row, image, extents, ((struct strs){ v, i->extent_count }));
}

static void set_backing(struct gathering *g, struct image *row, const struct image_found *f)
{
    const struct parsed_image *i = f->image;

    if (i->backing.text == NULL)
        return;
    ROW_TEXT(row, image, backing, keep(g, i->backing.text));
    ROW_TEXT(row, image, backing_path, from_top(g, f->links.backing.path));
    ROW_TEXT(row, image, backing_format, keep(g, i->backing_format));
    ROW_TEXT(row, image, backing_state, state_of(&f->links.backing));
}

static void set_row(struct gathering *g, struct image *row, const struct image_found *f)
{
    const struct parsed_image *i = f->image;

    ROW_TEXT(row, image, path, from_top(g, f->path));
    ROW_TEXT(row, image, format, image_format_name(i->format));
    ROW_TEXT(row, image, subformat, keep(g, i->subformat));
    if (i->format == IMAGE_QCOW2 && i->version.has)
        ROW_TEXT(row, image, subformat, rows_printf(&g->r, "v%" PRIu64, i->version.v));
    if (i->virtual_bytes.has)
        REC_SET(row, image, virtual_bytes, i->virtual_bytes.v);
    REC_SET(row, image, size_bytes, f->size_bytes);
    REC_SET(row, image, allocated_bytes, f->allocated_bytes);
    REC_SET(row, image, mtime_ms, f->modified.v);
    if (i->block_bytes.has)
        REC_SET(row, image, cluster_bytes, i->block_bytes.v);
    set_backing(g, row, f);
    ROW_TEXT(row, image, data_file, keep(g, i->data_file.text));
    set_extents(g, row, f);
    ROW_TEXT(row, image, contents, keep(g, i->content));
    set_flags(g, row, i->flags);
    if (i->snapshots.has)
        REC_SET(row, image, snapshots, i->snapshots.v);
    ROW_TEXT(row, image, fault, keep(g, i->fault == IMAGE_SOUND ? NULL : i->why));
    g->bytes += EACH_BYTES;
}

static int take(void *arg, const struct image_found *f)
{
    struct gathering *g = arg;

    if (f->image->format == IMAGE_NONE || (f->image->flags & IMAGE_PART) != 0)
        return 0;
    if (g->n == LIMIT_IMAGES || g->bytes > RESULT_BYTES) {
        g->cut++;
        return 0;
    }
    if (has_room(g))
        set_row(g, &g->v[g->n++], f);
    return g->r.failed ? -ENOMEM : 0;
}

static int compare(const void *a, const void *b)
{
    const struct image *x = a, *y = b;

    return strcmp(x->path, y->path);
}

/* Two files whose names are the same as clean text are told as one. */
static void sort(struct gathering *g)
{
    size_t n = 0;

    if (g->n > 1)
        qsort(g->v, g->n, sizeof *g->v, compare);
    for (size_t i = 0; i < g->n; i++) {
        if (n == 0 || strcmp(g->v[n - 1].path, g->v[i].path) != 0)
            g->v[n++] = g->v[i];
        else
            g->cut++;
    }
    g->n = n;
}

static const char *left_out(struct gathering *g, const struct walk_tally *t)
{
    if (g->cut > 0)
        return rows_printf(&g->r, "%" PRIu64 " images are more than one result may have", g->cut);
    for (int b = 0; b < WALK_BOUND_COUNT; b++) {
        if (t->hit[b] > 0)
            return rows_printf(&g->r,
                               "the limit of %s was reached: %" PRIu64
                               " files and folders were not looked at",
                               walk_bound_name((enum walk_bound)b), t->hit[b]);
    }
    if (t->failed > 0)
        return rows_printf(&g->r, "%" PRIu64 " files and folders could not be read", t->failed);
    if (t->mounts > 0)
        return rows_printf(&g->r, "%" PRIu64 " of its folders hide behind other mounts", t->mounts);
    return walk_is_complete(t) ? NULL : "not all of it was looked at";
}

int scan_walk(int root, struct arena *a, struct scan_found *out, struct err *e)
{
    struct gathering g = { .r = { .a = a } };
    struct walk_options o = { .limits = walk_limits_default(), .sink = take, .arg = &g };
    struct walk_tally tally;
    int rc = read_walk(root, &o, &tally, e);

    if (rc < 0)
        return rc;
    sort(&g);
    *out = (struct scan_found){ .images = { g.v, g.n },
                                .entries = tally.entries,
                                .left_out = left_out(&g, &tally) };
    return g.r.failed ? err_set(e, -ENOMEM, "out of memory for what was found") : 0;
}
