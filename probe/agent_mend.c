/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The devices of the LVs of a volume group that has changed: a worker makes them what the metadata
 * say, one volume group after the other, before LVM looks whether they are. */
#include <errno.h>

#include "agent_internal.h"
#include "agent_target.h"
#include "base/guard.h"
#include "wire/codec.h"

enum {
    MEND_TRIES = 3,
    ALONE_MS = 3000, /* of a worker that takes longer nobody knows how long */
};

static const struct section *section_of(const void *ctx, enum section_id id)
{
    return agent_section(ctx, id);
}

static bool is_here(const struct pv *pv, const char *group)
{
    return target_same(pv->vg_uuid, group) && !pv->missing && !pv->duplicate &&
           pv->container != NULL;
}

/* Its PVs, as far as this node knows of them: none, where LVM has read that it is no more, or has
 * not read yet that it is there. */
static int find_devices(struct agent *a, struct turn *t, const struct lvm_refresh *ask,
                        struct recs *out, struct err *e)
{
    const struct section *rows = agent_section(a, SECTION_PVS);
    const char **pvs = arena_array(t->arena, rows->row_count, sizeof *pvs);
    struct lvm_order order = { .present = 0 };
    struct lvm_change change = { .present = 0 };
    size_t n = 0;
    int rc;

    if (pvs == NULL)
        return -ENOMEM;
    for (size_t i = 0; i < rows->row_count; i++) {
        const struct pv *pv = section_row(rows, i);

        if (is_here(pv, ask->vg_uuid))
            pvs[n++] = pv->uuid;
    }
    *out = (struct recs){ .n = 0 };
    if (n == 0)
        return 0;
    REC_SET(&order, lvm_order, order, ask->order);
    REC_SET(&order, lvm_order, op, LVM_LV_EXTEND); /* of what there is */
    REC_SET(&order, lvm_order, vg, ask->vg);
    REC_SET(&order, lvm_order, vg_uuid, ask->vg_uuid);
    REC_SET(&order, lvm_order, pvs, ((struct strs){ pvs, n }));
    REC_SET(&order, lvm_order, tag, "");
    rc = change_target(section_of, a, &order, NULL, t->arena, &change, e);
    *out = change.devices;
    return rc;
}

/* From now on LVM's look counts. */
static void look(struct agent *a, struct turn *t, struct refresh *r, const char *left)
{
    r->left = left == NULL ? NULL : arena_strdup(r->arena, left);
    if (left != NULL && r->left == NULL)
        r->left = "out of memory";
    agent_refresh_look(a, t, r);
}

static void start(struct agent *a, struct turn *t, struct refresh *r)
{
    struct refresh_work *w = arena_zalloc(t->arena, sizeof *w);
    const struct lvm_refresh *ask = r->ask;
    struct agent_action *x;
    struct recs devices;
    struct err e;
    int rc = w == NULL ? -ENOMEM : find_devices(a, t, ask, &devices, &e);

    if (rc == -ENOENT && !r->asked) { /* what is suspended goes on without any */
        devices.n = 0;
        rc = 0;
    }
    if (rc < 0 && rc != -ENOMEM) {
        look(a, t, r, e.text);
        return;
    }
    x = rc < 0 ? NULL : turn_action(t, AGENT_RUN_REFRESH);
    if (x == NULL) {
        t->failed = true;
        return; /* still wanted */
    }
    REC_SET(w, refresh_work, order, ask->order);
    REC_SET(w, refresh_work, vg, ask->vg);
    REC_SET(w, refresh_work, vg_uuid, ask->vg_uuid);
    if (REC_HAS(ask, lvm_refresh, seqno)) {
        REC_SET(w, refresh_work, seqno, ask->seqno);
        REC_SET(w, refresh_work, mark, ask->mark);
    }
    if (ask->unmapped.n > 0)
        REC_SET(w, refresh_work, unmapped, ask->unmapped);
    if (devices.n > 0)
        REC_SET(w, refresh_work, devices, devices);
    x->refresh = w;
    r->state = REFRESH_RUNS;
    r->since = t->now;
    r->tries++;
}

/* ---- what nobody has asked for --------------------------------------------------------------- */

/* The worker of what an earlier probe of this boot has left runs already. */
int agent_mend_init(struct agent *a)
{
    for (size_t i = 0; i < a->config.refresh_count; i++) {
        const struct refresh_work *w = a->config.refreshes[i];
        struct lvm_refresh ask = { .present = 0 };
        struct refresh *r;

        REC_SET(&ask, lvm_refresh, order, w->order);
        REC_SET(&ask, lvm_refresh, vg, w->vg);
        REC_SET(&ask, lvm_refresh, vg_uuid, w->vg_uuid);
        if (REC_HAS(w, refresh_work, seqno)) {
            REC_SET(&ask, lvm_refresh, seqno, w->seqno);
            REC_SET(&ask, lvm_refresh, mark, w->mark);
        }
        REC_SET(&ask, lvm_refresh, unmapped, w->unmapped);
        r = agent_refresh_new(a, &ask);
        if (r == NULL)
            return -ENOMEM;
        r->state = REFRESH_RUNS;
        r->tries = MEND_TRIES; /* the pool sees to the others itself */
    }
    a->config.refreshes = NULL;
    return 0;
}

/* Without a version nothing more is done than that. */
int agent_mend_after(struct agent *a, const struct lvm_change *change)
{
    const struct lvm_order *o = change->order;
    struct lvm_refresh ask = { .present = 0 };

    if (!GUARD(MENDED_AFTER, a->config.mends) || o->op != LVM_LV_SNAPSHOT ||
        agent_refresh_of(a, o->order) != NULL)
        return 0;
    REC_SET(&ask, lvm_refresh, order, o->order);
    REC_SET(&ask, lvm_refresh, vg, o->vg);
    REC_SET(&ask, lvm_refresh, vg_uuid, o->vg_uuid);
    return agent_refresh_new(a, &ask) == NULL ? -ENOMEM : 0;
}

bool agent_mend_runs(const struct agent *a, const char *group)
{
    for (int i = 0; i < REFRESHES; i++) {
        const struct refresh *r = &a->changes.refreshes[i];

        if (r->arena != NULL && r->state == REFRESH_RUNS &&
            (group == NULL || target_same(r->ask->vg_uuid, group)))
            return true;
    }
    return false;
}

/* That could start now. -1: none. */
static int first_wanted(const struct agent *a)
{
    for (int i = 0; i < REFRESHES; i++) {
        const struct refresh *r = &a->changes.refreshes[i];

        if (r->arena != NULL && r->state == REFRESH_WANTED &&
            !GUARD(MEND_WAITS, agent_change_makes(a, r->ask->vg_uuid)))
            return i;
    }
    return -1;
}

bool agent_mend_waits(const struct agent *a)
{
    return a->changes.refresh_count > 0 && !agent_mend_runs(a, NULL) && first_wanted(a) >= 0;
}

mono_ms agent_mend_until(const struct agent *a, enum worker_kind kind)
{
    mono_ms until = { 0 };

    if (kind != WORKER_STORAGE && kind != WORKER_LVM)
        return until;
    for (int i = 0; a->changes.refresh_count > 0 && i < REFRESHES; i++) {
        const struct refresh *r = &a->changes.refreshes[i];

        if (r->arena == NULL || r->state == REFRESH_WANTED)
            continue;
        if (r->state == REFRESH_LOOKS && kind == WORKER_LVM)
            return (mono_ms){ 0 };
        if (r->since.v + ALONE_MS > until.v)
            until.v = r->since.v + ALONE_MS;
    }
    return until;
}

void agent_mend_run(struct agent *a, struct turn *t)
{
    while (!t->failed && agent_mend_waits(a))
        start(a, t, &a->changes.refreshes[first_wanted(a)]);
}

void agent_mend_done(struct agent *a, struct turn *t, const struct agent_event *ev)
{
    struct refresh *r = agent_refresh_of(a, &ev->refresh.order);
    const struct refresh_result *got = ev->refresh.result;

    if (r == NULL || r->state != REFRESH_RUNS)
        return;
    if (GUARD(REFRESH_AGAIN, got == NULL && r->tries < MEND_TRIES))
        r->state = REFRESH_WANTED; /* the next makes go on what this one has left suspended */
    else if (!r->asked)
        agent_refresh_clear(a, r);
    else
        look(a, t, r, got != NULL ? got->reason : ev->refresh.error);
}
