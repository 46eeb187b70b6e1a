/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "change/mapped.h"

#include <errno.h>
#include <libdevmapper.h>
#include <string.h>

#include "change/parse_mapped.h"
#include "collect/dm_driver.h"

/* udev's rules go on to make the device's links; without a cookie libdevmapper would tell it not
 * to. 0 or a negative errno. */
static int run(int type, const char *name)
{
    struct dm_task *t = dm_task_create(type);
    uint32_t cookie = 0;
    int rc = 0;

    if (t == NULL || !dm_task_set_name(t, name) ||
        !dm_task_set_cookie(t, &cookie, DM_UDEV_DISABLE_LIBRARY_FALLBACK))
        rc = -ENOMEM;
    else if (!dm_task_run(t))
        rc = dm_task_get_errno(t) == 0 ? -EIO : -dm_task_get_errno(t);
    if (t != NULL)
        dm_task_destroy(t);
    return rc;
}

/* False: it is no more, or not the volume group's. */
static bool look(const char *name, const char *prefix, struct arena *a, struct mapped *out)
{
    struct dm_task *t = dm_task_create(DM_DEVICE_INFO);
    struct dm_info info;
    bool is = false;

    if (t != NULL && dm_task_set_name(t, name) && dm_task_no_flush(t) && dm_task_run(t) &&
        dm_task_get_info(t, &info) && info.exists) {
        const char *uuid = dm_task_get_uuid(t);

        is = uuid != NULL && strncmp(uuid, prefix, strlen(prefix)) == 0;
        if (is)
            *out = (struct mapped){ .name = arena_strdup(a, name),
                                    .uuid = arena_strdup(a, uuid),
                                    .open_count = (uint32_t)info.open_count,
                                    .suspended = info.suspended };
    }
    if (t != NULL)
        dm_task_destroy(t);
    return is;
}

static const struct dm_names *next_of(const struct dm_names *n)
{
    return n->next == 0 ? NULL : (const void *)((const char *)n + n->next);
}

static int read_all(const struct dm_names *names, const char *prefix, struct arena *a,
                    struct mapped **out, size_t *n)
{
    size_t count = 0;
    struct mapped *v;

    for (const struct dm_names *x = names; x != NULL; x = next_of(x))
        count++;
    v = arena_array(a, count, sizeof *v);
    *out = v;
    for (const struct dm_names *x = names; v != NULL && x != NULL && x->dev != 0; x = next_of(x)) {
        if (!look(x->name, prefix, a, &v[*n]))
            continue;
        if (v[*n].name == NULL || v[*n].uuid == NULL)
            return -ENOMEM;
        (*n)++;
    }
    return v == NULL ? -ENOMEM : 0;
}

int mapped_read(const char *group, struct arena *a, struct mapped **out, size_t *n, struct err *e)
{
    struct dm_task *t = dm_task_create(DM_DEVICE_LIST);
    const struct dm_names *names = NULL;
    char prefix[MAPPED_PREFIX_TEXT];
    int rc;

    *n = 0;
    mapped_prefix(group, prefix);
    dm_driver_settle();
    dm_udev_set_sync_support(0);
    if (t != NULL && dm_task_run(t))
        names = dm_task_get_names(t);
    if (prefix[0] == '\0')
        rc = err_set(e, -EINVAL, "%.40s is no UUID of a volume group", group);
    else if (names == NULL)
        rc = err_set(e, -EIO, "device-mapper does not tell what devices it has");
    else if ((rc = read_all(names, prefix, a, out, n)) < 0)
        err_set(e, rc, "out of memory");
    if (t != NULL)
        dm_task_destroy(t);
    return rc;
}

int mapped_resume(const struct mapped *v, size_t n, struct err *e)
{
    int rc = 0;

    for (size_t i = 0; rc == 0 && i < n; i++) {
        if (!v[i].suspended)
            continue;
        rc = run(DM_DEVICE_CLEAR, v[i].name);
        if (rc == 0)
            rc = run(DM_DEVICE_RESUME, v[i].name);
        if (rc < 0)
            err_set(e, rc,
                    "the device %s of a logical volume was left suspended, and does not go on: %s",
                    v[i].name, strerror(-rc));
    }
    return rc;
}

int mapped_remove(const struct mapped *m)
{
    return run(DM_DEVICE_REMOVE, m->name);
}
