/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Who wants a hint when something changes. Pure; the core thread owns it. */
#ifndef MUSTER_WATCH_H
#define MUSTER_WATCH_H

#include "core/core.h"

struct watches;

struct watches *watches_new(void);    /* NULL: out of memory */
void watches_free(struct watches *w); /* NULL is legal */

/* Hints for `route` until DEFAULT_WATCH_MS from now; again goes on. 0, -ENOMEM, or -ENOSPC:
 * LIMIT_WATCHES of them. */
int watches_add(struct watches *w, const struct route *route, mono_ms now);
/* Something visible has become durable. */
void watches_changed(struct watches *w);
/* The next one whose hint is due now, or NULL: `size_t it = 0; while ((r = watches_due(w, now,
 * &it)))`. It counts as sent. Those whose time is up are forgotten at the start. */
const struct route *watches_due(struct watches *w, mono_ms now, size_t *it);
/* When watches_due has something to give; INT64_MAX: never, as it stands. */
mono_ms watches_next(const struct watches *w);
size_t watches_count(const struct watches *w);

#endif
