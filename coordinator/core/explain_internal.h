/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the files of explain share. */
#ifndef MUSTER_CORE_EXPLAIN_INTERNAL_H
#define MUSTER_CORE_EXPLAIN_INTERNAL_H

#include "base/text.h"
#include "core/explain.h"

/* A node may have thousands of links on one network, each with a thousand slaves. */
enum { EVIDENCE_MOST = 2000 };

/* The evidence that is being put together. */
struct chain {
    const struct explain_facts *f;
    const struct section *sections;
    struct arena *a;
    struct evidence *v;
    size_t n, cap;
    bool failed; /* out of memory */
};

/* One more link. `name` and `mend` may be NULL; both live in the arena, in the rows, or for ever.
 */
__attribute__((format(printf, 7, 8))) void chain_add(struct chain *ch, unsigned depth,
                                                     const char *what, const char *name,
                                                     const char *state, const char *mend,
                                                     const char *fmt, ...);
/* Text in the arena, "" when out of memory. */
__attribute__((format(printf, 2, 3))) const char *chain_text(struct chain *ch, const char *fmt,
                                                             ...);
/* No room for more ports and what is below them. */
static inline bool chain_full(const struct chain *ch)
{
    return ch->n >= EVIDENCE_MOST;
}
const void *chain_row(const struct chain *ch, enum section_id id, const char *key); /* or NULL */
const char *chain_node(const struct chain *ch);                                     /* its name */
uint64_t chain_vlan(const struct chain *ch);
/* The options of `muster network define` for the resource's tag: " --vlan 100", or "". */
const char *chain_vlan_option(struct chain *ch);

/* explain_port.c: from the port down to the switch. */
void explain_port(struct chain *ch, unsigned depth, const struct sighting_row *g);
void explain_base(struct chain *ch, unsigned depth, const char *base);
/* The bond that the NIC is a slave of, or NULL. */
const char *explain_bond_of(const struct chain *ch, const struct nic *nic);

/* explain_lack.c: what there would have to be for the node to see it. */
void explain_lack(struct chain *ch);

#endif
