/* SPDX-License-Identifier: GPL-2.0-or-later */
/* An SQLite VFS whose machine loses power when it is told to. It keeps track of what was synced; a
 * cut leaves of each file what was synced, and of every write and truncation since then a random
 * part, sector by sector. One thread, one machine. */
#ifndef MUSTER_TESTS_VFS_UNSYNCED_H
#define MUSTER_TESTS_VFS_UNSYNCED_H

#include <stdbool.h>
#include <stdint.h>

#define VFS_UNSYNCED "unsynced"

void vfs_unsynced_register(void);

/* A new machine. The power is cut in the middle of the nth write, truncation, sync or removal
 * (from 1; 0: never); from then on every call fails. */
void vfs_unsynced_reset(uint64_t seed, uint64_t nth);
uint64_t vfs_unsynced_calls(void); /* so far, of those that count */
bool vfs_unsynced_is_cut(void);
/* After the cut, with all connections closed: puts what is left into the real files. */
void vfs_unsynced_restore(void);

#endif
