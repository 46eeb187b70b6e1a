/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What is proven of how a node reaches a filesystem, as a record of a reply. Pure; the shell brings
 * the row from the database. */
#ifndef MUSTER_CORE_REACH_INFO_H
#define MUSTER_CORE_REACH_INFO_H

#include "base/arena.h"
#include "core/fs_list.h"
#include "core/rows.h"

/* `n`: the node as it is now. 0 or -ENOMEM. */
int reach_info_fill(struct arena *a, const struct reach_row *row, const struct fs_node *n,
                    uint64_t resource, struct reach_info *out);

#endif
