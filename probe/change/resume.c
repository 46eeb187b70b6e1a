/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "change/resume.h"

#include <errno.h>
#include <libdevmapper.h>
#include <stdio.h>
#include <stdbool.h>
#include <string.h>

#include "collect/dm_driver.h"

enum { UUID_BYTES = 40 };

/* "LVM-" and the UUID without its hyphens, with which those of its LVs begin. */
static void prefix_of(const char *group, char out[UUID_BYTES])
{
    size_t n = (size_t)snprintf(out, UUID_BYTES, "LVM-");

    for (const char *p = group; *p != '\0' && n < UUID_BYTES - 1; p++) {
        if (*p != '-')
            out[n++] = *p;
    }
    out[n] = '\0';
}

/* 0 or a negative errno. */
static int run(int type, const char *name)
{
    struct dm_task *t = dm_task_create(type);
    int rc = 0;

    if (t == NULL || !dm_task_set_name(t, name))
        rc = -ENOMEM;
    else if (!dm_task_run(t))
        rc = dm_task_get_errno(t) == 0 ? -EIO : -dm_task_get_errno(t);
    if (t != NULL)
        dm_task_destroy(t);
    return rc;
}

static bool is_left(const char *name, const char *prefix)
{
    struct dm_task *t = dm_task_create(DM_DEVICE_INFO);
    struct dm_info info;
    bool left = false;

    if (t != NULL && dm_task_set_name(t, name) && dm_task_no_flush(t) && dm_task_run(t) &&
        dm_task_get_info(t, &info) && info.exists && info.suspended) {
        const char *uuid = dm_task_get_uuid(t);

        left = uuid != NULL && strncmp(uuid, prefix, strlen(prefix)) == 0;
    }
    if (t != NULL)
        dm_task_destroy(t);
    return left;
}

static int go_on(const char *name, struct err *e)
{
    int rc = run(DM_DEVICE_CLEAR, name);

    if (rc == 0)
        rc = run(DM_DEVICE_RESUME, name);
    return rc < 0 ? err_set(e, rc,
                            "the device %s of a logical volume was left suspended, and does "
                            "not go on: %s",
                            name, strerror(-rc))
                  : 0;
}

int change_resume(const char *group, struct err *e)
{
    struct dm_task *t = dm_task_create(DM_DEVICE_LIST);
    const struct dm_names *names = NULL;
    char prefix[UUID_BYTES];
    int rc = 0;

    prefix_of(group, prefix);
    dm_driver_settle();
    dm_udev_set_sync_support(0);
    if (t != NULL && dm_task_run(t))
        names = dm_task_get_names(t);
    if (names == NULL)
        rc = err_set(e, -EIO, "device-mapper does not tell what devices it has");
    while (rc == 0 && names != NULL && names->dev != 0) {
        if (is_left(names->name, prefix))
            rc = go_on(names->name, e);
        if (names->next == 0)
            break;
        names = (const void *)((const char *)names + names->next);
    }
    if (t != NULL)
        dm_task_destroy(t);
    return rc;
}
