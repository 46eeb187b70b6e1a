/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Where a new LV lies. The extents are chosen here and not by LVM, so that what they held before
 * can be wiped before the LV is there: once it is, somebody may read it, or write to it. */
#include <errno.h>
#include <inttypes.h>

#include "change/parse_plan_internal.h"

struct placing {
    const struct change_state *s;
    struct change_plan *plan;
    struct change_wipe *wipes;
    struct buf *out;
    uint64_t extent_bytes, left;
};

static void wipe(struct placing *p, const struct change_device *d, uint64_t start, uint64_t size)
{
    size_t device = (size_t)(d - change_device_at(p->s, 0));

    if (size > 0)
        p->wipes[p->plan->wipe_count++] = (struct change_wipe){ device, start, size };
}

/* The first `count` extents of the run. */
static void take(struct placing *p, const struct change_device *d, const struct lvm_run *run,
                 uint64_t count)
{
    uint64_t bytes = count * p->extent_bytes;
    uint64_t head = bytes < CHANGE_WIPE_BYTES ? bytes : CHANGE_WIPE_BYTES;
    uint64_t tail = bytes - head < CHANGE_WIPE_BYTES ? bytes - head : CHANGE_WIPE_BYTES;

    buf_printf(p->out, " /dev/%s:%" PRIu64 "-%" PRIu64, d->device, run->start,
               run->start + count - 1);
    wipe(p, d, run->offset_bytes, head);
    wipe(p, d, run->offset_bytes + bytes - tail, tail);
    p->left -= count;
}

/* With `whole`, only a run that holds all that is left. */
static void take_of(struct placing *p, const struct change_device *d, bool whole)
{
    for (size_t i = 0; d != NULL && i < p->s->run_count && p->left > 0; i++) {
        const struct lvm_run *run = &p->s->runs[i];

        if (!change_same(run->pv_uuid, d->pv_uuid) || (whole && run->count < p->left))
            continue;
        take(p, d, run, run->count < p->left ? run->count : p->left);
    }
}

static void take_all(struct placing *p, const struct lvm_order *o, bool whole)
{
    for (size_t i = 0; i < o->containers.n && p->left > 0; i++)
        take_of(p, change_device_of(p->s, o->containers.v[i]), whole);
    for (size_t i = 0; o->containers.n == 0 && i < change_device_count(p->s) && p->left > 0; i++)
        take_of(p, change_device_at(p->s, i), whole);
}

int change_place(const struct change_state *s, uint64_t extents, struct arena *a,
                 struct change_plan *plan, struct buf *out, struct err *e)
{
    const struct lvm_order *o = s->change->order;
    struct placing p = {
        .s = s,
        .plan = plan,
        .out = out,
        .left = extents,
        .extent_bytes = change_vg(s)->extent_bytes,
        .wipes = arena_array(a, 2 * s->run_count + 1, sizeof *p.wipes),
    };

    if (p.wipes == NULL)
        return err_set(e, -ENOMEM, "out of memory");
    plan->wipes = p.wipes;
    plan->wipe_count = 0;
    take_all(&p, o, true);
    take_all(&p, o, false);
    if (p.left > 0)
        return err_set(e, -EINVAL,
                       "%s/%s is too large: %" PRIu64 " extents of %" PRIu64
                       " bytes are asked for, "
                       "and %" PRIu64 " are free on the devices that it is to lie on",
                       o->vg, o->lv, extents, p.extent_bytes, extents - p.left);
    return 0;
}
