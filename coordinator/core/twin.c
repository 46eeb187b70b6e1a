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
size_t twin_root_length(const char *container)
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
    size_t n = twin_root_length(container);
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
struct resource *twin_resource(const struct coord *c, const struct twin *w)
{
    char key[KEY_MOST + 1];

    if (w->resource != NULL)
        return w->resource;
    if (strncmp(w->container, "lv.", 3) == 0)
        return resource_by_id(c, resource_seen_id(NULL, RESOURCE_LV, w->container + 3));
    snprintf(key, sizeof key, "%.*s", (int)twin_root_length(w->container), w->container);
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

const struct twins *twins_of_pv(const struct coord *c, const char *row_key)
{
    char key[KEY_MOST + 8];
    int n = snprintf(key, sizeof key, "pv/%.*s", (int)uuid_length(row_key), row_key);

    return (size_t)n < sizeof key ? map_get(c->twins, key, (size_t)n) : NULL;
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
    char text[TWIN_SETS_MOST * 24] = "";
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
        rc = twin_set_add(w, (uint64_t)node_no << 32 | set);
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
