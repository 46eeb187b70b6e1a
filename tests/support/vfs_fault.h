/* SPDX-License-Identifier: GPL-2.0-or-later */
/* An SQLite VFS whose disk fails when it is told to. One disk; any thread may tell it. */
#ifndef MUSTER_TESTS_VFS_FAULT_H
#define MUSTER_TESTS_VFS_FAULT_H

#include <stdbool.h>
#include <stdint.h>

#define VFS_FAULT "fault"

enum fault {
    FAULT_NONE,
    FAULT_WRITE_EIO,
    FAULT_WRITE_SHORT, /* half is written, then EIO */
    FAULT_WRITE_FULL,  /* ENOSPC */
    FAULT_EXTEND_FULL, /* ENOSPC, where the write makes the file longer: a real full disk */
    FAULT_SYNC,
    FAULT_TRUNCATE,
    FAULT_READ,
    FAULT_OPEN,
    FAULT_SHM, /* no space to extend the shared memory */
    FAULT_COUNT,
};

const char *vfs_fault_name(enum fault f);
void vfs_fault_register(void);

/* The nth call (from 1) of the kind fails; with `lasting` all after it too, until healed. */
void vfs_fault_arm(enum fault f, uint64_t nth, bool lasting);
void vfs_fault_heal(void);
bool vfs_fault_fired(void); /* since it was armed */

#endif
