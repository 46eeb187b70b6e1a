/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Device-mapper devices through libdevmapper. */
#include <errno.h>
#include <libdevmapper.h>
#include <string.h>
#include <sys/sysmacros.h>

#include "base/buf.h"
#include "base/limits.h"
#include "collect/dm_driver.h"
#include "collect/read_block.h"

static bool is_kept(const char *type)
{
    return strcmp(type, "multipath") == 0 || strcmp(type, "linear") == 0;
}

static bool add_targets(struct dm_task *task, struct buf *out)
{
    void *next = NULL;

    do {
        uint64_t start = 0, length = 0;
        char *type = NULL, *params = NULL;

        next = dm_get_next_target(task, next, &start, &length, &type, &params);
        if (type == NULL)
            break; /* a device without a table */
        buf_printf(out, "%llu %llu %s %s\n", (unsigned long long)start, (unsigned long long)length,
                   type, params != NULL && is_kept(type) ? params : "");
    } while (next != NULL);
    return !out->failed;
}

static struct bytes copied(struct arena *a, const char *text, size_t n)
{
    const char *copy = arena_strndup(a, text, n);

    return (struct bytes){ (const uint8_t *)copy, copy == NULL ? 0 : n };
}

/* One question about one device. 0: answered; 1: there is no such device any more; or a negative
 * errno. */
static int ask(int type, const struct dm_text *map, struct dm_task **out)
{
    struct dm_task *task = dm_task_create(type);
    int rc = 0;

    *out = task;
    if (task == NULL)
        return -ENOMEM;
    /* No flush: it would wait for a device that does no I/O. */
    if (!dm_task_set_major_minor(task, (int)map->major, (int)map->minor, 1) ||
        !dm_task_no_flush(task) || !dm_task_secure_data(task))
        return -ENOMEM;
    if (!dm_task_run(task))
        rc = dm_task_get_errno(task) == ENXIO ? 1 : -dm_task_get_errno(task);
    return rc;
}

static int read_text(int type, const struct dm_text *map, struct arena *a, struct bytes *out)
{
    struct dm_task *task;
    struct buf b = { 0 };
    int rc = ask(type, map, &task);

    if (rc == 0 && !add_targets(task, &b))
        rc = -ENOMEM;
    if (rc == 0 && b.n > 0) {
        *out = copied(a, (const char *)b.p, b.n);
        rc = out->p == NULL ? -ENOMEM : 0;
    }
    buf_deinit(&b);
    if (task != NULL)
        dm_task_destroy(task);
    return rc;
}

static int read_info(struct dm_text *map, struct arena *a)
{
    struct dm_task *task;
    struct dm_info info;
    int rc = ask(DM_DEVICE_INFO, map, &task);

    if (rc == 0 && !dm_task_get_info(task, &info))
        rc = -EIO;
    if (rc == 0 && !info.exists)
        rc = 1;
    if (rc == 0) {
        const char *uuid = dm_task_get_uuid(task);

        map->suspended = info.suspended != 0;
        map->read_only = info.read_only != 0;
        map->open_count = info.open_count < 0 ? 0 : (uint32_t)info.open_count;
        if (uuid != NULL)
            map->uuid = copied(a, uuid, strlen(uuid));
    }
    if (task != NULL)
        dm_task_destroy(task);
    return rc;
}

static int read_map(const struct dm_names *name, struct arena *a, struct dm_text *map)
{
    int rc;

    *map = (struct dm_text){ .major = major(name->dev), .minor = minor(name->dev) };
    map->name = copied(a, name->name, strlen(name->name));
    rc = map->name.p == NULL ? -ENOMEM : read_info(map, a);
    if (rc == 0)
        rc = read_text(DM_DEVICE_TABLE, map, a, &map->table);
    if (rc == 0)
        rc = read_text(DM_DEVICE_STATUS, map, a, &map->status);
    return rc;
}

static const struct dm_names *next_name(const struct dm_names *n)
{
    return n->next == 0 ? NULL : (const struct dm_names *)(const void *)((const char *)n + n->next);
}

static int read_all(struct dm_task *task, struct arena *a, struct dm_text **out, size_t *count)
{
    const struct dm_names *first = dm_task_get_names(task), *n;
    struct dm_text *maps;
    size_t room = 0;
    int rc = 0;

    if (first == NULL || first->dev == 0)
        return 0;
    for (n = first; n != NULL; n = next_name(n))
        room++;
    if (room > LIMIT_DM_MAPS)
        return -E2BIG;
    maps = arena_array(a, room, sizeof *maps);
    if (maps == NULL)
        return -ENOMEM;
    for (n = first; n != NULL && rc >= 0; n = next_name(n)) {
        rc = read_map(n, a, &maps[*count]);
        *count += rc == 0;
    }
    *out = maps;
    return rc < 0 ? rc : 0;
}

int read_dm(struct arena *a, struct dm_text **out, size_t *count, struct err *e)
{
    struct dm_task *task;
    int rc = 0;

    *out = NULL;
    *count = 0;
    if (!dm_driver_is_there())
        return 0;
    dm_driver_settle();
    task = dm_task_create(DM_DEVICE_LIST);
    if (task == NULL)
        rc = -EPROTO; /* no driver, or one of a version that this library does not know */
    else if (!dm_task_run(task))
        rc = dm_task_get_errno(task) == 0 ? -EIO : -dm_task_get_errno(task);
    else
        rc = read_all(task, a, out, count);
    if (task != NULL)
        dm_task_destroy(task);
    dm_lib_release();
    return rc < 0
               ? err_set(e, rc, "device-mapper cannot be asked for its devices: %s", strerror(-rc))
               : 0;
}
