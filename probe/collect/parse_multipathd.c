/* SPDX-License-Identifier: GPL-2.0-or-later */
/* multipathd's answer to "show maps json" (multipath-tools, libmultipath/print.c, format 0.1). */
#include <errno.h>
#include <jansson.h>

#include "base/limits.h"
#include "collect/parse_dm.h"

struct reading {
    struct rows *r;
    bool (*devnum_of)(const void *arg, const char *name, uint64_t *devnum);
    const void *arg;
};

static struct bytes text_of(const json_t *object, const char *name)
{
    return bytes_of(json_string_value(json_object_get(object, name)));
}

/* States of a checker in which multipathd takes the path away from the map. */
static bool checker_failed(struct bytes state)
{
    static const char *const names[] = { "faulty", "shaky", "i/o timeout", "removed" };

    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        if (bytes_equal(state, names[i]))
            return true;
    }
    return false;
}

static char first_letter(struct bytes state, const char *const *names, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if (bytes_equal(state, names[i]))
            return (char)(names[i][0] - 'a' + 'A');
    }
    return 0;
}

static bool read_path(const json_t *path, uint32_t group, char group_state, struct dm_path *out)
{
    static const char *const states[] = { "active", "failed" };

    *out = (struct dm_path){ .group = group, .group_state = group_state };
    out->state = first_letter(text_of(path, "dm_st"), states, ARRAY_LEN(states));
    out->checker_failed = checker_failed(text_of(path, "chk_st"));
    return dm_devnum(text_of(path, "dev_t"), &out->devnum);
}

/* Appends the map's paths to `out` (if not NULL), and counts them. */
static size_t read_paths(const json_t *map, struct dm_path *out)
{
    static const char *const states[] = { "active", "enabled", "disabled" };
    const json_t *groups = json_object_get(map, "path_groups"), *group, *path;
    size_t n = 0, i, k;

    json_array_foreach(groups, i, group)
    {
        char state = first_letter(text_of(group, "dm_st"), states, ARRAY_LEN(states));

        json_array_foreach(json_object_get(group, "paths"), k, path)
        {
            struct dm_path p;

            if (!read_path(path, (uint32_t)i + 1, state, &p))
                continue;
            if (out != NULL)
                out[n] = p;
            n++;
        }
    }
    return n;
}

/* The kernel's own text is the truth about the map; the checkers know of paths what no I/O has
 * shown to the kernel yet. */
static void add_checkers(const struct dm_path *told, size_t n, struct dm_map *map)
{
    for (size_t i = 0; i < n; i++) {
        for (size_t k = 0; k < map->path_count; k++) {
            if (map->paths[k].devnum == told[i].devnum)
                map->paths[k].checker_failed = told[i].checker_failed;
        }
    }
}

static void read_map(const struct reading *in, const json_t *json, struct dm_map *maps,
                     size_t *count, size_t room)
{
    const char *device = rows_text(in->r, text_of(json, "sysfs"));
    const char *uuid = rows_text(in->r, text_of(json, "uuid"));
    size_t n = read_paths(json, NULL);
    struct dm_path *paths = rows_array(in->r, n, sizeof *paths);
    struct bytes features = text_of(json, "features");
    struct dm_map *map;
    uint64_t devnum;

    if (device == NULL || uuid == NULL || paths == NULL || !in->devnum_of(in->arg, device, &devnum))
        return;
    read_paths(json, paths);
    for (size_t i = 0; i < *count; i++) {
        if (maps[i].devnum == devnum) {
            add_checkers(paths, n, &maps[i]);
            return;
        }
    }
    if (*count == room)
        return;
    map = &maps[(*count)++];
    *map = (struct dm_map){ .devnum = devnum, .multipath = true, .paths = paths, .path_count = n };
    map->name = rows_text(in->r, text_of(json, "name"));
    map->uuid = rows_printf(in->r, "mpath-%s", uuid);
    map->suspended = bytes_equal(text_of(json, "dm_st"), "suspend");
    map->read_only = bytes_equal(text_of(json, "write_prot"), "ro");
    map->queue_without_path =
        features.n > 0 && memmem(features.p, features.n, "queue_if_no_path", 16) != NULL;
}

int parse_multipathd(struct rows *r, struct bytes answer,
                     bool (*devnum_of)(const void *arg, const char *name, uint64_t *devnum),
                     const void *arg, struct dm_map *maps, size_t *count, struct err *e)
{
    struct reading in = { r, devnum_of, arg };
    size_t room = *count + LIMIT_MULTIPATHD_MAPS, i;
    const json_t *map, *list;
    json_error_t error;
    json_t *root;

    if (bytes_trim(answer).n == 0)
        return 0;
    root = json_loadb((const char *)answer.p, answer.n, JSON_REJECT_DUPLICATES, &error);
    list = json_object_get(root, "maps");
    if (!json_is_array(list)) {
        json_decref(root);
        return err_set(e, -EBADMSG, "multipathd's list of maps is not understood: %s",
                       root == NULL ? error.text : "it has no maps");
    }
    if (json_array_size(list) > LIMIT_MULTIPATHD_MAPS) {
        json_decref(root);
        return err_set(e, -EBADMSG, "multipathd tells of more than %u maps", LIMIT_MULTIPATHD_MAPS);
    }
    json_array_foreach(list, i, map)
    {
        read_map(&in, map, maps, count, room);
    }
    json_decref(root);
    return r->failed ? err_set(e, -ENOMEM, "out of memory while reading multipathd's maps") : 0;
}
