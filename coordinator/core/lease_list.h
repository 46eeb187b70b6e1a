/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Rights that are over, as far as the core knows which are asked for: the shell finds them in the
 * database, newest first, and adds them to those in the reply. */
#ifndef MUSTER_CORE_LEASE_LIST_H
#define MUSTER_CORE_LEASE_LIST_H

#include "core/rows.h"

/* In the reply's arena; an empty filter lets all through. */
struct lease_list_facts {
    enum right_kind kind;
    uuid128 *resources, *nodes;
    size_t resource_count, node_count;
    uint64_t limit;
};

bool lease_list_wants(const struct lease_list_facts *f, const struct lease_history_row *row);
/* 0 or -ENOMEM. Texts of the row must live as long as the reply. */
int lease_list_info(struct arena *a, const struct lease_history_row *row, struct lease_info *out);

#endif
