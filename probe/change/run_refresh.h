/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The devices of the LVs of one volume group become what its metadata say: those that a worker was
 * killed at go on, an old table becomes the new one, and what is of no LV, or of one of which there
 * may be no device, goes, unless it is in use. No metadata are written, and nothing is activated.
 */
#ifndef MUSTER_CHANGE_RUN_REFRESH_H
#define MUSTER_CHANGE_RUN_REFRESH_H

#include "base/arena.h"
#include "base/err.h"
#include "wire/messages.h"

struct refresh_run {
    const struct refresh_work *work;
    struct arena *arena;
    bool wanted; /* there are such devices */
    struct refresh_result result;
};

/* As root, before it gives anything up: who the devices are, and a /dev with no others. 0, or a
 * negative errno with a sentence. */
int refresh_open(struct refresh_run *r, struct err *e);
/* The rest. Fills the result. 0, or a negative errno with a sentence: it is not known what has
 * become of it. */
int refresh_carry_out(struct refresh_run *r, struct err *e);

#endif
