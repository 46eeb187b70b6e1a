/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Which nodes, resources and edges go into a reply. A part of core_internal.h, which alone includes
 * it. */
#ifndef MUSTER_CORE_PICK_H
#define MUSTER_CORE_PICK_H

struct gone { /* an edge that was removed between two that are still there */
    struct node *node;
    struct resource *resource;
};

/* An image has the edges of its filesystem. */
struct lent {
    struct edge *edge;
    struct resource *image;
};

struct pick {
    struct node **nodes;
    struct resource **resources;
    struct edge **edges;
    struct lent *lent; /* by filesystem, node, image */
    struct gone *gone;
    size_t node_count, resource_count, edge_count, lent_count, gone_count;
};

/* What was asked for, each once. One side empty: whatever has an edge to the other; among that are
 * only those images that are named here: no reply holds all edges of all images. */
struct chosen {
    struct node **nodes;
    struct resource **resources;
    size_t node_count, resource_count;
    struct resource **images;
    size_t image_count;
};

/* What one of them takes at least, encoded. */
enum { NODE_BYTES = 120, RESOURCE_BYTES = 100, EDGE_BYTES = 30 };

#define NOT_PICKED UINT32_MAX
#define LENT_MOST  (LIMIT_REPLY_BYTES / EDGE_BYTES) /* of more only the number is kept */

/* query_matrix.c: resolve the filters, each only once into the list. On failure the answer says so,
 * and *good is false. */
int choose_nodes(struct answer *q, struct chosen *ch, bool *good);
int choose_resources(struct answer *q, struct chosen *ch, bool *good);
int choose_all_filesystems(struct answer *q, struct chosen *ch); /* query_fs.c */

int pick_init(struct pick *p, struct arena *a, size_t nodes, size_t resources, size_t edges);
int pick_all(struct pick *p, struct arena *a, const struct coord *c);
void pick_resources(struct pick *p, const struct coord *c); /* all */
int pick_chosen(struct pick *p, struct arena *a, const struct chosen *ch);
int pick_reply(struct answer *q, struct pick *p); /* numbers them, fills the reply */

/* lend.c */
/* Which edges of which images. */
struct lending {
    struct resource **images; /* are put in order */
    size_t count;
    bool of_picked; /* only to nodes whose index is not NOT_PICKED */
    uint64_t since; /* 0: all; else those that changed after it, and all of images that did */
};
int pick_lend(struct pick *p, struct arena *a, struct lending *l);
void lending_sort(struct lending *l); /* by filesystem */
/* All images, and all their edges: of the fleet; of the filesystems that changed after `since`, and
 * of images that did. `p` has its nodes. */
int pick_images(struct pick *p, struct answer *q);
int pick_images_since(struct pick *p, struct answer *q, uint64_t since);
int pick_images_gone(struct pick *p, struct arena *a); /* p->gone: of images as well */
int images_all(struct answer *q, struct resource ***out, size_t *count);
int info_lent(struct answer *q, const struct pick *p, struct edge_info *out);

#endif
