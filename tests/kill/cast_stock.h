/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the nodes of a cast have, and what their scans find. */
#ifndef MUSTER_TESTS_CAST_STOCK_H
#define MUSTER_TESTS_CAST_STOCK_H

#include "agent.h"

void stock_identity(uint32_t node, uuid128 id, struct arena *a, struct identity *out);
/* Sections of that kind of worker, normalised, in `a`. 0 or -ENOMEM. */
int stock_inventory(const struct identity *who, enum worker_kind kind, struct arena *a,
                    struct section *out, size_t *count);
/* A result by a die of 100; `image` must live as long as it. */
void stock_result(uint64_t die, struct scan_result *out, struct image *image);

#endif
