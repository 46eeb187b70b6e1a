/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Rows of luns, and what a map adds to the rows of paths. */
#include "base/limits.h"
#include "collect/parse_block_rows.h"

static bool is_one_of(const char *text, const char *const *names, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if (strcmp(text, names[i]) == 0)
            return true;
    }
    return false;
}

/* Each of these is absent where it does not apply, and then says nothing against the path. */
static bool states_are_good(const struct path *row)
{
    static const char *const devices[] = { "running", "live" };
    static const char *const ports[] = { "Online", "Marginal", "LOGGED_IN" };
    static const char *const accesses[] = { "active/optimized", "active/non-optimized",
                                            "lba-dependent", "optimized", "non-optimized" };

    if (REC_HAS(row, path, state) && !is_one_of(row->state, devices, ARRAY_LEN(devices)))
        return false;
    if (REC_HAS(row, path, target_port_state) &&
        !is_one_of(row->target_port_state, ports, ARRAY_LEN(ports)))
        return false;
    return !REC_HAS(row, path, access_state) ||
           is_one_of(row->access_state, accesses, ARRAY_LEN(accesses));
}

static bool carries(const struct block_path *p)
{
    if (p->stuck || p->map != p->lun->map || !states_are_good(&p->row))
        return false;
    return p->in_map == NULL || (p->in_map->state != 'F' && !p->in_map->checker_failed);
}

void block_path_row(struct block_build *b, struct block_path *p)
{
    const struct dm_path *m = p->in_map;

    (void)b;
    ROW_TEXT(&p->row, path, lun, p->key);
    if (m != NULL) {
        REC_SET(&p->row, path, path_group, m->group);
        if (m->state != 0)
            REC_SET(&p->row, path, map_state, m->state == 'A' ? "active" : "failed");
        if (m->group_state != 0)
            REC_SET(&p->row, path, group_state,
                    m->group_state == 'A'   ? "active"
                    : m->group_state == 'E' ? "enabled"
                                            : "disabled");
        ROW_U64(&p->row, path, failures, m->failures);
    }
    REC_SET(&p->row, path, active, carries(p));
}

static struct strs transports(struct block_build *b, const struct block_lun *l)
{
    const char **v = rows_array(&b->r, l->path_count, sizeof *v);

    if (v == NULL)
        return (struct strs){ NULL, 0 };
    for (size_t i = 0; i < l->path_count; i++)
        v[i] = REC_HAS(&l->paths[i]->row, path, transport) ? l->paths[i]->row.transport : NULL;
    return rows_strs(v, l->path_count);
}

static const char *joined(struct block_build *b, struct strs list)
{
    const char *out = list.n == 0 ? NULL : list.v[0];

    for (size_t i = 1; i < list.n; i++)
        out = rows_printf(&b->r, "%s+%s", out, list.v[i]);
    return out;
}

static struct strs devices(struct block_build *b, const struct block_lun *l)
{
    const char **v = rows_array(&b->r, l->path_count, sizeof *v);

    if (v == NULL)
        return (struct strs){ NULL, 0 };
    for (size_t i = 0; i < l->path_count; i++)
        v[i] = l->paths[i]->row.device;
    return rows_strs(v, l->path_count);
}

static struct strs designators(struct block_build *b, const struct block_lun *l)
{
    size_t room = 0, n = 0;
    const char **v;

    for (size_t i = 0; i < l->path_count; i++)
        room += l->paths[i]->designators.n + 1;
    v = rows_array(&b->r, room, sizeof *v);
    if (v == NULL)
        return (struct strs){ NULL, 0 };
    for (size_t i = 0; i < l->path_count; i++) {
        const struct block_path *p = l->paths[i];

        for (size_t k = 0; k < p->designators.n; k++)
            v[n++] = p->designators.v[k].text;
        v[n++] = p->serial == NULL ? NULL : rows_printf(&b->r, "serial.%s", p->serial);
    }
    return rows_strs(v, n);
}

/* What the LUN says of itself, by the first path that says it. */
static void identity(struct block_build *b, const struct block_lun *l, struct lun *row)
{
    for (size_t i = 0; i < l->path_count; i++) {
        const struct block_path *p = l->paths[i];

        if (!REC_HAS(row, lun, wwid)) {
            ROW_TEXT(row, lun, wwid, p->wwid);
            REC_SET(row, lun, identified_by, p->identified_by);
        }
        if (!REC_HAS(row, lun, vendor))
            ROW_TEXT(row, lun, vendor, p->vendor);
        if (!REC_HAS(row, lun, model))
            ROW_TEXT(row, lun, model, p->model);
        if (!REC_HAS(row, lun, revision))
            ROW_TEXT(row, lun, revision, p->revision);
        if (!REC_HAS(row, lun, serial))
            ROW_TEXT(row, lun, serial, p->serial);
        if (!REC_HAS(row, lun, file))
            ROW_TEXT(row, lun, file, p->file);
        if (p->size_bytes.has &&
            (!REC_HAS(row, lun, size_bytes) || p->size_bytes.v < row->size_bytes))
            REC_SET(row, lun, size_bytes, p->size_bytes.v);
    }
    if (l->path_count == 0) { /* its key is a designator then: "naa.6001405..." */
        REC_SET(row, lun, wwid, l->key);
        ROW_TEXT(row, lun, identified_by, block_cut(b, l->key, strcspn(l->key, ".")));
    }
    REC_SET(row, lun, designators, designators(b, l));
    ROW_TEXT(row, lun, transport, joined(b, transports(b, l)));
}

/* Of the device to use: a map can be read-only where its paths are not. */
static void geometry(struct block_build *b, const struct block_lun *l, struct lun *row)
{
    const char *queue = l->dir == NULL ? NULL : rows_printf(&b->r, "%s/queue", l->dir);
    struct opt sectors = block_number(b, l->dir, "size");
    struct opt discard = block_number(b, queue, "discard_max_bytes");

    if (!REC_HAS(row, lun, size_bytes) && sectors.has && sectors.v > 0 &&
        sectors.v <= INT64_MAX / 512)
        REC_SET(row, lun, size_bytes, sectors.v * 512);
    ROW_U64(row, lun, logical_block_bytes, block_number(b, queue, "logical_block_size"));
    ROW_U64(row, lun, physical_block_bytes, block_number(b, queue, "physical_block_size"));
    ROW_BOOL(row, lun, rotational, block_number(b, queue, "rotational"));
    ROW_BOOL(row, lun, read_only, block_number(b, l->dir, "ro"));
    ROW_BOOL(row, lun, removable, block_number(b, l->dir, "removable"));
    ROW_BOOL(row, lun, discard, discard);
}

static void usage(struct block_build *b, const struct block_lun *l, struct lun *row)
{
    uint64_t devnum;

    ROW_TEXT(row, lun, device, l->device);
    if (l->map != NULL)
        ROW_TEXT(row, lun, devnum, block_devnum_text(b, l->map->devnum));
    else if (dm_devnum(tree_file(b->t, l->dir, "dev"), &devnum))
        ROW_TEXT(row, lun, devnum, block_devnum_text(b, devnum));
    if (l->map != NULL) {
        ROW_TEXT(row, lun, map, l->map->name);
        ROW_TEXT(row, lun, map_uuid, l->map->uuid);
        REC_SET(row, lun, map_suspended, l->map->suspended);
        REC_SET(row, lun, queue_without_path, l->map->queue_without_path ? "on" : "off");
    }
    if (l->dir != NULL)
        REC_SET(row, lun, holders, block_entries(b, l->dir, "holders"));
}

static void state(struct block_build *b, const struct block_lun *l, struct lun *row)
{
    size_t active = 0, stuck = 0;

    for (size_t i = 0; i < l->path_count; i++) {
        active += l->paths[i]->row.active;
        stuck += l->paths[i]->stuck;
    }
    REC_SET(row, lun, paths_active, active);
    REC_SET(row, lun, paths_total, l->path_count);
    REC_SET(row, lun, state, "ok");
    if (l->ghost != NULL) {
        REC_SET(row, lun, state, "ghost");
        REC_SET(row, lun, state_text, l->ghost);
    } else if (stuck > 0 && stuck == l->path_count) {
        REC_SET(row, lun, state, "stuck");
        REC_SET(row, lun, state_text, "its backing file does not answer");
    } else if (active == 0) {
        REC_SET(row, lun, state, "failed");
        ROW_TEXT(row, lun, state_text,
                 rows_printf(&b->r, "none of its %zu paths would carry I/O now", l->path_count));
    }
}

void block_lun_row(struct block_build *b, const struct block_lun *l, struct lun *row)
{
    REC_SET(row, lun, key, l->key);
    identity(b, l, row);
    REC_SET(row, lun, devices, devices(b, l));
    geometry(b, l, row);
    usage(b, l, row);
    state(b, l, row);
    if (row->devices.n > LIMIT_STRINGS || row->designators.n > LIMIT_STRINGS ||
        row->holders.n > LIMIT_STRINGS)
        b->too_long = l->key;
}
