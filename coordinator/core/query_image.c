/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Images, page by page. Which they are is known here; the rest of each is in the database. */
#include "core/image_list.h"

#include <errno.h>
#include <stdlib.h>

#include "core/core_internal.h"

enum { IMAGES_PER_REPLY = 2000 };

/* ---- which ---------------------------------------------------------------------------------- */

/* In order of filesystems and paths. */
static int by_place(const void *a, const void *b)
{
    const struct resource *x = *(struct resource *const *)a, *y = *(struct resource *const *)b;

    if (x->filesystem != y->filesystem)
        return x->filesystem->no < y->filesystem->no ? -1 : 1;
    return strcmp(x->key, y->key);
}

static void once(struct resource **v, size_t *n)
{
    size_t kept = 0;

    for (size_t i = 0; i < *n; i++) {
        if (kept == 0 || v[kept - 1] != v[i])
            v[kept++] = v[i];
    }
    *n = kept;
}

/* Those that are named, by themselves or by their filesystems. */
static int choose_images(struct answer *q, struct resource ***out, size_t *n, bool *good)
{
    struct chosen ch = { .image_count = 0 };
    size_t room = 0;
    int rc = choose_resources(q, &ch, good);

    if (rc < 0 || !*good)
        return rc;
    for (size_t i = 0; i < ch.resource_count; i++)
        room += ch.resources[i]->seat != NULL ? ch.resources[i]->seat->image_count : 1;
    *out = arena_array(q->a, room, sizeof(struct resource *));
    if (*out == NULL)
        return -ENOMEM;
    for (size_t i = 0; *good && i < ch.resource_count; i++) {
        struct resource *r = ch.resources[i];

        *good = r->kind == RESOURCE_IMAGE || r->kind == RESOURCE_FILESYSTEM;
        if (!*good)
            return answer_fail(q, REPLY_INVALID,
                               "'%s' is a %s; images are listed by their filesystems, or one by "
                               "one: give the label, key or id of one.",
                               answer_quote(q, q->req->resources.v[i]),
                               resource_kind_name(r->kind));
        if (r->kind == RESOURCE_IMAGE)
            (*out)[(*n)++] = r;
        for (uint32_t k = 0; r->seat != NULL && k < r->seat->image_count; k++)
            (*out)[(*n)++] = r->seat->images[k];
    }
    return 0;
}

/* ---- the answer ----------------------------------------------------------------------------- */

int image_want(struct arena *a, const struct resource *r, struct image_wanted *out)
{
    char id[UUID_TEXT], fs[UUID_TEXT];

    *out = (struct image_wanted){ .filesystem_no = r->filesystem->no,
                                  .path = arena_strdup(a, r->key),
                                  .id = arena_strdup(a, uuid_text(r->id, id)),
                                  .filesystem = arena_strdup(a, uuid_text(r->filesystem->id, fs)),
                                  .label = resource_label(a, r->filesystem) };
    return out->path == NULL || out->id == NULL || out->filesystem == NULL || out->label == NULL
               ? -ENOMEM
               : 0;
}

void image_list_info(const struct image_wanted *w, wall_ms seen, const struct image *image,
                     struct image_info *out)
{
    REC_SET(out, image_info, resource, w->id);
    REC_SET(out, image_info, filesystem, w->filesystem);
    REC_SET(out, image_info, label, w->label);
    REC_SET(out, image_info, seen_ms, seen.v);
    REC_SET(out, image_info, image, image);
}

static int answer_images(struct answer *q, struct resource *const *v, size_t n, size_t limit)
{
    struct image_list_facts *f = arena_zalloc(q->a, sizeof *f);
    size_t first = q->req->since < n ? (size_t)q->req->since : n;
    size_t count = n - first < limit ? n - first : limit;

    if (f == NULL)
        return -ENOMEM;
    f->v = arena_array(q->a, count, sizeof *f->v);
    if (f->v == NULL)
        return -ENOMEM;
    for (; f->n < count; f->n++) {
        if (image_want(q->a, v[first + f->n], &f->v[f->n]) < 0)
            return -ENOMEM;
    }
    if (first + count < n)
        REC_SET(q->r, reply, more, true);
    q->out->join.type = JOIN_IMAGES;
    q->out->join.image_list = f;
    return 0;
}

int op_image_list(struct answer *q)
{
    uint64_t limit = REC_HAS(q->req, request, limit) ? q->req->limit : IMAGES_PER_REPLY;
    struct resource **v = NULL;
    bool good = true;
    size_t n = 0;
    int rc;

    if (limit == 0)
        return answer_fail(q, REPLY_INVALID, "The limit is 1 to %d images.", IMAGES_PER_REPLY);
    rc = q->req->resources.n > 0 ? choose_images(q, &v, &n, &good) : images_all(q, &v, &n);
    if (rc < 0 || !good)
        return rc;
    if (n > 0)
        qsort(v, n, sizeof(struct resource *), by_place);
    once(v, &n);
    return answer_images(q, v, n, limit < IMAGES_PER_REPLY ? limit : IMAGES_PER_REPLY);
}
