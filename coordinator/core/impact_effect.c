/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What each node would have of what depends on a resource, if that went: and the dependents as
 * records. */
#include <stdlib.h>
#include <string.h>

#include "core/core_internal.h"
#include "core/impact_internal.h"

_Static_assert(IMPACT_NODES_MOST <= 64, "a node is a bit of thing.lost");

/* ---- effects -------------------------------------------------------------------------------- */

/* Does a logical volume of this type have copies of what a PV holds? */
static bool has_copies(const char *type)
{
    return type != NULL && (strcmp(type, "mirror") == 0 ||
                            (strncmp(type, "raid", 4) == 0 && strncmp(type, "raid0", 5) != 0));
}

static bool pv_is_lost(const struct impact *im, const char *uuid)
{
    for (size_t i = 0; i < im->pv_count; i++) {
        if (strcmp(im->pvs[i]->key, uuid) == 0)
            return im->pvs[i]->effect == LOST;
    }
    return false;
}

/* Is there a PV, of those that are here, that would stay? */
static enum effect effect_on_group(const struct impact *im, const char *vg)
{
    const struct section *s = &im->sections[SECTION_PVS];

    for (size_t i = 0; i < s->row_count; i++) {
        const struct pv *pv = section_row(s, i);

        if (text_is(pv->vg_uuid, vg) && pv->container != NULL && !pv_is_lost(im, pv->uuid))
            return DEGRADED;
    }
    return LOST;
}

static enum effect effect_on_volume(const struct impact *im, const struct lv *lv)
{
    for (size_t i = 0; i < lv->pvs.n; i++) {
        const struct pv *pv = rows_find(im->sections, SECTION_PVS, lv->pvs.v[i]);

        if (pv != NULL && pv->container != NULL && !pv_is_lost(im, pv->uuid))
            return DEGRADED;
    }
    return LOST;
}

/* What lies in a volume that lost a part is there only if the volume can be used without it. */
static enum effect effect_below(const struct impact *im, const struct thing *t)
{
    const struct thing *p = &im->v[t->parent];
    const struct lv *lv;

    if (t->parent == 0 || p->seen != im->at || p->effect == LOST)
        return LOST;
    if (p->kind != LV)
        return DEGRADED;
    lv = rows_find(im->sections, SECTION_LVS, p->key);
    return lv != NULL && has_copies(lv->type) ? DEGRADED : LOST;
}

static enum effect effect_on(const struct impact *im, const struct thing *t)
{
    const struct lv *lv = t->kind == LV ? rows_find(im->sections, SECTION_LVS, t->key) : NULL;

    if (t->parent == 0)
        return LOST;
    if (t->kind == VG)
        return effect_on_group(im, t->key);
    if (lv != NULL && lv->pvs.n > 0)
        return effect_on_volume(im, lv);
    return effect_below(im, t);
}

/* All is lost until something is found that stays; what stands on that may stay too, and so on. */
void impact_effects(struct impact *im)
{
    bool changed = true;

    im->pv_count = 0;
    for (size_t i = 1; i < im->n; i++) {
        im->v[i].effect = LOST;
        if (im->v[i].seen == im->at && im->v[i].kind == PV)
            im->pvs[im->pv_count++] = &im->v[i];
    }
    for (unsigned round = 0; changed && round <= EVIDENCE_DEEPEST; round++) {
        changed = false;
        for (size_t i = 1; i < im->n; i++) {
            struct thing *t = &im->v[i];

            if (t->seen != im->at || t->effect == DEGRADED || effect_on(im, t) == LOST)
                continue;
            t->effect = DEGRADED;
            changed = true;
        }
    }
    for (size_t i = 1; i < im->n; i++) {
        struct thing *t = &im->v[i];
        uint64_t bit = UINT64_C(1) << (im->at - 1);

        if (t->seen == im->at)
            *(t->effect == LOST ? &t->lost : &t->degraded) |= bit;
    }
}

/* ---- dependents ----------------------------------------------------------------------------- */

static int by_name(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static struct strs names_of(struct impact *im, uint64_t nodes)
{
    const char **v = arena_array(im->ch.a, im->f->node_count, sizeof *v);
    size_t n = 0;

    im->ch.failed = im->ch.failed || v == NULL;
    for (size_t i = 0; i < im->f->node_count && v != NULL; i++) {
        if (nodes >> i & 1)
            v[n++] = im->f->nodes[i].name;
    }
    if (n > 1)
        qsort(v, n, sizeof *v, by_name);
    return (struct strs){ v, n };
}

/* The node beyond which a filesystem has no identity is the only one that reports it. */
static const uuid128 *owner_of(const struct impact *im, const struct thing *t)
{
    bool alone = t->kind == FILESYSTEM && container_is_local(t->key);

    for (size_t i = 0; alone && i < im->f->node_count; i++) {
        if ((t->lost | t->degraded) >> i & 1)
            return &im->f->nodes[i].id;
    }
    return NULL;
}

uuid128 impact_filesystem_id(const struct impact *im, const struct thing *t)
{
    return resource_id_of(owner_of(im, t), RESOURCE_FILESYSTEM, t->resource);
}

static const char *id_of(struct impact *im, const struct thing *t, const char *key)
{
    static const enum resource_kind kinds[] = {
        [VG] = RESOURCE_VG, [LV] = RESOURCE_LV, [FILESYSTEM] = RESOURCE_FILESYSTEM
    };
    char text[UUID_TEXT];

    if (t->kind == IMAGE)
        return chain_text(&im->ch, "%s", uuid_text(t->id, text));
    return chain_text(&im->ch, "%s",
                      uuid_text(resource_id_of(owner_of(im, t), kinds[t->kind], key), text));
}

void impact_tell(struct impact *im, struct thing *t, const char *kind)
{
    struct dependent *d = &im->dependents[im->dependent_count];
    const char *key = t->resource != NULL ? t->resource : t->key;

    t->place = im->dependent_count++;
    REC_SET(d, dependent, kind, kind);
    if (t->kind == VG || t->kind == LV || t->kind == FILESYSTEM || t->kind == IMAGE)
        REC_SET(d, dependent, id, id_of(im, t, key));
    REC_SET(d, dependent, key, key);
    REC_SET(d, dependent, label, t->name);
    REC_SET(d, dependent, depth, t->depth);
    if (t->parent != 0)
        REC_SET(d, dependent, parent, im->v[t->parent].place);
    REC_SET(d, dependent, nodes_lost, names_of(im, t->lost));
    REC_SET(d, dependent, nodes_degraded, names_of(im, t->degraded));
}
