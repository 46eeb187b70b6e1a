/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "scan_target.h"

#include <errno.h>

struct search {
    struct target_search target;
    struct scan_order *out;
};

#define ROW_WITH(s, id, type, member, text) TARGET_ROW(&(s)->target, id, type, member, text)

static void add_lv(struct search *s, const struct lv *lv)
{
    for (size_t i = 0; i < lv->pvs.n; i++) {
        const struct pv *pv = ROW_WITH(s, SECTION_PVS, pv, uuid, lv->pvs.v[i]);

        if (pv != NULL && pv->container != NULL)
            target_add_paths(&s->target, pv->container);
    }
}

/* ---- the device ----------------------------------------------------------------------------- */

static void set_device(struct scan_order *out, const char *device, const char *devnum,
                       uint64_t size_bytes)
{
    if (device != NULL)
        REC_SET(out, scan_order, device, device);
    if (devnum != NULL)
        REC_SET(out, scan_order, devnum, devnum);
    if (size_bytes != 0)
        REC_SET(out, scan_order, size_bytes, size_bytes);
}

/* "lv.UUID" is an LV; other containers are what luns and partitions have as keys, or have no row of
 * their own. */
static void find_device(struct search *s, const struct filesystem *fs)
{
    const char *key = fs->container;
    const struct lv *lv =
        strncmp(key, "lv.", 3) == 0 ? ROW_WITH(s, SECTION_LVS, lv, uuid, key + 3) : NULL;
    const struct partition *part = ROW_WITH(s, SECTION_PARTITIONS, partition, key, key);
    const struct lun *lun = ROW_WITH(s, SECTION_LUNS, lun, key, key);

    set_device(s->out, fs->device, NULL, 0);
    if (lv != NULL) {
        set_device(s->out, lv->device, lv->devnum, lv->size_bytes);
        add_lv(s, lv);
    } else if (part != NULL) {
        set_device(s->out, part->device, part->devnum, part->size_bytes);
        target_add_paths(&s->target, key);
    } else if (lun != NULL) {
        set_device(s->out, lun->device, lun->devnum, lun->size_bytes);
        target_add_paths(&s->target, key);
    }
}

int scan_target(section_getter get, const void *ctx, const struct scan_what *what, struct arena *a,
                struct scan_order *out, struct err *e)
{
    struct search s = { .target = { .get = get, .ctx = ctx, .a = a }, .out = out };
    const struct filesystem *fs =
        ROW_WITH(&s, SECTION_FILESYSTEMS, filesystem, container, what->container);

    if (fs == NULL || fs->device == NULL)
        return err_set(e, -ENOENT, "this node does not see the container of it any more");
    if (!target_same(fs->uuid, what->uuid) || !target_same(fs->type, what->type))
        return err_set(e, -ENOENT, "this node has found another filesystem in its container");
    REC_SET(out, scan_order, type, fs->type);
    REC_SET(out, scan_order, uuid, fs->uuid);
    find_device(&s, fs);
    if (s.target.path_count > 0)
        REC_SET(out, scan_order, paths, ((struct strs){ s.target.paths, s.target.path_count }));
    return s.target.failed ? err_set(e, -ENOMEM, "out of memory") : 0;
}
