/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "core/impact.h"

#include <errno.h>
#include <stdlib.h>

#include "core/impact_internal.h"

static const char *const kind_names[] = { "partition",  "pv",    "vg", "lv",
                                          "filesystem", "image", "use" };

struct impact *impact_new(const struct impact_facts *f, struct arena *a)
{
    struct impact *im = arena_zalloc(a, sizeof *im);

    if (im == NULL)
        return NULL;
    im->f = f;
    im->ch.a = a;
    im->v = arena_array(a, EVIDENCE_MOST, sizeof *im->v);
    im->pvs = arena_array(a, EVIDENCE_MOST, sizeof(const struct thing *));
    im->n = 1;
    return im->v == NULL || im->pvs == NULL ? NULL : im;
}

/* ---- things --------------------------------------------------------------------------------- */

uint32_t impact_hash(const char *text)
{
    uint32_t h = 2166136261u; /* FNV-1a: it only saves comparisons */

    for (; *text != '\0'; text++)
        h = (h ^ (unsigned char)*text) * 16777619u;
    return h;
}

static struct thing *thing_find(struct impact *im, enum kind kind, const char *key, uint32_t hash)
{
    for (size_t i = 1; i < im->n; i++) {
        struct thing *t = &im->v[i];

        if (t->hash == hash && t->kind == kind && strcmp(t->key, key) == 0)
            return t;
    }
    return NULL;
}

/* NULL: there is no room for it, or this node's has been looked at. `name` and `text` are copied
 * when it is new. */
static struct thing *thing_add(struct impact *im, const struct thing *parent, enum kind kind,
                               const char *key, const char *name, const char *text)
{
    uint32_t hash = impact_hash(key);
    struct thing *t = thing_find(im, kind, key, hash);

    if (t == NULL) {
        im->full = im->full || im->n == EVIDENCE_MOST;
        if (im->full)
            return NULL;
        t = &im->v[im->n++];
        *t = (struct thing){ .kind = kind, .hash = hash, .depth = parent->depth + 1 };
        t->key = chain_text(&im->ch, "%s", key);
        t->name = chain_text(&im->ch, "%s", name != NULL ? name : key);
        t->text = chain_text(&im->ch, "%s", text);
        t->parent = (uint32_t)(parent - im->v);
    }
    if (t->seen == im->at)
        return NULL;
    t->seen = im->at;
    t->nodes++;
    return t;
}

/* ---- one node: from a container up ---------------------------------------------------------- */

static void visit_container(struct impact *im, const struct thing *t, const char *container);

static const char *or_none(const char *text)
{
    return text != NULL ? text : "?";
}

static const char *size_text(struct impact *im, bool known, uint64_t bytes)
{
    char size[24];

    return known ? chain_text(&im->ch, ", %s", bytes_text(bytes, size)) : "";
}

static const char *use_text(struct impact *im, const struct use *u)
{
    static const char *const words[][2] = {
        { "mount", "mounted at" },    { "swap", "in use as swap:" }, { "loop", "read by" },
        { "xen", "a guest's disk:" }, { "open", "held open by" },    { "dm", "under the map" },
        { "md", "in the MD array" },
    };
    const char *how = "in use by";

    for (size_t i = 0; i < ARRAY_LEN(words); i++) {
        if (text_is(u->kind, words[i][0]))
            how = words[i][1];
    }
    return chain_text(&im->ch, "On %s %s is %s %s%s%s%s.", im->f->nodes[im->at - 1].name,
                      or_none(u->device != NULL ? u->device : u->container), how,
                      or_none(u->used_by), u->file != NULL ? ", the file " : "",
                      u->file != NULL ? u->file : "", u->read_only ? ", read-only" : "");
}

static void visit_use(struct impact *im, const struct thing *t, const struct use *u)
{
    const char *key = chain_text(&im->ch, "%s/%s", im->f->nodes[im->at - 1].name, u->key);

    thing_add(im, t, USE, key, u->used_by, use_text(im, u));
}

/* `maps`: those that stand on it too; else what stands there is told by its own row. */
static void visit_uses(struct impact *im, const struct thing *t, const char *container, bool maps)
{
    const struct section *s = &im->sections[SECTION_USES];

    for (size_t i = 0; i < s->row_count; i++) {
        const struct use *u = section_row(s, i);

        if (text_is(u->container, container) && (maps || !text_is(u->kind, "dm")))
            visit_use(im, t, u);
    }
}

static void visit_lv(struct impact *im, const struct thing *t, const struct lv *lv)
{
    const char *name =
        chain_text(&im->ch, "%s/%s", or_none(lv->vg_name), lv->name != NULL ? lv->name : lv->uuid);
    const struct thing *mine = thing_add(
        im, t, LV, lv->uuid, name,
        chain_text(&im->ch, "The logical volume %s (%s%s) is on it", name, or_none(lv->type),
                   size_text(im, REC_HAS(lv, lv, size_bytes), lv->size_bytes)));

    if (mine != NULL)
        visit_container(im, mine, chain_text(&im->ch, "lv.%s", lv->uuid));
}

/* Those that lie on this PV; NULL: all of the group. */
static void visit_lvs(struct impact *im, const struct thing *t, const char *vg, const char *pv)
{
    const struct section *s = &im->sections[SECTION_LVS];

    for (size_t i = 0; i < s->row_count; i++) {
        const struct lv *lv = section_row(s, i);
        bool on_it = pv == NULL || lv->pvs.n == 0;

        for (size_t k = 0; !on_it && k < lv->pvs.n; k++)
            on_it = strcmp(lv->pvs.v[k], pv) == 0;
        if (on_it && text_is(lv->vg_uuid, vg))
            visit_lv(im, t, lv);
    }
}

static void visit_pv(struct impact *im, const struct thing *t, const struct pv *pv)
{
    struct thing *mine =
        thing_add(im, t, PV, pv->uuid, NULL,
                  chain_text(&im->ch, "PV %s of %s lies on it", pv->uuid,
                             pv->vg_name != NULL ? pv->vg_name : "no volume group"));
    const struct vg *vg;
    struct thing *group;

    if (mine == NULL || pv->vg_uuid == NULL)
        return;
    mine->vg = chain_text(&im->ch, "%s", pv->vg_uuid);
    vg = rows_find(im->sections, SECTION_VGS, pv->vg_uuid);
    thing_add(im, mine, VG, pv->vg_uuid, pv->vg_name, "");
    group = thing_find(im, VG, pv->vg_uuid, impact_hash(pv->vg_uuid));
    if (group == NULL)
        return;
    if (vg != NULL && vg->pvs > group->pvs)
        group->pvs = vg->pvs;
    visit_lvs(im, group, pv->vg_uuid, pv->uuid);
}

static void visit_filesystem(struct impact *im, const struct thing *t, const struct filesystem *fs)
{
    const char *name = fs->label != NULL ? fs->label : fs->uuid != NULL ? fs->uuid : fs->container;

    struct thing *mine =
        thing_add(im, t, FILESYSTEM, fs->container, name,
                  chain_text(&im->ch, "The filesystem %s (%s%s) is in it", name, or_none(fs->type),
                             size_text(im, REC_HAS(fs, filesystem, size_bytes), fs->size_bytes)));

    if (mine != NULL && mine->resource == NULL)
        mine->resource =
            chain_text(&im->ch, "%s@%s", fs->uuid != NULL ? fs->uuid : "", fs->container);
}

static void visit_container(struct impact *im, const struct thing *t, const char *container)
{
    const struct section *parts = &im->sections[SECTION_PARTITIONS];
    const struct section *pvs = &im->sections[SECTION_PVS];
    const struct filesystem *fs = rows_find(im->sections, SECTION_FILESYSTEMS, container);
    bool maps = true;

    if (t->depth > EVIDENCE_DEEPEST)
        return;
    for (size_t i = 0; i < parts->row_count; i++) {
        const struct partition *p = section_row(parts, i);
        const struct thing *mine;

        if (!text_is(p->container, container))
            continue;
        maps = false;
        mine = thing_add(
            im, t, PARTITION, p->key, NULL,
            chain_text(&im->ch, "Partition %llu%s is on it", (unsigned long long)p->number,
                       size_text(im, REC_HAS(p, partition, size_bytes), p->size_bytes)));
        if (mine != NULL)
            visit_container(im, mine, p->key);
    }
    for (size_t i = 0; i < pvs->row_count; i++) {
        const struct pv *pv = section_row(pvs, i);

        if (!text_is(pv->container, container))
            continue;
        maps = false;
        visit_pv(im, t, pv);
    }
    if (fs != NULL)
        visit_filesystem(im, t, fs);
    visit_uses(im, t, container, maps);
}

static bool ends_in(const char *text, const char *end)
{
    size_t n = text != NULL ? strlen(text) : 0, m = strlen(end);

    return n >= m && strcmp(text + n - m, end) == 0;
}

/* Who has the file open, in the filesystem in this container: by the end of its path, which begins
 * where the node has that mounted. */
static void visit_file(struct impact *im, const char *container, const char *path)
{
    const struct section *s = &im->sections[SECTION_USES];

    for (size_t i = 0; i < s->row_count; i++) {
        const struct use *u = section_row(s, i);

        if (text_is(u->container, container) && ends_in(u->file, path))
            visit_use(im, &im->v[0], u);
    }
}

/* All that the node has in use; of maps what stands on them tells. */
static void visit_node(struct impact *im)
{
    const struct section *s = &im->sections[SECTION_USES];

    for (size_t i = 0; i < s->row_count; i++) {
        const struct use *u = section_row(s, i);

        if (!text_is(u->kind, "dm") && !text_is(u->kind, "md"))
            visit_use(im, &im->v[0], u);
    }
}

int impact_add(struct impact *im, size_t i, const struct section *sections)
{
    im->at = i + 1;
    im->sections = sections;
    switch (im->f->kind) {
    case RESOURCE_LUN:
        visit_container(im, &im->v[0], im->f->key);
        break;
    case RESOURCE_VG:
        visit_lvs(im, &im->v[0], im->f->key, NULL);
        break;
    case RESOURCE_LV:
        visit_container(im, &im->v[0], chain_text(&im->ch, "lv.%s", im->f->key));
        break;
    case RESOURCE_FILESYSTEM:
        visit_uses(im, &im->v[0], key_container(im->f->key), true);
        break;
    case RESOURCE_IMAGE:
        visit_file(im, key_container(im->f->filesystem), im->f->key);
        break;
    default:
        visit_node(im);
    }
    impact_effects(im);
    return im->ch.failed ? -ENOMEM : 0;
}

/* ---- the answer ----------------------------------------------------------------------------- */

static int by_place(const void *a, const void *b)
{
    const struct thing *x = *(const struct thing *const *)a, *y = *(const struct thing *const *)b;
    int order;

    if (x->parent != y->parent)
        return x->parent < y->parent ? -1 : 1;
    if (x->kind != y->kind)
        return x->kind < y->kind ? -1 : 1;
    order = strcmp(x->name, y->name);
    return order != 0 ? order : strcmp(x->key, y->key);
}

static const char *group_text(struct impact *im, const struct thing *vg)
{
    uint64_t lost = 0;

    for (size_t i = 1; i < im->n; i++)
        lost += im->v[i].kind == PV && im->v[i].vg != NULL && strcmp(im->v[i].vg, vg->key) == 0;
    return chain_text(&im->ch, "The volume group %s loses %llu of its %llu PVs with it", vg->name,
                      (unsigned long long)lost,
                      (unsigned long long)(vg->pvs > lost ? vg->pvs : lost));
}

static void tell(struct impact *im, struct thing *t)
{
    const char *text = t->kind == VG ? group_text(im, t) : t->text;

    impact_tell(im, t, kind_names[t->kind]);
    if (t->more > 0)
        chain_add(&im->ch, t->depth + 1, "image", "more", "info", NULL,
                  "%llu more images are in it than those that are listed.",
                  (unsigned long long)t->more);
    if (t->kind == USE)
        chain_add(&im->ch, t->depth, kind_names[t->kind], t->name, "info", NULL, "%s", text);
    else
        chain_add(&im->ch, t->depth, kind_names[t->kind], t->name, "info", NULL,
                  "%s, on %u node%s.", text, t->nodes, t->nodes == 1 ? "" : "s");
}

/* The children of each thing lie together, in order of their parents. */
static void tell_below(struct impact *im, struct thing *const *order, uint32_t parent)
{
    size_t low = 0, high = im->n - 1;

    while (low < high) {
        size_t mid = low + (high - low) / 2;

        if (order[mid]->parent < parent)
            low = mid + 1;
        else
            high = mid;
    }
    for (; low < im->n - 1 && order[low]->parent == parent; low++) {
        tell(im, order[low]);
        tell_below(im, order, (uint32_t)(order[low] - im->v));
    }
}

static void tell_limits(struct impact *im)
{
    if (im->full)
        chain_add(&im->ch, 1, "section", "limit", "info", NULL,
                  "There is more than the %d things that are listed.", EVIDENCE_MOST - 1);
    if (im->f->left_out > 0)
        chain_add(&im->ch, 1, "section", "limit", "info", NULL,
                  "What depends on it is told from %zu nodes; %zu more see it.", im->f->node_count,
                  im->f->left_out);
}

int impact_finish(struct impact *im, struct reply *reply)
{
    struct thing **order = arena_array(im->ch.a, im->n, sizeof *order);
    const struct evidence *first = reply->evidence.v;
    struct evidence *all;
    size_t n = reply->evidence.n;

    im->dependents = arena_array(im->ch.a, im->n, sizeof *im->dependents);
    if (order == NULL || im->dependents == NULL)
        return -ENOMEM;
    for (size_t i = 1; i < im->n; i++)
        order[i - 1] = &im->v[i];
    qsort(order, im->n - 1, sizeof(struct thing *), by_place);
    tell_below(im, order, 0);
    tell_limits(im);
    all = arena_array(im->ch.a, n + im->ch.n, sizeof *all);
    if (im->ch.failed || all == NULL)
        return -ENOMEM;
    for (size_t i = 0; i < n + im->ch.n; i++)
        all[i] = i < n ? first[i] : im->ch.v[i - n];
    REC_SET(reply, reply, evidence, ((struct recs){ all, n + im->ch.n }));
    REC_SET(reply, reply, dependents, ((struct recs){ im->dependents, im->dependent_count }));
    return 0;
}
