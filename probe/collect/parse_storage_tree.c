/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What sysfs said of disks, as bytes: folder by folder. */
#include "base/limits.h"
#include "collect/parse_storage_memory.h"

enum {
    IS_FOLDER = 0xffff, /* in place of the length of a file */
    IS_LINK = 0xfffe,   /* a text follows */
    FOLDER_BYTES = 1 + 4,
    ENTRY_BYTES = 1 + 2,
};

/* The links to disks are always read, and tell whether the rest is still of the same disk; who
 * holds a disk is not announced. */
static bool is_kept(const struct tree_entry *e)
{
    size_t n = strlen(e->dir), tail = strlen("/holders");

    if (e->kind == TREE_DIR)
        return n < tail || strcmp(e->dir + n - tail, "/holders") != 0;
    if (e->kind == TREE_LINK)
        return strcmp(e->name, "device") == 0;
    return e->n < IS_LINK;
}

/* Of the folder that begins at `i`: where the next begins; *kept: how many entries are. */
static size_t folder_end(const struct tree *t, size_t i, size_t *kept)
{
    const char *dir = t->v[i].dir;

    *kept = 0;
    for (; i < t->n && (t->v[i].dir == dir || strcmp(t->v[i].dir, dir) == 0); i++)
        *kept += is_kept(&t->v[i]);
    return i;
}

static void put_entry(struct buf *b, const struct tree_entry *e)
{
    put_text(b, e->name);
    put_number(b, e->kind == TREE_DIR ? IS_FOLDER : e->kind == TREE_LINK ? IS_LINK : e->n, 2);
    if (e->kind == TREE_LINK)
        put_text(b, (const char *)e->data);
    else if (e->kind == TREE_FILE)
        buf_add(b, e->data, e->n);
}

void put_kept_tree(struct buf *b, const struct tree *t)
{
    size_t folders = 0, kept;

    for (size_t i = 0; i < t->n;) {
        i = folder_end(t, i, &kept);
        folders += kept > 0;
    }
    put_number(b, folders, 4);
    for (size_t i = 0; i < t->n && !b->failed;) {
        size_t end = folder_end(t, i, &kept);

        if (kept > 0) {
            put_text(b, t->v[i].dir);
            put_number(b, kept, 4);
        }
        for (; i < end; i++) {
            if (is_kept(&t->v[i]))
                put_entry(b, &t->v[i]);
        }
    }
}

static void take_link(struct storage_cursor *c, struct tree_entry *e)
{
    const char *target = take_text(c);

    c->failed |= target == NULL;
    if (c->failed)
        return;
    e->kind = TREE_LINK;
    e->data = (const uint8_t *)target;
    e->n = (uint32_t)strlen(target);
}

static void take_file(struct storage_cursor *c, struct tree_entry *e, size_t n)
{
    c->failed |= n > c->rest.n;
    if (c->failed)
        return;
    e->kind = TREE_FILE;
    e->data = c->rest.p;
    e->n = (uint32_t)n;
    c->rest.p += n;
    c->rest.n -= n;
}

static void take_entry(struct storage_cursor *c, struct tree_entry *e)
{
    size_t n;

    e->name = take_text(c);
    n = (size_t)take_number(c, 2);
    c->failed |= e->name == NULL;
    if (n == IS_LINK)
        take_link(c, e);
    else if (n == IS_FOLDER)
        e->kind = TREE_DIR;
    else
        take_file(c, e, n);
}

/* Whether one stands where it may after the other. */
static bool in_order(const struct tree_entry *x, const struct tree_entry *y)
{
    int by_dir = x->dir == y->dir ? 0 : strcmp(x->dir, y->dir);

    return by_dir != 0 ? by_dir < 0 : strcmp(x->name, y->name) < 0;
}

static void take_folder(struct storage_cursor *c, struct tree_entry *v, size_t room, size_t *n)
{
    const char *dir = take_text(c);
    size_t count = take_count(c, ENTRY_BYTES);

    c->failed |= dir == NULL || count == 0 || count > room - *n;
    for (size_t i = 0; i < count && !c->failed; i++) {
        struct tree_entry *e = &v[*n];

        *e = (struct tree_entry){ .dir = dir, .order = (uint32_t)*n & 0xffffffu };
        take_entry(c, e);
        c->failed |= !c->failed && (!is_kept(e) || (*n > 0 && !in_order(e - 1, e)));
        ++*n;
    }
}

void take_kept_tree(struct storage_cursor *c, struct tree *out)
{
    size_t folders = take_count(c, FOLDER_BYTES), room = c->rest.n / ENTRY_BYTES, n = 0;
    struct tree_entry *v;

    if (room > LIMIT_TREE_ENTRIES)
        room = LIMIT_TREE_ENTRIES;
    v = take_array(c, folders == 0 ? 0 : room, sizeof *v);
    for (size_t i = 0; i < folders && !c->failed; i++)
        take_folder(c, v, room, &n);
    *out = (struct tree){ v, c->failed ? 0 : n };
}
