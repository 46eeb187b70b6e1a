/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the files of explain share. */
#ifndef MUSTER_CORE_EXPLAIN_INTERNAL_H
#define MUSTER_CORE_EXPLAIN_INTERNAL_H

#include "base/text.h"
#include "core/explain.h"

/* A node may have thousands of links on one network, each with a thousand slaves. */
enum { EVIDENCE_MOST = 2000 };
/* A PV in a logical volume in a volume group of such PVs would go on without end. */
enum { EVIDENCE_DEEPEST = 24 };

/* The evidence that is being put together. */
struct chain {
    const struct explain_facts *f;
    const struct section *sections;
    const struct explain_peer *peer; /* another node, to compare with; NULL: none */
    struct arena *a;
    struct evidence *v;
    size_t n, cap;
    bool failed; /* out of memory */
};

/* "BEFORE node VERB resource AFTER", by the state of the edge. */
struct edge_words {
    const char *before, *verb, *after;
};
extern const struct edge_words edge_words[EDGE_QUARANTINED + 1];

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
/* In any node's sections; NULL: not there. */
const void *rows_find(const struct section *sections, enum section_id id, const char *key);
const void *chain_row(const struct chain *ch, enum section_id id, const char *key); /* or NULL */
const char *chain_node(const struct chain *ch);                                     /* its name */
uint64_t chain_vlan(const struct chain *ch);
/* The options of `muster network define` for the resource's tag: " --vlan 100", or "". */
const char *chain_vlan_option(struct chain *ch);

/* explain.c */
/* ", had 8 until ...", or "". */
const char *explain_had(struct chain *ch, const struct edge_info *e);
/* What is wrong with a node in that state ("is down"), and what mends it. False: nothing is. */
struct node_fault {
    const char *evidence, *text, *mend;
};
bool explain_node_fault(struct chain *ch, const char *state, const char *name,
                        struct node_fault *out);

/* explain_port.c: from the port down to the switch. */
void explain_port(struct chain *ch, unsigned depth, const struct sighting_row *g);
void explain_base(struct chain *ch, unsigned depth, const char *base);
/* A network interface by its name: a VLAN link, a bridge, a bond or a NIC. */
void explain_link(struct chain *ch, unsigned depth, const char *name);
/* The bond that the NIC is a slave of, or NULL. */
const char *explain_bond_of(const struct chain *ch, const struct nic *nic);

/* explain_lack.c: what there would have to be for the node to see it. */
void explain_lack(struct chain *ch);

/* explain_storage.c: a LUN, volume group, logical volume or filesystem, from the top down. */
void explain_storage(struct chain *ch);
void explain_container(struct chain *ch, unsigned depth, const char *container);
/* `only`: of these PVs (UUIDs); NULL: all. */
void explain_vg(struct chain *ch, unsigned depth, const char *uuid, const struct strs *only);
void explain_lv(struct chain *ch, unsigned depth, const char *uuid);
/* The container of a filesystem's key, UUID@CONTAINER. */
const char *key_container(const char *key);
const char *chain_kind(const struct chain *ch);  /* of the resource that was asked for */
const char *kind_parts(enum resource_kind kind); /* what paths_active counts: "paths", "PVs" */
/* The UUID of the logical volume that the container is, or NULL. */
const char *container_lv(const char *container);

/* explain_image.c: what it is, and what it stands on. */
void explain_image(struct chain *ch);

/* explain_lun.c: a LUN, its paths, and the ports that they go through. */
void explain_lun(struct chain *ch, unsigned depth, const struct lun *lun);
/* Why the label of what is here was not read; NULL: it was. */
void explain_unread(struct chain *ch, unsigned depth, const char *what, const char *key,
                    const char *device, const char *unread);
/* "mpatha (HITACHI OPEN-V, 20 GiB)", and ", naa.60060e80..." */
const char *lun_text(struct chain *ch, const struct lun *lun);
bool path_is_active(const struct path *p);
bool port_is_up(const struct hba *h);
bool text_is(const char *text, const char *word); /* false for NULL */

/* "sdb (fc) from PORT to target port PORT", as it is or was. */
const char *path_route(struct chain *ch, const struct path *p);
/* What would bring it back where the kernel has nothing against it. */
const char *path_far_mend(struct chain *ch, const struct path *p, const struct hba *h);
/* The port of this node that it goes through; nothing where that is not known. */
void explain_path_hba(struct chain *ch, unsigned depth, const struct path *p);

/* explain_lost.c: the paths that led to a LUN in this boot and are there no more. */
void explain_lost_paths(struct chain *ch, unsigned depth, const char *lun);

/* explain_use.c: who has the container mounted or open. */
void explain_uses(struct chain *ch, unsigned depth, const char *container);
/* What other nodes do with the resource. */
void explain_holds(struct chain *ch);

/* explain_reach.c: has it proven that it reaches the filesystem? */
void explain_reach(struct chain *ch);
bool ends_sentence(const char *text); /* with a full stop */

/* explain_absent.c: what this node lacks of a chain that the peer has. */
void explain_absent(struct chain *ch);
void absent_container(struct chain *ch, unsigned depth, const char *container);
/* A PV that this node lacks: where another one has it, and what leads there. */
void absent_pv(struct chain *ch, unsigned depth, const char *uuid, const char *vg);
/* explain_unreached.c: why it does not reach a LUN that the peer reaches. */
void unreached_lun(struct chain *ch, unsigned depth, const char *key);

#endif
