/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Equal UUIDs in several containers. A twin is one container that carries a UUID: a filesystem's
 * resource, or what a PV lies on; twins are all that carry the same. Two of them may be one storage
 * under two names, until one node sees both at once under identifiers that can be compared: then
 * they are two devices, and one is a clone of the other. What a node has seen at once is a set;
 * sets of filesystems are stored with their resources, since what is proven stays proven. Those of
 * PVs follow from the rows that are there. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "core/core_internal.h"

enum {
    SETS_MOST = 32,     /* of one twin; what a further set would prove stays unproven */
    COMPARED_MOST = 256 /* of more twins all stay in one class */
};

static struct twin *twin_at(const struct link *l)
{
    return container_of(l, struct twin, link);
}

static struct twins *twins_for(struct coord *c, const char *kind, const char *uuid, size_t n)
{
    char key[KEY_MOST + 8];
    size_t len = (size_t)snprintf(key, sizeof key, "%s/%.*s", kind, (int)n, uuid);
    struct twins *t = map_get(c->twins, key, len);

    if (t != NULL)
        return t;
    t = calloc(1, sizeof *t + len + 1);
    if (t == NULL)
        return NULL;
    memcpy(t->key, key, len + 1);
    link_init(&t->list);
    if (map_put(c->twins, t->key, len, t) < 0) {
        free(t);
        return NULL;
    }
    return t;
}

static void twins_free(struct twins *t)
{
    free(t->sorted);
    free(t);
}

/* The container without the partition: "naa.1-part2" is on "naa.1". */
static size_t root_length(const char *container)
{
    size_t n = strlen(container), digits = 0;

    while (digits < n && container[n - digits - 1] >= '0' && container[n - digits - 1] <= '9')
        digits++;
    return digits > 0 && n > digits + 5 && memcmp(container + n - digits - 5, "-part", 5) == 0
               ? n - digits - 5
               : n;
}

static size_t root_key(char *out, size_t size, const struct node *owner, const char *root, size_t n)
{
    return (size_t)snprintf(out, size, "%u/%.*s", owner != NULL ? owner->row.no : 0, (int)n, root);
}

static struct pv_root *root_find(const struct coord *c, const struct node *owner, const char *root,
                                 size_t n)
{
    char key[KEY_MOST + 16];

    return map_get(c->pv_roots, key, root_key(key, sizeof key, owner, root, n));
}

static struct pv_root *root_for(struct coord *c, const struct node *owner, const char *container)
{
    size_t n = root_length(container);
    struct pv_root *root = root_find(c, owner, container, n);

    if (root != NULL)
        return root;
    root = calloc(1, sizeof *root + n + 16);
    if (root == NULL)
        return NULL;
    link_init(&root->list);
    n = root_key(root->key, n + 16, owner, container, n);
    if (map_put(c->pv_roots, root->key, n, root) < 0) {
        free(root);
        return NULL;
    }
    return root;
}

/* The resource that shows what is known of the twin. NULL: there is none (yet). */
static struct resource *twin_resource(const struct coord *c, const struct twin *w)
{
    char key[KEY_MOST + 1];

    if (w->resource != NULL)
        return w->resource;
    if (strncmp(w->container, "lv.", 3) == 0)
        return resource_by_id(c, resource_seen_id(NULL, RESOURCE_LV, w->container + 3));
    snprintf(key, sizeof key, "%.*s", (int)root_length(w->container), w->container);
    return resource_by_id(c, resource_seen_id(w->owner, RESOURCE_LUN, key));
}

/* What is said of twins has changed. Those that no sentence names by itself need not be told. */
static void twins_touch(struct coord *c, struct twins *t)
{
    uint32_t n = 0;

    t->stale = true;
    if (t->count < 2)
        return;
    for (struct link *l = t->list.prev; l != &t->list && n <= TWINS_TOLD; l = l->prev, n++) {
        struct resource *r = twin_resource(c, twin_at(l));

        if (r != NULL)
            touch_resource(c, r);
    }
}

static struct twin *twin_new(struct coord *c, struct twins *t, struct node *owner,
                             const char *container)
{
    size_t n = strlen(container) + 1;
    struct twin *w = t == NULL ? NULL : calloc(1, sizeof *w + n);

    if (w == NULL)
        return NULL;
    w->of = t;
    w->owner = owner;
    memcpy(w->container, container, n);
    link_init(&w->on_root);
    link_append(&t->list, &w->link);
    t->count++;
    twins_touch(c, t);
    return w;
}

void twin_drop(struct coord *c, struct twin *w)
{
    struct twins *t = w->of;

    twins_touch(c, t);
    link_remove(&w->link);
    link_remove(&w->on_root);
    free(w->sets);
    free(w);
    t->count--;
    t->told = t->told && t->count > 1;
    if (t->count > 0)
        return;
    for (struct twins **at = &c->twins_news; *at != NULL; at = &(*at)->next_news) {
        if (*at == t) {
            *at = t->next_news;
            break;
        }
    }
    map_del(c->twins, t->key, strlen(t->key));
    twins_free(t);
}

void twins_free_all(struct coord *c)
{
    struct pv_root *root;
    struct twins *t;
    size_t it = 0;

    while (c->twins != NULL && (t = map_next(c->twins, &it)) != NULL) {
        while (!link_empty(&t->list)) {
            struct twin *w = twin_at(t->list.next);

            link_remove(&w->link);
            free(w->sets);
            free(w);
        }
        twins_free(t);
    }
    it = 0;
    while (c->pv_roots != NULL && (root = map_next(c->pv_roots, &it)) != NULL)
        free(root);
    map_free(c->twins);
    map_free(c->pv_roots);
}

static void news(struct coord *c, struct twins *t)
{
    if (t->news)
        return;
    t->news = true;
    t->next_news = c->twins_news;
    c->twins_news = t;
}

/* ---- filesystems ---------------------------------------------------------------------------- */

int twin_of_filesystem(struct coord *c, struct resource *r)
{
    const char *at = r->kind == RESOURCE_FILESYSTEM ? strchr(r->key, '@') : NULL;

    if (at == NULL || at == r->key)
        return 0;
    r->twin = twin_new(c, twins_for(c, "fs", r->key, (size_t)(at - r->key)), r->owner, at + 1);
    if (r->twin == NULL)
        return -ENOMEM;
    r->twin->resource = r;
    return 0;
}

void twin_seen(struct coord *c, struct twin *w)
{
    if (w->of->count > 1)
        news(c, w->of);
}

/* ---- PVs ------------------------------------------------------------------------------------ */

static struct twin *pv_find(const struct pv_root *root, const struct twins *t,
                            const char *container)
{
    for (const struct link *l = root->list.next; l != &root->list; l = l->next) {
        struct twin *w = container_of(l, struct twin, on_root);

        if (w->of == t && strcmp(w->container, container) == 0)
            return w;
    }
    return NULL;
}

/* The row's key is the PV's UUID, or UUID/DEVICE. */
static size_t uuid_length(const char *row_key)
{
    return strcspn(row_key, "/");
}

void twin_pv_drop(struct coord *c, struct row *row)
{
    struct twin *w = row->twin;

    if (w == NULL)
        return;
    row->twin = NULL;
    twins_touch(c, w->of);
    if (--w->rows > 0)
        return;
    if (w->on_root.next == w->on_root.prev) {
        struct pv_root *root = container_of(w->on_root.next, struct pv_root, list);

        map_del(c->pv_roots, root->key, strlen(root->key));
        link_remove(&w->on_root);
        free(root);
    }
    twin_drop(c, w);
}

int twin_pv_set(struct coord *c, struct node *n, struct row *row, const char *container)
{
    size_t uuid = uuid_length(row->key);
    struct node *owner;
    struct pv_root *root;
    struct twins *t;
    struct twin *w;

    if (container == NULL || *container == '\0' || uuid == 0 || uuid > 64 ||
        strnlen(container, KEY_MOST) == KEY_MOST) {
        twin_pv_drop(c, row);
        return 0;
    }
    owner = container_is_local(container) ? n : NULL;
    if (row->twin != NULL && row->twin->owner == owner &&
        strcmp(row->twin->container, container) == 0)
        return 0;
    twin_pv_drop(c, row);
    root = root_for(c, owner, container);
    t = root == NULL ? NULL : twins_for(c, "pv", row->key, uuid);
    if (t == NULL)
        return -ENOMEM;
    w = pv_find(root, t, container);
    if (w == NULL) {
        w = twin_new(c, t, owner, container);
        if (w == NULL)
            return -ENOMEM;
        link_append(&root->list, &w->on_root);
    }
    w->rows++;
    row->twin = w;
    twins_touch(c, t);
    twin_seen(c, w);
    return 0;
}

/* ---- what one node sees at once ------------------------------------------------------------- */

static size_t pvs_seen(const struct twins *t, const struct node *n, struct twin **out)
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
        return pvs_seen(t, n, out);
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
static size_t kind_first(struct twin **v, size_t n)
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

static bool has_set(const struct twin *w, uint64_t set)
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
        count += has_set(v[i], set);
    return count;
}

static int set_add(struct twin *w, uint64_t set)
{
    uint64_t *more;

    if (w->set_count == SETS_MOST)
        return 0;
    more = realloc(w->sets, (w->set_count + 1) * sizeof *more);
    if (more == NULL)
        return -ENOMEM;
    w->sets = more;
    more[w->set_count++] = set;
    return 1;
}

/* One set that holds them all proves nothing new. */
static bool covered(struct twin *const *v, size_t n)
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
                all += has_set(twin_at(l), v[i]->sets[k]);
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
    size_t n = root_length(a->container), m = root_length(b->container);

    return n == m && strncmp(a->container, b->container, n) == 0 &&
           (a->container[n] == '\0' || b->container[m] == '\0');
}

/* Do both carry one and the same device of a filesystem? Devices of one btrfs do not. */
static bool is_copy(const struct twin *a, const struct twin *b)
{
    if (is_lineage(a, b))
        return false;
    return a->resource == NULL || b->resource == NULL || a->resource->mark == 0 ||
           b->resource->mark == 0 || a->resource->mark == b->resource->mark;
}

static uint64_t shared_set(const struct twin *a, const struct twin *b)
{
    for (uint32_t i = 0; i < a->set_count; i++) {
        if (has_set(b, a->sets[i]))
            return a->sets[i];
    }
    return 0;
}

static int clone_event(struct step *s, struct node *n, struct twins *t, struct twin *const *v,
                       size_t count)
{
    const struct twin *a = NULL, *b = NULL;
    bool pv = t->key[0] == 'p';
    struct arena *arena = s->u->arena;
    char more[48] = "";
    int rc;

    for (size_t i = 0; i < count && b == NULL; i++) {
        a = v[i];
        for (size_t k = 0; k < count && b == NULL; k++)
            b = k != i && is_copy(a, v[k]) ? v[k] : NULL;
    }
    t->told = t->told || b != NULL;
    rc = b == NULL ? 0 : event_due_of_node(s, n);
    if (rc != 1)
        return rc;
    if (count > 2)
        snprintf(more, sizeof more, " and %zu more", count - 2);
    return event(s, pv ? "pv.clone" : "fs.clone", SEVERITY_WARNING, n, twin_resource(s->c, a),
                 "%s sees the %s UUID %s in %s and %s%s at once: they are clones.", n->row.name,
                 pv ? "PV" : "filesystem", t->key + 3, twin_name(s->c, arena, a),
                 twin_name(s->c, arena, b), more);
}

/* Twins of one kind of identifier that the node sees at once. */
static int together(struct step *s, struct node *n, struct twins *t, struct twin **v, size_t count)
{
    uint64_t set;
    bool added = false;

    if (t->key[0] == 'p')
        return t->told ? 0 : clone_event(s, n, t, v, count);
    if (covered(v, count))
        return 0;
    set = set_for(t, n, v, count);
    for (size_t i = 0; i < count; i++) {
        int rc = has_set(v[i], set) ? 0 : set_add(v[i], set);

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

            first = kind_first(v, count);
            rc = first > 1 ? together(s, n, t, v, first) : 0;
            if (rc < 0)
                return rc;
        }
    }
    return 0;
}

/* ---- classes -------------------------------------------------------------------------------- */

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
    if (!is_copy(a, b))
        return true;
    if (a->resource != NULL && (a->resource->size > 1 || b->resource->size > 1))
        return true;
    return shared_set(a, b) == 0;
}

/* What the nodes' rows show now. */
static int pv_sets(const struct coord *c, struct twins *t, struct twin **v)
{
    for (struct link *l = t->list.next; l != &t->list; l = l->next)
        twin_at(l)->set_count = 0;
    for (size_t i = 0; i < c->node_count; i++) {
        size_t count = pvs_seen(t, c->nodes[i], v), first;
        struct twin **at = v;

        for (; count > 1; at += first, count -= first) {
            first = kind_first(at, count);
            if (first == 1 || covered(at, first))
                continue;
            for (size_t k = 0; k < first; k++) {
                if (set_add(at[k], ((uint64_t)c->nodes[i]->row.no << 32) + 1) < 0)
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
    const char *what = "LUN", *name = w->container, *text;

    if (strncmp(name, "lv.", 3) == 0) {
        what = "logical volume";
        r = resource_by_id(c, resource_seen_id(NULL, RESOURCE_LV, name + 3));
    } else if (strncmp(name, "md.", 3) == 0) {
        what = "MD array";
    } else if (strncmp(name, "dm.", 3) == 0) {
        what = "device";
    } else if (name[root_length(name)] != '\0' &&
               resource_by_id(c, resource_seen_id(w->owner, RESOURCE_LUN, name)) == NULL) {
        what = "partition";
    }
    text = r != NULL ? arena_printf(a, "%s %s", what, r->label)
                     : arena_printf(a, "%s %s%s%s", what, name, w->owner != NULL ? " of " : "",
                                    w->owner != NULL ? w->owner->row.name : "");
    return text != NULL ? text : what;
}

static char *twin_doubt(const struct coord *c, struct arena *a, const struct twin *w,
                        const struct twin *other)
{
    const char *what = w->of->key[0] == 'p' ? "PV" : "filesystem";
    uint64_t set = shared_set(w, other);
    const struct node *n = node_by_no(c, (uint32_t)(set >> 32));

    if (set != 0)
        return arena_printf(a,
                            "clone: the same %s UUID is in %s and in %s, both seen at once by %s.",
                            what, twin_name(c, a, w), twin_name(c, a, other),
                            n != NULL ? n->row.name : "a node that is forgotten");
    return arena_printf(a,
                        "%s may be the same storage as %s, which has the same %s UUID: no node has "
                        "seen both at once under identifiers that can be compared.",
                        twin_name(c, a, w), twin_name(c, a, other), what);
}

int twin_doubts(const struct coord *c, struct arena *a, const struct twin *w, struct doubts *out)
{
    const struct twins *t = w->of;
    uint32_t told = 0;
    const char *text;
    int rc = twins_tell(c, w->of);

    for (uint32_t i = 0; rc == 0 && i < t->count; i++) {
        if (t->sorted[i] == w || !is_copy(w, t->sorted[i]))
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

struct pv_root *twin_root(const struct coord *c, const struct resource *r)
{
    char lv[KEY_MOST + 8];

    if (r->kind == RESOURCE_LUN)
        return root_find(c, r->owner, r->key, strlen(r->key));
    if (r->kind != RESOURCE_LV)
        return NULL;
    snprintf(lv, sizeof lv, "lv.%s", r->key);
    return root_find(c, NULL, lv, strlen(lv));
}

/* ---- storing -------------------------------------------------------------------------------- */

int twin_sets_text(struct arena *a, const struct twin *w, const char **out)
{
    char text[SETS_MOST * 24] = "";
    size_t n = 0;

    *out = NULL;
    if (w == NULL || w->set_count == 0)
        return 0;
    for (uint32_t i = 0; i < w->set_count; i++)
        n += (size_t)snprintf(text + n, sizeof text - n, "%s%u.%u", i == 0 ? "" : " ",
                              (uint32_t)(w->sets[i] >> 32), (uint32_t)w->sets[i]);
    *out = arena_strdup(a, text);
    return *out == NULL ? -ENOMEM : 0;
}

int twin_sets_load(struct twin *w, const char *text)
{
    const char *p = text != NULL && w != NULL ? text : "";
    int rc = 0;

    while (*p != '\0' && rc >= 0) {
        char *end;
        unsigned long node_no = strtoul(p, &end, 10), set = 0;

        if (end != p && *end == '.')
            set = strtoul(end + 1, &end, 10);
        if (node_no == 0 || node_no > UINT32_MAX || set == 0 || set > UINT32_MAX ||
            (*end != '\0' && *end != ' '))
            return 0; /* a hand has been in it: what cannot be read is not proven */
        rc = set_add(w, (uint64_t)node_no << 32 | set);
        p = *end == ' ' ? end + 1 : end;
    }
    return rc < 0 ? rc : 0;
}

/* Clones that are there have been told. */
int twins_load(struct coord *c)
{
    struct twins *t;
    size_t it = 0;

    while ((t = map_next(c->twins, &it)) != NULL) {
        int rc = t->key[0] == 'p' ? twins_tell(c, t) : 0;

        if (rc < 0)
            return rc;
        t->news = false;
        for (struct link *l = t->list.next; l != &t->list && t->key[0] == 'p'; l = l->next)
            t->told = t->told || twin_at(l)->set_count > 0;
    }
    c->twins_news = NULL;
    return 0;
}
