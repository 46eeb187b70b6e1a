/* SPDX-License-Identifier: GPL-2.0-or-later */
/* In which order things are shown, and names in short. Pure. */
#ifndef MUSTER_CLI_ORDER_H
#define MUSTER_CLI_ORDER_H

#include "cli/text.h"
#include "wire/messages.h"

/* Like strcmp, but numbers in the names count as numbers: node2 comes before node10. 0 for equal
 * names alone. NULL is the empty name. */
int natural_compare(const char *a, const char *b);

/* What kind of resource it is, in the order in which they are shown: an enum resource_kind for
 * declared networks and for storage, RANK_OTHER for a kind that is newer than this program, and
 * the unproven ports last. */
enum { RANK_OTHER = RESOURCE_KINDS, RANK_PORT, RANKS };
unsigned resource_rank(const struct resource_info *x);

/* Puts a reply in order: nodes and networks by name, resources by their rank and then by label,
 * edges and uses by their node and resource. After it the `node` and `resource` of those two are
 * places in the reply's arrays, as are the `index` of these; one that points nowhere is taken out,
 * so that a fault of the coordinator never becomes a wrong name. 0 or -ENOMEM. */
int reply_order(struct reply *r);

/* "rack7-[01-03,07], web2" for names in natural order; at most `most` names or ranges of names, and
 * then how many more there are. */
const char *name_ranges(struct text *t, const char *const *names, size_t n, size_t most);

#endif
