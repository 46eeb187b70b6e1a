/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Twins in classes of what may be, or is, one storage, and what is said of them: made when it is
 * asked for, and kept until something of them changes. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "core/core_internal.h"

enum { COMPARED_MOST = 256 }; /* of more twins all stay in one class */

static int by_container(const void *x, const void *y)
{
    const struct twin *a = *(struct twin *const *)x, *b = *(struct twin *const *)y;
    int o = strcmp(a->container, b->container);
    uint32_t no = a->owner != NULL ? a->owner->row.no : 0;
    uint32_t other = b->owner != NULL ? b->owner->row.no : 0;

    return o != 0 ? o : no < other ? -1 : no > other;
}

/* What is forbidden on one is forbidden on the other: they may be one storage, one is a part of the
 * other, or both are devices of one filesystem. */
static bool is_joint(const struct twin *a, const struct twin *b)
{
    if (!twin_is_copy(a, b))
        return true;
    if (a->resource != NULL && (a->resource->size > 1 || b->resource->size > 1))
        return true;
    return twin_shared_set(a, b) == 0;
}

/* What the nodes' rows show now. */
static int pv_sets(const struct coord *c, struct twins *t, struct twin **v)
{
    for (struct link *l = t->list.next; l != &t->list; l = l->next)
        twin_at(l)->set_count = 0;
    for (size_t i = 0; i < c->node_count; i++) {
        size_t count = twins_pvs_seen(t, c->nodes[i], v), first;
        struct twin **at = v;

        for (; count > 1; at += first, count -= first) {
            first = twins_kind_first(at, count);
            if (first == 1 || twins_covered(at, first))
                continue;
            for (size_t k = 0; k < first; k++) {
                if (twin_set_add(at[k], ((uint64_t)c->nodes[i]->row.no << 32) + 1) < 0)
                    return -ENOMEM;
            }
        }
    }
    return 0;
}

/* Marks all that are joint with `v[from]`, directly or through others, as of its class. */
static void class_spread(struct twin **v, uint32_t n, uint32_t from)
{
    uint32_t stack[COMPARED_MOST], depth = 0;

    v[from]->first = v[from];
    stack[depth++] = from;
    while (depth > 0) {
        struct twin *w = v[stack[--depth]];

        for (uint32_t i = 0; i < n; i++) {
            if (v[i]->first != NULL || !is_joint(w, v[i]))
                continue;
            v[i]->first = v[from];
            v[from]->joint = v[i]->joint = true;
            stack[depth++] = i;
        }
    }
}

int twins_tell(const struct coord *c, struct twins *t)
{
    struct twin **v;
    uint32_t n = 0;

    if (!t->stale)
        return 0;
    v = calloc(t->count, sizeof *v);
    if (v == NULL || (t->key[0] == 'p' && t->count > 1 && pv_sets(c, t, v) < 0)) {
        free(v);
        return -ENOMEM;
    }
    for (struct link *l = t->list.next; l != &t->list; l = l->next) {
        v[n++] = twin_at(l);
        twin_at(l)->first = NULL;
        twin_at(l)->joint = false;
    }
    qsort(v, n, sizeof *v, by_container);
    for (uint32_t i = 0; i < n; i++) {
        if (n > COMPARED_MOST) {
            v[i]->first = v[0];
            v[i]->joint = true;
        } else if (v[i]->first == NULL) {
            class_spread(v, n, i);
        }
    }
    free(t->sorted);
    t->sorted = v;
    t->stale = false;
    return 0;
}

/* ---- what is said of them ------------------------------------------------------------------- */

const char *twin_name(const struct coord *c, struct arena *a, const struct twin *w)
{
    const struct resource *r = NULL;
    const char *what = "LUN", *name = w->container;

    if (strncmp(name, "lv.", 3) == 0) {
        what = "logical volume";
        r = resource_by_id(c, resource_seen_id(NULL, RESOURCE_LV, name + 3));
    } else if (strncmp(name, "md.", 3) == 0) {
        what = "MD array";
    } else if (strncmp(name, "dm.", 3) == 0) {
        what = "device";
    } else if (name[twin_root_length(name)] != '\0' &&
               resource_by_id(c, resource_seen_id(w->owner, RESOURCE_LUN, name)) == NULL) {
        what = "partition";
    }
    return r != NULL ? arena_printf(a, "%s %s", what, r->label)
                     : arena_printf(a, "%s %s%s%s", what, name, w->owner != NULL ? " of " : "",
                                    w->owner != NULL ? w->owner->row.name : "");
}

static char *twin_doubt(const struct coord *c, struct arena *a, const struct twin *w,
                        const struct twin *other)
{
    const char *what = w->of->key[0] == 'p' ? "PV" : "filesystem";
    uint64_t set = twin_shared_set(w, other);
    const struct node *n = node_by_no(c, (uint32_t)(set >> 32));
    const char *name = twin_name(c, a, w), *copy = twin_name(c, a, other);

    if (name == NULL || copy == NULL)
        return NULL;
    if (set != 0)
        return arena_printf(a,
                            "clone: the same %s UUID is in %s and in %s, both seen at once by %s.",
                            what, name, copy, n != NULL ? n->row.name : "a node that is forgotten");
    return arena_printf(a,
                        "%s may be the same storage as %s, which has the same %s UUID: no node has "
                        "seen both at once under identifiers that can be compared.",
                        name, copy, what);
}

int twin_doubts(const struct coord *c, struct arena *a, const struct twin *w, struct doubts *out)
{
    const struct twins *t = w->of;
    uint32_t told = 0;
    const char *text;
    int rc = twins_tell(c, w->of);

    for (uint32_t i = 0; rc == 0 && i < t->count; i++) {
        if (t->sorted[i] == w || !twin_is_copy(w, t->sorted[i]))
            continue;
        if (++told > TWINS_TOLD) {
            text = arena_strdup(a, "The same UUID is in still other containers.");
            return doubts_add(out, text);
        }
        rc = doubts_add(out, twin_doubt(c, a, w, t->sorted[i]));
    }
    return rc;
}

int twin_class(const struct coord *c, struct arena *a, const struct twin *w, const char **out)
{
    const char *uuid = w->of->key + 3;
    int rc = twins_tell(c, w->of);

    *out = NULL;
    if (rc < 0 || !w->joint)
        return rc;
    *out = w->first == w->of->sorted[0] ? arena_strdup(a, uuid)
                                        : arena_printf(a, "%s@%s", uuid, w->first->container);
    return *out == NULL ? -ENOMEM : 0;
}
