/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What a power cut would leave of a process that is killed: an SQLite VFS that keeps beside each
 * file a shadow of what was synced of it, and the cut, which is made by who has killed the process.
 */
#ifndef MUSTER_TESTS_VFS_SHADOW_H
#define MUSTER_TESTS_VFS_SHADOW_H

#include <stdbool.h>
#include <stdint.h>

#define SHADOW_SUFFIX ".synced"

/* Makes it the default VFS of this process. `lies`: syncs soon do nothing, as of a disk that
 * acknowledges what it only has in its cache. */
void vfs_shadow_register(bool lies);

/* The power has gone while the process was killed: of each file in the folder of which there is a
 * shadow, what was synced is left, and of what was not a random part, sector by sector; a file that
 * was never synced is gone, or there as well. Without `random` nothing is left of it. Returns how
 * many sectors it has taken back; -1: errno says why it cannot. */
int64_t vfs_shadow_cut(const char *folder, uint64_t *random);

/* What is there is durable, also if the next process is killed before it opens it: this one has
 * ended in good order. 0; -1: errno says why it cannot. */
int vfs_shadow_settle(const char *folder);

#endif
