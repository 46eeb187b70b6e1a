/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the fuzz targets share. */
#ifndef MUSTER_TESTS_FUZZ_PARSE_H
#define MUSTER_TESTS_FUZZ_PARSE_H

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/arena.h"
#include "base/err.h"
#include "model/sections.h"
#include "../target.h"

/* Whatever came in, rows that a parser makes are good rows: section_normalise finds nothing wrong
 * but, perhaps, too many of them. */
static inline void rows_are_good(struct arena *a, enum section_id id, void *rows, size_t count)
{
    struct section s = { .id = id, .status = SECTION_OK, .rows = rows, .row_count = count };
    struct err e = { "" };
    int rc;

    if (count > section_descs[id].max_rows)
        return;
    rc = section_normalise(&s, a, &e);
    if (rc < 0 && rc != -ENOMEM) {
        fprintf(stderr, "bad rows: %s\n", e.text);
        abort();
    }
}

/* Refusals carry a sentence. */
static inline void result_is_good(int rc, const struct err *e)
{
    if (rc > 0 || (rc < 0 && rc != -EBADMSG && rc != -ENOMEM) || (rc < 0 && e->text[0] == '\0')) {
        fprintf(stderr, "bad result %d: %s\n", rc, e->text);
        abort();
    }
}

#endif
