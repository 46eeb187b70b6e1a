/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Devices of LVs where hosts have device-mapper: what the kernel tells of them, as the real code
 * compares it with the metadata (probe/collect/parse_lvm_mapped.c), and how their tables change. */
#include <stdlib.h>

#include "change/parse_mapped.h"
#include "group.h"

enum { EXTENT_SECTORS = EXTENT_BYTES / 512, PLACES = 1000000, LAYERS = 2 };
enum { DEATH_PPM = 200000, END_PPM = 80000, AT_US = 20000, RESTART_US = 3000000 };

/* ---- as the kernel tells -------------------------------------------------------------------- */

/* UUIDs of LVM have 32 letters: "LV7" and "V1" are filled up. */
static const char *filled(struct arena *a, const char *text)
{
    const char *digits = text + strcspn(text, "0123456789");
    int letters = (int)(digits - text);
    const char *out =
        arena_printf(a, "%.*s%0*lu", letters, text, 32 - letters, strtoul(digits, NULL, 10));

    if (out == NULL)
        abort();
    return out;
}

static const char *linear(struct arena *a, uint32_t lv, uint64_t extents)
{
    const char *out = arena_printf(a, "0 %llu linear 253:1 %u\n",
                                   (unsigned long long)(extents * EXTENT_SECTORS), lv * PLACES);

    if (out == NULL)
        abort();
    return out;
}

static void add_map(struct group_devices *d, struct arena *a, const char *vg, struct mapping *m,
                    const char *suffix, const char *table)
{
    const char *uuid = arena_printf(a, "LVM-%s%s%s", filled(a, vg),
                                    filled(a, arena_printf(a, "LV%u", m->lv)), suffix);
    const char *name = arena_printf(a, "vg0-%u%s", m->lv, suffix);

    if (uuid == NULL || name == NULL)
        abort();
    d->of[d->n] = m;
    d->uuids[d->n] = uuid;
    d->maps[d->n++] = (struct dm_text){ .name = bytes_of(name),
                                        .uuid = bytes_of(uuid),
                                        .major = 253,
                                        .minor = 100 + m->lv,
                                        .suspended = m->suspended,
                                        .open_count = m->open,
                                        .table = bytes_of(table) };
}

/* What an origin and a snapshot have below the device of their name. */
static void add_maps(struct group_devices *d, struct arena *a, const char *vg, struct mapping *m)
{
    const char *sectors = linear(a, m->lv, m->extents);

    if (m->through)
        add_map(d, a, vg, m, "-real", sectors);
    else if (m->with != 0)
        add_map(d, a, vg, m, "-cow", sectors);
    add_map(d, a, vg, m, "",
            m->through     ? "0 8 snapshot-origin 253:2\n"
            : m->with != 0 ? "0 8 snapshot 253:2 253:3 P 8\n"
                           : sectors);
}

static void fill_rows(const struct group_meta *m, struct arena *a, struct lvm_rows *rows)
{
    struct lvm_table *tables = arena_array(a, GROUP_LVS, sizeof *tables);

    if (tables == NULL)
        abort();
    for (size_t i = 0; i < rows->lv_count; i++) {
        struct lv *lv = &rows->lvs[i];

        lv->uuid = filled(a, lv->uuid);
        lv->vg_uuid = filled(a, lv->vg_uuid);
        tables[i] = (struct lvm_table){ lv->uuid, linear(a, m->lvs[i].id, m->lvs[i].extents) };
    }
    for (size_t i = 0; i < rows->vg_count; i++)
        rows->vgs[i].uuid = filled(a, rows->vgs[i].uuid);
    rows->tables = (struct lvm_tables){ tables, rows->lv_count };
}

void group_devices(const struct sim *s, const struct host *h, const struct group_meta *meta,
                   const char *vg, struct arena *a, struct group_devices *out)
{
    size_t n = 0;

    for (const struct mapping *m = s->group->mappings; m != NULL; m = m->next)
        n += m->host == h ? LAYERS : 0;
    *out = (struct group_devices){ .maps = arena_array(a, n + 1, sizeof *out->maps),
                                   .uuids = arena_array(a, n + 1, sizeof *out->uuids),
                                   .of = arena_array(a, n + 1, sizeof *out->of) };
    if (out->maps == NULL || out->uuids == NULL || out->of == NULL)
        abort();
    group_rows(s, h, meta, a, &out->rows);
    fill_rows(meta, a, &out->rows);
    for (struct mapping *m = s->group->mappings; m != NULL; m = m->next) {
        char of[16];

        group_uuid_text(m->vg, of);
        if (m->host == h && strcmp(of, vg) == 0)
            add_maps(out, a, vg, m);
    }
}

enum mapped_is group_device_is(const struct refresh_work *work, const struct group_devices *d,
                               size_t i, struct arena *a, const struct lv **lv)
{
    struct refresh_work w = *work;
    const char **unmapped = arena_array(a, w.unmapped.n, sizeof *unmapped);

    if (unmapped == NULL)
        abort();
    for (size_t k = 0; k < w.unmapped.n; k++)
        unmapped[k] = filled(a, w.unmapped.v[k]);
    w.unmapped.v = unmapped;
    w.vg_uuid = filled(a, w.vg_uuid);
    return mapped_judge(&w, &d->rows, &d->maps[i], d->uuids[i], lv);
}

const char *group_fault(const struct sim *s, const struct host *h, const struct group_meta *meta,
                        struct arena *a)
{
    struct rows r = { .a = a };
    struct group_devices d;
    struct mapped_lvm lvm;
    char vg[16];

    group_uuid_text(meta->vg, vg);
    group_devices(s, h, meta, vg, a, &d);
    lvm = (struct mapped_lvm){ d.rows.lvs, d.rows.lv_count, &d.rows.tables };
    mapped_faults(&r, d.maps, d.n, &lvm, d.rows.vgs, d.rows.vg_count);
    return d.rows.vg_count == 0 || !REC_HAS(&d.rows.vgs[0], vg, fault) ? NULL : d.rows.vgs[0].fault;
}

/* ---- how they change ------------------------------------------------------------------------ */

bool group_has_snapshots(const struct group_meta *meta, uint32_t lv)
{
    for (uint32_t i = 0; i < meta->n; i++) {
        if (meta->lvs[i].origin == lv)
            return true;
    }
    return false;
}

struct mapping *group_map_no(const struct sim *s, uint64_t no)
{
    struct mapping *m = s->group->mappings;

    while (m != NULL && m->no != no)
        m = m->next;
    return m;
}

static void dies(struct sim *s, void *host, uint64_t pid)
{
    struct process *p = process_find(host, pid);

    if (p != NULL)
        process_kill(s, p);
}

static void probe_starts(struct sim *s, void *host, uint64_t stamp)
{
    (void)stamp;
    host_probe_start(s, host);
}

/* Its workers die of it. */
static void probe_ends(struct sim *s, void *host, uint64_t stamp)
{
    (void)stamp;
    host_probe_end(s, host);
    agenda_put(s, s->now + dice_about(s, RESTART_US), probe_starts, host, 0);
}

/* That is when most is lost by an end. */
void group_suspend(struct sim *s, const struct process *p, struct mapping *m)
{
    oracle_device_touched(s, p, m);
    sim_trace(s, "%s: process %d suspends LV%u", m->host->name, p->pid, m->lv);
    m->suspended = true;
    m->suspended_by = p->pid;
    if (s->rough && dice_chance(s, DEATH_PPM))
        process_later(s, (struct process *)(uintptr_t)p, dice_about(s, AT_US), dies);
    if (s->rough && dice_chance(s, END_PPM))
        agenda_put(s, s->now + dice_about(s, AT_US), probe_ends, m->host, 0);
}

static void go_on(struct sim *s, struct mapping *m)
{
    if (m->suspended)
        sim_trace(s, "%s: LV%u goes on", m->host->name, m->lv);
    m->suspended = false;
    m->suspended_by = 0;
}

void group_resume_all(struct sim *s, const struct process *p)
{
    for (struct mapping *m = s->group->mappings; m != NULL; m = m->next) {
        if (m->host != p->host || !m->suspended)
            continue;
        oracle_device_touched(s, p, m);
        go_on(s, m);
    }
}

/* The devices of its snapshots are made with the table of the origin. */
static void map_snapshots(struct sim *s, const struct mapping *origin,
                          const struct group_meta *meta)
{
    for (uint32_t i = 0; i < meta->n; i++) {
        struct mapping *m;

        if (meta->lvs[i].origin != origin->lv)
            continue;
        m = group_mapping(s, origin->host, meta->lvs[i].id);
        if (m == NULL)
            m = group_map(s, origin->host, &meta->lvs[i]);
        m->with = origin->lv;
    }
}

void group_load(struct sim *s, const struct process *p, struct mapping *m)
{
    const struct group_meta *meta = group_newest(s->group);

    oracle_device_touched(s, p, m);
    for (uint32_t i = 0; i < meta->n; i++) {
        if (meta->lvs[i].id != m->lv)
            continue;
        m->extents = meta->lvs[i].extents;
        m->with = meta->lvs[i].origin;
        m->through = group_has_snapshots(meta, m->lv);
        sim_trace(s, "%s: LV%u has a new table%s", m->host->name, m->lv,
                  m->through ? ", which writes through its snapshots" : "");
        if (m->through)
            map_snapshots(s, m, meta);
    }
    go_on(s, m);
    oracle_device_made(s, m);
}
