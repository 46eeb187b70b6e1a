/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Refreshes in the run directory: a file for each volume group, refresh-BOOT-UUID, from before the
 * worker starts until one has come to its end. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/text.h"
#include "run_dir_internal.h"

#define REFRESH_FILE "refresh-"
#define LETTERS      "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-"

static int name_of(uuid128 boot_id, const struct refresh_work *work, char out[RUN_DIR_NAME_BYTES],
                   struct err *e)
{
    const char *group = work->vg_uuid;
    char boot[UUID_TEXT];

    if (group[0] == '\0' || strlen(group) > 127 || strspn(group, LETTERS) != strlen(group))
        return err_set(e, -EINVAL, "%.40s is no UUID of a volume group", group);
    snprintf(out, RUN_DIR_NAME_BYTES, REFRESH_FILE "%s-%s", uuid_text(boot_id, boot), group);
    return 0;
}

int run_dir_save_refresh(const struct run_dir *d, uuid128 boot_id, const struct refresh_work *work,
                         struct err *e)
{
    char name[RUN_DIR_NAME_BYTES];
    int rc = name_of(boot_id, work, name, e);

    return rc < 0 ? rc : run_dir_save_record(d, name, &refresh_work_desc, work, e);
}

void run_dir_remove_refresh(const struct run_dir *d, uuid128 boot_id,
                            const struct refresh_work *work)
{
    char name[RUN_DIR_NAME_BYTES];
    struct err e;

    if (name_of(boot_id, work, name, &e) == 0)
        unlinkat(d->fd, name, 0);
}

struct refreshes {
    int (*each)(void *ctx, const struct refresh_work *work);
    void *ctx;
};

static int each_refresh(void *ctx, const void *record)
{
    const struct refreshes *r = ctx;

    return r->each(r->ctx, record);
}

int run_dir_each_refresh(const struct run_dir *d, uuid128 boot_id,
                         int (*each)(void *ctx, const struct refresh_work *work), void *ctx,
                         struct err *e)
{
    struct refreshes r = { each, ctx };

    return run_dir_each_record(d, REFRESH_FILE, boot_id, &refresh_work_desc,
                               "refresh of a volume group", each_refresh, &r, e);
}
