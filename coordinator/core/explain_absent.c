/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the node does not see and another one does: the first thing of the chain that it lacks, and
 * the chain of the other node below that. */
#include "core/explain_internal.h"

static const char *name_of(const char *name, const char *uuid)
{
    return name != NULL ? name : uuid;
}

/* ---- PVs ------------------------------------------------------------------------------------ */

static const struct explain_pv *pv_elsewhere(const struct chain *ch, const char *uuid)
{
    for (size_t i = 0; i < ch->f->pv_count; i++) {
        if (strcmp(ch->f->pvs[i].uuid, uuid) == 0)
            return &ch->f->pvs[i];
    }
    return NULL;
}

static bool container_is_here(const struct chain *ch, const char *container)
{
    const char *uuid = container_lv(container);
    const struct lv *lv = uuid != NULL ? chain_row(ch, SECTION_LVS, uuid) : NULL;

    if (uuid != NULL)
        return lv != NULL && lv->active;
    return chain_row(ch, SECTION_PARTITIONS, container) != NULL ||
           chain_row(ch, SECTION_LUNS, container) != NULL;
}

void absent_pv(struct chain *ch, unsigned depth, const char *uuid, const char *vg)
{
    const struct explain_pv *pv = pv_elsewhere(ch, uuid);
    const struct explain_peer *peer = ch->peer;
    const char *mend = NULL;

    vg = vg != NULL ? vg : "Its volume group";
    if (pv == NULL) {
        chain_add(ch, depth, "pv", uuid, "missing",
                  chain_text(ch, "Present the LUN with this PV to %s", chain_node(ch)),
                  "%s names PV %s, which %s does not see%s.", vg, uuid, chain_node(ch),
                  ch->f->pvs_left_out ? "; there are too many to look for each of them elsewhere"
                                      : ", nor does any other node now");
        return;
    }
    if (!container_is_here(ch, pv->container))
        mend = chain_text(ch, "Present %s to %s", pv->container, chain_node(ch));
    chain_add(ch, depth, "pv", uuid, "missing", mend,
              "%s names PV %s, which %s does not see; on %s it lies in %s.", vg, uuid,
              chain_node(ch), pv->node, pv->container);
    if (pv->peer == PEER_NONE)
        return;
    ch->peer = &ch->f->peers[pv->peer];
    absent_container(ch, depth + 1, pv->container);
    ch->peer = peer;
}

/* ---- volume groups -------------------------------------------------------------------------- */

/* Of the volume group the node has not one PV: each of those that the peer has. */
static void absent_vg(struct chain *ch, unsigned depth, const char *uuid, const struct strs *only)
{
    const struct vg *there = rows_find(ch->peer->sections, SECTION_VGS, uuid);
    const struct section *s = &ch->peer->sections[SECTION_PVS];
    const char *name = there != NULL ? name_of(there->name, uuid) : uuid;

    chain_add(ch, depth, "vg", name, "missing",
              chain_text(ch, "Present the LUNs of its PVs to %s", chain_node(ch)),
              "%s reports no PV of the volume group %s.", chain_node(ch), name);
    for (size_t i = 0; i < s->row_count && !chain_full(ch); i++) {
        const struct pv *pv = section_row(s, i);
        bool wanted = only == NULL || only->n == 0;

        for (size_t k = 0; !wanted && k < only->n; k++)
            wanted = strcmp(only->v[k], pv->uuid) == 0;
        if (!wanted || !text_is(pv->vg_uuid, uuid))
            continue;
        if (pv->container == NULL) {
            absent_pv(ch, depth + 1, pv->uuid, name);
            continue;
        }
        chain_add(ch, depth + 1, "pv", pv->uuid, "missing", NULL, "On %s PV %s lies in %s.",
                  ch->peer->name, pv->uuid, pv->container);
        absent_container(ch, depth + 2, pv->container);
    }
}

/* The volume group is here, but not this logical volume of it. */
static void absent_in_vg(struct chain *ch, unsigned depth, const struct vg *here, const char *lv,
                         const char *uuid)
{
    const struct vg *there = rows_find(ch->peer->sections, SECTION_VGS, uuid);
    unsigned long long version = there != NULL ? there->seqno : 0;

    chain_add(
        ch, depth, "lv", lv, "missing",
        chain_text(ch, "On %s: vgck %s; pvscan --cache", chain_node(ch), name_of(here->name, uuid)),
        "%s reports the volume group %s in version %llu without %s; %s has version %llu.",
        chain_node(ch), name_of(here->name, uuid), (unsigned long long)here->seqno, lv,
        ch->peer->name, version);
    explain_vg(ch, depth + 1, uuid, NULL);
}

/* ---- logical volumes ------------------------------------------------------------------------ */

static void inactive_lv(struct chain *ch, unsigned depth, const struct lv *lv)
{
    const char *name =
        chain_text(ch, "%s/%s", name_of(lv->vg_name, "?"), name_of(lv->name, lv->uuid));

    chain_add(ch, depth, "lv", name, "missing",
              lv->paths_active < lv->paths_total
                  ? "First its volume group must be complete; see below"
                  : chain_text(ch, "On %s: lvchange --activate y %s", chain_node(ch), name),
              "%s has %s, but it is not active there, so nothing in it can be read.",
              chain_node(ch), name);
    if (lv->vg_uuid != NULL)
        explain_vg(ch, depth + 1, lv->vg_uuid, &lv->pvs);
}

static void absent_lv(struct chain *ch, unsigned depth, const char *uuid)
{
    const struct lv *here = chain_row(ch, SECTION_LVS, uuid);
    const struct lv *there = rows_find(ch->peer->sections, SECTION_LVS, uuid);
    const char *name = there != NULL ? chain_text(ch, "%s/%s", name_of(there->vg_name, "?"),
                                                  name_of(there->name, uuid))
                                     : uuid;
    const struct vg *vg =
        there != NULL && there->vg_uuid != NULL ? chain_row(ch, SECTION_VGS, there->vg_uuid) : NULL;

    if (here != NULL && !here->active) {
        inactive_lv(ch, depth, here);
        return;
    }
    if (here != NULL) {
        explain_lv(ch, depth, uuid);
        return;
    }
    if (vg != NULL) {
        absent_in_vg(ch, depth, vg, name, vg->uuid);
        return;
    }
    chain_add(ch, depth, "lv", name, "missing", NULL, "%s does not report %s.", chain_node(ch),
              name);
    if (there != NULL && there->vg_uuid != NULL)
        absent_vg(ch, depth + 1, there->vg_uuid, &there->pvs);
}

/* ---- containers ----------------------------------------------------------------------------- */

static void absent_partition(struct chain *ch, unsigned depth, const struct partition *p)
{
    const struct lun *lun = p->container != NULL ? chain_row(ch, SECTION_LUNS, p->container) : NULL;
    const char *mend = NULL;

    if (lun != NULL && lun->device != NULL && lun->unread == NULL)
        mend = chain_text(ch, "On %s: partx --update /dev/%s (kpartx for a multipath map)",
                          chain_node(ch), lun->device);
    chain_add(ch, depth, "partition", p->key, "missing", mend,
              "%s does not report partition %llu of %s.", chain_node(ch),
              (unsigned long long)p->number, p->container != NULL ? p->container : "its device");
    if (p->container != NULL)
        absent_container(ch, depth + 1, p->container);
}

void absent_container(struct chain *ch, unsigned depth, const char *container)
{
    const struct partition *p = rows_find(ch->peer->sections, SECTION_PARTITIONS, container);

    if (depth > EVIDENCE_DEEPEST || chain_full(ch))
        return;
    if (container_lv(container) != NULL)
        absent_lv(ch, depth, container_lv(container));
    else if (chain_row(ch, SECTION_PARTITIONS, container) != NULL ||
             chain_row(ch, SECTION_LUNS, container) != NULL)
        explain_container(ch, depth, container);
    else if (p != NULL)
        absent_partition(ch, depth, p);
    else
        unreached_lun(ch, depth, container);
}

/* ---- filesystems ---------------------------------------------------------------------------- */

/* Was the label of what is here not read? Of others than LUNs and partitions the section tells. */
static bool is_unread(const struct chain *ch, const char *container)
{
    const struct lun *lun = chain_row(ch, SECTION_LUNS, container);
    const struct partition *p = chain_row(ch, SECTION_PARTITIONS, container);

    return (lun != NULL && lun->unread != NULL) || (p != NULL && p->unread != NULL);
}

/* The container is here, and what the node reads in it is not the filesystem. */
static void another_content(struct chain *ch, const char *container)
{
    const struct filesystem *fs = chain_row(ch, SECTION_FILESYSTEMS, container);

    if (fs == NULL && is_unread(ch, container))
        chain_add(ch, 1, "filesystem", container, "unknown", NULL,
                  "%s has %s, and does not know what lies in it.", chain_node(ch), container);
    else if (fs == NULL)
        chain_add(ch, 1, "filesystem", container, "missing", NULL,
                  "%s has %s, and has found no filesystem in it.", chain_node(ch), container);
    else
        chain_add(ch, 1, "filesystem", container, "missing", NULL,
                  "%s has %s, and finds %s %s in it.", chain_node(ch), container,
                  name_of(fs->type, "something"), fs->uuid != NULL ? fs->uuid : "without a UUID");
}

static void absent_filesystem(struct chain *ch)
{
    const char *container = key_container(ch->f->key);

    if (container_is_here(ch, container)) {
        another_content(ch, container);
        explain_container(ch, 2, container);
    } else if (ch->peer != NULL) {
        absent_container(ch, 1, container);
    }
}

/* ---- all of it ------------------------------------------------------------------------------ */

static enum section_id section_of(enum resource_kind kind)
{
    static const enum section_id sections[RESOURCE_KINDS] = {
        [RESOURCE_LUN] = SECTION_LUNS,
        [RESOURCE_VG] = SECTION_VGS,
        [RESOURCE_LV] = SECTION_LVS,
        [RESOURCE_FILESYSTEM] = SECTION_FILESYSTEMS,
    };

    return sections[kind];
}

void explain_absent(struct chain *ch)
{
    if (ch->sections[section_of(ch->f->kind)].status == SECTION_NEVER)
        return; /* nothing is known; the section says so */
    if (ch->f->kind == RESOURCE_FILESYSTEM)
        absent_filesystem(ch);
    else if (ch->f->kind == RESOURCE_LUN)
        explain_lost_paths(ch, 1, ch->f->key);
    if (ch->peer == NULL) {
        chain_add(ch, 1, chain_kind(ch), ch->f->resource->label, "info", NULL,
                  "No other node sees it now, so that what leads to it is not known.");
        return;
    }
    if (ch->f->kind == RESOURCE_LUN)
        unreached_lun(ch, 1, ch->f->key);
    else if (ch->f->kind == RESOURCE_VG)
        absent_vg(ch, 1, ch->f->key, NULL);
    else if (ch->f->kind == RESOURCE_LV)
        absent_lv(ch, 1, ch->f->key);
}
