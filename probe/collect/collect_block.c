/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Reads what the sections hbas, luns, paths and partitions are made of. */
#include <errno.h>
#include <stdio.h>

#include "collect/prepare.h"
#include "collect/read.h"
#include "collect/read_block.h"

#define BOOT_ID_MAX 64

static bool is_this_machine(const struct collect_request *req)
{
    return req->sys_root == NULL || *req->sys_root == '\0';
}

const char *read_boot_id(const struct collect_request *req, struct arena *a)
{
    char path[READ_PATH_MAX];
    struct bytes text = { NULL, 0 };

    if (read_path(req, path, "/proc/sys/kernel/random/boot_id"))
        text = bytes_trim(read_file(a, path, BOOT_ID_MAX, NULL));
    return text.n == 0 ? NULL : arena_strndup(a, (const char *)text.p, text.n);
}

/* Holds no names of devices that nobody asked for. */
static size_t wanted_maps(const struct collect_request *req, struct dm_text *maps, size_t n)
{
    size_t kept = 0;

    for (size_t i = 0; i < n; i++) {
        char name[32];

        snprintf(name, sizeof name, "dm-%u", (unsigned)maps[i].minor);
        if (read_block_wants(req, name))
            maps[kept++] = maps[i];
    }
    return kept;
}

int read_block(const struct collect_request *req, const struct tree *before,
               struct loop_memory *memory, struct arena *a, struct block_input *out, struct err *e)
{
    struct dm_text *maps = NULL;
    int rc;

    *out = (struct block_input){ .boot_id = read_boot_id(req, a), .devices = req->devices };
    rc = read_tree(req, before, a, &out->tree, e);
    if (rc < 0 || !is_this_machine(req))
        return rc;
    rc = read_dm(a, &maps, &out->map_count, e);
    out->map_count = wanted_maps(req, maps, out->map_count);
    out->maps = maps;
    if (rc == 0)
        rc = read_loops(req, &out->tree, memory, a, &out->loops, &out->loop_count, e);
    if (rc == 0 && read_multipathd(prepared(PREPARED_MULTIPATHD), a, &out->multipathd) < 0)
        rc = err_set(e, -ENOMEM, "out of memory while reading multipathd's maps");
    return rc;
}

void block_section(enum section_id id, void *rows, size_t n, struct arena *a, struct section *out)
{
    const struct section_desc *d = &section_descs[id];

    *out = (struct section){ .id = id, .status = SECTION_OK, .rows = rows, .row_count = n };
    if (n <= d->max_rows)
        return;
    out->status = SECTION_FAILED;
    out->status_text =
        arena_printf(a, "this machine has %zu %s, more than %u", n, d->name, (unsigned)d->max_rows);
    out->row_count = 0;
}

int block_parse(const struct block_input *in, struct arena *a, struct block_rows *out,
                const char **fault, struct err *e)
{
    struct block_input kernel_alone = *in;
    int rc = parse_block(in, a, out, e);

    *fault = NULL;
    if (rc == -EBADMSG && in->multipathd.n > 0) {
        *fault = e == NULL ? NULL : arena_strdup(a, e->text);
        kernel_alone.multipathd = (struct bytes){ NULL, 0 };
        rc = parse_block(&kernel_alone, a, out, e);
    }
    return rc;
}

int block_sections(const struct block_input *in, struct arena *a, struct section *out,
                   size_t *count, struct err *e)
{
    const char *fault;
    struct block_rows r;
    int rc = block_parse(in, a, &r, &fault, e);

    if (rc < 0)
        return rc;
    block_section(SECTION_HBAS, r.hbas, r.hba_count, a, &out[0]);
    block_section(SECTION_LUNS, r.luns, r.lun_count, a, &out[1]);
    block_section(SECTION_PATHS, r.paths, r.path_count, a, &out[2]);
    block_section(SECTION_PARTITIONS, r.partitions, r.partition_count, a, &out[3]);
    if (out[1].status == SECTION_OK)
        out[1].status_text = fault;
    *count = 4;
    return 0;
}

int collect_block(const struct collect_request *req, struct arena *a, struct section *out,
                  size_t *count, struct err *e)
{
    struct loop_memory memory = { .n = 0 };
    struct tree before = { .n = 0 };
    struct block_input in;
    int rc = read_block(req, &before, &memory, a, &in, e);

    *count = 0;
    return rc < 0 ? rc : block_sections(&in, a, out, count, e);
}
