/* SPDX-License-Identifier: GPL-2.0-or-later */
/* lldpctl's answer. */
#include "collect/parse_lldp.h"
#include "fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct arena *a = arena_new(64u << 20);
    struct lldp_rows rows;
    struct err e = { "" };
    int rc = parse_lldp((struct bytes){ data, size }, a, &rows, &e);

    result_is_good(rc, &e);
    if (rc == 0)
        rows_are_good(a, SECTION_LLDP, rows.v, rows.n);
    arena_free(a);
    return 0;
}
