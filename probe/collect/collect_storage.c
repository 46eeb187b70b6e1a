/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What a worker of kind storage brings: devices, what is on them, and who uses it. */
#include <errno.h>

#include "collect/read.h"
#include "collect/read_block.h"
#include "collect/read_storage.h"
#include "collect/read_uses.h"

static const char *joined(struct rows *r, const char *a, const char *b)
{
    return a == NULL ? b : b == NULL ? a : rows_printf(r, "%s; %s", a, b);
}

static void fill_sections(struct storage_read *r, struct section *out)
{
    struct storage *s = &r->s;
    struct arena *a = s->r.a;
    struct filesystem *filesystems;
    size_t n;

    filesystems = storage_filesystems(s, &n);
    storage_luns(s, r->in.loops, r->in.loop_count);
    block_section(SECTION_HBAS, s->rows.hbas, s->rows.hba_count, a, &out[0]);
    block_section(SECTION_LUNS, s->rows.luns, s->rows.lun_count, a, &out[1]);
    block_section(SECTION_PATHS, s->rows.paths, s->rows.path_count, a, &out[2]);
    block_section(SECTION_PARTITIONS, s->rows.partitions, s->rows.partition_count, a, &out[3]);
    block_section(SECTION_FILESYSTEMS, filesystems, n, a, &out[4]);
    if (out[1].status == SECTION_OK)
        out[1].status_text = r->fault;
}

int collect_storage(const struct collect_request *req, struct arena *a, struct section *out,
                    size_t *count, struct bytes *memory, struct err *e)
{
    struct storage_read *r = arena_alloc(a, sizeof *r);
    const char *unread, *forgotten = NULL;
    size_t left_out = 0;
    int rc = r == NULL ? err_set(e, -ENOMEM, "out of memory while reading storage")
                       : read_storage_devices(req, a, r, e);

    /* First who uses what: where that has changed, so may have what is there. */
    if (rc == 0)
        rc = collect_uses(req,
                          &(struct used_devices){ .tree = &r->in.tree,
                                                  .containers = r->s.containers,
                                                  .n = r->s.container_count,
                                                  .paths = r->s.rows.paths,
                                                  .path_count = r->s.rows.path_count },
                          a, &out[5], e);
    if (rc == 0)
        rc = read_storage_labels(req, false, &out[5], r, e);
    if (rc < 0)
        return rc;
    fill_sections(r, out);
    rc = read_storage_keep(r, memory, &left_out, e);
    if (rc < 0)
        return rc;
    unread = storage_unread(&r->s);
    if (left_out > 0)
        forgotten = rows_printf(&r->s.r,
                                "of %zu containers and loop devices will not be remembered what "
                                "they were, should they cease to answer",
                                left_out);
    if (unread != NULL && out[4].row_count == 0)
        out[4].status = SECTION_FAILED;
    if (out[4].status_text == NULL)
        out[4].status_text = joined(&r->s.r, unread, forgotten);
    *count = 6;
    return r->s.r.failed ? err_set(e, -ENOMEM, "out of memory while reading storage") : 0;
}
