/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The kernel's device-mapper, before libdevmapper asks it for anything. */
#ifndef MUSTER_COLLECT_DM_DRIVER_H
#define MUSTER_COLLECT_DM_DRIVER_H

#include <stdbool.h>

/* Whether this machine has device-mapper, and the node that it is asked through. */
bool dm_driver_is_there(void);
/* libdevmapper says nothing by itself from now on, and takes names as they are. */
void dm_driver_settle(void);
/* The same, and opens what libdevmapper, and LVM in this process, need, and keeps it open: only so
 * can a process ask device-mapper that may open nothing for writing. */
void dm_driver_open(void);
/* Has the kernel load what knows this kind of target, if it does not yet. */
void dm_driver_load(const char *target);

#endif
