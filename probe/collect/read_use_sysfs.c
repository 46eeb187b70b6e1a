/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <dirent.h>
#include <stdlib.h>

#include "collect/read.h"
#include "collect/read_uses.h"

#define ATTRIBUTE_MAX 4096

struct bytes use_attribute(const struct collect_request *req, struct rows *r, const char *folder,
                           const char *device, const char *name)
{
    char path[READ_PATH_MAX];
    struct bytes out = { NULL, 0 };

    if (read_path(req, path, "%s/%s/%s", folder, device, name))
        out = bytes_trim(read_file(r->a, path, ATTRIBUTE_MAX, NULL));
    return out;
}

/* Adds a name to `names` that has room for powers of two. */
static bool add_name(struct rows *r, const char ***names, size_t n, const char *name)
{
    const char **bigger;

    if ((n & (n - 1)) == 0) {
        bigger = rows_array(r, n == 0 ? 1 : 2 * n, sizeof *bigger);
        if (bigger == NULL)
            return false;
        if (n > 0)
            memcpy(bigger, *names, n * sizeof *bigger);
        *names = bigger;
    }
    (*names)[n] = arena_strdup(r->a, name);
    r->failed |= (*names)[n] == NULL;
    return !r->failed;
}

struct strs use_list(const struct collect_request *req, struct rows *r, const char *folder)
{
    char path[READ_PATH_MAX];
    const char **names = NULL;
    struct dirent *d;
    size_t n = 0;
    DIR *dir = read_path(req, path, "%s", folder) ? opendir(path) : NULL;

    while (dir != NULL && (d = readdir(dir)) != NULL) {
        if (d->d_name[0] == '.')
            continue;
        if (!add_name(r, &names, n, d->d_name))
            break;
        n++;
    }
    if (dir != NULL)
        closedir(dir);
    return (struct strs){ names, n };
}

static int compare_name(const void *key, const void *c)
{
    return strcmp(key, ((const struct block_container *)c)->container);
}

/* Adds a device of a container; `folder` is its own in sysfs. NULL: out of memory. */
static struct block_container *add_device(const struct collect_request *req, struct rows *r,
                                          struct block_container *v, size_t *n,
                                          const char *container, const char *device)
{
    const char *holders = rows_printf(r, USE_SYS_BLOCK "/%s/holders", device);
    struct block_container *bigger = v;
    uint64_t devnum;

    if (container == NULL || holders == NULL ||
        !dm_devnum(use_attribute(req, r, USE_SYS_BLOCK, device, "dev"), &devnum))
        return r->failed ? NULL : v;
    if ((*n & (*n - 1)) == 0) {
        bigger = rows_array(r, 2 * *n + 1, sizeof *v);
        if (bigger == NULL)
            return NULL;
        memcpy(bigger, v, *n * sizeof *v);
    }
    bigger[(*n)++] = (struct block_container){ .container = container,
                                               .device = device,
                                               .devnum = devnum,
                                               .holders = use_list(req, r, holders) };
    return r->failed ? NULL : bigger;
}

/* A path and its partitions. */
static struct block_container *add_path(const struct collect_request *req, struct rows *r,
                                        struct block_container *v, size_t *n, const struct path *p)
{
    const char *folder = rows_printf(r, USE_SYS_BLOCK "/%s", p->device);
    struct strs inner = folder == NULL ? (struct strs){ NULL, 0 } : use_list(req, r, folder);

    v = add_device(req, r, v, n, p->lun, p->device);
    for (size_t i = 0; i < inner.n && v != NULL; i++) {
        struct opt number;

        if (strncmp(inner.v[i], p->device, strlen(p->device)) != 0)
            continue;
        number = bytes_number(use_attribute(req, r, folder, inner.v[i], "partition"), 10);

        if (number.has)
            v = add_device(req, r, v, n,
                           rows_printf(r, "%s-part%llu", p->lun, (unsigned long long)number.v),
                           inner.v[i]);
    }
    return v;
}

struct block_container *use_devices(const struct collect_request *req, struct rows *r,
                                    const struct block_container *containers, size_t n,
                                    const struct path *paths, size_t path_count, size_t *count)
{
    struct block_container *v = rows_array(r, 2 * n + 1, sizeof *v);

    *count = n;
    if (v != NULL && n > 0)
        memcpy(v, containers, n * sizeof *v);
    for (size_t i = 0; i < path_count && v != NULL; i++) {
        const struct block_container *c;

        if (paths[i].device == NULL || paths[i].lun == NULL || paths[i].devnum == NULL)
            continue;
        c = bsearch(paths[i].lun, containers, n, sizeof *containers, compare_name);
        if (c != NULL && c->device != NULL && strncmp(c->device, "dm-", 3) != 0 &&
            strcmp(c->device, paths[i].device) != 0)
            v = add_path(req, r, v, count, &paths[i]);
    }
    return v;
}
