/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The uses of what filesystems lie in, and who reaches them, from the database. */
#ifndef MUSTER_READER_FS_H
#define MUSTER_READER_FS_H

#include "core/fs_list.h"
#include "store.h"

/* Fills reply->filesystems, reply->reaches (in order of filesystems and nodes) and reply->uses in
 * `a`, the last in order of filesystems, containers from the inside out, nodes and keys; sets
 * reply->more when there are more than fit. 0, or as store_look_up. */
int reader_fs_list(struct store_reader *store, const struct fs_list_facts *f, struct arena *a,
                   struct reply *reply, struct err *e);

#endif
