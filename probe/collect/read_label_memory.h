/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Which devices are stuck, and what waits for them; read_label.c's own. */
#ifndef MUSTER_COLLECT_READ_LABEL_MEMORY_H
#define MUSTER_COLLECT_READ_LABEL_MEMORY_H

#include "collect/read_label.h"

/* Looks which abandoned children have gone, and forgets devices that are not among these, unless a
 * child waits for one. How many children live. */
size_t label_memory_refresh(struct label_memory *m, const struct label_device *devices, size_t n);

/* Whether an abandoned child still waits for the device. */
bool label_memory_waits(struct label_memory *m, dev_t devnum);
const struct label_stuck *label_memory_get(const struct label_memory *m, dev_t devnum);
/* Remembers it as stuck, since `start` or since earlier if it was already. pid 0: no child lives.
 * full: it had the whole limit, from `start` on. When there is no room, one that no child waits for
 * is forgotten. Since when. */
mono_ms label_memory_put(struct label_memory *m, dev_t devnum, mono_ms start, pid_t pid, bool full);
/* It answers again. Not while a child waits for it, for another part of the device. */
void label_memory_forget(struct label_memory *m, dev_t devnum);

#endif
