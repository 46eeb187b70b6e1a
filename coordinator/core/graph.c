/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The storage graph: what lies in what, made of the containers that nodes' rows name. A relation
 * lives as long as a row of some node says it. Rows of volume groups' members (pvs, lvs), external
 * journals (filesystems) and uses make it; a partition is known by its name, and what a resource
 * lies in by its key. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "core/core_internal.h"

enum { OBJECT_KEY = KEY_MOST + 32 };

/* ---- objects and relations ------------------------------------------------------------------ */

static struct relation *relation_at(const struct link *l, bool of_parent)
{
    return of_parent ? container_of(l, struct relation, of_parent)
                     : container_of(l, struct relation, of_child);
}

/* The shorter of the two lists ends the search. */
static struct relation *relation_find(const struct object *child, const struct object *parent)
{
    const struct link *a = child->above.next, *b = parent->below.next;

    for (; a != &child->above && b != &parent->below; a = a->next, b = b->next) {
        if (relation_at(a, false)->parent == parent)
            return relation_at(a, false);
        if (relation_at(b, true)->child == child)
            return relation_at(b, true);
    }
    return NULL;
}

static struct relation *relation_for(struct object *child, struct object *parent)
{
    struct relation *r = relation_find(child, parent);

    if (r == NULL) {
        r = calloc(1, sizeof *r);
        if (r == NULL)
            return NULL;
        r->child = child;
        r->parent = parent;
        link_append(&child->above, &r->of_child);
        link_append(&parent->below, &r->of_parent);
        child->references++;
        parent->references++;
    }
    r->rows++;
    return r;
}

static void relation_drop(struct coord *c, struct relation *r);

/* A partition that nothing else refers to is held by the relation to its LUN alone. */
static void object_release(struct coord *c, struct object *o)
{
    struct relation *by_name = o->by_name;

    if (--o->references == (by_name != NULL) && by_name != NULL) {
        o->by_name = NULL;
        relation_drop(c, by_name); /* comes back here for both */
        return;
    }
    if (o->references > 0)
        return;
    map_del(c->objects, o->key, strlen(o->key));
    free(o);
}

static void relation_drop(struct coord *c, struct relation *r)
{
    struct object *child = r->child, *parent = r->parent;

    if (--r->rows > 0)
        return;
    link_remove(&r->of_child);
    link_remove(&r->of_parent);
    free(r);
    object_release(c, child);
    object_release(c, parent);
}

static struct object *object_find(const struct coord *c, const char *key)
{
    return map_get(c->objects, key, strlen(key));
}

static struct object *object_make(struct coord *c, const char *key)
{
    size_t n = strlen(key);
    struct object *o = calloc(1, sizeof *o + n + 1);

    if (o == NULL)
        return NULL;
    memcpy(o->key, key, n + 1);
    link_init(&o->above);
    link_init(&o->below);
    link_init(&o->seats);
    link_init(&o->uses);
    if (map_put(c->objects, o->key, n, o) < 0) {
        free(o);
        return NULL;
    }
    return o;
}

/* One reference more, which the caller has. */
static struct object *object_hold(struct coord *c, const char *key)
{
    size_t n = strlen(key), root = twin_root_length(key);
    struct object *o = object_find(c, key), *lun;
    char name[OBJECT_KEY];

    if (o == NULL) {
        o = object_make(c, key);
        if (o == NULL)
            return NULL;
        o->references++;
        if (root == n)
            return o;
        memcpy(name, key, root);
        name[root] = '\0';
        lun = object_hold(c, name);
        o->by_name = lun == NULL ? NULL : relation_for(o, lun);
        if (lun != NULL)
            object_release(c, lun); /* the relation has its own */
        return o->by_name == NULL ? NULL : o;
    }
    o->references++;
    return o;
}

static bool container_key(char out[OBJECT_KEY], const struct node *owner, const char *container)
{
    return strnlen(container, KEY_MOST + 1) <= KEY_MOST &&
           snprintf(out, OBJECT_KEY, "%u/%s", owner != NULL ? owner->row.no : 0, container) > 0;
}

const struct object *graph_object(const struct coord *c, const char *container)
{
    char key[OBJECT_KEY];

    return container_key(key, NULL, container) ? object_find(c, key) : NULL;
}

/* ---- resources ------------------------------------------------------------------------------ */

static bool resource_object_key(char out[OBJECT_KEY], const struct resource *r)
{
    const char *at;

    switch (r->kind) {
    case RESOURCE_LUN:
        return container_key(out, r->owner, r->key);
    case RESOURCE_VG:
        return snprintf(out, OBJECT_KEY, "0/vg.%s", r->key) < OBJECT_KEY;
    case RESOURCE_LV:
        return snprintf(out, OBJECT_KEY, "0/lv.%s", r->key) < OBJECT_KEY;
    case RESOURCE_FILESYSTEM:
        at = strchr(r->key, '@');
        return container_key(out, r->owner, at != NULL ? at + 1 : r->key);
    default:
        return false;
    }
}

int graph_seat(struct coord *c, struct resource *r)
{
    char key[OBJECT_KEY];
    struct seat *seat;

    if (!resource_object_key(key, r))
        return 0;
    seat = calloc(1, sizeof *seat);
    if (seat == NULL)
        return -ENOMEM;
    link_init(&seat->leases);
    link_init(&seat->readings);
    seat->resource = r;
    seat->object = object_hold(c, key);
    if (seat->object == NULL) {
        free(seat);
        return -ENOMEM;
    }
    link_append(&seat->object->seats, &seat->link);
    r->seat = seat;
    return 0;
}

static void seat_free(struct seat *seat)
{
    if (seat->scan != NULL) {
        text_set(&seat->scan->reason, NULL);
        text_set(&seat->scan->fingerprint, NULL);
    }
    free(seat->scan);
    free(seat->type);
    free(seat->images);
    free(seat);
}

void graph_unseat(struct coord *c, struct resource *r)
{
    struct seat *seat = r->seat;

    if (seat == NULL)
        return;
    r->seat = NULL;
    if (seat->scan != NULL)
        learnt_drop(&c->learnt, seat->scan->ms);
    link_remove(&seat->link);
    object_release(c, seat->object);
    seat_free(seat);
}

int seat_type(struct resource *r, const char *type)
{
    int rc;

    if (r->seat == NULL || text_same(r->seat->type, type))
        return 0;
    rc = text_set((const char **)&r->seat->type, type);
    return rc < 0 ? rc : 1;
}

/* ---- rows ----------------------------------------------------------------------------------- */

/* That the child lies in the parent, as the row says; NULL: it says nothing of that any more. */
static int row_relate(struct coord *c, struct row *row, const char *child, const char *parent)
{
    struct relation *was = row->relation;
    struct object *below, *above;

    row->relation = NULL;
    if (child != NULL) {
        below = object_hold(c, child);
        above = below == NULL ? NULL : object_hold(c, parent);
        row->relation = above == NULL ? NULL : relation_for(below, above);
        if (below != NULL && above != NULL) {
            object_release(c, below);
            object_release(c, above);
        }
    }
    if (was != NULL)
        relation_drop(c, was);
    return child != NULL && row->relation == NULL ? -ENOMEM : 0;
}

/* A UUID that is no longer than a UUID may be. */
static bool is_uuid(const char *s)
{
    return s != NULL && *s != '\0' && strnlen(s, 65) <= 64;
}

static const struct node *owner_of(const struct node *n, const char *container)
{
    return container_is_local(container) ? n : NULL;
}

static int pv_set(struct coord *c, const struct node *n, struct row *row,
                  const struct inventory_row *kept)
{
    char vg[OBJECT_KEY], container[OBJECT_KEY];

    if (!is_uuid(kept->above) || kept->container == NULL ||
        !container_key(container, owner_of(n, kept->container), kept->container))
        return row_relate(c, row, NULL, NULL);
    snprintf(vg, sizeof vg, "0/vg.%s", kept->above);
    return row_relate(c, row, vg, container);
}

static int lv_set(struct coord *c, struct row *row, const struct inventory_row *kept)
{
    char lv[OBJECT_KEY], vg[OBJECT_KEY];

    if (!is_uuid(kept->above) || strnlen(row->key, KEY_MOST) == KEY_MOST)
        return row_relate(c, row, NULL, NULL);
    snprintf(lv, sizeof lv, "0/lv.%s", row->key);
    snprintf(vg, sizeof vg, "0/vg.%s", kept->above);
    return row_relate(c, row, lv, vg);
}

/* It lies in its journal's container too, which the journal's UUID leads to. */
static int journal_set(struct coord *c, const struct node *n, struct row *row,
                       const struct inventory_row *kept)
{
    char container[OBJECT_KEY], journal[OBJECT_KEY];

    if (!is_uuid(kept->above) || !container_key(container, owner_of(n, row->key), row->key))
        return row_relate(c, row, NULL, NULL);
    snprintf(journal, sizeof journal, "0/fs.%s", kept->above);
    return row_relate(c, row, container, journal);
}

static void use_drop(struct coord *c, struct row *row)
{
    struct use_at *u = row->use;

    row->use = NULL;
    if (u == NULL)
        return;
    link_remove(&u->link);
    object_release(c, u->object);
    free(u);
}

static int use_set(struct coord *c, struct node *n, struct row *row,
                   const struct inventory_row *kept)
{
    char key[OBJECT_KEY];
    struct use_at *u;

    use_drop(c, row);
    if (use_mark_kind(kept->mark) == USE_NONE || kept->container == NULL ||
        !container_key(key, owner_of(n, kept->container), kept->container))
        return 0;
    u = calloc(1, sizeof *u);
    if (u == NULL)
        return -ENOMEM;
    u->node = n;
    u->mark = kept->mark;
    u->object = object_hold(c, key);
    if (u->object == NULL) {
        free(u);
        return -ENOMEM;
    }
    link_append(&u->object->uses, &u->link);
    row->use = u;
    return 0;
}

int graph_row_set(struct coord *c, struct node *n, enum section_id id, struct row *row,
                  const struct inventory_row *kept)
{
    switch (id) {
    case SECTION_PVS:
        return pv_set(c, n, row, kept);
    case SECTION_LVS:
        return lv_set(c, row, kept);
    case SECTION_FILESYSTEMS:
        return journal_set(c, n, row, kept);
    case SECTION_USES:
        return use_set(c, n, row, kept);
    default:
        return 0;
    }
}

void graph_row_drop(struct coord *c, enum section_id id, struct row *row)
{
    if (id == SECTION_USES)
        use_drop(c, row);
    if (row->relation != NULL)
        relation_drop(c, row->relation);
    row->relation = NULL;
}

void graph_free_all(struct coord *c)
{
    struct resource *r;
    struct object *o;
    size_t it = 0;

    while (c->resources != NULL && (r = map_next(c->resources, &it)) != NULL) {
        if (r->seat != NULL)
            seat_free(r->seat);
        r->seat = NULL;
    }
    it = 0;
    while (c->objects != NULL && (o = map_next(c->objects, &it)) != NULL) {
        for (struct link *l = o->above.next, *next; l != &o->above; l = next) {
            next = l->next;
            free(relation_at(l, false));
        }
        for (struct link *l = o->uses.next, *next; l != &o->uses; l = next) {
            next = l->next;
            free(container_of(l, struct use_at, link));
        }
        free(o);
    }
    map_free(c->objects);
}
