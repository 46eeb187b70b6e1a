/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What meets a resource: its own object, all that it lies in and all that lies in it, and the same
 * of what may be the same storage under another name (its conflict class). And whether the graph is
 * what it should be. */
#include <errno.h>
#include <stdio.h>

#include "core/core_internal.h"

enum { CHAIN_MOST = 12 };

struct walk {
    const struct coord *c;
    uint32_t no;
    struct object *first, *last;  /* all that were met */
    struct object *queue, **tail; /* those with something to do */
    int rc;
};

static void meet(struct walk *w, struct object *o, uint8_t roles, struct object *from)
{
    if (o->seen != w->no) {
        o->seen = w->no;
        o->roles = o->todo = 0;
        o->from = from;
        o->next = NULL;
        *(w->first == NULL ? &w->first : &w->last->next) = o;
        w->last = o;
    }
    if ((roles & ~o->roles) == 0)
        return;
    if (o->todo == 0) {
        o->queued = NULL;
        *w->tail = o;
        w->tail = &o->queued;
    }
    o->todo |= (uint8_t)(roles & ~o->roles);
    o->roles |= roles;
}

/* Other containers that may be, or are, of one storage with the filesystem. */
static void meet_class(struct walk *w, struct object *o, const struct twin *t, uint8_t roles)
{
    struct twins *all = t->of;

    if (all->count < 2)
        return;
    w->rc = twins_tell(w->c, all);
    for (uint32_t i = 0; w->rc == 0 && t->joint && i < all->count; i++) {
        const struct twin *other = all->sorted[i];

        if (other != t && other->joint && other->first == t->first)
            meet(w, other->resource->seat->object, roles, o);
    }
}

static struct object *journal_of(const struct coord *c, const struct resource *r)
{
    const char *at = strchr(r->key, '@');
    char key[KEY_MOST + 32];
    int n;

    if (r->kind != RESOURCE_FILESYSTEM || at == NULL || at == r->key)
        return NULL;
    n = snprintf(key, sizeof key, "0/fs.%.*s", (int)(at - r->key), r->key);
    return map_get(c->objects, key, (size_t)n);
}

/* From a journal's UUID to what carries it. */
static void meet_carriers(struct walk *w, struct object *o)
{
    const struct twins *t;
    char key[KEY_MOST + 32];
    int n;

    if (strncmp(o->key, "0/fs.", 5) != 0)
        return;
    n = snprintf(key, sizeof key, "fs/%s", o->key + 5);
    t = map_get(w->c->twins, key, (size_t)n);
    for (const struct link *l = t != NULL ? t->list.next : NULL; l != NULL && l != &t->list;
         l = l->next)
        meet(w, twin_at(l)->resource->seat->object, ROLE_UP, o);
}

static void go_up(struct walk *w, struct object *o)
{
    for (struct link *l = o->above.next; l != &o->above; l = l->next)
        meet(w, container_of(l, struct relation, of_child)->parent, ROLE_UP, o);
    meet_carriers(w, o);
}

static void go_down(struct walk *w, struct object *o)
{
    for (struct link *l = o->below.next; l != &o->below; l = l->next)
        meet(w, container_of(l, struct relation, of_parent)->child, ROLE_DOWN, o);
}

static void go_seats(struct walk *w, struct object *o, uint8_t todo)
{
    for (struct link *l = o->seats.next; w->rc == 0 && l != &o->seats; l = l->next) {
        const struct resource *r = container_of(l, struct seat, link)->resource;
        struct object *journal = journal_of(w->c, r);

        if (journal != NULL && (todo & ROLE_DOWN) != 0)
            meet(w, journal, ROLE_DOWN, o);
        if (r->twin != NULL)
            meet_class(w, o, r->twin,
                       (uint8_t)((todo & ROLE_DOWN) != 0 ? ROLE_UP | ROLE_DOWN : ROLE_UP));
    }
}

struct object *graph_walk(const struct coord *c, const struct resource *r, int *rc)
{
    struct walk w = { .c = c, .no = ++*c->walks, .tail = &w.queue };

    if (r->seat != NULL)
        meet(&w, r->seat->object, ROLE_UP | ROLE_DOWN, NULL);
    while (w.queue != NULL && w.rc == 0) {
        struct object *o = w.queue;
        uint8_t todo = o->todo;

        w.queue = o->queued;
        if (w.queue == NULL)
            w.tail = &w.queue;
        o->todo = 0;
        if ((todo & ROLE_UP) != 0)
            go_up(&w, o);
        if ((todo & ROLE_DOWN) != 0)
            go_down(&w, o);
        go_seats(&w, o, todo);
    }
    *rc = w.rc;
    return w.first;
}

/* ---- names ---------------------------------------------------------------------------------- */

/* "volume group vg0" */
static const char *object_name(const struct coord *c, struct arena *a, const struct object *o)
{
    const char *name = strchr(o->key, '/') + 1, *what = "";
    char label[200];

    for (const struct link *l = o->seats.next; l != &o->seats; l = l->next) {
        const struct resource *r = container_of(l, struct seat, link)->resource;

        if (r->kind == RESOURCE_FILESYSTEM && l->next != &o->seats)
            continue; /* what it lies in says more */
        what = r->kind == RESOURCE_LUN  ? "LUN "
               : r->kind == RESOURCE_VG ? "volume group "
               : r->kind == RESOURCE_LV ? "logical volume "
               : o->by_name != NULL     ? "partition "
                                        : "";
        if (r->kind == RESOURCE_FILESYSTEM)
            break;
        resource_label_in(r, label, sizeof label);
        return arena_printf(a, "%s%s", what, label);
    }
    (void)c;
    if (strncmp(o->key, "0/fs.", 5) == 0)
        return arena_printf(a, "journal %s", o->key + 5);
    return arena_printf(a, "%s%s", *what == '\0' && o->by_name != NULL ? "partition " : what, name);
}

const char *graph_chain(const struct coord *c, struct arena *a, const struct object *o)
{
    const struct object *v[CHAIN_MOST];
    const char *text = "";
    bool up = (o->roles & ROLE_DOWN) == 0;
    size_t n = 0;

    for (const struct object *at = o; at != NULL && n < CHAIN_MOST; at = at->from)
        v[n++] = at;
    if (n < 2)
        return "";
    for (size_t i = 0; i < n; i++) {
        const char *name = object_name(c, a, v[up ? i : n - 1 - i]);

        text = name == NULL ? NULL : arena_printf(a, "%s%s%s", text, i > 0 ? " > " : "", name);
        if (text == NULL)
            return NULL;
    }
    return text;
}

/* ---- is it what it should be? --------------------------------------------------------------- */

static int check_object(const struct object *o, struct err *e)
{
    uint32_t references = 0;

    for (const struct link *l = o->above.next; l != &o->above; l = l->next, references++) {
        if (container_of(l, struct relation, of_child)->child != o)
            return err_set(e, -EINVAL, "%s has a relation above that is another's", o->key);
    }
    for (const struct link *l = o->below.next; l != &o->below; l = l->next, references++) {
        if (container_of(l, struct relation, of_parent)->parent != o)
            return err_set(e, -EINVAL, "%s has a relation below that is another's", o->key);
    }
    for (const struct link *l = o->seats.next; l != &o->seats; l = l->next, references++) {
        const struct seat *seat = container_of(l, struct seat, link);

        if (seat->object != o || seat->resource->seat != seat)
            return err_set(e, -EINVAL, "%s has a seat that is not its own", o->key);
    }
    for (const struct link *l = o->uses.next; l != &o->uses; l = l->next, references++) {
        if (container_of(l, struct use_at, link)->object != o)
            return err_set(e, -EINVAL, "%s has a use that is another's", o->key);
    }
    if (references != o->references || references == (o->by_name != NULL))
        return err_set(e, -EINVAL, "%s counts %u references and has %u", o->key, o->references,
                       references);
    return 0;
}

/* Rows that speak of relations and uses. */
static void count_rows(const struct coord *c, uint64_t *relations, uint64_t *uses)
{
    for (size_t i = 0; i < c->node_count; i++) {
        for (unsigned id = 0; id < SECTION_COUNT; id++) {
            const struct slot *slot = &c->nodes[i]->sections[id];

            for (uint32_t k = 0; k < slot->row_count; k++) {
                *relations += slot->rows[k].relation != NULL;
                *uses += id == SECTION_USES && slot->rows[k].use != NULL;
            }
        }
    }
}

int graph_check(const struct coord *c, struct err *e)
{
    uint64_t relations = 0, uses = 0;
    const struct resource *r;
    const struct object *o;
    size_t it = 0;

    count_rows(c, &relations, &uses);
    while ((o = map_next(c->objects, &it)) != NULL) {
        int rc = check_object(o, e);

        if (rc < 0)
            return rc;
        for (const struct link *l = o->above.next; l != &o->above; l = l->next)
            relations -= container_of(l, struct relation, of_child)->rows;
        relations += o->by_name != NULL;
        for (const struct link *l = o->uses.next; l != &o->uses; l = l->next)
            uses--;
    }
    it = 0;
    while ((r = map_next(c->resources, &it)) != NULL) {
        if ((r->kind != RESOURCE_NETWORK && r->kind != RESOURCE_IMAGE) != (r->seat != NULL))
            return err_set(e, -EINVAL, "resource %u has no seat in the graph", r->no);
    }
    return relations == 0 && uses == 0
               ? 0
               : err_set(e, -EINVAL, "the graph has other relations or uses than the rows say");
}
