/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Any bytes as the pack of a node: what is opened is within their bounds. */
#include "../target.h"
#include "core/pack.h"

static void look_at(const char *s)
{
    volatile size_t n = s != NULL ? strlen(s) : 0;

    (void)n;
}

static void look_at_rows(const struct pack *p, struct arena *a)
{
    struct inventory_row *rows;

    for (int id = 0; id < SECTION_COUNT; id++) {
        if (pack_rows(&p->rows[id], (enum section_id)id, 1, a, &rows) != 0)
            continue;
        for (uint32_t i = 0; i < p->rows[id].count; i++) {
            look_at(rows[i].key);
            look_at(rows[i].container);
            look_at(rows[i].above);
        }
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct arena *a = arena_new(64 << 20);
    struct pack p;

    if (a != NULL && pack_open(data, size, 1, a, &p) == 0) {
        for (size_t i = 0; i < p.section_count; i++)
            look_at(p.sections[i].status_text);
        for (size_t i = 0; i < p.edge_count; i++)
            look_at(p.edges[i].distrust);
        for (size_t i = 0; i < p.sighting_count; i++) {
            look_at(p.sightings[i].row.row_key);
            look_at(p.sightings[i].row.port);
            look_at(p.sightings[i].row.base);
        }
        look_at_rows(&p, a);
    }
    pack_sum(data, size);
    arena_free(a);
    return 0;
}
