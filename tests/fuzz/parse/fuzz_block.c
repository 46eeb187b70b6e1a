/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A whole host as text (tests/unit/parse/support/block.h): its tree of sysfs, device-mapper's text
 * and multipathd's answer. */
#include "../../unit/parse/support/block.h"
#include "fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct arena *a = arena_new(64u << 20);
    struct block_host *h = arena_alloc(a, sizeof *h);
    struct block_rows r;
    struct err e = { "" };
    int rc;

    block_host_init(h, a);
    block_host_text(h, (struct bytes){ data, size });
    rc = block_host_finish(h, &e);
    if (rc == 0)
        rc = parse_block(&h->in, a, &r, &e);
    result_is_good(rc, &e);
    if (rc == 0) {
        rows_are_good(a, SECTION_HBAS, r.hbas, r.hba_count);
        rows_are_good(a, SECTION_LUNS, r.luns, r.lun_count);
        rows_are_good(a, SECTION_PATHS, r.paths, r.path_count);
        rows_are_good(a, SECTION_PARTITIONS, r.partitions, r.partition_count);
    }
    arena_free(a);
    return 0;
}
