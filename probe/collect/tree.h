/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A picture of a part of sysfs: attributes, symbolic links and folders by their real paths. Made by
 * read_tree.c on a live machine, by tests from captures. Pure. */
#ifndef MUSTER_COLLECT_TREE_H
#define MUSTER_COLLECT_TREE_H

#include "base/arena.h"
#include "base/err.h"
#include "collect/rows.h"

enum tree_kind { TREE_FILE, TREE_LINK, TREE_DIR };

struct tree_entry {
    const char *dir;  /* real path of the folder that it is in: "/sys/devices/.../sda" */
    const char *name; /* "size" */
    enum tree_kind kind : 8;
    uint32_t order : 24; /* of adding */
    uint32_t n;          /* bytes of data */
    const uint8_t *data; /* TREE_FILE: as read; TREE_LINK: the real path that it leads to */
};

/* Sorted by dir, then by name; each pair once. Zero-initialised is empty and valid. */
struct tree {
    const struct tree_entry *v;
    size_t n;
};

/* While it grows. Zero-initialised but for `a` is empty and valid; all memory is of `a`. */
struct tree_builder {
    struct arena *a;
    struct tree_entry *v;
    size_t n, cap;
    int error; /* 0, -ENOMEM, -E2BIG: what came after it was dropped */
};

/* The three texts must outlive the tree; `data` too. After an error they do nothing. */
void tree_add_file(struct tree_builder *b, const char *dir, const char *name, struct bytes data);
void tree_add_link(struct tree_builder *b, const char *dir, const char *name, const char *target);
void tree_add_dir(struct tree_builder *b, const char *dir, const char *name);
/* Sorts; of entries that were added twice the first counts. 0, or -ENOMEM or -E2BIG with a
 * sentence: more than LIMIT_TREE_ENTRIES. */
int tree_finish(struct tree_builder *b, struct tree *out, struct err *e);

/* NULL: not there. */
const struct tree_entry *tree_find(const struct tree *t, const char *dir, const char *name);
/* Content of a file; p NULL: no such file. */
struct bytes tree_file(const struct tree *t, const char *dir, const char *name);
/* Real path that a link leads to; NULL: no such link. */
const char *tree_link(const struct tree *t, const char *dir, const char *name);
/* The entries of one folder, sorted by name. */
struct tree tree_children(const struct tree *t, const char *dir);
/* The names in DIR/SUB, clean and sorted. Out of memory sets r->failed. */
struct strs tree_names(const struct tree *t, struct rows *r, const char *dir, const char *sub);

#endif
