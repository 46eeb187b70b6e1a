/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A snapshot is made in two versions: the store, as any LV (group_work.c), and the one that makes
 * it the snapshot of its origin, while LVM holds still what writes to the origin here. */
#include "group.h"

enum { COMMAND_US = 60000, TABLE_US = 40000, REFUSES_PPM = 60000 };

static const struct lvm_order *order_of(const struct process *p)
{
    return p->work->change->order;
}

static void later(struct sim *s, struct process *p, world_us mean, happen_fn fn)
{
    process_later(s, p, 1000 + dice_about(s, mean), fn);
}

/* ---- LVM refuses: the store goes ------------------------------------------------------------- */

static const struct lv_meta *store_of(const struct group_meta *m, const struct lvm_order *o)
{
    for (uint32_t i = 0; i < m->n; i++) {
        if (m->lvs[i].origin == 0 && strcmp(m->lvs[i].tag, o->tag) == 0)
            return &m->lvs[i];
    }
    return NULL;
}

static void gave_up(struct sim *s, void *host, uint64_t pid)
{
    struct process *p = process_at_work(host, pid, gave_up);
    bool gone;

    if (p == NULL)
        return;
    gone = store_of(group_newest(s->group), order_of(p)) == NULL && !group_is_unequal(s->group);
    group_work_ends(s, p, gone ? LVM_REFUSED : LVM_FAILED, "LVM refused: it makes no snapshot");
}

void group_snapshot_gives_up(struct sim *s, struct process *p)
{
    struct group_work *w = p->work;
    struct lv_meta *store;

    w->base = w->next = *group_newest(s->group);
    store = (struct lv_meta *)(uintptr_t)store_of(&w->next, order_of(p));
    w->then = gave_up;
    if (store == NULL) {
        later(s, p, TABLE_US, gave_up);
        return;
    }
    *store = w->next.lvs[--w->next.n];
    group_work_begins(s, p);
}

/* ---- the second version ---------------------------------------------------------------------- */

static void gets_tables(struct sim *s, void *host, uint64_t pid)
{
    struct process *p = process_at_work(host, pid, gets_tables);
    struct mapping *m = p == NULL ? NULL : group_map_no(s, p->work->holds);

    if (p == NULL)
        return;
    if (m != NULL)
        group_load(s, p, m);
    later(s, p, TABLE_US, group_work_looks);
}

/* What writes to it here waits until it has its new table. */
static void hold_still(struct sim *s, struct process *p, uint32_t origin)
{
    struct mapping *m = group_mapping(s, p->host, origin);

    p->work->holds = m == NULL ? 0 : m->no;
    if (m != NULL)
        group_suspend(s, p, m);
}

/* By itself LVM reads the metadata again. */
void group_snapshot_converts(struct sim *s, void *host, uint64_t pid)
{
    struct process *p = process_at_work(host, pid, group_snapshot_converts);
    const struct lv_meta *origin;
    struct group_work *w;
    struct lv_meta *store;

    if (p == NULL)
        return;
    w = p->work;
    w->commanded = true;
    w->base = w->next = *group_newest(s->group);
    origin = group_lv_by_uuid(&w->next, order_of(p)->lv_uuid);
    store = group_lv(&w->next, order_of(p)->new_name);
    if (origin == NULL || store == NULL ||
        (store->origin == 0 && s->rough && dice_chance(s, REFUSES_PPM))) {
        group_snapshot_gives_up(s, p);
        return;
    }
    if (store->origin == origin->id) { /* its table alone is missing */
        hold_still(s, p, origin->id);
        later(s, p, TABLE_US, gets_tables);
        return;
    }
    store->origin = origin->id;
    w->then = gets_tables;
    s->counts.snapshots++;
    oracle_snapshot_converts(s, p, origin->id);
    hold_still(s, p, origin->id);
    group_work_begins(s, p);
}

bool group_snapshot_is_bare(const struct sim *s, const struct process *p)
{
    const struct group_meta *meta = group_newest(s->group);
    const struct lv_meta *lv = NULL;
    const struct mapping *origin;

    if (order_of(p)->op != LVM_LV_SNAPSHOT || !s->o.mapped)
        return false;
    for (uint32_t i = 0; i < meta->n; i++) {
        if (strcmp(meta->lvs[i].name, order_of(p)->new_name) == 0)
            lv = &meta->lvs[i];
    }
    origin = lv == NULL || lv->origin == 0 ? NULL : group_mapping(s, p->host, lv->origin);
    return origin != NULL && (!origin->through || group_mapping(s, p->host, lv->id) == NULL);
}

bool group_snapshot_clears(struct sim *s, const struct process *p, const struct change_state *state)
{
    const struct lv *store = change_store(state);
    const struct lv_meta *lv =
        store == NULL ? NULL : group_lv_by_uuid(group_newest(s->group), store->uuid);
    struct mapping *m = lv == NULL ? NULL : group_mapping(s, p->host, lv->id);

    if (!s->o.mapped || m == NULL || m->open)
        return false;
    oracle_device_touched(s, p, m);
    group_unmap(s, m);
    return true;
}
