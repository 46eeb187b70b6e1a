/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What depends on storage: from a LUN up to who has something of it mounted. Pure; the shell brings
 * the sections of the nodes that see it, one node at a time. */
#ifndef MUSTER_CORE_IMPACT_H
#define MUSTER_CORE_IMPACT_H

#include "core/core.h"

/* The sections of more nodes are not looked at; the answer says so. */
enum {
    IMPACT_NODES_MOST = 64,
    IMPACT_IMAGES_MOST = 500, /* of one filesystem, one by one */
};

struct impact_node {
    uint32_t no;
    uuid128 id;
    const char *name;
};

/* What the core knows, in the reply's arena. */
struct impact_facts {
    enum resource_kind kind; /* RESOURCE_NETWORK: what the one node itself uses */
    const char *key;         /* of the resource, in its kind; of an image its path */
    const char *label;
    uuid128 id;
    const char *filesystem; /* of an image: its filesystem's key, label and id */
    const char *filesystem_label;
    uuid128 filesystem_id;
    const struct impact_node *nodes; /* those that see it best first */
    size_t node_count, left_out;
};

struct impact;

struct impact *impact_new(const struct impact_facts *f,
                          struct arena *a); /* in `a`; NULL: no memory */
/* `sections`: SECTION_COUNT entries of f->nodes[i]; nothing of them is kept. 0 or -ENOMEM. */
int impact_add(struct impact *im, size_t i, const struct section *sections);
/* The next filesystem, or image, whose images are wanted: those in it, or those that stand on it
 * (`below`: its path); *at begins with 0. False: there are no more. Only after all nodes. */
struct impact_place {
    size_t thing;
    uuid128 filesystem;
    const char *below; /* NULL: all */
};
bool impact_wants_images(const struct impact *im, size_t *at, struct impact_place *out);
/* The first of them, in order, and how many there are. 0 or -ENOMEM. */
int impact_images(struct impact *im, const struct impact_place *at, const struct strs *paths,
                  uint64_t count);
/* Appends to reply->evidence, and fills reply->dependents. 0 or -ENOMEM. */
int impact_finish(struct impact *im, struct reply *reply);

#endif
