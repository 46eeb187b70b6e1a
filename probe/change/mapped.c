/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "change/mapped.h"

#include <errno.h>
#include <libdevmapper.h>
#include <string.h>

#include "change/parse_mapped.h"
#include "collect/read_block.h"

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

static bool is_of(const struct dm_text *map, const char *prefix)
{
    size_t n = strlen(prefix);

    return map->uuid.n >= n && memcmp(map->uuid.p, prefix, n) == 0;
}

static const char *text_of(struct bytes b, struct arena *a)
{
    return arena_strndup(a, (const char *)b.p, b.n);
}

static int choose(const struct dm_text *maps, size_t count, const char *prefix, struct arena *a,
                  struct mapped **out, size_t *n)
{
    struct mapped *v = arena_array(a, count, sizeof *v);

    *out = v;
    for (size_t i = 0; v != NULL && i < count; i++) {
        if (!is_of(&maps[i], prefix))
            continue;
        v[*n] = (struct mapped){ .name = text_of(maps[i].name, a),
                                 .uuid = text_of(maps[i].uuid, a),
                                 .map = &maps[i],
                                 .suspended = maps[i].suspended };
        if (v[*n].name == NULL || v[*n].uuid == NULL)
            return -ENOMEM;
        (*n)++;
    }
    return v == NULL ? -ENOMEM : 0;
}

int mapped_read(const char *group, struct arena *a, struct mapped **out, size_t *n, struct err *e)
{
    char prefix[MAPPED_PREFIX_TEXT];
    struct dm_text *maps;
    size_t count;
    int rc;

    *n = 0;
    mapped_prefix(group, prefix);
    dm_udev_set_sync_support(0);
    if (prefix[0] == '\0')
        return err_set(e, -EINVAL, "%.40s is no UUID of a volume group", group);
    rc = read_dm(a, &maps, &count, e);
    if (rc == 0 && (rc = choose(maps, count, prefix, a, out, n)) < 0)
        err_set(e, rc, "out of memory");
    return rc;
}

/* One that has never had a table has nothing to go on with: who may remove devices takes it away.
 */
static int go_on(const struct mapped *m)
{
    int rc;

    if (!m->suspended || m->map->table.n == 0)
        return 0;
    rc = run(DM_DEVICE_CLEAR, m->name);
    return rc == 0 ? run(DM_DEVICE_RESUME, m->name) : rc;
}

int mapped_resume(const struct mapped *v, size_t n, struct err *e)
{
    int rc = 0;

    for (size_t i = 0; rc == 0 && i < n; i++) {
        rc = go_on(&v[i]);
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
