/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What a device on top of others is called, and whether it is one to read. */
#include <ctype.h>
#include <stdlib.h>

#include "collect/parse_container_rows.h"
#include "collect/parse_use.h"

#define LVM_UUID_CHARS 32

static int compare_text(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

void container_index(struct container_build *b)
{
    b->taken = rows_array(&b->r, b->n, sizeof *b->taken);
    if (b->taken == NULL)
        return;
    for (size_t i = 0; i < b->n; i++) {
        if (b->v[i].device != NULL)
            b->taken[b->taken_count++] = b->v[i].device;
    }
    if (b->taken_count > 1)
        qsort(b->taken, b->taken_count, sizeof *b->taken, compare_text);
}

bool container_has_device(const struct container_build *b, const char *device)
{
    return b->taken_count > 0 &&
           bsearch(&device, b->taken, b->taken_count, sizeof *b->taken, compare_text) != NULL;
}

struct strs container_holders(struct container_build *b)
{
    return tree_names(b->t, &b->r, b->dir, "holders");
}

/* ---- device-mapper -----------------------------------------------------------------------------
 */

/* A device-mapper device as its own text or sysfs tells of it. */
struct dm {
    const char *name, *uuid; /* never NULL */
    bool suspended, multipath;
};

static const struct dm_map *map_of(const struct container_build *b, const char *device)
{
    struct opt minor = bytes_number(bytes_of(device + strlen("dm-")), 10);

    for (size_t i = 0; i < b->map_count; i++) {
        if (minor.has && (b->maps[i].devnum & UINT32_MAX) == minor.v)
            return &b->maps[i];
    }
    return NULL;
}

static struct dm look_at_dm(struct container_build *b, const char *device)
{
    const struct dm_map *map = map_of(b, device);
    const char *inner = b->dir == NULL ? NULL : rows_printf(&b->r, "%s/dm", b->dir);
    struct dm dm = { .name = NULL };

    if (map != NULL) {
        dm = (struct dm){ map->name, map->uuid, map->suspended, map->multipath };
    } else if (inner != NULL) {
        dm.name = rows_text(&b->r, tree_file(b->t, inner, "name"));
        dm.uuid = rows_text(&b->r, tree_file(b->t, inner, "uuid"));
        dm.suspended = bytes_number(tree_file(b->t, inner, "suspended"), 10).v != 0;
    }
    if (dm.name == NULL)
        dm.name = device;
    dm.multipath |= dm.uuid != NULL && strncmp(dm.uuid, "mpath-", 6) == 0;
    if (dm.uuid == NULL)
        dm.uuid = "";
    return dm;
}

/* "vg--a-lv_tmeta" is LV lv_tmeta of VG vg-a: dashes in names are doubled. */
static const char *lv_part_of(const char *name)
{
    while (*name != '\0') {
        if (name[0] == '-' && name[1] != '-')
            return name + 1;
        name += name[0] == '-' ? 2 : 1;
    }
    return name;
}

/* What LVM keeps to itself: no user's LV may have such a name (lvm(8), "Reserved names"). */
static bool is_inner_lv(const char *lv)
{
    static const char *const parts[] = { "_cdata",   "_cmeta",  "_corig",   "_cvol",
                                         "_imeta",   "_iorig",  "_mimage",  "_mlog",
                                         "_pmspare", "_rimage", "_rmeta",   "_tdata",
                                         "_tmeta",   "_vdata",  "_vorigin", "_wcorig" };

    if (strncmp(lv, "pvmove", 6) == 0)
        return true;
    for (size_t i = 0; i < ARRAY_LEN(parts); i++) {
        if (strstr(lv, parts[i]) != NULL)
            return true;
    }
    return false;
}

/* "LVM-", the VG's UUID, the LV's UUID, both without dashes, and for what an LV is made of a dash
 * and what it is ("-real", "-cow", "-tpool", "-tdata", ...): LVM's lib/activate/dev_manager.c. */
static bool name_lv(struct container_build *b, const struct dm *dm, struct block_container *c)
{
    static const int groups[] = { 6, 4, 4, 4, 4, 4, 6 };
    const char *uuid = dm->uuid, *lv = uuid + 4 + LVM_UUID_CHARS, *rest;
    char text[LVM_UUID_CHARS + ARRAY_LEN(groups)], *at = text;

    if (strncmp(uuid, "LVM-", 4) != 0 || strlen(uuid) < 4 + 2 * LVM_UUID_CHARS)
        return false;
    for (size_t i = 4; i < 4 + 2 * LVM_UUID_CHARS; i++) {
        if (!isalnum((unsigned char)uuid[i]))
            return false;
    }
    rest = lv + LVM_UUID_CHARS;
    if (*rest != '\0' && *rest != '-')
        return false;
    for (size_t i = 0; i < ARRAY_LEN(groups); i++) {
        memcpy(at, lv, (size_t)groups[i]);
        lv += groups[i];
        at += groups[i];
        *at++ = '-';
    }
    at[-1] = '\0';
    c->kind = CONTAINER_LV;
    c->container = rows_printf(&b->r, "lv.%s%s", text, rest);
    c->top = *rest == '\0' && !is_inner_lv(lv_part_of(dm->name));
    return true;
}

/* A multipath map that is here is on no LUN, or the second on one: nobody knows what it leads to.
 */
static bool identify_dm(struct container_build *b, const char *device, struct block_container *c)
{
    const struct dm dm = look_at_dm(b, device);

    if (use_is_snapshot(dm.uuid))
        return false;
    c->suspended = dm.suspended;
    if (name_lv(b, &dm, c))
        return true;
    c->kind = CONTAINER_DM;
    c->container = rows_printf(&b->r, "dm.%s", dm.name);
    c->top = !dm.multipath;
    return true;
}

/* ---- the others --------------------------------------------------------------------------------
 */

/* Kernel 6.2 and later tell an array's UUID. */
static bool identify_md(struct container_build *b, const char *device, struct block_container *c)
{
    const char *inner = b->dir == NULL ? NULL : rows_printf(&b->r, "%s/md", b->dir);
    const char *uuid = inner == NULL ? NULL : rows_text(&b->r, tree_file(b->t, inner, "uuid"));

    c->kind = CONTAINER_MD;
    c->top = true;
    c->container = uuid == NULL || strspn(uuid, "0-") == strlen(uuid)
                       ? rows_printf(&b->r, "local.%s", device)
                       : rows_printf(&b->r, "md.%s", uuid);
    return true;
}

static bool identify_other(struct container_build *b, const char *device, struct block_container *c)
{
    c->kind = CONTAINER_OTHER;
    c->top = true;
    c->container = rows_printf(&b->r, "local.%s", device);
    return true;
}

bool container_identify(struct container_build *b, const char *device, struct block_container *c)
{
    static const struct {
        const char *prefix;
        bool (*identify)(struct container_build *b, const char *device, struct block_container *c);
    } kinds[] = { { "dm-", identify_dm },
                  { "md", identify_md },
                  { "bcache", identify_other },
                  { "drbd", identify_other } };

    for (size_t i = 0; i < ARRAY_LEN(kinds); i++) {
        if (strncmp(device, kinds[i].prefix, strlen(kinds[i].prefix)) == 0)
            return kinds[i].identify(b, device, c) && c->container != NULL;
    }
    return false;
}
