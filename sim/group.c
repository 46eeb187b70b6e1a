/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What is on the PVs, and what LVM reports of it. */
#include "group.h"

#include <stdlib.h>

#include "base/text.h"

/* ---- versions ------------------------------------------------------------------------------- */

const struct group_meta *group_newest(const struct group *g)
{
    const struct group_meta *m = &g->on[0];

    for (unsigned i = 1; i < GROUP_PVS; i++) {
        if (g->on[i].no != 0 && (m->no == 0 || g->on[i].seqno > m->seqno))
            m = &g->on[i];
    }
    return m;
}

bool group_is_unequal(const struct group *g)
{
    const struct group_meta *m = group_newest(g);

    for (unsigned i = 0; i < GROUP_PVS; i++) {
        if ((m->pvs >> i & 1) != 0 && g->on[i].no != m->no)
            return true;
    }
    return false;
}

void group_uuid_text(uint32_t vg, char out[16])
{
    snprintf(out, 16, "V%u", vg);
}

void group_mark_text(uint32_t no, char out[16])
{
    snprintf(out, 16, "version%u", no);
}

const struct version *group_by_mark(const struct group *g, uint64_t mark)
{
    char text[16];

    for (size_t i = g->version_n; i-- > 0;) {
        group_mark_text(g->versions[i].meta.no, text);
        if (text_mark(text) == mark)
            return &g->versions[i];
    }
    return NULL;
}

void group_version(struct sim *s, struct group_meta *meta, const struct host *by,
                   const struct lvm_order *order)
{
    struct group *g = s->group;

    g->versions = realloc(g->versions, (g->version_n + 1) * sizeof *g->versions);
    if (g->versions == NULL)
        abort();
    meta->no = (uint32_t)g->version_n + 1;
    meta->seqno++;
    g->versions[g->version_n++] =
        (struct version){ .meta = *meta,
                          .by = by,
                          .boots = by == NULL ? 0 : by->boots,
                          .fork = order == NULL ? 0 : oracle_group_fork(g, order->token, by),
                          .token = order == NULL ? 0 : order->token,
                          .task = order == NULL ? 0 : order->order->task,
                          .op = order == NULL ? 0 : order->op,
                          .at = s->now,
                          .overtaken = WORLD_NEVER };
}

void group_write(struct sim *s, unsigned pv, const struct group_meta *meta)
{
    struct group *g = s->group;
    uint32_t before = group_newest(g)->no, now;

    g->versions[meta->no - 1].written = true;
    if ((meta->pvs >> pv & 1) != 0)
        g->on[pv] = *meta;
    else
        g->on[pv] = (struct group_meta){ .no = 0 };
    now = group_newest(g)->no;
    if (before != now && before != 0)
        g->versions[before - 1].overtaken = s->now;
}

/* ---- names ---------------------------------------------------------------------------------- */

unsigned group_pv_of(const struct sim *s, const char *container)
{
    unsigned long no = strtoul(container + strlen("naa.600140500000"), NULL, 10);

    return no >= s->o.luns && no < s->o.luns + GROUP_PVS ? (unsigned)(no - s->o.luns) : GROUP_PVS;
}

struct lv_meta *group_lv(struct group_meta *m, const char *name)
{
    for (uint32_t i = 0; i < m->n; i++) {
        if (strcmp(m->lvs[i].name, name) == 0)
            return &m->lvs[i];
    }
    return NULL;
}

const struct lv_meta *group_lv_by_uuid(const struct group_meta *m, const char *uuid)
{
    for (uint32_t i = 0; uuid != NULL && i < m->n; i++) {
        if (m->lvs[i].id == strtoul(uuid + strlen("LV"), NULL, 10))
            return &m->lvs[i];
    }
    return NULL;
}

struct mapping *group_mapping(const struct sim *s, const struct host *h, uint32_t lv)
{
    struct mapping *m = s->group->mappings;

    while (m != NULL && (m->host != h || m->lv != lv))
        m = m->next;
    return m;
}

/* ---- rows ----------------------------------------------------------------------------------- */

static uint64_t allocated(const struct group_meta *m)
{
    uint64_t n = 0;

    for (uint32_t i = 0; i < m->n; i++)
        n += m->lvs[i].extents;
    return n;
}

static const char *uuid_of(const struct group_meta *m, struct arena *a)
{
    char text[16];

    group_uuid_text(m->vg, text);
    return arena_strdup(a, text);
}

/* All LVs lie on the first. */
static void pv_row(const struct sim *s, const struct group_meta *m, unsigned i, struct arena *a,
                   struct pv *row)
{
    REC_SET(row, pv, uuid, arena_strdup(a, m->pv_uuid[i]));
    REC_SET(row, pv, container, arena_printf(a, "naa.600140500000%04u", s->o.luns + i));
    REC_SET(row, pv, device, arena_printf(a, "dm-%u", s->o.luns + i));
    REC_SET(row, pv, vg_uuid, uuid_of(m, a));
    REC_SET(row, pv, vg_name, GROUP_NAME);
    REC_SET(row, pv, extents, GROUP_EXTENTS);
    REC_SET(row, pv, extents_allocated, i == 0 ? allocated(m) : 0);
    REC_SET(row, pv, metadata_areas, 1);
}

static void vg_row(const struct group_meta *m, uint64_t pvs, struct arena *a, struct vg *row)
{
    const char **tag = arena_array(a, 1, sizeof *tag);
    char text[16];

    tag[0] = arena_strdup(a, m->tag);
    group_mark_text(m->no, text);
    REC_SET(row, vg, uuid, uuid_of(m, a));
    if (m->tag[0] != '\0')
        REC_SET(row, vg, tags, ((struct strs){ tag, 1 }));
    REC_SET(row, vg, name, GROUP_NAME);
    REC_SET(row, vg, seqno, m->seqno);
    REC_SET(row, vg, metadata_digest, arena_strdup(a, text));
    REC_SET(row, vg, extent_bytes, EXTENT_BYTES);
    REC_SET(row, vg, lvs, m->n);
    REC_SET(row, vg, pvs, pvs);
    REC_SET(row, vg, paths_active, pvs);
    REC_SET(row, vg, paths_total, pvs);
}

/* As LVM names what an LV is, sorted (lvmreport(7)). */
static struct strs roles_of(const struct group_meta *of, const struct lv_meta *lv)
{
    static const char *const plain[] = { "public" };
    static const char *const origin[] = { "origin", "public", "thickorigin" };
    static const char *const snapshot[] = { "public", "snapshot", "thicksnapshot" };

    if (lv->origin != 0)
        return (struct strs){ (const char **)(uintptr_t)snapshot, 3 };
    return group_has_snapshots(of, lv->id) ? (struct strs){ (const char **)(uintptr_t)origin, 3 }
                                           : (struct strs){ (const char **)(uintptr_t)plain, 1 };
}

/* Where there is device-mapper. */
static void lv_row_mapped(const struct group_meta *of, const struct lv_meta *lv,
                          const struct mapping *m, struct arena *a, struct lv *row)
{
    REC_SET(row, lv, role, roles_of(of, lv));
    if (m != NULL)
        REC_SET(row, lv, device, arena_printf(a, "dm-%u", 100 + lv->id));
    if (m != NULL && m->suspended)
        REC_SET(row, lv, attr, "-wi-s-----");
    for (uint32_t i = 0; lv->origin != 0 && i < of->n; i++) {
        if (of->lvs[i].id == lv->origin)
            REC_SET(row, lv, origin, arena_strdup(a, of->lvs[i].name));
    }
}

static void lv_row(const struct sim *s, const struct host *h, const struct group_meta *of,
                   const struct lv_meta *lv, struct arena *a, struct lv *row)
{
    const struct mapping *m = group_mapping(s, h, lv->id);
    const char **tag = arena_array(a, 1, sizeof *tag);

    tag[0] = arena_strdup(a, lv->tag);
    REC_SET(row, lv, uuid, arena_printf(a, "LV%u", lv->id));
    REC_SET(row, lv, name, arena_strdup(a, lv->name));
    REC_SET(row, lv, vg_uuid, uuid_of(of, a));
    REC_SET(row, lv, vg_name, GROUP_NAME);
    REC_SET(row, lv, size_bytes, lv->extents * EXTENT_BYTES);
    REC_SET(row, lv, tags, ((struct strs){ tag, 1 }));
    REC_SET(row, lv, type, "linear");
    REC_SET(row, lv, active, m != NULL);
    REC_SET(row, lv, attr,
            m == NULL                   ? "-wi-------"
            : m->extents == lv->extents ? "-wi-a-----"
                                        : "-wi-X-----");
    REC_SET(row, lv, paths_active, 1);
    REC_SET(row, lv, paths_total, 1);
    if (s->o.mapped)
        lv_row_mapped(of, lv, m, a, row);
}

void group_rows(const struct sim *s, const struct host *h, const struct group_meta *m,
                struct arena *a, struct lvm_rows *out)
{
    struct pv *pvs = arena_array(a, GROUP_PVS, sizeof *pvs);
    struct vg *vg = arena_array(a, 1, sizeof *vg);
    struct lv *lvs = arena_array(a, GROUP_LVS, sizeof *lvs);

    *out = (struct lvm_rows){ .pvs = pvs, .vgs = vg, .lvs = lvs };
    if (m->no == 0)
        return;
    for (unsigned i = 0; i < GROUP_PVS; i++) {
        if ((m->pvs >> i & 1) != 0)
            pv_row(s, m, i, a, &pvs[out->pv_count++]);
    }
    vg_row(m, out->pv_count, a, vg);
    out->vg_count = 1;
    for (uint32_t i = 0; i < m->n; i++)
        lv_row(s, h, m, &m->lvs[i], a, &lvs[out->lv_count++]);
}

static bool has_row(const struct lvm_rows *rows, uint32_t lv)
{
    for (size_t i = 0; i < rows->lv_count; i++) {
        if (rows->lvs[i].uuid != NULL && strtoul(rows->lvs[i].uuid + strlen("LV"), NULL, 10) == lv)
            return true;
    }
    return false;
}

static struct section *section_add(struct section *out, size_t *n, enum section_id id, void *rows,
                                   size_t count)
{
    out[*n] = (struct section){ .id = id, .status = SECTION_OK, .rows = rows, .row_count = count };
    return &out[(*n)++];
}

int group_sections(const struct sim *s, const struct host *h, struct arena *a, struct section *out,
                   size_t *n)
{
    struct lvm_rows rows;
    const char *fault;
    int rc = 0;

    group_rows(s, h, h->seen, a, &rows);
    fault = s->o.mapped && rows.vg_count > 0 ? group_fault(s, h, h->seen, a) : NULL;
    if (fault != NULL)
        REC_SET(rows.vgs, vg, fault, fault);
    if (h->lost_luns)
        rows.pv_count = rows.vg_count = rows.lv_count = 0;
    *n = 0;
    for (struct mapping *m = s->group->mappings; m != NULL; m = m->next) {
        if (m->host == h && m->listed_at == WORLD_NEVER && has_row(&rows, m->lv))
            m->listed_at = s->now;
    }
    section_add(out, n, SECTION_PVS, rows.pvs, rows.pv_count);
    section_add(out, n, SECTION_VGS, rows.vgs, rows.vg_count);
    section_add(out, n, SECTION_LVS, rows.lvs, rows.lv_count);
    for (size_t i = 0; rc == 0 && i < *n; i++)
        rc = section_normalise(&out[i], a, NULL);
    return rc;
}

void group_looks(struct sim *s, struct host *h)
{
    free(h->seen);
    h->seen = malloc(sizeof *h->seen);
    if (h->seen == NULL)
        abort();
    *h->seen = *group_newest(s->group);
}

/* ---- beginning and end ---------------------------------------------------------------------- */

void group_make(struct sim *s)
{
    struct group_meta m = { .pvs = 3 };

    if (!s->o.group)
        return;
    s->group = calloc(1, sizeof *s->group);
    if (s->group == NULL)
        abort();
    for (unsigned i = 0; i < 2; i++)
        snprintf(m.pv_uuid[i], sizeof m.pv_uuid[i], "PV%u", i);
    group_version(s, &m, NULL, NULL);
    for (unsigned i = 0; i < 2; i++)
        group_write(s, i, &m);
}

void group_free(struct sim *s)
{
    struct group *g = s->group;
    struct mapping *next;

    if (g == NULL)
        return;
    for (struct mapping *m = g->mappings; m != NULL; m = next) {
        next = m->next;
        free(m);
    }
    free(g->versions);
    free(g->orders);
    free(g->asked);
    free(g);
}
