/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The changes of volume groups in the run directory: a file for each volume group,
 * change-BOOT-UUID, or change-BOOT-new-NAME of one that is made; and change-BOOT-UUID-UUID for each
 * LV that was activated, or deactivated. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/text.h"
#include "run_dir_internal.h"

#define CHANGE_FILE "change-"
/* A name of LVM has letters that are good in names of files, and no slash; a UUID too. */
#define LETTERS "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789+_.-"

int run_dir_save_change(const struct run_dir *d, uuid128 boot_id, const struct lvm_change *change,
                        struct err *e)
{
    const struct lvm_order *o = change->order;
    const char *what = o->vg_uuid == NULL ? o->vg : o->vg_uuid;
    bool active = (o->op == LVM_LV_ACTIVATE || o->op == LVM_LV_DEACTIVATE) && o->lv_uuid != NULL;
    const char *lv = active ? o->lv_uuid : "";
    char boot[UUID_TEXT], name[RUN_DIR_NAME_BYTES];

    if (strlen(lv) > 63 || strspn(lv, LETTERS) != strlen(lv))
        return err_set(e, -EINVAL, "%.40s is no UUID of an LV", lv);
    if (what[0] == '\0' || strlen(what) > 127 || strspn(what, LETTERS "!#") != strlen(what))
        return err_set(e, -EINVAL, "%.40s is no name of a volume group", what);
    snprintf(name, sizeof name, CHANGE_FILE "%s-%s%s%s%s", uuid_text(boot_id, boot),
             o->vg_uuid == NULL ? "new-" : "", what, active ? "-" : "", lv);
    return run_dir_save_record(d, name, &lvm_change_desc, change, e);
}

struct changes {
    int (*each)(void *ctx, const struct lvm_change *change);
    void *ctx;
};

static int each_change(void *ctx, const void *record)
{
    const struct changes *c = ctx;

    return c->each(c->ctx, record);
}

int run_dir_each_change(const struct run_dir *d, uuid128 boot_id,
                        int (*each)(void *ctx, const struct lvm_change *change), void *ctx,
                        struct err *e)
{
    struct changes c = { each, ctx };

    return run_dir_each_record(d, CHANGE_FILE, boot_id, &lvm_change_desc,
                               "change of a volume group", each_change, &c, e);
}
