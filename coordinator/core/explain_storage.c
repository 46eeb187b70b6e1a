/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What stores data on a node, from the top down: filesystem < logical volume < volume group < PVs <
 * partition < LUN. */
#include "core/explain_internal.h"
#include "model/lvm_name.h"

static unsigned long long number(uint64_t n)
{
    return n;
}

static const char *parts_state(uint64_t active, uint64_t total)
{
    return active == total ? "ok" : active == 0 ? "lost" : "degraded";
}

static const char *size_text(struct chain *ch, bool known, uint64_t bytes)
{
    char size[24];

    return known ? chain_text(ch, ", %s", bytes_text(bytes, size)) : "";
}

const char *key_container(const char *key)
{
    const char *at = strchr(key, '@');

    return at != NULL ? at + 1 : key;
}

const char *container_lv(const char *container)
{
    return strncmp(container, "lv.", 3) == 0 ? container + 3 : NULL;
}

/* ---- the resource --------------------------------------------------------------------------- */

const char *chain_kind(const struct chain *ch)
{
    return ch->f->image != NULL ? resource_kind_name(RESOURCE_IMAGE)
                                : resource_kind_name(ch->f->kind);
}

const char *kind_parts(enum resource_kind kind)
{
    return kind == RESOURCE_VG || kind == RESOURCE_LV ? "PVs" : "paths";
}

static const char *since_text(struct chain *ch, const struct edge_info *e)
{
    char at[TIME_TEXT];

    if (e->state == EDGE_OK || e->state == EDGE_QUARANTINED || !REC_HAS(e, edge_info, since_ms))
        return "";
    return chain_text(ch, ", so since %s", wall_rfc3339((wall_ms){ e->since_ms }, at));
}

static void never_seen(struct chain *ch)
{
    const char *label = ch->f->resource->label;
    const char *kind = chain_kind(ch);

    if (ch->peer != NULL)
        chain_add(ch, 0, kind, label, "missing", NULL, "%s does not see %s; %s does.",
                  chain_node(ch), label, ch->peer->name);
    else
        chain_add(ch, 0, kind, label, "missing", NULL,
                  "%s does not see %s, nor does any other node now.", chain_node(ch), label);
}

static void storage_resource(struct chain *ch)
{
    const struct edge_info *e = ch->f->edge;
    const char *label = ch->f->resource->label;

    if (e == NULL || e->state < EDGE_OK || e->state > EDGE_QUARANTINED) {
        never_seen(ch);
        return;
    }
    chain_add(ch, 0, chain_kind(ch), label, edge_state_name((enum edge_state)e->state), NULL,
              "%s%s%s%s%s: %llu of %llu %s%s%s.", edge_words[e->state].before, chain_node(ch),
              edge_words[e->state].verb, label, edge_words[e->state].after, number(e->paths_active),
              number(e->paths_total), kind_parts(ch->f->kind), explain_had(ch, e),
              since_text(ch, e));
}

bool ends_sentence(const char *text)
{
    size_t n = strlen(text);

    return n > 0 && text[n - 1] == '.';
}

/* What was found there instead, and what ends it. */
static void explain_distrust(struct chain *ch)
{
    const struct edge_info *e = ch->f->edge;
    const char *label =
        ch->f->image != NULL ? ch->f->image->filesystem->label : ch->f->resource->label;
    char at[TIME_TEXT];

    if (e == NULL || e->distrust == NULL)
        return;
    chain_add(ch, 1, "scan", label, "quarantined",
              chain_text(ch,
                         "Present to %s what it says that it sees; a scan of it then has %s prove "
                         "that it does",
                         chain_node(ch), chain_node(ch)),
              "When %s looked, since %s, something else was there: %s%s", chain_node(ch),
              wall_rfc3339((wall_ms){ e->distrusted_ms }, at), e->distrust,
              ends_sentence(e->distrust) ? "" : ".");
}

/* What is wrong with its identity, whoever looks at it. */
static void explain_doubts(struct chain *ch)
{
    const struct resource_info *r =
        ch->f->image != NULL ? ch->f->image->filesystem : ch->f->resource;

    for (size_t i = 0; i < r->doubts.n; i++)
        chain_add(ch, 1, resource_kind_name(ch->f->kind), r->label, "degraded", NULL, "%s",
                  r->doubts.v[i]);
    if (r->conflict_class != NULL && r->doubts.n == 0)
        chain_add(ch, 1, resource_kind_name(ch->f->kind), r->label, "info", NULL,
                  "It has copies, or may have: they share the conflict class %s.",
                  r->conflict_class);
}

/* ---- partitions and PVs --------------------------------------------------------------------- */

static void explain_partition(struct chain *ch, unsigned depth, const struct partition *p)
{
    chain_add(ch, depth, "partition", p->key, "ok", NULL, "%s is partition %llu%s%s%s of %s.",
              p->device != NULL ? p->device : p->key, number(p->number),
              p->table_type != NULL ? chain_text(ch, " (%s)", p->table_type) : "",
              p->label != NULL ? chain_text(ch, " \"%s\"", p->label) : "",
              size_text(ch, REC_HAS(p, partition, size_bytes), p->size_bytes),
              p->container != NULL ? p->container : "a device that is not known");
    explain_unread(ch, depth + 1, "partition", p->key, p->device, p->unread);
    explain_uses(ch, depth + 1, p->key);
    if (p->container != NULL)
        explain_container(ch, depth + 1, p->container);
}

static void explain_pv(struct chain *ch, unsigned depth, const struct pv *pv)
{
    const char *mend = NULL;

    if (pv->missing || pv->container == NULL) {
        absent_pv(ch, depth, pv->uuid, pv->vg_name);
        return;
    }
    if (pv->duplicate)
        mend = chain_text(ch,
                          "Take one of the copies away from %s, or change its UUIDs "
                          "(vgimportclone)",
                          chain_node(ch));
    chain_add(ch, depth, "pv", pv->uuid, pv->duplicate ? "degraded" : "ok", mend,
              "PV %s is on %s%s%s.", pv->uuid, pv->device != NULL ? pv->device : pv->container,
              size_text(ch, REC_HAS(pv, pv, size_bytes), pv->size_bytes),
              pv->duplicate ? ", and another device has the same UUID" : "");
    explain_container(ch, depth + 1, pv->container);
}

/* ---- volume groups and logical volumes ------------------------------------------------------ */

static bool among(const struct strs *only, const char *uuid)
{
    if (only == NULL || only->n == 0)
        return true;
    for (size_t i = 0; i < only->n; i++) {
        if (strcmp(only->v[i], uuid) == 0)
            return true;
    }
    return false;
}

static void explain_vg_row(struct chain *ch, unsigned depth, const struct vg *vg)
{
    uint64_t missing = vg->pvs_missing < vg->pvs ? vg->pvs_missing : vg->pvs;
    const char *mend =
        missing == 0 ? NULL : chain_text(ch, "Present the missing PVs to %s", chain_node(ch));

    chain_add(ch, depth, "vg", vg->name != NULL ? vg->name : vg->uuid,
              parts_state(vg->pvs - missing, vg->pvs), mend,
              "%s has %llu of its %llu PVs here, metadata version %llu%s%s.",
              vg->name != NULL ? vg->name : vg->uuid, number(vg->pvs - missing), number(vg->pvs),
              number(vg->seqno), vg->exported ? ", exported" : "",
              vg->system_id != NULL ? chain_text(ch, ", of system %s", vg->system_id) : "");
    if (vg->fault != NULL)
        chain_add(ch, depth + 1, "vg", vg->name != NULL ? vg->name : vg->uuid, "degraded",
                  "The next change of the volume group by muster makes it so, or says what is in "
                  "the way",
                  "On %s %s.", chain_node(ch), vg->fault);
    if (vg->activated_by != NULL)
        chain_add(ch, depth + 1, "vg", vg->name != NULL ? vg->name : vg->uuid, "info", NULL,
                  "On %s %s.", chain_node(ch), vg->activated_by);
}

void explain_vg(struct chain *ch, unsigned depth, const char *uuid, const struct strs *only)
{
    const struct vg *vg = chain_row(ch, SECTION_VGS, uuid);
    const struct section *s = &ch->sections[SECTION_PVS];

    if (vg == NULL) {
        chain_add(ch, depth, "vg", uuid, "missing", NULL, "%s reports no volume group %s.",
                  chain_node(ch), uuid);
        return;
    }
    explain_vg_row(ch, depth, vg);
    for (size_t i = 0; i < s->row_count && !chain_full(ch); i++) {
        const struct pv *pv = section_row(s, i);

        if (text_is(pv->vg_uuid, uuid) && among(only, pv->uuid))
            explain_pv(ch, depth + 1, pv);
    }
}

static const char *lv_full_name(struct chain *ch, const struct lv *lv)
{
    return chain_text(ch, "%s/%s", lv->vg_name != NULL ? lv->vg_name : "?",
                      lv->name != NULL ? lv->name : lv->uuid);
}

static const char *lv_state(struct chain *ch, const struct lv *lv, const char **mend)
{
    if (lv->suspended) {
        *mend =
            chain_text(ch, "On %s: dmsetup resume /dev/%s", chain_node(ch), lv_full_name(ch, lv));
        return "stuck";
    }
    if (lv->paths_active < lv->paths_total) {
        *mend = "See below which of its PVs is missing";
        return parts_state(lv->paths_active, lv->paths_total);
    }
    if (lvm_is_lost_snapshot(lv->attr)) {
        *mend = chain_text(ch, "Remove it: muster lv remove %s %s", lv->vg_name, lv->name);
        return "degraded";
    }
    if (lv->health != NULL) {
        *mend = chain_text(ch, "See lvs -o lv_health_status,lv_attr %s on %s", lv_full_name(ch, lv),
                           chain_node(ch));
        return "degraded";
    }
    return lv->active ? "ok" : "info";
}

void explain_lv(struct chain *ch, unsigned depth, const char *uuid)
{
    const struct lv *lv = chain_row(ch, SECTION_LVS, uuid);
    const char *mend = NULL, *state;

    if (lv == NULL) {
        chain_add(ch, depth, "lv", uuid, "missing", NULL, "%s reports no logical volume %s.",
                  chain_node(ch), uuid);
        return;
    }
    state = lv_state(ch, lv, &mend);
    chain_add(ch, depth, "lv", lv_full_name(ch, lv), state, mend, "%s (%s%s) is %s%s%s%s%s.",
              lv_full_name(ch, lv), lv->type != NULL ? lv->type : "of unknown type",
              size_text(ch, REC_HAS(lv, lv, size_bytes), lv->size_bytes),
              !lv->active     ? "not active here"
              : lv->suspended ? "active and suspended"
              : lvm_is_lost_snapshot(lv->attr)
                  ? "a snapshot that was full, and shows nothing any more; it is active"
              : lv->open ? "active and open"
                         : "active",
              lv->device != NULL ? " as " : "", lv->device != NULL ? lv->device : "",
              lv->health != NULL ? ", its health: " : "", lv->health != NULL ? lv->health : "");
    explain_uses(ch, depth + 1, chain_text(ch, "lv.%s", uuid));
    if (lv->vg_uuid != NULL)
        explain_vg(ch, depth + 1, lv->vg_uuid, &lv->pvs);
}

/* ---- containers ----------------------------------------------------------------------------- */

void explain_container(struct chain *ch, unsigned depth, const char *container)
{
    const struct partition *p = chain_row(ch, SECTION_PARTITIONS, container);
    const struct lun *lun = chain_row(ch, SECTION_LUNS, container);

    if (depth > EVIDENCE_DEEPEST || chain_full(ch))
        return;
    if (container_lv(container) != NULL)
        explain_lv(ch, depth, container_lv(container));
    else if (p != NULL)
        explain_partition(ch, depth, p);
    else if (lun != NULL)
        explain_lun(ch, depth, lun);
    else {
        chain_add(ch, depth, "lun", container, "missing", NULL,
                  "%s reports nothing more of the device %s.", chain_node(ch), container);
        explain_uses(ch, depth + 1, container);
    }
}

/* ---- filesystems ---------------------------------------------------------------------------- */

static const char *filesystem_text(struct chain *ch, const struct filesystem *fs)
{
    const char *text = chain_text(ch, "%s", fs->type != NULL ? fs->type : "A filesystem");

    if (fs->label != NULL)
        text = chain_text(ch, "%s \"%s\"", text, fs->label);
    if (fs->uuid != NULL)
        text = chain_text(ch, "%s, %s", text, fs->uuid);
    text = chain_text(ch, "%s%s", text,
                      size_text(ch, REC_HAS(fs, filesystem, size_bytes), fs->size_bytes));
    if (text_is(fs->state, "dirty"))
        return chain_text(ch, "%s, dirty: mounted somewhere, or not unmounted well", text);
    return fs->state != NULL ? chain_text(ch, "%s, %s", text, fs->state) : text;
}

/* The journal, when it lies elsewhere. */
static void explain_journal(struct chain *ch, unsigned depth, const struct filesystem *fs)
{
    const struct section *s = &ch->sections[SECTION_FILESYSTEMS];

    if (fs->journal_uuid == NULL)
        return;
    for (size_t i = 0; i < s->row_count; i++) {
        const struct filesystem *j = section_row(s, i);

        if (j == fs || !text_is(j->uuid, fs->journal_uuid))
            continue;
        chain_add(ch, depth, "filesystem", j->container, "ok", NULL, "Its journal is in %s.",
                  j->container);
        explain_container(ch, depth + 1, j->container);
        return;
    }
    chain_add(ch, depth, "filesystem", fs->journal_uuid, "missing",
              chain_text(ch, "Present the LUN with the journal to %s", chain_node(ch)),
              "Its journal has the UUID %s, and %s sees none with it.", fs->journal_uuid,
              chain_node(ch));
}

/* The other devices of a filesystem that consists of several. */
static void explain_members(struct chain *ch, unsigned depth, const struct filesystem *fs)
{
    const struct section *s = &ch->sections[SECTION_FILESYSTEMS];
    uint64_t n = 1;

    if (fs->members < 2 || fs->uuid == NULL)
        return;
    for (size_t i = 0; i < s->row_count && !chain_full(ch); i++) {
        const struct filesystem *m = section_row(s, i);

        if (m == fs || !text_is(m->uuid, fs->uuid) || text_is(m->sub_uuid, fs->sub_uuid))
            continue;
        n++;
        chain_add(ch, depth, "filesystem", m->container, "ok", NULL, "Device %llu of it is %s.",
                  number(m->member_id), m->container);
        explain_container(ch, depth + 1, m->container);
    }
    if (n < fs->members)
        chain_add(ch, depth, "filesystem", fs->uuid, "missing",
                  chain_text(ch, "Present the LUNs with its other devices to %s", chain_node(ch)),
                  "It consists of %llu devices, and %llu of them are here.", number(fs->members),
                  number(n));
}

static void explain_filesystem(struct chain *ch, unsigned depth, const struct filesystem *fs)
{
    bool bad = text_is(fs->state, "error");

    chain_add(ch, depth, "filesystem", fs->container, bad ? "degraded" : "ok",
              bad ? "Unmount it everywhere and let fsck look at it" : NULL, "%s, in %s as %s.",
              filesystem_text(ch, fs), fs->container,
              fs->device != NULL ? fs->device : "no device");
    explain_container(ch, depth + 1, fs->container);
    explain_journal(ch, depth + 1, fs);
    explain_members(ch, depth + 1, fs);
}

/* ---- all of it ------------------------------------------------------------------------------ */

/* The row that shows the filesystem; in the same container there may be another one by now. */
static const struct filesystem *filesystem_of(const struct chain *ch)
{
    const char *container = key_container(ch->f->key);
    const struct filesystem *fs = chain_row(ch, SECTION_FILESYSTEMS, container);
    size_t n = (size_t)(container - ch->f->key);
    const char *uuid = fs != NULL && fs->uuid != NULL ? fs->uuid : "";

    if (fs == NULL || n == 0)
        return fs;
    return strlen(uuid) == n - 1 && strncmp(uuid, ch->f->key, n - 1) == 0 ? fs : NULL;
}

/* False: the node does not report it. */
static bool explain_present(struct chain *ch)
{
    const char *key = ch->f->key;
    const struct filesystem *fs;

    switch (ch->f->kind) {
    case RESOURCE_LUN:
        if (chain_row(ch, SECTION_LUNS, key) == NULL)
            return false;
        explain_lun(ch, 1, chain_row(ch, SECTION_LUNS, key));
        return true;
    case RESOURCE_VG:
        if (chain_row(ch, SECTION_VGS, key) == NULL)
            return false;
        explain_vg(ch, 1, key, NULL);
        return true;
    case RESOURCE_LV:
        if (chain_row(ch, SECTION_LVS, key) == NULL)
            return false;
        explain_lv(ch, 1, key);
        return true;
    case RESOURCE_FILESYSTEM:
        fs = filesystem_of(ch);
        if (fs != NULL)
            explain_filesystem(ch, 1, fs);
        return fs != NULL;
    default:
        return true;
    }
}

void explain_storage(struct chain *ch)
{
    storage_resource(ch);
    explain_distrust(ch);
    explain_reach(ch);
    if (ch->f->image != NULL)
        explain_image(ch);
    explain_doubts(ch);
    if (ch->f->owner != NULL)
        chain_add(ch, 1, chain_kind(ch), ch->f->resource->label, "info", NULL,
                  "It has no identity beyond its node: it is a device of %s itself.", ch->f->owner);
    else if (!explain_present(ch))
        explain_absent(ch);
}
