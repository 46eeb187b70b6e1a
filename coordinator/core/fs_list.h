/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The answer to OP_FS_LIST as far as the core knows it: whose uses of which containers are wanted.
 * The shell finds them in the database. */
#ifndef MUSTER_CORE_FS_LIST_H
#define MUSTER_CORE_FS_LIST_H

#include "base/types.h"

struct fs_wanted {
    const char *container, *uuid; /* uuid: "" when it has none */
    uint64_t index;               /* the resource's number in the reply */
    uint32_t no;                  /* its own number; 0: who reaches it is not asked */
    uint32_t node_no;             /* one that sees it best; 0 and `seen` false: none has an edge */
    bool seen;
    uint32_t row_no;   /* one that has, or last had, a row of it; 0: none */
    uint32_t owner_no; /* the only node on which the container means it */
    bool owned;
};

struct fs_node {
    uint32_t no;
    uint64_t index;
    int64_t age_ms; /* of its uses; negative: not confirmed since the start */
    uuid128 boot_id;
};

/* In the reply's arena; nodes are sorted by number. */
struct fs_list_facts {
    struct fs_wanted *fs;
    size_t fs_count;
    struct fs_node *nodes;
    size_t node_count;
};

#endif
