/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Reads what the sections hbas, luns, paths and partitions are made of. */
#include <errno.h>

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

int read_block(const struct collect_request *req, const struct loop_facts *known,
               size_t known_count, struct arena *a, struct block_input *out, struct err *e)
{
    int rc;

    *out = (struct block_input){ .boot_id = read_boot_id(req, a) };
    rc = read_tree(req, a, &out->tree, e);
    if (rc < 0 || !is_this_machine(req))
        return rc;
    rc = read_dm(a, &out->maps, &out->map_count, e);
    if (rc == 0)
        rc = read_loops(&out->tree, known, known_count, a, &out->loops, &out->loop_count, e);
    if (rc == 0 && read_multipathd(prepared(PREPARED_MULTIPATHD), a, &out->multipathd) < 0)
        rc = err_set(e, -ENOMEM, "out of memory while reading multipathd's maps");
    return rc;
}

static void make_section(enum section_id id, void *rows, size_t n, struct arena *a,
                         struct section *out)
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

int block_sections(const struct block_input *in, struct arena *a, struct section *out,
                   size_t *count, struct err *e)
{
    struct block_input kernel_alone = *in;
    const char *fault = NULL;
    struct block_rows r;
    int rc = parse_block(in, a, &r, e);

    if (rc == -EBADMSG && in->multipathd.n > 0) {
        fault = e == NULL ? NULL : arena_strdup(a, e->text);
        kernel_alone.multipathd = (struct bytes){ NULL, 0 };
        rc = parse_block(&kernel_alone, a, &r, e);
    }
    if (rc < 0)
        return rc;
    make_section(SECTION_HBAS, r.hbas, r.hba_count, a, &out[0]);
    make_section(SECTION_LUNS, r.luns, r.lun_count, a, &out[1]);
    make_section(SECTION_PATHS, r.paths, r.path_count, a, &out[2]);
    make_section(SECTION_PARTITIONS, r.partitions, r.partition_count, a, &out[3]);
    if (out[1].status == SECTION_OK)
        out[1].status_text = fault;
    *count = 4;
    return 0;
}

int collect_block(const struct collect_request *req, struct arena *a, struct section *out,
                  size_t *count, struct err *e)
{
    struct block_input in;
    int rc = read_block(req, NULL, 0, a, &in, e);

    *count = 0;
    return rc < 0 ? rc : block_sections(&in, a, out, count, e);
}
