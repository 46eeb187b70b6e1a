/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A device-mapper table and, after a line "--", its status; then the same bytes as VPD pages. */
#include "collect/parse_dm.h"
#include "collect/parse_vpd.h"
#include "fuzz.h"

static void map_is_good(const struct dm_map *map)
{
    for (size_t i = 0; i < map->path_count; i++) {
        for (size_t k = 0; k < i; k++) {
            if (map->paths[i].devnum == map->paths[k].devnum)
                abort();
        }
        if (map->paths[i].group == 0)
            abort();
    }
}

static void pages(struct rows *r, struct bytes b)
{
    struct opt port = { .has = false }, group = { .has = false };
    struct designators d = { .n = 0 };

    parse_vpd83(r, b, &d, &port, &group);
    designator_add(r, &d, b);
    parse_vpd80(r, b);
    for (size_t i = 0; i < d.n; i++) {
        if (d.v[i].text == NULL || strlen(d.v[i].text) > 512 || designator_class(&d.v[i]) == NULL)
            abort();
    }
    if (designator_best(&d) != NULL && designator_best(&d)->kind == DESIGNATOR_OTHER)
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct arena *a = arena_new(64u << 20);
    const uint8_t *cut = size == 0 ? NULL : memmem(data, size, "--\n", 3);
    struct rows r = { .a = a };
    struct dm_text text = { .name = { data, size }, .uuid = { data, size } };
    struct dm_map map = { .name = NULL };

    text.table = (struct bytes){ data, cut == NULL ? size : (size_t)(cut - data) };
    if (cut != NULL)
        text.status = (struct bytes){ cut + 3, size - (size_t)(cut + 3 - data) };
    parse_dm(&r, &text, &map);
    map_is_good(&map);
    pages(&r, (struct bytes){ data, size });
    arena_free(a);
    return 0;
}
