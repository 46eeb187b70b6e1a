/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The devices of device-mapper of the LVs of one volume group. */
#ifndef MUSTER_CHANGE_MAPPED_H
#define MUSTER_CHANGE_MAPPED_H

#include "base/arena.h"
#include "base/err.h"
#include "collect/parse_dm.h"

struct mapped {
    const char *name, *uuid;
    const struct dm_text *map; /* as it was read */
    bool suspended;            /* the same */
};

/* Those that there are, in `a`. 0, or a negative errno with a sentence. */
int mapped_read(const char *group, struct arena *a, struct mapped **out, size_t *n, struct err *e);

/* Those that an earlier worker has left suspended go on, with the tables that they have: whatever
 * it has loaded beside is dropped, since its metadata may never have been written. 0, or a negative
 * errno with a sentence that names the one that does not. */
int mapped_resume(const struct mapped *v, size_t n, struct err *e);

/* 0 or a negative errno: -EBUSY when it is in use. */
int mapped_remove(const struct mapped *m);

#endif
