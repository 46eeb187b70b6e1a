/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "fleet_vgs.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/text.h"
#include "fleet_gen_internal.h"

enum { LV_EXTENTS = 256 }; /* of those that are there from the start */
enum { SALT_PV = 1 << 17, SALT_VG, SALT_LV };

struct fleet_vgs {
    const struct fleet_shape *shape;
    uint32_t groups;
    struct fleet_vg *all; /* vgs of each group */
};

/* ---- names ---------------------------------------------------------------------------------- */

/* As LVM writes one: 6-4-4-4-4-4-6 letters and digits. */
static void uuid_of(const struct fleet_vgs *v, uint64_t salt, uint32_t group, uint32_t vg,
                    uint32_t no, char out[FLEET_LVM_UUID])
{
    static const char letters[] = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ";
    static const uint8_t parts[] = { 6, 4, 4, 4, 4, 4, 6 };
    uint64_t r = fleet_mix(v->shape->seed ^ fleet_mix(salt << 32 | group)) ^
                 fleet_mix((uint64_t)vg << 32 | no);
    char *p = out;

    for (size_t i = 0; i < sizeof parts; i++) {
        for (unsigned k = 0; k < parts[i]; k++) {
            r = fleet_mix(r);
            *p++ = letters[r % (sizeof letters - 1)];
        }
        *p++ = '-';
    }
    p[-1] = '\0';
}

void fleet_pv_uuid(const struct fleet_vgs *v, uint32_t group, uint32_t vg, uint32_t pv,
                   char out[FLEET_LVM_UUID])
{
    uuid_of(v, SALT_PV, group, vg, pv, out);
}

const struct fleet_vg *fleet_vg(const struct fleet_vgs *v, uint32_t group, uint32_t vg)
{
    return &v->all[group * v->shape->vgs + vg];
}

/* ---- as they are made ------------------------------------------------------------------------ */

static void place_of(const struct fleet_vgs *v, const struct fleet_vg *g, uint32_t *group,
                     uint32_t *vg)
{
    uint32_t at = (uint32_t)(g - v->all);

    *group = at / v->shape->vgs;
    *vg = at % v->shape->vgs;
}

/* Another version has another digest. */
static void seal(const struct fleet_vgs *v, struct fleet_vg *g)
{
    uint64_t r = fleet_mix(v->shape->seed ^ text_mark(g->uuid)) + g->seqno;

    snprintf(g->digest, sizeof g->digest, "%016llx%016llx", (unsigned long long)fleet_mix(r),
             (unsigned long long)fleet_mix(r ^ text_mark(g->tag)));
}

/* The names of LVs go round the PVs. */
static struct fleet_lv *lv_add(const struct fleet_vgs *v, struct fleet_vg *g, const char *name,
                               uint64_t extents)
{
    struct fleet_lv *more = realloc(g->lvs, (g->lv_count + 1) * sizeof *more), *lv;
    uint32_t group, vg;

    if (more == NULL)
        return NULL;
    g->lvs = more;
    lv = &more[g->lv_count++];
    place_of(v, g, &group, &vg);
    snprintf(lv->name, sizeof lv->name, "%s", name);
    uuid_of(v, SALT_LV, group, vg, g->made, lv->uuid);
    lv->pv = g->made++ % v->shape->pvs;
    lv->extents = extents;
    return lv;
}

static int vg_make(const struct fleet_vgs *v, struct fleet_vg *g)
{
    uint32_t group, vg;

    place_of(v, g, &group, &vg);
    snprintf(g->name, sizeof g->name, "vg-g%02u-%u", group, vg);
    uuid_of(v, SALT_VG, group, vg, 0, g->uuid);
    for (uint32_t i = 0; i < v->shape->lvs; i++) {
        char name[16];

        snprintf(name, sizeof name, "guest%u", i);
        if (lv_add(v, g, name, LV_EXTENTS) == NULL)
            return -ENOMEM;
    }
    g->seqno = 1 + v->shape->lvs;
    seal(v, g);
    return 0;
}

struct fleet_vgs *fleet_vgs_new(const struct fleet_shape *s, uint32_t nodes)
{
    struct fleet_vgs *v = calloc(1, sizeof *v);
    int rc = 0;

    if (v == NULL)
        return NULL;
    v->shape = s;
    v->groups = fleet_group(s, nodes - 1) + 1;
    v->all = calloc((size_t)v->groups * s->vgs + 1, sizeof *v->all);
    for (uint32_t i = 0; v->all != NULL && rc == 0 && i < v->groups * s->vgs; i++)
        rc = vg_make(v, &v->all[i]);
    if (v->all == NULL || rc < 0) {
        fleet_vgs_free(v);
        return NULL;
    }
    return v;
}

void fleet_vgs_free(struct fleet_vgs *v)
{
    if (v == NULL)
        return;
    for (uint32_t i = 0; v->all != NULL && i < v->groups * v->shape->vgs; i++)
        free(v->all[i].lvs);
    free(v->all);
    free(v);
}

/* ---- the fake executor ----------------------------------------------------------------------- */

static struct fleet_vg *vg_by_uuid(struct fleet_vgs *v, uint32_t group, const char *uuid)
{
    for (uint32_t i = 0; uuid != NULL && i < v->shape->vgs; i++) {
        struct fleet_vg *g = &v->all[group * v->shape->vgs + i];

        if (strcmp(g->uuid, uuid) == 0)
            return g;
    }
    return NULL;
}

static struct fleet_lv *lv_by(struct fleet_vg *g, const char *name, const char *uuid)
{
    for (uint32_t i = 0; i < g->lv_count; i++) {
        struct fleet_lv *lv = &g->lvs[i];

        if (uuid != NULL ? strcmp(lv->uuid, uuid) == 0
                         : name != NULL && strcmp(lv->name, name) == 0)
            return lv;
    }
    return NULL;
}

/* What is free on the PV beside what the LV itself has. */
static uint64_t room(const struct fleet_vg *g, uint32_t pv, const struct fleet_lv *but)
{
    uint64_t used = 0;

    for (uint32_t i = 0; i < g->lv_count; i++)
        used += g->lvs[i].pv == pv && &g->lvs[i] != but ? g->lvs[i].extents : 0;
    return FLEET_PV_EXTENTS - used;
}

static int make(struct fleet_vgs *v, struct fleet_vg *g, const struct lvm_order *o,
                struct fleet_lv **lv, const char **why)
{
    uint64_t extents = o->size_bytes / FLEET_EXTENT_BYTES;

    if (lv_by(g, o->lv, NULL) != NULL)
        *why = "There is an LV of that name already.";
    else if (extents > room(g, g->made % v->shape->pvs, NULL))
        *why = "There is no room for it.";
    else
        *lv = lv_add(v, g, o->lv, extents);
    return *why == NULL && *lv == NULL ? -ENOMEM : 0;
}

static const char *resize(struct fleet_vg *g, struct fleet_lv *lv, uint64_t bytes)
{
    uint64_t extents = bytes / FLEET_EXTENT_BYTES;

    if (extents > room(g, lv->pv, lv))
        return "There is no room for it.";
    lv->extents = extents;
    return NULL;
}

static const char *change_lv(struct fleet_vg *g, const struct lvm_order *o, struct fleet_lv *lv)
{
    if (lv == NULL)
        return "There is no such LV.";
    switch (o->op) {
    case LVM_LV_EXTEND:
    case LVM_LV_REDUCE:
        return resize(g, lv, o->size_bytes);
    case LVM_LV_RENAME:
        snprintf(lv->name, sizeof lv->name, "%s", o->new_name);
        return NULL;
    case LVM_LV_REMOVE:
        *lv = g->lvs[--g->lv_count];
        return NULL;
    default:
        return "Simulated hosts change nothing but LVs.";
    }
}

/* A node says the same of every attempt of an order that one of them has carried out. */
static int carry_out(struct fleet_vgs *v, struct fleet_vg *g, const struct lvm_order *o,
                     struct fleet_lv **lv, const char **why)
{
    int rc = 0;

    if (strcmp(g->tag, o->tag) == 0) {
        *lv = lv_by(g, o->lv, o->lv_uuid);
        return 0;
    }
    if (g->seqno != o->seqno || text_mark(g->digest) != o->mark) {
        *why = "The volume group has another version than the order says.";
        return 0;
    }
    *lv = o->op == LVM_LV_CREATE ? NULL : lv_by(g, o->lv, o->lv_uuid);
    if (o->op == LVM_LV_CREATE)
        rc = make(v, g, o, lv, why);
    else
        *why = change_lv(g, o, *lv);
    if (rc < 0 || *why != NULL)
        return rc;
    g->seqno++;
    snprintf(g->tag, sizeof g->tag, "%s", o->tag);
    seal(v, g);
    return 0;
}

int fleet_vg_change(struct fleet_vgs *v, uint32_t group, const struct lvm_order *o, struct arena *a,
                    struct lvm_result *out)
{
    struct fleet_vg *g = vg_by_uuid(v, group, o->vg_uuid);
    const char *why = g == NULL ? "There is no such volume group here." : NULL;
    struct fleet_lv *lv = NULL;
    int rc = g == NULL ? 0 : carry_out(v, g, o, &lv, &why);

    if (rc < 0)
        return rc;
    REC_SET(out, lvm_result, outcome, why == NULL ? LVM_DONE : LVM_REFUSED);
    REC_PUT(out, lvm_result, reason, why);
    if (why != NULL)
        return 0;
    REC_SET(out, lvm_result, vg_uuid, o->vg_uuid);
    REC_SET(out, lvm_result, seqno, g->seqno);
    REC_SET(out, lvm_result, mark, text_mark(g->digest));
    if (o->lv_uuid != NULL)
        REC_SET(out, lvm_result, lv_uuid, o->lv_uuid);
    else if (lv != NULL)
        REC_SET(out, lvm_result, lv_uuid, arena_strdup(a, lv->uuid));
    return REC_HAS(out, lvm_result, lv_uuid) && out->lv_uuid == NULL ? -ENOMEM : 0;
}
