/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Images of filesystems. The list of each is sorted by path, as is what a scan brings: the two are
 * merged, so that a scan costs what it has found and no more. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "core/core_internal.h"

/* Its key and label, which begin with the filesystem's, must fit into every message. */
enum { PATH_MOST = LIMIT_STRING_BYTES - KEY_MOST - 128 };

/* ---- one ------------------------------------------------------------------------------------ */

static uuid128 image_id(const struct resource *fs, const char *path)
{
    return uuid_v5(fs->id, path, strlen(path));
}

struct resource *image_by_path(const struct coord *c, const struct resource *fs, const char *path)
{
    return resource_by_id(c, image_id(fs, path));
}

static struct resource *image_new(struct step *s, struct resource *fs, const char *path)
{
    struct coord *c = s->c;
    struct resource *r =
        resource_new(RESOURCE_IMAGE, image_id(fs, path), c->meta.next_resource_no, path);

    if (r == NULL)
        return NULL;
    r->filesystem = fs;
    if (resource_index(c, r) < 0) {
        resource_free(r);
        return NULL;
    }
    c->meta.next_resource_no++;
    touch_resource(c, r);
    return emit_resource(s, r) < 0 ? NULL : r;
}

static int emit_image(struct step *s, const struct resource *r, const struct image *image)
{
    struct change *ch = emit(s, CHANGE_IMAGE);

    if (ch == NULL)
        return -ENOMEM;
    ch->image = (struct image_row){
        .filesystem_no = r->filesystem->no, .resource_no = r->no, .seen = s->c->wall, .image = image
    };
    return 0;
}

/* ---- what a scan has found ------------------------------------------------------------------ */

struct merge {
    struct resource *fs;
    const struct image **found; /* by path, each path once */
    size_t n;
    struct resource **images; /* that it has from now on */
    size_t count, room;       /* room: for so many new ones */
    size_t fresh, gone, left_out;
};

static int by_path(const void *a, const void *b)
{
    return strcmp((*(const struct image *const *)a)->path, (*(const struct image *const *)b)->path);
}

/* The message says that they are in order; whoever sent it need not have kept to that. */
static int take_found(struct arena *a, const struct recs *found, struct merge *m)
{
    const struct image *v = found->v;
    bool sorted = true;
    size_t n = 0;

    m->found = arena_array(a, found->n, sizeof *m->found);
    if (m->found == NULL)
        return -ENOMEM;
    for (size_t i = 0; i < found->n; i++) {
        if (v[i].path == NULL || v[i].path[0] != '/')
            continue; /* no path of a filesystem is so */
        if (strnlen(v[i].path, PATH_MOST + 1) > PATH_MOST) {
            m->left_out++;
            continue;
        }
        m->found[n] = &v[i];
        sorted = sorted && (n == 0 || strcmp(m->found[n - 1]->path, v[i].path) < 0);
        n++;
    }
    if (!sorted)
        qsort(m->found, n, sizeof *m->found, by_path);
    for (size_t i = 0; i < n; i++) {
        if (m->n == 0 || strcmp(m->found[m->n - 1]->path, m->found[i]->path) != 0)
            m->found[m->n++] = m->found[i];
    }
    if (m->n > LIMIT_IMAGES) {
        m->left_out += m->n - LIMIT_IMAGES;
        m->n = LIMIT_IMAGES;
    }
    return 0;
}

/* An image of the list that the scan does not name. */
static int take_old(struct step *s, struct merge *m, struct resource *r, bool complete)
{
    int rc;

    if (!complete) {
        m->images[m->count++] = r;
        return 0;
    }
    m->gone++;
    rc = emit_image(s, r, NULL);
    return rc < 0 ? rc : resource_delete(s, r);
}

/* Images may not take the room of what nodes report. */
static bool images_room(const struct coord *c)
{
    return map_count(c->resources) < LIMIT_RESOURCES / 2 &&
           c->meta.next_resource_no <= NUMBERS_MOST;
}

/* One that it names; `r` NULL: it is new. */
static int take_new(struct step *s, struct merge *m, struct resource *r, const struct image *image)
{
    if (r == NULL) {
        if (m->fresh == m->room || !images_room(s->c)) {
            m->left_out++;
            return 0;
        }
        r = image_new(s, m->fs, image->path);
        if (r == NULL)
            return -ENOMEM;
        m->fresh++;
    }
    m->images[m->count++] = r;
    return emit_image(s, r, image);
}

static int merge_all(struct step *s, struct merge *m, bool complete)
{
    struct resource **old = m->fs->seat->images;
    size_t i = 0, k = 0, n = m->fs->seat->image_count;
    int rc = 0;

    m->room = complete ? LIMIT_IMAGES : LIMIT_IMAGES - n;
    while (rc == 0 && (i < n || k < m->n)) {
        int order = i == n ? 1 : k == m->n ? -1 : strcmp(old[i]->key, m->found[k]->path);

        if (order < 0)
            rc = take_old(s, m, old[i], complete);
        else
            rc = take_new(s, m, order == 0 ? old[i] : NULL, m->found[k]);
        i += order <= 0;
        k += order >= 0;
    }
    return rc;
}

static int tell(struct step *s, const struct merge *m)
{
    char label[200], more[112] = "";

    if (m->fresh + m->gone + m->left_out == 0)
        return 0;
    touch_resource(s->c, m->fs);
    if (m->left_out > 0)
        snprintf(more, sizeof more,
                 "; %zu more are left out: there is no room for them, or their paths are too long",
                 m->left_out);
    return event(s, "scan.images", m->left_out > 0 ? SEVERITY_WARNING : SEVERITY_INFO, NULL, m->fs,
                 "Of the images in %s %zu %s new and %zu %s gone; there are %zu now%s.",
                 resource_label_in(m->fs, label, sizeof label), m->fresh,
                 m->fresh == 1 ? "is" : "are", m->gone, m->gone == 1 ? "is" : "are", m->count,
                 more);
}

int images_found(struct step *s, struct resource *fs, const struct recs *found, bool complete,
                 uint64_t *count)
{
    struct seat *seat = fs->seat;
    struct merge m = { .fs = fs };
    int rc = take_found(s->u->arena, found, &m);

    m.images = calloc(m.n + seat->image_count + 1, sizeof(struct resource *));
    if (m.images == NULL)
        return -ENOMEM;
    if (rc == 0)
        rc = merge_all(s, &m, complete);
    if (rc < 0) {
        free(m.images);
        return rc;
    }
    free(seat->images);
    seat->images = m.images;
    seat->image_count = (uint32_t)m.count;
    *count = m.count;
    return tell(s, &m);
}

/* ---- with their filesystem ------------------------------------------------------------------ */

int images_drop(struct step *s, struct resource *fs)
{
    struct seat *seat = fs->seat;
    int rc = 0;

    for (uint32_t i = 0; rc == 0 && i < seat->image_count; i++)
        rc = resource_delete(s, seat->images[i]);
    seat->image_count = 0;
    return rc;
}

int images_rename(struct step *s, struct resource *fs)
{
    int rc = 0;

    for (uint32_t i = 0; rc == 0 && fs->seat != NULL && i < fs->seat->image_count; i++) {
        touch_resource(s->c, fs->seat->images[i]);
        rc = emit_resource(s, fs->seat->images[i]);
    }
    return rc;
}

/* ---- a start -------------------------------------------------------------------------------- */

/* The list has room up to the next power of two. */
static int list_add(struct seat *seat, struct resource *r)
{
    uint32_t n = seat->image_count;
    struct resource **more;

    if ((n & (n - 1)) == 0) {
        more = realloc(seat->images, (n == 0 ? 1 : 2 * (size_t)n) * sizeof(struct resource *));
        if (more == NULL)
            return -ENOMEM;
        seat->images = more;
    }
    seat->images[seat->image_count++] = r;
    return 0;
}

/* Its key is the filesystem's, a colon, and the path: the id tells whether that is so. */
static const char *path_of_row(const struct resource_row *row, const struct resource *fs)
{
    size_t n = strlen(fs->key) + 1 + (fs->owner != NULL ? UUID_TEXT : 0);

    return strlen(row->key) > n && uuid_eq(row->id, image_id(fs, row->key + n)) ? row->key + n
                                                                                : NULL;
}

int image_load(struct coord *c, const struct resource_row *row, struct resource *fs,
               struct resource **out)
{
    const char *path = fs == NULL || fs->kind != RESOURCE_FILESYSTEM ? NULL : path_of_row(row, fs);
    struct resource *r;

    if (path == NULL || resource_by_id(c, row->id) != NULL)
        return 0;
    r = resource_new(RESOURCE_IMAGE, row->id, row->no, path);
    if (r == NULL)
        return -ENOMEM;
    r->filesystem = fs;
    if (resource_index(c, r) < 0) {
        resource_free(r);
        return -ENOMEM;
    }
    *out = r;
    return list_add(fs->seat, r);
}

static int by_key(const void *a, const void *b)
{
    return strcmp((*(struct resource *const *)a)->key, (*(struct resource *const *)b)->key);
}

void images_loaded(struct coord *c)
{
    struct resource *r;
    size_t it = 0;

    while ((r = map_next(c->resources, &it)) != NULL) {
        if (r->seat != NULL && r->seat->image_count > 1)
            qsort(r->seat->images, r->seat->image_count, sizeof(struct resource *), by_key);
    }
}

/* ---- is it what it should be? --------------------------------------------------------------- */

static int check_list(const struct coord *c, const struct resource *fs, struct err *e)
{
    for (uint32_t i = 0; i < fs->seat->image_count; i++) {
        const struct resource *r = fs->seat->images[i];

        if (r->filesystem != fs || image_by_path(c, fs, r->key) != r)
            return err_set(e, -EINVAL, "image %u stands in the list of another filesystem", i);
        if (i > 0 && strcmp(fs->seat->images[i - 1]->key, r->key) >= 0)
            return err_set(e, -EINVAL, "the images of %s are out of order at %s", fs->key, r->key);
    }
    return 0;
}

int images_check(const struct coord *c, struct err *e)
{
    size_t images = 0, listed = 0, it = 0;
    const struct resource *r;
    int rc = 0;

    while (rc == 0 && (r = map_next(c->resources, &it)) != NULL) {
        images += r->kind == RESOURCE_IMAGE;
        if ((r->kind == RESOURCE_IMAGE) != (r->filesystem != NULL) ||
            (r->filesystem != NULL && r->edges != NULL))
            return err_set(e, -EINVAL, "resource %u has what only images have, or lacks it", r->no);
        if (r->seat == NULL)
            continue;
        listed += r->seat->image_count;
        rc = check_list(c, r, e);
    }
    return rc < 0 || images == listed
               ? rc
               : err_set(e, -EINVAL, "there are %zu images, and %zu in lists", images, listed);
}
