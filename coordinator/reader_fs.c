/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "reader_fs.h"

#include <errno.h>

#include "base/map.h"
#include "core/reach_info.h"

enum {
    USES_MOST = 65536,     /* in one answer */
    REACHES_MOST = 65536,  /* the same */
    CONTAINERS_MOST = 256, /* that one filesystem lies in or is made of */
};

/* What one filesystem lies in and is made of: containers from the inside out. */
struct below {
    const char *v[CONTAINERS_MOST];
    bool under_lv[CONTAINERS_MOST]; /* the maps that stand on it are LVM's, of any logical volume */
    size_t n;
};

struct list {
    struct store_reader *store;
    const struct fs_list_facts *f;
    struct arena *a;
    struct err *e;
    struct map *known; /* container -> struct store_found: many filesystems lie in one LUN */
    struct use_info *uses;
    size_t n, cap;
    struct fs_info *told; /* what they are */
    size_t told_count;
    struct reach_info *reaches; /* who reaches them */
    size_t reach_count, reach_cap;
    const struct fs_wanted *of; /* whose are being read */
    bool more;
};

/* ---- containers ----------------------------------------------------------------------------- */

static void below_add(struct list *l, struct below *b, const char *container, bool under_lv)
{
    for (size_t i = 0; i < b->n; i++) {
        if (strcmp(b->v[i], container) == 0)
            return;
    }
    if (b->n == CONTAINERS_MOST) {
        l->more = true;
        return;
    }
    b->under_lv[b->n] = under_lv;
    b->v[b->n++] = container;
}

/* The container of LUN-partN is LUN: by its name, so that it needs no row. NULL: no partition. */
static int disk_of(struct arena *a, const char *container, const char **out)
{
    size_t n = strlen(container), digits = n;

    while (digits > 0 && container[digits - 1] >= '0' && container[digits - 1] <= '9')
        digits--;
    *out = NULL;
    if (digits == n || digits < 6 || strncmp(container + digits - 5, "-part", 5) != 0)
        return 0;
    *out = arena_strndup(a, container, digits - 5);
    return *out == NULL ? -ENOMEM : 0;
}

static int below_lv(struct list *l, struct below *b, uint32_t node_no, const char *uuid)
{
    struct store_found lvs, pvs;
    int rc = store_look_up(l->store, LOOKUP_LV, uuid, node_no, 1, l->a, &lvs, l->e);
    const struct lv *lv = lvs.rows;

    for (size_t i = 0; rc == 0 && lvs.n > 0 && i < lv->pvs.n; i++) {
        const struct pv *pv;

        rc = store_look_up(l->store, LOOKUP_PV, lv->pvs.v[i], node_no, 1, l->a, &pvs, l->e);
        pv = pvs.rows;
        if (rc == 0 && pvs.n > 0 && pv->container != NULL)
            below_add(l, b, pv->container, true);
    }
    return rc;
}

/* The devices of a filesystem that has several, and its journal where that lies elsewhere. */
static int below_members(struct list *l, struct below *b, const struct fs_wanted *w)
{
    struct store_found found, more = { 0 };
    int rc =
        store_look_up(l->store, LOOKUP_FILESYSTEM, w->container, w->node_no, 1, l->a, &found, l->e);
    const struct filesystem *fs = found.rows;
    const char *uuid = NULL;

    if (rc != 0 || found.n == 0)
        return rc;
    if (fs->journal_uuid != NULL)
        uuid = fs->journal_uuid;
    else if (fs->members > 1)
        uuid = fs->uuid;
    if (uuid != NULL)
        rc = store_look_up(l->store, LOOKUP_MEMBERS, uuid, w->node_no, CONTAINERS_MOST, l->a, &more,
                           l->e);
    for (size_t i = 0; rc == 0 && i < more.n; i++)
        below_add(l, b, ((const struct filesystem *)more.rows)[i].container, false);
    return rc;
}

static int below_all(struct list *l, struct below *b, const struct fs_wanted *w)
{
    int rc = 0;

    below_add(l, b, w->container, false);
    if (w->seen)
        rc = below_members(l, b, w);
    for (size_t i = 0; rc == 0 && i < b->n; i++) {
        const char *disk;

        if (strncmp(b->v[i], "lv.", 3) == 0) {
            rc = w->seen ? below_lv(l, b, w->node_no, b->v[i] + 3) : 0;
            continue;
        }
        rc = disk_of(l->a, b->v[i], &disk);
        if (rc == 0 && disk != NULL)
            below_add(l, b, disk, b->under_lv[i]);
    }
    return rc;
}

/* ---- uses ----------------------------------------------------------------------------------- */

static const struct fs_node *node_of(const struct fs_list_facts *f, uint32_t no)
{
    size_t low = 0, high = f->node_count;

    while (low < high) {
        size_t mid = low + (high - low) / 2;

        if (f->nodes[mid].no < no)
            low = mid + 1;
        else
            high = mid;
    }
    return low < f->node_count && f->nodes[low].no == no ? &f->nodes[low] : NULL;
}

static struct use_info *room(struct list *l)
{
    size_t cap = l->cap == 0 ? 64 : 2 * l->cap;
    struct use_info *more;

    if (l->n < l->cap)
        return &l->uses[l->n++];
    more = arena_array(l->a, cap, sizeof *more);
    if (more == NULL)
        return NULL;
    for (size_t i = 0; i < l->n; i++)
        more[i] = l->uses[i];
    l->uses = more;
    l->cap = cap;
    return &l->uses[l->n++];
}

static int add_use(struct list *l, const struct fs_wanted *w, const struct fs_node *n,
                   const struct use *u)
{
    struct use_info *out = room(l);

    if (out == NULL)
        return -ENOMEM;
    REC_SET(out, use_info, node, n->index);
    REC_SET(out, use_info, resource, w->index);
    if (u->kind != NULL)
        REC_SET(out, use_info, kind, u->kind);
    REC_SET(out, use_info, container, u->container);
    if (u->device != NULL)
        REC_SET(out, use_info, device, u->device);
    if (u->used_by != NULL)
        REC_SET(out, use_info, used_by, u->used_by);
    if (u->type != NULL)
        REC_SET(out, use_info, type, u->type);
    if (REC_HAS(u, use, read_only))
        REC_SET(out, use_info, read_only, u->read_only);
    if (u->file != NULL)
        REC_SET(out, use_info, file, u->file);
    if (n->age_ms >= 0)
        REC_SET(out, use_info, age_ms, n->age_ms);
    return 0;
}

/* Each container is looked up once. */
static int find_uses(struct list *l, const char *container, const struct store_found **out)
{
    size_t n = strlen(container);
    struct store_found *found = map_get(l->known, container, n);
    int rc;

    *out = found;
    if (found != NULL)
        return 0;
    *out = found = arena_zalloc(l->a, sizeof *found);
    if (found == NULL)
        return -ENOMEM;
    rc = store_look_up(l->store, LOOKUP_USES, container, 0, USES_MOST, l->a, found, l->e);
    l->more = l->more || found->more;
    return rc == 0 ? map_put(l->known, container, n, found) : rc;
}

static int uses_of(struct list *l, const struct fs_wanted *w, const char *container, bool under_lv)
{
    const struct store_found *found;
    int rc = find_uses(l, container, &found);

    for (size_t i = 0; rc == 0 && i < found->n; i++) {
        const struct use *u = (const struct use *)found->rows + i;
        const struct fs_node *n = node_of(l->f, found->node_no[i]);
        bool map = u->kind != NULL && strcmp(u->kind, "dm") == 0;

        if (n == NULL || (under_lv && map) || (w->owned && w->owner_no != n->no))
            continue;
        if (l->n == USES_MOST) {
            l->more = true;
            break;
        }
        rc = add_use(l, w, n, u);
    }
    return rc;
}

static int list_uses(struct list *l)
{
    int rc = 0;

    for (size_t i = 0; rc == 0 && i < l->f->fs_count && l->n < USES_MOST; i++) {
        struct below b = { .n = 0 };

        rc = below_all(l, &b, &l->f->fs[i]);
        for (size_t k = 0; rc == 0 && k < b.n; k++)
            rc = uses_of(l, &l->f->fs[i], b.v[k], b.under_lv[k]);
    }
    return rc;
}

/* ---- what they are -------------------------------------------------------------------------- */

/* In the same container there may be another one by now. */
static int tell(struct list *l, const struct fs_wanted *w)
{
    struct fs_info *out = &l->told[l->told_count];
    struct store_found found;
    int rc =
        store_look_up(l->store, LOOKUP_FILESYSTEM, w->container, w->row_no, 1, l->a, &found, l->e);
    const struct filesystem *fs = found.rows;

    if (rc != 0 || found.n == 0 || strcmp(fs->uuid != NULL ? fs->uuid : "", w->uuid) != 0)
        return rc;
    l->told_count++;
    REC_SET(out, fs_info, resource, w->index);
    if (fs->type != NULL)
        REC_SET(out, fs_info, type, fs->type);
    if (fs->label != NULL)
        REC_SET(out, fs_info, label, fs->label);
    if (REC_HAS(fs, filesystem, size_bytes))
        REC_SET(out, fs_info, size_bytes, fs->size_bytes);
    return 0;
}

static int tell_all(struct list *l)
{
    int rc = 0;

    l->told = arena_array(l->a, l->f->fs_count, sizeof *l->told);
    if (l->told == NULL)
        return -ENOMEM;
    for (size_t i = 0; rc == 0 && i < l->f->fs_count; i++)
        rc = l->f->fs[i].row_no != 0 ? tell(l, &l->f->fs[i]) : 0;
    return rc;
}

/* ---- who reaches them ----------------------------------------------------------------------- */

static struct reach_info *reach_room(struct list *l)
{
    size_t cap = l->reach_cap == 0 ? 64 : 2 * l->reach_cap;
    struct reach_info *more;

    if (l->reach_count < l->reach_cap)
        return &l->reaches[l->reach_count++];
    more = arena_array(l->a, cap, sizeof *more);
    if (more == NULL)
        return NULL;
    for (size_t i = 0; i < l->reach_count; i++)
        more[i] = l->reaches[i];
    l->reaches = more;
    l->reach_cap = cap;
    return &l->reaches[l->reach_count++];
}

static int add_reach(void *ctx, const struct reach_row *row)
{
    struct list *l = ctx;
    const struct fs_node *n = node_of(l->f, row->node_no);
    struct reach_info *out;

    if (n == NULL)
        return 0;
    l->more = l->more || l->reach_count == REACHES_MOST;
    if (l->reach_count == REACHES_MOST)
        return 1;
    out = reach_room(l);
    return out == NULL ? -ENOMEM : reach_info_fill(l->a, row, n, l->of->index, out);
}

static int list_reaches(struct list *l)
{
    int rc = 0;

    for (size_t i = 0; rc == 0 && i < l->f->fs_count && l->reach_count < REACHES_MOST; i++) {
        l->of = &l->f->fs[i];
        if (l->of->no != 0)
            rc = store_read_reach(l->store, l->of->no, 0, l->a, add_reach, l, l->e);
    }
    return rc;
}

int reader_fs_list(struct store_reader *store, const struct fs_list_facts *f, struct arena *a,
                   struct reply *reply, struct err *e)
{
    struct list l = { .store = store, .f = f, .a = a, .e = e };
    int rc;

    /* The names of nodes' devices are in it for the time of one answer: no seed is needed. */
    l.known = map_new((const uint8_t[16]){ 0 });
    if (l.known == NULL)
        return -ENOMEM;
    rc = store_read_begin(store, e);
    if (rc == 0)
        rc = list_uses(&l);
    if (rc == 0)
        rc = tell_all(&l);
    if (rc == 0)
        rc = list_reaches(&l);
    store_read_end(store);
    map_free(l.known);
    if (rc != 0)
        return rc;
    REC_SET(reply, reply, uses, ((struct recs){ l.uses, l.n }));
    REC_SET(reply, reply, filesystems, ((struct recs){ l.told, l.told_count }));
    if (l.reach_count > 0)
        REC_SET(reply, reply, reaches, ((struct recs){ l.reaches, l.reach_count }));
    if (l.more)
        REC_SET(reply, reply, more, true);
    return 0;
}
