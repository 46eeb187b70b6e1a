/* SPDX-License-Identifier: GPL-2.0-or-later */
/* How a LUN is known, and what proves that two paths do not lead to one. */
#include "collect/parse_block_rows.h"

#define KEY_PART_MAX 256 /* of vendor, model and serial: SCSI's have 8, 16 and 252 at most */

static void known_by(struct block_path *p, const char *key, const char *how)
{
    p->key = key;
    p->identified_by = how;
}

/* What the kernel chose for an NVMe namespace is the same on every host: uuid, nguid, eui, else a
 * name made of vendor, serial and model (nvme_sysfs wwid_show()). */
static const struct designator *nvme_choice(struct block_build *b, const struct block_path *p)
{
    const char *wwid = block_text(b, p->dir, "wwid");

    for (size_t i = 0; i < p->designators.n && wwid != NULL; i++) {
        if (strcmp(p->designators.v[i].text, wwid) == 0)
            return &p->designators.v[i];
    }
    return designator_best(&p->designators);
}

static bool fits_in_key(const char *text)
{
    return text == NULL || strlen(text) <= KEY_PART_MAX;
}

static void by_serial(struct block_build *b, struct block_path *p)
{
    const char *transport = REC_HAS(&p->row, path, transport) ? p->row.transport : "";
    const char *vendor = p->vendor;

    if (vendor == NULL && strcmp(transport, "virtio") == 0)
        vendor = "virtio";
    if (p->serial == NULL || (vendor == NULL && p->model == NULL) || !fits_in_key(p->serial) ||
        !fits_in_key(vendor) || !fits_in_key(p->model))
        return;
    known_by(p,
             rows_printf(&b->r, "serial.%s:%s:%s", vendor == NULL ? "" : vendor,
                         p->model == NULL ? "" : p->model, p->serial),
             "serial");
    p->wwid = p->serial;
}

static const struct loop_facts *facts_of(const struct block_build *b, const char *device)
{
    for (size_t i = 0; i < b->in->loop_count; i++) {
        if (strcmp(b->in->loops[i].device, device) == 0)
            return &b->in->loops[i];
    }
    return NULL;
}

/* Two loop devices over two parts of one file are two LUNs. */
static void by_file(struct block_build *b, struct block_path *p)
{
    const struct loop_facts *f = facts_of(b, p->name);
    const char *loop = rows_printf(&b->r, "%s/loop", p->dir);
    struct opt offset = block_number(b, loop, "offset"), limit = block_number(b, loop, "sizelimit");
    const char *boot = b->in->boot_id, *key;

    p->stuck = f != NULL && f->stuck;
    if (f == NULL || f->inode == 0 || boot == NULL || strlen(boot) > KEY_PART_MAX)
        return;
    key = rows_printf(&b->r, "loop.%s:%llx:%llu", boot, (unsigned long long)f->dev,
                      (unsigned long long)f->inode);
    if (key != NULL && (offset.v != 0 || limit.v != 0))
        key = rows_printf(&b->r, "%s+%llu:%llu", key, (unsigned long long)offset.v,
                          (unsigned long long)limit.v);
    known_by(p, key, "loop");
}

void block_identify(struct block_build *b, struct block_path *p)
{
    bool nvme = REC_HAS(&p->row, path, transport) && strncmp(p->row.transport, "nvme", 4) == 0;
    const struct designator *d = nvme ? nvme_choice(b, p) : designator_best(&p->designators);

    if (d != NULL) {
        known_by(p, d->text, designator_class(d));
        p->wwid = d->text;
        return;
    }
    if (p->file != NULL)
        by_file(b, p);
    else
        by_serial(b, p);
}

/* multipath's WWID is what udev's scsi_id makes: "3" for NAA, "2" for EUI, "1" for T10, and for
 * NVMe the kernel's own text. */
const char *block_map_wwid(struct block_build *b, const struct dm_map *map)
{
    struct designators d = { .n = 0 };
    const char *id = map->uuid, *text = NULL;

    if (id == NULL || strncmp(id, "mpath-", 6) != 0)
        return NULL;
    id += 6;
    if (id[0] == '3')
        text = rows_printf(&b->r, "naa.%s", id + 1);
    else if (id[0] == '2')
        text = rows_printf(&b->r, "eui.%s", id + 1);
    else if (id[0] == '1')
        text = rows_printf(&b->r, "t10.%s", id + 1);
    else
        text = id;
    designator_add(&b->r, &d, bytes_of(text));
    return d.n == 0 || d.v[0].kind == DESIGNATOR_OTHER ? NULL : d.v[0].text;
}

/* scsi_id and multipath write one underscore for any number of blanks. */
static bool same_but_blanks(const char *x, const char *y)
{
    while (*x != '\0' && *y != '\0') {
        bool blank_x = *x == ' ' || *x == '_', blank_y = *y == ' ' || *y == '_';

        if (blank_x != blank_y || (!blank_x && *x != *y))
            return false;
        x += blank_x ? strspn(x, " _") : 1;
        y += blank_y ? strspn(y, " _") : 1;
    }
    return x[strspn(x, " _")] == '\0' && y[strspn(y, " _")] == '\0';
}

bool block_path_fits(const struct block_path *p, const char *map_wwid)
{
    if (map_wwid == NULL || p->designators.n == 0)
        return true;
    for (size_t i = 0; i < p->designators.n; i++) {
        if (same_but_blanks(p->designators.v[i].text, map_wwid))
            return true;
    }
    return false;
}

static const char *map_name(const struct dm_map *map)
{
    return map->name == NULL ? "without a name" : map->name;
}

/* A path that is in a map of another LUN: its address has been mapped anew. */
static const char *map_contradiction(struct block_build *b, const struct block_lun *l)
{
    for (size_t i = 0; i < l->path_count; i++) {
        const struct block_path *p = l->paths[i];

        if (p->map != NULL && p->map != l->map)
            return rows_printf(&b->r,
                               "%s leads here, but multipath map %s, which is another LUN, "
                               "holds it: its address was mapped anew",
                               p->name, map_name(p->map));
    }
    for (size_t i = 0; i < b->path_count && l->map != NULL; i++) {
        const struct block_path *p = &b->paths[i];

        if (p->map == l->map && p->lun != l)
            return rows_printf(&b->r,
                               "multipath map %s holds %s, which now leads to %s: its "
                               "address was mapped anew",
                               map_name(l->map), p->name, p->key);
    }
    return NULL;
}

/* Equal names prove nothing when the serial numbers differ, or the sizes do and no serial number
 * says that it is one LUN that has grown. */
static const char *name_contradiction(struct block_build *b, const struct block_lun *l)
{
    const struct block_path *serial = NULL, *size = NULL;

    for (size_t i = 0; i < l->path_count; i++) {
        const struct block_path *p = l->paths[i];

        if (p->serial != NULL && serial != NULL && strcmp(p->serial, serial->serial) != 0)
            return rows_printf(&b->r, "%s and %s have this name and different serial numbers",
                               serial->name, p->name);
        if (p->size_bytes.has && size != NULL && p->size_bytes.v != size->size_bytes.v &&
            (p->serial == NULL || size->serial == NULL))
            return rows_printf(&b->r,
                               "%s and %s have this name, different sizes and no serial "
                               "number",
                               size->name, p->name);
        serial = serial == NULL && p->serial != NULL ? p : serial;
        size = size == NULL && p->size_bytes.has ? p : size;
    }
    return NULL;
}

void block_find_ghost(struct block_build *b, struct block_lun *l)
{
    l->ghost = map_contradiction(b, l);
    if (l->ghost == NULL)
        l->ghost = name_contradiction(b, l);
}
