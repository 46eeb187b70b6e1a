/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What one node sees at once: containers with one UUID that it reports in one state are sets of
 * devices that are distinct. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "core/core_internal.h"

size_t twins_pvs_seen(const struct twins *t, const struct node *n, struct twin **out)
{
    const struct slot *slot = &n->sections[SECTION_PVS];
    const char *uuid = t->key + 3;
    size_t len = strlen(uuid), count = 0;
    uint32_t low = 0, high = slot->row_count;

    while (low < high) {
        uint32_t mid = low + (high - low) / 2;

        if (strcmp(slot->rows[mid].key, uuid) < 0)
            low = mid + 1;
        else
            high = mid;
    }
    for (; low < slot->row_count && strncmp(slot->rows[low].key, uuid, len) == 0; low++) {
        struct row *row = &slot->rows[low];
        bool again = false;

        if (row->twin == NULL || row->twin->of != t || row->twin->owner != NULL)
            continue;
        for (size_t i = 0; i < count; i++)
            again = again || out[i] == row->twin;
        if (!again && count < t->count)
            out[count++] = row->twin;
    }
    return count;
}

/* Into `out`, which has room for all: those that the node sees now and that have an identity. */
static size_t twins_seen(const struct twins *t, const struct node *n, struct twin **out)
{
    size_t count = 0;

    if (t->key[0] == 'p')
        return twins_pvs_seen(t, n, out);
    for (struct link *l = t->list.next; l != &t->list; l = l->next) {
        struct twin *w = twin_at(l);
        const struct edge *e = w->owner == NULL ? edge_find(n, w->resource) : NULL;

        if (e != NULL && e->sightings != NULL)
            out[count++] = w;
    }
    return count;
}

/* Identifiers of one kind tell devices apart; a WWID and a serial number may be of one device. */
static bool same_kind(const struct twin *a, const struct twin *b)
{
    size_t n = strcspn(a->container, ".");

    return n == strcspn(b->container, ".") && strncmp(a->container, b->container, n) == 0;
}

/* Moves those of the first one's kind to the front and returns how many they are. */
size_t twins_kind_first(struct twin **v, size_t n)
{
    size_t count = 1;

    for (size_t i = 1; i < n; i++) {
        struct twin *w = v[i];

        if (!same_kind(v[0], w))
            continue;
        v[i] = v[count];
        v[count++] = w;
    }
    return count;
}

bool twin_has_set(const struct twin *w, uint64_t set)
{
    for (uint32_t i = 0; i < w->set_count; i++) {
        if (w->sets[i] == set)
            return true;
    }
    return false;
}

static size_t have_set(struct twin *const *v, size_t n, uint64_t set)
{
    size_t count = 0;

    for (size_t i = 0; i < n; i++)
        count += twin_has_set(v[i], set);
    return count;
}

int twin_set_add(struct twin *w, uint64_t set)
{
    uint64_t *more;

    if (w->set_count == TWIN_SETS_MOST)
        return 0;
    more = realloc(w->sets, (w->set_count + 1) * sizeof *more);
    if (more == NULL)
        return -ENOMEM;
    w->sets = more;
    more[w->set_count++] = set;
    return 1;
}

/* One set that holds them all proves nothing new. */
bool twins_covered(struct twin *const *v, size_t n)
{
    for (uint32_t i = 0; i < v[0]->set_count; i++) {
        if (have_set(v, n, v[0]->sets[i]) == n)
            return true;
    }
    return false;
}

/* The set of the node to put them in: one whose twins are all among them, else a new one. */
static uint64_t set_for(const struct twins *t, const struct node *n, struct twin *const *v,
                        size_t count)
{
    uint64_t fresh = ((uint64_t)n->row.no << 32) + 1, grows = 0;

    for (size_t i = 0; i < count && grows == 0; i++) {
        for (uint32_t k = 0; k < v[i]->set_count && grows == 0; k++) {
            size_t all = 0;

            if (v[i]->sets[k] >> 32 != n->row.no)
                continue;
            for (struct link *l = t->list.next; l != &t->list; l = l->next)
                all += twin_has_set(twin_at(l), v[i]->sets[k]);
            grows = all == have_set(v, count, v[i]->sets[k]) ? v[i]->sets[k] : 0;
        }
    }
    for (struct link *l = t->list.next; l != &t->list && grows == 0; l = l->next) {
        for (uint32_t k = 0; k < twin_at(l)->set_count; k++) {
            uint64_t set = twin_at(l)->sets[k];

            if (set >> 32 == n->row.no && set >= fresh)
                fresh = set + 1;
        }
    }
    return grows != 0 ? grows : fresh;
}

/* A partition and the LUN that it is on, where one label shows through both. */
static bool is_lineage(const struct twin *a, const struct twin *b)
{
    size_t n = twin_root_length(a->container), m = twin_root_length(b->container);

    return n == m && strncmp(a->container, b->container, n) == 0 &&
           (a->container[n] == '\0' || b->container[m] == '\0');
}

/* Do both carry one and the same device of a filesystem? Devices of one btrfs do not. */
bool twin_is_copy(const struct twin *a, const struct twin *b)
{
    if (is_lineage(a, b))
        return false;
    return a->resource == NULL || b->resource == NULL || a->resource->mark == 0 ||
           b->resource->mark == 0 || a->resource->mark == b->resource->mark;
}

uint64_t twin_shared_set(const struct twin *a, const struct twin *b)
{
    for (uint32_t i = 0; i < a->set_count; i++) {
        if (twin_has_set(b, a->sets[i]))
            return a->sets[i];
    }
    return 0;
}

static int clone_event(struct step *s, struct node *n, struct twins *t, struct twin *const *v,
                       size_t count)
{
    const struct twin *a = NULL, *b = NULL;
    bool pv = t->key[0] == 'p';
    const char *name, *copy;
    char more[48] = "";
    int rc;

    for (size_t i = 0; i < count && b == NULL; i++) {
        a = v[i];
        for (size_t k = 0; k < count && b == NULL; k++)
            b = k != i && twin_is_copy(a, v[k]) ? v[k] : NULL;
    }
    t->told = t->told || b != NULL;
    rc = b == NULL ? 0 : event_due_of_node(s, n);
    if (rc != 1)
        return rc;
    name = twin_name(s->c, s->u->arena, a);
    copy = twin_name(s->c, s->u->arena, b);
    if (name == NULL || copy == NULL)
        return -ENOMEM;
    if (count > 2)
        snprintf(more, sizeof more, " and %zu more", count - 2);
    return event(s, pv ? "pv.clone" : "fs.clone", SEVERITY_WARNING, n, twin_resource(s->c, a),
                 "%s sees the %s UUID %s in %s and %s%s at once: they are clones.", n->row.name,
                 pv ? "PV" : "filesystem", t->key + 3, name, copy, more);
}

/* Twins of one kind of identifier that the node sees at once. */
static int together(struct step *s, struct node *n, struct twins *t, struct twin **v, size_t count)
{
    uint64_t set;
    bool added = false;

    if (t->key[0] == 'p')
        return t->told ? 0 : clone_event(s, n, t, v, count);
    if (twins_covered(v, count))
        return 0;
    set = set_for(t, n, v, count);
    for (size_t i = 0; i < count; i++) {
        int rc = twin_has_set(v[i], set) ? 0 : twin_set_add(v[i], set);

        if (rc < 0 || (rc == 1 && emit_resource(s, v[i]->resource) < 0))
            return -ENOMEM;
        if (rc == 1)
            touch_resource(s->c, v[i]->resource);
        added = added || rc == 1;
    }
    t->stale = true;
    return added ? clone_event(s, n, t, v, count) : 0;
}

int twins_settle(struct step *s, struct node *n)
{
    struct twins *t;

    while ((t = s->c->twins_news) != NULL) {
        struct twin **v = arena_array(s->u->arena, t->count, sizeof *v);
        size_t count, first;

        if (v == NULL)
            return -ENOMEM;
        s->c->twins_news = t->next_news;
        t->news = false;
        count = twins_seen(t, n, v);
        for (; count > 0; v += first, count -= first) {
            int rc;

            first = twins_kind_first(v, count);
            rc = first > 1 ? together(s, n, t, v, first) : 0;
            if (rc < 0)
                return rc;
        }
    }
    return 0;
}
