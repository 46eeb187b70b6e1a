/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "collect/tree.h"

#include <errno.h>
#include <stdlib.h>

#include "base/limits.h"

_Static_assert(LIMIT_TREE_ENTRIES <= 1u << 24, "the order of an entry fits");

static bool has_room(struct tree_builder *b)
{
    size_t cap = b->cap == 0 ? 1024 : b->cap * 2;
    struct tree_entry *v;

    if (b->error != 0 || b->n < b->cap)
        return b->error == 0;
    if (b->n >= LIMIT_TREE_ENTRIES) {
        b->error = -E2BIG;
        return false;
    }
    v = arena_array(b->a, cap, sizeof *v);
    if (v == NULL) {
        b->error = -ENOMEM;
        return false;
    }
    if (b->n > 0)
        memcpy(v, b->v, b->n * sizeof *v);
    b->v = v;
    b->cap = cap;
    return true;
}

static void add(struct tree_builder *b, const char *dir, const char *name, enum tree_kind kind,
                struct bytes data)
{
    if (!has_room(b))
        return;
    b->v[b->n] = (struct tree_entry){ .dir = dir,
                                      .name = name,
                                      .kind = kind,
                                      .order = (uint32_t)b->n & 0xffffffu,
                                      .n = (uint32_t)data.n,
                                      .data = data.p };
    b->n++;
}

void tree_add_file(struct tree_builder *b, const char *dir, const char *name, struct bytes data)
{
    add(b, dir, name, TREE_FILE, data);
}

void tree_add_link(struct tree_builder *b, const char *dir, const char *name, const char *target)
{
    add(b, dir, name, TREE_LINK, (struct bytes){ (const uint8_t *)target, strlen(target) });
}

void tree_add_dir(struct tree_builder *b, const char *dir, const char *name)
{
    add(b, dir, name, TREE_DIR, (struct bytes){ NULL, 0 });
}

static int compare_place(const struct tree_entry *x, const struct tree_entry *y)
{
    int c = x->dir == y->dir ? 0 : strcmp(x->dir, y->dir);

    return c != 0 ? c : strcmp(x->name, y->name);
}

static int compare_entry(const void *a, const void *b)
{
    const struct tree_entry *x = a, *y = b;
    int c = compare_place(x, y);

    return c != 0 ? c : (x->order > y->order) - (x->order < y->order);
}

int tree_finish(struct tree_builder *b, struct tree *out, struct err *e)
{
    size_t n = 0;

    if (b->error == -E2BIG)
        return err_set(e, b->error, "sysfs has more than %u entries about block devices",
                       LIMIT_TREE_ENTRIES);
    if (b->error != 0)
        return err_set(e, b->error, "out of memory while reading block devices");
    if (b->n > 1)
        qsort(b->v, b->n, sizeof *b->v, compare_entry);
    for (size_t i = 0; i < b->n; i++) {
        if (n == 0 || compare_place(&b->v[n - 1], &b->v[i]) != 0)
            b->v[n++] = b->v[i];
    }
    *out = (struct tree){ b->v, n };
    return 0;
}

/* Index of the first entry that is not before (dir, name). */
static size_t lower_bound(const struct tree *t, const char *dir, const char *name)
{
    struct tree_entry key = { .dir = dir, .name = name };
    size_t low = 0, high = t->n;

    while (low < high) {
        size_t middle = low + (high - low) / 2;

        if (compare_place(&t->v[middle], &key) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

const struct tree_entry *tree_find(const struct tree *t, const char *dir, const char *name)
{
    size_t i = dir == NULL ? t->n : lower_bound(t, dir, name);

    if (i == t->n || strcmp(t->v[i].dir, dir) != 0 || strcmp(t->v[i].name, name) != 0)
        return NULL;
    return &t->v[i];
}

struct bytes tree_file(const struct tree *t, const char *dir, const char *name)
{
    const struct tree_entry *found = tree_find(t, dir, name);

    if (found == NULL || found->kind != TREE_FILE)
        return (struct bytes){ NULL, 0 };
    return (struct bytes){ found->data, found->n };
}

const char *tree_link(const struct tree *t, const char *dir, const char *name)
{
    const struct tree_entry *found = tree_find(t, dir, name);

    return found == NULL || found->kind != TREE_LINK ? NULL : (const char *)found->data;
}

struct tree tree_children(const struct tree *t, const char *dir)
{
    size_t from = lower_bound(t, dir, ""), n = 0;

    while (from + n < t->n && strcmp(t->v[from + n].dir, dir) == 0)
        n++;
    return (struct tree){ n == 0 ? NULL : t->v + from, n };
}

struct strs tree_names(const struct tree *t, struct rows *r, const char *dir, const char *sub)
{
    const char *inner = rows_printf(r, "%s/%s", dir, sub);
    struct tree list = { .n = 0 };
    const char **names;

    if (inner != NULL)
        list = tree_children(t, inner);
    names = rows_array(r, list.n, sizeof *names);
    if (names == NULL)
        return (struct strs){ NULL, 0 };
    for (size_t i = 0; i < list.n; i++)
        names[i] = rows_text(r, bytes_of(list.v[i].name));
    return rows_strs(names, list.n);
}
