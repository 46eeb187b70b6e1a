/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Images that depend on a resource: those in each filesystem that does, or those that stand on an
 * image. Whoever loses the one loses the other. */
#include <errno.h>
#include <string.h>

#include "core/core_internal.h"
#include "core/impact_internal.h"

static bool is_wanted(const struct impact *im, size_t i)
{
    if (i > 0)
        return im->v[i].kind == FILESYSTEM ||
               (im->v[i].kind == IMAGE && im->f->kind == RESOURCE_IMAGE);
    return im->f->kind == RESOURCE_FILESYSTEM || im->f->kind == RESOURCE_IMAGE;
}

bool impact_wants_images(const struct impact *im, size_t *at, struct impact_place *out)
{
    while (*at < im->n && !is_wanted(im, *at))
        ++*at;
    if (*at == im->n)
        return false;
    *out = (struct impact_place){ .thing = *at };
    if (im->v[*at].kind == IMAGE && *at > 0) {
        out->filesystem = im->v[*at].in;
        out->below = im->v[*at].path;
    } else if (*at > 0) {
        out->filesystem = impact_filesystem_id(im, &im->v[*at]);
    } else if (im->f->kind == RESOURCE_IMAGE) {
        out->filesystem = im->f->filesystem_id;
        out->below = im->f->key;
    } else {
        out->filesystem = im->f->id;
    }
    ++*at;
    return true;
}

/* Two images may stand on each other. */
static bool is_told(const struct impact *im, uuid128 id, uint32_t hash)
{
    if (im->f->kind != RESOURCE_IMAGE)
        return false; /* each filesystem is asked for once */
    for (size_t i = 1; i < im->n; i++) {
        if (im->v[i].kind == IMAGE && im->v[i].hash == hash && uuid_eq(im->v[i].id, id))
            return true;
    }
    return uuid_eq(im->f->id, id);
}

/* The key and name of what the image is in. */
static void names_of(const struct impact *im, const struct thing *t, const char **key,
                     const char **name)
{
    bool image = im->f->kind == RESOURCE_IMAGE, root = t == im->v;

    *key = image ? im->f->filesystem : root ? im->f->key : t->resource;
    *name = image ? im->f->filesystem_label : root ? im->f->label : t->name;
}

static void add(struct impact *im, const struct impact_place *at, const char *path)
{
    struct thing *t = &im->v[at->thing], *x;
    uuid128 id = uuid_v5(at->filesystem, path, strlen(path));
    uint64_t all = im->f->node_count < 64 ? (UINT64_C(1) << im->f->node_count) - 1 : UINT64_MAX;
    const char *key, *name;

    if (is_told(im, id, impact_hash(path)))
        return;
    im->full = im->full || im->n == EVIDENCE_MOST;
    if (im->full)
        return;
    names_of(im, t, &key, &name);
    x = &im->v[im->n++];
    *x = (struct thing){ .kind = IMAGE,
                         .hash = impact_hash(path),
                         .depth = t->depth + 1,
                         .parent = (uint32_t)at->thing,
                         .id = id,
                         .in = at->filesystem,
                         .path = chain_text(&im->ch, "%s", path),
                         .lost = at->thing > 0 ? t->lost : all,
                         .degraded = at->thing > 0 ? t->degraded : 0 };
    x->nodes = at->thing > 0 ? t->nodes : (uint32_t)im->f->node_count;
    x->key = chain_text(&im->ch, "%s:%s", key, path);
    x->name = chain_text(&im->ch, "%s:%s", name, path);
    x->text = at->below != NULL ? chain_text(&im->ch, "The image %s stands on it", path)
                                : chain_text(&im->ch, "The image %s is in it", path);
}

int impact_images(struct impact *im, const struct impact_place *at, const struct strs *paths,
                  uint64_t count)
{
    for (size_t i = 0; i < paths->n; i++)
        add(im, at, paths->v[i]);
    if (at->below == NULL && count > paths->n)
        im->v[at->thing].more = count - paths->n;
    return im->ch.failed ? -ENOMEM : 0;
}
