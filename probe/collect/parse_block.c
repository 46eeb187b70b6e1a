/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "collect/parse_block.h"

#include <errno.h>
#include <stdlib.h>

#include "base/limits.h"
#include "base/text.h"
#include "collect/parse_block_rows.h"

static bool devnum_of(const void *arg, const char *name, uint64_t *devnum)
{
    const struct tree *t = arg;
    const char *dir = tree_link(t, "/sys/block", name);

    return dir != NULL && dm_devnum(tree_file(t, dir, "dev"), devnum);
}

/* Maps that nobody asked for are not there at all. */
static void drop_maps(struct block_build *b)
{
    size_t kept = 0;

    for (size_t i = 0; i < b->map_count && b->in->devices.n > 0; i++) {
        const char *name = rows_printf(&b->r, "dm-%u", (unsigned)(b->maps[i].devnum & UINT32_MAX));
        bool wanted = false;

        for (size_t k = 0; k < b->in->devices.n && name != NULL; k++)
            wanted |= glob_match(b->in->devices.v[k], name);
        if (wanted)
            b->maps[kept++] = b->maps[i];
    }
    if (b->in->devices.n > 0)
        b->map_count = kept;
}

static int read_maps(struct block_build *b, struct err *e)
{
    int rc;
    size_t more = b->in->multipathd.n > 0 ? LIMIT_MULTIPATHD_MAPS : 0;

    b->maps = rows_array(&b->r, b->in->map_count + more, sizeof *b->maps);
    if (b->maps == NULL)
        return err_set(e, -ENOMEM, "out of memory while reading device-mapper's devices");
    for (size_t i = 0; i < b->in->map_count; i++)
        parse_dm(&b->r, &b->in->maps[i], &b->maps[i]);
    b->map_count = b->in->map_count;
    rc = parse_multipathd(&b->r, b->in->multipathd, devnum_of, b->t, b->maps, &b->map_count, e);
    if (rc == 0)
        drop_maps(b);
    return rc;
}

static int compare_paths(const void *a, const void *b)
{
    return strcmp(((const struct path *)a)->device, ((const struct path *)b)->device);
}

static void make_rows(struct block_build *b, struct block_rows *out)
{
    out->luns = rows_array(&b->r, b->lun_count, sizeof *out->luns);
    out->paths = rows_array(&b->r, b->path_count, sizeof *out->paths);
    if (b->r.failed)
        return;
    for (size_t i = 0; i < b->lun_count; i++)
        block_lun_row(b, &b->luns[i], &out->luns[i]);
    out->lun_count = b->lun_count;
    block_hba_rows(b, out);
    block_partition_rows(b, out);
    for (size_t i = 0; i < b->path_count; i++)
        out->paths[i] = b->paths[i].row;
    out->path_count = b->path_count;
    if (out->path_count > 1)
        qsort(out->paths, out->path_count, sizeof *out->paths, compare_paths);
}

int parse_block(const struct block_input *in, struct arena *a, struct block_rows *out,
                struct err *e)
{
    struct block_build b = { .r = { .a = a }, .in = in, .t = &in->tree };
    int rc = read_maps(&b, e);

    *out = (struct block_rows){ .hba_count = 0 };
    if (rc < 0)
        return rc;
    block_find_paths(&b);
    if (!b.r.failed)
        block_find_luns(&b);
    if (!b.r.failed)
        make_rows(&b, out);
    if (b.r.failed)
        return err_set(e, -ENOMEM, "out of memory while reading block devices");
    if (b.too_long != NULL)
        return err_set(e, -EBADMSG, "LUN %.100s has more paths, names or holders than %u",
                       b.too_long, LIMIT_STRINGS);
    return 0;
}
