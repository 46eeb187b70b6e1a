/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A snapshot, in two versions of the metadata: an LV for what changes, placed and wiped as any new
 * LV is, so that device-mapper finds an empty store in it; and the one that makes it the snapshot
 * of its origin, while LVM holds still what writes to the origin here. lvcreate would do both, and
 * would have to activate the first to wipe it. */
#include <errno.h>
#include <inttypes.h>

#include "change/parse_plan_internal.h"

static int check_origin(const struct planning *p)
{
    const struct lvm_order *o = p->o;

    if (change_has(&p->lv->role, "snapshot"))
        return err_set(p->e, -EINVAL, "logical volume %s/%s is a snapshot, of which there are none",
                       o->vg, o->lv);
    if (!change_same(p->lv->type, "linear") && !change_same(p->lv->type, "striped"))
        return err_set(p->e, -EINVAL,
                       "logical volume %s/%s is of type %s: snapshots are made of linear and "
                       "striped ones",
                       o->vg, o->lv, p->lv->type == NULL ? "unknown" : p->lv->type);
    return 0;
}

static int make_store(struct planning *p)
{
    uint64_t extents;
    int rc = plan_free_name(p, p->o->new_name);

    if (rc == 0)
        rc = plan_extents(p, &extents);
    if (rc < 0)
        return rc;
    buf_printf(&p->words, "lvcreate -y -an -Zn -Wn -l %" PRIu64 " -n %s", extents, p->o->new_name);
    plan_tags(p);
    buf_printf(&p->words, " %s", p->o->vg);
    return change_place(p->s, extents, p->a, p->plan, &p->words, p->e);
}

static int set_mapping(struct planning *p, const char *words)
{
    p->plan->mapping = words;
    return words == NULL ? err_set(p->e, -ENOMEM, "out of memory") : 0;
}

int plan_snapshot(struct planning *p)
{
    const struct lv *store = change_store(p->s);
    const struct lvm_order *o = p->o;
    int rc = check_origin(p);

    if (rc == 0 && store != NULL && store->active)
        rc = err_set(p->e, -EINVAL, "logical volume %s/%s is active on this node", o->vg,
                     o->new_name);
    if (rc == 0 && store == NULL)
        rc = make_store(p);
    return rc < 0 ? rc
                  : set_mapping(p, arena_printf(p->a, "lvconvert -y -s -Zn %s/%s %s/%s", o->vg,
                                                o->lv, o->vg, o->new_name));
}

int plan_join(struct planning *p)
{
    return set_mapping(p, arena_printf(p->a, "lvchange --refresh %s/%s", p->o->vg, p->o->lv));
}
