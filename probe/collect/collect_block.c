/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Reads what the sections hbas, luns, paths and partitions are made of. */
#include <errno.h>
#include <stdio.h>

#include "base/text.h"
#include "collect/prepare.h"
#include "collect/read.h"
#include "collect/read_block.h"

#define BOOT_ID_MAX 64

static bool is_this_machine(const struct collect_request *req)
{
    return req->sys_root == NULL || *req->sys_root == '\0';
}

static const char *read_boot_id(const struct collect_request *req, struct arena *a)
{
    char path[READ_PATH_MAX];
    struct bytes text = { NULL, 0 };

    if (read_path(req, path, "/proc/sys/kernel/random/boot_id"))
        text = bytes_trim(read_file(a, path, BOOT_ID_MAX, NULL));
    return text.n == 0 ? NULL : arena_strndup(a, (const char *)text.p, text.n);
}

static bool is_wanted(const char *name, struct strs globs)
{
    for (size_t i = 0; i < globs.n; i++) {
        if (glob_match(globs.v[i], name))
            return true;
    }
    return globs.n == 0;
}

/* A disk without its link in /sys/block is not looked at. */
static void keep_wanted(const struct collect_request *req, struct block_input *in)
{
    struct tree all = tree_children(&in->tree, "/sys/block");
    struct tree_entry *first = (struct tree_entry *)(uintptr_t)in->tree.v, *to = first;
    struct dm_text *maps = (struct dm_text *)(uintptr_t)in->maps;
    size_t kept = 0;

    if (req->devices.n == 0)
        return;
    for (size_t i = 0; i < in->tree.n; i++) {
        const struct tree_entry *x = &first[i];

        if (x < all.v || x >= all.v + all.n || is_wanted(x->name, req->devices))
            *to++ = *x;
    }
    in->tree.n = (size_t)(to - first);
    for (size_t i = 0; i < in->map_count; i++) {
        char name[32];

        snprintf(name, sizeof name, "dm-%u", maps[i].minor);
        if (is_wanted(name, req->devices))
            maps[kept++] = maps[i];
    }
    in->map_count = kept;
}

int read_block(const struct collect_request *req, const struct loop_known *known,
               size_t known_count, struct arena *a, struct block_input *out, struct err *e)
{
    int rc;

    *out = (struct block_input){ .boot_id = read_boot_id(req, a) };
    rc = read_tree(req, a, &out->tree, e);
    if (rc == 0 && is_this_machine(req))
        rc = read_dm(a, &out->maps, &out->map_count, e);
    if (rc == 0)
        keep_wanted(req, out);
    if (rc < 0 || !is_this_machine(req))
        return rc;
    rc = read_loops(&out->tree, known, known_count, a, &out->loops, &out->loop_count, e);
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

int block_rows(const struct block_input *in, struct arena *a, struct block_rows *out,
               const char **fault, struct err *e)
{
    struct block_input kernel_alone = *in;
    int rc = parse_block(in, a, out, e);

    *fault = NULL;
    if (rc != -EBADMSG || in->multipathd.n == 0)
        return rc;
    *fault = e == NULL ? NULL : arena_strdup(a, e->text);
    kernel_alone.multipathd = (struct bytes){ NULL, 0 };
    return parse_block(&kernel_alone, a, out, e);
}

void block_sections(const struct block_rows *rows, const char *fault, struct arena *a,
                    struct section *out, size_t *count)
{
    block_section(SECTION_HBAS, rows->hbas, rows->hba_count, a, &out[0]);
    block_section(SECTION_LUNS, rows->luns, rows->lun_count, a, &out[1]);
    block_section(SECTION_PATHS, rows->paths, rows->path_count, a, &out[2]);
    block_section(SECTION_PARTITIONS, rows->partitions, rows->partition_count, a, &out[3]);
    if (out[1].status == SECTION_OK)
        out[1].status_text = fault;
    *count = 4;
}

int collect_block(const struct collect_request *req, struct arena *a, struct section *out,
                  size_t *count, struct err *e)
{
    struct block_input in;
    struct block_rows rows;
    const char *fault;
    int rc = read_block(req, NULL, 0, a, &in, e);

    *count = 0;
    if (rc == 0)
        rc = block_rows(&in, a, &rows, &fault, e);
    if (rc == 0)
        block_sections(&rows, fault, a, out, count);
    return rc;
}
