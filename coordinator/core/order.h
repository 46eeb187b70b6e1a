/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A set of small integers in order of a key that each has: largest key first, equal keys by number.
 * All but order_reserve() cannot fail and take O(log n) on average. Zeroed is empty. */
#ifndef MUSTER_CORE_ORDER_H
#define MUSTER_CORE_ORDER_H

#include "base/types.h"

#define ORDER_NONE UINT32_MAX

struct order_entry { /* of a treap whose priorities are a hash of the number */
    uint64_t key;
    uint32_t before, after; /* subtrees; ORDER_NONE: none */
    bool in;
};

struct order {
    struct order_entry *entries;
    uint32_t cap, count, root; /* root means something while count is not 0 */
};

int order_reserve(struct order *o, uint32_t n); /* room for numbers below n; 0 or -ENOMEM */
void order_free(struct order *o);               /* what it holds, not the struct */
bool order_has(const struct order *o, uint32_t id);
void order_put(struct order *o, uint32_t id, uint64_t key); /* into its place, wherever it was */
void order_remove(struct order *o, uint32_t id);            /* legal when it is not in */
uint32_t order_first(const struct order *o);                /* ORDER_NONE: empty */
uint32_t order_last(const struct order *o);
uint32_t order_after(const struct order *o, uint32_t id); /* ORDER_NONE: it is the last */
uint32_t order_before(const struct order *o, uint32_t id);
bool order_precedes(uint64_t key_a, uint32_t a, uint64_t key_b, uint32_t b);

#endif
