/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "join.h"

#include <assert.h>
#include <errno.h>

#include "core/core_internal.h"
#include "core/image_list.h"
#include "core/impact.h"

/* ---- rows ----------------------------------------------------------------------------------- */

static void section_read(const struct stored *image, uint32_t node_no, struct section *out,
                         struct arena *a)
{
    size_t size = section_descs[out->id].row->size;
    char *rows;

    for (int pass = 0; pass < 2; pass++) {
        out->rows = rows = pass == 0 ? NULL : arena_array(a, out->row_count, size);
        out->row_count = 0;
        for (size_t i = 0; i < image->inventory_count; i++) {
            const struct inventory_row *r = &image->inventory[i];

            if (r->node_no != node_no || r->section != out->id)
                continue;
            if (rows != NULL)
                memcpy(rows + out->row_count * size, r->row, size);
            out->row_count++;
        }
    }
}

/* As store_read_sections. */
static struct section *sections_read(struct life *l, uint32_t node_no, struct arena *a)
{
    struct section *v = arena_array(a, SECTION_COUNT, sizeof *v);
    struct stored image;

    durable_image(l->d, &image);
    for (unsigned id = 0; id < SECTION_COUNT; id++) {
        v[id].id = (enum section_id)id;
        section_read(&image, node_no, &v[id], a);
    }
    for (size_t i = 0; i < image.section_count; i++) {
        if (image.sections[i].node_no == node_no)
            v[image.sections[i].section].status = image.sections[i].status;
    }
    return v;
}

void join_path_lost(struct life *l, const struct path_lost_row *lost)
{
    struct stored image;

    durable_image(l->d, &image);
    for (size_t i = 0; i < image.inventory_count && l->gone_count < LIFE_GONE; i++) {
        const struct inventory_row *r = &image.inventory[i];

        if (r->node_no == lost->node_no && r->section == SECTION_PATHS &&
            strcmp(r->key, lost->device) == 0)
            l->gone[l->gone_count++] =
                (struct life_gone){ r->node_no, { *(const struct path *)r->row, lost->at } };
    }
}

/* ---- what is made of them ------------------------------------------------------------------- */

static void arm(struct life *l, bool on)
{
    if (l->arm != NULL)
        l->arm(on);
}

static int join_explain(struct life *l, const struct outgoing *o)
{
    struct explain_facts *f = o->join.explain;
    struct path_lost *lost = arena_array(o->reply_arena, LIFE_GONE, sizeof *lost);
    const struct section *sections = sections_read(l, o->join.node_no, o->reply_arena);
    int rc;

    for (size_t i = 0; i < f->peer_count; i++)
        f->peers[i].sections = sections_read(l, f->peers[i].no, o->reply_arena);
    for (size_t i = l->gone_count; i-- > 0 && f->fallen_count > 0;) {
        if (l->gone[i].node_no == o->join.node_no)
            lost[f->lost_count++] = l->gone[i].lost;
    }
    f->lost = lost;
    arm(l, true);
    rc = explain_build(f, sections, o->reply_arena, o->reply);
    arm(l, false);
    return rc;
}

static int impact_take_images(struct life *l, struct impact *im, struct arena *a)
{
    struct impact_place place;
    size_t at = 0;
    int rc = 0;

    while (rc == 0 && impact_wants_images(im, &at, &place)) {
        const struct resource *fs = resource_by_id(l->c, place.filesystem);
        uint32_t n = fs != NULL && place.below == NULL ? fs->seat->image_count : 0;
        const char **v = arena_array(a, n, sizeof *v);
        const struct strs paths = { v, n };

        for (uint32_t i = 0; i < n; i++)
            v[i] = fs->seat->images[i]->key;
        arm(l, true);
        rc = impact_images(im, &place, &paths, n);
        arm(l, false);
    }
    return rc;
}

static int join_impact(struct life *l, const struct outgoing *o)
{
    const struct impact_facts *f = o->join.impact;
    struct impact *im;
    int rc;

    arm(l, true);
    im = impact_new(f, o->reply_arena);
    arm(l, false);
    rc = im == NULL ? -ENOMEM : 0;
    for (size_t i = 0; i < f->node_count && rc == 0; i++) {
        const struct section *v = sections_read(l, f->nodes[i].no, o->reply_arena);

        arm(l, true);
        rc = impact_add(im, i, v);
        arm(l, false);
    }
    if (rc == 0)
        rc = impact_take_images(l, im, o->reply_arena);
    arm(l, true);
    rc = rc == 0 ? impact_finish(im, o->reply) : rc;
    arm(l, false);
    return rc;
}

static int join_images(struct life *l, const struct outgoing *o)
{
    const struct image_list_facts *f = o->join.image_list;
    struct image_info *v = arena_array(o->reply_arena, f->n, sizeof *v);
    size_t n = 0;

    assert(v != NULL);
    for (size_t i = 0; i < f->n; i++) {
        const struct image_row *x = durable_image_at(l->d, f->v[i].filesystem_no, f->v[i].path);

        if (x != NULL)
            image_list_info(&f->v[i], x->seen, x->image, &v[n++]);
    }
    REC_SET(o->reply, reply, images, ((struct recs){ v, n }));
    return 0;
}

void join_reply(struct life *l, const struct outgoing *o)
{
    int rc = 0;

    if (o->join.type == JOIN_IMAGES)
        rc = join_images(l, o);
    else if (o->join.type == JOIN_EXPLAIN)
        rc = join_explain(l, o);
    else if (o->join.type == JOIN_IMPACT)
        rc = join_impact(l, o);
    assert(rc == 0 || (rc == -ENOMEM && l->arm != NULL));
    if (rc != 0)
        REC_SET(o->reply, reply, code, REPLY_FAILED);
}
