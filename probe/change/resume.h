/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef MUSTER_CHANGE_RESUME_H
#define MUSTER_CHANGE_RESUME_H

#include "base/err.h"

/* Devices of LVs of the volume group with this UUID that an earlier worker has left suspended go
 * on, with the tables that they have: whatever it has loaded beside is dropped, since its metadata
 * may never have been written. 0, or a negative errno with a sentence that names the one that does
 * not. */
int change_resume(const char *group, struct err *e);

#endif
